/* Statements about objects: what they are about, as far as the tree names it. */
#include "visit.h"

#include "tree.h"

#include <postgres.h>

#include <nodes/parsenodes.h>

static void touch_other(struct walk *w, const struct frame *in, const char *name)
{
    struct object_name object = {.name = tree_text(w->arena, name)};
    draft_touch(w->draft, in->operation, OBJECT_KIND_OTHER, object, w->position);
}

static void touch_relation(struct walk *w, const struct frame *in, const RangeVar *relation)
{
    if (relation->location >= 0)
        w->position = relation->location;
    draft_touch(w->draft, in->operation, OBJECT_KIND_RELATION, tree_relation(w->arena, relation), relation->location);
}

/* ---- objects by kind ---------------------------------------------------------------------------------- */

/* How an object's name is spelt in the tree. The last part of PART names something inside a relation: the
 * relation is what the statement touches. */
enum spelling { SPELLING_OTHER, SPELLING_RELATION, SPELLING_PART, SPELLING_FUNCTION };

static enum spelling spelling_of(ObjectType type)
{
    switch ((int)type) {
    case OBJECT_TABLE:
    case OBJECT_VIEW:
    case OBJECT_MATVIEW:
    case OBJECT_SEQUENCE:
    case OBJECT_INDEX:
    case OBJECT_FOREIGN_TABLE:
        return SPELLING_RELATION;
    case OBJECT_COLUMN:
    case OBJECT_TABCONSTRAINT:
    case OBJECT_TRIGGER:
    case OBJECT_RULE:
    case OBJECT_POLICY:
        return SPELLING_PART;
    case OBJECT_FUNCTION:
    case OBJECT_PROCEDURE:
    case OBJECT_ROUTINE:
    case OBJECT_AGGREGATE:
        return SPELLING_FUNCTION;
    default: /* the many kinds that are only told apart by name */
        return SPELLING_OTHER;
    }
}

/* The parts before the last one: a.b.trigger is about a.b. */
static struct object_name names_but_last(struct walk *w, const List *names)
{
    List front = *names;
    front.length--;
    return front.length > 0 ? tree_names(w->arena, &front) : (struct object_name){0};
}

static void touch_list(struct walk *w, const struct frame *in, enum spelling spelling, const List *names)
{
    struct object_name name = spelling == SPELLING_PART ? names_but_last(w, names) : tree_names(w->arena, names);
    enum object_kind kind = spelling == SPELLING_OTHER      ? OBJECT_KIND_OTHER
                            : spelling == SPELLING_FUNCTION ? OBJECT_KIND_FUNCTION
                                                            : OBJECT_KIND_RELATION;
    draft_touch(w->draft, in->operation, kind, name, w->position);
}

static void touch_arguments(struct walk *w, const struct frame *in, enum spelling spelling,
                            const ObjectWithArgs *object)
{
    touch_list(w, in, spelling == SPELLING_PART ? SPELLING_OTHER : spelling, object->objname);
}

static void touch_object(struct walk *w, const struct frame *in, ObjectType type, const Node *object)
{
    enum spelling spelling = spelling_of(type);
    if (object == NULL)
        touch_other(w, in, NULL);
    else if (IsA(object, RangeVar))
        touch_relation(w, in, (const RangeVar *)object);
    else if (IsA(object, List))
        touch_list(w, in, spelling, (const List *)object);
    else if (IsA(object, ObjectWithArgs))
        touch_arguments(w, in, spelling, (const ObjectWithArgs *)object);
    else if (IsA(object, TypeName))
        touch_list(w, in, SPELLING_OTHER, ((const TypeName *)object)->names);
    else if (IsA(object, RoleSpec))
        touch_other(w, in, ((const RoleSpec *)object)->rolename);
    else
        touch_other(w, in, tree_string(object));
}

static void touch_objects(struct walk *w, const struct frame *in, ObjectType type, const List *objects)
{
    for (int i = 0; i < list_length(objects); i++)
        touch_object(w, in, type, list_nth(objects, i));
}

