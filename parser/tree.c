#include "tree.h"

#include <string.h>
#include <strings.h>

#include <postgres.h>

#include <nodes/parsenodes.h>

struct view tree_text(struct arena *arena, const char *text)
{
    return text == NULL ? (struct view){0} : arena_view(arena, view_of(text));
}

struct view tree_lower(struct arena *arena, struct view text)
{
    char *copy = arena_copy(arena, text);
    for (size_t i = 0; i < text.len; i++)
        if (copy[i] >= 'A' && copy[i] <= 'Z')
            copy[i] = (char)(copy[i] - 'A' + 'a');
    return (struct view){copy, text.len};
}

struct object_name tree_names(struct arena *arena, const List *names)
{
    const char *parts[3] = {0}; /* the last one first */
    int found = 0;
    for (int i = list_length(names) - 1; i >= 0 && found < 3; i--) {
        const Node *part = list_nth(names, i);
        if (part != NULL && IsA(part, String))
            parts[found++] = strVal(part);
    }
    return (struct object_name){.catalog = tree_text(arena, parts[2]),
                                .schema = tree_text(arena, parts[1]),
                                .name = tree_text(arena, parts[0])};
}

struct object_name tree_relation(struct arena *arena, const RangeVar *relation)
{
    return (struct object_name){.catalog = tree_text(arena, relation->catalogname),
                                .schema = tree_text(arena, relation->schemaname),
                                .name = tree_text(arena, relation->relname)};
}

const char *tree_last_string(const List *names)
{
    if (names == NIL)
        return NULL;
    const Node *last = llast(names);
    return last != NULL && IsA(last, String) ? strVal(last) : NULL;
}

const char *tree_string(const Node *node)
{
    if (node == NULL)
        return NULL;
    if (IsA(node, String))
        return strVal(node);
    const A_Const *constant = (const A_Const *)node;
    if (!IsA(node, A_Const) || constant->isnull || !IsA(&constant->val, String))
        return NULL;
    return constant->val.sval.sval;
}

static struct view integer_text(struct arena *arena, int value)
{
    char digits[12], *at = digits + sizeof digits;
    unsigned left = value < 0 ? 0u - (unsigned)value : (unsigned)value;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (value < 0)
        *--at = '-';
    return arena_view(arena, (struct view){at, (size_t)(digits + sizeof digits - at)});
}

bool tree_constant(struct arena *arena, const Node *node, struct view *text)
{
    if (node != NULL && IsA(node, A_Const)) {
        if (((const A_Const *)node)->isnull)
            return false;
        node = &((const A_Const *)node)->val.node;
    }
    if (node == NULL)
        return false;
    if (IsA(node, String))
        *text = tree_text(arena, strVal(node));
    else if (IsA(node, Integer))
        *text = integer_text(arena, intVal(node));
    else if (IsA(node, Float))
        *text = tree_text(arena, ((const Float *)node)->fval);
    else if (IsA(node, Boolean))
        *text = view_of(boolVal(node) ? "true" : "false");
    else
        return false;
    return true;
}

bool tree_is_on(const DefElem *option)
{
    const Node *value = option->arg;
    if (value == NULL)
        return true;
    if (IsA(value, Integer))
        return intVal(value) != 0;
    if (IsA(value, Boolean))
        return boolVal(value);
    const char *text = tree_string(value);
    return text == NULL || (strcasecmp(text, "false") != 0 && strcasecmp(text, "off") != 0);
}
