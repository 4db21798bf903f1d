#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* The code point that starts at `at`, and how many bytes it takes; 0 bytes: not UTF-8. NUL counts as a
 * code point here. RFC 3629, section 4. */
static size_t decode(const uint8_t *at, size_t left, uint32_t *point)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    uint8_t first = at[0];
    size_t size = first < 0x80 ? 1 : first >= 0xf0 && first <= 0xf4 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    if (size == 0 || first > 0xf4 || size > left)
        return 0;
    *point = size == 1 ? first : first & (0x7f >> size);
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        *point = *point << 6 | (at[i] & 0x3f);
    }
    if (*point < least[size] || *point > 0x10ffff || (*point >= 0xd800 && *point <= 0xdfff))
        return 0;
    return size;
}

size_t text_utf8_valid(struct view v)
{
    const uint8_t *data = (const uint8_t *)v.data;
    size_t at = 0;
    while (at < v.len) {
        /* Eight ASCII bytes at a time: high bits clear, and no byte zero. */
        uint64_t word;
        while (v.len - at >= 8 && (memcpy(&word, data + at, 8), (word & 0x8080808080808080) == 0) &&
               ((word - 0x0101010101010101) & ~word & 0x8080808080808080) == 0)
            at += 8;
        if (at == v.len)
            break;
        uint32_t point;
        size_t size = decode(data + at, v.len - at, &point);
        if (size == 0 || point == 0)
            return at;
        at += size;
    }
    return v.len;
}

static void add_json_escape(struct bytes *to, uint8_t c)
{
    switch (c) {
    case '"':
        bytes_add_text(to, "\\\"");
        return;
    case '\\':
        bytes_add_text(to, "\\\\");
        return;
    case '\n':
        bytes_add_text(to, "\\n");
        return;
    case '\r':
        bytes_add_text(to, "\\r");
        return;
    case '\t':
        bytes_add_text(to, "\\t");
        return;
    default:
        bytes_add_format(to, "\\u%04x", c);
    }
}

void text_add_json(struct bytes *to, struct view v)
{
    const uint8_t *data = (const uint8_t *)v.data;
    bytes_add_char(to, '"');
    size_t plain = 0;
    for (size_t at = 0; at < v.len;) {
        uint8_t c = data[at];
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') {
            at++;
            continue;
        }
        uint32_t point;
        size_t size = decode(data + at, v.len - at, &point);
        /* U+2028 and U+2029 end lines for some readers. */
        bool as_is = size > 1 && point >= 0xa0 && point != 0x2028 && point != 0x2029;
        if (!as_is) {
            bytes_add(to, data + plain, at - plain);
            if (size == 1)
                add_json_escape(to, c);
            else if (size > 1)
                bytes_add_format(to, "\\u%04x", point);
            else
                bytes_add_text(to, "\xef\xbf\xbd");
            plain = at + (size ? size : 1);
        }
        at += size ? size : 1;
    }
    if (v.len > 0)
        bytes_add(to, data + plain, v.len - plain);
    bytes_add_char(to, '"');
}

/* Characters that show nothing, or make others show elsewhere (Unicode categories Cc, Cf, Zl, Zp, the
 * odd spaces, fillers, variation selectors and tags; the few of Cf that are drawn, such as Arabic number
 * signs, are not among them). */
static bool is_invisible(uint32_t point)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00, 0x1f},        {0x7f, 0xa0},       {0xad, 0xad},       {0x034f, 0x034f},   {0x061c, 0x061c},
        {0x115f, 0x1160},    {0x1680, 0x1680},   {0x17b4, 0x17b5},   {0x180b, 0x180f},   {0x2000, 0x200f},
        {0x2028, 0x202f},    {0x205f, 0x206f},   {0x2800, 0x2800},   {0x3000, 0x3000},   {0x3164, 0x3164},
        {0xfe00, 0xfe0f},    {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfffb},   {0x13430, 0x1343f},
        {0x16fe4, 0x16fe4},  {0x1bca0, 0x1bca3}, {0x1d159, 0x1d159}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
        {0xf0000, 0x10ffff}, {0xe000, 0xf8ff},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    return false;
}

void text_add_visible(struct bytes *to, struct view v, bool lines)
{
    const uint8_t *data = (const uint8_t *)v.data;
    for (size_t at = 0; at < v.len;) {
        uint32_t point;
        size_t size = decode(data + at, v.len - at, &point);
        if (size == 0) {
            bytes_add_format(to, "<%02X>", data[at]);
            at++;
            continue;
        }
        if (!is_invisible(point) || (lines && (point == '\n' || point == '\t')))
            bytes_add(to, data + at, size);
        else
            bytes_add_format(to, "<U+%04X>", point);
        at += size;
    }
}

void text_add_sql(struct bytes *to, struct view v)
{
    bool backslash = v.len > 0 && memchr(v.data, '\\', v.len) != NULL;
    bytes_add_text(to, backslash ? " E'" : "'");
    for (size_t i = 0; i < v.len; i++) {
        if (v.data[i] == '\'' || v.data[i] == '\\')
            bytes_add_char(to, v.data[i]);
        bytes_add_char(to, v.data[i]);
    }
    bytes_add_char(to, '\'');
}

void text_add_identifier(struct bytes *to, struct view v)
{
    bytes_add_char(to, '"');
    for (size_t i = 0; i < v.len; i++) {
        if (v.data[i] == '"')
            bytes_add_char(to, '"');
        bytes_add_char(to, v.data[i]);
    }
    bytes_add_char(to, '"');
}

static char fold(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

bool text_same_folded(struct view a, struct view b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (fold(a.data[i]) != fold(b.data[i]))
            return false;
    return true;
}

void text_time(int64_t microseconds, char to[TEXT_TIME_SIZE])
{
    static const int64_t last = INT64_C(253402300799999999);
    microseconds = microseconds < 0 ? 0 : microseconds > last ? last : microseconds;
    time_t seconds = (time_t)(microseconds / 1000000);
    struct tm tm;
    gmtime_r(&seconds, &tm);
    char date[24];
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(to, TEXT_TIME_SIZE, "%.19s.%06uZ", date, (unsigned)(microseconds % 1000000));
}

/* On a mismatch behind a '*', let that '*' take one character more; only the last '*' has to be gone back
 * to, so the cost is at most pattern times name. */
bool text_glob(const char *pattern, const char *name)
{
    const char *star = NULL, *retry = NULL;
    while (*name != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            retry = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star != NULL) {
            pattern = star + 1;
            name = ++retry;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return *pattern == '\0';
}
