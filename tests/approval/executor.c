/* The executor against a real PostgreSQL: what an approved ticket does, what an unapproved, forged or failing one
 * doesn't, and what comes back. */
#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "people.h"

#define VIEW(text)                                                                                                     \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

static struct server redis, postgres;
static struct people people;
static char write_string[256];

/* ---- an executor in a thread -------------------------------------------------------------------------- */

static struct {
    struct executor *executor;
    pthread_t thread;
    atomic_bool is_deaf; /* the audit log can't be written */
    pthread_mutex_t lock;
    struct bytes records; /* one a line */
} runner = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t on_record(void *arg, struct view body, bool sync)
{
    assert_true(sync);
    if (atomic_load(&runner.is_deaf))
        return 0;
    pthread_mutex_lock(&runner.lock);
    bytes_add_view(&runner.records, body);
    bytes_add_char(&runner.records, '\n');
    pthread_mutex_unlock(&runner.lock);
    return 1;
}

static void *run(void *arg)
{
    executor_run(runner.executor);
    return NULL;
}

static void runner_begin(void)
{
    struct fault fault;
    struct executor_database databases[] = {{.name = "app", .write = write_string}};
    struct executor_options options = {
        .redis = people.logins[PEOPLE_ROLE_EXECUTOR],
        .approval_key = view_of(APPROVAL_KEY),
        .databases = databases,
        .database_count = 1,
        .lease_seconds = 20,
        .statement_seconds = 3,
        .lock_ms = 100,
        .result_bytes = 1000,
        .record = on_record,
    };
    runner.executor = executor_new(&options, &fault);
    if (runner.executor == NULL)
        fail_msg("%s", fault.message);
    assert_int_equal(pthread_create(&runner.thread, NULL, run, NULL), 0);
}

static void runner_end(void)
{
    executor_stop(runner.executor);
    pthread_join(runner.thread, NULL);
    executor_free(runner.executor);
}

static bool was_recorded(const char *first, const char *second)
{
    pthread_mutex_lock(&runner.lock);
    bool found = false;
    for (const char *at = bytes_text(&runner.records); !found && (at = strstr(at, first)) != NULL; at++) {
        const char *end_of_line = strchr(at, '\n'), *other = strstr(at, second);
        found = other != NULL && (end_of_line == NULL || other < end_of_line);
    }
    pthread_mutex_unlock(&runner.lock);
    return found;
}

static int begin(void **state)
{
    redis_start(&redis);
    postgres_start(&postgres);
    people_init(&people, &redis);
    snprintf(write_string, sizeof write_string, "host=%s dbname=postgres user=writer", postgres.folder);
    free(postgres_do(&postgres, "CREATE ROLE writer LOGIN; CREATE SCHEMA app;"
                                "CREATE TYPE app.\"Mood\" AS ENUM ('good', 'bad');"
                                "CREATE TABLE t (id int PRIMARY KEY, name varchar(20), raw bytea, mood app.\"Mood\");"
                                "CREATE TABLE u (id int, UNIQUE (id) DEFERRABLE INITIALLY DEFERRED);"
                                "GRANT USAGE ON SCHEMA app TO writer;"
                                "GRANT SELECT, INSERT, UPDATE, DELETE ON t, u TO writer"));
    runner_begin();
    return 0;
}

static int end(void **state)
{
    runner_end();
    bytes_fini(&runner.records);
    people_fini(&people);
    server_stop(&postgres);
    server_stop(&redis);
    return 0;
}

/* ---- asking and waiting ------------------------------------------------------------------------------- */

struct wanted {
    const char *id;
    enum ticket_state state;
};

static bool is_in_state(void *arg)
{
    struct wanted *wanted = arg;
    return people_state(&people, wanted->id) == wanted->state;
}

static void wait_for(const char *id, enum ticket_state state)
{
    struct wanted wanted = {id, state};
    wait_until(is_in_state, &wanted, ticket_state_name(state));
}

