/* The reviewed functions: every function of PostgreSQL 15 and its contrib modules, by name, with whether
 * an agent may call it. A name that is not here is not known to be safe. The rows come from functions.tsv. */
#ifndef RULES_FUNCTIONS_H
#define RULES_FUNCTIONS_H

#include "base/bytes.h"

enum function_verdict {
    FUNCTION_VERDICT_ALLOW,
    FUNCTION_VERDICT_DENY,
    FUNCTION_VERDICT_CONDITIONAL, /* set_config and ts_rewrite: it depends on the arguments */
};

struct function_row {
    const char *name, *schema;
    const char *extension; /* empty: PostgreSQL's own */
    enum function_verdict verdict;
    const char *reason; /* of a row that isn't allowed; may be empty */
};

extern const struct function_row functions_table[]; /* sorted by name */
extern const size_t functions_table_count;

/* The rows of that name (one for each schema or extension that has it); NULL and 0 if there is none. */
const struct function_row *functions_find(struct view name, size_t *count);

/* What the list says of an extension as a whole. */
enum extension_state {
    EXTENSION_STATE_UNKNOWN, /* none of its functions was reviewed */
    EXTENSION_STATE_REFUSED, /* reviewed, and none is safe */
    EXTENSION_STATE_USABLE,  /* safe ones can be had by naming it in a policy */
    EXTENSION_STATE_TRUSTED, /* trusted where a policy names no extensions */
};

enum extension_state functions_extension(struct view extension);

#endif
