/* A connection to Redis on an event loop, which comes back by itself: name look-up in the loop's thread
 * pool, connect, AUTH, SELECT, PING; after a failure again, with growing pauses. hiredis's own libuv adapter
 * isn't used: it drops the event when a connect is refused, so that nobody ever hears of it. */
#ifndef APPROVAL_LINK_H
#define APPROVAL_LINK_H

#include "base/bytes.h"
#include "url.h"

struct link;
struct redisReply;
struct uv_loop_s;

struct link_events {
    void (*ready)(void *arg);                 /* commands may be sent */
    void (*down)(void *arg, const char *why); /* an attempt failed, or a connection was lost */
};

/* Who waits for a reply; owned by the sender. Called once per command, with NULL when the connection is lost
 * before the reply; for SUBSCRIBE with every message, and NULL at the end. */
struct link_waiter {
    void (*reply)(void *arg, const struct redisReply *reply);
    void *arg;
};

struct link *link_open(struct uv_loop_s *loop, const struct redis_url *url, const struct link_events *events,
                       void *arg);
/* Waiters still get their NULL; events come no more. Memory goes when the loop has closed its handles. */
void link_close(struct link *link);

bool link_is_ready(const struct link *link);
void link_hurry(struct link *link); /* where it pauses before the next attempt: make that now */

/* command: in wire format, copied. Only when ready. */
void link_send(struct link *link, struct view command, struct link_waiter *waiter);
/* Gives this connection up, as if it had been lost. */
void link_drop(struct link *link, const char *why);

#endif
