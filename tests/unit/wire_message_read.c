/* Reading bodies: one good example of each, and everything that can be wrong with it. Every good body is
 * also tried with its last byte missing and with one byte more: neither may be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "wire/wire.h"

/* A body in an exact-sized copy, so that a sanitizer sees the first byte read too far. It lives until the
 * test ends. */
static struct arena *arena;
static char *copies[64];
static size_t copy_count;

static int set_up(void **state)
{
    static struct arena fresh;
    arena = &fresh;
    return 0;
}

static int tear_down(void **state)
{
    while (copy_count > 0)
        free(copies[--copy_count]);
    arena_fini(arena);
    return 0;
}

static struct view exact(const char *data, size_t len)
{
    assert_true(copy_count < sizeof copies / sizeof *copies);
    char *copy = check_alloc(len ? len : 1);
    memcpy(copy, data, len);
    copies[copy_count++] = copy;
    return (struct view){copy, len};
}

#define B(text) exact(text, sizeof text - 1)

/* The same read with one byte less and with one more. */
#define NOT_SHORTER_NOT_LONGER(read, text)                                                                             \
    do {                                                                                                               \
        struct view body = exact(text, sizeof text - 2);                                                               \
        assert_false(read);                                                                                            \
        body = exact(text, sizeof text);                                                                               \
        assert_false(read);                                                                                            \
    } while (0)

/* ---- start-up --------------------------------------------------------------------------------------- */

static void startup_requests(void **state)
{
    struct startup startup;
    assert_true(message_read_startup(B("\x04\xd2\x16\x2f"), arena, &startup));
    assert_int_equal(startup.kind, STARTUP_KIND_SSL);
    assert_true(message_read_startup(B("\x04\xd2\x16\x30"), arena, &startup));
    assert_int_equal(startup.kind, STARTUP_KIND_GSS);
    NOT_SHORTER_NOT_LONGER(message_read_startup(body, arena, &startup), "\x04\xd2\x16\x2f");
    NOT_SHORTER_NOT_LONGER(message_read_startup(body, arena, &startup), "\x04\xd2\x16\x30");

    assert_true(message_read_startup(B("\x04\xd2\x16\x31"), arena, &startup));
    assert_int_equal(startup.kind, STARTUP_KIND_UNKNOWN);
    assert_true(message_read_startup(B("\0\2\0\0anything"), arena, &startup));
    assert_int_equal(startup.kind, STARTUP_KIND_UNKNOWN);
    assert_int_equal(startup.major, 2);
    assert_false(message_read_startup(B(""), arena, &startup));
}

static void startup_cancel(void **state)
{
    struct startup startup;
    assert_true(message_read_startup(B("\x04\xd2\x16\x2e\0\0\1\2key!"), arena, &startup));
    assert_int_equal(startup.kind, STARTUP_KIND_CANCEL);
    assert_int_equal(startup.cancel_pid, 258);
    assert_true(view_is(startup.cancel_key, "key!"));
    assert_false(message_read_startup(B("\x04\xd2\x16\x2e\0\0\1\2key"), arena, &startup));
    assert_false(message_read_startup(B("\x04\xd2\x16\x2e"), arena, &startup));

    char body[8 + 257] = "\x04\xd2\x16\x2e\0\0\1\2";
    assert_true(message_read_startup(exact(body, 8 + 256), arena, &startup));
    assert_int_equal(startup.cancel_key.len, 256);
    assert_false(message_read_startup(exact(body, 8 + 257), arena, &startup));
}

static void startup_parameters(void **state)
{
    struct startup startup;
    assert_true(message_read_startup(B("\0\3\0\2user\0bot\0user\0\0database\0app\0\0"), arena, &startup));
    assert_int_equal(startup.kind, STARTUP_KIND_START);
    assert_int_equal(startup.major, 3);
    assert_int_equal(startup.minor, 2);
    assert_int_equal(startup.parameter_count, 3);
    assert_true(view_is(startup.parameters[0].name, "user"));
    assert_true(view_is(startup.parameters[0].value, "bot"));
    assert_true(view_is(startup.parameters[1].name, "user"));
    assert_true(view_is(startup.parameters[1].value, ""));
    assert_true(view_is(startup.parameters[2].name, "database"));
    assert_true(view_is(startup.parameters[2].value, "app"));
    NOT_SHORTER_NOT_LONGER(message_read_startup(body, arena, &startup), "\0\3\0\0user\0bot\0\0");

    assert_true(message_read_startup(B("\0\3\0\0\0"), arena, &startup));
    assert_int_equal(startup.parameter_count, 0);
    assert_false(message_read_startup(B("\0\3\0\0"), arena, &startup));
    assert_false(message_read_startup(B("\0\3\0\0user\0"), arena, &startup));
    assert_false(message_read_startup(B("\0\3\0\0user\0\0"), arena, &startup));
    assert_false(message_read_startup(B("\0\3\0\0\0user\0bot\0\0"), arena, &startup)); /* behind the end */
}

