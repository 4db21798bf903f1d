/* Arenas: memory with one lifetime (process, session, statement). Nothing in an arena is freed by
 * itself; arena_reset forgets all of it and keeps one block for the next round. An arena that holds
 * nothing owns no block at all, so that idle sessions cost nothing. One thread at a time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/bytes.h"

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t used; /* bytes handed out since the last reset, for caps */
};

void *arena_alloc(struct arena *a, size_t size);  /* aligned for any type; zeroed */
char *arena_copy(struct arena *a, struct view v); /* copy with a NUL behind it */
struct view arena_view(struct arena *a, struct view v);
void arena_reset(struct arena *a); /* keeps one block of ordinary size */
void arena_fini(struct arena *a);  /* gives everything back; may be used again */

#endif
