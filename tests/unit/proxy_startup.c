/* The agent's start-up packet: who, where, and which settings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "startup.h"

struct fixture {
    struct arena arena;
    struct startup_parameter parameters[80];
    struct startup startup;
    struct request request;
};

/* Names and values in turn, NULL at the end. */
static struct request *read(struct fixture *f, const char *first, ...)
{
    va_list args;
    va_start(args, first);
    f->startup = (struct startup){.kind = STARTUP_KIND_START, .major = 3, .parameters = f->parameters};
    for (const char *name = first; name != NULL; name = va_arg(args, const char *))
        f->parameters[f->startup.parameter_count++] =
            (struct startup_parameter){view_of(name), view_of(va_arg(args, const char *))};
    va_end(args);
    startup_read(&f->startup, &f->arena, &f->request);
    return &f->request;
}

static void assert_setting(const struct request *request, size_t at, const char *name, const char *value)
{
    assert_true(at < request->setting_count);
    assert_string_equal(request->settings[at].name, name);
    assert_string_equal(request->settings[at].value, value);
}

static void who_and_where(void **state)
{
    struct fixture f = {0};
    struct request *r =
        read(&f, "user", "bot", "database", "app", "application_name", "psql", "DateStyle", "ISO", "_pq_.x", "1", NULL);
    assert_null(r->refusal);
    assert_true(view_is(r->user, "bot") && view_is(r->database, "app") && view_is(r->application, "psql"));
    assert_int_equal(r->setting_count, 1);
    assert_setting(r, 0, "datestyle", "ISO");
    assert_int_equal(r->unknown_count, 1);
    assert_true(view_is(r->unknown_options[0], "_pq_.x"));
    arena_fini(&f.arena);
}

static void options_are_taken_apart(void **state)
{
    struct fixture f = {0};
    struct request *r =
        read(&f, "user", "bot", "options", "  -c a=1 -cb=2\\ 3 --work-mem=4MB -c  search_path=x,\\ y  ", NULL);
    assert_null(r->refusal);
    assert_int_equal(r->setting_count, 4);
    assert_setting(r, 0, "a", "1");
    assert_setting(r, 1, "b", "2 3");
    assert_setting(r, 2, "work_mem", "4MB");
    assert_setting(r, 3, "search_path", "x, y");
    arena_fini(&f.arena);
}

static void options_that_do_more_are_refused(void **state)
{
    static const char *const options[] = {"-c", "-c=", "-c x", "--", "-d 5", "-B 1", "x", "-c =1", "-c a=1 -F"};
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        struct fixture f = {0};
        struct request *r = read(&f, "user", "bot", "options", options[i], NULL);
        assert_non_null(r->refusal);
        assert_string_equal(r->sqlstate, "42601");
        arena_fini(&f.arena);
    }
}

static void refused(const char *name, const char *value, const char *sqlstate)
{
    struct fixture f = {0};
    struct request *r = read(&f, "user", "bot", name, value, NULL);
    assert_non_null(r->refusal);
    assert_string_equal(r->sqlstate, sqlstate);
    arena_fini(&f.arena);
}

static void what_is_refused(void **state)
{
    refused("user", "other", "08P01"); /* the last of two would win in the server */
    refused("USER", "other", "08P01");
    refused("replication", "database", "0A000");
    refused("replication", "off", "0A000");
    refused("x", "\xff", "22021");
    refused("\xff", "x", "22021");
    struct fixture f = {0};
    assert_string_equal(read(&f, "database", "app", NULL)->sqlstate, "28000");
    assert_string_equal(read(&f, "user", "", NULL)->sqlstate, "28000");
    arena_fini(&f.arena);
}

static void too_many_settings(void **state)
{
    struct fixture f = {0};
    struct bytes options = {0};
    for (int i = 0; i < 65; i++)
        bytes_add_format(&options, "-c a%d=1 ", i);
    assert_string_equal(read(&f, "user", "bot", "options", bytes_text(&options), NULL)->sqlstate, "54000");
    bytes_fini(&options);
    arena_fini(&f.arena);
}

static const char *checked(const char *options)
{
    static const char policy[] =
        "{\"name\":\"p\",\"mode\":\"enforce\",\"database\":{\"allowed_operations\":[\"SELECT\"],"
        "\"denied_operations\":[],\"requires_approval_for\":[]}}";
    static char words[512];
    struct fixture f = {0};
    struct fault fault;
    struct rules *rules = rules_read("policy", view_of(policy), &fault);
    assert_non_null(rules);
    struct request *r = read(&f, "user", "bot", "options", options, NULL);
    assert_null(r->refusal);
    const char *refusal = startup_check(r, rules, &f.arena);
    strncpy(words, refusal ? refusal : "", sizeof words - 1);
    arena_fini(&f.arena);
    rules_free(rules);
    return words;
}

static void settings_are_those_of_the_table(void **state)
{
    assert_string_equal(checked("-c TimeZone=UTC -c datestyle=ISO"), "");
    assert_string_not_equal(checked("-c default_transaction_read_only=off"), "");
    assert_string_not_equal(checked("-c standard_conforming_strings=off"), "");
    assert_string_not_equal(checked("-c session_authorization=postgres"), "");
    assert_string_not_equal(checked("-c role=postgres"), "");
    assert_string_not_equal(checked("-c my.thing=1"), "");
    assert_string_not_equal(checked("--search-path=evil"), "");
    assert_non_null(strstr(checked("-c TimeZone=UTC -c timezone=UTC"), "twice"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_and_where),
        cmocka_unit_test(options_are_taken_apart),
        cmocka_unit_test(options_that_do_more_are_refused),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(too_many_settings),
        cmocka_unit_test(settings_are_those_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
