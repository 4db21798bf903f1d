/* Protocol messages as lines of text, both ways: what the dialogues in tests/wire are written in.
 *
 *   Q "SELECT 1"                     P "name" "SELECT $1" 23          B "portal" "name" "1" NULL b"\x00" = 1
 *   D S "name"      C P "portal"     E "portal" 0      S   H   X      d "a\n"   c   f "why"   F "\x00"
 *
 *   T id:23 name:25                  D "1" NULL        C "SELECT 1"   Z I       1   2   3   n   I   s
 *   t 23 25                          S "name" "value"  G ""   H ""    A ""      V ""
 *   E ERROR 42601 "message" D "detail" H "hint" P "1"  (N likewise)
 *
 * In B, what follows `=` are the formats of the results. Strings know \n, \\, \" and \xHH. */
#ifndef PROXY_TALK_H
#define PROXY_TALK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "wire/wire.h"

/* How a message's body is built: s text, k one letter, n number, o list of OIDs, r bytes as they are,
 * b what Bind holds, v values of a row, c columns, e fields of an error. */
struct talk_shape {
    char type;
    const char *fields;
};

static const struct talk_shape talk_agent[] = {
    {'Q', "s"}, {'P', "sso"}, {'B', "b"}, {'D', "ks"}, {'C', "ks"}, {'E', "sn"}, {'S', ""},
    {'H', ""},  {'X', ""},    {'d', "r"}, {'c', ""},   {'f', "s"},  {'F', "r"},  {0, NULL},
};
static const struct talk_shape talk_server[] = {
    {'T', "c"}, {'D', "v"}, {'C', "s"}, {'Z', "k"}, {'1', ""},   {'2', ""},  {'3', ""},
    {'n', ""},  {'I', ""},  {'s', ""},  {'t', "o"}, {'S', "ss"}, {'G', "r"}, {'H', "r"},
    {'A', "r"}, {'V', "r"}, {'E', "e"}, {'N', "e"}, {'d', "r"},  {'c', ""},  {0, NULL},
};

static inline const char *talk_fields(const struct talk_shape *shapes, char type)
{
    for (; shapes->fields != NULL; shapes++)
        if (shapes->type == type)
            return shapes->fields;
    return NULL;
}

/* ---- words of a line ---------------------------------------------------------------------------------- */

struct talk_word {
    struct bytes text; /* without quotes and escapes */
    bool is_quoted, is_binary;
};

static inline void talk_add_escape(const char **at, struct bytes *to)
{
    char c = *++*at;
    if (c == 'x') {
        char hex[3] = {(*at)[1], (*at)[2], '\0'};
        *at += 2;
        c = (char)strtol(hex, NULL, 16);
    } else if (c == 'n') {
        c = '\n';
    }
    bytes_add_char(to, c);
}

/* The next word of a line; false at its end. */
static inline bool talk_next(const char **at, struct talk_word *word)
{
    bytes_clear(&word->text);
    *at += strspn(*at, " ");
    if (**at == '\0')
        return false;
    word->is_binary = strncmp(*at, "b\"", 2) == 0;
    *at += word->is_binary;
    word->is_quoted = **at == '"';
    if (!word->is_quoted) {
        size_t len = strcspn(*at, " ");
        bytes_add(&word->text, *at, len);
        *at += len;
        return true;
    }
    for (++*at; **at != '"'; ++*at) {
        CHECK(**at != '\0');
        if (**at == '\\')
            talk_add_escape(at, &word->text);
        else
            bytes_add_char(&word->text, **at);
    }
    ++*at;
    return true;
}

static inline bool talk_is(struct talk_word *word, const char *text)
{
    return !word->is_quoted && strcmp(bytes_text(&word->text), text) == 0;
}

static inline uint32_t talk_number(struct talk_word *word)
{
    return (uint32_t)strtoul(bytes_text(&word->text), NULL, 10);
}

/* ---- from text to bytes ------------------------------------------------------------------------------- */

static inline void talk_put_count(struct bytes *to, size_t at, unsigned count)
{
    to->data[at] = (char)(count >> 8);
    to->data[at + 1] = (char)count;
}

static inline void talk_put_value(struct bytes *to, struct talk_word *word)
{
    if (talk_is(word, "NULL")) {
        bytes_add_u32(to, UINT32_MAX);
        return;
    }
    bytes_add_u32(to, (uint32_t)word->text.len);
    bytes_add_view(to, bytes_view(&word->text));
}

static inline void talk_put_oids(const char **at, struct bytes *to)
{
    struct talk_word word = {0};
    size_t count_at = to->len;
    unsigned count = 0;
    for (bytes_add_u16(to, 0); talk_next(at, &word); count++)
        bytes_add_u32(to, talk_number(&word));
    talk_put_count(to, count_at, count);
    bytes_fini(&word.text);
}

