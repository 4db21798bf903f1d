/* The proxy's and the console's doors against a real Redis: opening and attaching, decisions, who may write
 * what, news, and a Redis that is slow, gone or back. */
#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "call.h"
#include "people.h"

static struct server redis;
static struct people people;
static const struct executor_database databases[] = {{.name = "app"}};

static int begin(void **state)
{
    redis_start(&redis);
    people_init(&people, &redis);
    return 0;
}

static int end(void **state)
{
    people_fini(&people);
    server_stop(&redis);
    return 0;
}

/* ---- an executor, played by hand ---------------------------------------------------------------------- */

static struct lease claim(redisReply **reply)
{
    struct fault fault;
    struct told told;
    bool is_recovery;
    struct lease lease = {.dial = &people.dial, .executor = "by hand", .seconds = 60};
    if (!lease_claim(&lease, databases, 1, reply, &told, &is_recovery, &people.arena, &fault))
        fail_msg("%s", fault.message);
    assert_non_null(*reply);
    return lease;
}

static void execute(const struct ticket_result *results, size_t count)
{
    struct fault fault;
    redisReply *reply;
    struct lease lease = claim(&reply);
    struct transaction_identity identity = {"1", "2", "3", "4", "5"};
    assert_int_equal(lease_prepare(&lease, &identity, results, count, &fault), LEASE_RESULT_DONE);
    assert_int_equal(lease_executed(&lease, &fault), LEASE_RESULT_DONE);
    freeReplyObject(reply);
}

static void execute_simply(void)
{
    struct ticket_result done = {.tag = "UPDATE 1", .row_count = 1};
    execute(&done, 1);
}

/* ---- opening and attaching ---------------------------------------------------------------------------- */

static void test_the_same_content_attaches(void **state)
{
    struct ticket_answer first = people_ask(&people, "bot", "UPDATE same SET a = 1");
    struct ticket_answer again = people_ask(&people, "bot", "UPDATE same SET a = 1");
    struct ticket_answer other = people_ask(&people, "bot", "UPDATE same SET a = 2");
    struct ticket_answer agent = people_ask(&people, "tob", "UPDATE same SET a = 1");
    assert_true(first.is_new && !again.is_new && other.is_new && agent.is_new);
    assert_int_equal(first.state, TICKET_STATE_PARKED);
    assert_string_equal(again.id, first.id);
    assert_string_not_equal(other.id, first.id);
    assert_string_not_equal(agent.id, first.id);
    assert_int_equal(strlen(first.expires), 27);
    assert_string_equal(again.expires, first.expires);
}

static void test_a_result_is_given_until_it_was_delivered(void **state)
{
    struct ticket_column columns[] = {{"id", "integer", 23}, {"name", "text", 25}};
    struct ticket_result done[] = {
        {.tag = "INSERT 0 2",
         .columns = columns,
         .column_count = 2,
         .row_count = 2,
         .rows = "[{\"c1\":\"1\",\"c2\":null},{\"c1\":\"2\",\"c2\":\"\\u00e4\"}]"},
        {.tag = "UPDATE 7", .row_count = 7},
    };
    struct ticket_answer ticket = people_ask(&people, "bot", "INSERT INTO results");
    people_approve(&people, ticket.id);
    assert_int_equal(people_ask(&people, "bot", "INSERT INTO results").state, TICKET_STATE_APPROVED);
    execute(done, 2);
    for (int i = 0; i < 2; i++) {
        struct ticket_answer answer = people_ask(&people, "bot", "INSERT INTO results");
        assert_string_equal(answer.id, ticket.id);
        assert_int_equal(answer.state, TICKET_STATE_EXECUTED);
        assert_int_equal(answer.result_count, 2);
        assert_string_equal(answer.results[0].tag, "INSERT 0 2");
        assert_string_equal(answer.results[0].rows, done[0].rows);
        assert_string_equal(answer.results[0].columns[1].type, "text");
        assert_true(answer.results[1].row_count == 7 && answer.results[1].rows == NULL);
    }
    people_deliver(&people, ticket.id);
    struct ticket_answer next = people_ask(&people, "bot", "INSERT INTO results");
    assert_true(next.is_new);
    assert_int_equal(next.state, TICKET_STATE_PARKED);
    char begin_of[64];
    snprintf(begin_of, sizeof begin_of, "%s executed ", ticket.id);
    assert_non_null(next.previous);
    assert_memory_equal(next.previous, begin_of, strlen(begin_of));
    assert_non_null(strstr(next.previous, " ago"));
}

