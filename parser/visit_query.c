/* Queries: SELECT in all its forms, INSERT, UPDATE, DELETE, MERGE, COPY, and what stands in FROM.
 *
 * Names of WITH queries: a query sees the WITH names of its own level and of the levels around it. Within one
 * WITH, a query sees the names before it; under RECURSIVE all of them. Only an unqualified name in FROM can
 * mean a WITH query; the target of a write never does. This is scanNameSpaceForCTE and transformWithClause in
 * PostgreSQL's parser. */
#include "visit.h"

#include <string.h>

#include "tree.h"

#include <postgres.h>

#include <nodes/parsenodes.h>

static void touch(struct walk *w, enum operation operation, const RangeVar *relation)
{
    if (relation->location >= 0)
        w->position = relation->location;
    draft_touch(w->draft, operation, OBJECT_KIND_RELATION, tree_relation(w->arena, relation), relation->location);
    if (relation->relpersistence == 't') {
        draft_flag(w->draft, STATEMENT_TEMP);
        draft_alone(w->draft, "it makes a temporary object, which only the executor's session would have");
    }
}

/* ---- WITH --------------------------------------------------------------------------------------------- */

static const struct scope *scope_of_with(struct walk *w, const struct scope *outer, const WithClause *with)
{
    if (with == NULL)
        return outer;
    for (int i = 0; i < list_length(with->ctes); i++)
        outer = scope_add(w->arena, outer, ((const CommonTableExpr *)list_nth(with->ctes, i))->ctename);
    return outer;
}

/* Pushes the WITH queries, the first one on top. `in` sees all of them; without RECURSIVE each one sees only
 * those before it, so the chain is followed outwards as the list is gone through from its end. */
static void push_with(struct walk *w, const struct frame *in, const WithClause *with)
{
    if (with == NULL)
        return;
    struct frame query = *in;
    for (int i = list_length(with->ctes) - 1; i >= 0; i--) {
        if (!with->recursive)
            query.scope = query.scope->outer;
        frame_push(w, &query, list_nth(with->ctes, i));
    }
}

/* The surroundings of what stands inside a query: relations named there are read. */
static struct frame inside(struct walk *w, const struct frame *in, const WithClause *with)
{
    struct frame frame = *in;
    frame.operation = OPERATION_SELECT;
    frame.role = FRAME_ROLE_NESTED;
    frame.locks = NULL;
    frame.scope = scope_of_with(w, in->scope, with);
    return frame;
}

/* ---- row locks ---------------------------------------------------------------------------------------- */

static bool locks_hit(struct walk *w, struct row_locks *locks, const char *name)
{
    if (locks == NULL)
        return false;
    bool hit = locks->clauses == NULL;
    for (int i = 0; i < list_length(locks->clauses) && !hit; i++) {
        const LockingClause *clause = list_nth(locks->clauses, i);
        hit = clause->lockedRels == NIL;
        for (int k = 0; k < list_length(clause->lockedRels) && !hit && w->budget > 0; k++, w->budget--)
            hit = name != NULL && strcmp(((const RangeVar *)list_nth(clause->lockedRels, k))->relname, name) == 0;
    }
    locks->matched |= hit;
    return hit;
}

/* The locks that reach the FROM clause of this level: its own, or all if the level around it locks it. */
static struct row_locks *locks_of(struct walk *w, const struct frame *in, const SelectStmt *select)
{
    if (in->locks == NULL && select->lockingClause == NIL)
        return NULL;
    struct row_locks *locks = arena_alloc(w->arena, sizeof *locks);
    locks->clauses = in->locks == NULL ? select->lockingClause : NULL;
    return locks;
}

void visit_locks_end(struct walk *w, const struct frame *in)
{
    if (!in->locks->matched)
        draft_touch(w->draft, OPERATION_LOCK, OBJECT_KIND_NONE, (struct object_name){0}, -1);
}

static void push_locks_end(struct walk *w, const struct frame *in, struct row_locks *locks, const Node *node)
{
    struct frame end = *in;
    end.role = FRAME_ROLE_LOCKS;
    end.locks = locks;
    frame_push(w, &end, node);
}

/* ---- FROM --------------------------------------------------------------------------------------------- */

void visit_relation(struct walk *w, struct frame *in, const Node *node)
{
    const RangeVar *relation = (const RangeVar *)node;
    if (in->operation == OPERATION_SELECT && relation->schemaname == NULL &&
        scope_has(in->scope, relation->relname, &w->budget)) {
        draft_shape_text(w->draft, view_of(relation->relname));
        return;
    }
    touch(w, in->operation, relation);
    if (locks_hit(w, in->locks, relation->alias ? relation->alias->aliasname : relation->relname))
        touch(w, OPERATION_LOCK, relation);
}

