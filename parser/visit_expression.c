/* Expressions: everything that can make the server run a function, and columns.
 *
 * A function can run without a call node: PostgreSQL takes the last name of a.b, and any name in (x).b, for
 * a call b(a) when no such column exists (ParseFuncOrColumn). Operators written with a schema, sampling
 * methods and the types of casts run functions too. */
#include "visit.h"

#include "tree.h"

#include <postgres.h>

#include <nodes/parsenodes.h>

static void seen_at(struct walk *w, int location)
{
    if (location >= 0)
        w->position = location;
}

/* ---- calls -------------------------------------------------------------------------------------------- */

static bool has_named(const List *args)
{
    for (int i = 0; i < list_length(args); i++) {
        const Node *arg = list_nth(args, i);
        if (IsA(arg, NamedArgExpr))
            return true;
    }
    return false;
}

/* Positions mean nothing once an argument is named or spread from an array, so then nothing is literal. */
static void read_literals(struct walk *w, struct call *call, const FuncCall *function)
{
    if (call->has_named || function->func_variadic)
        return;
    for (int i = 0; i < 3 && i < list_length(function->args); i++) {
        const char *text = tree_string(list_nth(function->args, i));
        call->is_literal[i] = text != NULL;
        call->literal[i] = tree_text(w->arena, text);
    }
}

/* set_config(name, value, is_local) is SET by another name. */
static void note_set_config(struct walk *w, const struct call *call, const FuncCall *function)
{
    if (!view_is(call->name, "set_config") || (call->schema.len > 0 && !view_is(call->schema, "pg_catalog")))
        return;
    struct setting_use setting = {.how = SETTING_HOW_SET, .position = call->position};
    if (call->is_literal[0] && call->argument_count == 3)
        setting.name = tree_lower(w->arena, call->literal[0]);
    if (call->is_literal[1]) {
        struct view *value = arena_alloc(w->arena, sizeof *value);
        *value = call->literal[1];
        setting.values = value;
        setting.value_count = 1;
    } else {
        setting.is_computed = true;
    }
    struct view local;
    if (call->argument_count == 3 && !call->has_named && tree_constant(w->arena, list_nth(function->args, 2), &local) &&
        view_is(local, "true"))
        setting.how = SETTING_HOW_SET_LOCAL;
    draft_setting(w->draft, setting);
    draft_alone(w->draft, "it changes a setting of the agent's session");
}

void visit_call(struct walk *w, struct frame *in, const Node *node)
{
    const FuncCall *function = (const FuncCall *)node;
    seen_at(w, function->location);
    struct object_name name = tree_names(w->arena, function->funcname);
    struct call call = {.how = CALL_HOW_FUNCTION,
                        .schema = name.schema,
                        .name = name.name,
                        .argument_count = list_length(function->args),
                        .has_star = function->agg_star,
                        .has_named = has_named(function->args),
                        .position = function->location};
    read_literals(w, &call, function);
    draft_call(w->draft, call);
    note_set_config(w, &call, function);
}

static void call_attribute(struct walk *w, const char *name, int position)
{
    draft_call(w->draft, (struct call){.how = CALL_HOW_ATTRIBUTE,
                                       .name = tree_text(w->arena, name),
                                       .argument_count = 1,
                                       .position = position});
}

void visit_indirection(struct walk *w, struct frame *in, const Node *node)
{
    const A_Indirection *indirection = (const A_Indirection *)node;
    for (int i = 0; i < list_length(indirection->indirection); i++) {
        const Node *step = list_nth(indirection->indirection, i);
        if (IsA(step, String))
            call_attribute(w, strVal(step), w->position);
    }
}

void visit_sample(struct walk *w, struct frame *in, const Node *node)
{
    const RangeTableSample *sample = (const RangeTableSample *)node;
    struct object_name name = tree_names(w->arena, sample->method);
    draft_call(w->draft, (struct call){.how = CALL_HOW_SAMPLE,
                                       .schema = name.schema,
                                       .name = name.name,
                                       .argument_count = 1,
                                       .position = sample->location});
    struct frame arguments = *in;
    arguments.locks = NULL;
    frame_push(w, &arguments, sample->repeatable);
    frame_push(w, &arguments, sample->args);
    frame_push(w, in, sample->relation);
}

/* Operators without a schema are found by search_path, which has checks of its own. */
static void note_operator(struct walk *w, const List *names, int position)
{
    if (list_length(names) <= 1) {
        const char *name = tree_last_string(names);
        draft_shape_text(w->draft, view_of(name));
        return;
    }
    struct object_name name = tree_names(w->arena, names);
    if (!view_is(name.schema, "pg_catalog"))
        draft_call(w->draft, (struct call){.how = CALL_HOW_OPERATOR,
                                           .schema = name.schema,
                                           .name = name.name,
                                           .argument_count = 1,
                                           .position = position});
}

void visit_operator(struct walk *w, struct frame *in, const Node *node)
{
    const A_Expr *expression = (const A_Expr *)node;
    draft_shape(w->draft, expression->kind);
    note_operator(w, expression->name, expression->location);
}

void visit_sublink(struct walk *w, struct frame *in, const Node *node)
{
    const SubLink *link = (const SubLink *)node;
    draft_shape(w->draft, link->subLinkType);
    note_operator(w, link->operName, link->location);
}

void visit_sort(struct walk *w, struct frame *in, const Node *node)
{
    const SortBy *sort = (const SortBy *)node;
    draft_shape(w->draft, sort->sortby_dir);
    note_operator(w, sort->useOp, sort->location);
}

/* ---- names -------------------------------------------------------------------------------------------- */

void visit_column(struct walk *w, struct frame *in, const Node *node)
{
    const ColumnRef *column = (const ColumnRef *)node;
    seen_at(w, column->location);
    const char *last = tree_last_string(column->fields);
    struct object_name name = tree_names(w->arena, column->fields);
    if (last == NULL) /* a.* or *: tree_names has passed over the star */
        draft_column(w->draft, name.name, view_of("*"), false);
    else
        draft_column(w->draft, name.schema, name.name, false);
    if (last != NULL && list_length(column->fields) > 1)
        call_attribute(w, last, column->location);
}

void visit_type(struct walk *w, struct frame *in, const Node *node)
{
    const TypeName *type = (const TypeName *)node;
    seen_at(w, type->location);
    struct object_name name = tree_names(w->arena, type->names);
    draft_type(w->draft, name.schema, name.name, type->location);
}

void visit_parameter(struct walk *w, struct frame *in, const Node *node)
{
    const ParamRef *parameter = (const ParamRef *)node;
    if (parameter->number > w->draft->statement.parameter_count)
        w->draft->statement.parameter_count = parameter->number;
}

void visit_current_of(struct walk *w, struct frame *in, const Node *node)
{
    draft_alone(w->draft, "WHERE CURRENT OF names a cursor, which only the agent's session has");
}

void visit_boolean(struct walk *w, struct frame *in, const Node *node)
{
    draft_shape(w->draft, ((const BoolExpr *)node)->boolop);
}
