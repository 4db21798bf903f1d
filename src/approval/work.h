/* One piece of work of the executor: an approved ticket to run, or a run to clear up after a crash. */
#ifndef APPROVAL_WORK_H
#define APPROVAL_WORK_H

#include "lease.h"
#include "verify.h"
#include "witness.h"

struct work {
    const struct executor_options *options;
    struct transaction_limits limits;
    const struct executor_database *database; /* the lease's */
    struct witness *witness;                  /* the database's */
    struct lease lease;
    struct told told;
    struct arena arena;
    char id[24];
    struct verified verified;
    uint64_t began; /* by pg_clock */
};

void work_run(struct work *work);
void work_recover(struct work *work);

#endif
