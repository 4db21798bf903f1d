/* The names of WITH queries that are in scope: a chain from the innermost out, shared by all that see it. */
#ifndef PARSER_SCOPE_H
#define PARSER_SCOPE_H

#include "base/arena.h"

struct scope {
    const struct scope *outer;
    const char *name;
    uint32_t hash;
};

/* outer with `name` added. name must outlive the scope. */
const struct scope *scope_add(struct arena *arena, const struct scope *outer, const char *name);

/* Is the name in scope? Each comparison takes one from *budget; at 0 the answer is no: a relation. */
bool scope_has(const struct scope *scope, const char *name, long *budget);

#endif
