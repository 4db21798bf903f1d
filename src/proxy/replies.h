/* Sending to the server, and keeping what is owed for it. Every message that goes up goes through here, so
 * that none is forgotten in the count. */
#ifndef REPLIES_H
#define REPLIES_H

#include "session_state.h"

/* A reply for a message of this kind, taken into the queue. NULL: the server is skipping until Sync and
 * will not answer; the message may still be sent. */
struct reply *reply_expect(struct session *session, enum owed_kind kind, enum reply_role role);
void reply_free(struct session *session, struct reply *reply);
/* It runs this text: holds it, and counts what that will do to names. */
void reply_carries(struct session *session, struct reply *reply, struct prepared *prepared);

/* Stands in the place of a refused message: sends what the server must reject with `expected` and takes
 * over `words` (an ErrorResponse; left empty). */
void reply_refuse_query(struct session *session, const char *rule, uint64_t record, struct bytes *words);
void reply_refuse_parse(struct session *session, struct view name, const char *rule, uint64_t record,
                        struct bytes *words);
/* Bind, Describe, Execute, Close of what must not be touched, by one that can't exist. */
void reply_refuse_name(struct session *session, char type, struct bytes *words);
void reply_refuse_function(struct session *session, struct bytes *words);

/* Sends Flush, so that everything owed comes back. */
void reply_flush(struct session *session);

#endif
