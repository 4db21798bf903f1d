#include "link.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "base/check.h"
#include "base/log.h"
#include "call.h"

enum { PAUSE_FIRST_MS = 100, PAUSE_MOST_MS = 5000, CONNECT_MS = 5000 };

enum link_state {
    LINK_STATE_PAUSING,
    LINK_STATE_RESOLVING,
    LINK_STATE_CONNECTING, /* and greeting */
    LINK_STATE_READY,
    LINK_STATE_CLOSED,
};

struct link {
    uv_loop_t *loop;
    struct redis_url url;
    struct link_events events;
    void *arg;
    enum link_state state;
    redisAsyncContext *context; /* CONNECTING and READY only */
    uv_timer_t timer;           /* end of a pause, or of our patience with an attempt */
    uv_getaddrinfo_t lookup;
    bool is_looking_up;
    unsigned handles; /* timer and look-up; the last one frees the link */
    unsigned attempts, pause_ms;
    size_t greetings; /* replies to come before it is ready */
    struct link_waiter greeting;
};

/* ---- hiredis on libuv --------------------------------------------------------------------------------- */

/* Outlives the context until the loop has closed the handle. */
struct poll {
    uv_poll_t handle;
    redisAsyncContext *context; /* NULL: gone */
    int events;
};

/* An error on the socket comes as a status: hiredis finds it by reading and writing. */
static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct poll *poll = handle->data;
    if (status < 0)
        events = UV_READABLE | UV_WRITABLE;
    if (poll->context != NULL && (events & UV_READABLE))
        redisAsyncHandleRead(poll->context);
    if (poll->context != NULL && (events & UV_WRITABLE))
        redisAsyncHandleWrite(poll->context);
}

static void poll_set(struct poll *poll, int events)
{
    poll->events = events;
    if (events != 0)
        uv_poll_start(&poll->handle, events, on_poll);
    else
        uv_poll_stop(&poll->handle);
}

static void add_read(void *data)
{
    struct poll *poll = data;
    poll_set(poll, poll->events | UV_READABLE);
}

static void del_read(void *data)
{
    struct poll *poll = data;
    poll_set(poll, poll->events & ~UV_READABLE);
}

static void add_write(void *data)
{
    struct poll *poll = data;
    poll_set(poll, poll->events | UV_WRITABLE);
}

static void del_write(void *data)
{
    struct poll *poll = data;
    poll_set(poll, poll->events & ~UV_WRITABLE);
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void cleanup(void *data)
{
    struct poll *poll = data;
    poll->context = NULL;
    uv_close((uv_handle_t *)&poll->handle, on_poll_closed);
}

static bool attach(redisAsyncContext *context, uv_loop_t *loop)
{
    struct poll *poll = check_calloc(1, sizeof *poll);
    if (uv_poll_init(loop, &poll->handle, context->c.fd) != 0) {
        free(poll);
        return false;
    }
    poll->handle.data = poll;
    poll->context = context;
    context->ev.data = poll;
    context->ev.addRead = add_read;
    context->ev.delRead = del_read;
    context->ev.addWrite = add_write;
    context->ev.delWrite = del_write;
    context->ev.cleanup = cleanup;
    return true;
}

/* ---- one attempt -------------------------------------------------------------------------------------- */

static void start(struct link *link);

static void release(struct link *link)
{
    if (--link->handles == 0)
        free(link);
}

static void on_timer(uv_timer_t *timer)
{
    struct link *link = timer->data;
    if (link->state == LINK_STATE_PAUSING)
        start(link);
    else
        link_drop(link, "no answer in time");
}

/* The context is already gone or going. */
static void fail(struct link *link, const char *why)
{
    if (link->state == LINK_STATE_CLOSED || link->state == LINK_STATE_PAUSING)
        return;
    if (link->pause_ms == 0)
        log_warn("Redis: %s; trying again", why);
    link->pause_ms = link->pause_ms == 0 ? PAUSE_FIRST_MS : link->pause_ms * 2;
    if (link->pause_ms > PAUSE_MOST_MS)
        link->pause_ms = PAUSE_MOST_MS;
    link->state = LINK_STATE_PAUSING;
    uv_timer_start(&link->timer, on_timer, link->pause_ms, 0);
    link->events.down(link->arg, why);
}

void link_drop(struct link *link, const char *why)
{
    redisAsyncContext *context = link->context;
    link->context = NULL;
    if (context != NULL)
        redisAsyncFree(context);
    fail(link, why);
}

static void on_connected(const redisAsyncContext *context, int status)
{
    struct link *link = context->data;
    if (status == REDIS_OK || link->context != context)
        return;
    char why[160];
    snprintf(why, sizeof why, "can't connect: %s", context->errstr);
    link->context = NULL; /* hiredis frees it */
    fail(link, why);
}

static void on_disconnected(const redisAsyncContext *context, int status)
{
    struct link *link = context->data;
    if (link->context != context)
        return;
    char why[160];
    snprintf(why, sizeof why, "connection lost: %s", status == REDIS_OK ? "closed" : context->errstr);
    link->context = NULL;
    fail(link, why);
}

static void on_greeted(void *arg, const redisReply *reply)
{
    struct link *link = arg;
    if (reply == NULL || link->state != LINK_STATE_CONNECTING)
        return;
    if (reply->type == REDIS_REPLY_ERROR) {
        char why[256];
        snprintf(why, sizeof why, "login refused: %.*s", (int)(reply->len < 200 ? reply->len : 200), reply->str);
        link_drop(link, why);
        return;
    }
    if (--link->greetings > 0)
        return;
    uv_timer_stop(&link->timer);
    if (link->pause_ms > 0)
        log_info("Redis: connected again");
    link->pause_ms = 0;
    link->state = LINK_STATE_READY;
    link->events.ready(link->arg);
}

static void on_reply(redisAsyncContext *context, void *reply, void *data)
{
    struct link_waiter *waiter = data;
    waiter->reply(waiter->arg, reply);
}

static void greet(struct link *link, struct view command)
{
    link->greetings++;
    redisAsyncFormattedCommand(link->context, on_reply, &link->greeting, command.data, command.len);
}

/* PING comes always: a Redis that wants a password says so only to a command. */
static void send_greeting(struct link *link)
{
    struct bytes command = {0};
    link->greetings = 0;
    if (redis_url_auth(&link->url, &command))
        greet(link, bytes_view(&command));
    crypto_wipe(command.data, command.len);
    bytes_clear(&command);
    if (redis_url_select(&link->url, &command))
        greet(link, bytes_view(&command));
    bytes_fini(&command);
    greet(link, view_of("*1\r\n$4\r\nPING\r\n"));
}

static void connect_to(struct link *link, const char *address)
{
    redisAsyncContext *context =
        address ? redisAsyncConnect(address, link->url.port) : redisAsyncConnectUnix(link->url.path);
    CHECK(context != NULL);
    if (context->err != 0 || !attach(context, link->loop)) {
        char why[160];
        snprintf(why, sizeof why, "can't connect: %s", context->err ? context->errstr : "no more descriptors");
        redisAsyncFree(context);
        fail(link, why);
        return;
    }
    context->data = link;
    link->context = context;
    link->state = LINK_STATE_CONNECTING;
    redisAsyncSetConnectCallback(context, on_connected);
    redisAsyncSetDisconnectCallback(context, on_disconnected);
    if (address != NULL)
        redisEnableKeepAlive(&context->c);
    send_greeting(link);
}

/* A name with several addresses: the next attempt takes the next one. */
static void choose_address(const struct addrinfo *found, unsigned attempt, char *to, size_t size)
{
    unsigned count = 0;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next)
        count++;
    unsigned skip = count > 0 ? attempt % count : 0;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next, skip--) {
        if (skip == 0) {
            getnameinfo(at->ai_addr, at->ai_addrlen, to, (socklen_t)size, NULL, 0, NI_NUMERICHOST);
            return;
        }
    }
}

