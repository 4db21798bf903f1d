/* What consoles say to all proxies: who is paused, and "reload". A connection of its own listens to the
 * channel; the truth is read over the proxy's ordinary link, after each message, each (re)connect, and
 * every few seconds, so that a message that got lost delays a pause, and no more. */
#ifndef APPROVAL_WATCH_H
#define APPROVAL_WATCH_H

#include "link.h"

struct watch;
struct watch *watch_open(struct uv_loop_s *loop, const struct redis_url *url, struct link *commands,
                         const struct tickets_news *news, void *arg);
void watch_close(struct watch *watch); /* before `commands` is closed */
void watch_refresh(struct watch *watch);

#endif
