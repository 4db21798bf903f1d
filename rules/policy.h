/* A policy in memory: what policy.c makes of the JSON text, what judge.c reads. Everything lives in the
 * policy's own arena and never changes once it is read. */
#ifndef RULES_POLICY_H
#define RULES_POLICY_H

#include "rules.h"

/* "schema.name", "schema.*", "*_log": a glob on each part. */
struct pattern {
    const char *schema; /* NULL: written without a dot, any schema */
    const char *name;
    const char *text; /* as written */
};

struct patterns {
    const struct pattern *at;
    size_t count;
};

struct names {
    const char *const *at;
    size_t count;
};

struct rule {
    const char *id;
    const char *reason; /* NULL: none given */
    enum verdict verdict;
    bool has_operations; /* false: any operation */
    bool operations[OPERATION_COUNT];
    bool has_relations; /* false: anything, also what has no name */
    struct patterns relations;
    struct names agents, databases; /* globs; none: everybody's, everywhere */
};

/* Which of the three lists an operation stands in. */
enum listing { LISTING_NONE, LISTING_ALLOWED, LISTING_APPROVAL, LISTING_DENIED };

struct rules {
    struct arena arena;
    const char *name;
    struct sha256 hash;
    bool is_observing;
    enum listing listings[OPERATION_COUNT];
    const char *allowed_because[OPERATION_COUNT]; /* ready-made, since this is said of nearly everything */
    const struct rule *rules;
    size_t rule_count;
    bool has_extensions; /* false: those that the reviewed list calls trusted */
    struct names extensions;
    struct patterns functions;
    struct names search_path;
    const char *search_path_text;
    struct rules_approval approval;
};

#endif
