/* The table of settings, and the types of parameters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "settings.h"

static const char policy[] = "{\"name\": \"x\", \"search_path\": [\"public\", \"app\", \"My Schema\"]}";

static struct rules *rules;
static struct arena arena;

static int set_up(void **state)
{
    struct fault fault;
    rules = rules_read("p.json", view_of(policy), &fault);
    return rules == NULL;
}

static int tear_down(void **state)
{
    rules_free(rules);
    arena_fini(&arena);
    return 0;
}

static const char *set(const char *name, const char *value)
{
    struct view values[1] = {view_of(value)};
    return rules_setting(rules, view_of(name), values, 1, &arena);
}

struct example {
    const char *name, *value;
};

static const struct example good[] = {
    {"timezone", "Europe/Berlin"},
    {"TimeZone", "UTC"},
    {"DateStyle", "ISO, MDY"},
    {"intervalstyle", "iso_8601"},
    {"extra_float_digits", "3"},
    {"application_name", "; DROP TABLE t"},
    {"application_name", ""},
    {"client_encoding", "UTF8"},
    {"client_encoding", "utf-8"},
    {"client_encoding", "'utf-8'"},
    {"client_encoding", "Unicode"},
    {"standard_conforming_strings", "on"},
    {"standard_conforming_strings", "TRUE"},
    {"statement_timeout", "30s"},
    {"statement_timeout", "5000"},
    {"statement_timeout", "1.5 min"},
    {"statement_timeout", "1h"},
    {"lock_timeout", "0"},
    {"work_mem", "64MB"},
    {"work_mem", "65536"},
    {"search_path", "public"},
    {"search_path", "app, public"},
    {"search_path", "\"$user\", public"},
    {"search_path", "\"My Schema\""},
    {"search_path", ""},
    {"search_path", "pg_catalog, public"},
    {"row_security", "on"},
    {"default_transaction_read_only", "on"},
    {"transaction_isolation", "serializable"},
    {"enable_seqscan", "off"},
    {"jit", "off"},
    {"random_page_cost", "1.1"},
    {"transaction_read_only", "on"},
    {"sallyport.reason", "because the customer asked"},
    {"sallyport.trace", "00-abc-01"},
};

static const struct example bad[] = {
    {"client_encoding", "SJIS"},
    {"client_encoding", "BIG5"},
    {"client_encoding", "SQL_ASCII"},
    {"client_encoding", "utf8\xc3\xa9"},
    {"client_encoding", "utf16"},
    {"client_encoding", "utf8utf8utf8utf8utf8"},
    {"standard_conforming_strings", "off"},
    {"standard_conforming_strings", "0"},
    {"standard_conforming_strings", ""},
    {"backslash_quote", "on"},
    {"statement_timeout", "0"},
    {"statement_timeout", "2h"},
    {"statement_timeout", "1d"},
    {"statement_timeout", "-1"},
    {"statement_timeout", "0x7fffffff"},
    {"statement_timeout", "1e9"},
    {"statement_timeout", "1 fortnight"},
    {"statement_timeout", ""},
    {"statement_timeout", "1.2.3"},
    {"statement_timeout", "0.5us"},
    {"idle_in_transaction_session_timeout", "0"},
    {"work_mem", "10GB"},
    {"work_mem", "1kB"},
    {"work_mem", "30s"},
    {"search_path", "evil"},
    {"search_path", "public, evil"},
    {"search_path", "public,evil"},
    {"search_path", "public, pg_catalog"},
    {"search_path", "pg_temp"},
    {"search_path", "\"public"},
    {"search_path", "PUBLIC"},
    {"role", "admin"},
    {"role", "none"},
    {"session_authorization", "admin"},
    {"session_authorization", "default"},
    {"row_security", "off"},
    {"default_transaction_read_only", "no"},
    {"transaction_read_only", "false"},
    {"session_replication_role", "replica"},
    {"log_statement", "none"},
    {"synchronous_commit", "off"},
    {"app.tenant", "7"},
    {"request.jwt.claims", "{}"},
    {"sallyport.other", "x"},
    {"", "x"},
};

static void harmless_values_are_allowed(void **state)
{
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const char *reason = set(good[i].name, good[i].value);
        if (reason != NULL)
            fail_msg("%s = %s: %s", good[i].name, good[i].value, reason);
    }
}

static void others_are_refused_with_the_settings_name(void **state)
{
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *reason = set(bad[i].name, bad[i].value);
        if (reason == NULL)
            fail_msg("%s = %s was allowed", bad[i].name, bad[i].value);
        assert_non_null(strstr(reason, bad[i].name));
    }
}

static void lists_come_as_elements_too(void **state)
{
    struct view values[] = {view_of("$user"), view_of("public"), view_of("app")};
    assert_null(rules_setting(rules, view_of("search_path"), values, 3, &arena));
    values[1] = view_of("evil");
    assert_non_null(rules_setting(rules, view_of("search_path"), values, 3, &arena));
    values[0] = view_of("public");
    values[1] = view_of("pg_catalog");
    assert_non_null(rules_setting(rules, view_of("search_path"), values, 2, &arena));
    values[0] = view_of("UTF8");
    assert_non_null(rules_setting(rules, view_of("client_encoding"), values, 2, &arena));
}

static void a_reset_is_harmless_where_the_setting_is_known(void **state)
{
    assert_null(rules_setting(rules, view_of("statement_timeout"), NULL, 0, &arena));
    assert_null(rules_setting(rules, view_of("client_encoding"), NULL, 0, &arena));
    assert_non_null(rules_setting(rules, view_of("app.tenant"), NULL, 0, &arena));
    assert_non_null(rules_setting(rules, view_of("session_replication_role"), NULL, 0, &arena));
}

/* The server has no start-up value of it: its RESET is READ WRITE. */
static void a_reset_that_misses_the_pin_is_refused(void **state)
{
    assert_null(rules_setting(rules, view_of("default_transaction_read_only"), NULL, 0, &arena));
    assert_null(rules_setting(rules, view_of("transaction_isolation"), NULL, 0, &arena));
    assert_null(rules_setting(rules, view_of("transaction_deferrable"), NULL, 0, &arena));
    assert_non_null(rules_setting(rules, view_of("transaction_read_only"), NULL, 0, &arena));
    assert_non_null(rules_setting(rules, view_of("Transaction_Read_Only"), NULL, 0, &arena));
    assert_non_null(rules_setting(rules, view_of("role"), NULL, 0, &arena));
    assert_non_null(rules_setting(rules, view_of("session_authorization"), NULL, 0, &arena));
}

