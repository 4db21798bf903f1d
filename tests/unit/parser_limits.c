/* Hostile sizes: every generator of tests/corpus/generators.py, and more, at a million levels and at the size
 * cap, on a thread with a small stack. Whatever comes out, it comes out soon and the thread survives. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "parser/parser.h"

enum { STACK = 256 << 10, LEVELS = 1000000, CAP = 1 << 20 };

/* before, `open` n times, middle, `close` n times, after. A '#' in open is the number of the repetition. */
struct generator {
    const char *name, *before, *open, *middle, *close, *after;
};

static const struct generator generators[] = {
    {"paren", "SELECT ", "(", "1", ")", ""},
    {"not", "SELECT ", "NOT ", "true", "", ""},
    {"subsel", "SELECT ", "(SELECT ", "1", ")", ""},
    {"fromsub", "SELECT * FROM ", "(SELECT * FROM ", "t", ") a", ""},
    {"case", "SELECT ", "CASE WHEN true THEN ", "1", " END", ""},
    {"func", "SELECT ", "f(", "1", ")", ""},
    {"plus", "SELECT 1", "+1", "", "", ""},
    {"concat", "SELECT 'a'", "||'a'", "", "", ""},
    {"cast", "SELECT 1", "::int", "", "", ""},
    {"and", "SELECT 1 WHERE true", " AND true", "", "", ""},
    {"or", "SELECT 1 WHERE false", " OR false", "", "", ""},
    {"union", "SELECT 1", " UNION SELECT 1", "", "", ""},
    {"join", "SELECT 1 FROM t", " CROSS JOIN (VALUES(1)) t#", "", "", ""},
    {"comma", "SELECT 1", ",1", "", "", ""},
    {"inlist", "SELECT * FROM t WHERE id IN (1", ",1", ")", "", ""},
    {"semi", "SELECT 1", ";SELECT 1", "", "", ""},
    {"isnull", "SELECT 1", " IS NULL", "", "", ""},
    {"with", "WITH a AS (SELECT 1)", ",c# AS (SELECT 1)", " SELECT 1", "", ""},
    {"nestwith", "", "WITH a AS (", "SELECT 1", ") SELECT 1", ""},
    {"comment", "", "/*", "", "*/", " SELECT 1"},
    {"comment with blanks", "", "/* ", "", "*/ ", " SELECT 1"},
    {"comments", "SELECT ", "/**/ ", "1", "", ""},
    {"lines", "SELECT ", "--\n", "1", "", ""},
    {"open comments", "SELECT 1 ", "/* ", "", "", ""},
    {"subscript", "SELECT a", "[1]", "", "", ""},
    {"slashstar", "SELECT 1 ", "/*", "", "", ""},
    {"plusminus", "SELECT ", "+-", "1", "", ""},
    {"bigstring", "SELECT length('", "a", "')", "", ""},
    {"insertrows", "INSERT INTO t VALUES (1,'a')", ",(#,'name #')", "", "", ""},
    {"values", "VALUES (1)", ",(1)", "", "", ""},
    {"longident", "SELECT ", "a", " FROM t", "", ""},
    /* what the walk adds */
    {"dots", "SELECT a", ".a", "", "", ""},
    {"indirection", "SELECT (a)", ".a", "", "", ""},
    {"columns", "SELECT a", ",a", "", "", ""},
    {"new columns", "SELECT a", ",a#", "", "", ""},
    {"calls", "SELECT f()", ",f()", "", "", ""},
    {"relations", "SELECT FROM a", ",a", "", "", ""},
    {"with and use", "WITH RECURSIVE a AS (SELECT 1)", ",c# AS (TABLE b)", " SELECT 1", "", ""},
    {"with same name", "WITH a AS (SELECT 1)", ",a AS (TABLE b)", " SELECT 1", "", ""},
    {"locks", "SELECT FROM t", ",t#", " FOR UPDATE OF a", ",a", ""},
    {"lock clauses", "SELECT FROM t", ",t", "", " FOR UPDATE OF a", ""},
    {"left joins", "SELECT FROM ", "(t JOIN ", "t", " ON true)", ""},
    {"right joins", "SELECT FROM t", " JOIN t ON true", "", "", ""},
    {"array", "SELECT ", "ARRAY[", "1", "]", ""},
    {"row", "SELECT ", "ROW(", "1", ")", ""},
    {"minus", "SELECT ", "- ", "1", "", ""},
    {"casts to many", "SELECT 1", ",1::t#", "", "", ""},
    {"collate", "SELECT a", " COLLATE c", "", "", ""},
    {"timezone", "SELECT a", " AT TIME ZONE b", "", "", ""},
    {"intersect", "SELECT 1", " INTERSECT SELECT 1", "", "", ""},
    {"right unions", "SELECT 1", " UNION (SELECT 1", "", ")", ""},
    {"exists", "SELECT ", "EXISTS (SELECT ", "1", ")", ""},
    {"explain", "", "EXPLAIN ", "SELECT 1", "", ""},
    {"dollars", "SELECT ", "$a", "", "", ""},
    {"dollar tags", "SELECT ", "$a#$", "", "", ""},
    {"quotes", "SELECT 'a'", "\n'a'", "", "", ""},
    {"quotes and comments", "SELECT 'a'", " --\n'a'", "", "", ""},
    {"open quotes", "SELECT ", "'a' \n", "x", "", ""},
    {"escapes", "SELECT E'", "\\n", "'", "", ""},
    {"unicode", "SELECT U&'", "\\0041", "'", "", ""},
    {"unicode names", "SELECT U&\"", "\\0041", "\"", "", ""},
    {"backslashes", "SELECT '", "\\", "'", "", ""},
    {"set", "SET x = 1", ",1", "", "", ""},
    {"drop", "DROP TABLE a", ",a", "", "", ""},
    {"grant", "GRANT SELECT ON a", ",a", " TO b", "", ""},
    {"schema", "CREATE SCHEMA a", " CREATE TABLE t()", "", "", ""},
    {"body", "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC ", "SELECT 1;", " END", "", ""},
    {"blanks", "SELECT", " ", "1", "", ""},
    {"semicolons", "", ";", "", "", ""},
    {"stars", "SELECT ", "*", "", "", ""},
    {"dashes", "SELECT 1 -", "- ", "1", "", ""},
    {"merge", "MERGE INTO a USING b ON true", " WHEN MATCHED THEN DELETE", "", "", ""},
    {"assign", "UPDATE t SET a = 1", ",a.b# = 1", "", "", ""},
    {"assign several", "UPDATE t SET (a", ",a", ") = (SELECT 1", ",f(1)", ")"},
    {"numbers", "SELECT ", "1", "", "", ""},
    {"parameters", "SELECT 1", ",$#", "", "", ""},
    {"aliases", "SELECT FROM t a(b", ",b", ")", "", ""},
};