static void test_a_failure_is_given_until_it_was_delivered(void **state)
{
    struct fault fault;
    redisReply *reply;
    struct ticket_error error = {"23505", "duplicate key", "Key (id)=(1) already exists.", NULL};
    struct ticket_answer ticket = people_ask(&people, "bot", "INSERT INTO fails");
    people_approve(&people, ticket.id);
    struct lease lease = claim(&reply);
    assert_int_equal(lease_failed(&lease, &error, &fault), LEASE_RESULT_DONE);
    freeReplyObject(reply);
    struct ticket_answer answer = people_ask(&people, "bot", "INSERT INTO fails");
    assert_int_equal(answer.state, TICKET_STATE_FAILED);
    assert_string_equal(answer.error.sqlstate, "23505");
    assert_string_equal(answer.error.detail, "Key (id)=(1) already exists.");
    assert_null(answer.error.hint);
    people_deliver(&people, ticket.id);
    assert_true(people_ask(&people, "bot", "INSERT INTO fails").is_new);
}

static void test_a_rejection_stands(void **state)
{
    struct fault fault;
    struct ticket_answer ticket = people_ask(&people, "bot", "DELETE FROM stands");
    assert_int_equal(queue_decide(people.queue, ticket.id, false, "alice", "not on a Friday", NULL, &fault),
                     QUEUE_RESULT_DONE);
    tickets_delivered(people.tickets, ticket.id);
    for (int i = 0; i < 3; i++) {
        struct ticket_answer answer = people_ask(&people, "bot", "DELETE FROM stands");
        assert_int_equal(answer.state, TICKET_STATE_REJECTED);
        assert_string_equal(answer.id, ticket.id);
        assert_string_equal(answer.words, "not on a Friday");
        assert_string_equal(answer.approver, "alice");
    }
    /* … for the ticket's lifetime */
    redis_must(&redis, "HSET ticket:{sallyport}:%s expires 1", ticket.id + 1);
    struct ticket_answer next = people_ask(&people, "bot", "DELETE FROM stands");
    assert_true(next.is_new);
    assert_non_null(strstr(next.previous, "rejected"));
}

static void test_an_expiry_is_told_once(void **state)
{
    struct ticket_content content = people_content(&people, "bot", "DELETE FROM late");
    struct ticket_context context = {.expires_seconds = 0, .approvals = 1};
    struct ticket_answer ticket = people_park(&people, &content, &context);
    assert_true(ticket.ok && ticket.is_new);
    struct ticket_answer told = people_park(&people, &content, &context);
    assert_int_equal(told.state, TICKET_STATE_EXPIRED);
    assert_string_equal(told.id, ticket.id);
    struct ticket_answer next = people_park(&people, &content, &context);
    assert_true(next.is_new);
    assert_non_null(strstr(next.previous, "expired"));
}

static void test_approved_too_late(void **state)
{
    redisReply *reply;
    struct fault fault;
    struct told told;
    bool is_recovery;
    struct lease lease = {.dial = &people.dial, .executor = "by hand", .seconds = 60};
    struct ticket_answer ticket = people_ask(&people, "bot", "DELETE FROM too_late");
    people_approve(&people, ticket.id);
    redis_must(&redis, "HSET ticket:{sallyport}:%s expires 1", ticket.id + 1);
    assert_true(lease_claim(&lease, databases, 1, &reply, &told, &is_recovery, &people.arena, &fault));
    assert_null(reply);
    struct ticket_answer answer = people_ask(&people, "bot", "DELETE FROM too_late");
    assert_int_equal(answer.state, TICKET_STATE_EXPIRED);
    assert_non_null(strstr(answer.words, "approved"));
}

static void test_cancelled_is_over(void **state)
{
    struct ticket_answer ticket = people_ask(&people, "bot", "DELETE FROM cancelled");
    tickets_cancel(people.tickets, ticket.id, "somebody else"); /* not theirs */
    assert_int_equal(people_ask(&people, "bot", "DELETE FROM cancelled").state, TICKET_STATE_PARKED);
    people_cancel(&people, ticket.id, "bot");
    struct ticket_answer next = people_ask(&people, "bot", "DELETE FROM cancelled");
    assert_true(next.is_new);
}

