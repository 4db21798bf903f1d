/* Frames: every length at its border, and every cut of a stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "wire/wire.h"

#define V(text)                                                                                                        \
    (struct view)                                                                                                      \
    {                                                                                                                  \
        text, sizeof text - 1                                                                                          \
    }

static const struct frame_limits defaults;

typedef enum frame_result (*taker)(struct view in, const struct frame_limits *limits, struct frame *frame,
                                   struct frame_error *error);

static enum frame_result peek(struct view in, const struct frame_limits *limits, struct frame *frame,
                              struct frame_error *error)
{
    return frame_peek_server(in, frame, error);
}

/* The header alone: type (0: none) and length. The copy has its exact size, so that a sanitizer sees the
 * first byte read too far. */
static enum frame_result header(taker take, char type, uint32_t length, struct frame_error *error)
{
    struct bytes text = {0};
    struct frame frame;
    if (type != '\0')
        bytes_add_char(&text, type);
    bytes_add_u32(&text, length);
    char *exact = check_alloc(text.len);
    memcpy(exact, text.data, text.len);
    enum frame_result result = take((struct view){exact, text.len}, &defaults, &frame, error);
    free(exact);
    bytes_fini(&text);
    return result;
}

static void assert_border(taker take, char type, uint32_t most)
{
    struct frame_error error = {0};
    assert_int_equal(header(take, type, most, &error), FRAME_RESULT_MORE);
    assert_null(error.message);
    assert_int_equal(header(take, type, most + 1, &error), FRAME_RESULT_BAD);
    assert_non_null(error.message);
    assert_int_equal(strlen(error.sqlstate), 5);
}

/* ---- start-up packets ------------------------------------------------------------------------------- */

static void startup_is_cut_out(void **state)
{
    struct view in = V("\0\0\0\x0d\0\3\0\0user\0Q");
    struct frame frame;
    struct frame_error error;
    for (size_t len = 0; len < 13; len++)
        assert_int_equal(frame_take_startup((struct view){in.data, len}, &defaults, &frame, &error), FRAME_RESULT_MORE);
    assert_int_equal(frame_take_startup(in, &defaults, &frame, &error), FRAME_RESULT_ONE);
    assert_int_equal(frame.type, 0);
    assert_int_equal(frame.size, 13);
    assert_true(view_equals(frame.body, V("\0\3\0\0user\0")));
}

static void startup_lengths(void **state)
{
    struct frame_error error;
    for (uint32_t length = 0; length < 8; length++)
        assert_int_equal(header(frame_take_startup, 0, length, &error), FRAME_RESULT_BAD);
    assert_int_equal(header(frame_take_startup, 0, 8, &error), FRAME_RESULT_MORE);
    assert_border(frame_take_startup, 0, 10000 + 4);
    assert_int_equal(header(frame_take_startup, 0, INT32_MAX, &error), FRAME_RESULT_BAD);
    assert_int_equal(header(frame_take_startup, 0, UINT32_MAX, &error), FRAME_RESULT_BAD);
    assert_string_equal(error.sqlstate, "08P01");
}

static void startup_in_another_language(void **state)
{
    struct frame frame;
    struct frame_error error;
    assert_int_equal(frame_take_startup(V("GET / HTTP/1.1\r\n"), &defaults, &frame, &error), FRAME_RESULT_BAD);
    assert_int_equal(frame_take_startup(V("\x16\x03\x01\x02\x00\x01"), &defaults, &frame, &error), FRAME_RESULT_BAD);
}

/* ---- agents' messages ------------------------------------------------------------------------------- */

static void agent_stream_is_cut(void **state)
{
    struct view in = V("Q\0\0\0\x0dSELECT 1\0S\0\0\0\4X\0\0\0\4");
    static const struct {
        char type;
        size_t body, size;
    } expected[] = {{'Q', 9, 14}, {'S', 0, 5}, {'X', 0, 5}};
    struct frame frame;
    struct frame_error error;
    for (size_t i = 0; i < 3; i++) {
        for (size_t len = 0; len < expected[i].size; len++)
            assert_int_equal(frame_take_agent((struct view){in.data, len}, &defaults, &frame, &error),
                             FRAME_RESULT_MORE);
        assert_int_equal(frame_take_agent(in, &defaults, &frame, &error), FRAME_RESULT_ONE);
        assert_int_equal(frame.type, expected[i].type);
        assert_int_equal(frame.body.len, expected[i].body);
        assert_int_equal(frame.size, expected[i].size);
        in = (struct view){in.data + frame.size, in.len - frame.size};
    }
    assert_int_equal(in.len, 0);
}

static void agent_types(void **state)
{
    static const char known[] = "BCDEFHPQSXcdfp";
    struct frame frame;
    struct frame_error error;
    for (int c = 0; c < 256; c++) {
        char type = (char)c;
        /* An unknown type is refused before its length is there. */
        enum frame_result expected = c && strchr(known, c) ? FRAME_RESULT_MORE : FRAME_RESULT_BAD;
        assert_int_equal(frame_take_agent((struct view){&type, 1}, &defaults, &frame, &error), expected);
    }
}

