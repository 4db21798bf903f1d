/* Every event in every state, against the table in src/approval/README.md. No database: the executor is played
 * by hand, through the same calls that it makes. All roles use their own ACL logins. */
#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "people.h"
#include "state.h"

enum { STATES = TICKET_STATE_UNKNOWN + 1, ROWS_MOST = 64 };

static struct server redis;
static struct people people;

/* ---- the table ---------------------------------------------------------------------------------------- */

static struct row {
    enum ticket_state from, to;
    char event[16];
} rows[ROWS_MOST];
static size_t row_count;

static void read_table(void)
{
    FILE *file = fopen(SOURCE_DIR "/src/approval/README.md", "r");
    char line[512], from[32], event[32], to[32];
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        struct row *row = &rows[row_count];
        if (sscanf(line, "| %31[a-z] | %31[a-z] | %31[a-z] |", from, event, to) != 3 ||
            !state_of_name(view_of(from), &row->from) || !state_of_name(view_of(to), &row->to))
            continue;
        snprintf(row->event, sizeof row->event, "%.15s", event);
        assert_true(++row_count < ROWS_MOST);
    }
    fclose(file);
    assert_true(row_count >= 10);
}

static enum ticket_state expected(enum ticket_state from, const char *event)
{
    for (size_t i = 0; i < row_count; i++)
        if (rows[i].from == from && strcmp(rows[i].event, event) == 0)
            return rows[i].to;
    return from;
}

/* ---- events ------------------------------------------------------------------------------------------- */

/* The ticket on the table. An executor that has it holds `lease`. */
static struct scene {
    char id[24];
    struct lease lease;
    redisReply *claimed;
    struct arena arena;
} scene;

static void decide(bool approve)
{
    struct fault fault;
    enum queue_result result = queue_decide(people.queue, scene.id, approve, "alice", "because", NULL, &fault);
    assert_true(result == QUEUE_RESULT_DONE || result == QUEUE_RESULT_NOT_PARKED);
}

static void event_approve(void)
{
    decide(true);
}

static void event_reject(void)
{
    decide(false);
}

/* Where it has no effect there is nothing to wait for but the answer to a request behind it; to a second one,
 * since a script that Redis doesn't know yet is sent twice. */
static void event_cancel(void)
{
    tickets_cancel(people.tickets, scene.id, "bot");
    people_ask(&people, "somebody else", "SELECT 'in line behind it'");
    people_ask(&people, "somebody else", "SELECT 'in line behind it'");
}

static void event_expire(void)
{
    redis_must(&redis, "HSET ticket:{sallyport}:%s expires 1", scene.id + 1);
}

static void event_claim(void)
{
    static const struct executor_database databases[] = {{.name = "app"}};
    struct fault fault;
    struct told told;
    bool is_recovery;
    struct lease lease = {.dial = &people.dial, .executor = "by hand", .seconds = 60};
    redisReply *reply;
    if (!lease_claim(&lease, databases, 1, &reply, &told, &is_recovery, &scene.arena, &fault))
        fail_msg("%s", fault.message);
    if (reply == NULL)
        return;
    assert_true(view_is(told.number, scene.id + 1)); /* no other ticket is ever ready here */
    assert_null(scene.claimed);
    scene.claimed = reply;
    scene.lease = lease;
}

/* Reports by somebody who holds no token are tried, too. */
static void prepare_to_report(void)
{
    scene.lease.dial = &people.dial;
    scene.lease.database = "app";
    scene.lease.seconds = 60;
    scene.lease.number = view_of(scene.id + 1);
}

static void event_release(void)
{
    struct fault fault;
    prepare_to_report();
    enum lease_result result = lease_release(&scene.lease, 3600 * 1000, false, "not now", &fault);
    assert_true(result != LEASE_RESULT_REDIS);
}

static void event_execute(void)
{
    struct fault fault;
    struct transaction_identity identity = {"1", "2", "3", "4", "5"};
    struct ticket_result done = {.tag = "UPDATE 1", .row_count = 1};
    prepare_to_report();
    enum lease_result result = lease_prepare(&scene.lease, &identity, &done, 1, &fault);
    assert_true(result != LEASE_RESULT_REDIS);
    if (result == LEASE_RESULT_DONE)
        assert_int_equal(lease_executed(&scene.lease, &fault), LEASE_RESULT_DONE);
    else
        assert_true(lease_executed(&scene.lease, &fault) != LEASE_RESULT_REDIS);
}

