#include "scope.h"

#include <string.h>

static uint32_t hash_of(const char *name)
{
    uint32_t hash = 2166136261;
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619;
    return hash;
}

const struct scope *scope_add(struct arena *arena, const struct scope *outer, const char *name)
{
    struct scope *scope = arena_alloc(arena, sizeof *scope);
    *scope = (struct scope){.outer = outer, .name = name, .hash = hash_of(name)};
    return scope;
}

bool scope_has(const struct scope *scope, const char *name, long *budget)
{
    if (scope == NULL)
        return false;
    uint32_t hash = hash_of(name);
    for (; scope != NULL && *budget > 0; scope = scope->outer, --*budget)
        if (scope->hash == hash && strcmp(scope->name, name) == 0)
            return true;
    return false;
}
