/* Statements about the session rather than about data: settings, transactions, prepared statements, cursors,
 * notifications, and EXPLAIN. Almost none of them can be parked: a parked statement runs elsewhere. */
#include "visit.h"

#include "tree.h"

#include <postgres.h>

#include <nodes/parsenodes.h>

static void name_statement(struct walk *w, const struct frame *in, const char *name)
{
    if (frame_is_main(in) && w->draft->statement.name.len == 0)
        w->draft->statement.name = tree_text(w->arena, name);
}

/* ---- settings ----------------------------------------------------------------------------------------- */

static void read_values(struct walk *w, struct setting_use *setting, const List *args)
{
    struct view *values = arena_alloc(w->arena, (size_t)list_length(args) * sizeof *values);
    for (int i = 0; i < list_length(args); i++)
        if (!tree_constant(w->arena, list_nth(args, i), &values[i]))
            setting->is_computed = true;
    setting->values = values;
    setting->value_count = (size_t)list_length(args);
}

static void note_isolation(struct walk *w, struct view level)
{
    /* READ UNCOMMITTED is READ COMMITTED to PostgreSQL. */
    bool plain = view_is(level, "read committed") || view_is(level, "read uncommitted");
    w->draft->statement.isolation = plain ? ISOLATION_READ_COMMITTED : ISOLATION_OTHER;
}

/* One of BEGIN's or SET TRANSACTION's modes. With `prefix`, which is "default_" or "", it is a setting too:
 * SET TRANSACTION is SET LOCAL of transaction_…, SET SESSION CHARACTERISTICS is SET of default_transaction_…. */
static void note_mode(struct walk *w, const DefElem *mode, const char *prefix)
{
    struct view value, name = view_of(mode->defname);
    bool known = tree_constant(w->arena, mode->arg, &value);
    bool on = known && (view_is(value, "1") || view_is(value, "true"));
    if (view_is(name, "transaction_isolation") && known)
        note_isolation(w, value);
    else if (view_is(name, "transaction_read_only"))
        draft_flag(w->draft, on ? STATEMENT_READ_ONLY : STATEMENT_READ_WRITE);
    else if (!view_is(name, "transaction_deferrable"))
        draft_unknown(w->draft, "transaction mode", mode->location, mode->location);
    if (prefix == NULL)
        return;
    struct bytes full = {0};
    bytes_add_text(&full, prefix);
    bytes_add_view(&full, name);
    struct setting_use setting = {.how = prefix[0] != '\0' ? SETTING_HOW_SET : SETTING_HOW_SET_LOCAL,
                                  .name = arena_view(w->arena, bytes_view(&full)),
                                  .is_computed = !known,
                                  .position = mode->location};
    bytes_fini(&full);
    if (known) {
        struct view *values = arena_alloc(w->arena, sizeof *values);
        *values = view_is(name, "transaction_isolation") ? value : view_of(on ? "on" : "off");
        setting.values = values;
        setting.value_count = 1;
    }
    draft_setting(w->draft, setting);
}

static void note_modes(struct walk *w, const List *modes, const char *prefix)
{
    for (int i = 0; i < list_length(modes); i++) {
        const Node *mode = list_nth(modes, i);
        if (IsA(mode, DefElem))
            note_mode(w, (const DefElem *)mode, prefix);
        else
            draft_unknown(w->draft, "transaction mode", nodeTag(mode), w->position);
    }
}

/* SET TRANSACTION …, SET SESSION CHARACTERISTICS …, SET TRANSACTION SNAPSHOT … */
static void set_several(struct walk *w, const VariableSetStmt *set)
{
    struct view what = view_of(set->name);
    if (view_is(what, "TRANSACTION"))
        note_modes(w, set->args, "");
    else if (view_is(what, "SESSION CHARACTERISTICS"))
        note_modes(w, set->args, "default_");
    else if (view_is(what, "TRANSACTION SNAPSHOT"))
        draft_flag(w->draft, STATEMENT_SNAPSHOT);
    else
        draft_unknown(w->draft, "SET", set->kind, w->position);
}

static enum setting_how how_of(const VariableSetStmt *set)
{
    switch (set->kind) {
    case VAR_RESET_ALL:
        return SETTING_HOW_RESET_ALL;
    case VAR_RESET:
    case VAR_SET_DEFAULT:
        return SETTING_HOW_RESET;
    case VAR_SET_VALUE:
    case VAR_SET_CURRENT:
    case VAR_SET_MULTI:
        break;
    }
    return set->is_local ? SETTING_HOW_SET_LOCAL : SETTING_HOW_SET;
}

