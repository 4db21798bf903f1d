#include "people.h"

#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/log.h"

static void make_user(const struct server *redis, const char *role, const char *user)
{
    struct bytes command = {0};
    bytes_add_format(&command, "ACL SETUSER %s ", user);
    approval_acl(role, &command);
    bytes_add_text(&command, " >secret");
    /* Each word is an argument, but for a selector's parentheses. */
    const char *words[128];
    size_t count = 0;
    char *text = check_strdup(bytes_text(&command)), *at = text;
    while (*at != '\0') {
        words[count++] = at;
        char stop = *at == '(' ? ')' : ' ';
        while (*at != '\0' && *at != stop)
            at++;
        if (*at == ')')
            at++;
        if (*at == ' ')
            *at++ = '\0';
    }
    redisContext *context = redisConnectUnix(redis->address + strlen("unix:"));
    redisReply *reply = redisCommandArgv(context, (int)count, words, NULL);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", role, reply->str);
    freeReplyObject(reply);
    redisFree(context);
    free(text);
    bytes_fini(&command);
}

void people_init(struct people *people, const struct server *redis)
{
    static const char *const roles[] = {"proxy", "console", "executor"};
    static const char *const users[] = {"sp_proxy", "sp_console", "sp_executor"};
    struct fault fault;
    signal(SIGPIPE, SIG_IGN);
    log_open("test", LOG_LEVEL_ERROR);
    *people = (struct people){.redis = redis};
    for (int i = 0; i < 3; i++) {
        make_user(redis, roles[i], users[i]);
        people->logins[i] = (struct approval_redis){.url = redis->address, .user = users[i], .password = "secret"};
    }
    assert_int_equal(uv_loop_init(&people->loop), 0);
    people->tickets = tickets_open(&people->loop, &people->logins[PEOPLE_ROLE_PROXY], &fault);
    people->queue = queue_open(&people->logins[PEOPLE_ROLE_CONSOLE], view_of(APPROVAL_KEY), &fault);
    assert_true(people->tickets && people->queue);
    assert_true(dial_init(&people->dial, &people->logins[PEOPLE_ROLE_EXECUTOR], &fault));
}

void people_fini(struct people *people)
{
    tickets_close(people->tickets);
    while (uv_loop_close(&people->loop) != 0)
        uv_run(&people->loop, UV_RUN_DEFAULT);
    queue_close(people->queue);
    dial_fini(&people->dial);
    arena_fini(&people->arena);
}

/* ---- the agent ---------------------------------------------------------------------------------------- */

struct waiting {
    struct people *people;
    struct ticket_answer answer;
    int times;
};

static const char *keep(struct people *people, const char *text)
{
    return text ? arena_copy(&people->arena, view_of(text)) : NULL;
}

static const struct ticket_result *keep_results(struct people *people, const struct ticket_answer *answer)
{
    struct ticket_result *all = arena_alloc(&people->arena, answer->result_count * sizeof *all);
    for (size_t i = 0; i < answer->result_count; i++) {
        const struct ticket_result *from = &answer->results[i];
        struct ticket_column *columns = arena_alloc(&people->arena, from->column_count * sizeof *columns);
        for (size_t j = 0; j < from->column_count; j++)
            columns[j] = (struct ticket_column){keep(people, from->columns[j].name),
                                                keep(people, from->columns[j].type), from->columns[j].type_oid};
        all[i] = *from;
        all[i].columns = columns;
        all[i].tag = keep(people, from->tag);
        all[i].rows = keep(people, from->rows);
    }
    return all;
}

static void on_done(void *arg, const struct ticket_answer *answer)
{
    struct waiting *waiting = arg;
    struct people *people = waiting->people;
    waiting->times++;
    waiting->answer = *answer;
    waiting->answer.words = keep(people, answer->words);
    waiting->answer.approver = keep(people, answer->approver);
    waiting->answer.previous = keep(people, answer->previous);
    waiting->answer.error =
        (struct ticket_error){keep(people, answer->error.sqlstate), keep(people, answer->error.message),
                              keep(people, answer->error.detail), keep(people, answer->error.hint)};
    waiting->answer.results = keep_results(people, answer);
}

static bool is_answered(void *arg)
{
    struct waiting *waiting = arg;
    uv_run(&waiting->people->loop, UV_RUN_NOWAIT);
    return waiting->times > 0;
}

struct ticket_answer people_park(struct people *people, const struct ticket_content *content,
                                 const struct ticket_context *context)
{
    struct waiting waiting = {.people = people};
    tickets_park(people->tickets, content, context, on_done, &waiting);
    assert_int_equal(waiting.times, 0); /* from the loop, never from inside */
    wait_until(is_answered, &waiting, "an answer to the agent");
    assert_int_equal(waiting.times, 1);
    return waiting.answer;
}

struct ticket_content people_content(struct people *people, const char *agent, const char *sql)
{
    struct ticket_statement *statement = arena_alloc(&people->arena, sizeof *statement);
    struct ticket_run *run = arena_alloc(&people->arena, sizeof *run);
    statement->sql = arena_view(&people->arena, view_of(sql));
    return (struct ticket_content){
        .agent = keep(people, agent),
        .database = "app",
        .role = "writer",
        .statements = statement,
        .statement_count = 1,
        .runs = run,
        .run_count = 1,
    };
}

struct ticket_answer people_ask(struct people *people, const char *agent, const char *sql)
{
    struct ticket_content content = people_content(people, agent, sql);
    struct ticket_context context = {.session = "p1-1",
                                     .client = "127.0.0.1",
                                     .reason = "a test",
                                     .policy = "default",
                                     .operations_json = "[\"UPDATE\"]",
                                     .relations_json = "[\"public.t\"]",
                                     .expires_seconds = 86400,
                                     .approvals = 1};
    struct ticket_answer answer = people_park(people, &content, &context);
    if (!answer.ok)
        fail_msg("%s", answer.words);
    return answer;
}

struct sent {
    struct people *people;
    const char *id, *field;
};

static bool has_arrived(void *arg)
{
    struct sent *sent = arg;
    uv_run(&sent->people->loop, UV_RUN_NOWAIT);
    redisReply *reply = redis_do(sent->people->redis, "HEXISTS ticket:{sallyport}:%s %s", sent->id + 1, sent->field);
    bool is_there = reply->integer == 1;
    freeReplyObject(reply);
    return is_there;
}

void people_deliver(struct people *people, const char *id)
{
    struct sent sent = {people, id, "delivered"};
    tickets_delivered(people->tickets, id);
    wait_until(has_arrived, &sent, "the delivery to arrive");
}

void people_cancel(struct people *people, const char *id, const char *agent)
{
    struct sent sent = {people, id, "cancelled"};
    tickets_cancel(people->tickets, id, agent);
    wait_until(has_arrived, &sent, "the cancellation to arrive");
}

/* ---- the approver ------------------------------------------------------------------------------------- */

void people_approve(struct people *people, const char *id)
{
    struct fault fault = {0};
    enum queue_result result = queue_decide(people->queue, id, true, "alice", NULL, NULL, &fault);
    if (result != QUEUE_RESULT_DONE)
        fail_msg("%s: %d %s", id, result, fault.message);
}

enum ticket_state people_state(struct people *people, const char *id)
{
    struct fault fault;
    struct arena arena = {0};
    struct queue_ticket ticket;
    bool found;
    if (!queue_show(people->queue, id, &arena, &ticket, &found, &fault))
        fail_msg("%s", fault.message);
    assert_true(found);
    arena_fini(&arena);
    return ticket.state;
}
