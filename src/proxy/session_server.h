/* What each of the server's messages sets in motion. */
#ifndef SESSION_SERVER_H
#define SESSION_SERVER_H

#include "session_state.h"

/* One message. `seen`: its bytes as far as they have arrived; all of them unless server_may_pass_partly. */
void server_message(struct session *session, const struct frame *frame, struct view seen);

/* Rows are relayed as they come; everything else is looked at whole. */
bool server_may_pass_partly(const struct session *session, char type);

#endif