void visit_set(struct walk *w, struct frame *in, const Node *node)
{
    const VariableSetStmt *set = (const VariableSetStmt *)node;
    if (set->kind == VAR_RESET || set->kind == VAR_RESET_ALL)
        frame_set_operation(w, in, OPERATION_RESET);
    if (frame_is_main(in))
        draft_alone(w->draft, "it changes only the agent's session");
    if (set->kind == VAR_SET_MULTI) {
        set_several(w, set);
        return;
    }
    struct setting_use setting = {.how = how_of(set),
                                  .name = tree_lower(w->arena, view_of(set->name)),
                                  .is_computed = set->kind == VAR_SET_CURRENT,
                                  .position = w->position};
    if (set->kind == VAR_RESET_ALL) {
        draft_flag(w->draft, STATEMENT_ALL);
        setting.name = view_of("all");
    }
    read_values(w, &setting, set->args);
    draft_setting(w->draft, setting);
}

void visit_show(struct walk *w, struct frame *in, const Node *node)
{
    const VariableShowStmt *show = (const VariableShowStmt *)node;
    draft_flag(w->draft, STATEMENT_HAS_ROWS);
    draft_setting(w->draft, (struct setting_use){.how = SETTING_HOW_SHOW,
                                                 .name = tree_lower(w->arena, view_of(show->name)),
                                                 .position = w->position});
}

/* ---- transactions ------------------------------------------------------------------------------------- */

static const struct {
    enum operation operation;
    unsigned flags;
} transactions[] = {
    [TRANS_STMT_BEGIN] = {OPERATION_BEGIN, 0},
    [TRANS_STMT_START] = {OPERATION_BEGIN, 0},
    [TRANS_STMT_COMMIT] = {OPERATION_COMMIT, 0},
    [TRANS_STMT_ROLLBACK] = {OPERATION_ROLLBACK, 0},
    [TRANS_STMT_SAVEPOINT] = {OPERATION_SAVEPOINT, 0},
    [TRANS_STMT_RELEASE] = {OPERATION_RELEASE, 0},
    [TRANS_STMT_ROLLBACK_TO] = {OPERATION_ROLLBACK, STATEMENT_TO_SAVEPOINT},
    [TRANS_STMT_PREPARE] = {OPERATION_TWOPHASE, 0},
    [TRANS_STMT_COMMIT_PREPARED] = {OPERATION_TWOPHASE, 0},
    [TRANS_STMT_ROLLBACK_PREPARED] = {OPERATION_TWOPHASE, 0},
};

void visit_transaction(struct walk *w, struct frame *in, const Node *node)
{
    const TransactionStmt *transaction = (const TransactionStmt *)node;
    draft_alone(w->draft, "it controls the agent's own transaction");
    if ((size_t)transaction->kind >= lengthof(transactions)) {
        draft_unknown(w->draft, "transaction statement", transaction->kind, w->position);
        return;
    }
    frame_set_operation(w, in, transactions[transaction->kind].operation);
    draft_flag(w->draft, transactions[transaction->kind].flags);
    if (transaction->chain)
        draft_flag(w->draft, STATEMENT_CHAIN);
    name_statement(w, in, transaction->savepoint_name ? transaction->savepoint_name : transaction->gid);
    note_modes(w, transaction->options, NULL);
}

void visit_constraints(struct walk *w, struct frame *in, const Node *node)
{
    draft_alone(w->draft, "it controls the agent's own transaction");
}

/* ---- EXPLAIN, prepared statements, cursors ------------------------------------------------------------ */

static void push_inner(struct walk *w, const struct frame *in, const Node *query)
{
    struct frame inner = *in;
    inner.operation = OPERATION_SELECT;
    inner.role = frame_is_main(in) ? FRAME_ROLE_INNER : FRAME_ROLE_NESTED;
    frame_push(w, &inner, query);
}

/* Only EXPLAIN with ANALYZE executes; among several options of that name the last one counts, as in
 * ExplainQuery. */
static bool explain_executes(const ExplainStmt *explain)
{
    bool executes = false;
    for (int i = 0; i < list_length(explain->options); i++) {
        const DefElem *option = list_nth(explain->options, i);
        if (strcmp(option->defname, "analyze") == 0)
            executes = tree_is_on(option);
    }
    return executes;
}

