/* The writer: accepted records, in order, become lines of the chain, go to the segment and to disk. It
 * keeps every line until the disk has said that it has it: after a failed fdatasync Linux forgets which
 * pages were dirty, so the only cure is to write them again.
 *
 *   taken: [ done | at → records to come ]      lines: [ written → | rendered, not written ]
 *                                                      ^ begins at segment.length in the file
 *
 * One thread at a time; functions that return false leave errno, and may be called again after
 * writer_repair. */
#ifndef WRITER_H
#define WRITER_H

#include "audit/audit.h"
#include "segment.h"

/* A record as it was accepted: this, then `len` bytes of body. */
struct entry {
    int64_t time;
    uint32_t len;
    uint32_t opens_segment; /* it is the first of a new segment */
};

void entry_add(struct bytes *queue, int64_t time, bool opens_segment, struct view body);

struct writer {
    struct segment segment;
    struct chain chain; /* of the last record rendered */
    struct bytes taken;
    size_t at;
    struct bytes lines;
    size_t written;
    uint64_t synced_seq; /* all records up to this one are on disk */
};

bool writer_write(struct writer *writer); /* all that was taken */
bool writer_sync(struct writer *writer);
bool writer_repair(struct writer *writer);
bool writer_is_synced(const struct writer *writer); /* nothing is left to do */
size_t writer_load(const struct writer *writer);    /* bytes that are not known to be on disk */
void writer_fini(struct writer *writer);

#endif
