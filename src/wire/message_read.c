/* Reads the bodies of messages into open structs. The layouts are quoted from the PostgreSQL manual, section
 * 55.7 (messages), 55.8 (fields of errors) and 55.2.3 (SASL). IntN is big-endian; String ends with a NUL
 * inside the body.
 *
 * One rule holds for all of them: a body must be used up exactly. Bytes left over, a missing NUL or a count
 * that the body can't hold make the message malformed, so nobody can hide something behind what was judged.
 * Counts are held against the bytes that are there before memory is taken for them. */
#include "wire/wire.h"

#include <string.h>

enum {
    PROTOCOL_MAJOR = 3,
    REQUEST_MAJOR = 1234, /* not a version: the minor number says what is asked for */
    REQUEST_CANCEL = 5678,
    REQUEST_SSL = 5679,
    REQUEST_GSS = 5680,

    CANCEL_KEY_LEAST = 4,  /* protocol 3.0: Int32 */
    CANCEL_KEY_MOST = 256, /* protocol 3.2: Byten */
};

/* ---- what an agent sends ---------------------------------------------------------------------------- */

/* Room for `count` things that take at least `least` bytes each on the wire; NULL: the body is too short
 * for them, and the reader is bad. */
static void *room_for(struct reader *reader, struct arena *arena, size_t count, size_t least, size_t size)
{
    if (reader->bad || reader_left(reader) / least < count) {
        reader->bad = true;
        return NULL;
    }
    return arena_alloc(arena, (count ? count : 1) * size);
}

/* CancelRequest: Int32 80877102, Int32 process id, Byten key */
static bool read_cancel(struct reader *reader, struct startup *startup)
{
    startup->kind = STARTUP_KIND_CANCEL;
    startup->cancel_pid = reader_u32(reader);
    startup->cancel_key = reader_take(reader, reader_left(reader));
    size_t len = startup->cancel_key.len;
    return reader_done(reader) && len >= CANCEL_KEY_LEAST && len <= CANCEL_KEY_MOST;
}

/* StartupMessage: Int32 version; for each parameter String name, String value; then Byte1 0. A name is not
 * empty: an empty one is the end. */
static bool read_parameters(struct reader *reader, struct arena *arena, struct startup *startup)
{
    struct reader ahead = *reader;
    size_t count = 0;
    while (reader_text(&ahead).len > 0) {
        reader_text(&ahead);
        count++;
    }
    if (!reader_done(&ahead))
        return false;
    startup->parameters = room_for(reader, arena, count, 3, sizeof *startup->parameters);
    if (startup->parameters == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        startup->parameters[i].name = reader_text(reader);
        startup->parameters[i].value = reader_text(reader);
    }
    startup->parameter_count = count;
    return reader_u8(reader) == 0 && reader_done(reader);
}

bool message_read_startup(struct view body, struct arena *arena, struct startup *startup)
{
    struct reader reader = reader_of(body);
    *startup = (struct startup){0};
    startup->major = reader_u16(&reader);
    startup->minor = reader_u16(&reader);
    if (reader.bad)
        return false;
    if (startup->major == PROTOCOL_MAJOR) {
        startup->kind = STARTUP_KIND_START;
        return read_parameters(&reader, arena, startup);
    }
    if (startup->major == REQUEST_MAJOR && startup->minor == REQUEST_CANCEL)
        return read_cancel(&reader, startup);
    if (startup->major == REQUEST_MAJOR && (startup->minor == REQUEST_SSL || startup->minor == REQUEST_GSS)) {
        startup->kind = startup->minor == REQUEST_SSL ? STARTUP_KIND_SSL : STARTUP_KIND_GSS;
        return reader_done(&reader);
    }
    startup->kind = STARTUP_KIND_UNKNOWN; /* what follows is in a language that we don't know */
    return true;
}

/* Query: String sql */
bool message_read_query(struct view body, struct view *sql)
{
    struct reader reader = reader_of(body);
    *sql = reader_text(&reader);
    return reader_done(&reader);
}

