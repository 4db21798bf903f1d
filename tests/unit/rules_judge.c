/* Verdicts. Most cases are SQL under one policy; those about facts that no SQL gives are made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "rules.h"

static const char policy[] =
    "{\"name\": \"p\","
    " \"database\": {\"allowed_operations\": [\"SELECT\"], \"denied_operations\": [\"DROP\", \"DELETE\", \"LISTEN\"],"
    "  \"requires_approval_for\": [\"UPDATE\", \"INSERT\", \"COPY\", \"CREATE\"]},"
    " \"rules\": ["
    "  {\"id\": \"watch-payroll\", \"operations\": [\"SELECT\"], \"relations\": [\"hr.*\"], \"verdict\": \"flag\","
    "   \"reason\": \"people data\"},"
    "  {\"id\": \"no-secrets\", \"relations\": [\"vault.*\", \"*_secret\"], \"verdict\": \"deny\","
    "   \"reason\": \"secrets are not for agents\"},"
    "  {\"id\": \"scratch\", \"operations\": [\"INSERT\", \"UPDATE\", \"DELETE\", \"CREATE\"],"
    "   \"relations\": [\"agent_scratch.*\"], \"verdict\": \"allow\"},"
    "  {\"id\": \"loader\", \"operations\": [\"INSERT\"], \"agents\": [\"etl-*\"], \"databases\": [\"app\"],"
    "   \"verdict\": \"allow\"},"
    "  {\"id\": \"hashes\", \"operations\": [\"SELECT\"], \"relations\": [\"pg_catalog.pg_shadow\"],"
    "   \"agents\": [\"auditor\"], \"verdict\": \"flag\"},"
    "  {\"id\": \"all-reads\", \"operations\": [\"SELECT\"], \"relations\": [\"*\"], \"agents\": [\"auditor\"],"
    "   \"verdict\": \"allow\"},"
    "  {\"id\": \"no-cursors\", \"operations\": [\"DECLARE\"], \"agents\": [\"strict\"], \"verdict\": \"deny\"}],"
    " \"functions\": {\"extensions\": [\"pg_trgm\"], \"allow\": [\"public.full_name\", \"app.st_*\", \"app.@@\","
    "   \"pg_catalog.pg_sleep\"]},"
    " \"search_path\": [\"app\", \"hr\"]}";

static struct rules *rules;
static struct arena arena;
static struct asker asker = {"bot", "app"};

static struct rules *read_policy(const char *text)
{
    struct fault fault = {0};
    struct rules *read = rules_read("p.json", view_of(text), &fault);
    if (read == NULL)
        fail_msg("%d:%d: %s: %s", fault.line, fault.column, fault.key, fault.message);
    return read;
}

static int set_up(void **state)
{
    rules = read_policy(policy);
    return 0;
}

static int tear_down(void **state)
{
    rules_free(rules);
    arena_fini(&arena);
    return 0;
}

static struct judgement judge_by(const struct rules *by, const char *sql)
{
    struct facts facts;
    struct parser_error error;
    struct judgement whole;
    enum parser_result result = parser_read(view_of(sql), NULL, &arena, &facts, &error);
    if (result == PARSER_RESULT_OK)
        rules_judge_message(by, &asker, &facts, &arena, NULL, &whole);
    else
        rules_judge_error(result, &error, &arena, &whole);
    return whole;
}

struct expectation {
    const char *sql;
    enum verdict verdict;
    const char *rule;
};

static void expect_all(const struct expectation *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct judgement got = judge_by(rules, cases[i].sql);
        if (got.verdict != cases[i].verdict || strcmp(got.rule, cases[i].rule) != 0)
            fail_msg("%s\n gave %s by %s (%s), not %s by %s", cases[i].sql, verdict_name(got.verdict), got.rule,
                     got.reason, verdict_name(cases[i].verdict), cases[i].rule);
        assert_non_null(got.reason);
        assert_true(got.reason[0] != '\0' && got.reason[strlen(got.reason) - 1] != '.');
        assert_true(got.verdict != VERDICT_DENY || got.sqlstate != NULL);
    }
}

#define EXPECT(cases) expect_all(cases, sizeof(cases) / sizeof *(cases))

static void lists_decide_and_what_is_unlisted_is_refused(void **state)
{
    static const struct expectation cases[] = {
        {"SELECT 1", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT * FROM app.t", VERDICT_ALLOW, "allowed_operations"},
        {"UPDATE app.t SET a = 1", VERDICT_PARK, "requires_approval_for"},
        {"DROP TABLE app.t", VERDICT_DENY, "denied_operations"},
        {"TRUNCATE app.t", VERDICT_DENY, "not-listed"},
        {"VACUUM app.t", VERDICT_DENY, "not-listed"},
        {"DO 'x'", VERDICT_DENY, "not-listed"},
        {"LOAD 'x'", VERDICT_DENY, "never-allowed"},
        {"PREPARE TRANSACTION 'x'", VERDICT_DENY, "never-allowed"},
        {"", VERDICT_ALLOW, "empty"},
        {"-- nothing", VERDICT_ALLOW, "empty"},
    };
    EXPECT(cases);
}

static void the_first_rule_that_matches_decides(void **state)
{
    static const struct expectation cases[] = {
        {"SELECT * FROM hr.salaries", VERDICT_FLAG, "watch-payroll"},
        {"SELECT * FROM hr.x_secret", VERDICT_FLAG, "watch-payroll"},
        {"UPDATE hr.salaries SET a = 1", VERDICT_PARK, "requires_approval_for"},
        {"SELECT * FROM vault.keys", VERDICT_DENY, "no-secrets"},
        {"UPDATE vault.keys SET a = 1", VERDICT_DENY, "no-secrets"},
        {"SELECT * FROM app.api_secret", VERDICT_DENY, "no-secrets"},
        {"DELETE FROM agent_scratch.t", VERDICT_ALLOW, "scratch"},
        {"INSERT INTO agent_scratch.t SELECT * FROM app.t", VERDICT_ALLOW, "scratch"},
        {"DROP TABLE agent_scratch.t", VERDICT_DENY, "denied_operations"},
        {"SELECT * FROM agent_scratch_2.t", VERDICT_ALLOW, "allowed_operations"},
        {"INSERT INTO agent_scratch_2.t VALUES (1)", VERDICT_PARK, "requires_approval_for"},
        {"INSERT INTO \"agent_scratch.x\".t VALUES (1)", VERDICT_PARK, "requires_approval_for"},
        {"INSERT INTO \"agent_scratch.t\" VALUES (1)", VERDICT_PARK, "requires_approval_for"},
    };
    EXPECT(cases);
}

static void the_strictest_of_all_that_is_touched_stands(void **state)
{
    static const struct expectation cases[] = {
        {"SELECT * FROM app.t, hr.s", VERDICT_FLAG, "watch-payroll"},
        {"SELECT * FROM hr.s WHERE id IN (SELECT id FROM vault.k)", VERDICT_DENY, "no-secrets"},
        {"INSERT INTO agent_scratch.t SELECT * FROM vault.k", VERDICT_DENY, "no-secrets"},
        {"INSERT INTO agent_scratch.t SELECT * FROM hr.s", VERDICT_FLAG, "watch-payroll"},
        {"WITH d AS (DELETE FROM app.t RETURNING *) SELECT * FROM d", VERDICT_DENY, "denied_operations"},
        {"WITH d AS (DELETE FROM agent_scratch.t RETURNING *) INSERT INTO app.t SELECT * FROM d", VERDICT_PARK,
         "requires_approval_for"},
        {"INSERT INTO app.t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2", VERDICT_PARK, "requires_approval_for"},
        {"SELECT 1; INSERT INTO app.t VALUES (1)", VERDICT_PARK, "requires_approval_for"},
        {"INSERT INTO app.t VALUES (1); DROP TABLE app.t", VERDICT_DENY, "denied_operations"},
    };
    EXPECT(cases);
}

/* search_path is app, hr: `salaries` may be hr.salaries. */
static void a_name_without_schema_counts_both_ways(void **state)
{
    static const struct expectation cases[] = {
        {"SELECT * FROM salaries", VERDICT_FLAG, "watch-payroll"},
        {"SELECT * FROM x_secret", VERDICT_DENY, "no-secrets"},
        {"SELECT * FROM keys", VERDICT_FLAG, "watch-payroll"}, /* vault is not on the path */
        {"INSERT INTO t VALUES (1)", VERDICT_PARK, "requires_approval_for"},
    };
    EXPECT(cases);
    struct rules *alone = read_policy("{\"name\": \"q\", \"database\": {\"requires_approval_for\": [\"INSERT\"]},"
                                      " \"rules\": [{\"id\": \"s\", \"operations\": [\"INSERT\"],"
                                      "  \"relations\": [\"scratch.*\"], \"verdict\": \"allow\"}],"
                                      " \"search_path\": [\"scratch\"]}");
    assert_int_equal(judge_by(alone, "INSERT INTO t VALUES (1)").verdict, VERDICT_ALLOW);
    rules_free(alone);
    struct rules *two = read_policy("{\"name\": \"q\", \"database\": {\"requires_approval_for\": [\"INSERT\"]},"
                                    " \"rules\": [{\"id\": \"s\", \"operations\": [\"INSERT\"],"
                                    "  \"relations\": [\"scratch.*\"], \"verdict\": \"allow\"}],"
                                    " \"search_path\": [\"scratch\", \"public\"]}");
    assert_int_equal(judge_by(two, "INSERT INTO t VALUES (1)").verdict, VERDICT_PARK);
    rules_free(two);
}

