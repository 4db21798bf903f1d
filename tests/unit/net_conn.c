/* Connections over Unix and TCP sockets: order and wholeness of what passes, back-pressure, ends of all
 * kinds, and closing from inside callbacks. */
#include "net_help.h"

/* An owner that counts what it hears and does what the test told it to. */
struct owner {
    struct net_loop *loop;
    struct net_conn *conn;
    void (*on_received)(struct owner *o);
    void (*on_drained)(struct owner *o);
    void (*on_ended)(struct owner *o);
    int received, drained, ended;
    enum net_end why;
    char detail[128];
    size_t taken, wanted, most_backlog;
    bool is_calling; /* one of our calls into net is on the stack: no callback may come */
    struct owner *other;
};

static void received(void *arg)
{
    struct owner *o = arg;
    assert_false(o->is_calling);
    assert_int_equal(o->ended, 0);
    o->received++;
    if (o->on_received)
        o->on_received(o);
}

static void drained(void *arg)
{
    struct owner *o = arg;
    assert_false(o->is_calling);
    assert_int_equal(o->ended, 0);
    o->drained++;
    if (o->on_drained)
        o->on_drained(o);
}

static void close_and_stop(struct owner *o)
{
    net_conn_close(o->conn, false);
    o->conn = NULL;
    net_loop_stop(o->loop);
}

static void ended(void *arg, enum net_end why, const char *detail)
{
    struct owner *o = arg;
    assert_false(o->is_calling);
    o->ended++;
    o->why = why;
    snprintf(o->detail, sizeof o->detail, "%s", detail);
    if (o->on_ended)
        o->on_ended(o);
    else
        close_and_stop(o);
}

static const struct net_events events = {received, drained, ended};

static void open_owner(struct owner *o, struct net_loop *loop, int fd)
{
    o->loop = loop;
    o->conn = net_conn_new(loop, fd, &events, o);
}

static void send_pattern(struct owner *o, size_t place, size_t len)
{
    char *data = check_alloc(len);
    pattern_fill(data, place, len);
    o->is_calling = true;
    net_conn_send(o->conn, (struct view){data, len});
    o->is_calling = false;
    memset(data, 'x', len); /* nobody may look at it any more */
    free(data);
}

static void take_all(struct owner *o)
{
    struct view v = net_conn_input(o->conn);
    assert_true(pattern_is(v.data, o->taken, v.len));
    o->taken += v.len;
    net_conn_consume(o->conn, v.len);
}

static void stop_at_wanted(struct owner *o)
{
    take_all(o);
    if (o->taken >= o->wanted)
        close_and_stop(o);
}

/* ---- big transfers -------------------------------------------------------------------------------- */

/* Sends back what comes; alternates between both ways of sending; pauses itself while congested. */
static void echo(struct owner *o)
{
    struct view v = net_conn_input(o->conn);
    assert_true(v.len > 0);
    assert_true(pattern_is(v.data, o->taken, v.len));
    o->taken += v.len;
    o->is_calling = true;
    if (o->received % 2) {
        net_conn_send(o->conn, v);
    } else {
        bytes_add_view(net_conn_output(o->conn), v);
        net_conn_flush(o->conn);
    }
    o->is_calling = false;
    net_conn_consume(o->conn, v.len);
    if (net_conn_backlog(o->conn) > o->most_backlog)
        o->most_backlog = net_conn_backlog(o->conn);
    if (net_conn_is_congested(o->conn))
        net_conn_pause(o->conn);
}

static void go_on(struct owner *o)
{
    assert_false(net_conn_is_congested(o->conn));
    o->is_calling = true;
    net_conn_resume(o->conn);
    o->is_calling = false;
}

static void close_with_last_words(struct owner *o)
{
    net_conn_close(o->conn, true);
    net_loop_stop(o->loop);
}

