/* The segment being written: one file, open, with the length up to which it is known to be on disk. All
 * functions that return false leave errno; nothing here prints or decides. One thread. */
#ifndef SEGMENT_H
#define SEGMENT_H

#include "base/bytes.h"
#include "base/fault.h"

struct segment {
    char *path_of_directory, *chain;
    int directory, lock, file; /* descriptors; -1: not open */
    uint64_t number;
    uint64_t length; /* whole lines, on disk */
};

/* Makes the directory where it is missing (mode 0700) and locks the chain. */
bool segment_lock(struct segment *segment, const char *directory, const char *chain, struct fault *fault);
bool segment_open(struct segment *segment, uint64_t number, uint64_t length); /* what is behind length is cut */
bool segment_create(struct segment *segment, uint64_t number); /* closes the one before; it must not exist yet */
void segment_fini(struct segment *segment);

/* `data` at `at` behind the length, where the file ends. */
bool segment_write(struct segment *segment, size_t at, struct view data);

/* All that was written, `written` bytes behind the length, is on disk, the file is still where it was,
 * and nobody else has changed its size; then the length moves on. ESTALE: somebody did. */
bool segment_sync(struct segment *segment, size_t written);

/* After a failure: back to the length. False as long as that isn't possible. */
bool segment_repair(struct segment *segment);

#endif
