/* The second connection to a database: makes a transaction's id durable, and tells later what became of the
 * transaction (transaction.h says why it takes a second one). Kept open between tickets. */
#ifndef APPROVAL_WITNESS_H
#define APPROVAL_WITNESS_H

#include "transaction.h"

struct witness {
    const char *write; /* connection string */
    struct pg pg;
};

void witness_fini(struct witness *witness);

/* Commits a message of its own, so that the log is on disk up to the transaction's id and beyond. Fails, too,
 * when it doesn't see the transaction's session: then the two are not on the same server. */
bool witness_flush(struct witness *witness, const struct transaction_identity *identity, const char *label,
                   struct arena *arena, struct ticket_error *error);

enum witness_fate {
    WITNESS_FATE_COMMITTED,
    WITNESS_FATE_ABORTED, /* and nothing can commit it any more */
    WITNESS_FATE_UNKNOWN, /* the truth is gone: another system, another timeline, an id too old */
    WITNESS_FATE_LATER,   /* can't be asked now */
};

/* First ends the transaction's session and waits until it is gone; then asks. `words` says why, for the last
 * two. Takes up to `patience_ms` and a little. */
enum witness_fate witness_settle(struct witness *witness, const struct transaction_identity *identity,
                                 unsigned patience_ms, struct arena *arena, const char **words);

#endif
