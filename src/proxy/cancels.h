/* Which cancel key belongs to which session: one table per process, used by all workers. */
#ifndef CANCELS_H
#define CANCELS_H

#include "base/bytes.h"

struct upstream_cancel;
struct cancels;

struct cancels *cancels_new(void);
void cancels_free(struct cancels *cancels);

/* Draws a key that nobody has; takes a reference to `cancel`. Any thread, like the rest. */
void cancels_add(struct cancels *cancels, struct upstream_cancel *cancel, uint32_t *pid, uint8_t key[4]);
void cancels_remove(struct cancels *cancels, uint32_t pid);
/* A reference for the caller, or NULL: no session has this key. */
struct upstream_cancel *cancels_find(struct cancels *cancels, uint32_t pid, struct view key);

#endif
