/* SQL in, facts out: runs every case of the .txt files in tests/sql. A case is
 *
 *   == what it shows
 *   the SQL, one or more lines
 *   --
 *   the facts as text, one line each (see print_facts), or "error SQLSTATE message"
 *
 * With SQL as its argument the program prints the facts instead. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "parser/parser.h"

static const char *const flag_names[] = {"read-write", "read-only", "chain",       "snapshot",     "rows",
                                         "copy-out",   "copy-in",   "copy-server", "to-savepoint", "all",
                                         "where",      "limit",     "hold",        "executes",     "temp"};

static void add_name(struct bytes *to, struct view schema, struct view name)
{
    if (schema.len > 0) {
        bytes_add_view(to, schema);
        bytes_add_char(to, '.');
    }
    if (name.len > 0)
        bytes_add_view(to, name);
    else
        bytes_add_char(to, '-');
}

static void print_statement_line(struct bytes *to, const struct statement *s)
{
    bytes_add_text(to, operation_name(s->operation));
    if (s->inner != s->operation)
        bytes_add_format(to, " of %s", operation_name(s->inner));
    for (unsigned i = 0; i < sizeof flag_names / sizeof *flag_names; i++)
        if (s->flags & 1u << i)
            bytes_add_format(to, " +%s", flag_names[i]);
    if (s->isolation != ISOLATION_UNSET)
        bytes_add_text(to, s->isolation == ISOLATION_READ_COMMITTED ? " read-committed" : " other-isolation");
    if (s->parameter_count > 0)
        bytes_add_format(to, " $%d", s->parameter_count);
    bytes_add_char(to, '\n');
    if (s->name.len > 0)
        bytes_add_format(to, "  name %.*s\n", (int)s->name.len, s->name.data);
    if (s->channel.len > 0)
        bytes_add_format(to, "  channel %.*s\n", (int)s->channel.len, s->channel.data);
    if (s->alone != NULL)
        bytes_add_format(to, "  alone: %s\n", s->alone);
    if (s->unknown != NULL)
        bytes_add_format(to, "  unknown: %s\n", s->unknown);
}

static void print_touches(struct bytes *to, const struct statement *s)
{
    static const char *const kinds[] = {"nothing", "relation", "function", "other"};
    for (size_t i = 0; i < s->touch_count; i++) {
        const struct touch *t = &s->touches[i];
        bytes_add_format(to, "  touch %s %s", operation_name(t->operation), kinds[t->kind]);
        if (t->kind != OBJECT_KIND_NONE) {
            bytes_add_char(to, ' ');
            if (t->catalog.len > 0)
                bytes_add_format(to, "%.*s.", (int)t->catalog.len, t->catalog.data);
            add_name(to, t->schema, t->name);
        }
        bytes_add_text(to, t->only_planned ? " only-planned\n" : "\n");
    }
}

static void print_calls(struct bytes *to, const struct statement *s)
{
    static const char *const hows[] = {"function", "attribute", "operator", "sample"};
    for (size_t i = 0; i < s->call_count; i++) {
        const struct call *c = &s->calls[i];
        bytes_add_format(to, "  call %s ", hows[c->how]);
        add_name(to, c->schema, c->name);
        if (c->how == CALL_HOW_FUNCTION)
            bytes_add_format(to, " %d%s%s", c->argument_count, c->has_star ? " star" : "",
                             c->has_named ? " named" : "");
        for (int k = 0; k < 3; k++)
            if (c->is_literal[k])
                bytes_add_format(to, " %d='%.*s'", k, (int)c->literal[k].len, c->literal[k].data);
        bytes_add_char(to, '\n');
    }
}

static void print_names(struct bytes *to, const struct statement *s)
{
    for (size_t i = 0; i < s->type_count; i++) {
        bytes_add_text(to, "  type ");
        add_name(to, s->types[i].schema, s->types[i].name);
        bytes_add_char(to, '\n');
    }
    for (size_t i = 0; i < s->column_count; i++) {
        bytes_add_text(to, s->columns[i].written ? "  writes " : "  reads ");
        add_name(to, s->columns[i].table, s->columns[i].name);
        bytes_add_char(to, '\n');
    }
}

static void print_settings(struct bytes *to, const struct statement *s)
{
    static const char *const hows[] = {"set", "set-local", "reset", "reset-all", "show"};
    for (size_t i = 0; i < s->setting_count; i++) {
        const struct setting_use *u = &s->settings[i];
        bytes_add_format(to, "  setting %s ", hows[u->how]);
        add_name(to, (struct view){0}, u->name);
        for (size_t k = 0; k < u->value_count; k++)
            bytes_add_format(to, " '%.*s'", (int)u->values[k].len, u->values[k].len ? u->values[k].data : "");
        bytes_add_text(to, u->is_computed ? " computed\n" : "\n");
    }
}

static void print_facts(struct bytes *to, struct view sql)
{
    struct arena arena = {0};
    struct facts facts;
    struct parser_error error;
    if (parser_read(sql, NULL, &arena, &facts, &error) != PARSER_RESULT_OK) {
        bytes_add_format(to, "error %s %s", error.sqlstate, error.message);
        if (error.position >= 0)
            bytes_add_format(to, " at %d", error.position);
        bytes_add_char(to, '\n');
    }
    for (size_t i = 0; i < facts.count; i++) {
        const struct statement *s = &facts.statements[i];
        print_statement_line(to, s);
        print_touches(to, s);
        print_calls(to, s);
        print_names(to, s);
        print_settings(to, s);
    }
    if (!view_equals(facts.text, sql))
        bytes_add_format(to, "sent as %.*s\n", (int)facts.text.len, facts.text.data);
    arena_fini(&arena);
}

/* ---- the cases ---------------------------------------------------------------------------------------- */