/* Formats are given one by one as soon as there is a value; that is the same as none when all are text. */
static inline void talk_put_bind(const char **at, struct bytes *to)
{
    struct talk_word word = {0};
    struct bytes formats = {0}, values = {0}, results = {0};
    for (int i = 0; i < 2; i++) {
        CHECK(talk_next(at, &word));
        bytes_add_text(to, bytes_text(&word.text));
        bytes_add_char(to, '\0');
    }
    while (talk_next(at, &word) && !talk_is(&word, "=")) {
        bytes_add_u16(&formats, word.is_binary);
        talk_put_value(&values, &word);
    }
    while (talk_next(at, &word))
        bytes_add_u16(&results, (uint16_t)talk_number(&word));
    bytes_add_u16(to, (uint16_t)(formats.len / 2));
    bytes_add_view(to, bytes_view(&formats));
    bytes_add_u16(to, (uint16_t)(formats.len / 2));
    bytes_add_view(to, bytes_view(&values));
    bytes_add_u16(to, (uint16_t)(results.len / 2));
    bytes_add_view(to, bytes_view(&results));
    bytes_fini(&formats);
    bytes_fini(&values);
    bytes_fini(&results);
    bytes_fini(&word.text);
}

static inline void talk_put_row(const char **at, struct bytes *to)
{
    struct talk_word word = {0};
    size_t count_at = to->len;
    unsigned count = 0;
    for (bytes_add_u16(to, 0); talk_next(at, &word); count++)
        talk_put_value(to, &word);
    talk_put_count(to, count_at, count);
    bytes_fini(&word.text);
}

static inline void talk_put_columns(const char **at, struct bytes *to)
{
    struct talk_word word = {0};
    size_t count_at = to->len;
    unsigned count = 0;
    for (bytes_add_u16(to, 0); talk_next(at, &word); count++) {
        char *colon = strchr(bytes_text(&word.text), ':');
        CHECK(colon != NULL);
        bytes_add(to, word.text.data, (size_t)(colon - word.text.data));
        bytes_add_char(to, '\0');
        bytes_add_u32(to, 0);
        bytes_add_u16(to, 0);
        bytes_add_u32(to, (uint32_t)strtoul(colon + 1, &colon, 10));
        bytes_add_u16(to, 4);
        bytes_add_u32(to, UINT32_MAX);
        bytes_add_u16(to, *colon == '/' ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0);
    }
    talk_put_count(to, count_at, count);
    bytes_fini(&word.text);
}

static inline void talk_put_error(const char **at, struct bytes *to)
{
    static const char codes[] = {'S', 'C', 'M'};
    struct talk_word word = {0};
    for (size_t i = 0; i < sizeof codes && talk_next(at, &word); i++) {
        for (int twice = 0; twice < (i == 0 ? 2 : 1); twice++) {
            bytes_add_char(to, twice ? 'V' : codes[i]);
            bytes_add_text(to, bytes_text(&word.text));
            bytes_add_char(to, '\0');
        }
    }
    bytes_add_char(to, '\0');
    bytes_fini(&word.text);
}

static inline void talk_put_field(char field, const char **at, struct bytes *to)
{
    struct talk_word word = {0};
    if (strchr("sknr", field) != NULL)
        CHECK(talk_next(at, &word));
    switch (field) {
    case 's':
        bytes_add_view(to, bytes_view(&word.text));
        bytes_add_char(to, '\0');
        break;
    case 'k':
    case 'r':
        bytes_add_view(to, bytes_view(&word.text));
        break;
    case 'n':
        bytes_add_u32(to, talk_number(&word));
        break;
    case 'o':
        talk_put_oids(at, to);
        break;
    case 'b':
        talk_put_bind(at, to);
        break;
    case 'v':
        talk_put_row(at, to);
        break;
    case 'c':
        talk_put_columns(at, to);
        break;
    case 'e':
        talk_put_error(at, to);
        break;
    }
    bytes_fini(&word.text);
}

/* Appends the message that `line` says. "raw" appends bytes as they are. False: there is no such message. */
static inline bool talk_read(const struct talk_shape *shapes, const char *line, struct bytes *to)
{
    struct talk_word word = {0};
    struct bytes body = {0};
    CHECK(talk_next(&line, &word));
    bool is_raw = talk_is(&word, "raw");
    char type = bytes_text(&word.text)[0];
    const char *fields = is_raw ? "r" : talk_fields(shapes, type);
    bytes_fini(&word.text);
    for (const char *field = fields; field != NULL && *field != '\0'; field++)
        talk_put_field(*field, &line, &body);
    if (is_raw)
        bytes_add_view(to, bytes_view(&body));
    else
        message_add_raw(to, type, bytes_view(&body));
    bytes_fini(&body);
    return fields != NULL;
}

/* ---- from bytes to text ------------------------------------------------------------------------------- */

static inline void talk_add_quoted(struct bytes *to, struct view v)
{
    bytes_add_char(to, '"');
    for (size_t i = 0; i < v.len; i++) {
        unsigned char c = (unsigned char)v.data[i];
        if (c == '"' || c == '\\')
            bytes_add_format(to, "\\%c", c);
        else if (c == '\n')
            bytes_add_text(to, "\\n");
        else if (c < 0x20)
            bytes_add_format(to, "\\x%02x", c);
        else
            bytes_add_char(to, (char)c);
    }
    bytes_add_char(to, '"');
}

