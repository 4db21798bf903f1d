/* What the room's other files may ask of a loop, beyond the door: memory that is shared by all of the
 * loop's connections, so that an idle connection owns none. */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include "net/net.h"

enum { LOOP_INPUT_SIZE = 64 * 1024 };

/* LOOP_INPUT_SIZE bytes to read into. Only one connection is served at a time, so one buffer is enough;
 * what it holds is forgotten when the next one is served. */
char *loop_input(struct net_loop *loop);

/* A few used output buffers, so that answering a message needs no allocation. `empty` owns no memory and
 * gets some; `used` is left without. */
void loop_lend(struct net_loop *loop, struct bytes *empty);
void loop_take_back(struct net_loop *loop, struct bytes *used);

#endif
