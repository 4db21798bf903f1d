/* UTF-8, JSON strings, SQL literals, and texts in which nothing hides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "base_hidden.h"
#include "base_support.h"

static size_t encode(uint32_t point, char to[4])
{
    if (point < 0x80) {
        to[0] = (char)point;
        return 1;
    }
    size_t size = point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, point >>= 6)
        to[i] = (char)(0x80 | (point & 0x3f));
    to[0] = (char)((0xf00 >> size & 0xff) | point);
    return size;
}

static void test_every_code_point(void **state)
{
    char text[4];
    for (uint32_t point = 1; point < 0x200000; point++) {
        size_t size = encode(point, text);
        bool valid = point <= 0x10ffff && !(point >= 0xd800 && point <= 0xdfff);
        assert_int_equal(text_utf8_valid((struct view){text, size}), valid ? size : 0);
        /* Cut short, it is none. */
        for (size_t cut = 1; cut < size; cut++)
            assert_int_equal(text_utf8_valid((struct view){text, cut}), 0);
    }
}

/* RFC 3629, section 4, as its grammar has it: ranges of the first and the second byte. */
static void test_every_pair_of_first_bytes(void **state)
{
    static const uint8_t rows[][5] = {
        {0x01, 0x7f, 0x00, 0xff, 1}, {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (int i = 0; i < 0x10000; i++) {
        uint8_t first = (uint8_t)(i >> 8), second = (uint8_t)i;
        char text[4] = {(char)first, (char)second, (char)0x80, (char)0xbf};
        size_t size = 0;
        for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
            if (first >= rows[r][0] && first <= rows[r][1] && second >= rows[r][2] && second <= rows[r][3])
                size = rows[r][4];
        assert_int_equal(text_utf8_valid((struct view){text, size ? size : 4}), size);
    }
}

static void test_overlong_and_beyond(void **state)
{
    static const char *const wrong[] = {
        "\xc0\x80",
        "\xc1\xbf",
        "\xe0\x80\x80",
        "\xe0\x9f\xbf",
        "\xf0\x80\x80\x80",
        "\xf0\x8f\xbf\xbf",
        "\xed\xa0\x80",
        "\xed\xbf\xbf",
        "\xed\xa0\xbd\xed\xb8\x80",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xfc\x84\x80\x80\x80\x80",
        "\xfe",
        "\xff",
        "\x80",
        "\xbf",
        "\xc3(",
        "\xe2\x82(",
        "\xe2(\xac",
        "\xf0\x9f\x98(",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct bytes b = {0};
        for (size_t before = 0; before < 20; before++) {
            assert_int_equal(text_utf8_valid(bytes_view(&b)), before);
            bytes_add_text(&b, wrong[i]);
            bytes_add_text(&b, "more than eight bytes of ASCII");
            assert_int_equal(text_utf8_valid(bytes_view(&b)), before);
            b.len = before;
            bytes_add_char(&b, 'a');
        }
        bytes_fini(&b);
    }
}

/* The fast way over eight bytes: every byte at every offset, up to a page that can't be read. */
static void test_wrong_byte_at_every_offset(void **state)
{
    char text[40];
    assert_int_equal(text_utf8_valid((struct view){0}), 0);
    for (size_t len = 1; len <= sizeof text; len++) {
        for (size_t at = 0; at < len; at++) {
            static const uint8_t wrong[] = {0x00, 0x80, 0xc3, 0xff};
            memset(text, at % 2 ? 0x01 : 0x7f, len);
            text[at] = (char)wrong[(at + len) % sizeof wrong];
            struct guarded g = guarded_new((struct view){text, len});
            assert_int_equal(text_utf8_valid(g.view), at);
            guarded_free(&g);
        }
    }
}

static void expect_json(struct view v, const char *json)
{
    struct guarded g = guarded_new(v);
    struct bytes b = {0};
    text_add_json(&b, g.view);
    assert_string_equal(bytes_text(&b), json);
    bytes_fini(&b);
    guarded_free(&g);
}

static void test_json(void **state)
{
    expect_json((struct view){0}, "\"\"");
    expect_json(view_of("plain"), "\"plain\"");
    expect_json(view_of("\"\\/\n\r\t"), "\"\\\"\\\\/\\n\\r\\t\"");
    expect_json((struct view){"a\0b", 3}, "\"a\\u0000b\"");
    expect_json(view_of("\x01\x08\x0c\x1b\x1f\x7f"), "\"\\u0001\\u0008\\u000c\\u001b\\u001f\\u007f\"");
    expect_json(view_of("\xc2\x80\xc2\x9f\xc2\xa0"), "\"\\u0080\\u009f\xc2\xa0\"");
    expect_json(view_of("\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa"), "\"\\u2028\\u2029\xe2\x80\xaa\"");
    expect_json(view_of("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80"), "\"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"");
#define BAD "\xef\xbf\xbd"
    expect_json(view_of("a\xff\xfe z"), "\"a" BAD BAD " z\"");
    expect_json(view_of("\xed\xa0\x80"), "\"" BAD BAD BAD "\"");
    expect_json(view_of("\xe2\x82"), "\"" BAD BAD "\"");
    expect_json(view_of("\xe2\x82\""), "\"" BAD BAD "\\\"\"");
    expect_json(view_of("\xc3\\"), "\"" BAD "\\\\\"");
}

static void expect_visible(struct view v, bool lines, const char *visible)
{
    struct guarded g = guarded_new(v);
    struct bytes b = {0};
    text_add_visible(&b, g.view, lines);
    assert_string_equal(bytes_text(&b), visible);
    bytes_fini(&b);
    guarded_free(&g);
}

static void test_visible(void **state)
{
    expect_visible((struct view){0}, false, "");
    expect_visible(view_of("SELECT 'gr\xc3\xbc\xc3\x9f'"), false, "SELECT 'gr\xc3\xbc\xc3\x9f'");
    expect_visible(view_of("a\n\tb\r"), false, "a<U+000A><U+0009>b<U+000D>");
    expect_visible(view_of("a\n\tb\r\v\f"), true, "a\n\tb<U+000D><U+000B><U+000C>");
    expect_visible((struct view){"\0\x1b[31m", 6}, true, "<U+0000><U+001B>[31m");
    expect_visible(view_of("\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8b\xef\xbb\xbf"), true,
                   "<U+202E><U+2066><U+200B><U+FEFF>");
    expect_visible(view_of("\xf3\xa0\x81\x81\xf4\x8f\xbf\xbf"), true, "<U+E0041><U+10FFFF>");
    expect_visible(view_of("\xff\xc3(\xed\xa0\x80\xe2\x82"), true, "<FF><C3>(<ED><A0><80><E2><82>");
}

static void test_every_hidden_character_is_shown(void **state)
{
    struct bytes b = {0};
    for (uint32_t point = 0; point <= 0x10ffff; point++) {
        char text[4], expected[16];
        if (point >= 0xd800 && point <= 0xdfff)
            continue;
        size_t size = encode(point, text);
        bytes_clear(&b);
        text_add_visible(&b, (struct view){text, size}, false);
        bool as_is = view_equals(bytes_view(&b), (struct view){text, size});
        snprintf(expected, sizeof expected, "<U+%04X>", point);
        if (!as_is && !view_is(bytes_view(&b), expected))
            fail_msg("U+%04X became %s", point, bytes_text(&b));
        if (as_is && is_hidden(point))
            fail_msg("U+%04X is not seen", point);
        if (!as_is && point > 0x20 && point < 0x7f)
            fail_msg("U+%04X is ASCII", point);
    }
    bytes_fini(&b);
}

/* Reads a literal as the server would, under either setting; false if it is not exactly one literal. */
static bool read_literal(const char *text, bool standard, struct bytes *to)
{
    bool extended = text[0] == ' ' && text[1] == 'E';
    text += extended ? 2 : 0;
    if (*text++ != '\'')
        return false;
    for (; *text != '\0'; text++) {
        if (*text == '\'' && text[1] != '\'')
            return text[1] == '\0';
        if (*text == '\'' || (*text == '\\' && (extended || !standard))) {
            if (text[1] != *text)
                return false;
            text++;
        }
        bytes_add_char(to, *text);
    }
    return false;
}

static void test_sql_literal(void **state)
{
    static const char *const texts[] = {
        "",     "plain",      "it's",         "'",      "''",    "\\",       "\\'", "'\\", "\\\\", "\\n\\x27",
        "a\nb", "'; DROP --", "\\'; DROP --", "E'\\''", "$$x$$", "\xc3\xa4", "x\\",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        for (int standard = 0; standard < 2; standard++) {
            struct bytes literal = {0}, back = {0};
            text_add_sql(&literal, view_of(texts[i]));
            if (!read_literal(bytes_text(&literal), standard, &back))
                fail_msg("not a literal: %s", bytes_text(&literal));
            assert_true(view_is(bytes_view(&back), texts[i]));
            bytes_fini(&literal);
            bytes_fini(&back);
        }
    }
}

/* The E must not grow together with a word before it. */
static void test_sql_literal_behind_a_word(void **state)
{
    struct bytes b = {0};
    bytes_add_text(&b, "SELECT");
    text_add_sql(&b, view_of("\\"));
    assert_string_equal(bytes_text(&b), "SELECT E'\\\\'");
    bytes_fini(&b);
}

static void test_identifier(void **state)
{
    static const char *const cases[][2] = {
        {"", "\"\""}, {"orders", "\"orders\""}, {"a\"b", "\"a\"\"b\""}, {"\"", "\"\"\"\""}, {"a'\\ b", "\"a'\\ b\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes b = {0};
        text_add_identifier(&b, view_of(cases[i][0]));
        assert_string_equal(bytes_text(&b), cases[i][1]);
        bytes_fini(&b);
    }
}

static void test_same_folded(void **state)
{
    assert_true(text_same_folded(view_of("ApProve"), view_of("aPPROVE")));
    assert_true(text_same_folded(view_of(""), view_of(NULL)));
    assert_false(text_same_folded(view_of("a"), view_of("ab")));
    /* Only letters, and only ASCII ones: not the neighbours of A and Z, nor bytes of UTF-8. */
    for (int i = 0; i < 0x10000; i++) {
        char one = (char)(i >> 8), other = (char)i;
        bool letters = ((one | 32) >= 'a' && (one | 32) <= 'z');
        bool same = one == other || (letters && (one ^ 32) == other);
        assert_int_equal(text_same_folded((struct view){&one, 1}, (struct view){&other, 1}), same);
    }
}

struct time_case {
    int64_t microseconds;
    const char *text;
};

static void test_time(void **state)
{
    static const struct time_case cases[] = {
        {0, "1970-01-01T00:00:00.000000Z"},
        {1, "1970-01-01T00:00:00.000001Z"},
        {999999, "1970-01-01T00:00:00.999999Z"},
        {951827696000007, "2000-02-29T12:34:56.000007Z"},
        {1795448700123456, "2026-11-23T15:45:00.123456Z"},
        {INT64_C(2147483648000000), "2038-01-19T03:14:08.000000Z"},
        {INT64_C(253402300799999999), "9999-12-31T23:59:59.999999Z"},
        /* What the format can't say. */
        {INT64_C(253402300800000000), "9999-12-31T23:59:59.999999Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999999Z"},
        {-1, "1970-01-01T00:00:00.000000Z"},
        {INT64_MIN, "1970-01-01T00:00:00.000000Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[TEXT_TIME_SIZE];
        text_time(cases[i].microseconds, text);
        assert_string_equal(text, cases[i].text);
    }
}

struct glob_case {
    const char *pattern, *name;
    bool matches;
};

static void test_glob(void **state)
{
    static const struct glob_case cases[] = {
        {"", "", true},
        {"", "a", false},
        {"a", "", false},
        {"a", "a", true},
        {"a", "A", false},
        {"*", "", true},
        {"*", "anything", true},
        {"**", "", true},
        {"***", "ab", true},
        {"a*", "a", true},
        {"a*", "ba", false},
        {"*a", "ba", true},
        {"*a", "ab", false},
        {"a*b", "ab", true},
        {"a*b", "a1b2b", true},
        {"a*b", "a1b2", false},
        {"*ab*", "xaab", true},
        {"*ab*", "axb", false},
        {"public.*", "public.t", true},
        {"public.*", "publicXt", false},
        {"*.orders", "shop.orders", true},
        {"a?", "ab", false},
        {"a?", "a?", true},
        {"[a]", "a", false},
        {"[a]", "[a]", true},
        {"\\*", "*", false},
        {"\\*", "\\x", true},
        {"*", "*", true},
        {"a*", "a*b", true},
        {"*a*b*c*", "xaybzc", true},
        {"*a*b*c*", "xcybza", false},
        {"a*a", "a", false},
        {"aab", "aa", false},
        {"*aab", "aaab", true},
        {"\xc3*", "\xc3\xa4", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (text_glob(cases[i].pattern, cases[i].name) != cases[i].matches)
            fail_msg("%s on %s", cases[i].pattern, cases[i].name);
}

static bool slow_glob(const char *pattern, const char *name)
{
    if (*pattern == '*')
        return slow_glob(pattern + 1, name) || (*name != '\0' && slow_glob(pattern, name + 1));
    if (*pattern == '\0' || *name == '\0')
        return *pattern == *name;
    return *pattern == *name && slow_glob(pattern + 1, name + 1);
}

static void test_glob_against_the_definition(void **state)
{
    /* All patterns of up to 6 characters of {a b *} on all names of up to 6 of {a b *}. */
    enum { ALL = 1093 };
    static char words[ALL][8];
    size_t count = 0;
    for (size_t len = 0; len <= 6; len++) {
        size_t of_len = 1;
        for (size_t i = 0; i < len; i++)
            of_len *= 3;
        for (size_t i = 0; i < of_len; i++, count++)
            for (size_t k = 0, rest = i; k < len; k++, rest /= 3)
                words[count][k] = "ab*"[rest % 3];
    }
    assert_int_equal(count, ALL);
    for (size_t i = 0; i < ALL; i++)
        for (size_t k = 0; k < ALL; k++)
            if (text_glob(words[i], words[k]) != slow_glob(words[i], words[k]))
                fail_msg("%s on %s", words[i], words[k]);
}

/* A backtracking matcher would not come back from these. */
static void test_glob_is_not_exponential(void **state)
{
    enum { SIZE = 10000 };
    static char name[SIZE + 1], pattern[SIZE + 1];
    memset(name, 'a', SIZE);
    for (int i = 0; i < SIZE; i++)
        pattern[i] = i % 2 ? '*' : 'a';
    assert_true(text_glob(pattern, name));
    pattern[SIZE - 1] = 'b';
    assert_false(text_glob(pattern, name));
    memset(pattern, '*', SIZE);
    assert_true(text_glob(pattern, name));
    pattern[SIZE - 1] = 'b';
    assert_false(text_glob(pattern, name));
    /* The worst: half of the name again and again, then a mismatch. */
    memset(pattern, 'a', SIZE);
    pattern[0] = '*';
    pattern[SIZE / 2] = 'b';
    pattern[SIZE / 2 + 1] = '\0';
    assert_false(text_glob(pattern, name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point),
        cmocka_unit_test(test_every_pair_of_first_bytes),
        cmocka_unit_test(test_overlong_and_beyond),
        cmocka_unit_test(test_wrong_byte_at_every_offset),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_visible),
        cmocka_unit_test(test_every_hidden_character_is_shown),
        cmocka_unit_test(test_sql_literal),
        cmocka_unit_test(test_sql_literal_behind_a_word),
        cmocka_unit_test(test_identifier),
        cmocka_unit_test(test_same_folded),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_glob),
        cmocka_unit_test(test_glob_against_the_definition),
        cmocka_unit_test(test_glob_is_not_exponential),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