static struct ticket_answer park(const struct ticket_content *content)
{
    struct ticket_context context = {.expires_seconds = 3600, .approvals = 1};
    struct ticket_answer answer = people_park(&people, content, &context);
    if (!answer.ok)
        fail_msg("%s", answer.words);
    return answer;
}

/* From parking to the answer that the agent gets in the end. */
static struct ticket_answer go_through(const struct ticket_content *content, enum ticket_state to)
{
    struct ticket_answer ticket = park(content);
    people_approve(&people, ticket.id);
    wait_for(ticket.id, to);
    struct ticket_answer answer = park(content);
    assert_string_equal(answer.id, ticket.id);
    assert_int_equal(answer.state, to);
    return answer;
}

static struct ticket_answer simply(const char *sql, enum ticket_state to)
{
    struct ticket_content content = people_content(&people, "bot", sql);
    return go_through(&content, to);
}

static void has(const char *sql, const char *value)
{
    char *found = postgres_do(&postgres, sql);
    if (strcmp(found, value) != 0)
        fail_msg("%s: %s, not %s", sql, found, value);
    free(found);
}

/* ---- what goes well ----------------------------------------------------------------------------------- */

static void test_a_write(void **state)
{
    struct ticket_answer answer = simply("INSERT INTO t VALUES (1, 'one')", TICKET_STATE_EXECUTED);
    assert_int_equal(answer.result_count, 1);
    assert_string_equal(answer.results[0].tag, "INSERT 0 1");
    assert_true(answer.results[0].row_count == 1 && answer.results[0].column_count == 0);
    has("SELECT count(*) FROM t WHERE id = 1", "1");
    char id[48];
    snprintf(id, sizeof id, "\"ticket\":\"%s\"", answer.id);
    assert_true(was_recorded("\"phase\":\"started\"", id));
    assert_true(was_recorded(id, "\"outcome\":\"executed\""));
    assert_true(was_recorded(id, "\"tag\":\"INSERT 0 1\""));
    assert_true(was_recorded(id, "\"approver\":\"alice\""));
    assert_true(was_recorded(id, "\"xid\":\""));
}

static void test_returning(void **state)
{
    struct ticket_answer answer = simply("INSERT INTO t VALUES (2, 'zwei \"ä\"', '\\x00ff', 'bad'), (3) "
                                         "RETURNING id, name, raw, mood, id::numeric(10,2) AS n",
                                         TICKET_STATE_FAILED);
    assert_string_equal(answer.error.sqlstate, "42601"); /* VALUES lists of different lengths */
    answer = simply("INSERT INTO t VALUES (2, 'zwei \"ä\"', '\\x00ff', 'bad'), (3, NULL, NULL, NULL) "
                    "RETURNING id, name, raw, mood, id::numeric(10,2) AS n",
                    TICKET_STATE_EXECUTED);
    const struct ticket_result *result = &answer.results[0];
    assert_string_equal(result->tag, "INSERT 0 2");
    assert_int_equal(result->column_count, 5);
    assert_string_equal(result->columns[0].type, "integer");
    assert_string_equal(result->columns[1].type, "character varying(20)");
    assert_string_equal(result->columns[2].type, "bytea");
    assert_string_equal(result->columns[3].type, "app.\"Mood\"");
    assert_string_equal(result->columns[4].type, "numeric(10,2)");
    assert_string_equal(result->columns[4].name, "n");
    assert_int_equal(result->columns[0].type_oid, 23);
    assert_string_equal(result->rows,
                        "[{\"c1\":\"2\",\"c2\":\"zwei \\\"ä\\\"\",\"c3\":\"\\\\x00ff\",\"c4\":\"bad\",\"c5\":\"2.00\"},"
                        "{\"c1\":\"3\",\"c2\":null,\"c3\":null,\"c4\":null,\"c5\":\"3.00\"}]");
}

static void test_no_rows_but_columns(void **state)
{
    struct ticket_answer answer = simply("DELETE FROM t WHERE id = -1 RETURNING id", TICKET_STATE_EXECUTED);
    assert_string_equal(answer.results[0].tag, "DELETE 0");
    assert_int_equal(answer.results[0].column_count, 1);
    assert_string_equal(answer.results[0].rows, "[]");
}