/* Parse: String name, String sql, Int16 count of types, Int32[] types */
bool message_read_parse(struct view body, struct message_parse *parse)
{
    struct reader reader = reader_of(body);
    parse->name = reader_text(&reader);
    parse->sql = reader_text(&reader);
    parse->type_count = reader_u16(&reader);
    parse->types = reader_take(&reader, (size_t)parse->type_count * 4);
    return reader_done(&reader);
}

/* Int16 count, Int16[] formats; a format is 0 (text) or 1 (binary). NULL: malformed. */
static uint16_t *read_formats(struct reader *reader, struct arena *arena, uint16_t *count)
{
    *count = reader_u16(reader);
    uint16_t *formats = room_for(reader, arena, *count, 2, sizeof *formats);
    for (size_t i = 0; formats != NULL && i < *count; i++) {
        formats[i] = reader_u16(reader);
        if (formats[i] > 1)
            return NULL;
    }
    return formats;
}

/* Int32 length, Byten data; length -1 is NULL. Other negative lengths are malformed; read as huge they are
 * longer than the body (pgproto3 took them for sizes: CVE-2026-4427). */
static struct view read_value(struct reader *reader)
{
    uint32_t length = reader_u32(reader);
    if (length == UINT32_MAX)
        return (struct view){NULL, 0};
    return reader_take(reader, length);
}

/* Int16 count of formats, formats; Int16 count, values. No formats: all text; one: it is for all. */
static bool read_values(struct reader *reader, struct arena *arena, struct message_bind *bind)
{
    uint16_t format_count;
    const uint16_t *formats = read_formats(reader, arena, &format_count);
    if (formats == NULL)
        return false;
    bind->value_count = reader_u16(reader);
    if (format_count > 1 && format_count != bind->value_count)
        return false;
    bind->values = room_for(reader, arena, bind->value_count, 4, sizeof *bind->values);
    if (bind->values == NULL)
        return false;
    for (size_t i = 0; i < bind->value_count; i++) {
        bind->values[i].data = read_value(reader);
        bind->values[i].format = format_count == 0 ? 0 : formats[format_count == 1 ? 0 : i];
    }
    return !reader->bad;
}

/* Bind: String portal, String statement, parameter formats and values, result formats */
bool message_read_bind(struct view body, struct arena *arena, struct message_bind *bind)
{
    struct reader reader = reader_of(body);
    bind->portal = reader_text(&reader);
    bind->statement = reader_text(&reader);
    if (!read_values(&reader, arena, bind))
        return false;
    bind->result_formats = read_formats(&reader, arena, &bind->result_format_count);
    return bind->result_formats != NULL && reader_done(&reader);
}

/* Describe, Close: Byte1 'S' or 'P', String name */
bool message_read_name(struct view body, struct message_name *name)
{
    struct reader reader = reader_of(body);
    name->kind = (char)reader_u8(&reader);
    name->name = reader_text(&reader);
    return reader_done(&reader) && (name->kind == 'S' || name->kind == 'P');
}

/* Execute: String portal, Int32 most rows. PostgreSQL takes a negative number for no limit, as it does 0. */
bool message_read_execute(struct view body, struct message_execute *execute)
{
    struct reader reader = reader_of(body);
    execute->portal = reader_text(&reader);
    execute->max_rows = reader_u32(&reader);
    if (execute->max_rows > INT32_MAX)
        execute->max_rows = 0;
    return reader_done(&reader);
}

/* Sync, Flush, Terminate, CopyDone: nothing */
bool message_read_empty(struct view body)
{
    return body.len == 0;
}

/* SASLInitialResponse: String mechanism, Int32 length or -1 for none, Byten data */
bool message_read_sasl_initial(struct view body, struct view *mechanism, struct view *data)
{
    struct reader reader = reader_of(body);
    *mechanism = reader_text(&reader);
    *data = read_value(&reader);
    return reader_done(&reader);
}

/* ---- what the server sends -------------------------------------------------------------------------- */