void visit_join(struct walk *w, struct frame *in, const Node *node)
{
    const JoinExpr *join = (const JoinExpr *)node;
    draft_shape(w->draft, join->jointype);
    for (int i = 0; i < list_length(join->usingClause); i++)
        draft_column(w->draft, (struct view){0}, tree_text(w->arena, strVal(list_nth(join->usingClause, i))), false);
    struct frame condition = *in;
    condition.locks = NULL;
    frame_push(w, &condition, join->quals);
    frame_push(w, in, join->rarg);
    frame_push(w, in, join->larg);
}

/* A lock on a sub-select locks all of its relations. */
void visit_subselect(struct walk *w, struct frame *in, const Node *node)
{
    const RangeSubselect *range = (const RangeSubselect *)node;
    struct row_locks *all = NULL;
    if (locks_hit(w, in->locks, range->alias ? range->alias->aliasname : NULL))
        all = arena_alloc(w->arena, sizeof *all);
    in->locks = all;
    frame_push(w, in, range->subquery);
}

/* INTO stands in the first leaf of set operations, but the whole query goes there. */
void visit_into(struct walk *w, struct frame *in, const Node *node)
{
    touch(w, OPERATION_CREATE, ((const IntoClause *)node)->rel);
    if (w->draft->statement.operation == OPERATION_SELECT)
        w->draft->statement.flags &= ~(unsigned)STATEMENT_HAS_ROWS;
}

/* ---- SELECT ------------------------------------------------------------------------------------------- */

static bool has_limit(const SelectStmt *select)
{
    const A_Const *count = (const A_Const *)select->limitCount;
    return count != NULL && !(IsA(count, A_Const) && count->isnull); /* LIMIT ALL is a null constant */
}

static void note_select(struct walk *w, const struct frame *in, const SelectStmt *select)
{
    if (in->role == FRAME_ROLE_ROOT)
        draft_flag(w->draft, STATEMENT_HAS_ROWS);
    if (frame_is_main(in) && select->whereClause != NULL)
        draft_flag(w->draft, STATEMENT_HAS_WHERE);
    if (frame_is_main(in) && has_limit(select))
        draft_flag(w->draft, STATEMENT_HAS_LIMIT);
    if (select->lockingClause != NIL)
        draft_alone(w->draft, "a row lock lasts only as long as its transaction");
    draft_shape(w->draft, (unsigned)select->op * 2 + select->all);
}

void visit_select(struct walk *w, struct frame *in, const Node *node)
{
    const SelectStmt *select = (const SelectStmt *)node;
    note_select(w, in, select);
    struct frame level = inside(w, in, select->withClause), from = level;
    from.locks = locks_of(w, in, select);
    if (select->lockingClause != NIL)
        push_locks_end(w, &level, from.locks, node);
    frame_push(w, &level, select->limitCount);
    frame_push(w, &level, select->limitOffset);
    frame_push(w, &level, select->sortClause);
    frame_push(w, &from, select->rarg);
    frame_push(w, &from, select->larg);
    frame_push(w, &level, select->valuesLists);
    frame_push(w, &level, select->windowClause);
    frame_push(w, &level, select->havingClause);
    frame_push(w, &level, select->groupClause);
    frame_push(w, &level, select->whereClause);
    frame_push(w, &from, select->fromClause);
    frame_push(w, &level, select->targetList);
    frame_push(w, &level, select->distinctClause);
    frame_push(w, &level, select->intoClause);
    push_with(w, &level, select->withClause);
}

/* ---- statements that change rows ---------------------------------------------------------------------- */

static void write_columns(struct walk *w, const List *targets)
{
    for (int i = 0; i < list_length(targets); i++) {
        const ResTarget *target = list_nth(targets, i);
        draft_column(w->draft, (struct view){0}, tree_text(w->arena, target->name), true);
    }
}

/* (a, b) = (SELECT …): one source, which each of its targets points to. Walking it for each would take
 * quadratic time. */
void visit_multiple(struct walk *w, struct frame *in, const Node *node)
{
    const MultiAssignRef *multiple = (const MultiAssignRef *)node;
    if (multiple->colno == 1)
        frame_push(w, in, multiple->source);
}

static void write_all_columns(struct walk *w)
{
    draft_column(w->draft, (struct view){0}, view_of("*"), true);
}

static void note_change(struct walk *w, const struct frame *in, const List *returning, bool has_where)
{
    if (in->role == FRAME_ROLE_ROOT && returning != NIL)
        draft_flag(w->draft, STATEMENT_HAS_ROWS);
    if (has_where && frame_is_main(in))
        draft_flag(w->draft, STATEMENT_HAS_WHERE);
}