/* ---- statements about an object of some kind ---------------------------------------------------------- */

void visit_drop(struct walk *w, struct frame *in, const Node *node)
{
    const DropStmt *drop = (const DropStmt *)node;
    if (drop->concurrent)
        draft_alone(w->draft, "it can't run inside a transaction");
    touch_objects(w, in, drop->removeType, drop->objects);
}

void visit_comment(struct walk *w, struct frame *in, const Node *node)
{
    const CommentStmt *comment = (const CommentStmt *)node;
    touch_object(w, in, comment->objtype, comment->object);
}

void visit_label(struct walk *w, struct frame *in, const Node *node)
{
    const SecLabelStmt *label = (const SecLabelStmt *)node;
    touch_object(w, in, label->objtype, label->object);
}

static void touch_either(struct walk *w, const struct frame *in, const RangeVar *relation, ObjectType type,
                         const Node *object)
{
    if (relation != NULL)
        touch_relation(w, in, relation);
    else
        touch_object(w, in, type, object);
}

void visit_rename(struct walk *w, struct frame *in, const Node *node)
{
    const RenameStmt *rename = (const RenameStmt *)node;
    if (rename->relation == NULL && rename->object == NULL)
        touch_other(w, in, rename->subname);
    else
        touch_either(w, in, rename->relation, rename->renameType, rename->object);
}

void visit_depends(struct walk *w, struct frame *in, const Node *node)
{
    const AlterObjectDependsStmt *depends = (const AlterObjectDependsStmt *)node;
    touch_either(w, in, depends->relation, depends->objectType, depends->object);
}

void visit_object_schema(struct walk *w, struct frame *in, const Node *node)
{
    const AlterObjectSchemaStmt *alter = (const AlterObjectSchemaStmt *)node;
    touch_either(w, in, alter->relation, alter->objectType, alter->object);
}

void visit_owner(struct walk *w, struct frame *in, const Node *node)
{
    const AlterOwnerStmt *alter = (const AlterOwnerStmt *)node;
    touch_either(w, in, alter->relation, alter->objectType, alter->object);
}

void visit_extension_contents(struct walk *w, struct frame *in, const Node *node)
{
    const AlterExtensionContentsStmt *alter = (const AlterExtensionContentsStmt *)node;
    touch_other(w, in, alter->extname);
    touch_object(w, in, alter->objtype, alter->object);
}

/* ---- roles and rights --------------------------------------------------------------------------------- */

void visit_grant(struct walk *w, struct frame *in, const Node *node)
{
    const GrantStmt *grant = (const GrantStmt *)node;
    if (!grant->is_grant)
        frame_set_operation(w, in, OPERATION_REVOKE);
    ObjectType type = grant->targtype == ACL_TARGET_OBJECT ? grant->objtype : OBJECT_SCHEMA;
    touch_objects(w, in, type, grant->objects);
}

static void touch_roles(struct walk *w, const struct frame *in, const List *roles)
{
    touch_objects(w, in, OBJECT_ROLE, roles);
}

void visit_grant_role(struct walk *w, struct frame *in, const Node *node)
{
    const GrantRoleStmt *grant = (const GrantRoleStmt *)node;
    if (!grant->is_grant)
        frame_set_operation(w, in, OPERATION_REVOKE);
    for (int i = 0; i < list_length(grant->granted_roles); i++)
        touch_other(w, in, ((const AccessPriv *)list_nth(grant->granted_roles, i))->priv_name);
}

void visit_drop_role(struct walk *w, struct frame *in, const Node *node)
{
    touch_roles(w, in, ((const DropRoleStmt *)node)->roles);
}

void visit_drop_owned(struct walk *w, struct frame *in, const Node *node)
{
    touch_roles(w, in, ((const DropOwnedStmt *)node)->roles);
}

void visit_reassign(struct walk *w, struct frame *in, const Node *node)
{
    touch_roles(w, in, ((const ReassignOwnedStmt *)node)->roles);
}

