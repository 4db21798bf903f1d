/* What each kind of node says, where its row's fields don't tell everything: it adds facts to the draft and
 * pushes the children that need other surroundings than the node's own. */
#ifndef PARSER_VISIT_H
#define PARSER_VISIT_H

#include "nodes.h"

/* visit_query.c: SELECT and the statements that change rows */
node_visit visit_select, visit_insert, visit_update, visit_delete, visit_merge, visit_relation, visit_into, visit_join,
    visit_subselect, visit_multiple, visit_copy;
void visit_locks_end(struct walk *w, const struct frame *in);

/* visit_expression.c: what can be called, and columns */
node_visit visit_call, visit_column, visit_indirection, visit_operator, visit_sublink, visit_sort, visit_type,
    visit_parameter, visit_sample, visit_current_of, visit_boolean;

/* visit_session.c: statements about the session: settings, transactions, cursors, names */
node_visit visit_set, visit_show, visit_transaction, visit_explain, visit_prepare, visit_execute, visit_deallocate,
    visit_declare, visit_fetch, visit_close, visit_discard, visit_notify, visit_listen, visit_unlisten,
    visit_constraints;

/* visit_utility.c: statements about objects */
node_visit visit_drop, visit_comment, visit_rename, visit_depends, visit_object_schema, visit_owner, visit_label,
    visit_extension_contents, visit_grant, visit_grant_role, visit_drop_role, visit_drop_owned, visit_reassign,
    visit_alter_role, visit_alter_role_set, visit_procedure_call, visit_lock, visit_vacuum, visit_reindex,
    visit_cluster, visit_index, visit_cast, visit_transform, visit_user_mapping, visit_database, visit_alter_system,
    visit_tablespace;

#endif
