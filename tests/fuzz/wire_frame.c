/* Frames out of hostile streams. The first byte chooses the kind of stream. What must hold: a frame lies
 * within what was given, its parts add up to what it consumes, its bytes written again are the same, every
 * cut of it asks for more, and a bad one says why. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "wire/wire.h"

enum kind { KIND_STARTUP, KIND_AGENT, KIND_SERVER, KINDS };

static enum frame_result take(enum kind kind, struct view in, struct frame *frame, struct frame_error *error)
{
    /* Small limits, so that short inputs reach both sides of them. */
    static const struct frame_limits limits = {.startup = 100, .query = 200, .bind = 300, .other = 50};
    switch (kind) {
    case KIND_STARTUP:
        return frame_take_startup(in, &limits, frame, error);
    case KIND_AGENT:
        return frame_take_agent(in, &limits, frame, error);
    default:
        return frame_peek_server(in, frame, error);
    }
}

static void check_whole(struct view in, const struct frame *frame)
{
    size_t header = frame->type ? 5 : 4;
    CHECK(frame->size >= header && frame->size <= in.len);
    CHECK(frame->body.data == in.data + header && frame->body.len == frame->size - header);
    struct bytes again = {0};
    if (frame->type) {
        message_add_raw(&again, frame->type, frame->body);
    } else {
        bytes_add_u32(&again, (uint32_t)frame->size);
        bytes_add_view(&again, frame->body);
    }
    CHECK(view_equals(bytes_view(&again), (struct view){in.data, frame->size}));
    bytes_fini(&again);
}

/* The server's type may be any byte, 0 too. */
static void check_peeked(struct view in, const struct frame *frame)
{
    CHECK(frame->size >= 5 && frame->type == in.data[0]);
    CHECK(frame->body.data == in.data + 5 && frame->body.len <= in.len - 5 && frame->body.len <= frame->size - 5);
    CHECK(frame->body.len == frame->size - 5 || frame->body.len == in.len - 5);
}

static void check_cuts(enum kind kind, struct view in, size_t size)
{
    struct frame frame;
    struct frame_error error;
    size_t least = kind == KIND_SERVER ? 5 : size;
    for (size_t len = 0; len < least && len < 400; len++)
        CHECK(take(kind, (struct view){in.data, len}, &frame, &error) == FRAME_RESULT_MORE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    enum kind kind = data[0] % KINDS;
    struct view in = {(const char *)data + 1, size - 1};
    for (;;) {
        struct frame frame = {0};
        struct frame_error error = {0};
        enum frame_result result = take(kind, in, &frame, &error);
        CHECK((result == FRAME_RESULT_BAD) == (error.message != NULL));
        CHECK(result != FRAME_RESULT_BAD || strlen(error.sqlstate) == 5);
        if (result != FRAME_RESULT_ONE)
            return 0;
        check_cuts(kind, in, frame.size);
        if (kind == KIND_SERVER)
            check_peeked(in, &frame);
        else
            check_whole(in, &frame);
        if (frame.size > in.len)
            return 0;
        in = (struct view){in.data + frame.size, in.len - frame.size};
    }
}
