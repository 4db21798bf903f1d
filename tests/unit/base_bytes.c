/* Buffers grow and shrink without losing a byte; a reader never looks behind its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "base_support.h"

static void test_views(void **state)
{
    assert_int_equal(view_of(NULL).len, 0);
    assert_null(view_of(NULL).data);
    assert_true(view_equals(view_of(NULL), view_of("")));
    assert_true(view_is((struct view){"a\0b", 1}, "a"));
    assert_false(view_is((struct view){"a\0b", 3}, "a"));
    assert_false(view_is(view_of("a"), "ab"));
    assert_false(view_equals(view_of("a"), view_of("b")));
    assert_true(view_starts(view_of("abc"), ""));
    assert_true(view_starts(view_of(NULL), ""));
    assert_true(view_starts(view_of("abc"), "abc"));
    assert_false(view_starts(view_of("abc"), "abcd"));
    assert_false(view_starts(view_of("abc"), "b"));
    assert_false(view_starts(view_of(NULL), "b"));
}

static void test_growth_keeps_the_contents(void **state)
{
    struct bytes b = {0};
    for (int i = 0; i < 100000; i++)
        bytes_add_char(&b, (char)(i % 253));
    assert_int_equal(b.len, 100000);
    assert_true(b.cap >= b.len);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(b.data[i], (char)(i % 253));
    size_t cap = b.cap;
    bytes_clear(&b);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.cap, cap);
    bytes_fini(&b);
    assert_null(b.data);
    assert_int_equal(b.cap, 0);
    bytes_fini(&b);
}

static void test_room_of_any_size(void **state)
{
    for (size_t have = 0; have < 600; have += 37) {
        for (size_t more = 0; more < 1200; more += 11) {
            struct bytes b = {0};
            for (size_t i = 0; i < have; i++)
                bytes_add_char(&b, 'h');
            char *room = bytes_room(&b, more);
            if (more > 0)
                memset(room, 'r', more);
            b.len += more;
            assert_true(b.cap >= b.len);
            bytes_fini(&b);
        }
    }
}

static void test_adding_nothing(void **state)
{
    struct bytes b = {0};
    bytes_add(&b, NULL, 0);
    bytes_add_text(&b, "");
    bytes_add_view(&b, (struct view){0});
    bytes_add_format(&b, "%s", "");
    bytes_drop(&b, 0);
    assert_int_equal(b.len, 0);
    assert_string_equal(bytes_text(&b), "");
    assert_int_equal(bytes_view(&b).len, 0);
    bytes_fini(&b);
}

static void test_integers_are_big_endian(void **state)
{
    struct bytes b = {0};
    bytes_add_u16(&b, 0x0102);
    bytes_add_u32(&b, 0xfffefdfc);
    bytes_add_u16(&b, UINT16_MAX);
    bytes_add_u32(&b, 1);
    assert_int_equal(b.len, 12);
    assert_memory_equal(b.data, "\x01\x02\xff\xfe\xfd\xfc\xff\xff\x00\x00\x00\x01", 12);
    struct reader r = reader_of(bytes_view(&b));
    assert_int_equal(reader_u16(&r), 0x0102);
    assert_int_equal(reader_u32(&r), 0xfffefdfc);
    assert_int_equal(reader_u16(&r), UINT16_MAX);
    assert_false(reader_done(&r));
    assert_int_equal(reader_u32(&r), 1);
    assert_true(reader_done(&r));
    bytes_fini(&b);
}

static void test_format(void **state)
{
    struct bytes b = {0};
    /* Lengths around the first allocation, where the NUL needs room that the text doesn't. */
    for (int len = 250; len < 260; len++) {
        bytes_clear(&b);
        bytes_add_format(&b, "%*d", len, 7);
        assert_int_equal(b.len, len);
        assert_int_equal(b.data[len - 1], '7');
        bytes_fini(&b);
    }
    bytes_add_text(&b, "n=");
    bytes_add_format(&b, "%d %s", -5, "x");
    assert_string_equal(bytes_text(&b), "n=-5 x");
    assert_int_equal(b.len, 6);
    bytes_fini(&b);
}

static void test_text_does_not_count_its_nul(void **state)
{
    struct bytes b = {0};
    for (int i = 0; i < 600; i++) {
        assert_int_equal(strlen(bytes_text(&b)), i);
        assert_int_equal(b.len, i);
        bytes_add_char(&b, 'x');
    }
    bytes_fini(&b);
}

static void test_drop_from_the_front(void **state)
{
    struct bytes b = {0};
    bytes_add_text(&b, "abcdef");
    bytes_drop(&b, 2);
    assert_true(view_is(bytes_view(&b), "cdef"));
    bytes_drop(&b, 0);
    bytes_drop(&b, 3);
    assert_true(view_is(bytes_view(&b), "f"));
    bytes_drop(&b, 1);
    assert_int_equal(b.len, 0);
    bytes_fini(&b);
}