/* ---- from agents ------------------------------------------------------------------------------------ */

static void query(void **state)
{
    struct view sql;
    assert_true(message_read_query(B("SELECT 1\0"), &sql));
    assert_true(view_is(sql, "SELECT 1"));
    assert_true(message_read_query(B("\0"), &sql));
    assert_int_equal(sql.len, 0);
    assert_false(message_read_query(B("SELECT 1\0; DROP TABLE t\0"), &sql));
    assert_false(message_read_query(B(""), &sql));
    NOT_SHORTER_NOT_LONGER(message_read_query(body, &sql), "SELECT 1\0");
}

static void parse(void **state)
{
    struct message_parse parse;
    assert_true(message_read_parse(B("s1\0SELECT $1\0\0\2\0\0\0\x17\0\0\0\x19"), &parse));
    assert_true(view_is(parse.name, "s1"));
    assert_true(view_is(parse.sql, "SELECT $1"));
    assert_int_equal(parse.type_count, 2);
    assert_int_equal(parse.types.len, 8);
    assert_int_equal(parse.types.data[3], 23);
    assert_int_equal(parse.types.data[7], 25);
    NOT_SHORTER_NOT_LONGER(message_read_parse(body, &parse), "s1\0SELECT $1\0\0\2\0\0\0\x17\0\0\0\x19");
    NOT_SHORTER_NOT_LONGER(message_read_parse(body, &parse), "\0\0\0\0");
    assert_false(message_read_parse(B("s1\0SELECT 1\0\xff\xff\0\0\0\x17"), &parse));
}

static void bind(void **state)
{
    struct message_bind bind;
    assert_true(message_read_bind(B("p\0s\0"
                                    "\0\3\0\0\0\1\0\0"
                                    "\0\3\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0"
                                    "\0\2\0\1\0\0"),
                                  arena, &bind));
    assert_true(view_is(bind.portal, "p"));
    assert_true(view_is(bind.statement, "s"));
    assert_int_equal(bind.value_count, 3);
    assert_true(view_is(bind.values[0].data, "ab"));
    assert_int_equal(bind.values[0].format, 0);
    assert_null(bind.values[1].data.data);
    assert_int_equal(bind.values[1].format, 1);
    assert_non_null(bind.values[2].data.data);
    assert_int_equal(bind.values[2].data.len, 0);
    assert_int_equal(bind.values[2].format, 0);
    assert_int_equal(bind.result_format_count, 2);
    assert_int_equal(bind.result_formats[0], 1);
    assert_int_equal(bind.result_formats[1], 0);
    NOT_SHORTER_NOT_LONGER(message_read_bind(body, arena, &bind), "\0\0\0\0\0\1\0\0\0\1a\0\1\0\1");
    NOT_SHORTER_NOT_LONGER(message_read_bind(body, arena, &bind), "\0\0\0\0\0\0\0\0");
}

