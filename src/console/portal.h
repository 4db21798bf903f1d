/* Prepared statements and portals of the extended protocol: a text with at most one call, and one execution
 * of it, which keeps its answer so that it can be fetched in parts. A portal holds what it executes, so the
 * statement may be closed meanwhile. */
#ifndef CONSOLE_PORTAL_H
#define CONSOLE_PORTAL_H

#include "answer.h"
#include "call.h"

struct prepared {
    struct arena arena;
    struct call *calls;
    size_t count; /* 0 or 1 */
    unsigned holders;
};

struct portal {
    struct prepared *prepared;
    uint16_t *formats; /* heap */
    uint16_t format_count;
    bool has_run;
    struct answer answer;
    size_t sent; /* rows */
};

struct portal *portal_new(struct prepared *prepared, const struct message_bind *bind);
void portal_free(struct portal *portal); /* NULL is allowed, here and below */
void prepared_drop(struct prepared *prepared);
const char *const *prepared_columns(const struct prepared *prepared);

#endif
