/* Where a chain goes on: what an earlier process left behind. */
#ifndef RESUME_H
#define RESUME_H

#include "audit/audit.h"

struct resume {
    struct chain chain; /* after the last whole record */
    uint64_t number;    /* of the last segment; 0: there is none */
    uint64_t length;    /* of its whole lines; 0: not even its first record is whole */
    uint64_t cut;       /* bytes of a torn last line behind them */
};

/* Reads and checks the last segment (and the one before, where the last holds no whole record). Changes
 * nothing. False: the chain is broken. */
bool resume_read(const char *directory, const char *chain, struct resume *resume, struct fault *fault);

#endif
