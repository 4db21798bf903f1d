/* The executor's loop: takes the next piece of work, does it, and sleeps when there is none. */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "approval.h"
#include "base/check.h"
#include "base/log.h"
#include "wake.h"
#include "work.h"

enum {
    LEASE_S = 60,
    STATEMENT_S = 30,
    LOCK_MS = 2000,
    RESULT_BYTES = 8 << 20,
    SLEEP_MS = 1000,      /* the longest sleep: tickets whose pause is over have nobody to announce them */
    PAUSE_FIRST_MS = 200, /* while Redis can't be reached */
    PAUSE_MOST_MS = 5000,
};

struct executor {
    struct executor_options options; /* its texts are in the arena */
    struct transaction_limits limits;
    struct arena arena;
    struct dial dial;
    struct wake wake;
    struct witness *witnesses; /* one per database */
    unsigned pause_ms;         /* 0: Redis answers */
    int stop;                  /* an eventfd, readable once executor_stop was called */
    atomic_bool is_stopping;
};

/* ---- options ------------------------------------------------------------------------------------------ */

static const char *own_name(struct arena *arena)
{
    char host[128] = "?", name[160];
    gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "%s/%ld", host, (long)getpid());
    return arena_copy(arena, view_of(name));
}

static void copy_options(struct executor *executor, const struct executor_options *options)
{
    struct executor_options *own = &executor->options;
    struct arena *arena = &executor->arena;
    *own = *options;
    own->redis = (struct approval_redis){0}; /* dialled already; not ours to keep */
    own->approval_key = arena_view(arena, options->approval_key);
    own->lease_seconds = options->lease_seconds ? options->lease_seconds : LEASE_S;
    own->statement_seconds = options->statement_seconds ? options->statement_seconds : STATEMENT_S;
    own->lock_ms = options->lock_ms ? options->lock_ms : LOCK_MS;
    own->result_bytes = options->result_bytes ? options->result_bytes : RESULT_BYTES;
    own->name = options->name ? arena_copy(arena, view_of(options->name)) : own_name(arena);
    struct executor_database *databases = arena_alloc(arena, options->database_count * sizeof *databases);
    executor->witnesses = arena_alloc(arena, options->database_count * sizeof *executor->witnesses);
    for (size_t i = 0; i < options->database_count; i++) {
        databases[i].name = arena_copy(arena, view_of(options->databases[i].name));
        databases[i].write = arena_copy(arena, view_of(options->databases[i].write));
        executor->witnesses[i].write = databases[i].write;
    }
    own->databases = databases;
}

struct executor *executor_new(const struct executor_options *options, struct fault *fault)
{
    struct executor *executor = check_calloc(1, sizeof *executor);
    CHECK(options->record != NULL);
    executor->stop = -1;
    copy_options(executor, options);
    const struct executor_options *own = &executor->options;
    bool good =
        dial_init(&executor->dial, &options->redis, fault) && dial_init(&executor->wake.dial, &options->redis, fault);
    if (good && own->statement_seconds >= own->lease_seconds)
        good = fault_set(fault, "the executor's lease (%u s) must be longer than its statements may take (%u s)",
                         own->lease_seconds, own->statement_seconds);
    for (size_t i = 0; good && i < options->database_count; i++)
        if (options->databases[i].ledger != NULL)
            good = fault_set(fault, "databases.%s.ledger: a ledger is not supported yet", options->databases[i].name);
    if (good) {
        executor->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (executor->stop < 0)
            good = fault_set(fault, "eventfd: %s", strerror(errno));
    }
    executor->limits = (struct transaction_limits){
        .statement_ms = own->statement_seconds * 1000,
        .lock_ms = own->lock_ms,
        .idle_ms = own->lease_seconds * 500, /* half a lease */
        .result_bytes = own->result_bytes,
    };
    if (good)
        return executor;
    executor_free(executor);
    return NULL;
}

void executor_free(struct executor *executor)
{
    for (size_t i = 0; i < executor->options.database_count; i++)
        witness_fini(&executor->witnesses[i]);
    dial_fini(&executor->dial);
    dial_fini(&executor->wake.dial);
    crypto_wipe((char *)executor->options.approval_key.data, executor->options.approval_key.len);
    arena_fini(&executor->arena);
    if (executor->stop >= 0)
        close(executor->stop);
    free(executor);
}

