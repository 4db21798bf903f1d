/* How a session ends before its agent says so, and what must be on the record before its bytes leave. */
#ifndef ENDING_H
#define ENDING_H

#include "session_state.h"

/* The session is BROKEN; the agent has been or will be told by whoever calls. */
void session_break(struct session *session, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes the record of a statement that was parsed and not bound at once. */
void session_record_fresh(struct session *session);

#endif