static void add_repeated(struct bytes *to, const char *piece, size_t n)
{
    size_t len = strlen(piece);
    if (strchr(piece, '#') == NULL) {
        char *room = bytes_room(to, len * n);
        for (size_t i = 0; i < n; i++)
            memcpy(room + i * len, piece, len);
        to->len += len * n;
        return;
    }
    for (size_t i = 0; i < n; i++)
        for (const char *c = piece; *c != '\0'; c++)
            if (*c == '#')
                bytes_add_format(to, "%zu", i);
            else
                bytes_add_char(to, *c);
}

static struct bytes generate(const struct generator *g, size_t n)
{
    struct bytes sql = {0};
    bytes_add_text(&sql, g->before);
    add_repeated(&sql, g->open, n);
    bytes_add_text(&sql, g->middle);
    add_repeated(&sql, g->close, n);
    bytes_add_text(&sql, g->after);
    return sql;
}

struct outcome {
    enum parser_result result;
    struct parser_error error;
    double seconds;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct outcome read_timed(struct view sql, const struct parser_limits *limits)
{
    struct arena arena = {0};
    struct facts facts;
    struct outcome outcome;
    double start = now();
    outcome.result = parser_read(sql, limits, &arena, &facts, &outcome.error);
    outcome.seconds = now() - start;
    arena_fini(&arena);
    return outcome;
}

static void show(const struct generator *g, size_t size, const struct outcome *o)
{
    static const char *const results[] = {"ok", "syntax", "encoding", "limit"};
    if (getenv("SHOW_TIMES") != NULL)
        print_message("%-20s %9zu bytes %7.3f s %s %s\n", g->name, size, o->seconds, results[o->result],
                      o->result ? o->error.message : "");
}

/* About the longest one that the size cap lets in. */
static size_t count_for_cap(const struct generator *g)
{
    struct bytes none = generate(g, 0), some = generate(g, 1);
    size_t each = some.len - none.len + (strchr(g->open, '#') != NULL ? 5 : 0); /* numbers have up to six digits */
    size_t count = (CAP - none.len) / each;
    bytes_fini(&none);
    bytes_fini(&some);
    return count;
}

static void *run_at_cap(void *slow)
{
    for (size_t i = 0; i < sizeof generators / sizeof *generators; i++) {
        struct bytes sql = generate(&generators[i], count_for_cap(&generators[i]));
        struct outcome outcome = read_timed(bytes_view(&sql), NULL);
        show(&generators[i], sql.len, &outcome);
        if (outcome.seconds > 1) {
            print_error("%s: %.2f s\n", generators[i].name, outcome.seconds);
            ++*(int *)slow;
        }
        bytes_fini(&sql);
    }
    return NULL;
}

static void *run_million(void *slow)
{
    struct parser_limits limits = {.length = 1 << 23};
    for (size_t i = 0; i < sizeof generators / sizeof *generators; i++) {
        struct bytes sql = generate(&generators[i], LEVELS);
        struct outcome outcome = read_timed(bytes_view(&sql), NULL); /* as a session would read it */
        if (outcome.seconds > 1)
            ++*(int *)slow;
        if (sql.len <= limits.length) { /* and with the cap on length taken away */
            outcome = read_timed(bytes_view(&sql), &limits);
            show(&generators[i], sql.len, &outcome);
        }
        bytes_fini(&sql);
    }
    return NULL;
}

/* ---- what is refused, and how ------------------------------------------------------------------------- */

static const struct refusal {
    struct generator text;
    size_t n;
    enum parser_result result;
    const char *sqlstate;
} refusals[] = {
    {{"sum", "SELECT 1", "+1", "", "", ""}, 2000, PARSER_RESULT_OK, "00000"},
    {{"long sum", "SELECT 1", "+1", "", "", ""}, 2600, PARSER_RESULT_LIMIT, "54001"},
    {{"long list", "SELECT 1", ",1", "", "", ""}, 100000, PARSER_RESULT_OK, "00000"},
    {{"flat conditions", "SELECT 1 WHERE a", " AND a", "", "", ""}, 50000, PARSER_RESULT_OK, "00000"},
    {{"for the grammar", "SELECT ", "(", "1", ")", ""}, 12000, PARSER_RESULT_LIMIT, "54001"},
    {{"banner", "--", "=", "\nSELECT 1", "", ""}, 4400, PARSER_RESULT_OK, "00000"},
    {{"long banner", "--", "=", "\nSELECT 1", "", ""}, 4500, PARSER_RESULT_LIMIT, "54000"},
    {{"nested comments", "", "/*", "", "*/", "SELECT 1"}, 1000, PARSER_RESULT_OK, "00000"},
    {{"more of them", "", "/*", "", "*/", "SELECT 1"}, 2000, PARSER_RESULT_LIMIT, "54000"},
    {{"many banners", "SELECT 1", " --==========================================================================\n", "",
      "", ""},
     3000,
     PARSER_RESULT_OK,
     "00000"},
    {{"statements", "", "SELECT 1;", "", "", ""}, 1000, PARSER_RESULT_OK, "00000"},
    {{"more statements", "", "SELECT 1;", "", "", ""}, 1001, PARSER_RESULT_LIMIT, "54000"},
    {{"length", "SELECT 1", " ", "", "", ""}, CAP - 8, PARSER_RESULT_OK, "00000"},
    {{"more length", "SELECT 1", " ", "", "", ""}, CAP - 7, PARSER_RESULT_LIMIT, "54000"},
    {{"overlong", "SELECT '", "\xc0\xaf", "", "", "'"}, 1, PARSER_RESULT_ENCODING, "22021"},
    {{"surrogate", "SELECT '", "\xed\xa0\x80", "", "", "'"}, 1, PARSER_RESULT_ENCODING, "22021"},
    {{"cut", "SELECT '", "\xc3", "", "", ""}, 1, PARSER_RESULT_ENCODING, "22021"},
    {{"sjis", "SELECT E'", "\x81\x5c", "", "", "' ; DELETE FROM t; --'"}, 1, PARSER_RESULT_ENCODING, "22021"},
};

static void limits_are_where_they_should_be(void **state)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *r = &refusals[i];
        struct bytes sql = generate(&r->text, r->n);
        struct outcome outcome = read_timed(bytes_view(&sql), NULL);
        if (outcome.result != r->result)
            print_error("%s: %d %s\n", r->text.name, outcome.result, outcome.error.message);
        assert_int_equal(outcome.result, r->result);
        assert_string_equal(outcome.error.sqlstate, r->sqlstate);
        bytes_fini(&sql);
    }
}

