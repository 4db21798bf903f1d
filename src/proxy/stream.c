#include "stream.h"

void stream_pass(struct stream *stream, struct view v)
{
    if (stream->made.len > 0) {
        bytes_add_view(&stream->made, v);
        return;
    }
    if (stream->passed.len == 0) {
        stream->passed = v;
        return;
    }
    if (stream->passed.data + stream->passed.len == v.data) {
        stream->passed.len += v.len;
        return;
    }
    bytes_add_view(stream_make(stream), v);
}

struct bytes *stream_make(struct stream *stream)
{
    if (stream->passed.len > 0) {
        bytes_add_view(&stream->made, stream->passed);
        stream->passed = (struct view){0};
    }
    return &stream->made;
}

void stream_flush(struct stream *stream)
{
    if (stream->passed.len > 0) {
        struct view passed = stream->passed;
        stream->passed = (struct view){0};
        stream->send(stream->arg, passed);
    }
    if (stream->made.len > 0) {
        stream->send(stream->arg, bytes_view(&stream->made));
        bytes_fini(&stream->made); /* an idle session keeps no buffer */
    }
}

void stream_fini(struct stream *stream)
{
    bytes_fini(&stream->made);
}
