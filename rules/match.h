/* Do a policy's names match an object's? */
#ifndef RULES_MATCH_H
#define RULES_MATCH_H

#include "policy.h"

/* An unqualified name stands for what search_path makes of it, which the text doesn't show: then a pattern
 * with a schema may match. */
enum match { MATCH_NO, MATCH_MAYBE, MATCH_YES };

enum match match_touch(const struct rules *rules, const struct patterns *patterns, const struct touch *touch);

/* Does functions.allow name it? `exactly`: as it is written there, so that * is no glob. */
bool match_function(const struct rules *rules, struct view schema, struct view name, bool exactly);

bool match_text(const struct names *globs, const char *text);  /* none listed: everything matches */
bool match_names(const struct names *names, struct view name); /* one of them, literally */

#endif