static struct bytes read_file(const char *path)
{
    struct bytes text = {0};
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char piece[4096];
    for (size_t got; (got = fread(piece, 1, sizeof piece, file)) > 0;)
        bytes_add(&text, piece, got);
    fclose(file);
    return text;
}

/* Runs the case at `at`; where the next one starts. */
static const char *run_case(const char *path, const char *at, int *failed, int *count)
{
    const char *title = at + 3, *sql = strchr(at, '\n') + 1;
    const char *bar = strstr(sql, "\n--\n");
    if (bar == NULL) {
        print_error("%s: no -- after: %.60s\n", path, title);
        fail();
    }
    const char *expected = bar + 4, *next = strstr(expected, "\n== ");
    size_t expected_len = next ? (size_t)(next + 1 - expected) : strlen(expected);
    while (expected_len > 0 && expected[expected_len - 1] == '\n' &&
           (expected_len == 1 || expected[expected_len - 2] == '\n'))
        expected_len--;
    struct bytes actual = {0};
    print_facts(&actual, (struct view){sql, (size_t)(bar - sql)});
    ++*count;
    if (!view_equals(bytes_view(&actual), (struct view){expected, expected_len})) {
        ++*failed;
        print_error("%s: %.*s\nexpected:\n%.*sgot:\n%s\n", path, (int)(sql - 1 - title), title, (int)expected_len,
                    expected, bytes_text(&actual));
    }
    bytes_fini(&actual);
    return next ? next + 1 : NULL;
}

static void every_case_gives_its_facts(void **state)
{
    glob_t files;
    assert_int_equal(glob(SOURCE_DIR "/tests/sql/*.txt", 0, NULL, &files), 0);
    int failed = 0, count = 0;
    for (size_t i = 0; i < files.gl_pathc; i++) {
        struct bytes text = read_file(files.gl_pathv[i]);
        const char *at = bytes_text(&text);
        while (at != NULL && strncmp(at, "== ", 3) != 0)
            at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
        while (at != NULL)
            at = run_case(files.gl_pathv[i], at, &failed, &count);
        bytes_fini(&text);
    }
    globfree(&files);
    print_message("%d cases\n", count);
    assert_true(count > 100);
    assert_int_equal(failed, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        struct bytes text = {0};
        print_facts(&text, view_of(argv[1]));
        fputs(bytes_text(&text), stdout);
        bytes_fini(&text);
        return 0;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_case_gives_its_facts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