static void long_values_are_refused(void **state)
{
    static char value[8194];
    memset(value, 'x', sizeof value - 1);
    assert_non_null(set("sallyport.reason", value));
    value[8192] = '\0';
    assert_null(set("sallyport.reason", value));
    struct view values[2] = {view_of(value), view_of(value)};
    assert_non_null(rules_setting(rules, view_of("datestyle"), values, 2, &arena));
}

static void names_are_shown_without_tricks(void **state)
{
    const char *reason = set("a\xe2\x80\xae\nb", "x");
    assert_non_null(strstr(reason, "<U+202E>"));
    assert_null(strchr(reason, '\n'));
}

static void a_computed_value_is_fine_only_where_any_is(void **state)
{
    assert_null(settings_computed(rules, view_of("TimeZone"), &arena));
    assert_non_null(settings_computed(rules, view_of("search_path"), &arena));
    assert_non_null(settings_computed(rules, view_of("client_encoding"), &arena));
    assert_non_null(settings_computed(rules, view_of("statement_timeout"), &arena));
    assert_non_null(settings_computed(rules, view_of("app.tenant"), &arena));
}

static void parameters_have_base_types(void **state)
{
    static const uint32_t base[] = {0,    16,   17,   20,   21,   23,   25,   26,   114,  700,  701,  705,
                                    869,  1000, 1007, 1009, 1015, 1042, 1043, 1082, 1114, 1184, 1186, 1231,
                                    1560, 1700, 2205, 2950, 2951, 3614, 3802, 3807, 3904, 3926, 4451, 6157};
    static const uint32_t other[] = {1,    31,   71,   1263, 2249, 2275, 2276,  2277,       2278,       2279,      2281,
                                     2283, 2287, 3500, 3831, 5017, 6158, 16384, 16384 + 23, 65536 + 23, UINT32_MAX};
    for (size_t i = 0; i < sizeof base / sizeof *base; i++)
        if (!rules_type_is_base(base[i]))
            fail_msg("type %u was refused", base[i]);
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        if (rules_type_is_base(other[i]))
            fail_msg("type %u was accepted", other[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(harmless_values_are_allowed),
        cmocka_unit_test(others_are_refused_with_the_settings_name),
        cmocka_unit_test(lists_come_as_elements_too),
        cmocka_unit_test(a_reset_is_harmless_where_the_setting_is_known),
        cmocka_unit_test(a_reset_that_misses_the_pin_is_refused),
        cmocka_unit_test(long_values_are_refused),
        cmocka_unit_test(names_are_shown_without_tricks),
        cmocka_unit_test(a_computed_value_is_fine_only_where_any_is),
        cmocka_unit_test(parameters_have_base_types),
    };
    return cmocka_run_group_tests_name("settings", tests, set_up, tear_down);
}
