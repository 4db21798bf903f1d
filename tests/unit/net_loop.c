/* The loop: calls from other threads, deferred calls, timers, work in the pool, signals and children. */
#include "net_help.h"

#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

/* ---- posting -------------------------------------------------------------------------------------- */

enum { POSTERS = 8, POSTS = 20000 };

struct poster {
    struct net_loop *loop;
    struct poster_call {
        struct poster *poster;
        int number;
    } calls[POSTS];
    int next; /* touched by the loop's thread only */
    int *finished;
    pthread_t thread;
};

static void posted(void *arg)
{
    struct poster_call *call = arg;
    struct poster *p = call->poster;
    assert_int_equal(call->number, p->next);
    p->next++;
    if (p->next == POSTS && ++*p->finished == POSTERS)
        net_loop_stop(p->loop);
}

static void *post_all(void *arg)
{
    struct poster *p = arg;
    for (int i = 0; i < POSTS; i++) {
        p->calls[i] = (struct poster_call){p, i};
        net_loop_post(p->loop, posted, &p->calls[i]);
    }
    return NULL;
}

static void test_posts_of_many_threads_keep_their_order(void **state)
{
    struct net_loop *loop = net_loop_new();
    struct poster *posters = check_calloc(POSTERS, sizeof *posters);
    int finished = 0;
    for (int i = 0; i < POSTERS; i++) {
        posters[i].loop = loop;
        posters[i].finished = &finished;
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_all, &posters[i]), 0);
    }
    net_loop_run(loop);
    for (int i = 0; i < POSTERS; i++) {
        pthread_join(posters[i].thread, NULL);
        assert_int_equal(posters[i].next, POSTS);
    }
    net_loop_free(loop);
    free(posters);
}

/* Two loops in two threads that throw a ball back and forth: no wake-up gets lost. */
struct court {
    struct net_loop *loops[2];
    int throws; /* touched by whoever has the ball */
};

static void catch_at_1(void *arg);

static void catch_at_0(void *arg)
{
    struct court *c = arg;
    if (++c->throws < 20000) {
        net_loop_post(c->loops[1], catch_at_1, c);
    } else {
        net_loop_stop(c->loops[0]);
        net_loop_stop(c->loops[1]);
    }
}

static void catch_at_1(void *arg)
{
    struct court *c = arg;
    c->throws++;
    net_loop_post(c->loops[0], catch_at_0, c);
}

static void *run_loop(void *loop)
{
    net_loop_run(loop);
    return NULL;
}

static void test_two_loops(void **state)
{
    struct court c = {{net_loop_new(), net_loop_new()}, 0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, run_loop, c.loops[1]), 0);
    net_loop_post(c.loops[0], catch_at_0, &c);
    net_loop_run(c.loops[0]);
    pthread_join(thread, NULL);
    assert_true(c.throws >= 20000);
    net_loop_free(c.loops[0]);
    net_loop_free(c.loops[1]);
}

static void count(void *arg)
{
    ++*(int *)arg;
}

static void test_posts_are_owed_even_when_the_loop_ends(void **state)
{
    int counter = 0;
    struct net_loop *loop = net_loop_new();
    net_loop_stop(loop);
    net_loop_post(loop, count, &counter);
    net_loop_run(loop);
    net_loop_post(loop, count, &counter);
    net_loop_defer(loop, count, &counter);
    net_loop_free(loop);
    assert_int_equal(counter, 3);
}

/* ---- deferring ------------------------------------------------------------------------------------ */

struct diary {
    struct net_loop *loop;
    struct net_timer *timer;
    char text[64];
    int left;
};

static void write_d(void *arg)
{
    strcat(((struct diary *)arg)->text, "d");
}

static void write_p_and_defer(void *arg)
{
    struct diary *d = arg;
    net_loop_defer(d->loop, write_d, d);
    strcat(d->text, "p");
}

/* What is deferred comes after everything else of the turn. */
static void test_deferred_calls_come_last(void **state)
{
    struct diary d = {.loop = net_loop_new()};
    for (int i = 0; i < 3; i++)
        net_loop_post(d.loop, write_p_and_defer, &d);
    net_loop_stop(d.loop);
    net_loop_run(d.loop);
    assert_string_equal(d.text, "pppddd");
    net_loop_free(d.loop);
}

/* A chain of deferred calls goes on although nothing else happens: the loop must not fall asleep. */
static void defer_again(void *arg)
{
    struct diary *d = arg;
    if (--d->left > 0)
        net_loop_defer(d->loop, defer_again, d);
    else
        net_loop_stop(d->loop);
}

