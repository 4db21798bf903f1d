/* The executor's side of the queue: takes a piece of work under a lease and a token, and reports on it. Every
 * report names the token; if somebody else has taken the work over meanwhile, it is LOST and nothing happened. */
#ifndef APPROVAL_LEASE_H
#define APPROVAL_LEASE_H

#include "dial.h"
#include "told.h"
#include "transaction.h"

struct lease {
    struct dial *dial;
    const char *executor; /* who asks */
    uint64_t seconds;
    char token[33];
    struct view number;
    const char *database;
};

/* A new token, and the next work for one of the databases. *reply is the caller's, and `told` points into
 * it; NULL: there is nothing to do. False: Redis couldn't be asked. */
bool lease_claim(struct lease *lease, const struct executor_database *databases, size_t count,
                 struct redisReply **reply, struct told *told, bool *is_recovery, struct arena *arena,
                 struct fault *fault);

enum lease_result {
    LEASE_RESULT_DONE,
    LEASE_RESULT_LOST,  /* the work is somebody else's now */
    LEASE_RESULT_REDIS, /* a fault; it may or may not have happened */
};

/* Everything but COMMIT is done. From here on the outcome is the database's to tell. */
enum lease_result lease_prepare(const struct lease *lease, const struct transaction_identity *identity,
                                const struct ticket_result *results, size_t count, struct fault *fault);
enum lease_result lease_executed(const struct lease *lease, struct fault *fault);
enum lease_result lease_failed(const struct lease *lease, const struct ticket_error *error, struct fault *fault);
enum lease_result lease_unknown(const struct lease *lease, const char *words, struct fault *fault);
/* The outcome can't be found out now: the lease is left to end, and the next one asks again. */
enum lease_result lease_postpone(const struct lease *lease, struct fault *fault);
/* Nothing took effect: back into the queue, to be tried after a pause. */
enum lease_result lease_release(const struct lease *lease, uint64_t pause_ms, bool was_busy, const char *note,
                                struct fault *fault);

#endif