static void test_too_many_rows_are_dropped(void **state)
{
    struct ticket_answer answer =
        simply("INSERT INTO u SELECT generate_series(1000, 1999) RETURNING id", TICKET_STATE_EXECUTED);
    assert_true(answer.results[0].dropped);
    assert_null(answer.results[0].rows);
    assert_true(answer.results[0].row_count == 1000);
    assert_string_equal(answer.results[0].tag, "INSERT 0 1000");
    has("SELECT count(*) FROM u WHERE id BETWEEN 1000 AND 1999", "1000");
}

/* Text and binary values, NULL, one statement with many sets of values, in one transaction. */
static void test_values(void **state)
{
    static const uint32_t types[] = {23, 1043, 17};
    static const struct ticket_statement statement = {VIEW("INSERT INTO t VALUES ($1, $2, $3)"), types, 3};
    static const struct ticket_value first[] = {
        {.data = VIEW("\0\0\0\x0a"), .format = 1}, {.data = VIEW("it's")}, {.data = VIEW("\x00\xff"), .format = 1}};
    static const struct ticket_value second[] = {{.data = VIEW("11")}, {.is_null = true}, {.data = VIEW("\\x0102")}};
    static const struct ticket_run runs[] = {{0, first, 3}, {0, second, 3}};
    struct ticket_content content = {
        .agent = "bot",
        .database = "app",
        .role = "writer",
        .statements = &statement,
        .statement_count = 1,
        .runs = runs,
        .run_count = 2,
    };
    struct ticket_answer answer = go_through(&content, TICKET_STATE_EXECUTED);
    assert_int_equal(answer.result_count, 2);
    has("SELECT name || raw::text FROM t WHERE id = 10", "it's\\x00ff");
    has("SELECT (name IS NULL)::text || raw::text FROM t WHERE id = 11", "true\\x0102");
    has("SELECT count(DISTINCT xmin::text) FROM t WHERE id IN (10, 11)", "1");
}

static void test_settings_hold_for_it_alone(void **state)
{
    static const struct ticket_setting settings[] = {
        {"DateStyle", "German"}, {"TimeZone", "Asia/Tokyo"}, {"app.tenant", "7"}, {"search_path", "app, public"}};
    struct ticket_content content =
        people_content(&people, "bot",
                       "INSERT INTO t VALUES (20, current_setting('app.tenant') || current_setting('TimeZone'), NULL, "
                       "'good'::\"Mood\") RETURNING '2026-11-23'::date, name");
    content.settings = settings;
    content.setting_count = 4;
    struct ticket_answer answer = go_through(&content, TICKET_STATE_EXECUTED);
    assert_string_equal(answer.results[0].rows, "[{\"c1\":\"23.11.2026\",\"c2\":\"7Asia/Tokyo\"}]");
}

/* ---- what doesn't ------------------------------------------------------------------------------------- */

static void test_errors_come_back(void **state)
{
    struct ticket_answer answer = simply("INSERT INTO t VALUES (1, 'again')", TICKET_STATE_FAILED);
    assert_string_equal(answer.error.sqlstate, "23505");
    assert_non_null(strstr(answer.error.message, "duplicate key"));
    assert_non_null(strstr(answer.error.detail, "(id)=(1)"));
    answer = simply("CREATE TABLE not_mine ()", TICKET_STATE_FAILED);
    assert_string_equal(answer.error.sqlstate, "42501");
    answer = simply("SELECT pg_sleep(60)", TICKET_STATE_FAILED);
    assert_string_equal(answer.error.sqlstate, "57014");
}