static void test_deferred_calls_may_defer(void **state)
{
    struct diary d = {.loop = net_loop_new(), .left = 1001};
    net_loop_defer(d.loop, defer_again, &d);
    net_loop_run(d.loop);
    assert_int_equal(d.left, 0);
    net_loop_free(d.loop);
}

static void fire_and_defer(void *arg)
{
    struct diary *d = arg;
    net_timer_free(d->timer); /* from its own callback */
    d->left = 1;
    net_loop_defer(d->loop, defer_again, d);
}

static void test_a_timer_may_defer(void **state)
{
    struct diary d = {.loop = net_loop_new()};
    d.timer = net_timer_new(d.loop, fire_and_defer, &d);
    net_timer_start(d.timer, 1, 0);
    net_loop_run(d.loop);
    assert_int_equal(d.left, 0);
    net_loop_free(d.loop);
}

/* ---- time ----------------------------------------------------------------------------------------- */

struct ticker {
    struct net_loop *loop;
    struct net_timer *timer, *never;
    int ticks;
    int64_t last;
};

static int64_t wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void tick(void *arg)
{
    struct ticker *t = arg;
    int64_t now = net_loop_now(t->loop);
    assert_true(now > t->last);
    assert_true(now <= wall_clock());
    for (volatile int i = 0; i < 100000; i++)
        ;
    assert_int_equal(net_loop_now(t->loop), now); /* the same all through a turn */
    t->last = now;
    if (++t->ticks < 5)
        return;
    net_timer_stop(t->timer);
    net_loop_stop(t->loop);
}

static void test_timers_and_time(void **state)
{
    struct ticker t = {.loop = net_loop_new()};
    int fired = 0;
    t.timer = net_timer_new(t.loop, tick, &t);
    t.never = net_timer_new(t.loop, count, &fired);
    int64_t start = wall_clock();
    net_timer_start(t.timer, 20, 10);
    net_timer_start(t.never, 10, 0);
    net_timer_stop(t.never);
    net_loop_run(t.loop);
    assert_int_equal(t.ticks, 5);
    assert_true(t.last - start >= 19 * 1000);
    assert_int_equal(fired, 0);
    net_timer_free(t.timer);
    net_timer_free(t.never);
    net_timer_free(NULL);
    net_loop_free(t.loop);
}

/* ---- work ----------------------------------------------------------------------------------------- */

struct job {
    struct net_loop *loop;
    pthread_t loop_thread;
    int *left;
    bool was_elsewhere;
};

static void work(void *arg)
{
    struct job *job = arg;
    job->was_elsewhere = !pthread_equal(pthread_self(), job->loop_thread);
}

static void worked(void *arg)
{
    struct job *job = arg;
    assert_true(pthread_equal(pthread_self(), job->loop_thread));
    assert_true(job->was_elsewhere);
    if (--*job->left == 0)
        net_loop_stop(job->loop);
}

static void test_work(void **state)
{
    struct net_loop *loop = net_loop_new();
    struct job jobs[20];
    int left = 20;
    for (int i = 0; i < 20; i++) {
        jobs[i] = (struct job){loop, pthread_self(), &left, false};
        net_work(loop, work, worked, &jobs[i]);
    }
    net_loop_run(loop);
    assert_int_equal(left, 0);
    /* Work that is still going on is waited for. */
    left = 1;
    net_work(loop, work, worked, &jobs[0]);
    net_loop_free(loop);
    assert_int_equal(left, 0);
}

/* ---- signals and children ------------------------------------------------------------------------- */

struct stuck {
    struct net_loop *loop; /* kept: it is not given back */
    sem_t go_on, has_ended;
};

static void wait_to_go_on(void *arg)
{
    struct stuck *stuck = arg;
    sem_wait(&stuck->go_on);
    sem_post(&stuck->has_ended);
}

static void never_done(void *arg)
{
    fail_msg("called back by a loop that has ended");
}

static void not_fired(void *arg)
{
    fail_msg("fired by a loop that has ended");
}

