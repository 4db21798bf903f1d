/* Writes messages, appended to a buffer. The layouts stand beside the readers in message_read.c; here only
 * those that have no reader. Everything written is ours or was judged before, so a text with a NUL in it or a
 * message over 2 GiB is our own mistake and ends the process. */
#include "wire/wire.h"

#include <string.h>

#include "base/check.h"

enum {
    PROTOCOL_MAJOR = 3,
    CANCEL_REQUEST = 80877102, /* 1234 << 16 | 5678 */
    NULL_LENGTH = -1,
};

/* A message is opened, filled and closed; closing writes its length, which counts itself but not the type.
 * The value between the two is where the length stands. */
static size_t open_untyped(struct bytes *to)
{
    size_t at = to->len;
    bytes_add_u32(to, 0);
    return at;
}

static size_t open_message(struct bytes *to, char type)
{
    bytes_add_char(to, type);
    return open_untyped(to);
}

static void close_message(struct bytes *to, size_t at)
{
    size_t length = to->len - at;
    CHECK(length <= INT32_MAX);
    uint8_t wire[4] = {(uint8_t)(length >> 24), (uint8_t)(length >> 16), (uint8_t)(length >> 8), (uint8_t)length};
    memcpy(to->data + at, wire, sizeof wire);
}

static void add_string(struct bytes *to, struct view text)
{
    CHECK(text.len == 0 || memchr(text.data, '\0', text.len) == NULL);
    bytes_add_view(to, text);
    bytes_add_char(to, '\0');
}

/* Int32 length, Byten data; length -1: NULL */
static void add_value(struct bytes *to, struct view value)
{
    CHECK(value.len <= INT32_MAX);
    bytes_add_u32(to, value.data ? (uint32_t)value.len : (uint32_t)NULL_LENGTH);
    bytes_add_view(to, value);
}

/* ---- either side ------------------------------------------------------------------------------------ */

void message_add_empty(struct bytes *to, char type)
{
    close_message(to, open_message(to, type));
}

void message_add_raw(struct bytes *to, char type, struct view body)
{
    size_t at = open_message(to, type);
    bytes_add_view(to, body);
    close_message(to, at);
}

/* ---- to the server ---------------------------------------------------------------------------------- */

void message_add_query(struct bytes *to, struct view sql)
{
    size_t at = open_message(to, 'Q');
    add_string(to, sql);
    close_message(to, at);
}

void message_add_parse(struct bytes *to, struct view name, struct view sql, const uint32_t *types, uint16_t count)
{
    size_t at = open_message(to, 'P');
    add_string(to, name);
    add_string(to, sql);
    bytes_add_u16(to, count);
    for (size_t i = 0; i < count; i++)
        bytes_add_u32(to, types[i]);
    close_message(to, at);
}

void message_add_bind(struct bytes *to, struct view portal, struct view statement, const struct view *values,
                      uint16_t value_count, const uint16_t *formats, uint16_t format_count)
{
    size_t at = open_message(to, 'B');
    add_string(to, portal);
    add_string(to, statement);
    bytes_add_u16(to, 0); /* no parameter formats: all are text */
    bytes_add_u16(to, value_count);
    for (size_t i = 0; i < value_count; i++)
        add_value(to, values[i]);
    bytes_add_u16(to, format_count);
    for (size_t i = 0; i < format_count; i++)
        bytes_add_u16(to, formats[i]);
    close_message(to, at);
}

void message_add_name(struct bytes *to, char type, char kind, struct view name)
{
    size_t at = open_message(to, type);
    bytes_add_char(to, kind);
    add_string(to, name);
    close_message(to, at);
}

void message_add_execute(struct bytes *to, struct view portal, uint32_t max_rows)
{
    size_t at = open_message(to, 'E');
    add_string(to, portal);
    bytes_add_u32(to, max_rows);
    close_message(to, at);
}

/* FunctionCall: Int32 oid, Int16 count of formats, Int16 count of arguments, Int16 format of the result */
void message_add_function_call(struct bytes *to, uint32_t oid)
{
    size_t at = open_message(to, 'F');
    bytes_add_u32(to, oid);
    bytes_add_u16(to, 0);
    bytes_add_u16(to, 0);
    bytes_add_u16(to, 0);
    close_message(to, at);
}

void message_add_cancel(struct bytes *to, uint32_t pid, struct view key)
{
    size_t at = open_untyped(to);
    bytes_add_u32(to, CANCEL_REQUEST);
    bytes_add_u32(to, pid);
    bytes_add_view(to, key);
    close_message(to, at);
}

