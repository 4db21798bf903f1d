/* What each of the agent's messages sets in motion. */
#ifndef SESSION_AGENT_H
#define SESSION_AGENT_H

#include "session_state.h"

/* One whole message; `whole` are its bytes. False: it was not taken and has to wait (session->hold says for
 * what). */
bool agent_message(struct session *session, const struct frame *frame, struct view whole);

#endif
