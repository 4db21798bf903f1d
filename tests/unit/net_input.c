/* The quiet parts of a connection: what its input and output own, and when. */
#include "net_help.h"

#include "input.h"
#include "output.h"

enum { SHARED = 64 * 1024 };

struct rig {
    int fds[2];
    struct stream stream;
    struct input in;
    char *shared;
    size_t written, consumed;
};

static void rig_new(struct rig *r)
{
    *r = (struct rig){.shared = check_alloc(SHARED)};
    pair_unix(r->fds, 1 * MiB);
    r->stream.fd = r->fds[0];
}

static void rig_free(struct rig *r)
{
    input_fini(&r->in);
    close(r->fds[0]);
    close(r->fds[1]);
    free(r->shared);
}

static void arrive(struct rig *r, size_t len)
{
    char *data = check_alloc(len);
    pattern_fill(data, r->written, len);
    CHECK(write(r->fds[1], data, len) == (ssize_t)len);
    r->written += len;
    free(data);
}

/* Looking at all of a long backlog each time would take the test minutes. */
static bool begins_right(struct rig *r)
{
    return pattern_is(r->in.view.data, r->consumed, r->in.view.len < 70000 ? r->in.view.len : 1000);
}

static struct stream_io fill(struct rig *r)
{
    struct stream_io io = input_fill(&r->in, &r->stream, r->shared, SHARED);
    assert_true(begins_right(r));
    return io;
}

/* The owner's turn: it takes `len`; then the shared buffer is another's. */
static void serve(struct rig *r, size_t len)
{
    input_consume(&r->in, len);
    r->consumed += len;
    input_settle(&r->in);
    memset(r->shared, 'x', SHARED);
    assert_true(begins_right(r));
}

static void test_whole_messages_leave_nothing(void **state)
{
    struct rig r;
    rig_new(&r);
    for (int i = 0; i < 3; i++) {
        arrive(&r, 1000);
        struct stream_io io = fill(&r);
        assert_int_equal(io.len, 1000);
        assert_int_equal(io.state, STREAM_STATE_WANT_READ); /* a short read needs no second */
        assert_ptr_equal(r.in.view.data, r.shared);
        serve(&r, 1000);
        assert_null(r.in.kept.data);
    }
    rig_free(&r);
}

static void test_a_full_buffer_may_mean_more(void **state)
{
    struct rig r;
    rig_new(&r);
    arrive(&r, SHARED);
    struct stream_io io = fill(&r);
    assert_int_equal(io.len, SHARED);
    assert_int_equal(io.state, STREAM_STATE_MORE);
    serve(&r, SHARED);
    io = fill(&r);
    assert_int_equal(io.len, 0);
    assert_int_equal(io.state, STREAM_STATE_WANT_READ);
    close(r.fds[1]);
    assert_int_equal(fill(&r).state, STREAM_STATE_END);
    r.fds[1] = -1;
    rig_free(&r);
}

/* Of a stream of rows, only the one that straddles two reads is copied, and only it is kept. */
static void test_a_straddling_message(void **state)
{
    struct rig r;
    rig_new(&r);
    for (int i = 0; i < 10; i++) {
        arrive(&r, 30000);
        fill(&r);
        assert_ptr_equal(r.in.view.data, r.shared);
        serve(&r, r.in.view.len - 500);
        assert_int_equal(r.in.view.len, 500);
        assert_true(r.in.kept.cap <= 512);
    }
    /* A read that brings nothing leaves what was there. */
    assert_int_equal(fill(&r).len, 0);
    assert_int_equal(r.in.view.len, 500);
    serve(&r, 500);
    assert_null(r.in.kept.data);
    rig_free(&r);
}

/* Memory stays in proportion to what has arrived, and bytes aren't moved again and again. */
static void test_a_long_message_grows_by_doubling(void **state)
{
    struct rig r;
    rig_new(&r);
    const void *last = NULL;
    int moves = 0, reads = 0;
    while (r.in.view.len < 8 * MiB) {
        arrive(&r, 20000);
        while (r.consumed + r.in.view.len < r.written) {
            fill(&r);
            serve(&r, 0);
            reads++;
        }
        moves += r.in.kept.data != last;
        last = r.in.kept.data;
        assert_true(r.in.kept.cap <= 4 * r.in.view.len);
    }
    assert_true(reads > 400);
    assert_true(moves < 20);
    assert_true(pattern_is(r.in.view.data, 0, r.in.view.len));

    /* Taken, but for the beginning of the next: the memory goes back at once. */
    serve(&r, r.in.view.len - 100);
    assert_true(r.in.kept.cap <= 256);
    rig_free(&r);
}

