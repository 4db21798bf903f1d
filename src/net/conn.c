/* A connection: a descriptor that libuv watches, a stream (plain or TLS), input and output.
 *
 * Its owner hears of it from two places only: when libuv finds the descriptor ready, and at the end of a
 * turn, for what the owner's own calls brought about (a failed write, a drained backlog, a resume). So no
 * callback ever comes from inside a call of the owner's, and any callback may close the connection: its
 * memory stays until nobody on the stack can look at it.
 *
 * System calls are what a proxy spends its time on. So: write at once, and ask to hear of writability only
 * when a write fell short; don't stop watching for input at a pause, only when input comes that isn't
 * wanted; read once per readiness, and again only when the buffer was filled. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <uv.h>

#include "address.h"
#include "base/check.h"
#include "input.h"
#include "linger.h"
#include "loop.h"
#include "output.h"

enum {
    CONN_ROUNDS = 4,              /* reads per turn, so that one busy connection does not starve the others */
    CONN_DIRECT = 16 * 1024,      /* worth a write of its own rather than a copy behind what waits */
    CONN_KEEPALIVE_SECONDS = 120, /* of silence before the kernel asks whether the other side is still there */
};

enum conn_state {
    CONN_STATE_HANDSHAKE, /* TLS is being agreed on: nothing is offered, output waits */
    CONN_STATE_OPEN,
    CONN_STATE_BROKEN, /* writing has failed: what had arrived before is still offered, then `ended` comes */
    CONN_STATE_ENDED,  /* `ended` was said, no callback comes any more; if the peer just stopped talking,
                          it may still be written to */
    CONN_STATE_CLOSED, /* the owner is gone: memory waits for `holds` to reach 0 */
};

/* What the owner is owed at the end of the turn. */
enum conn_due {
    CONN_DUE_INPUT = 1, /* another look at the input */
    CONN_DUE_DRAINED = 2,
    CONN_DUE_END = 4,    /* the end of a broken connection */
    CONN_DUE_SETTLE = 8, /* memory of input that was consumed outside `received` */
};

/* holds     counts libuv's handle and a deferred call; the memory goes with the last
 * watched   what libuv watches for; may hold UV_READABLE without need
 * read_on   the readiness that reading waits for: readable, unless TLS has to write first
 * write_on  the readiness that writing waits for, 0 when the socket isn't known to be full: then flush writes
 * is_blind  libuv would not watch the descriptor: all that can be done is to say so, by `ended`
 * is_deaf   the peer has ended its side: reading would find the end again and again
 * is_mute   writing has failed: output is thrown away
 * is_offering  the owner is in `received` */
struct net_conn {
    uv_poll_t poll;
    struct net_loop *loop;
    const struct net_events *events;
    void *owner;
    struct stream stream;
    struct input input;
    struct output output;
    const char *detail; /* why writing failed */
    enum conn_state state;
    unsigned due, holds;
    int watched, read_on, write_on;
    bool is_blind, is_paused, is_deaf, is_mute, is_offering;
    char peer[ADDRESS_SIZE];
};

static void poll_ready(uv_poll_t *poll, int status, int events);

/* ---- life ----------------------------------------------------------------------------------------- */

static void conn_drop(struct net_conn *conn)
{
    if (--conn->holds > 0)
        return;
    input_fini(&conn->input);
    output_fini(&conn->output);
    free(conn);
}

static void poll_closed(uv_handle_t *handle)
{
    conn_drop(handle->data);
}

static void blind_closed(void *arg)
{
    conn_drop(arg);
}

static void set_socket_options(int fd)
{
    /* Unix sockets refuse the TCP ones; that is as good as set. */
    int on = 1, idle = CONN_KEEPALIVE_SECONDS;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
}

/* ---- watching ------------------------------------------------------------------------------------- */

/* May bytes be offered to the owner? */
static bool conn_is_listening(const struct net_conn *conn)
{
    return (conn->state == CONN_STATE_OPEN || conn->state == CONN_STATE_BROKEN) && !conn->is_paused && !conn->is_deaf;
}

static int conn_wants(const struct net_conn *conn)
{
    bool wants_input = conn_is_listening(conn) || conn->state == CONN_STATE_HANDSHAKE;
    return (wants_input ? conn->read_on : 0) | conn->write_on;
}

/* Tells libuv what to watch for, if it watches for anything else. `tolerated` may stay watched: it costs
 * nothing as long as it doesn't happen. */