static void test_too_large_is_refused(void **state)
{
    size_t len = 17 << 20;
    char *text = malloc(len + 1);
    memset(text, 'x', len);
    text[len] = '\0';
    struct ticket_content content = people_content(&people, "bot", text);
    struct ticket_context context = {.expires_seconds = 60, .approvals = 1};
    struct ticket_answer answer = people_park(&people, &content, &context);
    assert_false(answer.ok);
    assert_non_null(strstr(answer.words, "larger"));
    free(text);
}

static void never(void *arg, const struct ticket_answer *answer)
{
    fail_msg("somebody who is gone was called");
}

static void test_who_is_gone_is_not_called(void **state)
{
    struct ticket_content content = people_content(&people, "bot", "DELETE FROM gone");
    struct ticket_context context = {.expires_seconds = 60, .approvals = 1};
    uint64_t token = tickets_park(people.tickets, &content, &context, never, NULL);
    tickets_forget(people.tickets, token);
    tickets_forget(people.tickets, 12345678);
    people_ask(&people, "bot", "DELETE FROM gone_2");
    people_ask(&people, "bot", "DELETE FROM gone_2");
}

/* ---- deciding ----------------------------------------------------------------------------------------- */

static enum queue_result decide(const char *id, bool approve, const char *approver, const char *digest)
{
    struct fault fault = {0};
    enum queue_result result = queue_decide(people.queue, id, approve, approver, NULL, digest, &fault);
    if (result == QUEUE_RESULT_REDIS)
        fail_msg("%s", fault.message);
    return result;
}

static void test_decisions(void **state)
{
    struct fault fault;
    struct arena arena = {0};
    struct queue_ticket shown;
    bool found;
    struct ticket_answer ticket = people_ask(&people, "bot", "UPDATE decisions SET a = 1");
    assert_int_equal(decide("t999999", true, "alice", NULL), QUEUE_RESULT_NO_SUCH);
    assert_int_equal(decide("nonsense", true, "alice", NULL), QUEUE_RESULT_NO_SUCH);
    assert_int_equal(decide(ticket.id, true, "bot", NULL), QUEUE_RESULT_OWN);
    assert_int_equal(decide(ticket.id, true, "alice", "00"), QUEUE_RESULT_CHANGED);
    assert_int_equal(people_state(&people, ticket.id), TICKET_STATE_PARKED);
    assert_true(queue_show(people.queue, ticket.id, &arena, &shown, &found, &fault) && found);
    assert_string_equal(shown.content.agent, "bot");
    assert_true(view_is(shown.content.statements[0].sql, "UPDATE decisions SET a = 1"));
    assert_string_equal(shown.reason, "a test");
    assert_string_equal(shown.client, "127.0.0.1");
    assert_null(shown.approver);
    assert_int_equal(decide(ticket.id, true, "alice", shown.digest), QUEUE_RESULT_DONE);
    assert_int_equal(decide(ticket.id, true, "alice", NULL), QUEUE_RESULT_NOT_PARKED);
    assert_int_equal(decide(ticket.id, false, "bob", NULL), QUEUE_RESULT_NOT_PARKED);
    assert_true(queue_show(people.queue, ticket.id, &arena, &shown, &found, &fault) && found);
    assert_int_equal(shown.state, TICKET_STATE_APPROVED);
    assert_string_equal(shown.approver, "alice");
    assert_int_equal(strlen(shown.decided), 27);
    execute_simply();
    assert_true(queue_show(people.queue, ticket.id, &arena, &shown, &found, &fault) && found);
    assert_string_equal(shown.outcome, "UPDATE 1");
    assert_true(queue_show(people.queue, "t424242", &arena, &shown, &found, &fault) && !found);
    arena_fini(&arena);
}

