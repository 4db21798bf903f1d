/* Which chains and segments lie below a directory. A chain's files are
 *
 *   CHAIN-000001.jsonl, CHAIN-000002.jsonl …   its segments
 *   CHAIN.lock                                 held by the process that writes it
 *
 * Several chains may share a directory. Names that don't look like these belong to somebody else and are
 * left alone; so are symbolic links. */
#ifndef LISTING_H
#define LISTING_H

#include "base/bytes.h"
#include "base/fault.h"

struct listing_chain {
    char *directory, *name;
    char *label;       /* for people: the way from the directory listed; "proxy" for proxy/proxy-000001.jsonl */
    uint64_t *numbers; /* of the segments, ascending */
    size_t count;      /* 0: only the lock file is left */
};

struct listing {
    struct listing_chain *chains; /* by label */
    size_t count;
};

/* Directories below are looked into too. False: the directory, or one below it, can't be read. */
bool listing_read(const char *directory, struct listing *listing, struct fault *fault);
void listing_fini(struct listing *listing);

/* One chain in this very directory; count 0 if there is none. listing_chain_fini frees it. */
bool listing_read_chain(const char *directory, const char *name, struct listing_chain *chain, struct fault *fault);
void listing_chain_fini(struct listing_chain *chain);

char *listing_path(const char *directory, const char *name, uint64_t number); /* to be freed */

/* Does a process write this chain now? */
bool listing_is_in_use(const struct listing_chain *chain);

bool listing_is_name(const char *name); /* letters, digits, '-' and '_'; 1 to 64 of them */

#endif
