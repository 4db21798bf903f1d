/* Delivering what an approved write gave, as if the agent's own session had run it. The rows travel as SQL:
 * a SELECT over the stored values, in the agent's session, so that types, formats, row limits and
 * transaction state are the server's own; only the command tag is rewritten. */
#ifndef DELIVER_H
#define DELIVER_H

#include "session_state.h"

/* In a transaction block, also where no ReadyForQuery has said so yet: drivers send BEGIN and a statement in
 * one pipeline. */
bool deliver_is_in_block(const struct session *session);

/* Copies the results; from now on they are this session's to deliver. */
void deliver_begin(struct session *session, const struct ticket_answer *answer);
/* A ticket's failure, expiry or cancellation was told: it counts as delivered like a result. */
void deliver_told(struct session *session, const char *ticket);

/* In the place of the whole string, or of one Execute. */
void deliver_query(struct session *session, uint64_t record);
void deliver_execute(struct session *session, struct portal *portal, uint32_t max_rows, uint64_t record);
/* The next chunk of a portal whose rows are ours. False: they have gone, another result has come since. */
bool deliver_more(struct session *session, struct portal *portal, uint32_t max_rows);

/* The block has ended, perhaps with another one right behind it: what was delivered in it counts, or is
 * given back to the next asker. */
void deliver_block_ended(struct session *session, bool committed, bool chains);
/* What is on its way was not shown, or its transaction has failed: the next asker gets it again. */
void deliver_give_back(struct session *session);

/* ReadyForQuery went to the agent / the agent's next message came. */
void deliver_ready(struct session *session, char status);
void deliver_next_message(struct session *session);
/* Sync or Flush: the batch ends, what comes next is another request. */
void deliver_end_batch(struct session *session);

#endif