static void test_two_approvers_where_two_are_needed(void **state)
{
    struct ticket_content content = people_content(&people, "bot", "UPDATE two SET a = 1");
    struct ticket_context context = {.expires_seconds = 60, .approvals = 2};
    struct ticket_answer ticket = people_park(&people, &content, &context);
    assert_int_equal(decide(ticket.id, true, "alice", NULL), QUEUE_RESULT_DONE);
    assert_int_equal(decide(ticket.id, true, "alice", NULL), QUEUE_RESULT_AGAIN);
    assert_int_equal(people_state(&people, ticket.id), TICKET_STATE_PARKED);
    assert_int_equal(decide(ticket.id, true, "bob", NULL), QUEUE_RESULT_DONE);
    assert_int_equal(people_state(&people, ticket.id), TICKET_STATE_APPROVED);
    execute_simply();
}

static void test_list(void **state)
{
    struct fault fault;
    struct arena arena = {0};
    struct queue_ticket *tickets;
    size_t count, more;
    char last[24] = "";
    for (int i = 0; i < 3; i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "UPDATE list SET a = %d", i);
        snprintf(last, sizeof last, "%s", people_ask(&people, "lister", sql).id);
    }
    assert_true(queue_list(people.queue, 1u << TICKET_STATE_PARKED, 2, &arena, &tickets, &count, &more, &fault));
    assert_int_equal(count, 2);
    assert_true(more >= 1);
    assert_string_equal(tickets[1].id, last); /* newest last */
    assert_string_equal(tickets[0].sql, "UPDATE list SET a = 1");
    assert_string_equal(tickets[0].content.agent, "lister");
    assert_int_equal(tickets[0].statement_count, 1);
    assert_int_equal(tickets[0].run_count, 1);
    assert_true(queue_list(people.queue, 0, 0, &arena, &tickets, &count, &more, &fault));
    assert_true(count > 3);
    assert_int_equal(more, 0);
    assert_true(queue_list(people.queue, 1u << TICKET_STATE_UNKNOWN, 0, &arena, &tickets, &count, &more, &fault));
    assert_int_equal(count, 0);
    assert_int_equal(more, 0);
    arena_fini(&arena);
}

static char *text_of_size(size_t len)
{
    char *text = check_calloc(len + 1, 1);
    memset(text, 'x', len);
    return text;
}

/* A content of 1 MiB, whose 2,000th byte stands within a character. */
static void test_a_list_fetches_no_contents(void **state)
{
    struct fault fault;
    struct arena arena = {0};
    struct queue_ticket *tickets, shown;
    size_t count, more;
    bool found;
    char *text = text_of_size(1 << 20);
    memcpy(text + 1999, "\xc3\xa4", 2);
    struct ticket_answer ticket = people_ask(&people, "lister", text);
    assert_true(queue_list(people.queue, 1u << TICKET_STATE_PARKED, 1, &arena, &tickets, &count, &more, &fault));
    assert_string_equal(tickets[0].id, ticket.id);
    assert_int_equal(strlen(tickets[0].sql), 1999);
    assert_int_equal(tickets[0].content.statement_count, 0);
    assert_true(queue_show(people.queue, ticket.id, &arena, &shown, &found, &fault) && found);
    assert_true(view_is(shown.content.statements[0].sql, text));
    arena_fini(&arena);
    free(text);
}

/* ---- how much an agent may have waiting --------------------------------------------------------------- */

static struct ticket_answer try_as(const char *agent, const char *sql)
{
    struct ticket_content content = people_content(&people, agent, sql);
    struct ticket_context context = {.expires_seconds = 3600, .approvals = 1};
    return people_park(&people, &content, &context);
}

static void test_an_agent_has_few_tickets_waiting(void **state)
{
    char first[24] = "", sql[64];
    for (int i = 0; i < 100; i++) {
        snprintf(sql, sizeof sql, "DELETE FROM many WHERE id = %d", i);
        struct ticket_answer answer = people_ask(&people, "eager", sql);
        if (i == 0)
            snprintf(first, sizeof first, "%s", answer.id);
    }
    struct ticket_answer answer = try_as("eager", "DELETE FROM many");
    assert_false(answer.ok);
    assert_string_equal(answer.words, "this agent has 100 tickets waiting; decide or cancel some first");
    assert_string_equal(people_ask(&people, "eager", "DELETE FROM many WHERE id = 0").id, first); /* attaches */
    assert_true(try_as("calm", "DELETE FROM many").ok); /* another's tickets */
    people_approve(&people, first);
    assert_false(try_as("eager", "DELETE FROM many").ok); /* approved ones wait, too */
    people_cancel(&people, first, "eager");
    assert_true(try_as("eager", "DELETE FROM many").ok);
    assert_false(try_as("eager", "DELETE FROM many WHERE id = 100").ok);
}