static void check_echo(int fds[2], size_t size)
{
    struct net_loop *loop = net_loop_new();
    struct owner o = {.on_received = echo, .on_drained = go_on, .on_ended = close_with_last_words};
    open_owner(&o, loop, fds[0]);
    struct transfer out = {.size = size, .peer = &fds[1], .io = fd_write, .finish = fd_finish};
    struct transfer in = {.size = size, .peer = &fds[1], .io = fd_read};
    transfer_start(&out, transfer_write);
    transfer_start(&in, transfer_read);
    net_loop_run(loop);
    net_loop_free(loop); /* not before the last words are out */
    transfer_end(&out);
    transfer_end(&in);
    close(fds[1]);
    assert_int_equal(in.done, size);
    assert_int_equal(o.taken, size);
    assert_int_equal(o.why, NET_END_PEER);
    assert_int_equal(o.ended, 1);
    assert_true(o.most_backlog <= 256 * 1024 + 64 * 1024);
}

static void test_echo_through_tiny_unix_buffers(void **state)
{
    int fds[2];
    pair_unix(fds, 4096);
    check_echo(fds, 20 * MiB);
}

static void test_echo_over_tcp(void **state)
{
    int fds[2];
    pair_tcp(fds, 0);
    check_echo(fds, 64 * MiB);
}

static void test_echo_over_tcp_with_tiny_buffers(void **state)
{
    int fds[2];
    pair_tcp(fds, 4096);
    check_echo(fds, 8 * MiB);
}

/* Two connections of one loop, as the proxy has them: what one receives the other sends, and each is paused
 * while the other is congested. */
static void relay(struct owner *o)
{
    struct view v = net_conn_input(o->conn);
    net_conn_send(o->other->conn, v);
    net_conn_consume(o->conn, v.len);
    o->taken += v.len;
    if (net_conn_is_congested(o->other->conn))
        net_conn_pause(o->conn);
}

static void resume_other(struct owner *o)
{
    net_conn_resume(o->other->conn);
}

static void close_both(struct owner *o)
{
    net_conn_close(o->other->conn, true);
    close_with_last_words(o);
}

static void test_relay_pauses_the_faster_side(void **state)
{
    int agent[2], server[2];
    pair_tcp(agent, 0);
    pair_unix(server, 8192);
    struct net_loop *loop = net_loop_new();
    struct owner a = {.on_received = relay, .on_drained = resume_other, .on_ended = close_both};
    struct owner b = a;
    a.other = &b;
    b.other = &a;
    open_owner(&a, loop, agent[0]);
    open_owner(&b, loop, server[0]);
    net_conn_set_water(b.conn, 1000, 10000);
    struct transfer out = {.size = 16 * MiB, .peer = &agent[1], .io = fd_write, .finish = fd_finish};
    struct transfer in = {.size = 16 * MiB, .peer = &server[1], .io = fd_read, .finish = fd_finish};
    transfer_start(&out, transfer_write);
    transfer_start(&in, transfer_read);
    net_loop_run(loop);
    net_loop_free(loop);
    transfer_end(&out);
    transfer_end(&in);
    close(agent[1]);
    close(server[1]);
    assert_true(b.drained > 0);
    assert_int_equal(a.ended, 1);
    assert_int_equal(b.ended, 0);
}

/* ---- input ---------------------------------------------------------------------------------------- */

/* Takes nothing until all is there: a message that is long in coming. */
static void wait_for_all(struct owner *o)
{
    struct view v = net_conn_input(o->conn);
    if (v.len < o->wanted)
        return;
    stop_at_wanted(o);
}

static void test_incomplete_message_grows(void **state)
{
    int fds[2];
    pair_tcp(fds, 0);
    struct net_loop *loop = net_loop_new();
    struct owner o = {.on_received = wait_for_all, .wanted = 30 * MiB};
    open_owner(&o, loop, fds[0]);
    struct transfer out = {.size = 30 * MiB, .peer = &fds[1], .io = fd_write};
    transfer_start(&out, transfer_write);
    net_loop_run(loop);
    transfer_end(&out);
    close(fds[1]);
    net_loop_free(loop);
    assert_int_equal(o.taken, 30 * MiB);
    assert_true(o.received > 10);
}

/* Takes odd pieces, so that something is always left, of every size. */
static void take_pieces(struct owner *o)
{
    struct view v = net_conn_input(o->conn);
    assert_true(pattern_is(v.data, o->taken, v.len));
    size_t piece = (size_t)o->received * 7919 % 150000;
    size_t len = v.len + o->taken >= o->wanted || v.len < piece ? v.len : v.len - piece;
    if (v.len < 200000 && o->received % 3 && v.len + o->taken < o->wanted)
        len = 0;
    o->taken += len;
    net_conn_consume(o->conn, len);
    if (o->taken >= o->wanted)
        close_and_stop(o);
}