static void test_all_runs_or_none(void **state)
{
    static const struct ticket_statement statements[] = {{.sql = VIEW("INSERT INTO t VALUES (30)")},
                                                         {.sql = VIEW("INSERT INTO t VALUES (1)")}};
    static const struct ticket_run runs[] = {{.statement = 0}, {.statement = 1}};
    struct ticket_content content = {
        .agent = "bot",
        .database = "app",
        .role = "writer",
        .statements = statements,
        .statement_count = 2,
        .runs = runs,
        .run_count = 2,
    };
    struct ticket_answer answer = go_through(&content, TICKET_STATE_FAILED);
    assert_string_equal(answer.error.sqlstate, "23505");
    has("SELECT count(*) FROM t WHERE id = 30", "0");
}

static void test_deferred_constraints_are_the_statements_error(void **state)
{
    struct ticket_answer answer = simply("INSERT INTO u VALUES (40), (40)", TICKET_STATE_FAILED);
    assert_string_equal(answer.error.sqlstate, "23505");
    has("SELECT count(*) FROM u WHERE id = 40", "0");
}

static void test_no_way_out_of_the_transaction(void **state)
{
    struct ticket_answer answer =
        simply("DO $$ BEGIN INSERT INTO t VALUES (50); COMMIT; INSERT INTO t VALUES (1); END $$", TICKET_STATE_FAILED);
    assert_string_equal(answer.error.sqlstate, "2D000");
    answer = simply("COMMIT", TICKET_STATE_UNKNOWN);
    assert_non_null(strstr(answer.words, "ended the transaction"));
    answer = simply("COPY t FROM STDIN", TICKET_STATE_FAILED);
    assert_string_equal(answer.error.sqlstate, "0A000");
    answer = simply("INSERT INTO t VALUES (51); INSERT INTO t VALUES (52)", TICKET_STATE_FAILED);
    assert_string_equal(answer.error.sqlstate, "42601");
    has("SELECT count(*) FROM t WHERE id BETWEEN 50 AND 59", "0");
}

static void test_a_setting_that_changes_who_runs_it(void **state)
{
    static const struct ticket_setting settings[] = {{"Role", "boss"}};
    struct ticket_content content = people_content(&people, "bot", "INSERT INTO t VALUES (60)");
    content.settings = settings;
    content.setting_count = 1;
    struct ticket_answer answer = go_through(&content, TICKET_STATE_FAILED);
    assert_string_equal(answer.error.sqlstate, "42501");
}

static void test_busy_locks_wait_their_turn(void **state)
{
    PGconn *holder = postgres_connect(&postgres, "");
    PQclear(PQexec(holder, "BEGIN; UPDATE t SET name = 'held' WHERE id = 1"));
    struct ticket_content content = people_content(&people, "bot", "UPDATE t SET name = 'mine' WHERE id = 1");
    struct ticket_answer ticket = park(&content);
    people_approve(&people, ticket.id);
    char key[48];
    snprintf(key, sizeof key, "\"ticket\":\"%s\"", ticket.id);
    while (!was_recorded(key, "\"sqlstate\":\"55P03\""))
        assert_int_not_equal(people_state(&people, ticket.id), TICKET_STATE_EXECUTED);
    struct fault fault;
    struct arena arena = {0};
    struct queue_ticket shown;
    bool found;
    wait_for(ticket.id, TICKET_STATE_APPROVED);
    assert_true(queue_show(people.queue, ticket.id, &arena, &shown, &found, &fault) && found);
    PQclear(PQexec(holder, "COMMIT"));
    PQfinish(holder);
    wait_for(ticket.id, TICKET_STATE_EXECUTED);
    has("SELECT name FROM t WHERE id = 1", "mine");
    arena_fini(&arena);
}

/* ---- what was not approved ---------------------------------------------------------------------------- */

static struct ticket_answer failed_to_verify(const struct ticket_content *content, const char *id, const char *why)
{
    wait_for(id, TICKET_STATE_FAILED);
    struct ticket_answer answer = park(content);
    assert_string_equal(answer.id, id);
    assert_string_equal(answer.error.message, "the approval does not verify");
    if (strstr(answer.error.detail, why) == NULL)
        fail_msg("\"%s\" doesn't say \"%s\"", answer.error.detail, why);
    char key[48];
    snprintf(key, sizeof key, "\"ticket\":\"%s\"", id);
    assert_true(was_recorded(key, "\"outcome\":\"failed\""));
    return answer;
}

