/* Bodies read into structs. The first byte chooses the message. What was read and written again must be the
 * same bytes; where there is no writer for all of it, its parts must be found in the body. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "wire/wire.h"

/* `again` is a whole message; its body must be this one. */
static void check_same(struct view body, const struct bytes *again, size_t header)
{
    CHECK(again->len == header + body.len);
    CHECK(body.len == 0 || memcmp(again->data + header, body.data, body.len) == 0);
}

static void check_inside(struct view body, struct view part)
{
    CHECK(part.len == 0 || (part.data >= body.data && part.data + part.len <= body.data + body.len));
}

static void try_startup(struct view body, struct arena *arena, struct bytes *again)
{
    struct startup startup;
    if (!message_read_startup(body, arena, &startup))
        return;
    switch (startup.kind) {
    case STARTUP_KIND_START:
        CHECK(startup.major == 3);
        message_add_startup(again, startup.minor, startup.parameters, startup.parameter_count);
        check_same(body, again, 4);
        return;
    case STARTUP_KIND_CANCEL:
        message_add_cancel(again, startup.cancel_pid, startup.cancel_key);
        check_same(body, again, 4);
        return;
    case STARTUP_KIND_SSL:
    case STARTUP_KIND_GSS:
        CHECK(body.len == 4);
        return;
    case STARTUP_KIND_UNKNOWN:
        CHECK(startup.major != 3);
        return;
    }
}

static void try_query(struct view body, struct arena *arena, struct bytes *again)
{
    struct view sql;
    if (!message_read_query(body, &sql))
        return;
    message_add_query(again, sql);
    check_same(body, again, 5);
}

static void try_parse(struct view body, struct arena *arena, struct bytes *again)
{
    struct message_parse parse;
    if (!message_read_parse(body, &parse))
        return;
    uint32_t *types = arena_alloc(arena, parse.type_count * sizeof *types + 1);
    struct reader reader = reader_of(parse.types);
    for (size_t i = 0; i < parse.type_count; i++)
        types[i] = reader_u32(&reader);
    CHECK(reader_done(&reader) || parse.type_count == 0);
    message_add_parse(again, parse.name, parse.sql, types, parse.type_count);
    check_same(body, again, 5);
}

/* The formats are resolved, so the message can't be written again from the struct alone: how many formats
 * were sent follows from the length. */
static void try_bind(struct view body, struct arena *arena, struct bytes *again)
{
    struct message_bind bind;
    if (!message_read_bind(body, arena, &bind))
        return;
    struct view *values = arena_alloc(arena, bind.value_count * sizeof *values + 1);
    for (size_t i = 0; i < bind.value_count; i++)
        values[i] = bind.values[i].data;
    message_add_bind(again, bind.portal, bind.statement, values, bind.value_count, bind.result_formats,
                     bind.result_format_count);
    size_t head = bind.portal.len + 1 + bind.statement.len + 1;
    CHECK(body.len >= again->len - 5);
    size_t extra = body.len - (again->len - 5), count = extra / 2;
    CHECK(extra % 2 == 0 && (count == 0 || count == 1 || count == bind.value_count));
    CHECK(memcmp(body.data, again->data + 5, head) == 0);
    size_t tail = body.len - head - 2 - extra;
    CHECK(memcmp(body.data + body.len - tail, again->data + again->len - tail, tail) == 0);
    struct reader formats = reader_of((struct view){body.data + head, 2 + extra});
    CHECK(reader_u16(&formats) == count);
    uint16_t format = 0;
    for (size_t i = 0; i < bind.value_count; i++) {
        if (count > 1 || (count == 1 && i == 0))
            format = reader_u16(&formats);
        CHECK(bind.values[i].format == format && format <= 1);
    }
}

static void try_name(struct view body, struct arena *arena, struct bytes *again)
{
    struct message_name name;
    if (!message_read_name(body, &name))
        return;
    message_add_name(again, 'D', name.kind, name.name);
    check_same(body, again, 5);
}

static void try_execute(struct view body, struct arena *arena, struct bytes *again)
{
    struct message_execute execute;
    if (!message_read_execute(body, &execute))
        return;
    CHECK(execute.max_rows <= INT32_MAX);
    bool negative = (body.data[body.len - 4] & 0x80) != 0;
    message_add_execute(again, execute.portal, execute.max_rows);
    if (negative)
        CHECK(execute.max_rows == 0 && again->len == body.len + 5);
    else
        check_same(body, again, 5);
}

static void try_sasl_initial(struct view body, struct arena *arena, struct bytes *again)
{
    struct view mechanism, data;
    if (!message_read_sasl_initial(body, &mechanism, &data))
        return;
    bytes_add_view(again, mechanism);
    bytes_add_char(again, '\0');
    bytes_add_u32(again, data.data ? (uint32_t)data.len : UINT32_MAX);
    bytes_add_view(again, data);
    check_same(body, again, 0);
}

static void try_error(struct view body, struct arena *arena, struct bytes *again)
{
    struct message_error error;
    if (!message_read_error(body, &error))
        return;
    const struct view fields[] = {error.severity, error.severity_plain, error.sqlstate, error.message,
                                  error.detail,   error.hint,           error.position};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        check_inside(body, fields[i]);
        CHECK(fields[i].len == 0 || memchr(fields[i].data, '\0', fields[i].len) == NULL);
    }
    CHECK(body.data[body.len - 1] == '\0');
}

static void try_complete(struct view body, struct arena *arena, struct bytes *again)
{
    struct view tag;
    uint64_t rows;
    if (!message_read_complete(body, &tag, &rows))
        return;
    message_add_complete(again, tag);
    check_same(body, again, 5);
}

static void try_ready(struct view body, struct arena *arena, struct bytes *again)
{
    char status;
    if (!message_read_ready(body, &status))
        return;
    message_add_ready(again, status);
    check_same(body, again, 5);
}

static void try_parameter(struct view body, struct arena *arena, struct bytes *again)
{
    struct view name, value;
    if (!message_read_parameter(body, &name, &value))
        return;
    message_add_parameter(again, name, value);
    check_same(body, again, 5);
}

static void try_columns(struct view body, struct arena *arena, struct bytes *again)
{
    struct message_column *columns;
    uint16_t count;
    if (!message_read_columns(body, arena, &columns, &count))
        return;
    message_add_columns(again, columns, count);
    check_same(body, again, 5);
}

static void try_row(struct view body, struct arena *arena, struct bytes *again)
{
    struct view *values;
    uint16_t count;
    if (!message_read_row(body, arena, &values, &count))
        return;
    message_add_row(again, values, count);
    check_same(body, again, 5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct view body, struct arena * arena, struct bytes * again) = {
        try_startup, try_query,    try_parse, try_bind,      try_name,    try_execute, try_sasl_initial,
        try_error,   try_complete, try_ready, try_parameter, try_columns, try_row,
    };
    if (size == 0)
        return 0;
    struct arena arena = {0};
    struct bytes again = {0};
    struct view body = {(const char *)data + 1, size - 1};
    tries[data[0] % (sizeof tries / sizeof *tries)](body, &arena, &again);
    /* Memory is taken for what is there, not for what a count claims. */
    CHECK(arena.used <= 64 + size * 64);
    arena_fini(&arena);
    bytes_fini(&again);
    return 0;
}
