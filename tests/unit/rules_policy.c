/* Policies as text: what is right is read as meant, and what is wrong is a fault at its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "policy.h"

static struct rules *read_text(const char *text, struct fault *fault)
{
    return rules_read("p.json", view_of(text), fault);
}

static struct rules *read_good(const char *text)
{
    struct fault fault = {0};
    struct rules *rules = read_text(text, &fault);
    if (rules == NULL)
        fail_msg("%s:%d:%d: %s: %s", fault.file, fault.line, fault.column, fault.key, fault.message);
    return rules;
}

static char *read_file(const char *name, size_t *len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", SOURCE_DIR, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("can't open %s", path);
    char *text = check_calloc(1, 1 << 20);
    *len = fread(text, 1, (1 << 20) - 1, file);
    fclose(file);
    return text;
}

static const char design[] =
    "{\n"
    "  \"name\": \"default\",\n"
    "  \"mode\": \"enforce\",\n"
    "  \"database\": {\n"
    "    \"allowed_operations\": [\"SELECT\"],\n"
    "    \"denied_operations\": [\"DROP\", \"DELETE\", \"TRUNCATE\", \"ALTER\"],\n"
    "    \"requires_approval_for\": [\"UPDATE\", \"INSERT\"]\n"
    "  },\n"
    "  \"rules\": [\n"
    "    {\"id\": \"watch-payroll\", \"operations\": [\"SELECT\"], \"relations\": [\"hr.*\"], \"verdict\": \"flag\", "
    "\"reason\": \"people data\"},\n"
    "    {\"id\": \"no-secrets\", \"relations\": [\"vault.*\"], \"verdict\": \"deny\", "
    "\"reason\": \"secrets are not for agents\"},\n"
    "    {\"id\": \"scratch\", \"operations\": [\"INSERT\", \"UPDATE\"], \"relations\": [\"agent_scratch.*\"], "
    "\"verdict\": \"allow\"}\n"
    "  ],\n"
    "  \"functions\": {\"extensions\": [\"pg_trgm\", \"postgis\"], \"allow\": [\"public.full_name\"]},\n"
    "  \"search_path\": [\"public\"],\n"
    "  \"approval\": {\"hold_seconds\": 20, \"expires\": \"24h\", \"approvals\": 1}\n"
    "}\n";

static void the_example_of_the_design_is_read(void **state)
{
    struct rules *rules = read_good(design);
    assert_string_equal(rules_name(rules), "default");
    assert_false(rules->is_observing);
    assert_int_equal(rules->listings[OPERATION_SELECT], LISTING_ALLOWED);
    assert_int_equal(rules->listings[OPERATION_DROP], LISTING_DENIED);
    assert_int_equal(rules->listings[OPERATION_UPDATE], LISTING_APPROVAL);
    assert_int_equal(rules->listings[OPERATION_MERGE], LISTING_NONE);
    assert_int_equal(rules->rule_count, 3);
    assert_string_equal(rules->rules[1].id, "no-secrets");
    assert_string_equal(rules->rules[1].reason, "secrets are not for agents");
    assert_int_equal(rules->rules[1].verdict, VERDICT_DENY);
    assert_false(rules->rules[1].has_operations);
    assert_true(rules->rules[2].operations[OPERATION_INSERT]);
    assert_string_equal(rules->rules[2].relations.at[0].schema, "agent_scratch");
    assert_string_equal(rules->rules[2].relations.at[0].name, "*");
    assert_int_equal(rules->functions.count, 1);
    assert_string_equal(rules_search_path(rules), "public");
    assert_true(rules_can_write(rules));
    assert_true(rules_can_park(rules));
    assert_true(rules_needs_direct(rules)); /* scratch */
    struct rules_approval approval = rules_approval(rules);
    assert_int_equal(approval.hold_seconds, 20);
    assert_int_equal(approval.expires_seconds, 86400);
    assert_int_equal(approval.approvals, 1);
    rules_free(rules);
}