static void test_leftovers_of_all_sizes(void **state)
{
    int fds[2];
    pair_tcp(fds, 0);
    struct net_loop *loop = net_loop_new();
    struct owner o = {.on_received = take_pieces, .wanted = 20 * MiB};
    open_owner(&o, loop, fds[0]);
    struct transfer out = {.size = 20 * MiB, .peer = &fds[1], .io = fd_write};
    transfer_start(&out, transfer_write);
    net_loop_run(loop);
    transfer_end(&out);
    close(fds[1]);
    net_loop_free(loop);
    assert_int_equal(o.taken, 20 * MiB);
}

static void pause_and_stop(struct owner *o)
{
    net_conn_pause(o->conn);
    net_loop_stop(o->loop);
}

/* Paused with input buffered and more on its way: nothing is offered until the resume, and then from a turn
 * of its own. */
static void test_pause_and_resume(void **state)
{
    int fds[2];
    pair_unix(fds, 0);
    struct net_loop *loop = net_loop_new();
    struct owner o = {.on_received = pause_and_stop};
    open_owner(&o, loop, fds[0]);
    char text[100];
    pattern_fill(text, 0, sizeof text);
    assert_int_equal(write(fds[1], text, 50), 50);
    net_loop_run(loop);
    assert_int_equal(o.received, 1);
    assert_int_equal(net_conn_input(o.conn).len, 50);

    assert_int_equal(write(fds[1], text + 50, 50), 50);
    net_loop_stop(loop);
    net_loop_run(loop);
    net_loop_stop(loop);
    net_loop_run(loop);
    assert_int_equal(o.received, 1);

    o.on_received = stop_at_wanted;
    o.wanted = 100;
    o.is_calling = true;
    net_conn_resume(o.conn);
    o.is_calling = false;
    assert_int_equal(o.received, 1);
    net_loop_run(loop);
    assert_int_equal(o.taken, 100);
    close(fds[1]);
    net_loop_free(loop);
}

static void just_stop(struct owner *o)
{
    net_loop_stop(o->loop);
}

static void test_resume_offers_what_is_buffered(void **state)
{
    int fds[2];
    pair_unix(fds, 0);
    struct net_loop *loop = net_loop_new();
    struct owner o = {.on_received = just_stop};
    open_owner(&o, loop, fds[0]);
    assert_int_equal(write(fds[1], "abc", 3), 3);
    net_loop_run(loop);
    net_conn_resume(o.conn); /* never paused: still a second look */
    net_loop_run(loop);
    assert_int_equal(o.received, 2);
    assert_true(view_is(net_conn_input(o.conn), "abc"));

    /* Consuming from elsewhere than `received`. */
    net_conn_consume(o.conn, 1);
    assert_true(view_is(net_conn_input(o.conn), "bc"));
    net_conn_consume(o.conn, 2);
    net_conn_resume(o.conn); /* nothing is left to offer */
    net_loop_stop(loop);
    net_loop_run(loop);
    assert_int_equal(o.received, 2);
    net_conn_close(o.conn, false);
    close(fds[1]);
    net_loop_free(loop);
}

static void test_new_owner(void **state)
{
    int fds[2];
    pair_unix(fds, 0);
    struct net_loop *loop = net_loop_new();
    struct owner first = {.on_received = just_stop}, second = {.on_received = just_stop};
    open_owner(&first, loop, fds[0]);
    net_conn_set_events(first.conn, &events, &second);
    assert_int_equal(write(fds[1], "abc", 3), 3);
    second.loop = loop;
    net_loop_run(loop);
    assert_int_equal(first.received, 0);
    assert_int_equal(second.received, 1);
    net_conn_close(first.conn, false);
    close(fds[1]);
    net_loop_free(loop);
}

/* ---- output --------------------------------------------------------------------------------------- */