static void event_fail(void)
{
    struct fault fault;
    struct ticket_error error = {"23505", "duplicate key", "Key (id)=(1)", NULL};
    prepare_to_report();
    assert_true(lease_failed(&scene.lease, &error, &fault) != LEASE_RESULT_REDIS);
}

static void event_lose(void)
{
    struct fault fault;
    prepare_to_report();
    assert_true(lease_unknown(&scene.lease, "the timeline has changed", &fault) != LEASE_RESULT_REDIS);
}

static const struct {
    const char *name;
    void (*happen)(void);
} events[] = {
    {"approve", event_approve}, {"reject", event_reject}, {"cancel", event_cancel},
    {"expire", event_expire},   {"claim", event_claim},   {"release", event_release},
    {"execute", event_execute}, {"fail", event_fail},     {"lose", event_lose},
};

enum { EVENTS = sizeof events / sizeof *events };

static void happen(const char *event)
{
    for (size_t i = 0; i < EVENTS; i++)
        if (strcmp(events[i].name, event) == 0)
            events[i].happen();
}

/* ---- scenes ------------------------------------------------------------------------------------------- */

static void scene_end(void)
{
    if (scene.claimed != NULL)
        freeReplyObject(scene.claimed);
    arena_fini(&scene.arena);
    scene = (struct scene){0};
    redis_must(&redis, "FLUSHALL");
}

/* A new ticket, brought into the state by the shortest way. */
static void scene_begin(enum ticket_state state)
{
    static const char *const ways[STATES][4] = {
        [TICKET_STATE_PARKED] = {NULL},
        [TICKET_STATE_APPROVED] = {"approve"},
        [TICKET_STATE_EXECUTING] = {"approve", "claim"},
        [TICKET_STATE_EXECUTED] = {"approve", "claim", "execute"},
        [TICKET_STATE_FAILED] = {"approve", "claim", "fail"},
        [TICKET_STATE_REJECTED] = {"reject"},
        [TICKET_STATE_EXPIRED] = {"expire"},
        [TICKET_STATE_CANCELLED] = {"cancel"},
        [TICKET_STATE_UNKNOWN] = {"approve", "claim", "lose"},
    };
    struct ticket_answer answer = people_ask(&people, "bot", "UPDATE t SET a = 1");
    assert_true(answer.is_new);
    snprintf(scene.id, sizeof scene.id, "%s", answer.id);
    for (size_t i = 0; i < 4 && ways[state][i] != NULL; i++)
        happen(ways[state][i]);
    assert_int_equal(people_state(&people, scene.id), state);
}

static void test_every_event_in_every_state(void **state)
{
    for (int from = 0; from < STATES; from++) {
        for (size_t i = 0; i < EVENTS; i++) {
            scene_begin((enum ticket_state)from);
            events[i].happen();
            enum ticket_state to = people_state(&people, scene.id);
            enum ticket_state right = expected((enum ticket_state)from, events[i].name);
            if (to != right)
                fail_msg("%s, %s: %s, not %s", ticket_state_name((enum ticket_state)from), events[i].name,
                         ticket_state_name(to), ticket_state_name(right));
            scene_end();
        }
    }
}

/* The table names no event and no state that isn't tried. */
static void test_the_table_is_whole(void **state)
{
    for (size_t i = 0; i < row_count; i++) {
        size_t known = 0;
        while (known < EVENTS && strcmp(events[known].name, rows[i].event) != 0)
            known++;
        if (known == EVENTS)
            fail_msg("%s is in the table and not in the test", rows[i].event);
    }
}

/* ---- fencing ------------------------------------------------------------------------------------------ */

static void let_lease_end(void)
{
    redis_must(&redis, "ZADD run:{sallyport}:leases:app 1 %s", scene.id + 1);
    redis_must(&redis, "HSET run:{sallyport}:%s lease 1", scene.id + 1);
}

