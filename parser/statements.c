/* The table of statements: every kind that the grammar knows, the operation that it is, the object that it is
 * about, and the parts to walk. Where visit says more than the row (COMMIT is a TransactionStmt like BEGIN),
 * it corrects the operation.
 *
 * To add a kind of statement: a row here, in one of the shapes that rows.h explains; a visit_… function where
 * the fields alone don't tell everything (visit_session.c, visit_utility.c or visit_query.c, declared in
 * visit.h); and cases in tests/sql. Until then the kind is refused as not understood. If it is none of the
 * known operations, OPERATION_LIST in parser.h gets one more line, whose class says what policies can do. */
#include "rows.h"
#include "visit.h"

#include <postgres.h>

#include <nodes/parsenodes.h>

/* clang-format off */
static const struct node_row rows[] = {
    /* queries */
    [T_SelectStmt] = {.name = "SelectStmt", .operation = OPERATION_SELECT, .is_from_item = true,
                      .visit = visit_select},
    /* ROW(SelectStmt) visit: distinctClause, intoClause, targetList, fromClause, whereClause, groupClause,
     * havingClause, windowClause, valuesLists, sortClause, limitOffset, limitCount, lockingClause, withClause,
     * larg, rarg */
    STATEMENT(InsertStmt, INSERT, visit_insert
              /* visit: relation, cols, selectStmt, onConflictClause, returningList, withClause */),
    STATEMENT(UpdateStmt, UPDATE, visit_update
              /* visit: relation, targetList, whereClause, fromClause, returningList, withClause */),
    STATEMENT(DeleteStmt, DELETE, visit_delete
              /* visit: relation, usingClause, whereClause, returningList, withClause */),
    STATEMENT(MergeStmt, MERGE, visit_merge
              /* visit: relation, sourceRelation, joinCondition, mergeWhenClauses, withClause */),
    STATEMENT(CopyStmt, COPY, visit_copy /* names: attlist; visit: relation, query, options, whereClause */),
    STATEMENT(TruncateStmt, TRUNCATE, NULL, relations),
    STATEMENT(CallStmt, CALL, visit_procedure_call, funccall /* later: funcexpr, outargs */),
    STATEMENT(DoStmt, DO, NULL, args),
    STATEMENT(LockStmt, LOCK, visit_lock, relations),

    /* the session */
    STATEMENT(TransactionStmt, BEGIN, visit_transaction /* visit: options */),
    STATEMENT(ConstraintsSetStmt, CONSTRAINTS, visit_constraints /* names: constraints */),
    STATEMENT(VariableSetStmt, SET, visit_set, args),
    STATEMENT(VariableShowStmt, SHOW, visit_show),
    STATEMENT(ExplainStmt, EXPLAIN, visit_explain, options /* visit: query */),
    STATEMENT(PrepareStmt, PREPARE, visit_prepare, argtypes /* visit: query */),
    STATEMENT(ExecuteStmt, EXECUTE, visit_execute, params),
    STATEMENT(DeallocateStmt, DEALLOCATE, visit_deallocate),
    STATEMENT(DeclareCursorStmt, DECLARE, visit_declare /* visit: query */),
    STATEMENT(FetchStmt, FETCH, visit_fetch),
    STATEMENT(ClosePortalStmt, CLOSE, visit_close),
    STATEMENT(DiscardStmt, DISCARD, visit_discard),
    STATEMENT(NotifyStmt, NOTIFY, visit_notify),
    STATEMENT(ListenStmt, LISTEN, visit_listen),
    STATEMENT(UnlistenStmt, UNLISTEN, visit_unlisten),
    NAMED(LoadStmt, LOAD, TEXT, filename),

    /* relations */
    STATEMENT(CreateStmt, CREATE, NULL, relation, tableElts, inhRelations, partbound, partspec, ofTypename,
              constraints, options),
    STATEMENT(CreateForeignTableStmt, CREATE, NULL, base.relation, base.tableElts, base.inhRelations, base.partbound,
              base.partspec, base.constraints, base.options, options /* later: base.ofTypename */),
    STATEMENT(CreateTableAsStmt, CREATE, NULL, into, query),
    STATEMENT(ViewStmt, CREATE, NULL, view, query, options /* names: aliases */),
    STATEMENT(RefreshMatViewStmt, REFRESH, NULL, relation),
    STATEMENT(CreateSeqStmt, CREATE, NULL, sequence, options),
    STATEMENT(AlterSeqStmt, ALTER, NULL, sequence, options),
    STATEMENT(IndexStmt, CREATE, visit_index, relation, indexParams, indexIncludingParams, options, whereClause
              /* names: excludeOpNames */),
    STATEMENT(CreateStatsStmt, CREATE, NULL, exprs, relations /* names: defnames, stat_types */),
    NAMED(AlterStatsStmt, ALTER, LIST, defnames),
    STATEMENT(AlterTableStmt, ALTER, NULL, relation, cmds),
    NAMED(AlterTableMoveAllStmt, ALTER, TEXT, orig_tablespacename, roles),
    STATEMENT(CreateTrigStmt, CREATE, NULL, relation, args, whenClause, transitionRels, constrrel
              /* names: funcname, columns */),
    STATEMENT(RuleStmt, CREATE, NULL, relation, whereClause, actions),
    STATEMENT(CreatePolicyStmt, CREATE, NULL, table, roles, qual, with_check),
    STATEMENT(AlterPolicyStmt, ALTER, NULL, table, roles, qual, with_check),
    STATEMENT(CompositeTypeStmt, CREATE, NULL, typevar, coldeflist),
    STATEMENT(ClusterStmt, CLUSTER, visit_cluster, relation, params),
    STATEMENT(VacuumStmt, VACUUM, visit_vacuum, rels, options),
    STATEMENT(ReindexStmt, REINDEX, visit_reindex, relation, params),
    STATEMENT(CheckPointStmt, CHECKPOINT, NULL),

    /* functions, types, operators */
    NAMED(CreateFunctionStmt, CREATE, FUNCTION, funcname, parameters, returnType, options, sql_body),
    NAMED(AlterFunctionStmt, ALTER, ROUTINE, func, actions),
    NAMED(DefineStmt, CREATE, LIST, defnames, args, definition),
    NAMED(CreateDomainStmt, CREATE, LIST, domainname, typeName, collClause, constraints),
    NAMED(AlterDomainStmt, ALTER, LIST, typeName, def),
    NAMED(CreateEnumStmt, CREATE, LIST, typeName /* names: vals */),
    NAMED(AlterEnumStmt, ALTER, LIST, typeName),
    NAMED(CreateRangeStmt, CREATE, LIST, typeName, params),
    NAMED(AlterTypeStmt, ALTER, LIST, typeName, options),
    NAMED(AlterOperatorStmt, ALTER, OPERATOR, opername, options),
    NAMED(AlterCollationStmt, ALTER, LIST, collname),
    NAMED(CreateConversionStmt, CREATE, LIST, conversion_name /* names: func_name */),
    STATEMENT(CreateCastStmt, CREATE, visit_cast, sourcetype, targettype, func),
    STATEMENT(CreateTransformStmt, CREATE, visit_transform, type_name, fromsql, tosql),
    NAMED(CreateOpClassStmt, CREATE, LIST, opclassname, datatype, items /* names: opfamilyname */),
    NAMED(CreateOpFamilyStmt, CREATE, LIST, opfamilyname),
    NAMED(AlterOpFamilyStmt, ALTER, LIST, opfamilyname, items),
    NAMED(CreatePLangStmt, CREATE, TEXT, plname /* names: plhandler, plinline, plvalidator */),
    NAMED(CreateAmStmt, CREATE, TEXT, amname /* names: handler_name */),
    NAMED(AlterTSDictionaryStmt, ALTER, LIST, dictname, options),
    NAMED(AlterTSConfigurationStmt, ALTER, LIST, cfgname /* names: tokentype, dicts */),

    /* objects of any kind */
    STATEMENT(DropStmt, DROP, visit_drop /* visit: objects */),
    STATEMENT(CommentStmt, COMMENT, visit_comment /* visit: object */),
    STATEMENT(SecLabelStmt, SECURITY, visit_label /* visit: object */),
    STATEMENT(RenameStmt, ALTER, visit_rename /* visit: relation, object */),
    STATEMENT(AlterObjectDependsStmt, ALTER, visit_depends /* names: extname; visit: relation, object */),
    STATEMENT(AlterObjectSchemaStmt, ALTER, visit_object_schema /* visit: relation, object */),
    STATEMENT(AlterOwnerStmt, ALTER, visit_owner, newowner /* visit: relation, object */),

    /* roles and rights */
    STATEMENT(GrantStmt, GRANT, visit_grant, privileges, grantees, grantor /* visit: objects */),
    STATEMENT(GrantRoleStmt, GRANT, visit_grant_role, grantee_roles, grantor /* visit: granted_roles */),
    STATEMENT(AlterDefaultPrivilegesStmt, ALTER, NULL, options, action),
    NAMED(CreateRoleStmt, CREATE, TEXT, role, options),
    STATEMENT(AlterRoleStmt, ALTER, visit_alter_role, options /* visit: role */),
    STATEMENT(AlterRoleSetStmt, ALTER, visit_alter_role_set, setstmt /* visit: role */),
    STATEMENT(DropRoleStmt, DROP, visit_drop_role /* visit: roles */),
    STATEMENT(DropOwnedStmt, DROP, visit_drop_owned /* visit: roles */),
    STATEMENT(ReassignOwnedStmt, REASSIGN, visit_reassign, newrole /* visit: roles */),

    /* databases, schemas, the server */
    NAMED(CreateSchemaStmt, CREATE, TEXT, schemaname, authrole, schemaElts),
    STATEMENT(CreatedbStmt, CREATE, visit_database, options),
    STATEMENT(DropdbStmt, DROP, visit_database, options),
    NAMED(AlterDatabaseStmt, ALTER, TEXT, dbname, options),
    NAMED(AlterDatabaseRefreshCollStmt, ALTER, TEXT, dbname),
    NAMED(AlterDatabaseSetStmt, ALTER, TEXT, dbname, setstmt),
    STATEMENT(AlterSystemStmt, ALTER, visit_alter_system, setstmt),
    STATEMENT(CreateTableSpaceStmt, CREATE, visit_tablespace, owner, options),
    STATEMENT(DropTableSpaceStmt, DROP, visit_tablespace),
    NAMED(AlterTableSpaceOptionsStmt, ALTER, TEXT, tablespacename, options),
    NAMED(CreateExtensionStmt, CREATE, TEXT, extname, options),
    NAMED(AlterExtensionStmt, ALTER, TEXT, extname, options),
    STATEMENT(AlterExtensionContentsStmt, ALTER, visit_extension_contents /* visit: object */),
    NAMED(CreateEventTrigStmt, CREATE, TEXT, trigname, whenclause /* names: funcname */),
    NAMED(AlterEventTrigStmt, ALTER, TEXT, trigname),

    /* other servers */
    NAMED(CreateFdwStmt, CREATE, TEXT, fdwname, func_options, options),
    NAMED(AlterFdwStmt, ALTER, TEXT, fdwname, func_options, options),
    NAMED(CreateForeignServerStmt, CREATE, TEXT, servername, options),
    NAMED(AlterForeignServerStmt, ALTER, TEXT, servername, options),
    STATEMENT(CreateUserMappingStmt, CREATE, visit_user_mapping, user, options),
    STATEMENT(AlterUserMappingStmt, ALTER, visit_user_mapping, user, options),
    STATEMENT(DropUserMappingStmt, DROP, visit_user_mapping, user),
    NAMED(ImportForeignSchemaStmt, IMPORT, TEXT, server_name, options /* names: table_list */),
    NAMED(CreatePublicationStmt, CREATE, TEXT, pubname, options, pubobjects),
    NAMED(AlterPublicationStmt, ALTER, TEXT, pubname, options, pubobjects),
    NAMED(CreateSubscriptionStmt, CREATE, TEXT, subname, options /* names: publication */),
    NAMED(AlterSubscriptionStmt, ALTER, TEXT, subname, options /* names: publication */),
    NAMED(DropSubscriptionStmt, DROP, TEXT, subname),
};
/* clang-format on */

const struct node_row *statement_row(int tag)
{
    if (tag >= 0 && (size_t)tag < lengthof(rows) && rows[tag].name != NULL)
        return &rows[tag];
    return NULL;
}
