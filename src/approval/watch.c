#include "watch.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/check.h"
#include "base/log.h"
#include "call.h"

enum { REFRESH_MS = 5000 };

struct watch {
    struct link *commands, *channel;
    struct tickets_news news;
    void *arg;
    struct link_waiter message, answer;
    uv_timer_t timer;
    bool is_asking; /* `answer` is on its way; one at a time */
    bool is_to_ask; /* … and something happened since */
    bool is_closed; /* freed when timer and answer are done */
    bool is_timer_closed;
    bool has_told;       /* since the last (re)connect */
    long long reload;    /* how often RELOAD had been said; -1: not known yet */
    struct bytes paused; /* names as told last, sorted, each with a NUL */
};

static void free_when_done(struct watch *watch)
{
    if (!watch->is_closed || !watch->is_timer_closed || watch->is_asking)
        return;
    bytes_fini(&watch->paused);
    free(watch);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void tell_paused(struct watch *watch, const redisReply *names)
{
    size_t count = 0;
    const char **sorted = check_calloc(names->elements + 1, sizeof *sorted);
    for (size_t i = 0; i < names->elements; i++)
        if (names->element[i]->type == REDIS_REPLY_STRING)
            sorted[count++] = names->element[i]->str;
    qsort(sorted, count, sizeof *sorted, by_name);
    struct bytes now = {0};
    for (size_t i = 0; i < count; i++)
        bytes_add(&now, sorted[i], strlen(sorted[i]) + 1);
    bool changed = !watch->has_told || !view_equals(bytes_view(&now), bytes_view(&watch->paused));
    bytes_fini(&watch->paused);
    watch->paused = now;
    watch->has_told = true;
    if (changed)
        watch->news.paused(watch->arg, sorted, count);
    free(sorted);
}

/* {times RELOAD was said, names} */
static void on_answer(void *arg, const redisReply *reply)
{
    struct watch *watch = arg;
    watch->is_asking = false;
    if (watch->is_closed) {
        free_when_done(watch);
        return;
    }
    if (reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 2 &&
        reply->element[0]->type == REDIS_REPLY_STRING && reply->element[1]->type == REDIS_REPLY_ARRAY) {
        long long reload = strtoll(reply->element[0]->str, NULL, 10);
        bool is_told = watch->reload >= 0 && reload != watch->reload;
        watch->reload = reload;
        tell_paused(watch, reply->element[1]);
        if (is_told)
            watch->news.reload(watch->arg);
    } else if (reply != NULL) {
        log_error("Redis doesn't tell who is paused: %s", reply->type == REDIS_REPLY_ERROR ? reply->str : "?");
    }
    if (watch->is_to_ask && reply != NULL)
        watch_refresh(watch);
}

void watch_refresh(struct watch *watch)
{
    if (watch->is_asking || !link_is_ready(watch->commands)) {
        watch->is_to_ask = true;
        return;
    }
    watch->is_to_ask = false;
    watch->is_asking = true;
    struct call call;
    struct bytes command = {0};
    call_init(&call, &script_news, NULL);
    call_write(&call, true, &command);
    link_send(watch->commands, bytes_view(&command), &watch->answer);
    bytes_fini(&command);
    call_fini(&call);
}

/* The subscription's confirmation and every message alike. */
static void on_message(void *arg, const redisReply *reply)
{
    struct watch *watch = arg;
    if (reply == NULL || watch->is_closed)
        return;
    if (reply->type == REDIS_REPLY_ERROR)
        link_drop(watch->channel, reply->str);
    else
        watch_refresh(watch);
}

static void on_channel_ready(void *arg)
{
    struct watch *watch = arg;
    struct bytes command = {0};
    call_write_head(2, &command);
    call_write_part(view_of("SUBSCRIBE"), &command);
    call_write_part(view_of(CHANNEL_NEWS), &command);
    watch->has_told = false;
    link_send(watch->channel, bytes_view(&command), &watch->message);
    bytes_fini(&command);
}

static void on_channel_down(void *arg, const char *why)
{
}

static void on_timer(uv_timer_t *timer)
{
    watch_refresh(timer->data);
}

struct watch *watch_open(uv_loop_t *loop, const struct redis_url *url, struct link *commands,
                         const struct tickets_news *news, void *arg)
{
    static const struct link_events events = {on_channel_ready, on_channel_down};
    struct watch *watch = check_calloc(1, sizeof *watch);
    watch->commands = commands;
    watch->news = *news;
    watch->arg = arg;
    watch->reload = -1;
    watch->message = (struct link_waiter){on_message, watch};
    watch->answer = (struct link_waiter){on_answer, watch};
    uv_timer_init(loop, &watch->timer);
    watch->timer.data = watch;
    uv_timer_start(&watch->timer, on_timer, REFRESH_MS, REFRESH_MS);
    watch->channel = link_open(loop, url, &events, watch);
    return watch;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    watch->is_timer_closed = true;
    free_when_done(watch);
}

void watch_close(struct watch *watch)
{
    watch->is_closed = true;
    link_close(watch->channel);
    uv_close((uv_handle_t *)&watch->timer, on_timer_closed);
}