void visit_explain(struct walk *w, struct frame *in, const Node *node)
{
    const ExplainStmt *explain = (const ExplainStmt *)node;
    bool executes = explain_executes(explain);
    draft_shape(w->draft, executes);
    draft_flag(w->draft, STATEMENT_HAS_ROWS | (executes ? STATEMENT_ANALYZE : 0u));
    if (in->role == FRAME_ROLE_ROOT)
        w->draft->only_planned = !executes;
    push_inner(w, in, explain->query);
}

void visit_prepare(struct walk *w, struct frame *in, const Node *node)
{
    const PrepareStmt *prepare = (const PrepareStmt *)node;
    draft_alone(w->draft, "PREPARE makes a name that only the agent's session has");
    name_statement(w, in, prepare->name);
    push_inner(w, in, prepare->query);
}

/* What the name stands for was judged when it was made; the touch is for EXPLAIN EXECUTE and CREATE TABLE …
 * AS EXECUTE. */
void visit_execute(struct walk *w, struct frame *in, const Node *node)
{
    const ExecuteStmt *execute = (const ExecuteStmt *)node;
    draft_alone(w->draft, "EXECUTE runs a name that only the agent's session has");
    if (in->role == FRAME_ROLE_ROOT)
        draft_flag(w->draft, STATEMENT_HAS_ROWS);
    else
        draft_touch(w->draft, OPERATION_EXECUTE, OBJECT_KIND_NONE, (struct object_name){0}, -1);
    if (w->draft->statement.name.len == 0)
        w->draft->statement.name = tree_text(w->arena, execute->name);
}

static void name_or_all(struct walk *w, const struct frame *in, const char *name)
{
    draft_alone(w->draft, "it names what only the agent's session has");
    if (name == NULL)
        draft_flag(w->draft, STATEMENT_ALL);
    name_statement(w, in, name);
}

void visit_deallocate(struct walk *w, struct frame *in, const Node *node)
{
    name_or_all(w, in, ((const DeallocateStmt *)node)->name);
}

void visit_close(struct walk *w, struct frame *in, const Node *node)
{
    name_or_all(w, in, ((const ClosePortalStmt *)node)->portalname);
}

void visit_declare(struct walk *w, struct frame *in, const Node *node)
{
    const DeclareCursorStmt *declare = (const DeclareCursorStmt *)node;
    draft_alone(w->draft, "DECLARE makes a cursor that only the agent's session has");
    if (declare->options & CURSOR_OPT_HOLD)
        draft_flag(w->draft, STATEMENT_CURSOR_HOLD);
    name_statement(w, in, declare->portalname);
    push_inner(w, in, declare->query);
}

void visit_fetch(struct walk *w, struct frame *in, const Node *node)
{
    const FetchStmt *fetch = (const FetchStmt *)node;
    draft_alone(w->draft, "it names a cursor, which only the agent's session has");
    if (!fetch->ismove)
        draft_flag(w->draft, STATEMENT_HAS_ROWS);
    draft_shape(w->draft, fetch->ismove);
    name_statement(w, in, fetch->portalname);
}

void visit_discard(struct walk *w, struct frame *in, const Node *node)
{
    static const char *const names[] = {
        [DISCARD_ALL] = "all", [DISCARD_PLANS] = "plans", [DISCARD_SEQUENCES] = "sequences", [DISCARD_TEMP] = "temp"};
    const DiscardStmt *discard = (const DiscardStmt *)node;
    draft_alone(w->draft, "it changes only the agent's session");
    if ((size_t)discard->target >= lengthof(names)) {
        draft_unknown(w->draft, "DISCARD", discard->target, w->position);
        return;
    }
    if (discard->target == DISCARD_ALL)
        draft_flag(w->draft, STATEMENT_ALL);
    name_statement(w, in, names[discard->target]);
}

/* ---- notifications ------------------------------------------------------------------------------------ */

void visit_notify(struct walk *w, struct frame *in, const Node *node)
{
    w->draft->statement.channel = tree_text(w->arena, ((const NotifyStmt *)node)->conditionname);
}

void visit_listen(struct walk *w, struct frame *in, const Node *node)
{
    draft_alone(w->draft, "it changes only the agent's session");
    w->draft->statement.channel = tree_text(w->arena, ((const ListenStmt *)node)->conditionname);
}

void visit_unlisten(struct walk *w, struct frame *in, const Node *node)
{
    const UnlistenStmt *unlisten = (const UnlistenStmt *)node;
    draft_alone(w->draft, "it changes only the agent's session");
    if (unlisten->conditionname == NULL)
        draft_flag(w->draft, STATEMENT_ALL);
    w->draft->statement.channel = tree_text(w->arena, unlisten->conditionname);
}