static void conn_watch(struct net_conn *conn, int tolerated)
{
    if (conn->state == CONN_STATE_CLOSED || conn->is_blind)
        return;
    int wanted = conn_wants(conn);
    if (conn->watched == wanted || conn->watched == (wanted | tolerated))
        return;
    conn->watched = wanted;
    CHECK(uv_poll_start(&conn->poll, wanted, poll_ready) == 0);
}

/* ---- what is owed at the end of the turn ------------------------------------------------------------ */

static void conn_pay(void *arg);

static void conn_owe(struct net_conn *conn, enum conn_due due)
{
    if (conn->due == 0) {
        conn->holds++;
        net_loop_defer(conn->loop, conn_pay, conn);
    }
    conn->due |= due;
}

/* Only ever called from where the owner isn't on the stack. */
static void conn_end(struct net_conn *conn, enum net_end why, const char *detail)
{
    conn->state = CONN_STATE_ENDED;
    conn->is_deaf = true;
    if (why == NET_END_ERROR) {
        conn->is_mute = true;
        conn->write_on = 0;
        output_fini(&conn->output);
    }
    conn->events->ended(conn->owner, why, detail);
}

/* Writing has failed. The owner hears of it later, and after what the other side may have said before it
 * went away: a server's last error message explains more than a broken pipe. */
static void conn_break(struct net_conn *conn, const char *detail)
{
    conn->is_mute = true;
    conn->write_on = 0;
    conn->detail = detail;
    output_fini(&conn->output);
    if (conn->state == CONN_STATE_OPEN) {
        conn->state = CONN_STATE_BROKEN;
        conn_owe(conn, CONN_DUE_END);
    }
}

/* A descriptor that can't be watched (the system's limits, a closed one) costs this connection alone: it ends
 * in its first turn. */
static struct net_conn *conn_new(struct net_loop *loop, int fd, const struct net_events *events, void *owner)
{
    struct net_conn *conn = check_calloc(1, sizeof *conn);
    conn->loop = loop;
    conn->events = events;
    conn->owner = owner;
    conn->stream.fd = fd;
    conn->state = CONN_STATE_OPEN;
    conn->read_on = UV_READABLE;
    conn->holds = 1;
    conn->poll.data = conn;
    output_init(&conn->output);
    address_of_peer(fd, conn->peer);
    int error = uv_poll_init(net_loop_uv(loop), &conn->poll, fd);
    if (error != 0) {
        conn->is_blind = conn->is_deaf = true;
        conn_break(conn, uv_strerror(error));
    }
    return conn;
}

/* ---- output --------------------------------------------------------------------------------------- */

static bool conn_may_write(const struct net_conn *conn)
{
    return !conn->is_mute && conn->write_on == 0 && conn->state != CONN_STATE_HANDSHAKE &&
           conn->state != CONN_STATE_CLOSED;
}

static void conn_wrote(struct net_conn *conn, struct stream_io io)
{
    switch (io.state) {
    case STREAM_STATE_MORE:
        break;
    case STREAM_STATE_WANT_WRITE:
        conn->write_on = UV_WRITABLE;
        break;
    case STREAM_STATE_WANT_READ:
        conn->write_on = UV_READABLE;
        break;
    case STREAM_STATE_END:
        conn_break(conn, "closed by the other side");
        break;
    case STREAM_STATE_FAILED:
        conn_break(conn, io.detail);
        break;
    }
    if (output_has_drained(&conn->output) && !conn->is_mute)
        conn_owe(conn, CONN_DUE_DRAINED);
}

static void conn_write(struct net_conn *conn)
{
    struct view waiting = output_waiting(&conn->output);
    if (conn->is_mute)
        output_fini(&conn->output);
    if (waiting.len == 0 || !conn_may_write(conn))
        return;
    struct stream_io io = stream_write(&conn->stream, waiting);
    output_took(&conn->output, conn->loop, io.len);
    conn_wrote(conn, io);
}

struct bytes *net_conn_output(struct net_conn *conn)
{
    return output_open(&conn->output, conn->loop);
}

void net_conn_flush(struct net_conn *conn)
{
    conn_write(conn);
    conn_watch(conn, UV_READABLE);
}

/* Returns what the socket did not take. */
static struct view send_directly(struct net_conn *conn, struct view v)
{
    if (output_waiting(&conn->output).len > 0 || !conn_may_write(conn))
        return v;
    struct stream_io io = stream_write(&conn->stream, v);
    conn_wrote(conn, io);
    return (struct view){v.data + io.len, v.len - io.len};
}

void net_conn_send(struct net_conn *conn, struct view v)
{
    if (v.len == 0)
        return;
    if (v.len >= CONN_DIRECT)
        conn_write(conn);
    struct view rest = send_directly(conn, v);
    if (!conn->is_mute && rest.len > 0)
        bytes_add_view(net_conn_output(conn), rest);
    net_conn_flush(conn);
}

