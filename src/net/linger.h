/* The last words of a connection whose owner is gone. */
#ifndef NET_LINGER_H
#define NET_LINGER_H

#include "output.h"
#include "stream.h"

/* Takes over a stream that isn't borrowed, and what waits to be sent through it; closes it when the other
 * side has taken all, or can't, or time is up. `is_deaf`: the other side has ended already. libuv no longer
 * watches the descriptor. */
void linger_start(struct net_loop *loop, struct stream stream, struct output output, bool is_deaf);

#endif
