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
    const char *directory;  /* made if missing, mode 0700 */
    const char *chain;      /* name of this chain: "proxy", "executor", "console" */
    uint64_t segment_bytes; /* a new file after so many bytes; 0: 64 MiB */
    unsigned sync_ms;       /* longest wait before written records are synced; 0: 10 */
    uint64_t queue_bytes;   /* accepted and not yet on disk; over it audit_append refuses; 0: 64 MiB */
};

/* Opens or continues the chain: the last segment is read to its end, a torn last line (power loss) is cut
 * off and the cut recorded. NULL and a fault if the chain is broken or can't be written. */
struct audit *audit_open(const struct audit_options *options, struct fault *fault);
void audit_close(struct audit *audit); /* everything accepted is written and synced first */

/* `body`: the record's members without braces, starting with "event": `"event":"login","agent":"bot"`.
 * Returns the record's number, or 0: not accepted. Any thread. Does not block on the disk. */
uint64_t audit_append(struct audit *audit, struct view body);
bool audit_is_writable(const struct audit *audit);

/* Waits until record `seq` is on disk. False, at once: it isn't, and the log can't be written now; the record
 * stays accepted and is written late if it can be ("audit_gap" counts it). For decisions, not for statements. */
bool audit_sync(struct audit *audit, uint64_t seq);

/* Members for a body, each with its leading comma. */
void audit_add_text(struct bytes *to, const char *key, struct view value);
void audit_add_number(struct bytes *to, const char *key, int64_t value);
void audit_add_raw(struct bytes *to, const char *key, struct view json);

/* What became of a reload, on the record and in the operator's log: "event":"reload","ok":true, or false and
 * "why". NULL: the new configuration is in force; a fault: the old one stays. */
void audit_reload(struct audit *audit, const struct fault *fault);

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
 * True only if every chain is whole (and there is one). A fault is filled in (else its message is empty)
 * for what has no line in the report. That the end of a chain was cut off can't be seen from it: the line
 * ends with the last record's SEQ:HASH, which somebody may keep elsewhere and hand in as `expect`. */
bool audit_verify(const char *directory, FILE *report, struct fault *fault);

struct audit_verify_options {
    const struct chain *expect; /* this record must be in one of the chains; NULL: none */
    bool json;                  /* a JSON line per chain */
};

bool audit_verify_with(const char *directory, const struct audit_verify_options *options, FILE *report,
                       struct fault *fault);

struct audit_filter {
    int64_t since, until; /* microseconds since 1970, until is the first that is too late; 0: open */
    const char *agent, *verdict, *ticket, *event; /* NULL: any */
    const char *text;                             /* anywhere in the record, ASCII letters in either case; NULL: any */
    uint64_t *matched;                            /* counts the records exported; NULL: nobody asks */
};

enum audit_format {
    AUDIT_FORMAT_JSONL,
    AUDIT_FORMAT_CSV,
    AUDIT_FORMAT_LINES /* for people: time, chain, number, event and what matters, one line each */
};

/* Exports the matching records of all chains in order of time. A statement's record and the record of
 * what came back (event "result", member "of") are joined into one: the statement's members, then "tag",
 * "rows", "bytes", "sqlstate", "duration_us". Each has a first member "chain". Damage doesn't end an
 * export: everything readable is written, and the fault says what is wrong. */
bool audit_export(const char *directory, const struct audit_filter *filter, enum audit_format format, FILE *to,
                  struct fault *fault);

/* The last `count` records of all chains in order of time, as AUDIT_FORMAT_LINES or AUDIT_FORMAT_JSONL, as
 * they stand in the log, not joined. With `follow`, goes on with what is appended until `to` can't be
 * written. */
bool audit_tail(const char *directory, size_t count, bool follow, enum audit_format format, FILE *to,
                struct fault *fault);

/* A date or time as people write it (ISO 8601): 2026-11-23, 2026-11-23T15:45, 2026-11-23 15:45:00.5Z,
 * …+01:00; UTC if it doesn't say. With `is_end` a date alone means the end of that day. */
bool audit_read_time(const char *text, bool is_end, int64_t *microseconds);

#endif
