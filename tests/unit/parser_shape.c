/* Fingerprints, the names of operations, and where statements begin and end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "parser/parser.h"

static void fingerprint(const char *sql, char to[17])
{
    struct arena arena = {0};
    struct facts facts;
    struct parser_error error;
    assert_int_equal(parser_read(view_of(sql), NULL, &arena, &facts, &error), PARSER_RESULT_OK);
    assert_int_equal(facts.count, 1);
    parser_fingerprint(&facts.statements[0], to);
    arena_fini(&arena);
}

static bool alike(const char *a, const char *b)
{
    char of_a[17], of_b[17];
    fingerprint(a, of_a);
    fingerprint(b, of_b);
    assert_int_equal(strspn(of_a, "0123456789abcdef"), 16);
    return strcmp(of_a, of_b) == 0;
}

static void statements_that_differ_in_literals_are_alike(void **state)
{
    assert_true(alike("SELECT a FROM t WHERE id = 1", "select  a from T where id = 'x' -- c"));
    assert_true(alike("SELECT a FROM t WHERE id IN (1)", "SELECT a FROM t WHERE id IN (1, 2, 3)"));
    assert_true(alike("INSERT INTO t VALUES (1, 'a')", "INSERT INTO t VALUES (2, 'b'), (3, 'c')"));
    assert_true(alike("SELECT 1 LIMIT 5", "SELECT 2 LIMIT 7"));
}

static void statements_that_differ_in_more_are_not(void **state)
{
    assert_false(alike("SELECT a FROM t", "SELECT b FROM t"));
    assert_false(alike("SELECT a FROM t", "SELECT a FROM u"));
    assert_false(alike("SELECT a FROM s.t", "SELECT a FROM t"));
    assert_false(alike("SELECT 1 + 2", "SELECT 1 - 2"));
    assert_false(alike("SELECT f(1)", "SELECT g(1)"));
    assert_false(alike("SELECT a FROM t WHERE a AND b", "SELECT a FROM t WHERE a OR b"));
    assert_false(alike("SELECT 1 UNION SELECT 2", "SELECT 1 EXCEPT SELECT 2"));
    assert_false(alike("COMMIT", "ROLLBACK"));
    assert_false(alike("EXPLAIN DELETE FROM t", "EXPLAIN ANALYZE DELETE FROM t"));
    assert_false(alike("SELECT 1", "DELETE FROM t"));
    assert_false(alike("SET jit = off", "SET role = off"));
}

static void operations_have_names(void **state)
{
    enum operation operation;
    for (int i = 0; i < OPERATION_COUNT; i++) {
        assert_true(operation_find(view_of(operation_name((enum operation)i)), &operation));
        assert_int_equal(operation, i);
        assert_non_null(strchr("pfn", operation_class((enum operation)i)));
    }
    assert_true(operation_find(view_of("sElEcT"), &operation));
    assert_int_equal(operation, OPERATION_SELECT);
    assert_false(operation_find(view_of("SELECTS"), &operation));
    assert_false(operation_find(view_of(""), &operation));
    assert_int_equal(operation_class(OPERATION_UNKNOWN), 'n');
}

/* The text needn't be NUL-terminated, and what follows it isn't read. */
static void only_the_text_given_is_read(void **state)
{
    static const char sql[] = "SELECT a FROM t; DROP TABLE t";
    struct arena arena = {0};
    struct facts facts;
    struct parser_error error;
    assert_int_equal(parser_read((struct view){sql, 15}, NULL, &arena, &facts, &error), PARSER_RESULT_OK);
    assert_int_equal(facts.count, 1);
    assert_true(view_is(facts.statements[0].text, "SELECT a FROM t"));
    assert_true(facts.text.data == sql);
    assert_int_equal(facts.statements[0].touches[0].position, 14);
    arena_fini(&arena);
}

static void statements_are_slices_without_blanks(void **state)
{
    struct arena arena = {0};
    struct facts facts;
    struct parser_error error;
    assert_int_equal(
        parser_read(view_of(" ;\n SELECT 1 ;;/* c */ DELETE FROM t /* d */ ; "), NULL, &arena, &facts, &error),
        PARSER_RESULT_OK);
    assert_int_equal(facts.count, 2);
    assert_true(view_is(facts.statements[0].text, "SELECT 1"));
    assert_true(view_is(facts.statements[1].text, "/* c */ DELETE FROM t /* d */"));
    assert_int_equal(facts.statements[1].touches[0].position, 35);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_that_differ_in_literals_are_alike),
        cmocka_unit_test(statements_that_differ_in_more_are_not),
        cmocka_unit_test(operations_have_names),
        cmocka_unit_test(only_the_text_given_is_read),
        cmocka_unit_test(statements_are_slices_without_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