static void on_resolved(uv_getaddrinfo_t *lookup, int status, struct addrinfo *found)
{
    struct link *link = lookup->data;
    link->is_looking_up = false;
    if (link->state == LINK_STATE_RESOLVING && status == 0) {
        char address[64] = "";
        choose_address(found, link->attempts++, address, sizeof address);
        connect_to(link, address);
    } else if (link->state == LINK_STATE_RESOLVING) {
        char why[400];
        snprintf(why, sizeof why, "can't look up %s: %s", link->url.host, uv_strerror(status));
        fail(link, why);
    }
    uv_freeaddrinfo(found);
    release(link);
}

static void start(struct link *link)
{
    uv_timer_start(&link->timer, on_timer, CONNECT_MS, 0);
    link->state = LINK_STATE_RESOLVING;
    if (link->url.path[0] != '\0') {
        connect_to(link, NULL);
        return;
    }
    if (link->is_looking_up) /* an earlier look-up still hangs; its answer will do */
        return;
    static const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    link->lookup.data = link;
    int status = uv_getaddrinfo(link->loop, &link->lookup, on_resolved, link->url.host, NULL, &hints);
    if (status != 0) {
        fail(link, uv_strerror(status));
        return;
    }
    link->is_looking_up = true;
    link->handles++;
}

/* ---- the door ----------------------------------------------------------------------------------------- */

struct link *link_open(uv_loop_t *loop, const struct redis_url *url, const struct link_events *events, void *arg)
{
    struct link *link = check_calloc(1, sizeof *link);
    link->loop = loop;
    link->url = *url;
    link->events = *events;
    link->arg = arg;
    link->greeting = (struct link_waiter){on_greeted, link};
    uv_timer_init(loop, &link->timer);
    link->timer.data = link;
    link->handles = 1;
    link->state = LINK_STATE_RESOLVING;
    start(link);
    return link;
}

static void on_timer_closed(uv_handle_t *handle)
{
    release(handle->data);
}

void link_close(struct link *link)
{
    redisAsyncContext *context = link->context;
    link->context = NULL;
    link->state = LINK_STATE_CLOSED;
    crypto_wipe(link->url.password, sizeof link->url.password);
    if (context != NULL)
        redisAsyncFree(context);
    if (link->is_looking_up)
        uv_cancel((uv_req_t *)&link->lookup);
    uv_close((uv_handle_t *)&link->timer, on_timer_closed);
}

bool link_is_ready(const struct link *link)
{
    return link->state == LINK_STATE_READY;
}

void link_hurry(struct link *link)
{
    if (link->state == LINK_STATE_PAUSING)
        uv_timer_start(&link->timer, on_timer, 0, 0);
}

void link_send(struct link *link, struct view command, struct link_waiter *waiter)
{
    CHECK(link->state == LINK_STATE_READY);
    /* It refuses only while it is telling waiters of a loss that we haven't heard of yet. */
    if (redisAsyncFormattedCommand(link->context, on_reply, waiter, command.data, command.len) != REDIS_OK)
        waiter->reply(waiter->arg, NULL);
}