static void agent_lengths(void **state)
{
    struct frame_error error;
    for (uint32_t length = 0; length < 4; length++)
        assert_int_equal(header(frame_take_agent, 'Q', length, &error), FRAME_RESULT_BAD);
    assert_string_equal(error.sqlstate, "08P01");
    for (const char *type = "QP"; *type; type++)
        assert_border(frame_take_agent, *type, (1 << 20) + 4);
    for (const char *type = "Bd"; *type; type++)
        assert_border(frame_take_agent, *type, (16 << 20) + 4);
    for (const char *type = "CDEFHSXcfp"; *type; type++)
        assert_border(frame_take_agent, *type, (64 << 10) + 4);
    assert_int_equal(header(frame_take_agent, 'Q', (1 << 20) + 5, &error), FRAME_RESULT_BAD);
    assert_string_equal(error.sqlstate, "54000");
    for (uint32_t length = INT32_MAX; length != 0; length = length == INT32_MAX ? UINT32_MAX : 0)
        assert_int_equal(header(frame_take_agent, 'd', length, &error), FRAME_RESULT_BAD);
    assert_int_equal(header(frame_take_agent, 'd', 0x80000000, &error), FRAME_RESULT_BAD);
}

static void agent_limits_can_be_set(void **state)
{
    const struct frame_limits limits = {.query = 9, .other = 2};
    struct frame frame;
    struct frame_error error;
    assert_int_equal(frame_take_agent(V("Q\0\0\0\x0dSELECT 1\0"), &limits, &frame, &error), FRAME_RESULT_ONE);
    assert_int_equal(frame_take_agent(V("Q\0\0\0\x0e"), &limits, &frame, &error), FRAME_RESULT_BAD);
    assert_int_equal(frame_take_agent(V("E\0\0\0\x07"), &limits, &frame, &error), FRAME_RESULT_BAD);
    assert_int_equal(frame_take_agent(V("B\0\0\0\x70"), &limits, &frame, &error), FRAME_RESULT_MORE);
}

static void no_limits_are_the_defaults(void **state)
{
    struct frame frame;
    struct frame_error error;
    assert_int_equal(frame_take_agent(V("Q\0\x10\0\4"), NULL, &frame, &error), FRAME_RESULT_MORE);
    assert_int_equal(frame_take_agent(V("Q\0\x10\0\5"), NULL, &frame, &error), FRAME_RESULT_BAD);
    assert_int_equal(frame_take_startup(V("\0\0\x27\x14"), NULL, &frame, &error), FRAME_RESULT_MORE);
    assert_int_equal(frame_take_startup(V("\0\0\x27\x15"), NULL, &frame, &error), FRAME_RESULT_BAD);
}

/* ---- the server's messages -------------------------------------------------------------------------- */

static void server_header_is_enough(void **state)
{
    struct view in = V("D\0\0\0\x10"
                       "0123456789abZ\0\0\0\5I");
    struct frame frame;
    struct frame_error error;
    for (size_t len = 0; len < 5; len++)
        assert_int_equal(frame_peek_server((struct view){in.data, len}, &frame, &error), FRAME_RESULT_MORE);
    for (size_t len = 5; len <= in.len; len++) {
        assert_int_equal(frame_peek_server((struct view){in.data, len}, &frame, &error), FRAME_RESULT_ONE);
        assert_int_equal(frame.type, 'D');
        assert_int_equal(frame.size, 17);
        assert_int_equal(frame.body.len, len < 17 ? len - 5 : 12);
        assert_ptr_equal(frame.body.data, in.data + 5);
    }
}

static void server_lengths(void **state)
{
    struct frame_error error;
    struct frame_error none = {0};
    for (uint32_t length = 0; length < 4; length++)
        assert_int_equal(header(peek, 'D', length, &error), FRAME_RESULT_BAD);
    for (const char *type = "ADENTVdt"; *type; type++) {
        assert_int_equal(header(peek, *type, INT32_MAX, &none), FRAME_RESULT_ONE);
        assert_int_equal(header(peek, *type, 0x80000000, &error), FRAME_RESULT_BAD);
        assert_int_equal(header(peek, *type, UINT32_MAX, &error), FRAME_RESULT_BAD);
    }
    for (const char *type = "123CGHIKRSWZcnsv"; *type; type++) {
        assert_int_equal(header(peek, *type, 30000, &none), FRAME_RESULT_ONE);
        assert_int_equal(header(peek, *type, 30001, &error), FRAME_RESULT_BAD);
    }
    assert_null(none.message);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(startup_is_cut_out),
        cmocka_unit_test(startup_lengths),
        cmocka_unit_test(startup_in_another_language),
        cmocka_unit_test(agent_stream_is_cut),
        cmocka_unit_test(agent_types),
        cmocka_unit_test(agent_lengths),
        cmocka_unit_test(agent_limits_can_be_set),
        cmocka_unit_test(no_limits_are_the_defaults),
        cmocka_unit_test(server_header_is_enough),
        cmocka_unit_test(server_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
