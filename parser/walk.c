/* The walk: takes a frame, says what its node says, pushes the node's children. Depth first, in the order of
 * the fields. A List is one frame that is put back until its elements are used up, so a list of 500,000
 * constants takes one place on the stack. */
#include "walk.h"

#include "tree.h"
#include "visit.h"

#include <postgres.h>

#include <nodes/parsenodes.h>

/* Frames that need no allocation, and bytes of facts that one message may make. */
enum { FRAMES_AT_HAND = 64, FACTS_LIMIT = 128 << 20 };

/* The object that the row's naming field names. */
static struct object_name named_object(struct walk *w, enum naming naming, const void *field)
{
    switch (naming) {
    case NAMING_TEXT:
        return (struct object_name){.name = tree_text(w->arena, field)};
    case NAMING_LIST:
    case NAMING_FUNCTION:
        return tree_names(w->arena, field);
    case NAMING_ROUTINE:
    case NAMING_OPERATOR:
        return tree_names(w->arena, ((const ObjectWithArgs *)field)->objname);
    case NAMING_NONE:
        break;
    }
    return (struct object_name){0};
}

static void touch_named(struct walk *w, const struct frame *in, const struct node_row *row)
{
    const void *field = *(void *const *)((const char *)in->node + row->named);
    bool function = row->naming == NAMING_FUNCTION || row->naming == NAMING_ROUTINE;
    draft_touch(w->draft, in->operation, function ? OBJECT_KIND_FUNCTION : OBJECT_KIND_OTHER,
                named_object(w, row->naming, field), w->position);
}

static void visit(struct walk *w, struct frame *in)
{
    const struct node_row *row = node_row(nodeTag(in->node));
    if (row == NULL) {
        draft_unknown(w->draft, "parse node", nodeTag(in->node), w->position);
        return;
    }
    draft_shape(w->draft, (unsigned)in->depth << 16 ^ (unsigned)nodeTag(in->node));
    if (row->operation != OPERATION_UNKNOWN)
        frame_set_operation(w, in, row->operation);
    if (!row->is_from_item)
        in->locks = NULL;
    if (row->naming != NAMING_NONE)
        touch_named(w, in, row);
    if (row->visit != NULL)
        row->visit(w, in, in->node);
    in->role = FRAME_ROLE_NESTED;
    int count = 0;
    while (count < NODE_CHILDREN && row->children[count] != 0)
        count++;
    while (count-- > 0)
        frame_push(w, in, *(void *const *)((const char *)in->node + row->children[count]));
}

/* The list's next element takes the list's place; the list itself is put back below it. Consecutive
 * constants count as one in the shape: IN (1, 2) and IN (1, 2, 3) are alike. */
static void next_element(struct walk *w, struct frame *in)
{
    const List *list = (const List *)in->node;
    const Node *element = list_nth(list, in->at);
    if (++in->at < list_length(list))
        w->frames[w->count++] = *in; /* the place that it was just taken from */
    if (element == NULL || IsA(element, A_Const))
        return;
    frame_push(w, in, element);
}

static bool is_list(const struct frame *in)
{
    return IsA(in->node, List) && list_length((const List *)in->node) > 0;
}

/* The root must be a statement: an expression there would have no operation. */
static void start(struct walk *w, const Node *tree)
{
    const struct node_row *row = node_row(nodeTag(tree));
    if (row == NULL || row->operation == OPERATION_UNKNOWN) {
        draft_unknown(w->draft, "statement", nodeTag(tree), -1);
        return;
    }
    struct frame root = {.operation = OPERATION_SELECT, .role = FRAME_ROLE_ROOT};
    frame_push(w, &root, tree);
}

enum walk_result walk_statement(struct draft *draft, const Node *tree, int depth_limit, int *position)
{
    struct frame at_hand[FRAMES_AT_HAND], in;
    struct walk w;
    frame_init(&w, draft, at_hand, FRAMES_AT_HAND);
    start(&w, tree);
    while (frame_pop(&w, &in)) {
        *position = w.position;
        if (in.depth > depth_limit)
            return WALK_RESULT_DEEP;
        if (w.budget <= 0 || draft->arena->used > FACTS_LIMIT)
            return WALK_RESULT_MUCH;
        if (in.role == FRAME_ROLE_LOCKS)
            visit_locks_end(&w, &in);
        else if (is_list(&in))
            next_element(&w, &in);
        else
            visit(&w, &in);
    }
    draft_finish(draft);
    return WALK_RESULT_OK;
}
