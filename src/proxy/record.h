/* What a session puts on the record: bodies of audit records, built in place in one buffer of the session's. */
#ifndef RECORD_H
#define RECORD_H

#include "session_state.h"

/* The members that all records of a session begin with, behind "event". */
void record_prefix(struct session *session);

/* The members that all records of a judged text share. `facts` NULL: it was not parsed. */
void record_text(struct session *session, struct prepared *prepared, const struct facts *facts,
                 const struct judgement *judgement);

/* A statement that is about to be forwarded, was refused, or waits. Each returns the record's number, or 0:
 * it was not accepted, and then the statement must not go up. values may be NULL. */
uint64_t record_statement(struct session *session, const char *event, const struct prepared *prepared,
                          const struct ticket_value *values, uint16_t value_count);

/* A message that is refused for what it is, not for its text. */
uint64_t record_refusal(struct session *session, const char *what, const char *rule, const char *reason);

/* What has become of a parked statement: a ticket's state, or why there is none. */
void record_ticket(struct session *session, uint64_t of, const struct ticket_answer *answer);

/* What came back. */
void record_result(struct session *session, const struct reply *reply, const char *ticket);

#endif
