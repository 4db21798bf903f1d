/* A chain's records in order, across its segments, for those who read logs. Damage does not end the
 * reading: the first of it is kept as a fault, lines that are no records are left out, and the chain is
 * taken up again behind them. */
#ifndef SOURCE_H
#define SOURCE_H

#include "lines.h"
#include "listing.h"
#include "record.h"

struct source {
    const struct listing_chain *files;
    size_t segment; /* index of the segment being read */
    struct lines lines;
    struct chain chain;
    struct fault *fault; /* filled in once */
    bool *is_damaged;
    /* The record at hand: */
    struct view line;
    struct record record;
};

/* `first`: index of the segment to begin with. fault and is_damaged may be shared by several sources. */
void source_init(struct source *source, const struct listing_chain *files, size_t first, struct fault *fault,
                 bool *is_damaged);
bool source_next(struct source *source); /* false: the end */
void source_fini(struct source *source);

#endif