static void test_a_lost_lease_is_lost(void **state)
{
    struct fault fault;
    struct transaction_identity identity = {"1", "2", "3", "4", "5"};
    struct ticket_result done = {.tag = "UPDATE 1", .row_count = 1};
    struct ticket_error error = {"XX000", "no", NULL, NULL};
    scene_begin(TICKET_STATE_EXECUTING);
    struct lease old = scene.lease;
    char number[24];
    snprintf(number, sizeof number, "%.20s", scene.id + 1);
    old.number = view_of(number);
    old.database = "app";
    redisReply *first = scene.claimed;
    scene.claimed = NULL;
    let_lease_end();
    /* Its time is over, even before anybody else has come. */
    assert_int_equal(lease_prepare(&old, &identity, &done, 1, &fault), LEASE_RESULT_LOST);
    event_claim(); /* claimed, never prepared: it is run again */
    assert_non_null(scene.claimed);
    assert_string_not_equal(scene.lease.token, old.token);
    assert_int_equal(lease_prepare(&old, &identity, &done, 1, &fault), LEASE_RESULT_LOST);
    assert_int_equal(lease_executed(&old, &fault), LEASE_RESULT_LOST);
    assert_int_equal(lease_failed(&old, &error, &fault), LEASE_RESULT_LOST);
    assert_int_equal(lease_unknown(&old, "?", &fault), LEASE_RESULT_LOST);
    assert_int_equal(lease_release(&old, 0, false, "?", &fault), LEASE_RESULT_LOST);
    assert_int_equal(people_state(&people, scene.id), TICKET_STATE_EXECUTING);
    freeReplyObject(first);
    scene_end();
}

static void test_what_is_prepared_is_recovered_not_run(void **state)
{
    static const struct executor_database databases[] = {{.name = "other"}, {.name = "app"}};
    struct fault fault;
    struct told told;
    bool is_recovery;
    redisReply *reply;
    struct transaction_identity identity = {"777", "2", "3", "4", "5"};
    struct ticket_result done = {.tag = "UPDATE 1", .row_count = 1};
    scene_begin(TICKET_STATE_EXECUTING);
    assert_int_equal(lease_prepare(&scene.lease, &identity, &done, 1, &fault), LEASE_RESULT_DONE);
    struct lease other = {.dial = &people.dial, .executor = "another", .seconds = 60};
    assert_true(lease_claim(&other, databases, 2, &reply, &told, &is_recovery, &scene.arena, &fault));
    assert_null(reply); /* not before its lease is over */
    let_lease_end();
    assert_true(lease_claim(&other, databases, 1, &reply, &told, &is_recovery, &scene.arena, &fault));
    assert_null(reply); /* another database's */
    assert_true(lease_claim(&other, databases, 2, &reply, &told, &is_recovery, &scene.arena, &fault));
    assert_non_null(reply);
    assert_true(is_recovery);
    assert_string_equal(other.database, "app");
    assert_string_equal(told_text(told.run, "xid", &scene.arena), "777");
    assert_int_equal(lease_executed(&scene.lease, &fault), LEASE_RESULT_LOST);
    assert_int_equal(lease_executed(&other, &fault), LEASE_RESULT_DONE);
    assert_int_equal(lease_executed(&other, &fault), LEASE_RESULT_DONE); /* sent twice, done once */
    assert_int_equal(people_state(&people, scene.id), TICKET_STATE_EXECUTED);
    freeReplyObject(reply);
    scene_end();
}

static void test_paused_agents_wait(void **state)
{
    struct fault fault;
    scene_begin(TICKET_STATE_APPROVED);
    assert_true(queue_pause(people.queue, "bot", true, &fault));
    event_claim();
    assert_null(scene.claimed);
    assert_true(queue_pause(people.queue, "bot", false, &fault));
    redis_must(&redis, "ZADD run:{sallyport}:ready:app 1 %s", scene.id + 1); /* a second later */
    event_claim();
    assert_non_null(scene.claimed);
    scene_end();
}

/* ---- lifetimes ---------------------------------------------------------------------------------------- */

static long long lives_until(const char *key)
{
    redisReply *reply = redis_do(&redis, "PEXPIRETIME %s{sallyport}:%s", key, scene.id + 1);
    long long until = reply->integer;
    freeReplyObject(reply);
    return until; /* -1: for ever; -2: there is none */
}

