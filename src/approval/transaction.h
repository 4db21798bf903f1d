/* A ticket's transaction in the database, up to the point where only COMMIT is missing; its identity, by
 * which anybody can find out later what became of it; and that finding out.
 *
 * Transaction ids are not durable by themselves: after a crash an id that never reached the disk is given out
 * again, and pg_xact_status() then tells of somebody else's transaction. So the id is written into the log by
 * a transactional logical message, and a *witness*, a second connection to the same server, commits a message
 * of its own, which flushes the log up to there. From then on the server never gives that id out again. */
#ifndef APPROVAL_TRANSACTION_H
#define APPROVAL_TRANSACTION_H

#include "pg.h"

/* All texts as the server gives them, comparable byte by byte. */
struct transaction_identity {
    const char *xid, *system, *timeline, *pid, *start;
};

struct transaction_limits {
    unsigned statement_ms, lock_ms, idle_ms;
    uint64_t result_bytes;
};

struct transaction {
    struct pg pg;
    struct transaction_identity identity;
    struct ticket_result *results; /* one per run */
    struct ticket_error error;
};

enum transaction_result {
    TRANSACTION_RESULT_GOOD,
    TRANSACTION_RESULT_FAILED,  /* the statement's own error, in `error` */
    TRANSACTION_RESULT_BUSY,    /* locks, or another transaction in the way: worth another try */
    TRANSACTION_RESULT_UNABLE,  /* the statement didn't get its chance: no connection, a missing grant */
    TRANSACTION_RESULT_ESCAPED, /* a statement ended the transaction; what ran before it may have taken effect */
};

/* Opens the connection, begins, and finds out its identity; everything that isn't the statement's fault goes
 * wrong here. label: "t42/0123abcd", for the log and pg_stat_activity. */
enum transaction_result transaction_begin(struct transaction *transaction, const char *write, const char *label,
                                          const struct ticket_content *content, const struct transaction_limits *limits,
                                          struct arena *arena);
/* Runs all of it. */
enum transaction_result transaction_run(struct transaction *transaction, const struct ticket_content *content,
                                        const struct transaction_limits *limits, struct arena *arena);
/* True: certainly committed. False: ask the witness. */
bool transaction_commit(struct transaction *transaction);
void transaction_end(struct transaction *transaction); /* rolls back what isn't committed */

#endif
