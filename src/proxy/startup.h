/* The start-up packet of an agent, looked at: which agent and database, and which settings. Quiet. */
#ifndef STARTUP_H
#define STARTUP_H

#include "base/arena.h"
#include "rules/rules.h"
#include "upstream.h"
#include "wire/wire.h"

struct request {
    struct view user, database, application;
    struct upstream_setting *settings; /* what the agent asks for, as sent; not yet checked */
    size_t setting_count;
    struct view *unknown_options; /* _pq_.… */
    uint32_t unknown_count;
    const char *sqlstate, *refusal; /* refusal NULL: the packet is well-formed */
};

void startup_read(const struct startup *startup, struct arena *arena, struct request *request);

/* Checks every setting against the table of settings. NULL, or a sentence that names the one refused. */
const char *startup_check(const struct request *request, const struct rules *rules, struct arena *arena);

#endif
