/* Line and column of a member, counted as an editor counts them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/place.h"
#include "base_support.h"

struct place_case {
    const char *path[8];
    int line, column;
};

static void expect_places(const char *json, const struct place_case *cases, size_t count)
{
    struct guarded g = guarded_new(view_of(json));
    for (size_t i = 0; i < count; i++) {
        struct place place = place_find(g.view, cases[i].path);
        if (place.line != cases[i].line || place.column != cases[i].column)
            fail_msg("case %zu: %d:%d, not %d:%d", i, place.line, place.column, cases[i].line, cases[i].column);
    }
    guarded_free(&g);
}

#define EXPECT(json, ...)                                                                                              \
    do {                                                                                                               \
        static const struct place_case cases[] = {__VA_ARGS__};                                                        \
        expect_places(json, cases, sizeof cases / sizeof *cases);                                                      \
    } while (0)

static void test_members(void **state)
{
    EXPECT("{\n"
           "  \"listen\": \"127.0.0.1\",\n"
           "  \"agents\": {\n"
           "    \"bot\": {\"password\": \"x\", \"databases\": [\"app\"]}, \"other\" : {}\n"
           "  },\n"
           "\t\"last\":null\n"
           "}\n",
           {{NULL}, 1, 1}, {{"listen"}, 2, 3}, {{"agents"}, 3, 3}, {{"agents", "bot"}, 4, 5},
           {{"agents", "bot", "password"}, 4, 13}, {{"agents", "bot", "databases"}, 4, 30},
           {{"agents", "bot", "databases", "0"}, 4, 44}, {{"agents", "other"}, 4, 53}, {{"last"}, 6, 2});
}

static void test_what_is_not_there(void **state)
{
    EXPECT("{\"a\": {\"b\": 1}, \"c\": [], \"d\": {}, \"e\": \"text\", \"f\": [1]}", {{"b"}, 0, 0}, {{"A"}, 0, 0},
           {{"a", "c"}, 0, 0}, {{"a", "b", "b"}, 0, 0}, {{"c", "0"}, 0, 0}, {{"d", "0"}, 0, 0}, {{"d", ""}, 0, 0},
           {{"e", "text"}, 0, 0}, {{"f", "1"}, 0, 0}, {{"f", "0", "0"}, 0, 0}, {{""}, 0, 0});
    EXPECT("", {{NULL}, 1, 1}, {{"a"}, 0, 0});
    EXPECT("5", {{"5"}, 0, 0}, {{"0"}, 0, 0});
    EXPECT("\"a\"", {{"a"}, 0, 0});
    EXPECT(" \n ", {{"a"}, 0, 0});
    struct place place = place_find((struct view){0}, (const char *const[]){"a", NULL});
    assert_int_equal(place.line, 0);
}

static void test_nested_arrays(void **state)
{
    EXPECT("[[], [1, [2, [3]]],\n [[[\"x\"]], {\"k\": [0,\n{\"z\":1}]}]]", {{"0"}, 1, 2}, {{"0", "0"}, 0, 0},
           {{"1"}, 1, 6}, {{"1", "0"}, 1, 7}, {{"1", "1"}, 1, 10}, {{"1", "1", "1", "0"}, 1, 15}, {{"2"}, 2, 2},
           {{"2", "0", "0", "0"}, 2, 5}, {{"2", "1"}, 2, 12}, {{"2", "1", "k"}, 2, 13}, {{"2", "1", "k", "0"}, 2, 19},
           {{"2", "1", "k", "1", "z"}, 3, 2}, {{"2", "1", "k", "2"}, 0, 0}, {{"3"}, 0, 0});
    EXPECT("[0,1,2,3,4,5,6,7,8,9,10,11]", {{"9"}, 1, 20}, {{"10"}, 1, 22}, {{"11"}, 1, 25}, {{"12"}, 0, 0});
}

/* An array has elements with numbers; another word names none of them. */
static void test_index_is_a_number(void **state)
{
    EXPECT("[10, 11]", {{"0"}, 1, 2}, {{"1"}, 1, 6}, {{"name"}, 0, 0}, {{""}, 0, 0}, {{"1x"}, 0, 0}, {{" 1"}, 0, 0},
           {{"+1"}, 0, 0}, {{"-1"}, 0, 0}, {{"01"}, 0, 0}, {{"99999999999999999999"}, 0, 0}, {{"-0"}, 0, 0});
    EXPECT("{\"0\": 1, \"01\": 2}", {{"0"}, 1, 2}, {{"01"}, 1, 10});
}

