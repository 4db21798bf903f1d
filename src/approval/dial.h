/* A blocking connection to Redis, made when it is needed and made again after it was lost. Every call ends
 * within seconds, with a reply or a fault. One thread at a time. */
#ifndef APPROVAL_DIAL_H
#define APPROVAL_DIAL_H

#include "call.h"
#include "url.h"

struct redisContext;
struct redisReply;

struct dial {
    struct redis_url url;
    struct redisContext *context; /* NULL: not connected */
};

bool dial_init(struct dial *dial, const struct approval_redis *redis, struct fault *fault);
void dial_fini(struct dial *dial);
bool dial_connect(struct dial *dial, struct fault *fault); /* only if it isn't */
void dial_drop(struct dial *dial);

/* Runs the script; a connection that has died since it was last used is made again once, so a script may
 * run twice, and all of them bear that. NULL and a fault: no reply, or an error. The reply is the caller's
 * (freeReplyObject). */
struct redisReply *dial_call(struct dial *dial, const struct call *call, struct fault *fault);
/* Any command in wire format, likewise. */
struct redisReply *dial_command(struct dial *dial, struct view command, struct fault *fault);

#endif
