/* The functions of text.h on any bytes, each against something slower that was written apart from it: UTF-8
 * against the grammar of RFC 3629, JSON strings against jansson, literals and identifiers against readers
 * that take them as PostgreSQL does. */
#include <jansson.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "base_hidden.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A row of the grammar: the range of the first byte, that of the second, how many bytes there are. */
struct sequence {
    uint8_t first[2], second[2];
    size_t size;
};

/* How many bytes the character at `at` has; 0: it is none. NUL is one here. */
static size_t character_size(const uint8_t *at, size_t left)
{
    static const struct sequence grammar[] = {
        {{0x00, 0x7f}, {0x00, 0xff}, 1}, {{0xc2, 0xdf}, {0x80, 0xbf}, 2}, {{0xe0, 0xe0}, {0xa0, 0xbf}, 3},
        {{0xe1, 0xec}, {0x80, 0xbf}, 3}, {{0xed, 0xed}, {0x80, 0x9f}, 3}, {{0xee, 0xef}, {0x80, 0xbf}, 3},
        {{0xf0, 0xf0}, {0x90, 0xbf}, 4}, {{0xf1, 0xf3}, {0x80, 0xbf}, 4}, {{0xf4, 0xf4}, {0x80, 0x8f}, 4},
    };
    for (size_t i = 0; i < sizeof grammar / sizeof *grammar; i++) {
        const struct sequence *s = &grammar[i];
        if (at[0] < s->first[0] || at[0] > s->first[1])
            continue;
        if (s->size == 1)
            return 1;
        if (left < s->size || at[1] < s->second[0] || at[1] > s->second[1])
            return 0;
        for (size_t k = 2; k < s->size; k++)
            if (at[k] < 0x80 || at[k] > 0xbf)
                return 0;
        return s->size;
    }
    return 0;
}

static uint32_t point_of(const uint8_t *at, size_t size)
{
    static const uint8_t masks[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    uint32_t point = at[0] & masks[size];
    for (size_t i = 1; i < size; i++)
        point = point * 64 + at[i] % 64;
    return point;
}

static size_t first_wrong_byte(struct view v)
{
    const uint8_t *data = (const uint8_t *)v.data;
    size_t at = 0;
    while (at < v.len) {
        size_t size = data[at] == 0 ? 0 : character_size(data + at, v.len - at);
        if (size == 0)
            return at;
        at += size;
    }
    return at;
}

/* v as a JSON string should have it: each byte that is not UTF-8 is U+FFFD. */
static void add_repaired(struct bytes *to, struct view v)
{
    const uint8_t *data = (const uint8_t *)v.data;
    for (size_t at = 0, size; at < v.len; at += size ? size : 1) {
        size = character_size(data + at, v.len - at);
        bytes_add(to, size ? v.data + at : "\xef\xbf\xbd", size ? size : 3);
    }
}

static void check_json(struct view v)
{
    struct bytes text = {0}, repaired = {0};
    text_add_json(&text, v);
    for (size_t i = 0; i < text.len; i++)
        CHECK((uint8_t)text.data[i] >= 0x20 && text.data[i] != 0x7f);
    json_t *json = json_loadb(text.data, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    CHECK(json_is_string(json));
    add_repaired(&repaired, v);
    CHECK(view_equals((struct view){json_string_value(json), json_string_length(json)}, bytes_view(&repaired)));
    json_decref(json);
    bytes_fini(&text);
    bytes_fini(&repaired);
}

static void check_visible(struct view v, bool lines)
{
    struct bytes text = {0};
    bool all_plain = true;
    text_add_visible(&text, v, lines);
    const uint8_t *shown = (const uint8_t *)text.data;
    for (size_t at = 0, size; at < text.len; at += size) {
        size = character_size(shown + at, text.len - at);
        CHECK(size > 0);
        CHECK(!is_hidden(point_of(shown + at, size)) || (lines && (shown[at] == '\n' || shown[at] == '\t')));
    }
    /* What needs no escape is left alone: ASCII as the simplest case. */
    for (size_t i = 0; i < v.len; i++)
        all_plain = all_plain && v.data[i] >= 0x20 && v.data[i] < 0x7f;
    CHECK(!all_plain || view_equals(bytes_view(&text), v));
    CHECK(text.len >= v.len);
    bytes_fini(&text);
}

/* The contents of a quoted thing: doubled quotes are one, and so are doubled backslashes where they count.
 * False if the thing ends early, late or not at all. */
static bool read_quoted(struct view text, char quote, bool backslashes, struct bytes *to)
{
    if (text.len < 2 || text.data[0] != quote)
        return false;
    for (size_t i = 1; i < text.len; i++) {
        char c = text.data[i];
        if (c == quote && i + 1 == text.len)
            return true;
        if (c == quote || (c == '\\' && backslashes)) {
            if (i + 1 == text.len || text.data[++i] != c)
                return false;
        }
        bytes_add_char(to, c);
    }
    return false;
}

static void check_quoted(struct view text, char quote, bool backslashes, struct view meant)
{
    struct bytes back = {0};
    CHECK(read_quoted(text, quote, backslashes, &back));
    CHECK(view_equals(bytes_view(&back), meant));
    bytes_fini(&back);
}

static void check_sql(struct view v)
{
    struct bytes literal = {0}, identifier = {0};
    text_add_sql(&literal, v);
    struct view text = bytes_view(&literal);
    if (view_starts(text, " E")) {
        check_quoted((struct view){text.data + 2, text.len - 2}, '\'', true, v);
    } else {
        /* With standard_conforming_strings on and off. */
        check_quoted(text, '\'', false, v);
        check_quoted(text, '\'', true, v);
    }
    text_add_identifier(&identifier, v);
    check_quoted(bytes_view(&identifier), '"', false, v);
    bytes_fini(&literal);
    bytes_fini(&identifier);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view v = {(const char *)data, size};
    size_t valid = text_utf8_valid(v);
    CHECK(valid == first_wrong_byte(v));
    check_json(v);
    check_visible(v, false);
    check_visible(v, true);
    check_sql((struct view){v.data, strnlen(v.data, v.len)});
    return 0;
}
