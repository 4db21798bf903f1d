#include "worker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/map.h"
#include "describe.h"
#include "login.h"
#include "net/net.h"

enum {
    PUBLISH_MS = 1000,      /* how often sessions are published for SHOW SESSIONS … */
    PUBLISH_SECONDS = 5,    /* … and how long one publication lives */
    PARSER_STACK = 1 << 20, /* the raw parse and our walk need 256 KiB at most */
};

struct worker {
    struct office *office;
    char prefix[24], process[64];
    pthread_t thread;
    struct net_loop *loop;
    struct tickets *tickets;
    struct session_desk *desk;
    struct net_listener **listeners;
    size_t listener_count;
    struct net_timer *publisher;
    struct list logins, links;
    struct map describers; /* by connection string: a reload may change it */
    struct link_services link_services;
    struct login_services login_services;
    bool is_open, is_stopping;
    void (*reload)(void *arg);
    void (*paused)(void *arg);
    void *news_arg;
};

/* ---- the last one turns out the light ------------------------------------------------------------------------ */

static void check_empty(void *arg)
{
    struct worker *worker = arg;
    if (worker->is_stopping && list_is_empty(&worker->logins) && list_is_empty(&worker->links))
        net_loop_stop(worker->loop);
}

static void link_ended(void *arg, struct list *link)
{
    struct worker *worker = arg;
    list_remove(link);
    net_loop_defer(worker->loop, check_empty, worker);
}

static void login_ended(void *arg, struct list *login)
{
    struct worker *worker = arg;
    list_remove(login);
    net_loop_defer(worker->loop, check_empty, worker);
}

static void link_ready(void *arg, struct link *link)
{
    struct worker *worker = arg;
    list_append(&worker->links, link_list(link));
    if (worker->is_stopping)
        link_shut_down(link);
    else
        link_review(link); /* a reload or a pause may have come during the login */
}

/* ---- what links need ------------------------------------------------------------------------------------------- */

static struct describer *describer(void *arg, const struct proxy_database *database)
{
    struct worker *worker = arg;
    struct view key = view_of(database->read);
    struct describer *found = map_get(&worker->describers, key);
    if (found == NULL) {
        found = describer_new(worker->loop, database->read);
        map_put(&worker->describers, key, found);
    }
    return found;
}

static void accepted(void *owner, int fd, const char *peer)
{
    struct worker *worker = owner;
    uint64_t number = office_enter(worker->office);
    if (number == 0) {
        log_warn("connection from %s refused: too many sessions", peer);
        close(fd);
        return;
    }
    list_append(&worker->logins, login_list(login_new(&worker->login_services, fd, peer, number)));
}

/* ---- SHOW SESSIONS ------------------------------------------------------------------------------------------------
 */

static void publish(void *arg)
{
    struct worker *worker = arg;
    struct bytes json = {0};
    bytes_add_char(&json, '[');
    list_each(at, &worker->links)
    {
        if (json.len > 1)
            bytes_add_char(&json, ',');
        link_add_json(link_of(at), &json);
    }
    bytes_add_char(&json, ']');
    tickets_publish(worker->tickets, worker->process, bytes_view(&json), PUBLISH_SECONDS);
    bytes_fini(&json);
}

/* ---- news from the consoles ---------------------------------------------------------------------------------- */

static void on_paused(void *arg, const char *const *agents, size_t count)
{
    struct worker *worker = arg;
    office_pause(worker->office, agents, count);
    worker->paused(worker->news_arg);
}

static void on_reload(void *arg)
{
    struct worker *worker = arg;
    worker->reload(worker->news_arg);
}

void worker_on_news(struct worker *worker, void (*reload)(void *arg), void (*paused)(void *arg), void *arg)
{
    static const struct tickets_news news = {on_paused, on_reload};
    worker->reload = reload;
    worker->paused = paused;
    worker->news_arg = arg;
    tickets_watch(worker->tickets, &news, worker);
}

/* ---- from other threads ---------------------------------------------------------------------------------------- */

static void review(void *arg)
{
    struct worker *worker = arg;
    for (struct list *at = worker->links.next, *next; at != &worker->links; at = next) {
        next = at->next;
        link_review(link_of(at));
    }
}

static void open_doors(void *arg)
{
    struct worker *worker = arg;
    for (size_t i = 0; i < worker->listener_count && !worker->is_open; i++)
        net_listener_start(worker->listeners[i], worker->loop, accepted, worker);
    worker->is_open = true;
}

void worker_open(struct worker *worker)
{
    net_loop_post(worker->loop, open_doors, worker);
}

void worker_review(struct worker *worker)
{
    net_loop_post(worker->loop, review, worker);
}

static void stop(void *arg)
{
    struct worker *worker = arg;
    worker->is_stopping = true;
    for (size_t i = 0; i < worker->listener_count; i++)
        net_listener_close(worker->listeners[i]);
    worker->listener_count = 0;
    for (struct list *at = worker->links.next, *next; at != &worker->links; at = next) {
        next = at->next;
        link_shut_down(link_of(at));
    }
    for (struct list *at = worker->logins.next, *next; at != &worker->logins; at = next) {
        next = at->next;
        login_shut_down(login_of(at));
    }
    check_empty(worker);
}

void worker_stop(struct worker *worker)
{
    net_loop_post(worker->loop, stop, worker);
}

/* ---- the thread ---------------------------------------------------------------------------------------------------
 */

struct worker *worker_new(struct office *office, unsigned number, struct net_listener **listeners,
                          size_t listener_count, struct fault *fault)
{
    struct worker *worker = check_calloc(1, sizeof *worker);
    worker->office = office;
    worker->loop = net_loop_new();
    worker->tickets = tickets_open(net_loop_uv(worker->loop), &office_options(office)->redis, fault);
    if (worker->tickets == NULL) {
        net_loop_free(worker->loop);
        free(worker);
        return NULL;
    }
    worker->desk = session_desk_new();
    worker->listeners = listeners;
    worker->listener_count = listener_count;
    list_init(&worker->logins);
    list_init(&worker->links);
    snprintf(worker->prefix, sizeof worker->prefix, "p%ld", (long)getpid());
    snprintf(worker->process, sizeof worker->process, "%s.%u", worker->prefix, number);
    worker->link_services =
        (struct link_services){office, worker->loop, worker->desk, worker->tickets, describer, link_ended, worker};
    worker->login_services =
        (struct login_services){&worker->link_services, worker->prefix, link_ready, login_ended, worker};
    return worker;
}

static void free_describers(struct worker *worker)
{
    size_t at = 0;
    struct view key;
    void *value;
    while (map_next(&worker->describers, &at, &key, &value))
        describer_free(value);
    map_fini(&worker->describers);
}

static void *run(void *arg)
{
    struct worker *worker = arg;
    worker->publisher = net_timer_new(worker->loop, publish, worker);
    net_timer_start(worker->publisher, PUBLISH_MS, PUBLISH_MS);
    net_loop_run(worker->loop);
    net_timer_free(worker->publisher);
    free_describers(worker);
    tickets_close(worker->tickets);
    net_loop_free(worker->loop);
    return NULL;
}

bool worker_start(struct worker *worker, struct fault *fault)
{
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, PARSER_STACK);
    int error = pthread_create(&worker->thread, &attributes, run, worker);
    pthread_attr_destroy(&attributes);
    return error == 0 || fault_set(fault, "a worker thread can't be started (error %d)", error);
}

void worker_join(struct worker *worker)
{
    pthread_join(worker->thread, NULL);
    session_desk_free(worker->desk);
    free(worker->listeners);
    free(worker);
}
