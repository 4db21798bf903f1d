/* A hash map from byte strings to pointers: open addressing, keys copied, values not owned. The hash is
 * SipHash under a key drawn at process start, so a peer that chooses names can't choose collisions. One
 * thread at a time. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/bytes.h"

struct map_slot;

struct map {
    struct map_slot *slots;
    size_t count, used, cap; /* live entries; live and deleted; a power of two or 0 */
};

void *map_get(const struct map *m, struct view key);        /* NULL: not there */
void *map_put(struct map *m, struct view key, void *value); /* value not NULL; returns the value it replaces, or NULL */
void *map_remove(struct map *m, struct view key);           /* returns what was there, or NULL */
void map_clear(struct map *m);
void map_fini(struct map *m);

/* Walk: start with at = 0; false at the end. The entry handed out may be removed, nothing else changed. */
bool map_next(const struct map *m, size_t *at, struct view *key, void **value);

#endif
