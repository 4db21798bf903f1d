/* Exactly once, whatever dies. First an executor, played by hand, that stops after each of its steps and wakes up
 * when another has taken over; then many tickets under executors that are killed and frozen at random moments,
 * sessions that are ended, and a database that crashes while others write. Rows are counted at the end: the table
 * has no unique key that could hide a second run. */
#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/log.h"
#include "people.h"
#include "verify.h"
#include "witness.h"

enum { LEASE_S = 3, STATEMENT_S = 2, EXECUTORS = 3 };

static struct server redis, postgres;
static struct people people;
static char write_string[256];
static const struct transaction_limits limits = {2000, 500, 1500, 1 << 20};

static void database_do(const char *sql)
{
    free(postgres_do(&postgres, sql));
}

static long number(const char *sql)
{
    char *text = postgres_do(&postgres, sql);
    long value = strtol(text, NULL, 10);
    free(text);
    return value;
}

static int begin(void **state)
{
    redis_start(&redis);
    postgres_start(&postgres);
    people_init(&people, &redis);
    log_open("test", LOG_LEVEL_ERROR);
    snprintf(write_string, sizeof write_string, "host=%s dbname=postgres user=writer", postgres.folder);
    database_do("CREATE ROLE writer LOGIN; CREATE TABLE effect (n int); CREATE TABLE noise (n int);"
                "GRANT SELECT, INSERT ON effect TO writer");
    return 0;
}

static int end(void **state)
{
    people_fini(&people);
    server_stop(&postgres);
    server_stop(&redis);
    return 0;
}

/* ---- executors, as processes -------------------------------------------------------------------------- */

static struct executor *running;

static void on_term(int number_of_signal)
{
    executor_stop(running);
}

static uint64_t on_record(void *arg, struct view body, bool sync)
{
    return 1;
}

static pid_t executor_begin(void)
{
    struct executor_database databases[] = {{.name = "app", .write = write_string}};
    struct executor_options options = {
        .redis = people.logins[PEOPLE_ROLE_EXECUTOR],
        .approval_key = view_of(APPROVAL_KEY),
        .databases = databases,
        .database_count = 1,
        .lease_seconds = LEASE_S,
        .statement_seconds = STATEMENT_S,
        .lock_ms = 1000,
        .record = on_record,
    };
    struct fault fault;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    running = executor_new(&options, &fault);
    CHECK(running != NULL);
    signal(SIGTERM, on_term);
    executor_run(running);
    _exit(0);
}

