/* Portals: what Bind, or SQL's DECLARE, makes of a judged statement. */
#ifndef PORTAL_H
#define PORTAL_H

#include "session_state.h"

struct portal *portal_open(struct session *session, struct prepared *prepared); /* held once; holds `prepared` */

/* A parked statement's values belong to its ticket, so they are kept; other portals need only their name. */
void portal_keep(struct session *session, struct portal *portal, const struct message_bind *bind,
                 const struct ticket_value *values);

#endif