static void the_shipped_default_is_read(void **state)
{
    size_t len;
    char *text = read_file("rules/default.json", &len);
    struct fault fault;
    struct rules *rules = rules_read("default.json", (struct view){text, len}, &fault);
    assert_non_null(rules);
    assert_string_equal(rules_name(rules), "default");
    assert_true(rules_can_park(rules));
    assert_false(rules_needs_direct(rules));
    struct sha256 hash = rules_hash(rules), again = crypto_sha256((struct view){text, len});
    assert_memory_equal(&hash, &again, sizeof hash);
    rules_free(rules);
    free(text);
}

static void the_schema_knows_every_operation(void **state)
{
    size_t len;
    char *text = read_file("rules/schema.json", &len);
    json_t *schema = json_loadb(text, len, 0, NULL);
    assert_non_null(schema);
    json_t *operations = json_object_get(json_object_get(json_object_get(schema, "definitions"), "operation"), "enum");
    assert_int_equal(json_array_size(operations), OPERATION_COUNT - 1);
    for (int i = 0; i < OPERATION_COUNT - 1; i++)
        assert_string_equal(json_string_value(json_array_get(operations, (size_t)i)),
                            operation_name((enum operation)(i + 1)));
    json_decref(schema);
    free(text);
}

static void what_is_left_out_has_a_default(void **state)
{
    struct rules *rules = read_good("{\"name\": \"x\"}");
    assert_string_equal(rules_search_path(rules), "public");
    assert_int_equal(rules_approval(rules).expires_seconds, 86400);
    assert_false(rules_can_write(rules));
    assert_false(rules_can_park(rules));
    rules_free(rules);
}

static void operations_may_be_written_in_any_case(void **state)
{
    struct rules *rules = read_good("{\"name\": \"x\", \"database\": {\"allowed_operations\": [\"select\"]}}");
    assert_int_equal(rules->listings[OPERATION_SELECT], LISTING_ALLOWED);
    rules_free(rules);
}

static void search_path_is_quoted_where_it_must_be(void **state)
{
    struct rules *rules = read_good("{\"name\": \"x\", \"search_path\": [\"app\", \"My Schema\", \"p-1\"]}");
    assert_string_equal(rules_search_path(rules), "app, \"My Schema\", \"p-1\"");
    rules_free(rules);
    rules = read_good("{\"name\": \"x\", \"search_path\": []}");
    assert_string_equal(rules_search_path(rules), "");
    rules_free(rules);
}