static struct view *error_field(struct message_error *error, char code)
{
    switch (code) {
    case 'S':
        return &error->severity;
    case 'V':
        return &error->severity_plain;
    case 'C':
        return &error->sqlstate;
    case 'M':
        return &error->message;
    case 'D':
        return &error->detail;
    case 'H':
        return &error->hint;
    case 'P':
        return &error->position;
    default: /* "frontends should silently ignore fields of unrecognized type" */
        return NULL;
    }
}

/* ErrorResponse, NoticeResponse: for each field Byte1 code, String value; then Byte1 0 */
bool message_read_error(struct view body, struct message_error *error)
{
    struct reader reader = reader_of(body);
    *error = (struct message_error){0};
    for (char code; (code = (char)reader_u8(&reader)) != '\0';) {
        struct view value = reader_text(&reader);
        struct view *field = error_field(error, code);
        if (field != NULL)
            *field = value;
    }
    return reader_done(&reader);
}

/* The decimal number behind the tag's last space; 0: there is none. False: it is no 64-bit number. */
static bool read_count(struct view tag, uint64_t *rows)
{
    const char *space = tag.len ? memrchr(tag.data, ' ', tag.len) : NULL;
    const char *end = tag.data + tag.len;
    *rows = 0;
    if (space == NULL || space + 1 == end || space[1] < '0' || space[1] > '9')
        return true;
    for (const char *at = space + 1; at < end; at++) {
        if (*at < '0' || *at > '9' || __builtin_mul_overflow(*rows, 10, rows) ||
            __builtin_add_overflow(*rows, (uint64_t)(*at - '0'), rows))
            return false;
    }
    return true;
}

/* CommandComplete: String tag: "SELECT 5", "INSERT 0 5", "CREATE TABLE" */
bool message_read_complete(struct view body, struct view *tag, uint64_t *rows)
{
    struct reader reader = reader_of(body);
    *tag = reader_text(&reader);
    return reader_done(&reader) && read_count(*tag, rows);
}

/* ReadyForQuery: Byte1 'I' idle, 'T' in a transaction block, 'E' in a failed one */
bool message_read_ready(struct view body, char *status)
{
    struct reader reader = reader_of(body);
    *status = (char)reader_u8(&reader);
    return reader_done(&reader) && (*status == 'I' || *status == 'T' || *status == 'E');
}

/* ParameterStatus: String name, String value */
bool message_read_parameter(struct view body, struct view *name, struct view *value)
{
    struct reader reader = reader_of(body);
    *name = reader_text(&reader);
    *value = reader_text(&reader);
    return reader_done(&reader);
}

/* String name, Int32 table, Int16 attribute, Int32 type, Int16 size, Int32 modifier, Int16 format */
static void read_column(struct reader *reader, struct message_column *column)
{
    column->name = reader_text(reader);
    column->table = reader_u32(reader);
    column->attribute = reader_u16(reader);
    column->type = reader_u32(reader);
    column->type_size = (int16_t)reader_u16(reader);
    column->type_modifier = (int32_t)reader_u32(reader);
    column->format = reader_u16(reader);
}

/* RowDescription: Int16 count, then each column */
bool message_read_columns(struct view body, struct arena *arena, struct message_column **columns, uint16_t *count)
{
    enum { LEAST = 1 + 4 + 2 + 4 + 2 + 4 + 2 };
    struct reader reader = reader_of(body);
    *count = reader_u16(&reader);
    *columns = room_for(&reader, arena, *count, LEAST, sizeof **columns);
    for (size_t i = 0; *columns != NULL && i < *count; i++)
        read_column(&reader, &(*columns)[i]);
    return reader_done(&reader);
}

/* DataRow: Int16 count, then for each column Int32 length or -1 for NULL, Byten data */
bool message_read_row(struct view body, struct arena *arena, struct view **values, uint16_t *count)
{
    struct reader reader = reader_of(body);
    *count = reader_u16(&reader);
    *values = room_for(&reader, arena, *count, 4, sizeof **values);
    for (size_t i = 0; *values != NULL && i < *count; i++)
        (*values)[i] = read_value(&reader);
    return reader_done(&reader);
}
