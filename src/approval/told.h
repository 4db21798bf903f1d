/* What the scripts tell of a ticket (common.lua, `told`), read back: its state, and the three records of
 * the three roles. Everything handed out lives in the arena or, where it is a view, in the reply. */
#ifndef APPROVAL_TOLD_H
#define APPROVAL_TOLD_H

#include "approval.h"
#include "seal.h"

struct redisReply;

struct told {
    struct view number; /* "42" */
    enum ticket_state state;
    uint64_t now; /* by Redis's clock, microseconds since 1970 */
    const struct redisReply *ticket, *ok, *run;
    const struct redisReply *extra; /* what a script adds; or NULL */
};

/* False: not what `told` gives. */
bool told_read(const struct redisReply *reply, struct told *told);

/* The value of a field; data is NULL when it isn't there. */
struct view told_field(const struct redisReply *pairs, const char *name);
uint64_t told_number(const struct redisReply *pairs, const char *name);                       /* 0 if it isn't there */
const char *told_text(const struct redisReply *pairs, const char *name, struct arena *arena); /* NULL … */
uint64_t told_count(const struct redisReply *reply); /* a number that a script adds */
char *told_time(uint64_t time, struct arena *arena);

/* The decision that stands, put into words: all who approved, or who rejected. False: nobody has decided. */
struct told_decision {
    const char *approver, *words;
    uint64_t time;
    unsigned approvals; /* how many approved it */
};
bool told_decision(const struct told *told, struct arena *arena, struct told_decision *decision);

/* One record after the other: false at the end. `seal` is filled in but for the ticket's own members. */
bool told_next_seal(const struct told *told, size_t *at, struct arena *arena, struct seal *seal, struct sha256 *mac,
                    bool *is_record);

/* "t17 executed 3 minutes ago", or NULL. */
const char *told_previous(const struct told *told, struct arena *arena);

/* What the run gave. */
bool told_results(const struct told *told, struct arena *arena, struct ticket_result **results, size_t *count);
struct ticket_error told_error(const struct told *told, struct arena *arena);

#endif
