/* The table of node kinds that are no statements: constants, names, expressions, clauses, and the pieces that
 * utility statements are made of. A new kind is a row in one of the shapes that rows.h explains. */
#include "rows.h"
#include "visit.h"

#include <postgres.h>

#include <nodes/parsenodes.h>
#include <nodes/primnodes.h>

/* clang-format off */
static const struct node_row rows[] = {
    /* values */
    LEAF(Integer),
    LEAF(Float),
    LEAF(Boolean),
    LEAF(String),
    LEAF(BitString),
    LEAF(IntList),
    LEAF(OidList),

    /* expressions */
    LEAF(A_Const),
    LEAF(A_Star),
    LEAF(SetToDefault),
    LEAF(SQLValueFunction),
    VISIT(ColumnRef, visit_column /* names: fields */),
    VISIT(ParamRef, visit_parameter),
    VISIT(A_Expr, visit_operator, lexpr, rexpr /* names: name */),
    VISIT(BoolExpr, visit_boolean, args),
    VISIT(FuncCall, visit_call, args, agg_order, agg_filter, over /* names: funcname */),
    PLAIN(NamedArgExpr, arg),
    PLAIN(GroupingFunc, args /* later: refs, cols */),
    PLAIN(A_Indices, lidx, uidx),
    VISIT(A_Indirection, visit_indirection, arg, indirection),
    PLAIN(A_ArrayExpr, elements),
    PLAIN(RowExpr, args /* names: colnames */),
    PLAIN(CaseExpr, arg, args, defresult),
    PLAIN(CaseWhen, expr, result),
    PLAIN(CoalesceExpr, args),
    PLAIN(MinMaxExpr, args),
    PLAIN(NullTest, arg),
    PLAIN(BooleanTest, arg),
    VISIT(SubLink, visit_sublink, testexpr, subselect /* names: operName */),
    PLAIN(TypeCast, arg, typeName),
    VISIT(TypeName, visit_type, typmods, arrayBounds /* names: names */),
    PLAIN(CollateClause, arg /* names: collname */),
    PLAIN(XmlExpr, named_args, args /* names: arg_names */),
    PLAIN(XmlSerialize, expr, typeName),
    VISIT(CurrentOfExpr, visit_current_of),
    VISIT(MultiAssignRef, visit_multiple /* visit: source */),

    /* clauses of queries */
    PLAIN(ResTarget, indirection, val),
    VISIT(SortBy, visit_sort, node /* names: useOp */),
    PLAIN(WindowDef, partitionClause, orderClause, startOffset, endOffset),
    PLAIN(GroupingSet, content),
    LEAF(LockingClause /* visit: lockedRels, by visit_select */),
    PLAIN(WithClause, ctes),
    PLAIN(CommonTableExpr, ctequery, search_clause, cycle_clause
          /* names: aliascolnames; later: ctecolnames, ctecoltypes, ctecoltypmods, ctecolcollations */),
    LEAF(CTESearchClause /* names: search_col_list */),
    PLAIN(CTECycleClause, cycle_mark_value, cycle_mark_default /* names: cycle_col_list */),
    PLAIN(InferClause, indexElems, whereClause),
    PLAIN(OnConflictClause, infer, targetList, whereClause),
    PLAIN(MergeWhenClause, condition, targetList, values),
    VISIT(IntoClause, visit_into, options, viewQuery /* names: colNames; visit: rel */),

    /* FROM */
    FROM_ITEM(RangeVar, visit_relation /* names: alias */),
    FROM_ITEM(JoinExpr, visit_join
              /* names: usingClause, join_using_alias, alias; visit: larg, rarg, quals */),
    FROM_ITEM(RangeSubselect, visit_subselect /* names: alias; visit: subquery */),
    FROM_ITEM(RangeTableSample, visit_sample /* names: method; visit: relation, args, repeatable */),
    PLAIN(RangeFunction, functions, coldeflist /* names: alias */),
    PLAIN(RangeTableFunc, docexpr, rowexpr, namespaces, columns /* names: alias */),
    PLAIN(RangeTableFuncCol, typeName, colexpr, coldefexpr),
    LEAF(Alias /* names: colnames */),

    /* pieces of utility statements */
    PLAIN(DefElem, arg),
    PLAIN(ColumnDef, typeName, raw_default, identitySequence, collClause, constraints, fdwoptions
          /* later: cooked_default */),
    PLAIN(Constraint, options, exclusions, raw_expr, where_clause, pktable
          /* names: keys, including, fk_attrs, pk_attrs, fk_del_set_cols; later: old_conpfeqop */),
    PLAIN(IndexElem, expr, opclassopts /* names: collation, opclass */),
    PLAIN(StatsElem, expr),
    PLAIN(TableLikeClause, relation),
    PLAIN(PartitionSpec, partParams),
    PLAIN(PartitionElem, expr /* names: collation, opclass */),
    PLAIN(PartitionBoundSpec, listdatums, lowerdatums, upperdatums),
    PLAIN(PartitionRangeDatum, value),
    PLAIN(PartitionCmd, name, bound),
    PLAIN(AlterTableCmd, newowner, def),
    LEAF(ReplicaIdentityStmt),
    PLAIN(ObjectWithArgs, objargs, objfuncargs /* names: objname */),
    PLAIN(FunctionParameter, argType, defexpr),
    PLAIN(CreateOpClassItem, name, storedtype, class_args /* names: order_family */),
    LEAF(AccessPriv /* names: cols */),
    LEAF(RoleSpec),
    LEAF(TriggerTransition),
    PLAIN(VacuumRelation, relation /* names: va_cols */),
    PLAIN(PublicationObjSpec, pubtable),
    PLAIN(PublicationTable, relation, whereClause /* names: columns */),
    PLAIN(ReturnStmt, returnval),
};
/* clang-format on */

const struct node_row *node_row(int tag)
{
    if (tag >= 0 && (size_t)tag < lengthof(rows) && rows[tag].name != NULL)
        return &rows[tag];
    return statement_row(tag);
}