/* A buffer as a queue: what comes out is what went in. */
static void test_queue_of_random_pieces(void **state)
{
    struct bytes b = {0};
    uint64_t numbers = 11;
    uint8_t in = 0, out = 0;
    for (int round = 0; round < 5000; round++) {
        for (size_t add = next_number(&numbers) % 97; add > 0; add--)
            bytes_add_char(&b, (char)in++);
        size_t drop = next_number(&numbers) % (b.len + 1);
        for (size_t i = 0; i < drop; i++)
            assert_int_equal((uint8_t)b.data[i], out++);
        bytes_drop(&b, drop);
    }
    assert_int_equal((uint8_t)(in - out), (uint8_t)b.len);
    bytes_fini(&b);
}

static void drop_too_much(void)
{
    struct bytes b = {0};
    bytes_add_text(&b, "ab");
    bytes_drop(&b, 3);
}

static void ask_too_much(void)
{
    struct bytes b = {0};
    bytes_add_text(&b, "ab");
    bytes_room(&b, SIZE_MAX);
}

static void test_our_mistakes_end_the_process(void **state)
{
    assert_true(fails_check(drop_too_much));
    assert_true(fails_check(ask_too_much));
}

static void test_reader_of_nothing(void **state)
{
    struct reader r = reader_of((struct view){0});
    assert_int_equal(reader_left(&r), 0);
    assert_true(reader_done(&r));
    assert_int_equal(reader_take(&r, 0).len, 0);
    assert_true(reader_done(&r));
    assert_int_equal(reader_u8(&r), 0);
    assert_true(r.bad);
    assert_false(reader_done(&r));
    r = reader_of(view_of(""));
    assert_int_equal(reader_text(&r).len, 0);
    assert_true(r.bad);
}

static void test_bad_stays_bad(void **state)
{
    struct reader r = reader_of((struct view){"\x01\x02\x03", 3});
    assert_int_equal(reader_u32(&r), 0);
    assert_true(r.bad);
    /* Three bytes are there, and still nothing is read any more. */
    assert_int_equal(reader_u8(&r), 0);
    assert_int_equal(reader_u16(&r), 0);
    assert_int_equal(reader_take(&r, 1).len, 0);
    assert_null(reader_take(&r, 0).data);
    assert_int_equal(reader_text(&r).len, 0);
    assert_false(reader_done(&r));
}

static void test_huge_lengths_are_short_reads(void **state)
{
    static const size_t sizes[] = {5, INT32_MAX, UINT32_MAX, SIZE_MAX / 2, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct reader r = reader_of(view_of("four"));
        assert_null(reader_take(&r, sizes[i]).data);
        assert_true(r.bad);
    }
}

static void test_text_ends_at_its_nul(void **state)
{
    struct reader r = reader_of((struct view){"ab\0\0c", 5});
    assert_true(view_is(reader_text(&r), "ab"));
    struct view empty = reader_text(&r);
    assert_int_equal(empty.len, 0);
    assert_non_null(empty.data);
    assert_false(r.bad);
    /* No NUL behind the c. */
    assert_null(reader_text(&r).data);
    assert_true(r.bad);
}

static void read_once(struct reader *r, uint64_t choice)
{
    const char *end = r->end;
    size_t left = reader_left(r);
    struct view v = {0};
    switch (choice % 5) {
    case 0:
        reader_u8(r);
        break;
    case 1:
        reader_u16(r);
        break;
    case 2:
        reader_u32(r);
        break;
    case 3:
        v = reader_take(r, (size_t)(choice / 5 % 9));
        break;
    case 4:
        v = reader_text(r);
        break;
    }
    assert_ptr_equal(r->end, end);
    assert_true(reader_left(r) <= left);
    for (size_t i = 0; i < v.len; i++) {
        /* Touches each byte that was handed out. */
        volatile char c = v.data[i];
        (void)c;
    }
}

/* Every length, every kind of read, with a page behind the end that can't be read. */
static void test_reader_never_passes_its_end(void **state)
{
    uint64_t numbers = 3;
    for (size_t len = 0; len < 40; len++) {
        for (int round = 0; round < 60; round++) {
            char data[40];
            for (size_t i = 0; i < len; i++)
                data[i] = (char)(next_number(&numbers) % 4);
            struct guarded g = guarded_new((struct view){data, len});
            struct reader r = reader_of(g.view);
            while (!r.bad && !reader_done(&r))
                read_once(&r, next_number(&numbers));
            for (uint64_t kind = 0; kind < 5; kind++)
                read_once(&r, kind + 5);
            guarded_free(&g);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_growth_keeps_the_contents),
        cmocka_unit_test(test_room_of_any_size),
        cmocka_unit_test(test_adding_nothing),
        cmocka_unit_test(test_integers_are_big_endian),
        cmocka_unit_test(test_format),
        cmocka_unit_test(test_text_does_not_count_its_nul),
        cmocka_unit_test(test_drop_from_the_front),
        cmocka_unit_test(test_queue_of_random_pieces),
        cmocka_unit_test(test_our_mistakes_end_the_process),
        cmocka_unit_test(test_reader_of_nothing),
        cmocka_unit_test(test_bad_stays_bad),
        cmocka_unit_test(test_huge_lengths_are_short_reads),
        cmocka_unit_test(test_text_ends_at_its_nul),
        cmocka_unit_test(test_reader_never_passes_its_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