static void test_an_agent_has_few_bytes_waiting(void **state)
{
    char *text = text_of_size(15 << 20);
    text[0] = 'a';
    struct ticket_answer first = try_as("heavy", text);
    assert_true(first.ok);
    text[0] = 'b';
    assert_true(try_as("heavy", text).ok);
    text[0] = 'c';
    struct ticket_answer answer = try_as("heavy", text);
    assert_false(answer.ok);
    assert_string_equal(answer.words, "this agent has 32 MiB of tickets waiting; decide or cancel some first");
    assert_true(try_as("heavy", "DELETE FROM light").ok);
    people_cancel(&people, first.id, "heavy");
    assert_true(try_as("heavy", text).ok);
    free(text);
}

static void test_content_that_was_changed_is_not_shown(void **state)
{
    struct fault fault;
    struct arena arena = {0};
    struct queue_ticket shown;
    bool found;
    struct ticket_answer ticket = people_ask(&people, "bot", "UPDATE changed SET a = 1");
    redisReply *reply = redis_do(&redis, "HGET ticket:{sallyport}:%s content", ticket.id + 1);
    char *one = strstr(reply->str, "a = 1");
    one[4] = '2';
    redis_must(&redis, "HSET ticket:{sallyport}:%s content %s", ticket.id + 1, reply->str);
    freeReplyObject(reply);
    assert_true(queue_show(people.queue, ticket.id, &arena, &shown, &found, &fault) && found);
    assert_int_equal(shown.content.statement_count, 0);
    assert_non_null(strstr(shown.outcome, "digest"));
    assert_int_equal(queue_decide(people.queue, ticket.id, true, "alice", NULL, NULL, &fault), QUEUE_RESULT_CHANGED);
    arena_fini(&arena);
}

/* ---- who may write what ------------------------------------------------------------------------------- */

static void may_not(enum people_role role, const char *command)
{
    struct fault fault;
    struct dial dial;
    assert_true(dial_init(&dial, &people.logins[role], &fault));
    char *text = NULL;
    int len = redisFormatCommand(&text, command);
    redisReply *reply = dial_command(&dial, (struct view){text, (size_t)len}, &fault);
    if (reply != NULL)
        fail_msg("%s may do this: %s", people.logins[role].user, command);
    assert_non_null(strstr(fault.message, "permission"));
    redisFreeCommand(text);
    dial_fini(&dial);
}

static void test_roles_keep_to_their_prefix(void **state)
{
    may_not(PEOPLE_ROLE_PROXY, "HSET ok:{sallyport}:1 approve:alice x");
    may_not(PEOPLE_ROLE_PROXY, "DEL ok:{sallyport}:paused");
    may_not(PEOPLE_ROLE_PROXY, "HSET run:{sallyport}:1 outcome executed");
    may_not(PEOPLE_ROLE_PROXY, "SET elsewhere x");
    may_not(PEOPLE_ROLE_PROXY, "PUBLISH ok:{sallyport}:wake 1");
    may_not(PEOPLE_ROLE_PROXY, "FLUSHALL");
    may_not(PEOPLE_ROLE_PROXY, "CONFIG GET *");
    may_not(PEOPLE_ROLE_PROXY, "KEYS *");
    may_not(PEOPLE_ROLE_CONSOLE, "HSET run:{sallyport}:1 outcome executed");
    may_not(PEOPLE_ROLE_CONSOLE, "HSET ticket:{sallyport}:1 content x");
    may_not(PEOPLE_ROLE_EXECUTOR, "HSET ok:{sallyport}:1 approve:alice x");
    may_not(PEOPLE_ROLE_EXECUTOR, "HSET ticket:{sallyport}:1 content x");
    may_not(PEOPLE_ROLE_EXECUTOR, "PUBLISH ok:{sallyport}:news reload");
}