static void a_rule_may_be_for_some_agents_and_databases(void **state)
{
    asker = (struct asker){"etl-1", "app"};
    assert_string_equal(judge_by(rules, "INSERT INTO app.t VALUES (1)").rule, "loader");
    asker = (struct asker){"etl-1", "other"};
    assert_string_equal(judge_by(rules, "INSERT INTO app.t VALUES (1)").rule, "requires_approval_for");
    asker = (struct asker){"my-etl-1", "app"};
    assert_string_equal(judge_by(rules, "INSERT INTO app.t VALUES (1)").rule, "requires_approval_for");
    asker = (struct asker){"strict", "app"};
    assert_string_equal(judge_by(rules, "DECLARE c CURSOR FOR SELECT 1").rule, "no-cursors");
    asker = (struct asker){"bot", "app"};
    assert_int_equal(judge_by(rules, "DECLARE c CURSOR FOR SELECT 1").verdict, VERDICT_ALLOW);
}

static void catalogs_with_secrets_need_a_rule_that_names_them(void **state)
{
    static const struct expectation cases[] = {
        {"SELECT * FROM pg_shadow", VERDICT_DENY, "sensitive-catalog"},
        {"SELECT * FROM pg_catalog.pg_authid", VERDICT_DENY, "sensitive-catalog"},
        {"SELECT * FROM pg_toast.pg_toast_1", VERDICT_DENY, "sensitive-catalog"},
        {"SELECT most_common_vals FROM pg_stats WHERE schemaname = 'vault'", VERDICT_DENY, "sensitive-catalog"},
        {"SELECT 1 FROM app.t, LATERAL (TABLE pg_catalog.pg_stats) s", VERDICT_DENY, "sensitive-catalog"},
        {"SELECT * FROM pg_stats_ext", VERDICT_DENY, "sensitive-catalog"},
        {"SELECT * FROM pg_stats_ext_exprs", VERDICT_DENY, "sensitive-catalog"},
        {"SELECT * FROM pg_statistic", VERDICT_DENY, "sensitive-catalog"},
        {"SELECT * FROM pg_statistic_ext_data", VERDICT_DENY, "sensitive-catalog"},
        {"SELECT stxname FROM pg_statistic_ext", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT * FROM pg_stat_activity, pg_stat_user_tables", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT * FROM app.pg_stats", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT * FROM app.pg_shadow", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT * FROM pg_temp.t", VERDICT_DENY, "temporary-object"},
        {"SELECT * FROM pg_roles", VERDICT_ALLOW, "allowed_operations"},
    };
    EXPECT(cases);
    asker.agent = "auditor";
    static const struct expectation auditor[] = {
        {"SELECT * FROM pg_catalog.pg_authid", VERDICT_DENY, "sensitive-catalog"},
        {"SELECT * FROM pg_catalog.pg_shadow", VERDICT_FLAG, "hashes"},
        {"SELECT * FROM pg_catalog.pg_class", VERDICT_ALLOW, "all-reads"},
    };
    EXPECT(auditor);
    asker.agent = "bot";
}

