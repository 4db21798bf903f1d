/* A connection's input: what has arrived and its owner has not consumed. Reading goes into a buffer that all
 * connections of a loop share; only what is left over when the owner has had its turn is copied into
 * memory of the connection's own. A message that is long in coming grows there, by doubling. */
#ifndef NET_INPUT_H
#define NET_INPUT_H

#include "stream.h"

/* `view` is what is not consumed. It lies in the shared buffer (`is_shared`, only while the owner is being
 * served; `kept` is stale then), or at the end of `kept`, or is empty and then `kept` owns no memory. */
struct input {
    struct view view;
    struct bytes kept;
    bool is_shared;
};

/* Reads once, behind what is left, into `shared` (of `size` bytes) if that is small. */
struct stream_io input_fill(struct input *in, struct stream *s, char *shared, size_t size);
void input_consume(struct input *in, size_t len);
/* The owner has had its turn: `shared` goes to others, memory that isn't needed goes back. */
void input_settle(struct input *in);
void input_fini(struct input *in);

#endif