void message_add_startup(struct bytes *to, uint16_t minor, const struct startup_parameter *parameters, size_t count)
{
    size_t at = open_untyped(to);
    bytes_add_u16(to, PROTOCOL_MAJOR);
    bytes_add_u16(to, minor);
    for (size_t i = 0; i < count; i++) {
        CHECK(parameters[i].name.len > 0);
        add_string(to, parameters[i].name);
        add_string(to, parameters[i].value);
    }
    bytes_add_char(to, '\0');
    close_message(to, at);
}

/* ---- to an agent ------------------------------------------------------------------------------------ */

/* AuthenticationOk, -SASL, -SASLContinue, -SASLFinal: Int32 code, Byten data */
void message_add_authentication(struct bytes *to, uint32_t code, struct view data)
{
    size_t at = open_message(to, 'R');
    bytes_add_u32(to, code);
    bytes_add_view(to, data);
    close_message(to, at);
}

/* NegotiateProtocolVersion: Int32 newest version, Int32 count, then the options not understood as Strings.
 * The manual calls the first "minor version"; the server sends, and libpq wants, the whole number. */
void message_add_negotiate(struct bytes *to, uint32_t minor, const struct view *options, uint32_t count)
{
    CHECK(minor <= UINT16_MAX);
    size_t at = open_message(to, 'v');
    bytes_add_u16(to, PROTOCOL_MAJOR);
    bytes_add_u16(to, (uint16_t)minor);
    bytes_add_u32(to, count);
    for (size_t i = 0; i < count; i++)
        add_string(to, options[i]);
    close_message(to, at);
}

/* BackendKeyData: Int32 process id, Byten key */
void message_add_key(struct bytes *to, uint32_t pid, struct view key)
{
    size_t at = open_message(to, 'K');
    bytes_add_u32(to, pid);
    bytes_add_view(to, key);
    close_message(to, at);
}

void message_add_parameter(struct bytes *to, struct view name, struct view value)
{
    size_t at = open_message(to, 'S');
    add_string(to, name);
    add_string(to, value);
    close_message(to, at);
}

void message_add_ready(struct bytes *to, char status)
{
    CHECK(status == 'I' || status == 'T' || status == 'E');
    message_add_raw(to, 'Z', (struct view){&status, 1});
}

void message_add_complete(struct bytes *to, struct view tag)
{
    size_t at = open_message(to, 'C');
    add_string(to, tag);
    close_message(to, at);
}

void message_add_columns(struct bytes *to, const struct message_column *columns, uint16_t count)
{
    size_t at = open_message(to, 'T');
    bytes_add_u16(to, count);
    for (size_t i = 0; i < count; i++) {
        add_string(to, columns[i].name);
        bytes_add_u32(to, columns[i].table);
        bytes_add_u16(to, columns[i].attribute);
        bytes_add_u32(to, columns[i].type);
        bytes_add_u16(to, (uint16_t)columns[i].type_size);
        bytes_add_u32(to, (uint32_t)columns[i].type_modifier);
        bytes_add_u16(to, columns[i].format);
    }
    close_message(to, at);
}

/* ParameterDescription: Int16 count, Int32[] types */
void message_add_types(struct bytes *to, const uint32_t *types, uint16_t count)
{
    size_t at = open_message(to, 't');
    bytes_add_u16(to, count);
    for (size_t i = 0; i < count; i++)
        bytes_add_u32(to, types[i]);
    close_message(to, at);
}

void message_add_row(struct bytes *to, const struct view *values, uint16_t count)
{
    size_t at = open_message(to, 'D');
    bytes_add_u16(to, count);
    for (size_t i = 0; i < count; i++)
        add_value(to, values[i]);
    close_message(to, at);
}

static void add_field(struct bytes *to, char code, const char *text)
{
    if (text == NULL)
        return;
    bytes_add_char(to, code);
    add_string(to, view_of(text));
}

/* Severity twice: 'S' may be translated, 'V' never is (section 55.8); clients look at either. */
void message_add_words(struct bytes *to, char type, const struct message_words *words)
{
    CHECK(type == 'E' || type == 'N');
    size_t at = open_message(to, type);
    add_field(to, 'S', words->severity);
    add_field(to, 'V', words->severity);
    add_field(to, 'C', words->sqlstate);
    add_field(to, 'M', words->message);
    add_field(to, 'D', words->detail);
    add_field(to, 'H', words->hint);
    if (words->position > 0)
        bytes_add_format(to, "P%u%c", words->position, '\0');
    bytes_add_char(to, '\0');
    close_message(to, at);
}
