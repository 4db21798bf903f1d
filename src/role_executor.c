/* `sallyport executor`: from the configuration to the executor's options. The executor owns the main thread
 * and may be within a statement for a long time, so another thread waits for signals. A reload is a new
 * executor: the old one ends its ticket first. */
#include <pthread.h>
#include <signal.h>

#include "base/check.h"
#include "base/log.h"
#include "commands.h"
#include "role.h"

static const char help[] =
    "Usage: sallyport executor [--config FILE]\n\n"
    "Runs what was approved, each statement exactly once, with the writing credential (databases.*.write) that\n"
    "no other role has. It listens to nobody: it takes its work from Redis and checks every approval's\n"
    "signature. It runs in the foreground and logs to standard error.\n\n"
    "  -c, --config FILE  the configuration; else $SALLYPORT_CONFIG, else /etc/sallyport/sallyport.json\n"
    "  -h, --help         show this text\n\n"
    "SIGHUP reads the configuration again, after the ticket that is being run; if anything in it is wrong, all\n"
    "of the old one stays. SIGTERM ends it in order.\n\n"
    "Exit status: 0 it was stopped; 1 it could not start.\n\n"
    "Example:\n  sallyport executor --config /etc/sallyport/sallyport.json\n";

/* Shared by the executor's thread and the one that waits for signals. */
struct watch {
    struct role *role;
    pthread_mutex_t lock;
    struct executor *executor; /* the one that runs; NULL: none does just now */
    struct config *next;       /* a reload that waits to be taken up */
    bool is_stopping;
};

static uint64_t record(void *arg, struct view body, bool sync)
{
    struct role *role = arg;
    uint64_t seq = audit_append(role->audit, body);
    return seq != 0 && sync && !audit_sync(role->audit, seq) ? 0 : seq;
}

static struct executor *make_executor(struct role *role, const struct config *config, struct fault *fault)
{
    struct executor_options options = {
        .redis = config->redis,
        .approval_key = config->approval_key,
        .databases = config->writes,
        .database_count = config->write_count,
        .lease_seconds = config->lease_seconds,
        .statement_seconds = config->statement_seconds,
        .lock_ms = config->lock_ms,
        .result_bytes = config->result_bytes,
        .record = record,
        .record_arg = role,
    };
    return executor_new(&options, fault);
}

/* ---- signals ------------------------------------------------------------------------------------------ */

static void signal_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

static void take_signal(struct watch *watch, int number)
{
    struct fault fault = {0};
    struct config *config = number == SIGHUP ? role_reload(watch->role, &fault) : NULL;
    if (number == SIGHUP && config == NULL) {
        audit_reload(watch->role->audit, &fault);
        return;
    }
    pthread_mutex_lock(&watch->lock);
    if (config != NULL) {
        config_drop(watch->next);
        watch->next = config;
    } else {
        watch->is_stopping = true;
    }
    if (watch->executor != NULL)
        executor_stop(watch->executor);
    pthread_mutex_unlock(&watch->lock);
}

static void *wait_for_signals(void *arg)
{
    sigset_t set;
    int number, before;
    signal_set(&set);
    for (;;) {
        if (sigwait(&set, &number) != 0)
            continue;
        pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
        take_signal(arg, number);
        pthread_setcancelstate(before, NULL);
    }
    return NULL;
}

/* ---- serving ------------------------------------------------------------------------------------------ */

/* False: it has to stop instead. */
static bool publish(struct watch *watch, struct executor *executor)
{
    pthread_mutex_lock(&watch->lock);
    watch->executor = executor;
    bool goes_on = !watch->is_stopping;
    pthread_mutex_unlock(&watch->lock);
    return goes_on;
}

static struct config *take_next(struct watch *watch)
{
    pthread_mutex_lock(&watch->lock);
    struct config *next = watch->is_stopping ? NULL : watch->next;
    if (next != NULL)
        watch->next = NULL;
    pthread_mutex_unlock(&watch->lock);
    return next;
}

/* The new executor stands before the old one's configuration is let go; should it not come to stand, the
 * old configuration makes another. */
static struct executor *replace(struct role *role, struct config **config, struct config *next, struct fault *fault)
{
    struct executor *executor = make_executor(role, next, fault);
    audit_reload(role->audit, executor != NULL ? NULL : fault);
    if (executor != NULL) {
        config_drop(*config);
        *config = next;
        return executor;
    }
    config_drop(next);
    return make_executor(role, *config, fault);
}

static bool run_executors(struct watch *watch, struct fault *fault)
{
    struct config *config = config_hold(watch->role->config), *next;
    struct executor *executor = make_executor(watch->role, config, fault);
    if (executor != NULL)
        log_info("waiting for approved tickets");
    while (executor != NULL) {
        if (publish(watch, executor))
            executor_run(executor);
        publish(watch, NULL);
        executor_free(executor);
        next = take_next(watch);
        if (next == NULL) {
            config_drop(config);
            return true;
        }
        executor = replace(watch->role, &config, next, fault);
    }
    config_drop(config);
    return false;
}

static bool serve(struct role *role, struct fault *fault)
{
    struct watch watch = {.role = role};
    pthread_t waiter;
    pthread_mutex_init(&watch.lock, NULL);
    CHECK(pthread_create(&waiter, NULL, wait_for_signals, &watch) == 0);
    bool done = run_executors(&watch, fault);
    pthread_cancel(waiter);
    pthread_join(waiter, NULL);
    config_drop(watch.next);
    pthread_mutex_destroy(&watch.lock);
    return done;
}

int command_executor(int argc, char **argv)
{
    struct role role = {.which = CONFIG_ROLE_EXECUTOR, .name = "sallyport executor", .help = help, .serve = serve};
    sigset_t set;
    /* Before the first thread, so that all have them blocked. */
    signal_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    return role_command(&role, argc, argv);
}