/* Inside a script the same rules hold. */
static void test_scripts_dont_widen_a_role(void **state)
{
    struct fault fault;
    struct dial dial;
    assert_true(dial_init(&dial, &people.logins[PEOPLE_ROLE_PROXY], &fault));
    const char *const wrong[] = {
        "return redis.call('HSET', 'ok:{sallyport}:1', 'approve:alice', 'x')",
        "return redis.call('HSET', 'run:{sallyport}:1', 'outcome', 'executed')",
        "return redis.call('XADD', 'ok:{sallyport}:stream', '*', 'ticket', '1')",
        "return redis.call('CONFIG', 'GET', '*')",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct bytes command = {0};
        call_write_head(3, &command);
        call_write_part(view_of("EVAL"), &command);
        call_write_part(view_of(wrong[i]), &command);
        call_write_part(view_of("0"), &command);
        if (dial_command(&dial, bytes_view(&command), &fault) != NULL)
            fail_msg("the proxy may: %s", wrong[i]);
        bytes_fini(&command);
    }
    redisReply *reply = redis_do(&redis, "EXISTS ok:{sallyport}:1");
    freeReplyObject(reply);
    dial_fini(&dial);
}

/* ---- news --------------------------------------------------------------------------------------------- */

static struct {
    int paused_calls, reload_calls;
    size_t paused_count;
    char first[32];
} heard;

static void on_paused(void *arg, const char *const *agents, size_t count)
{
    heard.paused_calls++;
    heard.paused_count = count;
    snprintf(heard.first, sizeof heard.first, "%s", count ? agents[0] : "");
}

static void on_reload(void *arg)
{
    heard.reload_calls++;
}

static bool heard_something(void *arg)
{
    uv_run(&people.loop, UV_RUN_NOWAIT);
    return heard.paused_calls > 0;
}

static bool heard_pause(void *arg)
{
    uv_run(&people.loop, UV_RUN_NOWAIT);
    return heard.paused_count == 1 && strcmp(heard.first, "bot") == 0;
}

static bool heard_resume(void *arg)
{
    uv_run(&people.loop, UV_RUN_NOWAIT);
    return heard.paused_count == 0;
}

static bool heard_reload(void *arg)
{
    uv_run(&people.loop, UV_RUN_NOWAIT);
    return heard.reload_calls == 1;
}

static void test_news(void **state)
{
    static const struct tickets_news news = {on_paused, on_reload};
    struct fault fault;
    struct arena arena = {0};
    const char **agents, *json;
    size_t count;
    tickets_watch(people.tickets, &news, NULL);
    wait_until(heard_something, NULL, "the first news");
    assert_int_equal(heard.paused_count, 0);
    assert_true(queue_pause(people.queue, "bot", true, &fault));
    wait_until(heard_pause, NULL, "the news of a pause");
    assert_true(queue_paused(people.queue, &arena, &agents, &count, &fault));
    assert_true(count == 1 && strcmp(agents[0], "bot") == 0);
    assert_true(queue_reload(people.queue, &fault));
    wait_until(heard_reload, NULL, "the news of a reload");
    assert_true(queue_pause(people.queue, "bot", false, &fault));
    wait_until(heard_resume, NULL, "the news of a resume");
    assert_int_equal(heard.reload_calls, 1);

    tickets_publish(people.tickets, "p1", view_of("[{\"agent\":\"bot\"}]"), 60);
    tickets_publish(people.tickets, "p2", view_of("[{\"agent\":\"tob\"},1]"), 60);
    tickets_publish(people.tickets, "p3", view_of("nonsense"), 60);
    people_ask(&people, "bot", "UPDATE news SET a = 1");
    people_ask(&people, "bot", "UPDATE news SET a = 1");
    assert_true(queue_sessions(people.queue, &arena, &json, &fault));
    assert_string_equal(json, "[{\"agent\":\"bot\"},{\"agent\":\"tob\"},1]");
    arena_fini(&arena);
}

/* ---- Redis in trouble --------------------------------------------------------------------------------- */

static bool is_connected(void *arg)
{
    uv_run(&people.loop, UV_RUN_NOWAIT);
    return tickets_is_connected(people.tickets);
}

static struct ticket_answer try_to_park(const char *sql)
{
    struct ticket_content content = people_content(&people, "bot", sql);
    struct ticket_context context = {.expires_seconds = 60, .approvals = 1};
    return people_park(&people, &content, &context);
}