static void bind_formats(void **state)
{
    struct message_bind bind;
    /* one for all, and none is text */
    assert_true(message_read_bind(B("\0\0\0\1\0\1\0\2\0\0\0\0\0\0\0\0\0\0"), arena, &bind));
    assert_int_equal(bind.values[0].format, 1);
    assert_int_equal(bind.values[1].format, 1);
    assert_true(message_read_bind(B("\0\0\0\0\0\2\0\0\0\0\0\0\0\0\0\0"), arena, &bind));
    assert_int_equal(bind.values[0].format, 0);
    assert_int_equal(bind.values[1].format, 0);
    assert_true(message_read_bind(B("\0\0\0\1\0\1\0\0\0\0"), arena, &bind)); /* one for all of none */

    assert_false(message_read_bind(B("\0\0\0\2\0\1\0\1\0\1\0\0\0\0\0\0"), arena, &bind)); /* two for one */
    assert_false(message_read_bind(B("\0\0\0\2\0\1\0\1\0\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), arena, &bind));
    assert_false(message_read_bind(B("\0\0\0\2\0\1\0\1\0\0\0\0"), arena, &bind)); /* two for none */
    assert_false(message_read_bind(B("\0\0\0\1\0\2\0\0\0\0"), arena, &bind));     /* no such format */
    assert_false(message_read_bind(B("\0\0\0\1\xff\xff\0\0\0\0"), arena, &bind));
    assert_false(message_read_bind(B("\0\0\0\0\0\0\0\1\0\2"), arena, &bind)); /* nor for results */
}

static void bind_lengths(void **state)
{
    struct message_bind bind;
    assert_false(message_read_bind(B("\0\0\0\0\0\1\xff\xff\xff\xfe\0\0"), arena, &bind)); /* -2 */
    assert_false(message_read_bind(B("\0\0\0\0\0\1\x80\0\0\0\0\0"), arena, &bind));
    assert_false(message_read_bind(B("\0\0\0\0\0\1\x7f\xff\xff\xff\0\0"), arena, &bind));
    assert_false(message_read_bind(B("\0\0\0\0\0\1\0\0\0\3ab\0\0"), arena, &bind));
    /* Counts that the body can't hold take no memory. */
    assert_false(message_read_bind(B("\0\0\0\0\xff\xff\0\0\0\0\0\0"), arena, &bind));
    assert_false(message_read_bind(B("\0\0\xff\xff\0\0"), arena, &bind));
    assert_false(message_read_bind(B("\0\0\0\0\0\0\xff\xff\0\1"), arena, &bind));
    assert_true(arena->used < 1024);
}

static void name(void **state)
{
    struct message_name name;
    assert_true(message_read_name(B("Sfoo\0"), &name));
    assert_int_equal(name.kind, 'S');
    assert_true(view_is(name.name, "foo"));
    assert_true(message_read_name(B("P\0"), &name));
    assert_int_equal(name.kind, 'P');
    assert_int_equal(name.name.len, 0);
    assert_false(message_read_name(B("Xfoo\0"), &name));
    assert_false(message_read_name(B("\0"), &name));
    assert_false(message_read_name(B(""), &name));
    NOT_SHORTER_NOT_LONGER(message_read_name(body, &name), "Sfoo\0");
}

static void execute(void **state)
{
    struct message_execute execute;
    assert_true(message_read_execute(B("p\0\0\0\1\0"), &execute));
    assert_true(view_is(execute.portal, "p"));
    assert_int_equal(execute.max_rows, 256);
    assert_true(message_read_execute(B("\0\x7f\xff\xff\xff"), &execute));
    assert_int_equal(execute.max_rows, INT32_MAX);
    assert_true(message_read_execute(B("\0\xff\xff\xff\xff"), &execute)); /* negative: no limit */
    assert_int_equal(execute.max_rows, 0);
    NOT_SHORTER_NOT_LONGER(message_read_execute(body, &execute), "p\0\0\0\1\0");
}

static void empty(void **state)
{
    assert_true(message_read_empty(B("")));
    assert_false(message_read_empty(B("\0")));
}

static void sasl_initial(void **state)
{
    struct view mechanism, data;
    assert_true(message_read_sasl_initial(B("SCRAM-SHA-256\0\0\0\0\3n,,"), &mechanism, &data));
    assert_true(view_is(mechanism, "SCRAM-SHA-256"));
    assert_true(view_is(data, "n,,"));
    assert_true(message_read_sasl_initial(B("X\0\xff\xff\xff\xff"), &mechanism, &data));
    assert_null(data.data);
    assert_false(message_read_sasl_initial(B("X\0\xff\xff\xff\xfe"), &mechanism, &data));
    assert_false(message_read_sasl_initial(B("X\0\x7f\xff\xff\xff"), &mechanism, &data));
    NOT_SHORTER_NOT_LONGER(message_read_sasl_initial(body, &mechanism, &data), "X\0\0\0\0\3n,,");
}

/* ---- from the server -------------------------------------------------------------------------------- */

static void error_fields(void **state)
{
    struct message_error error;
    assert_true(message_read_error(B("SFEHLER\0VERROR\0C42P01\0Mno such table\0Dwhy\0Hwhat to do\0P15\0"
                                     "Fparse.c\0L12\0?new\0\0"),
                                   &error));
    assert_true(view_is(error.severity, "FEHLER"));
    assert_true(view_is(error.severity_plain, "ERROR"));
    assert_true(view_is(error.sqlstate, "42P01"));
    assert_true(view_is(error.message, "no such table"));
    assert_true(view_is(error.detail, "why"));
    assert_true(view_is(error.hint, "what to do"));
    assert_true(view_is(error.position, "15"));
    assert_true(message_read_error(B("\0"), &error));
    assert_int_equal(error.message.len, 0);
    NOT_SHORTER_NOT_LONGER(message_read_error(body, &error), "Mwords\0\0");
    assert_false(message_read_error(B(""), &error));
    assert_false(message_read_error(B("Mwords\0"), &error));
    assert_false(message_read_error(B("Mwords"), &error));
}

static void complete(void **state)
{
    static const struct {
        const char *tag;
        uint64_t rows;
    } cases[] = {
        {"SELECT 5", 5},     {"INSERT 0 7", 7}, {"UPDATE 0", 0}, {"COPY 18446744073709551615", UINT64_MAX},
        {"CREATE TABLE", 0}, {"BEGIN", 0},      {"", 0},         {" ", 0},
    };
    struct view tag;
    uint64_t rows;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(message_read_complete(exact(cases[i].tag, strlen(cases[i].tag) + 1), &tag, &rows));
        assert_true(view_is(tag, cases[i].tag));
        assert_true(rows == cases[i].rows);
    }
    assert_false(message_read_complete(B("COPY 18446744073709551616\0"), &tag, &rows));
    assert_false(message_read_complete(B("COPY 99999999999999999999999\0"), &tag, &rows));
    assert_false(message_read_complete(B("COPY 5x\0"), &tag, &rows));
    NOT_SHORTER_NOT_LONGER(message_read_complete(body, &tag, &rows), "SELECT 5\0");
}

static void ready(void **state)
{
    char status;
    for (const char *good = "ITE"; *good; good++) {
        assert_true(message_read_ready(exact(good, 1), &status));
        assert_int_equal(status, *good);
    }
    assert_false(message_read_ready(B("X"), &status));
    assert_false(message_read_ready(B("\0"), &status));
    assert_false(message_read_ready(B(""), &status));
    assert_false(message_read_ready(B("II"), &status));
}

static void parameter(void **state)
{
    struct view name, value;
    assert_true(message_read_parameter(B("client_encoding\0UTF8\0"), &name, &value));
    assert_true(view_is(name, "client_encoding"));
    assert_true(view_is(value, "UTF8"));
    NOT_SHORTER_NOT_LONGER(message_read_parameter(body, &name, &value), "client_encoding\0UTF8\0");
}

#define COLUMN "id\0\0\0\x40\1\0\2\0\0\0\x17\0\4\xff\xff\xff\xff\0\1"

static void columns(void **state)
{
    struct message_column *columns;
    uint16_t count;
    assert_true(message_read_columns(B("\0\2" COLUMN COLUMN), arena, &columns, &count));
    assert_int_equal(count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(view_is(columns[i].name, "id"));
        assert_int_equal(columns[i].table, 0x4001);
        assert_int_equal(columns[i].attribute, 2);
        assert_int_equal(columns[i].type, 23);
        assert_int_equal(columns[i].type_size, 4);
        assert_int_equal(columns[i].type_modifier, -1);
        assert_int_equal(columns[i].format, 1);
    }
    assert_true(message_read_columns(B("\0\0"), arena, &columns, &count));
    assert_int_equal(count, 0);
    NOT_SHORTER_NOT_LONGER(message_read_columns(body, arena, &columns, &count), "\0\1" COLUMN);
    assert_false(message_read_columns(B("\xff\xff" COLUMN), arena, &columns, &count));
}

static void row(void **state)
{
    struct view *values;
    uint16_t count;
    assert_true(message_read_row(B("\0\3\0\0\0\1x\xff\xff\xff\xff\0\0\0\0"), arena, &values, &count));
    assert_int_equal(count, 3);
    assert_true(view_is(values[0], "x"));
    assert_null(values[1].data);
    assert_non_null(values[2].data);
    assert_int_equal(values[2].len, 0);
    NOT_SHORTER_NOT_LONGER(message_read_row(body, arena, &values, &count), "\0\1\0\0\0\1x");
    assert_false(message_read_row(B("\0\1\xff\xff\xff\xfe"), arena, &values, &count));
    assert_false(message_read_row(B("\xff\xff\0\0\0\0"), arena, &values, &count));
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(startup_requests),
        TEST(startup_cancel),
        TEST(startup_parameters),
        TEST(query),
        TEST(parse),
        TEST(bind),
        TEST(bind_formats),
        TEST(bind_lengths),
        TEST(name),
        TEST(execute),
        TEST(empty),
        TEST(sasl_initial),
        TEST(error_fields),
        TEST(complete),
        TEST(ready),
        TEST(parameter),
        TEST(columns),
        TEST(row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
