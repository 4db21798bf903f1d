/* Order, and no copies where the input lies together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stream.h"

struct sink {
    struct bytes all;
    const char *last; /* where the last piece lay */
    int pieces;
};

static void sent(void *arg, struct view v)
{
    struct sink *sink = arg;
    bytes_add_view(&sink->all, v);
    sink->last = v.data;
    sink->pieces++;
}

static void what_lies_together_is_one_view_of_the_input(void **state)
{
    static const char input[] = "onetwothree";
    struct sink sink = {0};
    struct stream stream = {.send = sent, .arg = &sink};
    stream_pass(&stream, (struct view){input, 3});
    stream_pass(&stream, (struct view){input + 3, 3});
    stream_pass(&stream, (struct view){input + 6, 5});
    stream_flush(&stream);
    assert_ptr_equal(sink.last, input);
    assert_int_equal(sink.pieces, 1);
    assert_string_equal(bytes_text(&sink.all), "onetwothree");
    stream_flush(&stream);
    assert_int_equal(sink.pieces, 1); /* nothing is nothing */
    bytes_fini(&sink.all);
    stream_fini(&stream);
}

static void what_is_made_keeps_its_place(void **state)
{
    static const char input[] = "onetwothree";
    struct sink sink = {0};
    struct stream stream = {.send = sent, .arg = &sink};
    stream_pass(&stream, (struct view){input, 3});
    bytes_add_text(stream_make(&stream), "-");
    stream_pass(&stream, (struct view){input + 3, 3});
    bytes_add_text(stream_make(&stream), "-");
    stream_pass(&stream, (struct view){input + 6, 5});
    stream_flush(&stream);
    assert_string_equal(bytes_text(&sink.all), "one-two-three");
    assert_int_equal(sink.pieces, 1);
    assert_null(stream.made.data); /* an idle stream keeps no buffer */
    bytes_fini(&sink.all);
}

static void a_gap_in_the_input_is_no_gap_in_the_stream(void **state)
{
    static const char input[] = "one two";
    struct sink sink = {0};
    struct stream stream = {.send = sent, .arg = &sink};
    stream_pass(&stream, (struct view){input, 3});
    stream_pass(&stream, (struct view){input + 4, 3});
    stream_flush(&stream);
    assert_string_equal(bytes_text(&sink.all), "onetwo");
    bytes_add_text(stream_make(&stream), "!");
    stream_flush(&stream);
    assert_string_equal(bytes_text(&sink.all), "onetwo!");
    bytes_fini(&sink.all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_lies_together_is_one_view_of_the_input),
        cmocka_unit_test(what_is_made_keeps_its_place),
        cmocka_unit_test(a_gap_in_the_input_is_no_gap_in_the_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
