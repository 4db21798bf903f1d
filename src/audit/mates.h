/* Which records say what became of which statement: "result" and "ticket" records carry the statement's
 * number as "of". An index of their places, so that an export can join them without holding a log in
 * memory: 32 bytes per such record. */
#ifndef MATES_H
#define MATES_H

#include "source.h"

enum mates_kind { MATES_KIND_RESULT, MATES_KIND_TICKET };

struct mates_entry {
    uint64_t of, seq, offset;
    uint32_t segment;
    enum mates_kind kind;
};

struct mates {
    const struct listing_chain *files;
    struct mates_entry *entries; /* by (of, kind, seq) */
    size_t count, cap;
    struct lines lines; /* the segment read last */
    uint32_t segment;
};

/* Reads the whole chain; see source_init for fault and is_damaged. */
void mates_init(struct mates *mates, const struct listing_chain *files, struct fault *fault, bool *is_damaged);
void mates_fini(struct mates *mates);

/* The first of its kind for a statement, or NULL. */
const struct mates_entry *mates_find(const struct mates *mates, uint64_t of, enum mates_kind kind);

/* Its line, until the next call. False: it can't be read. */
bool mates_line(struct mates *mates, const struct mates_entry *entry, struct view *line);

#endif
