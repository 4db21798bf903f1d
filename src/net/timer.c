/* Timers. The memory outlives net_timer_free by the rest of the turn, because libuv closes handles at the
 * turn's end; so a timer may be freed from its own callback. */
#include "net/net.h"

#include <stdlib.h>
#include <uv.h>

#include "base/check.h"

struct net_timer {
    uv_timer_t handle;
    void (*fired)(void *arg);
    void *arg;
};

struct net_timer *net_timer_new(struct net_loop *loop, void (*fired)(void *arg), void *arg)
{
    struct net_timer *timer = check_calloc(1, sizeof *timer);
    timer->fired = fired;
    timer->arg = arg;
    timer->handle.data = timer;
    CHECK(uv_timer_init(net_loop_uv(loop), &timer->handle) == 0);
    return timer;
}

static void on_timer(uv_timer_t *handle)
{
    struct net_timer *timer = handle->data;
    timer->fired(timer->arg);
}

void net_timer_start(struct net_timer *timer, uint64_t after_ms, uint64_t every_ms)
{
    CHECK(uv_timer_start(&timer->handle, on_timer, after_ms, every_ms) == 0);
}

void net_timer_stop(struct net_timer *timer)
{
    uv_timer_stop(&timer->handle);
}

static void timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void net_timer_free(struct net_timer *timer)
{
    if (timer != NULL)
        uv_close((uv_handle_t *)&timer->handle, timer_closed);
}
