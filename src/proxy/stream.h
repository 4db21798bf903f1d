/* A stream: what goes out to one side, in order, with as little copying as the case allows. Messages that
 * are relayed unchanged are *passed*: as long as they lie next to each other in the input they are one
 * view of it, and nothing is copied. Messages of ours are *made* in a buffer; whatever is passed behind
 * one is copied behind it, to keep the order.
 *
 * Invariant: at most one of `passed` (waiting behind nothing) and `made` holds bytes at any time.
 *
 * stream_flush hands everything over in one piece. It must be called before the input that was passed
 * moves, that is before the call that received the input returns. */
#ifndef STREAM_H
#define STREAM_H

#include "base/bytes.h"

struct stream {
    struct view passed;
    struct bytes made;
    void (*send)(void *arg, struct view v);
    void *arg;
};

void stream_pass(struct stream *stream, struct view v);
struct bytes *stream_make(struct stream *stream); /* append a message of ours here, before anything else is called */
void stream_flush(struct stream *stream);
void stream_fini(struct stream *stream);

#endif
