/* What is asked of the queue: the exact statements with all their values and the settings that their meaning
 * depends on, and what approvers are shown beside them. */
#ifndef REQUEST_H
#define REQUEST_H

#include "session_state.h"

/* A simple string is one ticket: each of its statements, once, without parameters. */
void request_fill_in_query(struct session *session);

/* Puts every execution on the record, then asks for the ticket. False: it can't be recorded, and nothing was
 * asked. */
bool request_send(struct session *session);

#endif