void visit_alter_role(struct walk *w, struct frame *in, const Node *node)
{
    touch_object(w, in, OBJECT_ROLE, (const Node *)((const AlterRoleStmt *)node)->role);
}

void visit_alter_role_set(struct walk *w, struct frame *in, const Node *node)
{
    touch_object(w, in, OBJECT_ROLE, (const Node *)((const AlterRoleSetStmt *)node)->role);
}

/* Create, alter and drop have the server's name in the same place only by chance: each is read by its kind. */
void visit_user_mapping(struct walk *w, struct frame *in, const Node *node)
{
    const char *server = IsA(node, CreateUserMappingStmt)  ? ((const CreateUserMappingStmt *)node)->servername
                         : IsA(node, AlterUserMappingStmt) ? ((const AlterUserMappingStmt *)node)->servername
                                                           : ((const DropUserMappingStmt *)node)->servername;
    touch_other(w, in, server);
}

/* ---- the rest ----------------------------------------------------------------------------------------- */

void visit_procedure_call(struct walk *w, struct frame *in, const Node *node)
{
    const FuncCall *function = ((const CallStmt *)node)->funccall;
    draft_touch(w->draft, in->operation, OBJECT_KIND_FUNCTION, tree_names(w->arena, function->funcname),
                function->location);
}

void visit_lock(struct walk *w, struct frame *in, const Node *node)
{
    draft_alone(w->draft, "a lock lasts only as long as its transaction");
}

static void not_in_transaction(struct walk *w)
{
    draft_alone(w->draft, "it can't run inside a transaction");
}

void visit_vacuum(struct walk *w, struct frame *in, const Node *node)
{
    if (((const VacuumStmt *)node)->is_vacuumcmd)
        not_in_transaction(w);
    else
        frame_set_operation(w, in, OPERATION_ANALYZE);
}

static bool has_option(const List *options, const char *name)
{
    for (int i = 0; i < list_length(options); i++) {
        const DefElem *option = list_nth(options, i);
        if (strcmp(option->defname, name) == 0 && tree_is_on(option))
            return true;
    }
    return false;
}

void visit_reindex(struct walk *w, struct frame *in, const Node *node)
{
    const ReindexStmt *reindex = (const ReindexStmt *)node;
    if (reindex->relation == NULL || has_option(reindex->params, "concurrently"))
        not_in_transaction(w);
    if (reindex->relation == NULL)
        touch_other(w, in, reindex->name);
}

void visit_cluster(struct walk *w, struct frame *in, const Node *node)
{
    if (((const ClusterStmt *)node)->relation == NULL)
        not_in_transaction(w);
}

void visit_index(struct walk *w, struct frame *in, const Node *node)
{
    if (((const IndexStmt *)node)->concurrent)
        not_in_transaction(w);
}

void visit_cast(struct walk *w, struct frame *in, const Node *node)
{
    const CreateCastStmt *cast = (const CreateCastStmt *)node;
    touch_object(w, in, OBJECT_CAST, (const Node *)cast->targettype);
}

void visit_transform(struct walk *w, struct frame *in, const Node *node)
{
    const CreateTransformStmt *transform = (const CreateTransformStmt *)node;
    touch_object(w, in, OBJECT_TRANSFORM, (const Node *)transform->type_name);
}

/* CREATE and DROP DATABASE. */
void visit_database(struct walk *w, struct frame *in, const Node *node)
{
    not_in_transaction(w);
    touch_other(w, in,
                IsA(node, CreatedbStmt) ? ((const CreatedbStmt *)node)->dbname : ((const DropdbStmt *)node)->dbname);
}

void visit_tablespace(struct walk *w, struct frame *in, const Node *node)
{
    not_in_transaction(w);
    touch_other(w, in,
                IsA(node, CreateTableSpaceStmt) ? ((const CreateTableSpaceStmt *)node)->tablespacename
                                                : ((const DropTableSpaceStmt *)node)->tablespacename);
}

void visit_alter_system(struct walk *w, struct frame *in, const Node *node)
{
    not_in_transaction(w);
    touch_other(w, in, "system");
}