size_t net_conn_backlog(const struct net_conn *conn)
{
    return output_waiting(&conn->output).len;
}

bool net_conn_is_congested(const struct net_conn *conn)
{
    return output_is_congested(&conn->output);
}

void net_conn_set_water(struct net_conn *conn, size_t low, size_t high)
{
    CHECK(low <= high);
    conn->output.low = low;
    conn->output.high = high;
}

/* ---- input ---------------------------------------------------------------------------------------- */

static void conn_offer(struct net_conn *conn)
{
    conn->is_offering = true;
    conn->events->received(conn->owner);
    conn->is_offering = false;
    /* Once closed, the view stays as it is: the owner may still be looking at it further up. */
    if (conn->state != CONN_STATE_CLOSED)
        input_settle(&conn->input);
}

/* Reads and offers, a few rounds at most. True: for now there is nothing left to read. */
static bool conn_read(struct net_conn *conn)
{
    for (int round = 0; round < CONN_ROUNDS; round++) {
        struct stream_io io = input_fill(&conn->input, &conn->stream, loop_input(conn->loop), LOOP_INPUT_SIZE);
        conn->read_on = io.state == STREAM_STATE_WANT_WRITE ? UV_WRITABLE : UV_READABLE;
        if (io.len > 0)
            conn_offer(conn);
        if (!conn_is_listening(conn))
            return false;
        switch (io.state) {
        case STREAM_STATE_MORE:
            break;
        case STREAM_STATE_WANT_READ:
        case STREAM_STATE_WANT_WRITE:
            return true;
        case STREAM_STATE_END:
            conn_end(conn, NET_END_PEER, "closed by the other side");
            return false;
        case STREAM_STATE_FAILED:
            conn_end(conn, NET_END_ERROR, io.detail);
            return false;
        }
    }
    if (stream_has_buffered(&conn->stream))
        conn_owe(conn, CONN_DUE_INPUT);
    return false;
}

static void conn_offer_again(struct net_conn *conn)
{
    if (conn_is_listening(conn) && conn->input.view.len > 0)
        conn_offer(conn);
    if (conn_is_listening(conn) && stream_has_buffered(&conn->stream))
        conn_read(conn);
}

struct view net_conn_input(const struct net_conn *conn)
{
    return conn->input.view;
}

void net_conn_consume(struct net_conn *conn, size_t len)
{
    input_consume(&conn->input, len);
    if (!conn->is_offering)
        conn_owe(conn, CONN_DUE_SETTLE);
}

void net_conn_pause(struct net_conn *conn)
{
    conn->is_paused = true;
}

void net_conn_resume(struct net_conn *conn)
{
    conn->is_paused = false;
    if (!conn_is_listening(conn))
        return;
    if (conn->input.view.len > 0 || stream_has_buffered(&conn->stream))
        conn_owe(conn, CONN_DUE_INPUT);
    conn_watch(conn, UV_READABLE);
}

/* ---- the turn ------------------------------------------------------------------------------------- */

/* What had arrived before the break is read to its end, in as many turns as it takes; unless the owner has
 * paused, and can't take it. */
static void conn_finish_broken(struct net_conn *conn)
{
    bool is_dry = conn->is_paused || conn->is_deaf || conn_read(conn);
    if (conn->state != CONN_STATE_BROKEN)
        return;
    if (is_dry || conn->is_paused)
        conn_end(conn, NET_END_ERROR, conn->detail);
    else
        conn_owe(conn, CONN_DUE_END);
}

static void conn_pay(void *arg)
{
    struct net_conn *conn = arg;
    unsigned due = conn->due;
    conn->due = 0;
    if (conn->state == CONN_STATE_CLOSED)
        due = 0;
    if (due & CONN_DUE_SETTLE)
        input_settle(&conn->input);
    if ((due & CONN_DUE_DRAINED) && conn->state == CONN_STATE_OPEN && conn->events->drained != NULL)
        conn->events->drained(conn->owner);
    if (due & CONN_DUE_INPUT)
        conn_offer_again(conn);
    if ((due & CONN_DUE_END) && conn->state == CONN_STATE_BROKEN)
        conn_finish_broken(conn);
    conn_watch(conn, UV_READABLE);
    conn_drop(conn);
}

