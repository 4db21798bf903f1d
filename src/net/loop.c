/* The event loop: one turn after the other. A turn of libuv runs timers, prepare, poll (descriptors, and
 * what other threads posted), check, and the closing of handles. Deferred calls run in check, when all
 * that was readable has been served, and in prepare, for what timers and closing handles deferred; one
 * that is deferred by a deferred call waits for the next of the two. Should any still be there when the
 * turn would go to sleep, an idle handle keeps it awake. */
#include "loop.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

#include "base/check.h"
#include "base/list.h"
#include "base/log.h"

enum {
    LOOP_SPARES = 16,             /* output buffers kept for the next that needs one */
    LOOP_SPARE_SIZE = 16 * 1024,  /* what a new one starts with */
    LOOP_SPARE_LIMIT = 64 * 1024, /* larger ones go back to the heap */
    LOOP_FREE_MS = 10 * 1000,     /* more than any lingering connection takes */
};

struct call {
    void (*function)(void *arg);
    void *arg;
};

struct calls {
    struct call *at;
    size_t len, cap;
};

/* `posted` is the only member that other threads touch, under `lock`. `running` is what `posted` or
 * `deferred` held when its calls began to run: they are swapped, so that calls may add calls and neither
 * array is ever given back. `now` is 0 until somebody asks for the time of this turn. */
struct net_loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t awake;
    pthread_mutex_t lock;
    struct calls posted, deferred, running_posted, running_deferred;
    struct list signals;
    int64_t now;
    char *input;
    struct bytes spares[LOOP_SPARES];
    size_t spare_count;
};

struct loop_signal {
    uv_signal_t handle;
    struct list link;
    void (*call)(void *arg, int signal);
    void *arg;
};

static void calls_add(struct calls *calls, void (*function)(void *arg), void *arg)
{
    if (calls->len == calls->cap) {
        calls->cap = calls->cap ? calls->cap * 2 : 32;
        calls->at = check_realloc(calls->at, calls->cap * sizeof *calls->at);
    }
    calls->at[calls->len++] = (struct call){function, arg};
}

static void calls_swap(struct calls *a, struct calls *b)
{
    struct calls c = *a;
    *a = *b;
    *b = c;
}

static void calls_run(struct calls *calls)
{
    for (size_t i = 0; i < calls->len; i++)
        calls->at[i].function(calls->at[i].arg);
    calls->len = 0;
}

static void run_deferred(struct net_loop *loop)
{
    if (loop->deferred.len == 0)
        return;
    calls_swap(&loop->deferred, &loop->running_deferred);
    calls_run(&loop->running_deferred);
}

static void run_posted(struct net_loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    calls_swap(&loop->posted, &loop->running_posted);
    pthread_mutex_unlock(&loop->lock);
    calls_run(&loop->running_posted);
}

static void on_wake(uv_async_t *handle)
{
    run_posted(handle->data);
}

static void on_awake(uv_idle_t *handle)
{
    /* Being active is all that it does: the poll that follows does not sleep. */
    (void)handle;
}

static void on_prepare(uv_prepare_t *handle)
{
    struct net_loop *loop = handle->data;
    run_deferred(loop);
    if (loop->deferred.len > 0)
        uv_idle_start(&loop->awake, on_awake);
    else
        uv_idle_stop(&loop->awake);
    loop->now = 0; /* the poll that follows may sleep */
}

static void on_check(uv_check_t *handle)
{
    run_deferred(handle->data);
}

struct net_loop *net_loop_new(void)
{
    /* OpenSSL writes with write(2), which can't be told MSG_NOSIGNAL. */
    signal(SIGPIPE, SIG_IGN);
    struct net_loop *loop = check_calloc(1, sizeof *loop);
    CHECK(uv_loop_init(&loop->uv) == 0);
    CHECK(uv_async_init(&loop->uv, &loop->wake, on_wake) == 0);
    CHECK(uv_prepare_init(&loop->uv, &loop->prepare) == 0);
    CHECK(uv_check_init(&loop->uv, &loop->check) == 0);
    CHECK(uv_idle_init(&loop->uv, &loop->awake) == 0);
    CHECK(pthread_mutex_init(&loop->lock, NULL) == 0);
    loop->uv.data = loop->wake.data = loop->prepare.data = loop->check.data = loop;
    uv_prepare_start(&loop->prepare, on_prepare);
    uv_check_start(&loop->check, on_check);
    list_init(&loop->signals);
    loop->input = check_alloc(LOOP_INPUT_SIZE);
    return loop;
}

void net_loop_run(struct net_loop *loop)
{
    uv_run(&loop->uv, UV_RUN_DEFAULT);
}

static void stop_here(void *arg)
{
    struct net_loop *loop = arg;
    uv_stop(&loop->uv);
}

void net_loop_stop(struct net_loop *loop)
{
    net_loop_post(loop, stop_here, loop);
}

static void signal_closed(uv_handle_t *handle)
{
    free(list_entry(handle, struct loop_signal, handle));
}

static void close_own_handles(struct net_loop *loop)
{
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_close((uv_handle_t *)&loop->prepare, NULL);
    uv_close((uv_handle_t *)&loop->check, NULL);
    uv_close((uv_handle_t *)&loop->awake, NULL);
    while (!list_is_empty(&loop->signals)) {
        struct loop_signal *s = list_entry(loop->signals.next, struct loop_signal, link);
        list_remove(&s->link);
        uv_close((uv_handle_t *)&s->handle, signal_closed);
    }
}