static void announce(const char *id)
{
    redis_must(&redis, "XADD ok:{sallyport}:stream * ticket %s", id + 1);
    redis_must(&redis, "PUBLISH ok:{sallyport}:wake x");
}

static void test_an_approval_signed_with_another_key(void **state)
{
    struct fault fault;
    struct queue *forger =
        queue_open(&people.logins[PEOPLE_ROLE_CONSOLE], view_of("not the key, but also over 32 characters"), &fault);
    struct ticket_content content = people_content(&people, "bot", "INSERT INTO t VALUES (70)");
    struct ticket_answer ticket = park(&content);
    assert_int_equal(queue_decide(forger, ticket.id, true, "alice", NULL, NULL, &fault), QUEUE_RESULT_DONE);
    failed_to_verify(&content, ticket.id, "signature");
    has("SELECT count(*) FROM t WHERE id = 70", "0");
    queue_close(forger);
}

static void test_an_approval_from_another_ticket(void **state)
{
    struct ticket_content one = people_content(&people, "bot", "INSERT INTO t VALUES (71)");
    struct ticket_content two = people_content(&people, "bot", "INSERT INTO t VALUES (72)");
    struct ticket_answer approved = park(&one), victim = park(&two);
    people_approve(&people, approved.id);
    wait_for(approved.id, TICKET_STATE_EXECUTED);
    redisReply *record = redis_do(&redis, "HGET ok:{sallyport}:%s approve:alice", approved.id + 1);
    redis_must(&redis, "HSET ok:{sallyport}:%s approve:alice %s", victim.id + 1, record->str);
    freeReplyObject(record);
    announce(victim.id);
    failed_to_verify(&two, victim.id, "signature");
    has("SELECT count(*) FROM t WHERE id = 72", "0");
}

static void test_no_signature_at_all(void **state)
{
    struct ticket_content content = people_content(&people, "bot", "INSERT INTO t VALUES (73)");
    struct ticket_answer ticket = park(&content);
    redis_must(&redis, "HSET ok:{sallyport}:%s approve:alice yes", ticket.id + 1);
    announce(ticket.id);
    failed_to_verify(&content, ticket.id, "read");
    has("SELECT count(*) FROM t WHERE id = 73", "0");
}

/* What a proxy that was taken over could write, between the approval and the run: paused, so that there is time. */
static void tampered(const char *sql, const char *field, const char *value, const char *why)
{
    struct fault fault;
    struct ticket_content content = people_content(&people, "bot", sql);
    struct ticket_answer ticket = park(&content);
    assert_true(queue_pause(people.queue, "bot", true, &fault));
    people_approve(&people, ticket.id);
    redis_must(&redis, "HSET ticket:{sallyport}:%s %s %s", ticket.id + 1, field, value);
    assert_true(queue_pause(people.queue, "bot", false, &fault));
    failed_to_verify(&content, ticket.id, why);
}

static void test_a_ticket_changed_after_its_approval(void **state)
{
    struct ticket_content other = people_content(&people, "bot", "INSERT INTO t VALUES (75)");
    struct bytes json = {0};
    struct ticket_answer ticket = park(&other);
    redisReply *reply = redis_do(&redis, "HGET ticket:{sallyport}:%s content", ticket.id + 1);
    bytes_add_text(&json, reply->str);
    freeReplyObject(reply);
    reply = redis_do(&redis, "HGET ticket:{sallyport}:%s digest", ticket.id + 1);
    tampered("INSERT INTO t VALUES (741)", "content", bytes_text(&json), "digest");
    tampered("INSERT INTO t VALUES (742)", "digest", reply->str, "digest");
    tampered("INSERT INTO t VALUES (743)", "expires", "9999999999999999", "signature");
    tampered("INSERT INTO t VALUES (744)", "approvals", "0", "signature");
    tampered("INSERT INTO t VALUES (745)", "agent", "tob", "agent");
    has("SELECT count(*) FROM t WHERE id = 75 OR id > 740", "0");
    freeReplyObject(reply);
    bytes_fini(&json);
}