static void test_strings_hide_their_contents(void **state)
{
    EXPECT("{\"a\": \"{\\\"b\\\": 1}, [\", \"\\\\\": 1, \"t\": \"\\\\\", \"u\": [\"]\", \"}\\\"\"], \"b\": "
           "\"\\\\\\\"\", \"c\": 0}",
           {{"a"}, 1, 2}, {{"t"}, 1, 33}, {{"u"}, 1, 44}, {{"u", "0"}, 1, 50}, {{"u", "1"}, 1, 55}, {{"b"}, 1, 63},
           {{"c"}, 1, 76});
    EXPECT("{\":\": 1, \",\": {\"]\": 2}, \"\": {\"\": 3}}", {{":"}, 1, 2}, {{","}, 1, 10}, {{",", "]"}, 1, 16},
           {{""}, 1, 25}, {{"", ""}, 1, 30});
}

static void test_columns_are_characters(void **state)
{
    EXPECT("{\"\xc3\xa4\xe2\x82\xac\": \"\xf0\x9f\x98\x80\", \"b\": 1,\n\"\xc3\xbc\": {\"c\": \"\xc3\xbc\", \"d\": 2}}",
           {{"\xc3\xa4\xe2\x82\xac"}, 1, 2}, {{"b"}, 1, 13}, {{"\xc3\xbc"}, 2, 1}, {{"\xc3\xbc", "c"}, 2, 7},
           {{"\xc3\xbc", "d"}, 2, 17});
}

static void test_line_ends(void **state)
{
    EXPECT("\n\n{\r\n\"a\":\r\n1\r\n,\"b\"\n:\n2}", {{"a"}, 4, 1}, {{"b"}, 6, 2});
}

static void test_scalars_are_skipped(void **state)
{
    EXPECT("{\"a\":true,\"b\":-1.5e+10,\"c\":null,\"d\":false}", {{"b"}, 1, 11}, {{"c"}, 1, 24}, {{"d"}, 1, 33});
}

/* What place_find is given is JSON; what is not must still come to an end, within the text. */
static void test_broken_text_ends(void **state)
{
    static const char text[] = "{\"a\": [1, \"x\\\"y\", {\"b\": null}], \"c\" : \"\\\\\", \"d\": {}}";
    static const char *const path[] = {"d", "b", NULL}, *const other[] = {"a", "2", "b", NULL};
    for (size_t len = 0; len < sizeof text; len++) {
        for (size_t at = 0; at <= len; at++) {
            static const char junk[] = {'\0', '"', '\\', ']', '[', '}', '{', ',', '\n', (char)0xff};
            char copy[sizeof text];
            memcpy(copy, text, sizeof text);
            copy[at < len ? at : 0] = junk[(at + len) % sizeof junk];
            struct guarded g = guarded_new((struct view){copy, len});
            place_find(g.view, path);
            place_find(g.view, other);
            guarded_free(&g);
        }
    }
}

/* A policy without line breaks must not cost the square of its length. */
static void test_long_line(void **state)
{
    struct bytes b = {0};
    bytes_add_char(&b, '{');
    for (int i = 0; i < 60000; i++)
        bytes_add_format(&b, "\"key%07d\":%d,", i, i % 10);
    bytes_add_text(&b, "\"last\":0}");
    struct place place = place_find(bytes_view(&b), (const char *const[]){"last", NULL});
    assert_int_equal(place.line, 1);
    assert_int_equal(place.column, b.len - strlen("\"last\":0}") + 1);
    bytes_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_what_is_not_there),
        cmocka_unit_test(test_nested_arrays),
        cmocka_unit_test(test_index_is_a_number),
        cmocka_unit_test(test_strings_hide_their_contents),
        cmocka_unit_test(test_columns_are_characters),
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_scalars_are_skipped),
        cmocka_unit_test(test_broken_text_ends),
        cmocka_unit_test(test_long_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