/* Work that doesn't end and a timer that nobody freed: the loop gives up in the end, and the caller goes on. */
static void test_a_loop_that_does_not_come_to_an_end(void **state)
{
    static struct stuck stuck;
    static struct net_timer *forgotten;
    stuck.loop = net_loop_new();
    sem_init(&stuck.go_on, 0, 0);
    sem_init(&stuck.has_ended, 0, 0);
    forgotten = net_timer_new(stuck.loop, not_fired, NULL);
    net_timer_start(forgotten, 3600 * 1000, 0);
    net_work(stuck.loop, wait_to_go_on, never_done, &stuck);
    net_loop_free(stuck.loop);
    sem_post(&stuck.go_on);
    sem_wait(&stuck.has_ended);
}

static void signalled(void *arg, int number)
{
    assert_int_equal(number, SIGUSR1);
    net_loop_stop(arg);
}

static void test_signals(void **state)
{
    struct net_loop *loop = net_loop_new();
    net_signal(loop, SIGUSR1, signalled, loop);
    assert_int_equal(kill(getpid(), SIGUSR1), 0);
    net_loop_run(loop);
    net_loop_free(loop);
}

struct parent {
    struct net_loop *loop;
    int ended, signal;
    int64_t status;
};

static void child_ended(void *arg, int64_t status, int signal)
{
    struct parent *p = arg;
    p->ended++;
    p->status = status;
    p->signal = signal;
    net_loop_stop(p->loop);
}

static void test_children(void **state)
{
    struct parent p = {.loop = net_loop_new()};
    const char *const exits[] = {"sh", "-c", "exit 3", NULL};
    int pid = net_spawn(p.loop, exits, -1, -1, child_ended, &p);
    assert_true(pid > 0);
    net_loop_run(p.loop);
    assert_int_equal(p.ended, 1);
    assert_int_equal(p.status, 3);
    assert_int_equal(p.signal, 0);

    /* SIGPIPE is ignored here, and must not be in a child. */
    const char *const dies[] = {"sh", "-c", "kill -PIPE $$; exit 0", NULL};
    assert_true(net_spawn(p.loop, dies, -1, -1, child_ended, &p) > 0);
    net_loop_run(p.loop);
    assert_int_equal(p.ended, 2);
    assert_int_equal(p.signal, SIGPIPE);

    const char *const missing[] = {"/nonexistent/program", NULL};
    assert_int_equal(net_spawn(p.loop, missing, -1, -1, child_ended, &p), -ENOENT);
    net_loop_free(p.loop);
    assert_int_equal(p.ended, 2);
}

/* As root, a child can be given another identity; it keeps none of our groups. */
static void test_children_of_another_user(void **state)
{
    if (getuid() != 0)
        skip();
    struct parent p = {.loop = net_loop_new()};
    const char *const asks[] = {"sh", "-c", "test \"$(id -u) $(id -g) $(id -G)\" = '65534 65533 65533'", NULL};
    assert_true(net_spawn(p.loop, asks, 65534, 65533, child_ended, &p) > 0);
    net_loop_run(p.loop);
    assert_int_equal(p.status, 0);
    net_loop_free(p.loop);
}

/* Descriptors of ours must not reach a child: it could hold an agent's connection open, or read it. */
static void test_children_inherit_no_descriptor(void **state)
{
    struct parent p = {.loop = net_loop_new()};
    struct fault fault;
    struct net_listener *listener = net_listen("127.0.0.1:0", false, &fault);
    assert_non_null(listener);
    const char *const lists[] = {"sh", "-c",
                                 "for fd in /proc/$$/fd/*; do [ ${fd##*/} -gt 2 ] && "
                                 "case $(readlink $fd) in socket:*|*event*) exit 1;; esac; done; exit 0",
                                 NULL};
    assert_true(net_spawn(p.loop, lists, -1, -1, child_ended, &p) > 0);
    net_loop_run(p.loop);
    assert_int_equal(p.status, 0);
    net_listener_close(listener);
    net_loop_free(p.loop);
}

int main(void)
{
    alarm(HELP_LIMIT_SECONDS);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posts_of_many_threads_keep_their_order),
        cmocka_unit_test(test_two_loops),
        cmocka_unit_test(test_posts_are_owed_even_when_the_loop_ends),
        cmocka_unit_test(test_deferred_calls_come_last),
        cmocka_unit_test(test_deferred_calls_may_defer),
        cmocka_unit_test(test_a_timer_may_defer),
        cmocka_unit_test(test_timers_and_time),
        cmocka_unit_test(test_work),
        cmocka_unit_test(test_a_loop_that_does_not_come_to_an_end),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_children),
        cmocka_unit_test(test_children_of_another_user),
        cmocka_unit_test(test_children_inherit_no_descriptor),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