/* Everything is taken into our memory at once, in order, whichever way it was handed over. */
static void test_backlog_is_sent_in_order(void **state)
{
    int fds[2];
    pair_unix(fds, 4096);
    struct net_loop *loop = net_loop_new();
    struct owner o = {.on_drained = just_stop};
    open_owner(&o, loop, fds[0]);
    size_t place = 0;
    for (int i = 0; i < 50; i++) {
        send_pattern(&o, place, 100 + (size_t)i * 997);
        place += 100 + (size_t)i * 997;
        char tail[33];
        pattern_fill(tail, place, sizeof tail);
        bytes_add(net_conn_output(o.conn), tail, sizeof tail);
        place += sizeof tail;
    }
    net_conn_flush(o.conn);
    assert_true(net_conn_is_congested(o.conn));
    assert_true(net_conn_backlog(o.conn) < place); /* some of it went at once */
    struct transfer in = {.size = place, .peer = &fds[1], .io = fd_read, .finish = fd_finish};
    transfer_start(&in, transfer_read);
    net_loop_run(loop);
    assert_int_equal(o.drained, 1);
    assert_false(net_conn_is_congested(o.conn));
    net_conn_close(o.conn, true);
    net_loop_free(loop);
    transfer_end(&in);
    close(fds[1]);
}

static void test_nothing_is_said_below_the_high_water(void **state)
{
    int fds[2];
    pair_unix(fds, 4096);
    struct net_loop *loop = net_loop_new();
    struct owner o = {0};
    open_owner(&o, loop, fds[0]);
    send_pattern(&o, 0, 200 * 1024);
    assert_true(net_conn_backlog(o.conn) > 0);
    assert_false(net_conn_is_congested(o.conn));
    struct transfer in = {.size = 200 * 1024, .peer = &fds[1], .io = fd_read, .finish = fd_finish};
    transfer_start(&in, transfer_read);
    net_loop_run(loop);
    transfer_end(&in);
    close(fds[1]);
    net_loop_free(loop);
    assert_int_equal(o.why, NET_END_PEER);
    assert_int_equal(o.drained, 0);
}

/* ---- ends ----------------------------------------------------------------------------------------- */

static void test_peer_closes(void **state)
{
    int fds[2];
    pair_tcp(fds, 0);
    struct net_loop *loop = net_loop_new();
    struct owner o = {.on_received = take_all};
    open_owner(&o, loop, fds[0]);
    char text[10];
    pattern_fill(text, 0, sizeof text);
    assert_int_equal(write(fds[1], text, sizeof text), sizeof text);
    close(fds[1]);
    net_loop_run(loop);
    net_loop_free(loop);
    assert_int_equal(o.taken, sizeof text);
    assert_int_equal(o.ended, 1);
    assert_int_equal(o.why, NET_END_PEER);
}

static void reset(int fd)
{
    struct linger at_once = {.l_onoff = 1};
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    close(fd);
}

static void test_peer_resets(void **state)
{
    int fds[2];
    pair_tcp(fds, 0);
    struct net_loop *loop = net_loop_new();
    struct owner o = {0};
    open_owner(&o, loop, fds[0]);
    reset(fds[1]);
    net_loop_run(loop);
    net_loop_free(loop);
    assert_int_equal(o.ended, 1);
    assert_int_equal(o.why, NET_END_ERROR);
    assert_string_equal(o.detail, "Connection reset by peer");
}

/* A connection that is paused and whose output is stuck hears of the reset by its output; one that is just
 * paused when it resumes. Neither makes the loop spin. */
static void test_peer_resets_while_paused(void **state)
{
    int fds[2];
    pair_tcp(fds, 4096);
    struct net_loop *loop = net_loop_new();
    struct owner o = {0};
    open_owner(&o, loop, fds[0]);
    net_conn_pause(o.conn);
    send_pattern(&o, 0, 8 * MiB);
    assert_true(net_conn_backlog(o.conn) > 0);
    reset(fds[1]);
    net_loop_run(loop);
    assert_int_equal(o.ended, 1);
    assert_int_equal(o.why, NET_END_ERROR);

    pair_tcp(fds, 0);
    struct owner p = {0};
    open_owner(&p, loop, fds[0]);
    net_conn_pause(p.conn);
    reset(fds[1]);
    net_loop_stop(loop);
    net_loop_run(loop);
    net_loop_stop(loop);
    net_loop_run(loop);
    assert_int_equal(p.ended, 0);
    net_conn_resume(p.conn);
    net_loop_run(loop);
    net_loop_free(loop);
    assert_int_equal(p.ended, 1);
    assert_int_equal(p.why, NET_END_ERROR);
}