/* True: nothing is left to read for now. */
static bool conn_shake_hands(struct net_conn *conn)
{
    struct stream_io io = stream_handshake(&conn->stream);
    switch (io.state) {
    case STREAM_STATE_MORE:
        conn->state = CONN_STATE_OPEN;
        conn->read_on = UV_READABLE;
        conn_write(conn);
        return !stream_has_buffered(&conn->stream) || !conn_is_listening(conn) || conn_read(conn);
    case STREAM_STATE_WANT_READ:
        conn->read_on = UV_READABLE;
        return true;
    case STREAM_STATE_WANT_WRITE:
        conn->read_on = UV_WRITABLE;
        return true;
    case STREAM_STATE_END:
        conn_end(conn, NET_END_ERROR, "closed by the other side during the TLS handshake");
        return false;
    case STREAM_STATE_FAILED:
        conn_end(conn, NET_END_ERROR, io.detail);
        return false;
    }
    return false;
}

static void conn_serve(struct net_conn *conn, int events, bool has_error)
{
    if (events & conn->write_on) {
        conn->write_on = 0;
        conn_write(conn);
    }
    bool is_dry = false;
    if (conn->state == CONN_STATE_HANDSHAKE)
        is_dry = conn_shake_hands(conn);
    else if (conn_is_listening(conn) && (events & conn->read_on))
        is_dry = conn_read(conn);
    /* libuv saw an error, and reading has not: say it, or it would be seen again and again. */
    if (has_error && is_dry && conn->state != CONN_STATE_CLOSED && conn->state != CONN_STATE_ENDED)
        conn_end(conn, NET_END_ERROR, stream_error(&conn->stream));
}

/* ---- the door ------------------------------------------------------------------------------------- */

static void poll_ready(uv_poll_t *poll, int status, int events)
{
    struct net_conn *conn = poll->data;
    if (status < 0) { /* libuv has stopped watching; reading and writing will find out what it is */
        conn->watched = 0;
        events = UV_READABLE | UV_WRITABLE;
    }
    conn_serve(conn, events, status < 0);
    /* Readable, and not wanted: now it has to be unwatched. */
    conn_watch(conn, UV_READABLE & ~events);
}

struct net_conn *net_conn_new(struct net_loop *loop, int fd, const struct net_events *events, void *owner)
{
    struct net_conn *conn = conn_new(loop, fd, events, owner);
    set_socket_options(fd);
    conn_watch(conn, 0);
    return conn;
}

struct net_conn *net_conn_borrow(struct net_loop *loop, int fd, void *borrowed_ssl, const struct net_events *events,
                                 void *owner)
{
    struct net_conn *conn = conn_new(loop, fd, events, owner);
    conn->stream.is_borrowed = true;
    stream_adopt_ssl(&conn->stream, borrowed_ssl);
    if (stream_has_buffered(&conn->stream))
        conn_owe(conn, CONN_DUE_INPUT);
    conn_watch(conn, 0);
    return conn;
}

void net_conn_set_events(struct net_conn *conn, const struct net_events *events, void *owner)
{
    conn->events = events;
    conn->owner = owner;
}

bool net_conn_start_tls(struct net_conn *conn, struct net_tls *tls)
{
    CHECK(conn->stream.ssl == NULL && !conn->stream.is_borrowed);
    conn_write(conn);
    if (conn->state != CONN_STATE_OPEN || conn->input.view.len > 0 || net_conn_backlog(conn) > 0)
        return false;
    stream_start_tls(&conn->stream, tls);
    conn->state = CONN_STATE_HANDSHAKE;
    conn_watch(conn, 0);
    return true;
}

bool net_conn_has_tls(const struct net_conn *conn)
{
    return conn->stream.ssl != NULL;
}

const char *net_conn_tls_version(const struct net_conn *conn)
{
    return stream_tls_version(&conn->stream);
}

const char *net_conn_peer(const struct net_conn *conn)
{
    return conn->peer;
}

/* The descriptor goes at once, its lender may want it back, or to a lingering of its own; libuv forgets it in
 * uv_close. The input stays: the owner may still be looking at it. */
void net_conn_close(struct net_conn *conn, bool linger)
{
    CHECK(conn->state != CONN_STATE_CLOSED);
    bool can_speak = linger && !conn->is_mute && conn->state != CONN_STATE_HANDSHAKE;
    if (can_speak && conn->stream.is_borrowed)
        conn_write(conn);
    conn->state = CONN_STATE_CLOSED;
    if (conn->is_blind)
        net_loop_defer(conn->loop, blind_closed, conn);
    else
        uv_close((uv_handle_t *)&conn->poll, poll_closed);
    if (!can_speak || conn->stream.is_borrowed) {
        stream_close(&conn->stream);
        return;
    }
    linger_start(conn->loop, conn->stream, conn->output, conn->is_deaf);
    conn->output = (struct output){0};
}