static void can_write_can_park_and_needs_direct(void **state)
{
    static const struct {
        const char *text;
        bool can_write, can_park, needs_direct;
    } cases[] = {
        {"{\"name\":\"x\",\"database\":{\"allowed_operations\":[\"SELECT\",\"LISTEN\"]}}", false, false, false},
        {"{\"name\":\"x\",\"database\":{\"allowed_operations\":[\"INSERT\"]}}", true, false, true},
        {"{\"name\":\"x\",\"database\":{\"requires_approval_for\":[\"DELETE\"]}}", true, true, false},
        {"{\"name\":\"x\",\"database\":{\"denied_operations\":[\"DELETE\"]}}", false, false, false},
        {"{\"name\":\"x\",\"rules\":[{\"id\":\"a\",\"operations\":[\"UPDATE\"],\"verdict\":\"flag\"}]}", true, false,
         true},
        {"{\"name\":\"x\",\"rules\":[{\"id\":\"a\",\"verdict\":\"park\"}]}", true, true, false},
        {"{\"name\":\"x\",\"rules\":[{\"id\":\"a\",\"operations\":[\"SELECT\"],\"verdict\":\"allow\"}]}", false, false,
         false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct rules *rules = read_good(cases[i].text);
        assert_int_equal(rules_can_write(rules), cases[i].can_write);
        assert_int_equal(rules_can_park(rules), cases[i].can_park);
        assert_int_equal(rules_needs_direct(rules), cases[i].needs_direct);
        rules_free(rules);
    }
}

/* A rule within a policy. */
#define RULE(text) "{\"name\": \"x\", \"rules\": [\n" text "]}"

static const struct wrong {
    const char *text;
    int line, column;
    const char *key, *message; /* a part of it */
} wrong[] = {
    {"", 1, 0, "", "not JSON"},
    {"{", 1, 1, "", "not JSON"},
    {"[]", 1, 1, "", "must be an object"},
    {"{}", 1, 1, "", "\"name\" is missing"},
    {"{\"name\": \"\"}", 1, 2, "name", "1 to 63 bytes"},
    {"{\"name\": \"a\\nb\"}", 1, 2, "name", "control characters"},
    {"{\"name\": 7}", 1, 2, "name", "must be a text"},
    {"{\"name\": \"x\", \"name\": \"y\"}", 1, 0, "", "duplicate"},
    {"{\"name\": \"x\",\n \"databse\": {}}", 2, 2, "databse", "database"},
    {"{\"name\": \"x\", \"mode\": \"audit\"}", 1, 15, "mode", "enforce or observe"},
    {"{\"name\": \"x\", \"database\": []}", 1, 15, "database", "must be an object"},
    {"{\"name\": \"x\", \"database\": {\"allowed\": []}}", 1, 28, "database.allowed", "allowed_operations"},
    {"{\"name\": \"x\", \"database\": {\"allowed_operations\": \"SELECT\"}}", 1, 28, "database.allowed_operations",
     "must be a list"},
    {"{\"name\": \"x\", \"database\": {\"allowed_operations\": [\"SELECT\",\n  \"READ\"]}}", 2, 3,
     "database.allowed_operations.1", "is no operation"},
    {"{\"name\": \"x\", \"database\": {\"allowed_operations\": [\"UNKNOWN\"]}}", 1, 51, "database.allowed_operations.0",
     "is no operation"},
    {"{\"name\": \"x\", \"database\": {\"allowed_operations\": [\"DROP\"],\n\"denied_operations\": [\"DROP\"]}}", 2, 23,
     "database.denied_operations.0", "in allowed_operations too"},
    {"{\"name\": \"x\", \"database\": {\"allowed_operations\": [\"DROP\", \"drop\"]}}", 1, 59,
     "database.allowed_operations.1", "listed twice"},
    {"{\"name\": \"x\", \"database\": {\"allowed_operations\": [\"LOAD\"]}}", 1, 51, "database.allowed_operations.0",
     "never allowed"},
    {"{\"name\": \"x\", \"database\": {\"requires_approval_for\": [\"BEGIN\"]}}", 1, 54,
     "database.requires_approval_for.0", "can't wait"},
    {RULE("{\"verdict\": \"deny\"}"), 2, 1, "rules.0", "\"id\" is missing"},
    {RULE("{\"id\": \"a\"}"), 2, 1, "rules.0", "\"verdict\" is missing"},
    {RULE("{\"id\": \"a b\", \"verdict\": \"deny\"}"), 2, 2, "rules.0.id", "letters, digits"},
    {RULE("{\"id\": \"a\", \"verdict\": \"maybe\"}"), 2, 13, "rules.0.verdict", "allow, flag, park or deny"},
    {RULE("{\"id\": \"a\", \"verdict\": \"deny\"},\n{\"id\": \"a\", \"verdict\": \"deny\"}"), 3, 2, "rules.1.id",
     "id of its own"},
    {RULE("{\"id\": \"a\", \"verdict\": \"allow\"}"), 2, 1, "rules.0", "\"operations\" is missing"},
    {RULE("{\"id\": \"a\", \"verdict\": \"deny\", \"columns\": []}"), 2, 32, "rules.0.columns", "relations"},
    {RULE("{\"id\": \"a\", \"verdict\": \"deny\", \"operations\": []}"), 2, 32, "rules.0.operations", "empty list"},
    {RULE("{\"id\": \"a\", \"verdict\": \"deny\", \"relations\": []}"), 2, 32, "rules.0.relations", "empty list"},
    {RULE("{\"id\": \"a\", \"verdict\": \"deny\", \"agents\": []}"), 2, 32, "rules.0.agents", "empty list"},
    {RULE("{\"id\": \"a\", \"verdict\": \"allow\", \"operations\": [\"TWOPHASE\"]}"), 2, 33, "rules.0.operations",
     "never allowed"},
    {RULE("{\"id\": \"a\", \"verdict\": \"deny\", \"relations\": [\"hr.\"]}"), 2, 46, "rules.0.relations.0",
     "schema.name"},
    {RULE("{\"id\": \"a\", \"verdict\": \"deny\", \"relations\": [\".t\"]}"), 2, 46, "rules.0.relations.0",
     "schema.name"},
    {RULE("{\"id\": \"a\", \"verdict\": \"deny\", \"relations\": [\"a.b.c\"]}"), 2, 46, "rules.0.relations.0",
     "schema.name"},
    {RULE("{\"id\": \"a\", \"verdict\": \"deny\", \"relations\": [\"hr.t?\"]}"), 2, 46, "rules.0.relations.0",
     "only *"},
    {"{\"name\": \"x\", \"functions\": {\"allow\": [\"full_name\"]}}", 1, 39, "functions.allow.0", "public.full_name"},
    {"{\"name\": \"x\", \"functions\": {\"extensions\": [\"dblink\"]}}", 1, 44, "functions.extensions.0",
     "functions.allow"},
    {"{\"name\": \"x\", \"search_path\": \"public\"}", 1, 15, "search_path", "must be a list"},
    {"{\"name\": \"x\", \"search_path\": [\"$user\"]}", 1, 31, "search_path.0", "search path of agents"},
    {"{\"name\": \"x\", \"search_path\": [\"app\", \"pg_catalog\"]}", 1, 38, "search_path.1", "must come first"},
    {"{\"name\": \"x\", \"search_path\": [\"a, b\"]}", 1, 31, "search_path.0", "one schema"},
    {"{\"name\": \"x\", \"approval\": {\"expires\": \"1y\"}}", 1, 28, "approval.expires", "24h"},
    {"{\"name\": \"x\", \"approval\": {\"expires\": \"31d\"}}", 1, 28, "approval.expires", "30 days"},
    {"{\"name\": \"x\", \"approval\": {\"expires\": \"0s\"}}", 1, 28, "approval.expires", "24h"},
    {"{\"name\": \"x\", \"approval\": {\"expires\": \"-5s\"}}", 1, 28, "approval.expires", "24h"},
    {"{\"name\": \"x\", \"approval\": {\"expires\": \"99999999999999999999d\"}}", 1, 28, "approval.expires",
     "1 to 16 bytes"},
    {"{\"name\": \"x\", \"approval\": {\"approvals\": 0}}", 1, 28, "approval.approvals", "1 to 9"},
    {"{\"name\": \"x\", \"approval\": {\"hold_seconds\": 1.5}}", 1, 28, "approval.hold_seconds", "whole number"},
};

static void what_is_wrong_is_a_fault_at_its_place(void **state)
{
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const struct wrong *c = &wrong[i];
        struct fault fault = {0};
        struct rules *rules = read_text(c->text, &fault);
        if (rules != NULL)
            fail_msg("no fault: %s", c->text);
        bool is_placed = fault.line == c->line && (c->column == 0 || fault.column == c->column);
        if (!is_placed || strcmp(fault.key, c->key) != 0 || strstr(fault.message, c->message) == NULL ||
            strcmp(fault.file, "p.json") != 0)
            fail_msg("%s\n gave %s:%d:%d: %s: %s\n not %d:%d: %s: …%s…", c->text, fault.file, fault.line, fault.column,
                     fault.key, fault.message, c->line, c->column, c->key, c->message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_of_the_design_is_read),
        cmocka_unit_test(the_shipped_default_is_read),
        cmocka_unit_test(the_schema_knows_every_operation),
        cmocka_unit_test(what_is_left_out_has_a_default),
        cmocka_unit_test(operations_may_be_written_in_any_case),
        cmocka_unit_test(search_path_is_quoted_where_it_must_be),
        cmocka_unit_test(can_write_can_park_and_needs_direct),
        cmocka_unit_test(what_is_wrong_is_a_fault_at_its_place),
    };
    return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
