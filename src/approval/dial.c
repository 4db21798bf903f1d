#include "dial.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <string.h>

enum { CONNECT_S = 3, ANSWER_S = 5 };

bool dial_init(struct dial *dial, const struct approval_redis *redis, struct fault *fault)
{
    dial->context = NULL;
    return redis_url_parse(&dial->url, redis, fault);
}

void dial_drop(struct dial *dial)
{
    if (dial->context != NULL)
        redisFree(dial->context);
    dial->context = NULL;
}

void dial_fini(struct dial *dial)
{
    dial_drop(dial);
    crypto_wipe(dial->url.password, sizeof dial->url.password);
}

/* NULL: the connection is lost. */
static redisReply *exchange(struct dial *dial, struct view command)
{
    void *reply = NULL;
    if (redisAppendFormattedCommand(dial->context, command.data, command.len) == REDIS_OK &&
        redisGetReply(dial->context, &reply) == REDIS_OK)
        return reply;
    return NULL;
}

static redisReply *lost(struct dial *dial, struct fault *fault)
{
    bool is_late = dial->context->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK);
    fault_set(fault, "Redis: %s", is_late ? "no answer in time" : dial->context->errstr);
    dial_drop(dial);
    return NULL;
}

static redisReply *refused(redisReply *reply, struct fault *fault)
{
    fault_set(fault, "Redis refuses: %.*s", (int)(reply->len < 300 ? reply->len : 300), reply->str);
    freeReplyObject(reply);
    return NULL;
}

static bool greet(struct dial *dial, struct view command, struct fault *fault)
{
    redisReply *reply = exchange(dial, command);
    bool good = reply != NULL && reply->type != REDIS_REPLY_ERROR;
    if (reply == NULL)
        lost(dial, fault);
    else if (!good)
        refused(reply, fault);
    else
        freeReplyObject(reply);
    if (!good)
        dial_drop(dial);
    return good;
}

static bool log_in(struct dial *dial, struct fault *fault)
{
    struct bytes command = {0};
    bool good = !redis_url_auth(&dial->url, &command) || greet(dial, bytes_view(&command), fault);
    crypto_wipe(command.data, command.len);
    bytes_clear(&command);
    if (good && redis_url_select(&dial->url, &command))
        good = greet(dial, bytes_view(&command), fault);
    bytes_fini(&command);
    return good && greet(dial, view_of("*1\r\n$4\r\nPING\r\n"), fault);
}

bool dial_connect(struct dial *dial, struct fault *fault)
{
    if (dial->context != NULL)
        return true;
    struct timeval connect = {.tv_sec = CONNECT_S}, answer = {.tv_sec = ANSWER_S};
    bool is_unix = dial->url.path[0] != '\0';
    dial->context = is_unix ? redisConnectUnixWithTimeout(dial->url.path, connect)
                            : redisConnectWithTimeout(dial->url.host, dial->url.port, connect);
    if (dial->context == NULL)
        return fault_set(fault, "Redis: out of memory");
    if (dial->context->err != 0) {
        fault_set(fault, "Redis at %s: %s", is_unix ? dial->url.path : dial->url.host, dial->context->errstr);
        dial_drop(dial);
        return false;
    }
    redisSetTimeout(dial->context, answer);
    if (!is_unix)
        redisEnableKeepAlive(dial->context);
    return log_in(dial, fault);
}

/* An error reply comes back as a reply. */
static redisReply *ask(struct dial *dial, struct view command, struct fault *fault)
{
    bool was_connected = dial->context != NULL;
    if (!dial_connect(dial, fault))
        return NULL;
    redisReply *reply = exchange(dial, command);
    if (reply != NULL)
        return reply;
    bool is_closed = dial->context->err == REDIS_ERR_EOF || errno == ECONNRESET || errno == EPIPE;
    lost(dial, fault);
    if (!was_connected || !is_closed || !dial_connect(dial, fault))
        return NULL;
    reply = exchange(dial, command);
    return reply ? reply : lost(dial, fault);
}

redisReply *dial_command(struct dial *dial, struct view command, struct fault *fault)
{
    redisReply *reply = ask(dial, command, fault);
    return reply != NULL && reply->type == REDIS_REPLY_ERROR ? refused(reply, fault) : reply;
}

redisReply *dial_call(struct dial *dial, const struct call *call, struct fault *fault)
{
    struct bytes command = {0};
    call_write(call, false, &command);
    redisReply *reply = ask(dial, bytes_view(&command), fault);
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "NOSCRIPT", 8) == 0) {
        freeReplyObject(reply);
        bytes_clear(&command);
        call_write(call, true, &command);
        reply = ask(dial, bytes_view(&command), fault);
    }
    bytes_fini(&command);
    return reply != NULL && reply->type == REDIS_REPLY_ERROR ? refused(reply, fault) : reply;
}