static void test_nothing_runs_off_the_record(void **state)
{
    struct ticket_content content = people_content(&people, "bot", "INSERT INTO t VALUES (80)");
    struct fault fault;
    struct arena arena = {0};
    struct queue_ticket shown = {0};
    bool found;
    atomic_store(&runner.is_deaf, true);
    struct ticket_answer ticket = park(&content);
    people_approve(&people, ticket.id);
    while (shown.outcome == NULL || strstr(shown.outcome, "audit") == NULL)
        assert_true(queue_show(people.queue, ticket.id, &arena, &shown, &found, &fault) && found);
    assert_int_equal(shown.state, TICKET_STATE_APPROVED);
    has("SELECT count(*) FROM t WHERE id = 80", "0");
    atomic_store(&runner.is_deaf, false);
    wait_for(ticket.id, TICKET_STATE_EXECUTED);
    has("SELECT count(*) FROM t WHERE id = 80", "1");
    arena_fini(&arena);
}

/* Its lease ends while the statement runs: that try is rolled back, which is on the record, and another runs it. */
static void test_a_run_that_lost_its_lease_is_on_the_record(void **state)
{
    struct ticket_content content = people_content(&people, "bot", "INSERT INTO t SELECT 85 FROM pg_sleep(1)");
    struct ticket_answer ticket = park(&content);
    people_approve(&people, ticket.id);
    wait_for(ticket.id, TICKET_STATE_EXECUTING);
    redis_must(&redis, "ZADD run:{sallyport}:leases:app 1 %s", ticket.id + 1);
    redis_must(&redis, "HSET run:{sallyport}:%s lease 1", ticket.id + 1);
    wait_for(ticket.id, TICKET_STATE_EXECUTED);
    has("SELECT count(*) FROM t WHERE id = 85", "1");
    char words[64];
    snprintf(words, sizeof words, "\"phase\":\"finished\",\"ticket\":\"%s\"", ticket.id);
    assert_true(was_recorded(words, "\"outcome\":\"lost\""));
    assert_true(was_recorded(words, "\"outcome\":\"executed\""));
}

static void test_paused_agents_run_later(void **state)
{
    struct fault fault;
    struct ticket_content content = people_content(&people, "bot", "INSERT INTO t VALUES (90)");
    assert_true(queue_pause(people.queue, "bot", true, &fault));
    struct ticket_answer ticket = park(&content);
    people_approve(&people, ticket.id);
    struct ticket_content other = people_content(&people, "tob", "INSERT INTO t VALUES (91)");
    go_through(&other, TICKET_STATE_EXECUTED);
    assert_int_equal(people_state(&people, ticket.id), TICKET_STATE_APPROVED);
    assert_true(queue_pause(people.queue, "bot", false, &fault));
    wait_for(ticket.id, TICKET_STATE_EXECUTED);
}

static void test_another_role_than_approved(void **state)
{
    struct fault fault;
    struct arena arena = {0};
    struct queue_ticket shown = {0};
    bool found;
    struct ticket_content content = people_content(&people, "bot", "INSERT INTO t VALUES (95)");
    content.role = "boss";
    struct ticket_answer ticket = park(&content);
    people_approve(&people, ticket.id);
    while (shown.outcome == NULL || strstr(shown.outcome, "role") == NULL)
        assert_true(queue_show(people.queue, ticket.id, &arena, &shown, &found, &fault) && found);
    has("SELECT count(*) FROM t WHERE id = 95", "0");
    people_cancel(&people, ticket.id, "bot");
    arena_fini(&arena);
}