/* A write that fails is told at the end of the turn, once, and not before what the other side had to say. */
static void test_last_words_come_before_a_failed_write(void **state)
{
    int fds[2];
    pair_unix(fds, 0);
    struct net_loop *loop = net_loop_new();
    struct owner o = {.on_received = take_all};
    open_owner(&o, loop, fds[0]);
    char text[10];
    pattern_fill(text, 0, sizeof text);
    assert_int_equal(write(fds[1], text, sizeof text), sizeof text);
    close(fds[1]);
    for (int i = 0; i < 3; i++)
        send_pattern(&o, 0, 100);
    assert_int_equal(o.ended, 0);
    assert_int_equal(o.received, 0);
    net_loop_run(loop);
    net_loop_free(loop);
    assert_int_equal(o.taken, sizeof text);
    assert_int_equal(o.ended, 1);
}

static void test_writes_after_the_end_vanish(void **state)
{
    int fds[2];
    pair_tcp(fds, 0);
    struct net_loop *loop = net_loop_new();
    struct owner o = {.on_ended = just_stop};
    open_owner(&o, loop, fds[0]);
    reset(fds[1]);
    net_loop_run(loop);
    for (int i = 0; i < 100; i++) {
        send_pattern(&o, 0, 100000);
        bytes_add_text(net_conn_output(o.conn), "more");
        net_conn_flush(o.conn);
    }
    assert_int_equal(net_conn_backlog(o.conn), 0);
    assert_false(net_conn_is_congested(o.conn));
    net_conn_close(o.conn, true);
    net_loop_free(loop);
    assert_int_equal(o.ended, 1);
}

/* ---- closing from inside callbacks ---------------------------------------------------------------- */

/* The input stays readable up to the end of the callback that closed. */
static void close_then_look(struct owner *o)
{
    struct view v = net_conn_input(o->conn);
    net_conn_close(o->conn, o->wanted > 0);
    assert_true(pattern_is(v.data, 0, v.len));
    net_loop_stop(o->loop);
}

static void check_close_in_received(bool linger, size_t size)
{
    int fds[2];
    pair_unix(fds, 0);
    struct net_loop *loop = net_loop_new();
    struct owner o = {.on_received = close_then_look, .wanted = linger};
    open_owner(&o, loop, fds[0]);
    char *text = check_alloc(size);
    pattern_fill(text, 0, size);
    assert_int_equal(write(fds[1], text, size), size);
    free(text);
    net_loop_run(loop);
    close(fds[1]);
    net_loop_free(loop);
    assert_int_equal(o.received, 1);
    assert_int_equal(o.ended, 0);
}

static void test_close_in_received(void **state)
{
    check_close_in_received(false, 10);
    check_close_in_received(true, 10);
    check_close_in_received(false, 100000); /* more than one read */
}

static void test_close_in_drained(void **state)
{
    int fds[2];
    pair_unix(fds, 4096);
    struct net_loop *loop = net_loop_new();
    struct owner o = {.on_drained = close_and_stop};
    open_owner(&o, loop, fds[0]);
    net_conn_set_water(o.conn, 500 * 1024, 600 * 1024);
    send_pattern(&o, 0, MiB);
    struct transfer in = {.size = UNTIL_THE_END, .peer = &fds[1], .io = fd_read};
    transfer_start(&in, transfer_read);
    net_loop_run(loop);
    transfer_end(&in);
    close(fds[1]);
    net_loop_free(loop);
    assert_int_equal(o.drained, 1);
}

/* A connection that is closed while it is owed a callback never gets it. */
static void close_other(struct owner *o)
{
    net_conn_resume(o->other->conn);
    net_conn_close(o->other->conn, false);
    close_and_stop(o);
}