void executor_stop(struct executor *executor)
{
    uint64_t one = 1;
    atomic_store(&executor->is_stopping, true);
    if (write(executor->stop, &one, sizeof one) < 0)
        return; /* it is readable already */
}

/* ---- the loop ----------------------------------------------------------------------------------------- */

static redisReply *ask(struct executor *executor, const char *command)
{
    struct fault fault;
    redisReply *reply = dial_command(&executor->dial, view_of(command), &fault);
    if (reply == NULL)
        log_warn("how durable Redis is can't be found out: %s", fault.message);
    return reply;
}

static bool says(const redisReply *info, const char *line)
{
    return info->type == REDIS_REPLY_STRING && strstr(info->str, line) != NULL;
}

/* Acknowledged and not on disk yet: after a crash of Redis' machine, a run that has committed may look as if it
 * had never begun, with its approval still standing. */
static void check_fsync(struct executor *executor)
{
    redisReply *reply = ask(executor, "*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n$11\r\nappendfsync\r\n");
    if (reply == NULL)
        return;
    bool is_pair = reply->elements == 2 && reply->element[1]->type == REDIS_REPLY_STRING;
    const char *value = is_pair ? reply->element[1]->str : "unknown";
    if (strcmp(value, "always") != 0)
        log_warn("Redis' appendfsync is %s: when it crashes, up to a second of what it has acknowledged can be lost "
                 "(with \"no\" more), and an approved write could then run twice; set appendfsync always",
                 value);
    freeReplyObject(reply);
}

/* What would quietly break "exactly once" is said once, at the start. */
static void check_durability(struct executor *executor)
{
    redisReply *info = ask(executor, "*1\r\n$4\r\nINFO\r\n");
    if (info == NULL)
        return;
    if (says(info, "maxmemory_policy:allkeys") || says(info, "maxmemory_policy:volatile"))
        log_warn("Redis may drop tickets when memory is short: set maxmemory-policy noeviction");
    if (says(info, "aof_enabled:0"))
        log_warn("Redis keeps no append-only file: what it acknowledged last is lost when it crashes, and an approved "
                 "write could then run twice; set appendonly yes and appendfsync always");
    else
        check_fsync(executor);
    freeReplyObject(info);
}

static void do_work(struct executor *executor, struct work *work, bool is_recovery)
{
    size_t i = 0;
    while (i < executor->options.database_count &&
           strcmp(executor->options.databases[i].name, work->lease.database) != 0)
        i++;
    CHECK(i < executor->options.database_count); /* the script was asked for these alone */
    work->database = &executor->options.databases[i];
    work->witness = &executor->witnesses[i];
    snprintf(work->id, sizeof work->id, "t%.*s", (int)work->told.number.len, work->told.number.data);
    if (is_recovery)
        work_recover(work);
    else
        work_run(work);
}

/* How long to sleep before the next look; 0: there may be more. */
static unsigned step(struct executor *executor)
{
    struct fault fault;
    redisReply *reply;
    bool is_recovery;
    struct work work = {
        .options = &executor->options,
        .limits = executor->limits,
        .lease = {.dial = &executor->dial,
                  .executor = executor->options.name,
                  .seconds = executor->options.lease_seconds},
    };
    if (!lease_claim(&work.lease, executor->options.databases, executor->options.database_count, &reply, &work.told,
                     &is_recovery, &work.arena, &fault)) {
        if (executor->pause_ms == 0)
            log_error("%s; trying again", fault.message);
        executor->pause_ms = executor->pause_ms == 0 ? PAUSE_FIRST_MS : executor->pause_ms * 2;
        if (executor->pause_ms > PAUSE_MOST_MS)
            executor->pause_ms = PAUSE_MOST_MS;
        return executor->pause_ms;
    }
    if (executor->pause_ms > 0)
        log_info("Redis answers again");
    executor->pause_ms = 0;
    if (reply == NULL)
        return SLEEP_MS;
    do_work(executor, &work, is_recovery);
    freeReplyObject(reply);
    arena_fini(&work.arena);
    return 0;
}

void executor_run(struct executor *executor)
{
    check_durability(executor);
    while (!atomic_load(&executor->is_stopping)) {
        unsigned sleep_ms = step(executor);
        if (sleep_ms > 0)
            wake_wait(&executor->wake, executor->stop, sleep_ms);
    }
}