static void give_up(uv_timer_t *timer)
{
    *(bool *)timer->data = true;
}

/* Lets what still ends by itself end: closing handles, lingering connections, work in the pool. Anything
 * that stays longer was forgotten by its owner. */
static void run_to_the_end(struct net_loop *loop)
{
    bool has_expired = false;
    uv_timer_t limit;
    uv_timer_init(&loop->uv, &limit);
    limit.data = &has_expired;
    uv_timer_start(&limit, give_up, LOOP_FREE_MS, 0);
    uv_unref((uv_handle_t *)&limit);
    while (uv_loop_alive(&loop->uv) && !has_expired) {
        uv_run(&loop->uv, UV_RUN_ONCE);
        run_deferred(loop);
    }
    uv_close((uv_handle_t *)&limit, NULL);
    uv_run(&loop->uv, UV_RUN_NOWAIT);
}

static void log_handle(uv_handle_t *handle, void *arg)
{
    if (!uv_is_closing(handle))
        log_error("the event loop ends with an open handle: %s", uv_handle_type_name(handle->type));
}

/* A connection, timer or listener that was not closed before its loop, or work that doesn't end. Its memory is left
 * to it, and the process goes on ending: there are records that wait to be written to disk. */
static void log_what_is_left(struct net_loop *loop)
{
    uv_walk(&loop->uv, log_handle, NULL);
    if (loop->uv.active_reqs.count > 0)
        log_error("the event loop ends with %u pieces of work in the pool", loop->uv.active_reqs.count);
}

void net_loop_free(struct net_loop *loop)
{
    /* Calls posted and deferred are owed, as their arguments may own memory. They may lead to others. */
    while (run_posted(loop), loop->deferred.len > 0 || loop->posted.len > 0)
        run_deferred(loop);
    close_own_handles(loop);
    run_to_the_end(loop);
    if (uv_loop_close(&loop->uv) != 0) {
        log_what_is_left(loop);
        return;
    }

    for (size_t i = 0; i < loop->spare_count; i++)
        bytes_fini(&loop->spares[i]);
    free(loop->posted.at);
    free(loop->deferred.at);
    free(loop->running_posted.at);
    free(loop->running_deferred.at);
    free(loop->input);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

int64_t net_loop_now(struct net_loop *loop)
{
    if (loop->now == 0) {
        struct timespec now;
        clock_gettime(CLOCK_REALTIME, &now);
        loop->now = (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
    }
    return loop->now;
}

struct uv_loop_s *net_loop_uv(struct net_loop *loop)
{
    return &loop->uv;
}

void net_loop_post(struct net_loop *loop, void (*call)(void *arg), void *arg)
{
    pthread_mutex_lock(&loop->lock);
    calls_add(&loop->posted, call, arg);
    bool is_first = loop->posted.len == 1;
    /* Under the lock: once it is released, the call may run and free the loop. */
    if (is_first)
        uv_async_send(&loop->wake);
    pthread_mutex_unlock(&loop->lock);
}

void net_loop_defer(struct net_loop *loop, void (*call)(void *arg), void *arg)
{
    calls_add(&loop->deferred, call, arg);
}

struct loop_work {
    uv_work_t request;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

static void do_work(uv_work_t *request)
{
    struct loop_work *w = request->data;
    w->work(w->arg);
}

static void work_done(uv_work_t *request, int status)
{
    CHECK(status == 0); /* nothing here cancels */
    struct loop_work *w = request->data;
    w->done(w->arg);
    free(w);
}

void net_work(struct net_loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg)
{
    struct loop_work *w = check_calloc(1, sizeof *w);
    *w = (struct loop_work){.work = work, .done = done, .arg = arg};
    w->request.data = w;
    CHECK(uv_queue_work(&loop->uv, &w->request, do_work, work_done) == 0);
}

static void on_signal(uv_signal_t *handle, int number)
{
    struct loop_signal *s = handle->data;
    s->call(s->arg, number);
}

void net_signal(struct net_loop *loop, int number, void (*call)(void *arg, int signal), void *arg)
{
    struct loop_signal *s = check_calloc(1, sizeof *s);
    s->call = call;
    s->arg = arg;
    s->handle.data = s;
    CHECK(uv_signal_init(&loop->uv, &s->handle) == 0);
    CHECK(uv_signal_start(&s->handle, on_signal, number) == 0);
    list_append(&loop->signals, &s->link);
}

char *loop_input(struct net_loop *loop)
{
    return loop->input;
}

void loop_lend(struct net_loop *loop, struct bytes *empty)
{
    CHECK(empty->data == NULL);
    if (loop->spare_count > 0)
        *empty = loop->spares[--loop->spare_count];
    else
        bytes_room(empty, LOOP_SPARE_SIZE);
}

void loop_take_back(struct net_loop *loop, struct bytes *used)
{
    if (used->data == NULL)
        return;
    if (loop->spare_count == LOOP_SPARES || used->cap < LOOP_SPARE_SIZE || used->cap > LOOP_SPARE_LIMIT) {
        bytes_fini(used);
        return;
    }
    bytes_clear(used);
    loop->spares[loop->spare_count++] = *used;
    *used = (struct bytes){0};
}
