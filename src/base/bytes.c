#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

struct view view_of(const char *text)
{
    return (struct view){text, text ? strlen(text) : 0};
}

bool view_equals(struct view a, struct view b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool view_is(struct view a, const char *text)
{
    return view_equals(a, view_of(text));
}

bool view_starts(struct view a, const char *prefix)
{
    size_t len = strlen(prefix);
    return a.len >= len && (len == 0 || memcmp(a.data, prefix, len) == 0);
}

void bytes_fini(struct bytes *b)
{
    free(b->data);
    *b = (struct bytes){0};
}

void bytes_clear(struct bytes *b)
{
    b->len = 0;
}

char *bytes_room(struct bytes *b, size_t more)
{
    CHECK(more <= SIZE_MAX / 4 - b->len);
    if (b->cap - b->len < more) {
        size_t cap = b->cap ? b->cap * 2 : 256;
        if (cap < b->len + more)
            cap = b->len + more;
        b->data = check_realloc(b->data, cap);
        b->cap = cap;
    }
    return b->data ? b->data + b->len : NULL;
}

void bytes_add(struct bytes *b, const void *data, size_t len)
{
    if (len == 0)
        return;
    memcpy(bytes_room(b, len), data, len);
    b->len += len;
}

void bytes_add_text(struct bytes *b, const char *text)
{
    bytes_add(b, text, strlen(text));
}

void bytes_add_view(struct bytes *b, struct view v)
{
    bytes_add(b, v.data, v.len);
}

void bytes_add_char(struct bytes *b, char c)
{
    *bytes_room(b, 1) = c;
    b->len++;
}

void bytes_add_u16(struct bytes *b, uint16_t value)
{
    uint8_t wire[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    bytes_add(b, wire, sizeof wire);
}

void bytes_add_u32(struct bytes *b, uint32_t value)
{
    uint8_t wire[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    bytes_add(b, wire, sizeof wire);
}

void bytes_add_format(struct bytes *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    CHECK(len >= 0);
    /* vsnprintf writes a NUL too; it is room, not length. */
    vsnprintf(bytes_room(b, (size_t)len + 1), (size_t)len + 1, format, again);
    va_end(again);
    b->len += (size_t)len;
}

void bytes_drop(struct bytes *b, size_t count)
{
    CHECK(count <= b->len);
    if (count == 0)
        return;
    b->len -= count;
    if (b->len > 0)
        memmove(b->data, b->data + count, b->len);
}

struct view bytes_view(const struct bytes *b)
{
    return (struct view){b->data, b->len};
}

const char *bytes_text(struct bytes *b)
{
    *bytes_room(b, 1) = '\0';
    return b->data;
}

struct reader reader_of(struct view v)
{
    return (struct reader){v.data, v.data ? v.data + v.len : NULL, false};
}

size_t reader_left(const struct reader *r)
{
    return r->at ? (size_t)(r->end - r->at) : 0;
}

struct view reader_take(struct reader *r, size_t len)
{
    if (r->bad || reader_left(r) < len) {
        r->bad = true;
        return (struct view){0};
    }
    struct view taken = {r->at, len};
    if (len > 0)
        r->at += len;
    return taken;
}

uint8_t reader_u8(struct reader *r)
{
    struct view v = reader_take(r, 1);
    return v.len ? (uint8_t)v.data[0] : 0;
}

uint16_t reader_u16(struct reader *r)
{
    struct view v = reader_take(r, 2);
    const uint8_t *p = (const uint8_t *)v.data;
    return v.len ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

uint32_t reader_u32(struct reader *r)
{
    struct view v = reader_take(r, 4);
    const uint8_t *p = (const uint8_t *)v.data;
    return v.len ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

struct view reader_text(struct reader *r)
{
    size_t left = reader_left(r);
    const char *nul = r->bad || left == 0 ? NULL : memchr(r->at, '\0', left);
    if (nul == NULL) {
        r->bad = true;
        return (struct view){0};
    }
    struct view text = {r->at, (size_t)(nul - r->at)};
    r->at = nul + 1;
    return text;
}

bool reader_done(const struct reader *r)
{
    return !r->bad && reader_left(r) == 0;
}