static inline void talk_add_value(struct bytes *to, struct view data, bool is_binary)
{
    bytes_add_text(to, data.data == NULL ? " NULL" : is_binary ? " b" : " ");
    if (data.data != NULL)
        talk_add_quoted(to, data);
}

static inline void talk_add_bind(struct bytes *to, struct view body)
{
    struct arena arena = {0};
    struct message_bind bind;
    CHECK(message_read_bind(body, &arena, &bind));
    bytes_add_char(to, ' ');
    talk_add_quoted(to, bind.portal);
    bytes_add_char(to, ' ');
    talk_add_quoted(to, bind.statement);
    for (uint16_t i = 0; i < bind.value_count; i++)
        talk_add_value(to, bind.values[i].data, bind.values[i].format == 1);
    for (uint16_t i = 0; i < bind.result_format_count; i++)
        bytes_add_format(to, "%s %d", i == 0 ? " =" : "", bind.result_formats[i]);
    arena_fini(&arena);
}

static inline void talk_add_row(struct bytes *to, struct view body)
{
    struct arena arena = {0};
    struct view *values;
    uint16_t count;
    CHECK(message_read_row(body, &arena, &values, &count));
    for (uint16_t i = 0; i < count; i++)
        talk_add_value(to, values[i], false);
    arena_fini(&arena);
}

static inline void talk_add_columns(struct bytes *to, struct view body)
{
    struct arena arena = {0};
    struct message_column *columns;
    uint16_t count;
    CHECK(message_read_columns(body, &arena, &columns, &count));
    for (uint16_t i = 0; i < count; i++) {
        bytes_add_format(to, " %.*s:%u", (int)columns[i].name.len, columns[i].name.data, columns[i].type);
        if (columns[i].format != 0)
            bytes_add_format(to, "/%d", columns[i].format);
    }
    arena_fini(&arena);
}

static inline void talk_add_error(struct bytes *to, struct view body)
{
    struct message_error error;
    CHECK(message_read_error(body, &error));
    bytes_add_format(to, " %.*s %.*s ", (int)error.severity.len, error.severity.data, (int)error.sqlstate.len,
                     error.sqlstate.data);
    talk_add_quoted(to, error.message);
    struct view more[] = {error.detail, error.hint, error.position};
    for (int i = 0; i < 3; i++) {
        if (more[i].len == 0)
            continue;
        bytes_add_format(to, " %c ", "DHP"[i]);
        talk_add_quoted(to, more[i]);
    }
}

static inline void talk_add_field(struct bytes *to, char field, struct reader *body)
{
    struct view rest = {body->at, reader_left(body)};
    switch (field) {
    case 's':
        bytes_add_char(to, ' ');
        talk_add_quoted(to, reader_text(body));
        return;
    case 'k':
        bytes_add_format(to, " %c", reader_u8(body));
        return;
    case 'n':
        bytes_add_format(to, " %u", reader_u32(body));
        return;
    case 'o':
        for (uint16_t left = reader_u16(body); left > 0; left--)
            bytes_add_format(to, " %u", reader_u32(body));
        return;
    case 'r':
        bytes_add_char(to, ' ');
        talk_add_quoted(to, rest);
        break;
    case 'b':
        talk_add_bind(to, rest);
        break;
    case 'v':
        talk_add_row(to, rest);
        break;
    case 'c':
        talk_add_columns(to, rest);
        break;
    case 'e':
        talk_add_error(to, rest);
        break;
    }
    reader_take(body, rest.len);
}

/* The first message in `from` as a line; its size, or 0 if it is not all there. */
static inline size_t talk_write(const struct talk_shape *shapes, struct view from, struct bytes *line)
{
    struct reader header = reader_of(from);
    char type = (char)reader_u8(&header);
    uint32_t len = reader_u32(&header);
    if (header.bad || len < 4 || from.len < (size_t)len + 1)
        return 0;
    struct reader body = reader_of((struct view){from.data + 5, len - 4});
    const char *fields = talk_fields(shapes, type);
    CHECK(fields != NULL); /* we sent what nobody knows */
    bytes_add_char(line, type);
    for (; *fields != '\0'; fields++)
        talk_add_field(line, *fields, &body);
    CHECK(reader_done(&body));
    return (size_t)len + 1;
}

/* Is `text` what the pattern says, where … stands for anything? */
static inline bool talk_matches(const char *pattern, const char *text)
{
    static const char any[] = "…";
    const char *gap = strstr(pattern, any);
    if (gap == NULL)
        return strcmp(pattern, text) == 0;
    size_t len = (size_t)(gap - pattern);
    if (strncmp(pattern, text, len) != 0)
        return false;
    for (text += len;; text++) {
        if (talk_matches(gap + strlen(any), text))
            return true;
        if (*text == '\0')
            return false;
    }
}

#endif