static void a_zero_byte_is_refused(void **state)
{
    static const char sql[] = "SELECT 1\0; DELETE FROM t";
    struct outcome outcome = read_timed((struct view){sql, sizeof sql - 1}, NULL);
    assert_int_equal(outcome.result, PARSER_RESULT_ENCODING);
    assert_int_equal(outcome.error.position, 8);
}

static void on_small_stack(void *(*run)(void *), void *argument)
{
    pthread_attr_t attributes;
    pthread_t thread;
    assert_int_equal(pthread_attr_init(&attributes), 0);
    assert_int_equal(pthread_attr_setstacksize(&attributes, STACK), 0);
    assert_int_equal(pthread_create(&thread, &attributes, run, argument), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    pthread_attr_destroy(&attributes);
}

static void texts_at_the_size_cap_are_read_soon(void **state)
{
    int slow = 0;
    on_small_stack(run_at_cap, &slow);
    assert_int_equal(slow, 0);
}

static void a_million_levels_do_no_harm(void **state)
{
    int slow = 0;
    on_small_stack(run_million, &slow);
    assert_int_equal(slow, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_where_they_should_be),
        cmocka_unit_test(a_zero_byte_is_refused),
        cmocka_unit_test(texts_at_the_size_cap_are_read_soon),
        cmocka_unit_test(a_million_levels_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
