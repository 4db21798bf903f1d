/* audit: what happened, one JSON line per record, each chained to the one before by SHA-256.
 *
 *   {"seq":7,"time":"…","prev":"<hash of 6>","event":"statement",…,"hash":"<SHA-256 of the line up to here>"}
 *
 * Any thread appends; one writer thread per process numbers nothing and decides nothing: it hashes, writes
 * and syncs in groups. A record is *accepted* when audit_append returns its number; what may not happen
 * unrecorded happens after that. When a write or sync has failed, audit_append returns 0 until the log can
 * be written again, and callers refuse. One directory per process and role, locked while it is in use. */
#ifndef AUDIT_AUDIT_H
#define AUDIT_AUDIT_H

#include <stdio.h>

#include "base/bytes.h"
#include "base/crypto.h"
#include "base/fault.h"

struct audit;

struct audit_options {
    const char *directory;   /* made if missing, mode 0700 */
    const char *chain;       /* name of this chain: "proxy", "executor", "console" */
    uint64_t segment_bytes;  /* a new file after so many bytes; 0: 64 MiB */
    unsigned sync_ms;        /* longest wait before written records are synced; 0: 10 */
    uint64_t queue_bytes;    /* accepted and not yet written; over it audit_append refuses; 0: 64 MiB */
};

/* Opens or continues the chain: the last segment is read to its end, a torn last line (power loss) is cut
 * off and the cut recorded. NULL and a fault if the chain is broken or can't be written. */
struct audit *audit_open(const struct audit_options *options, struct fault *fault);
void audit_close(struct audit *audit); /* everything accepted is written and synced first */

/* `body`: the record's members without braces, starting with "event": `"event":"login","agent":"bot"`.
 * Returns the record's number, or 0: not accepted. Any thread. Does not block on the disk. */
uint64_t audit_append(struct audit *audit, struct view body);
bool audit_is_writable(const struct audit *audit);

/* Waits until record `seq` is on disk. False: it isn't and won't be. For decisions, not for statements. */
bool audit_sync(struct audit *audit, uint64_t seq);

/* Members for a body, each with its leading comma. */
void audit_add_text(struct bytes *to, const char *key, struct view value);
void audit_add_number(struct bytes *to, const char *key, int64_t value);
void audit_add_raw(struct bytes *to, const char *key, struct view json);

/* ---- the chain (quiet) ------------------------------------------------------------------------------ */

struct chain {
    uint64_t seq;       /* of the last record; 0: none yet */
    struct sha256 hash; /* of the last record; zeros: none yet */
};

/* Appends the finished line (with its line feed) for `body` to `to`, and moves the chain on. */
void chain_add(struct chain *chain, int64_t time, struct view body, struct bytes *to);

/* Checks that `line` (without line feed) is the record that follows. NULL: it is, and the chain moved on;
 * else what is wrong with it. With a chain at seq 0 the first line may have any number: the caller says
 * where a chain begins. */
const char *chain_check(struct chain *chain, struct view line);

/* ---- for the commands ------------------------------------------------------------------------------- */

/* Verifies every chain below `directory`; prints a line per chain, and what is wrong with file and line.
 * True only if every chain is whole. */
bool audit_verify(const char *directory, FILE *report, struct fault *fault);

struct audit_filter {
    int64_t since, until;         /* microseconds since 1970; 0: open */
    const char *agent, *verdict, *ticket, *event; /* NULL: any */
};

enum audit_format { AUDIT_FORMAT_JSONL, AUDIT_FORMAT_CSV };

/* Exports the matching records of all chains in order of time. A statement's record and the record of
 * what came back (event "result", member "of") are joined into one: the statement's members, then "tag",
 * "rows", "bytes", "sqlstate", "duration_us". */
bool audit_export(const char *directory, const struct audit_filter *filter, enum audit_format format, FILE *to,
                  struct fault *fault);

#endif
