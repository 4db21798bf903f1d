/* A record as a line: the frame around a body, which is the same for every record and in the same order,
 * so that a reader can check it byte by byte without knowing what the body says:
 *
 *   {"seq":N,"time":"T","prev":"H","event":"E"…,"hash":"H"}
 *
 *   N  decimal, no leading zero        T  2026-11-23T15:45:00.123456Z
 *   H  64 lower-case hex digits        E  the body's first member
 *
 * The hash is SHA-256 over the bytes before `,"hash":`. Quiet. */
#ifndef RECORD_H
#define RECORD_H

#include "audit/audit.h"

struct record {
    uint64_t seq;
    int64_t time; /* microseconds since 1970 */
    struct view prev, event, hash;
    struct view body;   /* `"event":"E"…` */
    struct view hashed; /* what the hash is over */
};

/* line without line feed; the views are into it. NULL: it has the form of a record (its hash is not
 * checked); else what is wrong. */
const char *record_read(struct view line, struct record *record);

enum { RECORD_TIME_LEN = 27, RECORD_HASH_LEN = 2 * CRYPTO_SHA256_SIZE };

void record_add_decimal(struct bytes *to, uint64_t value, size_t least); /* at least so many digits */
void record_add_time(struct bytes *to, int64_t time);
void record_add_hash(struct bytes *to, const struct sha256 *hash);
bool record_read_time(struct view text, int64_t *time);

/* Days since 1970-01-01 of a date in the Gregorian calendar, and back. */
int64_t record_days(int year, int month, int day);
void record_date(int64_t days, int *year, int *month, int *day);

#endif
