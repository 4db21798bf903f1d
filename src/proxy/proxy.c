#include "proxy/proxy.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "net/net.h"
#include "office.h"
#include "worker.h"

enum { NEWS_MS = 3000 }; /* how long agents wait at the door for Redis to say who is paused */

/* The main thread: signals and reloads. It serves no session. */
struct proxy {
    const struct proxy_options *options;
    struct office *office;
    struct net_loop *loop;
    struct worker **workers;
    unsigned worker_count, started;
};

static unsigned count_workers(const struct proxy_options *options)
{
    long cores = options->workers ? (long)options->workers : sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : (unsigned)cores;
}

static void review_all(void *arg)
{
    struct proxy *proxy = arg;
    for (unsigned i = 0; i < proxy->started; i++)
        worker_review(proxy->workers[i]);
}

/* All or nothing: a wrong configuration, policy or certificate keeps what is in force. */
static void reload(void *arg)
{
    struct proxy *proxy = arg;
    struct fault fault = {0};
    const struct proxy_set *set = proxy->options->reload(proxy->options->arg, &fault);
    bool done = set != NULL && office_reload(proxy->office, set, &fault);
    audit_reload(proxy->options->audit, done ? NULL : &fault);
    if (done)
        review_all(proxy);
    else if (set != NULL)
        proxy->options->free_set(proxy->options->arg, set);
}

/* Who is paused is known, or we have waited long enough: then logins are refused until it is. */
static void open_doors(void *arg)
{
    struct proxy *proxy = arg;
    for (unsigned i = 0; i < proxy->started; i++)
        worker_open(proxy->workers[i]);
}

static void took_news(void *arg)
{
    open_doors(arg);
    review_all(arg);
}

/* From the first worker's thread. */
static void news_reload(void *arg)
{
    struct proxy *proxy = arg;
    net_loop_post(proxy->loop, reload, proxy);
}

static void news_paused(void *arg)
{
    struct proxy *proxy = arg;
    net_loop_post(proxy->loop, took_news, proxy);
}

static void on_signal(void *arg, int number)
{
    struct proxy *proxy = arg;
    if (number == SIGHUP) {
        reload(proxy);
        return;
    }
    log_info("stopping");
    net_loop_stop(proxy->loop);
}

static size_t count_addresses(const struct proxy_options *options)
{
    size_t count = 0;
    while (options->listen[count] != NULL)
        count++;
    return count;
}

/* One socket per worker and address, so that the kernel spreads the connections: the first worker's are
 * opened, the others' are their twins. */
static struct net_listener **listen_all(const struct proxy *proxy, struct net_listener **first, struct fault *fault)
{
    size_t count = count_addresses(proxy->options);
    struct net_listener **listeners = check_calloc(count + 1, sizeof(struct net_listener *));
    for (size_t i = 0; i < count; i++) {
        listeners[i] = first ? net_listener_twin(first[i], fault)
                             : net_listen(proxy->options->listen[i], proxy->worker_count > 1, fault);
        if (listeners[i] != NULL)
            continue;
        while (i-- > 0)
            net_listener_close(listeners[i]);
        free(listeners);
        return NULL;
    }
    return listeners;
}

static bool make_workers(struct proxy *proxy, struct fault *fault)
{
    size_t count = count_addresses(proxy->options);
    struct net_listener **first = NULL;
    CHECK(proxy->worker_count > 0);
    for (unsigned i = 0; i < proxy->worker_count; i++) {
        struct net_listener **listeners = listen_all(proxy, first, fault);
        if (listeners == NULL)
            return false;
        if (first == NULL)
            first = listeners;
        proxy->workers[i] = worker_new(proxy->office, i, listeners, count, fault);
        if (proxy->workers[i] == NULL)
            return false;
    }
    for (size_t i = 0; i < count; i++)
        log_info("listening on %s", net_listener_address(first[i]));
    return true;
}

static bool start_workers(struct proxy *proxy, struct fault *fault)
{
    worker_on_news(proxy->workers[0], news_reload, news_paused, proxy);
    for (unsigned i = 0; i < proxy->worker_count; i++) {
        if (!worker_start(proxy->workers[i], fault))
            return false;
        proxy->started++;
    }
    return true;
}

static void stop_workers(struct proxy *proxy)
{
    for (unsigned i = 0; i < proxy->started; i++)
        worker_stop(proxy->workers[i]);
    for (unsigned i = 0; i < proxy->started; i++)
        worker_join(proxy->workers[i]);
    proxy->started = 0;
}

bool proxy_run(const struct proxy_options *options, const struct proxy_set *set, struct fault *fault)
{
    /* Upstream connections are opened in libuv's pool, where each may wait for a slow database. */
    setenv("UV_THREADPOOL_SIZE", "32", 0);
    if (options->metrics != NULL)
        log_warn("metrics are not served by this version: the address %s stays unused", options->metrics);
    struct proxy proxy = {.options = options, .worker_count = count_workers(options)};
    proxy.office = office_new(options, set, fault);
    if (proxy.office == NULL)
        return false;
    proxy.loop = net_loop_new();
    proxy.workers = check_calloc(proxy.worker_count, sizeof(struct worker *));
    net_signal(proxy.loop, SIGTERM, on_signal, &proxy);
    net_signal(proxy.loop, SIGINT, on_signal, &proxy);
    net_signal(proxy.loop, SIGHUP, on_signal, &proxy);
    bool ok = make_workers(&proxy, fault) && start_workers(&proxy, fault);
    struct net_timer *patience = net_timer_new(proxy.loop, open_doors, &proxy);
    net_timer_start(patience, NEWS_MS, 0);
    if (ok)
        net_loop_run(proxy.loop);
    net_timer_free(patience);
    stop_workers(&proxy);
    net_loop_free(proxy.loop);
    free(proxy.workers);
    office_free(proxy.office);
    return ok;
}
