/* The tables of node kinds against the library's own headers: each kind that a parse tree can hold has a row,
 * and each row speaks of every field that can hold a node. A newer PostgreSQL with a new kind of node, or a new
 * field in an old one, fails here rather than slipping past the walk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"

/* Kinds that the grammar never makes: parse analysis, the planner and the executor do, or PL/pgSQL's mode of the
 * grammar. Without a row they are refused. RawStmt is taken apart before the walk, List by it. */
static const char *const never[] = {
    "TableFunc",
    "Var",
    "Const",
    "Param",
    "Aggref",
    "WindowFunc",
    "SubscriptingRef",
    "FuncExpr",
    "OpExpr",
    "DistinctExpr",
    "NullIfExpr",
    "ScalarArrayOpExpr",
    "SubPlan",
    "AlternativeSubPlan",
    "FieldSelect",
    "FieldStore",
    "RelabelType",
    "CoerceViaIO",
    "ArrayCoerceExpr",
    "ConvertRowtypeExpr",
    "CollateExpr",
    "CaseTestExpr",
    "ArrayExpr",
    "RowCompareExpr",
    "CoerceToDomain",
    "CoerceToDomainValue",
    "NextValueExpr",
    "InferenceElem",
    "TargetEntry",
    "RangeTblRef",
    "FromExpr",
    "OnConflictExpr",
    "List",
    "RawStmt",
    "Query",
    "PlannedStmt",
    "PLAssignStmt",
    "SetOperationStmt",
    "RangeTblEntry",
    "RangeTblFunction",
    "TableSampleClause",
    "WithCheckOption",
    "SortGroupClause",
    "WindowClause",
    "RowMarkClause",
};

static char *read_file(const char *path)
{
    struct bytes text = {0};
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        print_error("can't read %s\n", path);
        fail();
    }
    char piece[8192];
    for (size_t got; (got = fread(piece, 1, sizeof piece, file)) > 0;)
        bytes_add(&text, piece, got);
    fclose(file);
    bytes_text(&text);
    return text.data;
}

static bool is_never(const char *kind)
{
    for (size_t i = 0; i < sizeof never / sizeof *never; i++)
        if (strcmp(never[i], kind) == 0)
            return true;
    return false;
}

static bool is_name(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Where `kind`'s row begins in the table, "MACRO(kind" at the start of a line; NULL: it has none. */
static const char *row_of(const char *table, const char *kind)
{
    size_t len = strlen(kind);
    for (const char *at = table; (at = strstr(at, kind)) != NULL; at += len)
        if (at > table + 1 && at[-1] == '(' && is_name(at[-2]) && !is_name(at[len]))
            return at;
    return NULL;
}

static const char *const row_ends[] = {"LEAF(", "PLAIN(", "VISIT(", "FROM_ITEM(", "STATEMENT(", "NAMED(", "[T_", "};"};

static bool row_mentions(const char *row, const char *field)
{
    const char *end = row + strlen(row);
    for (size_t i = 0; i < sizeof row_ends / sizeof *row_ends; i++) {
        const char *next = strstr(row, row_ends[i]);
        if (next != NULL && next < end)
            end = next;
    }
    size_t len = strlen(field);
    for (const char *at = row; (at = strstr(at, field)) != NULL && at < end; at += len)
        if (!is_name(at[-1]) && !is_name(at[len]))
            return true;
    return false;
}

struct tables {
    char *nodes, *statements, *tags, *structs[3];
};

static int make_tables(void **state)
{
    static struct tables tables;
    tables.nodes = read_file(SOURCE_DIR "/parser/nodes.c");
    tables.statements = read_file(SOURCE_DIR "/parser/statements.c");
    tables.tags = read_file(PARSER_SERVER_INCLUDE "/nodes/nodes.h");
    tables.structs[0] = read_file(PARSER_SERVER_INCLUDE "/nodes/parsenodes.h");
    tables.structs[1] = read_file(PARSER_SERVER_INCLUDE "/nodes/primnodes.h");
    tables.structs[2] = read_file(PARSER_SERVER_INCLUDE "/nodes/value.h");
    *state = &tables;
    return 0;
}

static int drop_tables(void **state)
{
    struct tables *tables = *state;
    free(tables->nodes);
    free(tables->statements);
    free(tables->tags);
    for (int i = 0; i < 3; i++)
        free(tables->structs[i]);
    return 0;
}

static const char *find_row(const struct tables *tables, const char *kind)
{
    const char *row = row_of(tables->nodes, kind);
    return row != NULL ? row : row_of(tables->statements, kind);
}

/* ---- every kind has a row ----------------------------------------------------------------------------- */

static int check_section(const struct tables *tables, const char *title, int *count)
{
    const char *at = strstr(tables->tags, title);
    assert_non_null(at);
    const char *end = strstr(at + strlen(title), "TAGS FOR ");
    int missing = 0;
    for (; (at = strstr(at, "\tT_")) != NULL && (end == NULL || at < end); at += 3) {
        char kind[64];
        assert_int_equal(sscanf(at + 3, "%63[A-Za-z0-9_]", kind), 1);
        ++*count;
        bool has_row = find_row(tables, kind) != NULL;
        if (has_row != is_never(kind))
            continue;
        ++missing;
        print_error("%s: %s\n", kind, has_row ? "has a row, but never occurs" : "has no row");
    }
    return missing;
}

static void every_kind_of_node_has_a_row(void **state)
{
    static const char *const sections[] = {"TAGS FOR PRIMITIVE NODES", "TAGS FOR VALUE NODES", "TAGS FOR LIST NODES",
                                           "TAGS FOR STATEMENT NODES", "TAGS FOR PARSE TREE NODES"};
    int missing = 0, count = 0;
    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++)
        missing += check_section(*state, sections[i], &count);
    print_message("%d kinds of nodes\n", count);
    assert_true(count > 200);
    assert_int_equal(missing, 0);
}

