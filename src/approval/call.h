/* A call of a script, in Redis's wire format (RESP): EVALSHA first, and EVAL with the whole text when Redis
 * doesn't know the script (any more). Holds copies of its arguments. Quiet: bytes only. */
#ifndef APPROVAL_CALL_H
#define APPROVAL_CALL_H

#include "base/bytes.h"
#include "script.h"

struct call {
    const struct script *script;
    struct bytes arguments; /* already in wire format */
    size_t count;
};

/* key: the one key that is declared, of the caller's own prefix; NULL: none (scripts that only read). */
void call_init(struct call *call, const struct script *script, const char *key);
void call_fini(struct call *call);
void call_add(struct call *call, struct view argument);
void call_text(struct call *call, const char *argument);
void call_number(struct call *call, uint64_t argument);
void call_field(struct call *call, const char *name, struct view value);

/* Appends the command; `whole`: as EVAL. */
void call_write(const struct call *call, bool whole, struct bytes *to);

/* The pieces of any command. */
void call_write_head(size_t count, struct bytes *to);
void call_write_part(struct view part, struct bytes *to);

#endif