static void test_close_another_with_a_callback_owed(void **state)
{
    int a[2], b[2];
    pair_unix(a, 0);
    pair_unix(b, 0);
    struct net_loop *loop = net_loop_new();
    struct owner o = {.on_received = close_other}, other = {.on_received = just_stop};
    o.other = &other;
    open_owner(&o, loop, a[0]);
    open_owner(&other, loop, b[0]);
    assert_int_equal(write(b[1], "abc", 3), 3);
    net_loop_run(loop);
    assert_int_equal(write(a[1], "abc", 3), 3);
    net_loop_run(loop);
    close(a[1]);
    close(b[1]);
    net_loop_free(loop);
    assert_int_equal(other.received, 1);
    assert_int_equal(other.ended, 0);
}

/* ---- lingering ------------------------------------------------------------------------------------ */

static void expect_end(void *fd)
{
    char more;
    CHECK(fd_read(fd, &more, 1) == 0); /* an orderly end, no reset */
    fd_finish(fd);
}

/* All of it arrives although the connection was closed with most of it unsent, and although there was
 * input that nobody read, which would otherwise reset the connection. */
static void check_linger(int fds[2], size_t size)
{
    struct net_loop *loop = net_loop_new();
    struct owner o = {0};
    open_owner(&o, loop, fds[0]);
    net_conn_pause(o.conn);
    assert_int_equal(write(fds[1], "unread", 6), 6);
    send_pattern(&o, 0, size);
    net_conn_close(o.conn, true);
    struct transfer in = {.size = size, .peer = &fds[1], .io = fd_read, .finish = expect_end};
    transfer_start(&in, transfer_read);
    net_loop_free(loop); /* waits for the last words, and for the peer to end its side */
    transfer_end(&in);
    close(fds[1]);
    assert_int_equal(in.done, size);
    assert_int_equal(o.ended, 0);
}

static void test_linger(void **state)
{
    int fds[2];
    pair_tcp(fds, 4096);
    check_linger(fds, 4 * MiB);
    pair_unix(fds, 4096);
    check_linger(fds, 4 * MiB);
    pair_tcp(fds, 0);
    check_linger(fds, 10);
}

/* Lingering ends by itself when the other side never reads, so a loop can always be freed. */
static void test_linger_gives_up(void **state)
{
    int fds[2];
    pair_unix(fds, 4096);
    struct net_loop *loop = net_loop_new();
    struct owner o = {0};
    open_owner(&o, loop, fds[0]);
    send_pattern(&o, 0, MiB);
    net_conn_close(o.conn, true);
    net_loop_free(loop);
    assert_int_equal(fcntl(fds[0], F_GETFD), -1);
    close(fds[1]);
}

static void test_close_without_linger_is_at_once(void **state)
{
    int fds[2];
    pair_unix(fds, 4096);
    struct net_loop *loop = net_loop_new();
    struct owner o = {0};
    open_owner(&o, loop, fds[0]);
    send_pattern(&o, 0, MiB);
    net_conn_close(o.conn, false);
    assert_int_equal(fcntl(fds[0], F_GETFD), -1);
    net_loop_free(loop);
    close(fds[1]);
}

/* ---- borrowed ------------------------------------------------------------------------------------- */

static void test_borrowed_descriptor_stays_open(void **state)
{
    int fds[2];
    pair_tcp(fds, 0);
    struct net_loop *loop = net_loop_new();
    struct owner o = {.on_received = stop_at_wanted, .loop = loop, .wanted = 3};
    o.conn = net_conn_borrow(loop, fds[0], NULL, &events, &o);
    char text[3];
    pattern_fill(text, 0, 3);
    assert_int_equal(write(fds[1], text, 3), 3);
    net_loop_run(loop);
    assert_int_equal(o.taken, 3);
    assert_int_not_equal(fcntl(fds[0], F_GETFD), -1);
    /* Its lender may close it at once, and the number may be another's a moment later. */
    close(fds[0]);
    int again[2];
    pair_unix(again, 0);
    struct owner p = {.on_received = just_stop};
    open_owner(&p, loop, again[0]);
    assert_int_equal(write(again[1], "x", 1), 1);
    net_loop_run(loop);
    assert_int_equal(p.received, 1);
    net_conn_close(p.conn, false);
    close(again[1]);
    close(fds[1]);
    net_loop_free(loop);
}