void visit_insert(struct walk *w, struct frame *in, const Node *node)
{
    const InsertStmt *insert = (const InsertStmt *)node;
    const OnConflictClause *conflict = insert->onConflictClause;
    note_change(w, in, insert->returningList, false);
    touch(w, OPERATION_INSERT, insert->relation);
    if (insert->cols == NIL)
        write_all_columns(w);
    write_columns(w, insert->cols);
    if (conflict != NULL && conflict->action == ONCONFLICT_UPDATE) {
        touch(w, OPERATION_UPDATE, insert->relation);
        write_columns(w, conflict->targetList);
    }
    struct frame level = inside(w, in, insert->withClause);
    frame_push(w, &level, insert->returningList);
    frame_push(w, &level, conflict);
    frame_push(w, &level, insert->selectStmt);
    frame_push(w, &level, insert->cols);
    push_with(w, &level, insert->withClause);
}

void visit_update(struct walk *w, struct frame *in, const Node *node)
{
    const UpdateStmt *update = (const UpdateStmt *)node;
    note_change(w, in, update->returningList, update->whereClause != NULL);
    w->draft->changes_all |= update->whereClause == NULL;
    touch(w, OPERATION_UPDATE, update->relation);
    write_columns(w, update->targetList);
    struct frame level = inside(w, in, update->withClause);
    frame_push(w, &level, update->returningList);
    frame_push(w, &level, update->whereClause);
    frame_push(w, &level, update->fromClause);
    frame_push(w, &level, update->targetList);
    push_with(w, &level, update->withClause);
}

void visit_delete(struct walk *w, struct frame *in, const Node *node)
{
    const DeleteStmt *delete = (const DeleteStmt *)node;
    note_change(w, in, delete->returningList, delete->whereClause != NULL);
    w->draft->changes_all |= delete->whereClause == NULL;
    touch(w, OPERATION_DELETE, delete->relation);
    struct frame level = inside(w, in, delete->withClause);
    frame_push(w, &level, delete->returningList);
    frame_push(w, &level, delete->whereClause);
    frame_push(w, &level, delete->usingClause);
    push_with(w, &level, delete->withClause);
}

static void note_branch(struct walk *w, const MergeStmt *merge, const MergeWhenClause *when)
{
    if (when->commandType == CMD_NOTHING)
        return;
    bool inserts = when->commandType == CMD_INSERT;
    bool updates = when->commandType == CMD_UPDATE;
    if (inserts || updates || when->commandType == CMD_DELETE)
        touch(w, inserts ? OPERATION_INSERT : updates ? OPERATION_UPDATE : OPERATION_DELETE, merge->relation);
    else
        draft_unknown(w->draft, "MERGE branch", when->commandType, w->position);
    if (inserts && when->targetList == NIL)
        write_all_columns(w);
    write_columns(w, when->targetList);
}

void visit_merge(struct walk *w, struct frame *in, const Node *node)
{
    const MergeStmt *merge = (const MergeStmt *)node;
    touch(w, OPERATION_MERGE, merge->relation);
    for (int i = 0; i < list_length(merge->mergeWhenClauses); i++)
        note_branch(w, merge, list_nth(merge->mergeWhenClauses, i));
    struct frame level = inside(w, in, merge->withClause);
    frame_push(w, &level, merge->mergeWhenClauses);
    frame_push(w, &level, merge->joinCondition);
    frame_push(w, &level, merge->sourceRelation);
    push_with(w, &level, merge->withClause);
}

/* ---- COPY --------------------------------------------------------------------------------------------- */

static void copy_columns(struct walk *w, const CopyStmt *copy)
{
    if (copy->attlist == NIL)
        draft_column(w->draft, (struct view){0}, view_of("*"), copy->is_from);
    for (int i = 0; i < list_length(copy->attlist); i++)
        draft_column(w->draft, (struct view){0}, tree_text(w->arena, strVal(list_nth(copy->attlist, i))),
                     copy->is_from);
}

/* COPY t TO reads t, COPY t FROM inserts into it; a file or program of the server's, or data from the agent,
 * is a COPY besides. */
void visit_copy(struct walk *w, struct frame *in, const Node *node)
{
    const CopyStmt *copy = (const CopyStmt *)node;
    bool server = copy->filename != NULL || copy->is_program;
    draft_alone(w->draft, "COPY moves data over the agent's own connection");
    draft_flag(w->draft, server ? STATEMENT_COPY_SERVER : copy->is_from ? STATEMENT_COPY_IN : STATEMENT_COPY_OUT);
    if (copy->relation != NULL) {
        touch(w, copy->is_from ? OPERATION_INSERT : OPERATION_SELECT, copy->relation);
        copy_columns(w, copy);
        if (server || copy->is_from)
            touch(w, OPERATION_COPY, copy->relation);
    } else if (server) {
        draft_touch(w->draft, OPERATION_COPY, OBJECT_KIND_NONE, (struct object_name){0}, -1);
    }
    struct frame level = *in;
    level.operation = OPERATION_SELECT;
    level.role = FRAME_ROLE_NESTED;
    frame_push(w, &level, copy->options);
    frame_push(w, &level, copy->whereClause);
    level.role = frame_is_main(in) ? FRAME_ROLE_INNER : FRAME_ROLE_NESTED;
    frame_push(w, &level, copy->query);
}