/* What an executor of its own, which stops at once, has to say at its start. */
static void words_at_start(char *words, size_t size)
{
    int ends[2];
    size_t len = 0;
    ssize_t got;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct fault fault;
        struct executor_options options = {
            .redis = people.logins[PEOPLE_ROLE_EXECUTOR], .approval_key = view_of(APPROVAL_KEY), .record = on_record};
        if (dup2(ends[1], STDERR_FILENO) < 0)
            _exit(1);
        log_open("test", LOG_LEVEL_WARN);
        struct executor *executor = executor_new(&options, &fault);
        executor_stop(executor);
        executor_run(executor);
        _exit(0);
    }
    close(ends[1]);
    while ((got = read(ends[0], words + len, size - 1 - len)) > 0)
        len += (size_t)got;
    words[len] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void test_a_redis_that_may_forget_is_warned_of(void **state)
{
    static const struct {
        const char *setting, *value, *words; /* NULL: nothing is said */
    } cases[] = {
        {"appendfsync", "everysec", "appendfsync is everysec"},
        {"appendfsync", "no", "appendfsync is no:"},
        {"appendfsync", "always", NULL},
        {"appendonly", "no", "no append-only file"},
        {"appendonly", "yes", NULL},
        {"maxmemory-policy", "allkeys-lru", "maxmemory-policy noeviction"},
        {"maxmemory-policy", "noeviction", NULL},
    };
    char words[2000];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        redis_must(&redis, "CONFIG SET %s %s", cases[i].setting, cases[i].value);
        words_at_start(words, sizeof words);
        if (cases[i].words ? strstr(words, cases[i].words) == NULL : words[0] != '\0')
            fail_msg("%s %s: \"%s\"", cases[i].setting, cases[i].value, words);
    }
    redis_must(&redis, "ACL SETUSER sp_executor -config");
    words_at_start(words, sizeof words);
    redis_must(&redis, "ACL SETUSER sp_executor +config|get");
    assert_non_null(strstr(words, "can't be found out"));
}

static void test_bad_options(void **state)
{
    struct fault fault = {0};
    struct executor_database databases[] = {{.name = "app", .write = write_string}};
    struct executor_options options = {
        .redis = people.logins[PEOPLE_ROLE_EXECUTOR],
        .databases = databases,
        .database_count = 1,
        .lease_seconds = 10,
        .statement_seconds = 10,
        .record = on_record,
    };
    assert_null(executor_new(&options, &fault));
    assert_non_null(strstr(fault.message, "lease"));
    options.statement_seconds = 1;
    options.redis.url = "rediss://h";
    assert_null(executor_new(&options, &fault));
    options.redis = people.logins[PEOPLE_ROLE_EXECUTOR];
    databases[0].ledger = "public.ledger";
    assert_null(executor_new(&options, &fault));
    assert_non_null(strstr(fault.message, "ledger"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_write),
        cmocka_unit_test(test_returning),
        cmocka_unit_test(test_no_rows_but_columns),
        cmocka_unit_test(test_too_many_rows_are_dropped),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_settings_hold_for_it_alone),
        cmocka_unit_test(test_errors_come_back),
        cmocka_unit_test(test_all_runs_or_none),
        cmocka_unit_test(test_deferred_constraints_are_the_statements_error),
        cmocka_unit_test(test_no_way_out_of_the_transaction),
        cmocka_unit_test(test_a_setting_that_changes_who_runs_it),
        cmocka_unit_test(test_busy_locks_wait_their_turn),
        cmocka_unit_test(test_an_approval_signed_with_another_key),
        cmocka_unit_test(test_an_approval_from_another_ticket),
        cmocka_unit_test(test_no_signature_at_all),
        cmocka_unit_test(test_a_ticket_changed_after_its_approval),
        cmocka_unit_test(test_nothing_runs_off_the_record),
        cmocka_unit_test(test_a_run_that_lost_its_lease_is_on_the_record),
        cmocka_unit_test(test_paused_agents_run_later),
        cmocka_unit_test(test_another_role_than_approved),
        cmocka_unit_test(test_a_redis_that_may_forget_is_warned_of),
        cmocka_unit_test(test_bad_options),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
