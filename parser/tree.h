/* Small readers of parse tree pieces: names, strings, constants. What they return is copied into the arena,
 * since the tree goes when the statement is read. */
#ifndef PARSER_TREE_H
#define PARSER_TREE_H

#include "draft.h"

struct Node;
struct List;
struct RangeVar;
struct DefElem;

struct view tree_text(struct arena *arena, const char *text); /* NULL gives an empty view */

struct view tree_lower(struct arena *arena, struct view text); /* ASCII letters lowered, as for settings */

/* The last three strings of a list of them; what is no String (a star) is passed over. */
struct object_name tree_names(struct arena *arena, const struct List *names);
struct object_name tree_relation(struct arena *arena, const struct RangeVar *relation);

/* The text of the list's last String, or NULL. */
const char *tree_last_string(const struct List *names);

/* The text of a String node or of a string constant; NULL if it is anything else. */
const char *tree_string(const struct Node *node);

/* A constant as SET would show it: a string, a number, true or false. False: it is no constant. */
bool tree_constant(struct arena *arena, const struct Node *node, struct view *text);

/* An option with no value, or any that isn't plainly false, is on. */
bool tree_is_on(const struct DefElem *option);

#endif
