/* A connection's output: what its owner has said and the socket has not taken. */
#ifndef NET_OUTPUT_H
#define NET_OUTPUT_H

#include "loop.h"

/* waiting.data[0 .. sent) has gone out, [sent .. waiting.len) has not. The owner appends to `waiting` and
 * does nothing else to it. While nothing waits, no memory is owned: buffers are the loop's. `was_congested`
 * is set when more than `high` bytes wait, and cleared, with word to the owner, when no more than `low`
 * do. */
struct output {
    struct bytes waiting;
    size_t sent, low, high;
    bool was_congested;
};

void output_init(struct output *out);
/* The buffer to append to. */
struct bytes *output_open(struct output *out, struct net_loop *loop);
struct view output_waiting(const struct output *out);
bool output_is_congested(const struct output *out);
/* `len` of the waiting bytes have gone out. */
void output_took(struct output *out, struct net_loop *loop, size_t len);
/* True once, when what was congested isn't any more. */
bool output_has_drained(struct output *out);
void output_fini(struct output *out);

#endif
