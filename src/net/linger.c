/* Closing a TCP socket with unread input resets the connection, and a reset can make the other side lose
 * what it had not read yet: the error message that explains everything. So: send all, say that this was
 * all, and throw away what comes until the other side has closed too. */
#include "linger.h"

#include <stdlib.h>
#include <uv.h>

#include "base/check.h"

enum {
    LINGER_MS = 3000,
    LINGER_ROUNDS = 4, /* reads per turn */
};

/* read_on   the readiness that reading waits for, 0 when the other side has ended
 * write_on  the readiness that writing waits for, 0 when all is sent (`is_shut`) */
struct lingering {
    uv_poll_t poll;
    struct net_loop *loop;
    struct stream stream;
    struct output output;
    struct net_timer *limit;
    int watched, read_on, write_on;
    bool is_shut;
};

/* False: no use in going on. */
static bool linger_write(struct lingering *l)
{
    struct view waiting = output_waiting(&l->output);
    if (l->is_shut)
        return true;
    if (waiting.len > 0) {
        struct stream_io io = stream_write(&l->stream, waiting);
        output_took(&l->output, l->loop, io.len);
        if (io.state == STREAM_STATE_END || io.state == STREAM_STATE_FAILED)
            return false;
        l->write_on = io.state == STREAM_STATE_WANT_READ ? UV_READABLE : UV_WRITABLE;
    }
    if (output_waiting(&l->output).len == 0) {
        stream_shut(&l->stream);
        l->is_shut = true;
        l->write_on = 0;
    }
    return true;
}

/* False: no use in going on. */
static bool linger_read(struct lingering *l)
{
    for (int round = 0; round < LINGER_ROUNDS; round++) {
        struct stream_io io = stream_read(&l->stream, loop_input(l->loop), LOOP_INPUT_SIZE);
        l->read_on = io.state == STREAM_STATE_WANT_WRITE ? UV_WRITABLE : UV_READABLE;
        if (io.state == STREAM_STATE_FAILED)
            return false;
        if (io.state == STREAM_STATE_END)
            l->read_on = 0;
        if (io.state != STREAM_STATE_MORE)
            break;
    }
    return true;
}

static bool linger_is_done(const struct lingering *l)
{
    return l->is_shut && l->read_on == 0;
}

static void linger_free(struct lingering *l)
{
    stream_close(&l->stream);
    output_fini(&l->output);
    free(l);
}

static void poll_closed(uv_handle_t *handle)
{
    linger_free(handle->data);
}

static void linger_end(void *arg)
{
    struct lingering *l = arg;
    net_timer_free(l->limit);
    uv_close((uv_handle_t *)&l->poll, poll_closed);
}

static void linger_ready(uv_poll_t *poll, int status, int events);

static void linger_watch(struct lingering *l)
{
    if (l->watched == (l->read_on | l->write_on))
        return;
    l->watched = l->read_on | l->write_on;
    CHECK(uv_poll_start(&l->poll, l->watched, linger_ready) == 0);
}

static void linger_ready(uv_poll_t *poll, int status, int events)
{
    struct lingering *l = poll->data;
    bool is_useful = status == 0;
    if (is_useful && (events & l->write_on))
        is_useful = linger_write(l);
    if (is_useful && (events & l->read_on))
        is_useful = linger_read(l);
    if (is_useful && !linger_is_done(l))
        linger_watch(l);
    else
        linger_end(l);
}

/* Reads nothing yet: the owner that has just closed may still be looking at the loop's input. */
void linger_start(struct net_loop *loop, struct stream stream, struct output output, bool is_deaf)
{
    CHECK(!stream.is_borrowed);
    struct lingering *l = check_calloc(1, sizeof *l);
    l->loop = loop;
    l->stream = stream;
    l->output = output;
    l->read_on = is_deaf ? 0 : UV_READABLE;
    if (!linger_write(l) || linger_is_done(l)) {
        linger_free(l);
        return;
    }
    l->poll.data = l;
    CHECK(uv_poll_init(net_loop_uv(loop), &l->poll, l->stream.fd) == 0);
    l->limit = net_timer_new(loop, linger_end, l);
    net_timer_start(l->limit, LINGER_MS, 0);
    linger_watch(l);
}