static void executor_kill(pid_t pid)
{
    int status;
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void executor_end(pid_t pid)
{
    int status;
    kill(pid, SIGTERM);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* ---- tickets ------------------------------------------------------------------------------------------ */

struct batch {
    size_t count;
    char (*ids)[24];
    size_t done;
};

/* Each ticket is an INSERT that takes so many milliseconds; the tag makes it another request than before. */
static void batch_begin(struct batch *batch, size_t count, int milliseconds, const char *tag)
{
    *batch = (struct batch){.count = count, .ids = calloc(count, sizeof *batch->ids)};
    database_do("TRUNCATE effect");
    for (size_t i = 0; i < count; i++) {
        char text[256], agent[24];
        snprintf(agent, sizeof agent, "bot %zu", i / 50); /* one may not have too many waiting */
        snprintf(text, sizeof text, "INSERT INTO effect SELECT %zu FROM pg_sleep(%d / 1000.0) /* %s */", i,
                 milliseconds, tag);
        struct ticket_answer ticket = people_ask(&people, agent, text);
        assert_true(ticket.is_new);
        memcpy(batch->ids[i], ticket.id, sizeof ticket.id);
        people_approve(&people, ticket.id);
    }
}

static bool is_final(enum ticket_state state)
{
    return state != TICKET_STATE_APPROVED && state != TICKET_STATE_EXECUTING;
}

/* In any order; looks from the first that isn't finished. */
static bool batch_is_done(void *arg)
{
    struct batch *batch = arg;
    while (batch->done < batch->count && is_final(people_state(&people, batch->ids[batch->done])))
        batch->done++;
    return batch->done == batch->count;
}

static void batch_end(struct batch *batch, const char *what)
{
    for (size_t i = 0; i < batch->count; i++) {
        enum ticket_state state = people_state(&people, batch->ids[i]);
        if (state != TICKET_STATE_EXECUTED)
            fail_msg("%s: %s is %s", what, batch->ids[i], ticket_state_name(state));
    }
    long rows = number("SELECT count(*) FROM effect");
    long different = number("SELECT count(DISTINCT n) FROM effect");
    print_message("%s: %zu tickets, %ld rows, %ld different\n", what, batch->count, rows, different);
    assert_int_equal(rows, batch->count);
    assert_int_equal(different, batch->count);
    free(batch->ids);
}

/* ---- stopping after each step ------------------------------------------------------------------------- */

enum step { STEP_CLAIMED, STEP_BEGUN, STEP_RUN, STEP_FLUSHED, STEP_PREPARED, STEP_COMMITTED, STEPS };

/* An executor by hand. */
struct hand {
    struct lease lease;
    redisReply *reply;
    struct told told;
    struct verified verified;
    struct transaction transaction;
    struct witness witness;
    struct arena arena;
};

static void hand_go(struct hand *hand, enum step last)
{
    static const struct executor_database databases[] = {{.name = "app"}};
    struct fault fault;
    struct ticket_error error;
    bool is_recovery;
    *hand = (struct hand){.lease = {.dial = &people.dial, .executor = "by hand", .seconds = 60},
                          .witness = {.write = write_string}};
    assert_true(lease_claim(&hand->lease, databases, 1, &hand->reply, &hand->told, &is_recovery, &hand->arena, &fault));
    assert_non_null(hand->reply);
    assert_null(verify_ticket(&hand->told, view_of(APPROVAL_KEY), &hand->arena, &hand->verified));
    const struct ticket_content *content = &hand->verified.content;
    if (last >= STEP_BEGUN)
        assert_int_equal(transaction_begin(&hand->transaction, write_string, "hand", content, &limits, &hand->arena),
                         TRANSACTION_RESULT_GOOD);
    if (last >= STEP_RUN)
        assert_int_equal(transaction_run(&hand->transaction, content, &limits, &hand->arena), TRANSACTION_RESULT_GOOD);
    if (last >= STEP_FLUSHED)
        assert_true(witness_flush(&hand->witness, &hand->transaction.identity, "hand", &hand->arena, &error));
    if (last >= STEP_PREPARED)
        assert_int_equal(lease_prepare(&hand->lease, &hand->transaction.identity, hand->transaction.results, 1, &fault),
                         LEASE_RESULT_DONE);
    if (last >= STEP_COMMITTED)
        assert_true(transaction_commit(&hand->transaction));
}

static void hand_lease_ends(struct hand *hand)
{
    redis_must(&redis, "ZADD run:{sallyport}:leases:app 1 %b", hand->lease.number.data, hand->lease.number.len);
    redis_must(&redis, "HSET run:{sallyport}:%b lease 1", hand->lease.number.data, hand->lease.number.len);
}

/* It wakes up and goes on where it was, without knowing that its time is over. */
static void hand_wakes(struct hand *hand, enum step last)
{
    struct fault fault;
    if (last < STEP_PREPARED && last >= STEP_RUN)
        assert_int_equal(lease_prepare(&hand->lease, &hand->transaction.identity, hand->transaction.results, 1, &fault),
                         LEASE_RESULT_LOST);
    if (last == STEP_PREPARED)
        assert_false(transaction_commit(&hand->transaction));
    assert_int_equal(lease_executed(&hand->lease, &fault), LEASE_RESULT_LOST);
    transaction_end(&hand->transaction);
    witness_fini(&hand->witness);
    freeReplyObject(hand->reply);
    arena_fini(&hand->arena);
}

static void test_stopped_after_each_step(void **state)
{
    for (int step = 0; step < STEPS; step++) {
        for (int is_dead = 0; is_dead < 2; is_dead++) {
            struct batch batch;
            struct hand hand;
            char what[80];
            snprintf(what, sizeof what, "%s after step %d", is_dead ? "dead" : "frozen", step);
            batch_begin(&batch, 1, 0, what);
            hand_go(&hand, (enum step)step);
            if (is_dead)
                transaction_end(&hand.transaction);
            hand_lease_ends(&hand);
            pid_t other = executor_begin();
            wait_until(batch_is_done, &batch, what);
            hand_wakes(&hand, is_dead ? STEP_CLAIMED : (enum step)step);
            executor_end(other);
            batch_end(&batch, what);
        }
    }
}

/* After a crash the server gives out transaction ids again that never reached its disk; and somebody else's
 * committed transaction has the id of ours. */
static void test_the_database_crashes_after_each_step(void **state)
{
    for (int step = STEP_BEGUN; step < STEPS; step++) {
        struct batch batch;
        struct hand hand;
        char what[80];
        snprintf(what, sizeof what, "the database crashed after step %d", step);
        batch_begin(&batch, 1, 0, what);
        hand_go(&hand, (enum step)step);
        server_kill(&postgres);
        postgres_begin(&postgres);
        for (int i = 0; i < 5; i++)
            database_do("INSERT INTO noise VALUES (1)");
        hand_lease_ends(&hand);
        pid_t other = executor_begin();
        wait_until(batch_is_done, &batch, what);
        hand_wakes(&hand, (enum step)step);
        executor_end(other);
        batch_end(&batch, what);
    }
}

/* What can't be known is not guessed. */
static void test_unknown(void **state)
{
    static const struct {
        const char *field, *value, *words;
    } lies[] = {
        {"system", "1", "cluster"},
        {"timeline", "0000000F", "timeline"},
        {"xid", "999999999", "future"},
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct batch batch;
        struct hand hand;
        batch_begin(&batch, 1, 0, lies[i].field);
        hand_go(&hand, STEP_PREPARED);
        redis_must(&redis, "HSET run:{sallyport}:%s %s %s", batch.ids[0] + 1, lies[i].field, lies[i].value);
        hand_lease_ends(&hand);
        pid_t other = executor_begin();
        wait_until(batch_is_done, &batch, "unknown");
        assert_int_equal(people_state(&people, batch.ids[0]), TICKET_STATE_UNKNOWN);
        struct fault fault;
        struct arena arena = {0};
        struct queue_ticket shown;
        bool found;
        assert_true(queue_show(people.queue, batch.ids[0], &arena, &shown, &found, &fault) && found);
        if (strstr(shown.outcome, lies[i].words) == NULL)
            fail_msg("\"%s\" doesn't say \"%s\"", shown.outcome, lies[i].words);
        arena_fini(&arena);
        hand_wakes(&hand, STEP_CLAIMED);
        executor_end(other);
        free(batch.ids);
    }
}

/* Ten have taken it and were never heard of again: the next one doesn't try, but says what is known. */
static void test_a_ticket_that_ends_its_executors(void **state)
{
    static const struct {
        enum step step;
        enum ticket_state state;
    } ways[] = {{STEP_CLAIMED, TICKET_STATE_FAILED}, {STEP_PREPARED, TICKET_STATE_UNKNOWN}};
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct batch batch;
        struct hand hand;
        struct fault fault;
        struct arena arena = {0};
        struct queue_ticket shown;
        bool found;
        batch_begin(&batch, 1, 0, i == 0 ? "deadly" : "deadly once prepared");
        hand_go(&hand, ways[i].step);
        for (int takeover = 0; takeover < 9; takeover++)
            redis_must(&redis, "HINCRBY run:{sallyport}:%s takeovers 1", batch.ids[0] + 1);
        hand_lease_ends(&hand);
        pid_t other = executor_begin();
        wait_until(batch_is_done, &batch, "it is given up");
        assert_int_equal(people_state(&people, batch.ids[0]), ways[i].state);
        assert_true(queue_show(people.queue, batch.ids[0], &arena, &shown, &found, &fault) && found);
        assert_non_null(strstr(shown.outcome, "gave up after 10 attempts"));
        arena_fini(&arena);
        assert_int_equal(number("SELECT count(*) FROM effect"), 0);
        hand_wakes(&hand, STEP_CLAIMED);
        executor_end(other);
        free(batch.ids);
    }
}

/* ---- under load --------------------------------------------------------------------------------------- */

static void test_two_executors(void **state)
{
    struct batch batch;
    batch_begin(&batch, 200, 0, "two executors");
    pid_t one = executor_begin(), two = executor_begin();
    wait_until(batch_is_done, &batch, "200 tickets by two executors");
    executor_end(one);
    executor_end(two);
    batch_end(&batch, "two executors");
}

static unsigned up_to(unsigned most)
{
    return (unsigned)random() % most;
}

static void pause_ms(unsigned milliseconds)
{
    struct timespec time = {.tv_nsec = (long)milliseconds * 1000000};
    nanosleep(&time, NULL);
}

struct storm {
    struct batch batch;
    pid_t executors[EXECUTORS];
    unsigned kills, freezes, ends, crashes;
    unsigned crash_every; /* 0: the database stays up */
};

static void freeze(struct storm *storm, unsigned which)
{
    kill(storm->executors[which], SIGSTOP);
    /* Past its lease, so that others take over what it had; then it goes on as if nothing had happened. */
    for (int i = 0; i < LEASE_S * 10 + 5; i++)
        pause_ms(100);
    kill(storm->executors[which], SIGCONT);
    storm->freezes++;
}

/* The moments are random, and the point of the test: it waits for no condition but "some time later". */
static bool storm_is_over(void *arg)
{
    struct storm *storm = arg;
    if (batch_is_done(&storm->batch))
        return true;
    pause_ms(10 + up_to(90));
    unsigned which = up_to(EXECUTORS), what = up_to(40);
    if (what == 0 && storm->freezes < 2) {
        freeze(storm, which);
    } else if (what < 4) {
        database_do("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE application_name LIKE 'sallyport/executor/%' LIMIT 1");
        storm->ends++;
    } else if (storm->crash_every > 0 && storm->crashes < 4 && up_to(storm->crash_every) == 0) {
        server_kill(&postgres);
        postgres_begin(&postgres);
        database_do("INSERT INTO noise SELECT generate_series(1, 10)");
        database_do("INSERT INTO noise VALUES (1)");
        storm->crashes++;
    } else {
        executor_kill(storm->executors[which]);
        storm->executors[which] = executor_begin();
        storm->kills++;
    }
    return false;
}

static void storm_run(struct storm *storm, size_t count, const char *what)
{
    batch_begin(&storm->batch, count, 15, what);
    for (int i = 0; i < EXECUTORS; i++)
        storm->executors[i] = executor_begin();
    while (!storm_is_over(storm))
        if (storm->kills > 5000)
            fail_msg("%s: it doesn't come to an end", what);
    for (int i = 0; i < EXECUTORS; i++)
        executor_end(storm->executors[i]);
    print_message("%s: %u kills, %u freezes, %u sessions ended, %u crashes of the database\n", what, storm->kills,
                  storm->freezes, storm->ends, storm->crashes);
    batch_end(&storm->batch, what);
}

static void test_killed_at_random(void **state)
{
    struct storm storm = {0};
    storm_run(&storm, 200, "killed at random");
    assert_true(storm.kills > 0);
}

static void test_killed_while_the_database_crashes(void **state)
{
    struct storm storm = {.crash_every = 10};
    storm_run(&storm, 200, "killed while the database crashes");
    assert_true(storm.kills > 0);
}

int main(void)
{
    const char *seed = getenv("SEED");
    unsigned value = seed ? (unsigned)strtoul(seed, NULL, 10) : (unsigned)time(NULL);
    print_message("SEED=%u\n", value);
    srandom(value);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stopped_after_each_step),
        cmocka_unit_test(test_the_database_crashes_after_each_step),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_a_ticket_that_ends_its_executors),
        cmocka_unit_test(test_two_executors),
        cmocka_unit_test(test_killed_at_random),
        cmocka_unit_test(test_killed_while_the_database_crashes),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