static void test_a_silent_redis(void **state)
{
    wait_until(is_connected, NULL, "the connection");
    kill(redis.pid, SIGSTOP);
    uint64_t began = pg_clock();
    struct ticket_answer answer = try_to_park("UPDATE silent SET a = 1");
    assert_false(answer.ok);
    assert_non_null(answer.words);
    assert_in_range(pg_clock() - began, 4000, 7000);
    kill(redis.pid, SIGCONT);
    wait_until(is_connected, NULL, "the connection to come back");
    assert_true(try_to_park("UPDATE silent SET a = 1").ok);
}

static void test_a_redis_that_dies_and_comes_back(void **state)
{
    struct fault fault;
    struct arena arena = {0};
    struct queue_ticket *tickets;
    size_t count, more;
    struct ticket_answer before = try_to_park("UPDATE dies SET a = 1");
    assert_true(before.ok);
    server_kill(&redis);
    uint64_t began = pg_clock();
    for (int i = 0; i < 3; i++)
        assert_false(try_to_park("UPDATE dies SET a = 2").ok);
    assert_in_range(pg_clock() - began, 0, 3000); /* refused at once, not after a time-out each */
    assert_false(queue_list(people.queue, 0, 1, &arena, &tickets, &count, &more, &fault));
    assert_true(fault.message[0] != '\0');
    redis_begin(&redis); /* its users are gone: they aren't in a file here */
    assert_false(try_to_park("UPDATE dies SET a = 2").ok);
    struct people others;
    people_init(&others, &redis);
    people_fini(&others);
    wait_until(is_connected, NULL, "the connection to come back");
    struct ticket_answer after = try_to_park("UPDATE dies SET a = 1");
    assert_true(after.ok && !after.is_new);
    assert_string_equal(after.id, before.id);
    assert_true(queue_list(people.queue, 0, 1, &arena, &tickets, &count, &more, &fault));
    arena_fini(&arena);
}

static void test_scripts_that_redis_has_forgotten(void **state)
{
    redis_must(&redis, "SCRIPT FLUSH");
    struct ticket_answer ticket = people_ask(&people, "bot", "UPDATE forgotten SET a = 1");
    redis_must(&redis, "SCRIPT FLUSH");
    people_approve(&people, ticket.id);
    redis_must(&redis, "SCRIPT FLUSH");
    execute_simply();
    assert_int_equal(people_state(&people, ticket.id), TICKET_STATE_EXECUTED);
}

static void test_no_memory_left(void **state)
{
    redis_must(&redis, "CONFIG SET maxmemory 1");
    struct ticket_answer answer = try_to_park("UPDATE no_memory SET a = 1");
    redis_must(&redis, "CONFIG SET maxmemory 0");
    assert_false(answer.ok);
    assert_non_null(strstr(answer.words, "OOM"));
    assert_true(try_to_park("UPDATE no_memory SET a = 1").is_new); /* nothing half-done was left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_same_content_attaches),
        cmocka_unit_test(test_a_result_is_given_until_it_was_delivered),
        cmocka_unit_test(test_a_failure_is_given_until_it_was_delivered),
        cmocka_unit_test(test_a_rejection_stands),
        cmocka_unit_test(test_an_expiry_is_told_once),
        cmocka_unit_test(test_approved_too_late),
        cmocka_unit_test(test_cancelled_is_over),
        cmocka_unit_test(test_too_large_is_refused),
        cmocka_unit_test(test_who_is_gone_is_not_called),
        cmocka_unit_test(test_decisions),
        cmocka_unit_test(test_two_approvers_where_two_are_needed),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_a_list_fetches_no_contents),
        cmocka_unit_test(test_an_agent_has_few_tickets_waiting),
        cmocka_unit_test(test_an_agent_has_few_bytes_waiting),
        cmocka_unit_test(test_content_that_was_changed_is_not_shown),
        cmocka_unit_test(test_roles_keep_to_their_prefix),
        cmocka_unit_test(test_scripts_dont_widen_a_role),
        cmocka_unit_test(test_news),
        cmocka_unit_test(test_scripts_that_redis_has_forgotten),
        cmocka_unit_test(test_no_memory_left),
        cmocka_unit_test(test_a_silent_redis),
        cmocka_unit_test(test_a_redis_that_dies_and_comes_back),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