/* An owner that takes small pieces of a long backlog: it must not be moved for each of them. */
static void test_small_bites_of_a_large_backlog(void **state)
{
    struct rig r;
    rig_new(&r);
    while (r.in.view.len < 2 * MiB) {
        arrive(&r, 100000);
        while (r.consumed + r.in.view.len < r.written) {
            fill(&r);
            serve(&r, 0);
        }
    }
    const void *last = r.in.kept.data;
    int moves = 0;
    while (r.in.view.len > 0) {
        serve(&r, r.in.view.len < 100 ? r.in.view.len : 100);
        moves += r.in.kept.data != last;
        last = r.in.kept.data;
        assert_true(r.in.kept.cap <= 4 * r.in.view.len + 256);
    }
    assert_true(moves < 20);
    assert_null(r.in.kept.data);
    rig_free(&r);
}

/* One bite out, one bite in, with much standing: the worst there is for a buffer that compacts. */
static void test_a_standing_backlog_is_not_moved_each_time(void **state)
{
    struct rig r;
    rig_new(&r);
    while (r.in.view.len < MiB) {
        arrive(&r, 100000);
        while (r.consumed + r.in.view.len < r.written) {
            fill(&r);
            serve(&r, 0);
        }
    }
    int moves = 0;
    for (int i = 0; i < 20000; i++) {
        const char *before = r.in.view.data;
        arrive(&r, 100);
        fill(&r);
        moves += r.in.view.data != before;
        input_consume(&r.in, 100);
        r.consumed += 100;
        before = r.in.view.data;
        input_settle(&r.in);
        moves += r.in.view.data != before;
    }
    assert_true(pattern_is(r.in.view.data, r.consumed, r.in.view.len));
    assert_true(moves < 20);
    rig_free(&r);
}

/* ---- output --------------------------------------------------------------------------------------- */

static void test_output_owns_nothing_when_empty(void **state)
{
    struct net_loop *loop = net_loop_new();
    struct output out;
    output_init(&out);
    bytes_add_text(output_open(&out, loop), "abc");
    const char *first = out.waiting.data;
    output_took(&out, loop, 1);
    assert_true(view_is(output_waiting(&out), "bc"));
    output_took(&out, loop, 2);
    assert_null(out.waiting.data);
    assert_int_equal(output_waiting(&out).len, 0);
    /* The next one to write uses the same memory: nothing was allocated. */
    struct output other;
    output_init(&other);
    assert_ptr_equal(output_open(&other, loop)->data, first);
    assert_int_equal(other.waiting.len, 0);
    output_fini(&other);
    net_loop_free(loop);
}

static void test_water_marks(void **state)
{
    struct net_loop *loop = net_loop_new();
    struct output out;
    output_init(&out);
    out.low = 10;
    out.high = 20;
    char text[30] = {0};
    bytes_add(output_open(&out, loop), text, 20);
    assert_false(output_is_congested(&out));
    output_took(&out, loop, 15);
    assert_false(output_has_drained(&out)); /* was never over the high mark */
    bytes_add(output_open(&out, loop), text, 30);
    assert_true(output_is_congested(&out));
    output_took(&out, loop, 20);
    assert_false(output_has_drained(&out)); /* 15 are left */
    output_took(&out, loop, 5);
    assert_true(output_has_drained(&out));
    assert_false(output_has_drained(&out)); /* said once */
    output_fini(&out);
    net_loop_free(loop);
}

int main(void)
{
    alarm(HELP_LIMIT_SECONDS);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_messages_leave_nothing),
        cmocka_unit_test(test_a_full_buffer_may_mean_more),
        cmocka_unit_test(test_a_straddling_message),
        cmocka_unit_test(test_a_long_message_grows_by_doubling),
        cmocka_unit_test(test_small_bites_of_a_large_backlog),
        cmocka_unit_test(test_a_standing_backlog_is_not_moved_each_time),
        cmocka_unit_test(test_output_owns_nothing_when_empty),
        cmocka_unit_test(test_water_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
