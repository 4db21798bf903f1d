/* What all workers share: places, who is paused, the rules in force, and cancel keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cancels.h"
#include "office.h"

static int freed;

static void free_set(void *arg, const struct proxy_set *set)
{
    freed++;
}

static struct office *office_of(struct proxy_options *options, const struct proxy_set *set)
{
    struct fault fault;
    options->free_set = free_set;
    struct office *office = office_new(options, set, &fault);
    assert_non_null(office);
    return office;
}

static void places_are_given_and_given_back(void **state)
{
    struct proxy_options options = {.max_sessions = 2};
    struct proxy_set set = {0};
    struct office *office = office_of(&options, &set);
    uint64_t first = office_enter(office), second = office_enter(office);
    assert_true(first != 0 && second != 0 && first != second);
    assert_int_equal(office_enter(office), 0);
    office_leave(office);
    uint64_t third = office_enter(office);
    assert_true(third > second); /* a number is used once */
    assert_int_equal(office_enter(office), 0);
    office_free(office);
}

static void a_set_lives_as_long_as_somebody_uses_it(void **state)
{
    static const struct proxy_agent agents[] = {{.name = "bot"}, {.name = "bots"}};
    static const struct proxy_database databases[] = {{.name = "app"}};
    struct proxy_options options = {0};
    struct proxy_set first = {.agents = agents, .agent_count = 2, .databases = databases, .database_count = 1};
    struct proxy_set second = {0};
    struct fault fault;
    freed = 0;
    struct office *office = office_of(&options, &first);
    struct office_set *used = office_set(office);
    assert_true(office_reload(office, &second, &fault));
    assert_int_equal(freed, 0);
    assert_ptr_equal(office_agent(used, view_of("bots")), &agents[1]);
    assert_ptr_equal(office_database(used, view_of("app")), &databases[0]);
    assert_null(office_agent(used, view_of("BOT")));
    assert_null(office_agent(used, (struct view){"bot\0", 4}));
    office_drop(used);
    assert_int_equal(freed, 1);
    used = office_set(office);
    assert_null(office_agent(used, view_of("bot")));
    office_drop(used);
    office_free(office);
    assert_int_equal(freed, 2);
}

static void a_reload_that_fails_changes_nothing(void **state)
{
    struct proxy_options options = {0};
    struct proxy_set first = {0};
    struct proxy_set second = {
        .tls_mode = PROXY_TLS_REQUIRE, .tls_certificate = "/nowhere.crt", .tls_key = "/nowhere.key"};
    struct fault fault = {0};
    freed = 0;
    struct office *office = office_of(&options, &first);
    assert_false(office_reload(office, &second, &fault));
    assert_string_not_equal(fault.message, "");
    struct office_set *used = office_set(office);
    assert_ptr_equal(used->set, &first);
    office_drop(used);
    assert_int_equal(freed, 0);
    office_free(office);
}

static void who_is_paused(void **state)
{
    static const char *const both[] = {"a", "b"}, *const one[] = {"b"};
    struct proxy_options options = {0};
    struct proxy_set set = {0};
    struct office *office = office_of(&options, &set);
    assert_false(office_is_paused(office, "a"));
    office_pause(office, both, 2);
    assert_true(office_is_paused(office, "a") && office_is_paused(office, "b"));
    office_pause(office, one, 1); /* all of them each time */
    assert_false(office_is_paused(office, "a"));
    assert_true(office_is_paused(office, "b"));
    office_pause(office, NULL, 0);
    assert_false(office_is_paused(office, "b"));
    office_free(office);
}

static void secrets_differ(void **state)
{
    struct proxy_options options = {0};
    struct proxy_set set = {0};
    struct office *a = office_of(&options, &set), *b = office_of(&options, &set);
    assert_int_equal(office_secret(a).len, 32);
    assert_false(view_equals(office_secret(a), office_secret(b)));
    office_free(a);
    office_free(b);
}

static void no_session_has_a_key_that_was_not_given(void **state)
{
    struct cancels *cancels = cancels_new();
    assert_null(cancels_find(cancels, 0, view_of("")));
    assert_null(cancels_find(cancels, 1, view_of("1234")));
    cancels_remove(cancels, 1);
    cancels_free(cancels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(places_are_given_and_given_back),
        cmocka_unit_test(a_set_lives_as_long_as_somebody_uses_it),
        cmocka_unit_test(a_reload_that_fails_changes_nothing),
        cmocka_unit_test(who_is_paused),
        cmocka_unit_test(secrets_differ),
        cmocka_unit_test(no_session_has_a_key_that_was_not_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