/* ---- every field is spoken of ------------------------------------------------------------------------- */

/* One field, "\tType *name;": can it hold a node? */
static bool field_holds_node(const char *line, char name[64])
{
    char type[64];
    const char *at = line + strspn(line, "\t ");
    if (strncmp(at, "struct ", 7) == 0)
        at += 7;
    if (sscanf(at, "%63[A-Za-z0-9_] *%63[A-Za-z0-9_]", type, name) != 2)
        return false;
    at += strlen(type) + strspn(at + strlen(type), "\t ");
    return *at == '*' && strcmp(type, "char") != 0 && strcmp(type, "const") != 0 && strcmp(type, "Bitmapset") != 0;
}

static int check_fields(const char *kind, const char *row, const char *body, const char *end, int *count)
{
    int missing = 0;
    for (const char *line = body; line != NULL && line < end; line = strchr(line, '\n')) {
        line++;
        char name[64];
        if (!field_holds_node(line, name))
            continue;
        ++*count;
        if (row_mentions(row, name))
            continue;
        ++missing;
        print_error("%s: its row doesn't speak of %s\n", kind, name);
    }
    return missing;
}

/* A struct's opening brace stands alone on its line, its name on the line before, its closing brace at the start of
 * a line. */
static int check_structs(const struct tables *tables, const char *header, int *structs, int *fields)
{
    int missing = 0;
    for (const char *brace = header; (brace = strstr(brace, "\n{")) != NULL; brace++) {
        const char *line = brace;
        while (line > header && line[-1] != '\n')
            line--;
        char kind[64];
        if (sscanf(line, "typedef struct %63[A-Za-z0-9_]", kind) != 1 &&
            sscanf(line, "struct %63[A-Za-z0-9_]", kind) != 1)
            continue;
        const char *row = find_row(tables, kind);
        if (row == NULL)
            continue;
        ++*structs;
        missing += check_fields(kind, row, brace + 1, strstr(brace, "\n}"), fields);
    }
    return missing;
}

static void every_field_is_walked_or_accounted_for(void **state)
{
    const struct tables *tables = *state;
    int missing = 0, structs = 0, fields = 0;
    for (int i = 0; i < 3; i++)
        missing += check_structs(tables, tables->structs[i], &structs, &fields);
    print_message("%d structs, %d fields\n", structs, fields);
    assert_true(structs > 150);
    assert_true(fields > 250);
    assert_int_equal(missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_node_has_a_row),
        cmocka_unit_test(every_field_is_walked_or_accounted_for),
    };
    return cmocka_run_group_tests(tests, make_tables, drop_tables);
}