static void functions_are_listed_trusted_or_named(void **state)
{
    static const struct expectation cases[] = {
        {"SELECT lower('A'), pg_catalog.upper('a'), count(*) FROM app.t", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT evil.lower('A')", VERDICT_DENY, "function-not-listed"},
        {"SELECT app.lower('A')", VERDICT_DENY, "function-not-listed"},
        {"SELECT similarity('a', 'b'), app.similarity('a', 'b')", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT public.similarity('a', 'b')", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT evil.similarity('a', 'b')", VERDICT_DENY, "function-not-listed"},
        {"SELECT akeys(h) FROM app.t", VERDICT_DENY, "extension-not-listed"},
        {"SELECT replace('a', 'b', 'c')", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT public.full_name(t) FROM app.t", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT full_name(t) FROM app.t", VERDICT_DENY, "function-not-listed"}, /* public is not on the path */
        {"SELECT app.st_area(g) FROM app.t", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT pg_sleep(1)", VERDICT_ALLOW, "allowed_operations"}, /* named in full */
        {"SELECT pg_sleep_for('1s')", VERDICT_DENY, "function-denied"},
        {"SELECT nextval('s')", VERDICT_DENY, "function-denied"},
        {"SELECT (x).pg_read_file FROM app.t", VERDICT_DENY, "function-denied"},
        {"SELECT t.nextval FROM app.t", VERDICT_DENY, "function-denied"},
        {"SELECT t.set_config FROM app.t", VERDICT_DENY, "function-denied"},
        {"SELECT t.name, (t).lower, t.system FROM app.t", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT 1 OPERATOR(pg_catalog.+) 2", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT 1 OPERATOR(evil.+) 2", VERDICT_DENY, "operator-not-listed"},
        {"SELECT 1 OPERATOR(app.@@) 2", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT * FROM app.t TABLESAMPLE system (1)", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT * FROM app.t TABLESAMPLE evil (1)", VERDICT_DENY, "function-not-listed"},
        {"SELECT ts_rewrite('a'::tsquery, 'a'::tsquery, 'b'::tsquery)", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT ts_rewrite('a'::tsquery, 'SELECT 1')", VERDICT_DENY, "function-denied"},
        {"INSERT INTO app.t VALUES (evil())", VERDICT_DENY, "function-not-listed"},
        {"EXPLAIN SELECT evil()", VERDICT_DENY, "function-not-listed"},
        {"PREPARE p AS SELECT evil()", VERDICT_DENY, "function-not-listed"},
        {"EXECUTE p(evil())", VERDICT_DENY, "function-not-listed"},
    };
    EXPECT(cases);
    struct judgement got = judge_by(rules, "SELECT evil.f(1)");
    assert_non_null(strstr(got.hint, "\"functions\": {\"allow\": [\"evil.f\"]}"));
    assert_int_equal(got.position, 7);
}

static void a_procedure_is_the_matter_of_call(void **state)
{
    struct rules *calling = read_policy("{\"name\": \"c\", \"database\": {\"requires_approval_for\": [\"CALL\"],"
                                        " \"allowed_operations\": [\"SELECT\"]}}");
    assert_int_equal(judge_by(calling, "CALL app.tidy(1)").verdict, VERDICT_PARK);
    assert_string_equal(judge_by(calling, "CALL app.tidy(app.f())").rule, "function-not-listed");
    assert_string_equal(judge_by(calling, "CALL app.tidy(app.tidy(1))").rule, "function-not-listed");
    assert_string_equal(judge_by(calling, "CALL pg_sleep(1)").rule, "function-denied");
    assert_string_equal(judge_by(calling, "SELECT app.tidy(1)").rule, "function-not-listed");
    rules_free(calling);
}

static void settings_are_judged_wherever_they_are_set(void **state)
{
    static const struct expectation cases[] = {
        {"SET TimeZone = 'UTC'", VERDICT_ALLOW, "session-command"},
        {"SET LOCAL statement_timeout = '5s'", VERDICT_ALLOW, "session-command"},
        {"SET client_encoding = 'SJIS'", VERDICT_DENY, "setting-not-allowed"},
        {"SET ROLE admin", VERDICT_DENY, "setting-not-allowed"},
        {"SET ROLE NONE", VERDICT_DENY, "setting-not-allowed"},
        {"SET LOCAL ROLE NONE", VERDICT_DENY, "setting-not-allowed"},
        {"SET role TO DEFAULT", VERDICT_DENY, "setting-not-allowed"},
        {"RESET ROLE", VERDICT_DENY, "setting-not-allowed"},
        {"RESET SESSION AUTHORIZATION", VERDICT_DENY, "setting-not-allowed"},
        {"SET SESSION AUTHORIZATION DEFAULT", VERDICT_DENY, "setting-not-allowed"},
        {"SELECT set_config('role', 'none', false)", VERDICT_DENY, "setting-not-allowed"},
        {"SELECT set_config('role', NULL, false)", VERDICT_DENY, "setting-not-allowed"},
        {"RESET transaction_read_only", VERDICT_DENY, "setting-not-allowed"},
        {"RESET \"TRANSACTION_read_only\"", VERDICT_DENY, "setting-not-allowed"},
        {"SET transaction_read_only TO DEFAULT", VERDICT_DENY, "setting-not-allowed"},
        {"SET LOCAL transaction_read_only TO DEFAULT", VERDICT_DENY, "setting-not-allowed"},
        {"SELECT set_config('transaction_read_only', NULL, true)", VERDICT_DENY, "setting-not-allowed"},
        {"SELECT set_config('transaction_read_only', NULL::text, true)", VERDICT_DENY, "setting-not-allowed"},
        {"SELECT set_config('transaction_read_only', $1, true)", VERDICT_DENY, "setting-not-allowed"},
        {"SET TRANSACTION READ WRITE", VERDICT_DENY, "setting-not-allowed"},
        {"SET TRANSACTION READ ONLY", VERDICT_ALLOW, "session-command"},
        {"RESET default_transaction_read_only", VERDICT_ALLOW, "session-command"},
        {"RESET TRANSACTION ISOLATION LEVEL", VERDICT_ALLOW, "session-command"},
        {"SET LOCAL transaction_deferrable TO DEFAULT", VERDICT_ALLOW, "session-command"},
        {"BEGIN; RESET ALL; COMMIT", VERDICT_ALLOW, "session-command"},
        {"DISCARD ALL", VERDICT_ALLOW, "session-command"},
        {"RESET ALL", VERDICT_ALLOW, "session-command"},
        {"RESET app.tenant", VERDICT_DENY, "setting-not-allowed"},
        {"SHOW anything", VERDICT_ALLOW, "session-command"},
        {"SET search_path = hr, app", VERDICT_ALLOW, "session-command"},
        {"SET search_path = vault", VERDICT_DENY, "setting-not-allowed"},
        {"SELECT set_config('TimeZone', 'UTC', false)", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT set_config('TimeZone', $1, false)", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT set_config('search_path', 'app, hr', false)", VERDICT_ALLOW, "allowed_operations"},
        {"SELECT set_config('search_path', $1, false)", VERDICT_DENY, "setting-not-allowed"},
        {"SELECT set_config($1, 'x', false)", VERDICT_DENY, "setting-not-allowed"},
        {"SELECT set_config('ro' || 'le', 'x', false)", VERDICT_DENY, "setting-not-allowed"},
        {"SELECT pg_catalog.set_config('role', 'x', false)", VERDICT_DENY, "setting-not-allowed"},
        {"SELECT set_config(setting_name => 'jit', new_value => 'off', is_local => false)", VERDICT_DENY,
         "setting-not-allowed"},
        {"CREATE FUNCTION app.f() RETURNS int LANGUAGE sql SET search_path = vault AS 'SELECT 1'", VERDICT_PARK,
         "requires_approval_for"},
    };
    EXPECT(cases);
}

static void transactions_need_no_permission_but_stay_read_only(void **state)
{
    struct rules *reading = read_policy("{\"name\": \"r\", \"database\": {\"allowed_operations\": [\"SELECT\"]}}");
    static const char *const fine[] = {"BEGIN",          "START TRANSACTION READ ONLY",
                                       "COMMIT",         "ROLLBACK TO SAVEPOINT a",
                                       "SAVEPOINT a",    "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
                                       "DISCARD ALL",    "CLOSE ALL",
                                       "DEALLOCATE ALL", "UNLISTEN *"};
    static const char *const refused[] = {"BEGIN READ WRITE",
                                          "SET TRANSACTION READ WRITE",
                                          "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
                                          "SET TRANSACTION SNAPSHOT 'x'",
                                          "DEALLOCATE sallyport_1",
                                          "DECLARE \"SallyPort\" CURSOR FOR SELECT 1",
                                          "COPY t TO '/tmp/x'",
                                          "COPY t FROM PROGRAM 'x'"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
        if (judge_by(reading, fine[i]).verdict != VERDICT_ALLOW)
            fail_msg("%s: %s", fine[i], judge_by(reading, fine[i]).reason);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (judge_by(reading, refused[i]).verdict != VERDICT_DENY)
            fail_msg("%s went through", refused[i]);
    assert_non_null(strstr(judge_by(reading, "BEGIN READ WRITE").hint, "Plain BEGIN"));
    rules_free(reading);
    /* Where writes go through without approval, the session isn't read-only. */
    assert_int_equal(judge_by(rules, "BEGIN READ WRITE").verdict, VERDICT_ALLOW);
}

static void copy_and_locks_and_explain(void **state)
{
    struct rules *plain = read_policy("{\"name\": \"r\", \"database\": {\"allowed_operations\": [\"SELECT\"],"
                                      " \"requires_approval_for\": [\"INSERT\", \"DELETE\"]}}");
    assert_int_equal(judge_by(plain, "COPY t TO STDOUT").verdict, VERDICT_ALLOW);
    assert_int_equal(judge_by(plain, "COPY (SELECT * FROM t) TO STDOUT").verdict, VERDICT_ALLOW);
    assert_int_equal(judge_by(plain, "COPY t FROM STDIN").verdict, VERDICT_DENY);
    struct judgement lock = judge_by(plain, "SELECT * FROM t FOR UPDATE");
    assert_int_equal(lock.verdict, VERDICT_DENY);
    assert_non_null(strstr(lock.hint, "FOR UPDATE"));
    assert_int_equal(judge_by(plain, "EXPLAIN DELETE FROM t").verdict, VERDICT_ALLOW);
    assert_int_not_equal(judge_by(plain, "EXPLAIN ANALYZE DELETE FROM t").verdict, VERDICT_ALLOW);
    rules_free(plain);
    /* A policy that speaks about COPY means COPY TO too. */
    assert_int_not_equal(judge_by(rules, "COPY app.t TO STDOUT").verdict, VERDICT_ALLOW);
    assert_int_equal(judge_by(rules, "COPY vault.t TO STDOUT").verdict, VERDICT_DENY);
    struct rules *narrow = read_policy("{\"name\": \"n\", \"rules\": ["
                                       " {\"id\": \"no-dump\", \"operations\": [\"COPY\"], \"relations\": [\"hr.*\"],"
                                       "  \"verdict\": \"deny\"},"
                                       " {\"id\": \"read\", \"operations\": [\"SELECT\"],"
                                       "  \"relations\": [\"app.*\", \"hr.*\"], \"verdict\": \"allow\"}]}");
    assert_int_equal(judge_by(narrow, "COPY app.t TO STDOUT").verdict, VERDICT_ALLOW);
    assert_string_equal(judge_by(narrow, "COPY hr.t TO STDOUT").rule, "no-dump");
    assert_int_equal(judge_by(narrow, "SELECT * FROM hr.t").verdict, VERDICT_ALLOW);
    assert_int_equal(judge_by(narrow, "COPY other.t TO STDOUT").verdict, VERDICT_DENY);
    assert_int_equal(judge_by(narrow, "COPY (SELECT 1) TO STDOUT").verdict, VERDICT_DENY);
    rules_free(narrow);
}

static void what_cannot_wait_is_refused_with_words(void **state)
{
    static const struct expectation cases[] = {
        {"BEGIN; UPDATE app.t SET a = 1; COMMIT", VERDICT_DENY, "cannot-wait"},
        {"SET TimeZone = 'UTC'; UPDATE app.t SET a = 1", VERDICT_DENY, "cannot-wait"},
        {"SHOW TimeZone; UPDATE app.t SET a = 1", VERDICT_PARK, "requires_approval_for"},
        {"BEGIN; DELETE FROM agent_scratch.t; COMMIT", VERDICT_ALLOW, "session-command"},
        {"COPY app.t FROM STDIN", VERDICT_DENY, "cannot-wait"},
        {"PREPARE p AS UPDATE app.t SET a = 1", VERDICT_DENY, "cannot-wait"},
    };
    EXPECT(cases);
}

static void observing_lets_through_and_says_what_would_have_been(void **state)
{
    struct rules *observing = read_policy("{\"name\": \"o\", \"mode\": \"observe\","
                                          " \"database\": {\"requires_approval_for\": [\"UPDATE\"]}}");
    struct judgement got = judge_by(observing, "DROP TABLE t");
    assert_int_equal(got.verdict, VERDICT_ALLOW);
    assert_true(got.would);
    assert_int_equal(got.would_verdict, VERDICT_DENY);
    got = judge_by(observing, "BEGIN; UPDATE t SET a = 1; DROP TABLE t");
    assert_int_equal(got.verdict, VERDICT_ALLOW);
    assert_int_equal(got.would_verdict, VERDICT_DENY);
    assert_string_equal(got.rule, "not-listed");
    /* What protects the session itself stands. */
    assert_int_equal(judge_by(observing, "SET client_encoding = 'SJIS'").verdict, VERDICT_DENY);
    assert_int_equal(judge_by(observing, "LOAD 'x'").verdict, VERDICT_DENY);
    assert_int_equal(judge_by(observing, "SELEC 1").verdict, VERDICT_DENY);
    assert_int_equal(judge_by(observing, "SELECT set_config($1, 'x', false) FROM t").verdict, VERDICT_DENY);
    rules_free(observing);
}

static void what_is_not_parsed_is_denied_with_the_parsers_words(void **state)
{
    struct judgement got = judge_by(rules, "SELECT 1 FRM");
    assert_int_equal(judge_by(rules, "SELECT (").verdict, VERDICT_DENY);
    assert_int_equal(judge_by(rules, "SELECT '\xff'").verdict, VERDICT_DENY);
    assert_string_equal(judge_by(rules, "SELECT '\xff'").rule, "encoding");
    assert_string_equal(judge_by(rules, "SELECT (").sqlstate, "42601");
    assert_true(got.position == -1 || got.position >= 0);
}

/* ---- facts made by hand ------------------------------------------------------------------------------ */

static struct judgement judge_facts(const struct statement *statement)
{
    struct judgement judgement;
    rules_judge(rules, &asker, statement, &arena, &judgement);
    return judgement;
}

static void what_is_not_understood_is_refused(void **state)
{
    struct statement statement = {.operation = OPERATION_UNKNOWN};
    assert_string_equal(judge_facts(&statement).rule, "not-understood");
    statement = (struct statement){.operation = OPERATION_SELECT, .unknown = "NewNode", .unknown_position = 4};
    struct judgement got = judge_facts(&statement);
    assert_int_equal(got.verdict, VERDICT_DENY);
    assert_non_null(strstr(got.reason, "NewNode"));
    assert_int_equal(got.position, 4);
}

static void a_statement_without_touches_is_judged_by_its_operation(void **state)
{
    struct statement statement = {.operation = OPERATION_DROP};
    assert_string_equal(judge_facts(&statement).rule, "denied_operations");
    struct touch read = {.operation = OPERATION_SELECT, .position = -1};
    statement = (struct statement){.operation = OPERATION_TRUNCATE, .touches = &read, .touch_count = 1};
    assert_string_equal(judge_facts(&statement).rule, "not-listed");
    statement = (struct statement){.operation = OPERATION_BEGIN};
    assert_int_equal(judge_facts(&statement).verdict, VERDICT_ALLOW);
}

static void a_set_without_its_name_is_refused(void **state)
{
    struct setting_use use = {.how = SETTING_HOW_SET, .position = -1};
    struct statement statement = {.operation = OPERATION_SET, .settings = &use, .setting_count = 1};
    assert_int_equal(judge_facts(&statement).verdict, VERDICT_DENY);
    use.name = view_of("client_encoding");
    assert_int_equal(judge_facts(&statement).verdict, VERDICT_DENY);
    use.name = view_of("timezone");
    assert_int_equal(judge_facts(&statement).verdict, VERDICT_ALLOW);
}

static void names_come_out_as_json_once_each(void **state)
{
    struct facts facts;
    struct parser_error error;
    const char *sql =
        "EXPLAIN DELETE FROM hr.s; SELECT lower(a), pg_catalog.lower(a), lower(b) FROM t, hr.s, \"q\"\"x\"";
    assert_int_equal(parser_read(view_of(sql), NULL, &arena, &facts, &error), PARSER_RESULT_OK);
    struct bytes json = {0};
    rules_add_operations(&json, facts.statements, facts.count);
    rules_add_relations(&json, facts.statements, facts.count);
    rules_add_functions(&json, facts.statements, facts.count);
    assert_string_equal(bytes_text(&json), "[\"EXPLAIN\",\"SELECT\"][\"hr.s\",\"t\",\"q\\\"x\"]"
                                           "[\"lower\",\"pg_catalog.lower\"]");
    bytes_fini(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_decide_and_what_is_unlisted_is_refused),
        cmocka_unit_test(the_first_rule_that_matches_decides),
        cmocka_unit_test(the_strictest_of_all_that_is_touched_stands),
        cmocka_unit_test(a_name_without_schema_counts_both_ways),
        cmocka_unit_test(a_rule_may_be_for_some_agents_and_databases),
        cmocka_unit_test(catalogs_with_secrets_need_a_rule_that_names_them),
        cmocka_unit_test(functions_are_listed_trusted_or_named),
        cmocka_unit_test(a_procedure_is_the_matter_of_call),
        cmocka_unit_test(settings_are_judged_wherever_they_are_set),
        cmocka_unit_test(transactions_need_no_permission_but_stay_read_only),
        cmocka_unit_test(copy_and_locks_and_explain),
        cmocka_unit_test(what_cannot_wait_is_refused_with_words),
        cmocka_unit_test(observing_lets_through_and_says_what_would_have_been),
        cmocka_unit_test(what_is_not_parsed_is_denied_with_the_parsers_words),
        cmocka_unit_test(what_is_not_understood_is_refused),
        cmocka_unit_test(a_statement_without_touches_is_judged_by_its_operation),
        cmocka_unit_test(a_set_without_its_name_is_refused),
        cmocka_unit_test(names_come_out_as_json_once_each),
    };
    return cmocka_run_group_tests_name("judge", tests, set_up, tear_down);
}