static void test_names_its_peer(void **state)
{
    int fds[2];
    struct net_loop *loop = net_loop_new();
    struct owner o = {0}, p = {0};
    pair_tcp(fds, 0);
    open_owner(&o, loop, fds[0]);
    struct sockaddr_in from;
    socklen_t len = sizeof from;
    assert_int_equal(getsockname(fds[1], (struct sockaddr *)&from, &len), 0);
    char expected[32];
    snprintf(expected, sizeof expected, "127.0.0.1:%d", ntohs(from.sin_port));
    assert_string_equal(net_conn_peer(o.conn), expected);
    assert_false(net_conn_has_tls(o.conn));
    assert_null(net_conn_tls_version(o.conn));
    close(fds[1]);
    pair_unix(fds, 0);
    open_owner(&p, loop, fds[0]);
    assert_string_equal(net_conn_peer(p.conn), "unix");
    close(fds[1]);
    net_conn_close(o.conn, false);
    net_conn_close(p.conn, false);
    net_loop_free(loop);
}

/* ---- what can't be watched ------------------------------------------------------------------------ */

/* epoll takes no such descriptor; as when the system's limit is reached, that connection ends, and only that. */
static void test_a_descriptor_that_cannot_be_watched(void **state)
{
    for (int is_borrowed = 0; is_borrowed < 2; is_borrowed++) {
        struct net_loop *loop = net_loop_new();
        struct owner o = {.loop = loop};
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0);
        o.is_calling = true;
        o.conn = is_borrowed ? net_conn_borrow(loop, fd, NULL, &events, &o) : net_conn_new(loop, fd, &events, &o);
        o.is_calling = false;
        send_pattern(&o, 0, 100);
        net_conn_resume(o.conn);
        net_loop_run(loop);
        assert_int_equal(o.ended, 1);
        assert_int_equal(o.received, 0);
        assert_int_equal(o.why, NET_END_ERROR);
        assert_string_equal(o.detail, "operation not permitted");
        assert_int_equal(fcntl(fd, F_GETFD) >= 0, is_borrowed);
        if (is_borrowed)
            close(fd);
        net_loop_free(loop);
    }
}

/* Its owner needn't wait to be told. */
static void test_one_that_cannot_be_watched_is_closed_at_once(void **state)
{
    struct net_loop *loop = net_loop_new();
    struct owner o = {.loop = loop};
    o.conn = net_conn_new(loop, open("/dev/null", O_RDWR | O_CLOEXEC), &events, &o);
    net_conn_close(o.conn, true);
    net_loop_stop(loop);
    net_loop_run(loop);
    assert_int_equal(o.ended, 0);
    net_loop_free(loop);
}

int main(void)
{
    alarm(HELP_LIMIT_SECONDS);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo_through_tiny_unix_buffers),
        cmocka_unit_test(test_echo_over_tcp),
        cmocka_unit_test(test_echo_over_tcp_with_tiny_buffers),
        cmocka_unit_test(test_relay_pauses_the_faster_side),
        cmocka_unit_test(test_incomplete_message_grows),
        cmocka_unit_test(test_leftovers_of_all_sizes),
        cmocka_unit_test(test_pause_and_resume),
        cmocka_unit_test(test_resume_offers_what_is_buffered),
        cmocka_unit_test(test_new_owner),
        cmocka_unit_test(test_backlog_is_sent_in_order),
        cmocka_unit_test(test_nothing_is_said_below_the_high_water),
        cmocka_unit_test(test_peer_closes),
        cmocka_unit_test(test_peer_resets),
        cmocka_unit_test(test_peer_resets_while_paused),
        cmocka_unit_test(test_last_words_come_before_a_failed_write),
        cmocka_unit_test(test_writes_after_the_end_vanish),
        cmocka_unit_test(test_close_in_received),
        cmocka_unit_test(test_close_in_drained),
        cmocka_unit_test(test_close_another_with_a_callback_owed),
        cmocka_unit_test(test_linger),
        cmocka_unit_test(test_linger_gives_up),
        cmocka_unit_test(test_close_without_linger_is_at_once),
        cmocka_unit_test(test_borrowed_descriptor_stays_open),
        cmocka_unit_test(test_names_its_peer),
        cmocka_unit_test(test_a_descriptor_that_cannot_be_watched),
        cmocka_unit_test(test_one_that_cannot_be_watched_is_closed_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
