#include "proxy/proxy.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "net/net.h"
#include "office.h"
#include "worker.h"

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
    struct fault fault;
    const struct proxy_set *set = proxy->options->reload(proxy->options->arg);
    if (set == NULL)
        return;
    if (!office_reload(proxy->office, set, &fault)) {
        char text[sizeof fault];
        fault_text(&fault, text, sizeof text);
        log_error("reload refused, the old configuration stays in force: %s", text);
        proxy->options->free_set(proxy->options->arg, set);
        return;
    }
    log_info("configuration reloaded");
    struct bytes body = {0};
    bytes_add_text(&body, "\"event\":\"reload\"");
    audit_add_number(&body, "generation", set->generation);
    audit_append(proxy->options->audit, bytes_view(&body));
    bytes_fini(&body);
    review_all(proxy);
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
    net_loop_post(proxy->loop, review_all, proxy);
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

/* One socket per worker and address (SO_REUSEPORT): the kernel spreads the connections. A port given as 0
 * is found by the first and taken by the others. */
static struct net_listener **listen_all(const struct proxy_options *options, char **addresses, bool shared,
                                        struct fault *fault)
{
    size_t count = 0;
    while (options->listen[count] != NULL)
        count++;
    struct net_listener **listeners = check_calloc(count + 1, sizeof *listeners);
    for (size_t i = 0; i < count; i++) {
        const char *address = addresses[i] ? addresses[i] : options->listen[i];
        listeners[i] = net_listen(address, shared, fault);
        if (listeners[i] == NULL) {
            while (i-- > 0)
                net_listener_close(listeners[i]);
            free(listeners);
            return NULL;
        }
        if (addresses[i] == NULL) {
            addresses[i] = check_strdup(net_listener_address(listeners[i]));
            log_info("listening on %s", addresses[i]);
        }
    }
    return listeners;
}

static bool make_workers(struct proxy *proxy, struct fault *fault)
{
    size_t count = 0;
    while (proxy->options->listen[count] != NULL)
        count++;
    char **addresses = check_calloc(count + 1, sizeof *addresses);
    bool ok = true;
    for (unsigned i = 0; ok && i < proxy->worker_count; i++) {
        struct net_listener **listeners = listen_all(proxy->options, addresses, proxy->worker_count > 1, fault);
        ok = listeners != NULL;
        if (ok)
            proxy->workers[i] = worker_new(proxy->office, i, listeners, count, fault);
        ok = ok && proxy->workers[i] != NULL;
    }
    for (size_t i = 0; i < count; i++)
        free(addresses[i]);
    free(addresses);
    return ok;
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
    if (ok)
        net_loop_run(proxy.loop);
    stop_workers(&proxy);
    net_loop_free(proxy.loop);
    free(proxy.workers);
    office_free(proxy.office);
    return ok;
}