/* Without its run an executed ticket would look expired, and without its decision a rejected one. */
static void test_what_became_of_a_ticket_outlives_it(void **state)
{
    static const enum ticket_state run[] = {TICKET_STATE_APPROVED, TICKET_STATE_EXECUTING, TICKET_STATE_EXECUTED,
                                            TICKET_STATE_FAILED, TICKET_STATE_UNKNOWN};
    for (size_t i = 0; i < sizeof run / sizeof *run; i++) {
        scene_begin(run[i]);
        if (run[i] == TICKET_STATE_APPROVED) { /* again */
            event_claim();
            event_release();
        }
        assert_true(lives_until("ticket:") > 0);
        assert_true(lives_until("ok:") > lives_until("ticket:"));
        assert_true(lives_until("run:") > lives_until("ticket:"));
        scene_end();
    }
    scene_begin(TICKET_STATE_REJECTED);
    assert_true(lives_until("ok:") > lives_until("ticket:"));
    scene_end();
}

/* Delivered in the last moment, it isn't kept longer for that. */
static void test_a_delivery_prolongs_nothing(void **state)
{
    scene_begin(TICKET_STATE_EXECUTED);
    redis_must(&redis, "PEXPIRE ticket:{sallyport}:%s 3600000", scene.id + 1);
    long long until = lives_until("ticket:");
    people_deliver(&people, scene.id);
    assert_true(lives_until("ticket:") == until);
    scene_end();
}

/* Its lease ended before it was prepared, and the agent took it back then. */
static void test_no_key_stays_for_ever(void **state)
{
    scene_begin(TICKET_STATE_EXECUTING);
    freeReplyObject(scene.claimed);
    scene.claimed = NULL;
    let_lease_end();
    redis_must(&redis, "SADD ok:{sallyport}:paused bot"); /* so that it is put back and not taken at once */
    event_claim();
    assert_null(scene.claimed);
    assert_int_equal(people_state(&people, scene.id), TICKET_STATE_APPROVED);
    assert_true(lives_until("run:") > 0);
    people_cancel(&people, scene.id, "bot");
    assert_true(lives_until("run:") > lives_until("ticket:"));
    scene_end();
}

/* ---- takeovers ---------------------------------------------------------------------------------------- */

static void assert_takeovers(const char *count)
{
    redisReply *reply = redis_do(&redis, "HGET run:{sallyport}:%s takeovers", scene.id + 1);
    if (count == NULL)
        assert_int_equal(reply->type, REDIS_REPLY_NIL);
    else
        assert_string_equal(reply->str, count);
    freeReplyObject(reply);
}

static void take_over(void)
{
    freeReplyObject(scene.claimed);
    scene.claimed = NULL;
    let_lease_end();
    event_claim();
    assert_non_null(scene.claimed);
}

static void test_executors_that_vanish_are_counted(void **state)
{
    struct fault fault;
    struct transaction_identity identity = {"1", "2", "3", "4", "5"};
    struct ticket_result done = {.tag = "UPDATE 1", .row_count = 1};
    scene_begin(TICKET_STATE_EXECUTING);
    assert_takeovers(NULL);
    take_over();
    take_over();
    assert_takeovers("2");
    prepare_to_report();
    assert_int_equal(lease_prepare(&scene.lease, &identity, &done, 1, &fault), LEASE_RESULT_DONE);
    assert_takeovers(NULL);
    struct lease old = scene.lease;
    take_over();
    assert_takeovers("1");
    assert_int_equal(lease_postpone(&old, &fault), LEASE_RESULT_LOST);
    assert_takeovers("1");
    prepare_to_report();
    assert_int_equal(lease_postpone(&scene.lease, &fault), LEASE_RESULT_DONE); /* it lives: the database was away */
    assert_takeovers(NULL);
    take_over();
    event_release();
    assert_takeovers(NULL);
    scene_end();
}

static int begin(void **state)
{
    redis_start(&redis);
    people_init(&people, &redis);
    read_table();
    return 0;
}

static int end(void **state)
{
    people_fini(&people);
    server_stop(&redis);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_table_is_whole),
        cmocka_unit_test(test_every_event_in_every_state),
        cmocka_unit_test(test_a_lost_lease_is_lost),
        cmocka_unit_test(test_what_is_prepared_is_recovered_not_run),
        cmocka_unit_test(test_paused_agents_wait),
        cmocka_unit_test(test_what_became_of_a_ticket_outlives_it),
        cmocka_unit_test(test_a_delivery_prolongs_nothing),
        cmocka_unit_test(test_no_key_stays_for_ever),
        cmocka_unit_test(test_executors_that_vanish_are_counted),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
