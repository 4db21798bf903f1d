/* The console's process: one loop, one listener, signals. Commands run in the loop's thread pool. */
#include "console.h"

#include <signal.h>

#include "base/crypto.h"
#include "base/log.h"
#include "login.h"

static void accepted(void *owner, int fd, const char *peer)
{
    login_accept(owner, fd, peer);
}

/* Everybody is told and let go; the loop ends with the last of them. */
static void stop(void *arg, int signal)
{
    struct house *house = arg;
    house->is_stopping = true;
    if (list_is_empty(&house->guests))
        net_loop_stop(house->loop);
    for (struct list *at = house->guests.next; at != &house->guests; at = at->next)
        guest_end(list_entry(at, struct guest, link), "57P01", "the console is shutting down", NULL);
}

static void hang_up(void *arg, int signal)
{
    struct fault fault; /* the log has it */
    house_reload(arg, &fault);
}

static bool open_desk(struct house *house, struct fault *fault)
{
    const struct console_options *options = house->options;
    house->desk.audit = options->audit;
    house->desk.queue = queue_open(&options->redis, options->approval_key, fault);
    return house->desk.queue != NULL;
}

static void serve(struct house *house, struct net_listener *listener)
{
    net_signal(house->loop, SIGTERM, stop, house);
    net_signal(house->loop, SIGINT, stop, house);
    net_signal(house->loop, SIGHUP, hang_up, house);
    net_listener_start(listener, house->loop, accepted, house);
    log_info("listening on %s", net_listener_address(listener));
    net_loop_run(house->loop);
}

bool console_run(const struct console_options *options, const struct console_set *set, struct fault *fault)
{
    struct house house = {.options = options};
    list_init(&house.guests);
    pthread_mutex_init(&house.desk.queue_lock, NULL);
    pthread_mutex_init(&house.desk.agents_lock, NULL);
    crypto_random(house.secret, sizeof house.secret);
    struct net_listener *listener = net_listen(options->psql, false, fault);
    bool done = listener != NULL && open_desk(&house, fault) && house_take(&house, set, fault);
    if (done) {
        house.loop = net_loop_new();
        serve(&house, listener);
    }
    if (listener != NULL)
        net_listener_close(listener);
    if (house.loop != NULL)
        net_loop_free(house.loop);
    if (house.desk.queue != NULL)
        queue_close(house.desk.queue);
    if (house.tls != NULL)
        net_tls_drop(house.tls);
    const struct console_set *last = house.set != NULL ? house.set : set;
    if (options->free_set != NULL)
        options->free_set(options->arg, last);
    pthread_mutex_destroy(&house.desk.queue_lock);
    pthread_mutex_destroy(&house.desk.agents_lock);
    return done;
}
