#include "rows.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static bool refuse(struct ticket_error *error, const char *sqlstate, const char *message)
{
    *error = (struct ticket_error){.sqlstate = sqlstate, .message = message};
    return false;
}

/* libpq takes texts up to their NUL: what it would cut off must not be sent as if it were whole. */
static bool has_nul(struct view v)
{
    return v.len > 0 && memchr(v.data, '\0', v.len) != NULL;
}

static bool send(struct pg *pg, const struct ticket_statement *statement, const struct ticket_run *run,
                 struct arena *arena, struct ticket_error *error)
{
    size_t count = run->value_count;
    if (statement->type_count > count)
        return refuse(error, "08P01", "the ticket has fewer values than parameters");
    if (has_nul(statement->sql))
        return refuse(error, "22021", "the statement has a NUL byte in it");
    Oid *types = arena_alloc(arena, (count + 1) * sizeof *types);
    const char **values = arena_alloc(arena, (count + 1) * sizeof *values);
    int *lengths = arena_alloc(arena, (count + 1) * sizeof *lengths);
    int *formats = arena_alloc(arena, (count + 1) * sizeof *formats);
    for (size_t i = 0; i < count; i++) {
        const struct ticket_value *value = &run->values[i];
        types[i] = i < statement->type_count ? statement->types[i] : 0;
        values[i] = value->is_null ? NULL : value->data.data;
        lengths[i] = (int)value->data.len;
        formats[i] = value->format;
        if (value->format > 1 || value->data.len > INT32_MAX)
            return refuse(error, "08P01", "the ticket has a value in a format that doesn't exist");
        if (!value->is_null && value->format == 0 && has_nul(value->data))
            return refuse(error, "22021", "a value of the ticket has a NUL byte in it");
    }
    if (pg->conn != NULL &&
        PQsendQueryParams(pg->conn, statement->sql.data, (int)count, types, values, lengths, formats, 0) &&
        PQsetSingleRowMode(pg->conn))
        return true;
    *error = pg_error(pg, NULL, arena);
    pg_close(pg);
    return false;
}

static void keep_columns(const PGresult *from, struct arena *arena, struct ticket_result *to, int **modifiers)
{
    size_t count = (size_t)PQnfields(from);
    if (to->columns != NULL || count == 0)
        return;
    struct ticket_column *columns = arena_alloc(arena, count * sizeof *columns);
    *modifiers = arena_alloc(arena, count * sizeof **modifiers);
    for (size_t i = 0; i < count; i++) {
        columns[i].name = arena_copy(arena, view_of(PQfname(from, (int)i)));
        columns[i].type_oid = PQftype(from, (int)i);
        (*modifiers)[i] = PQfmod(from, (int)i);
    }
    to->columns = columns;
    to->column_count = count;
}

static void add_row(const PGresult *from, int row, struct bytes *to)
{
    bytes_add_text(to, to->len > 1 ? ",{" : "{");
    for (int i = 0; i < PQnfields(from); i++) {
        bytes_add_format(to, i ? ",\"c%d\":" : "\"c%d\":", i + 1);
        if (PQgetisnull(from, row, i))
            bytes_add_text(to, "null");
        else
            text_add_json(to, (struct view){PQgetvalue(from, row, i), (size_t)PQgetlength(from, row, i)});
    }
    bytes_add_char(to, '}');
}

static void keep_rows(const PGresult *from, uint64_t room, struct ticket_result *to, struct bytes *rows)
{
    for (int row = 0; row < PQntuples(from); row++) {
        to->row_count++;
        if (!to->dropped)
            add_row(from, row, rows);
        if (rows->len + 1 > room) { /* half of the rows would be worse than none */
            to->dropped = true;
            bytes_fini(rows);
            bytes_add_char(rows, '[');
        }
    }
}

/* One result after the other, a row each. True while it goes well. */
static bool keep(struct pg *pg, const PGresult *from, uint64_t room, struct arena *arena, struct ticket_result *to,
                 int **modifiers, struct bytes *rows, struct ticket_error *error)
{
    switch (PQresultStatus(from)) {
    case PGRES_SINGLE_TUPLE:
    case PGRES_TUPLES_OK:
        keep_columns(from, arena, to, modifiers);
        keep_rows(from, room, to, rows);
        to->tag = arena_copy(arena, view_of(PQcmdStatus((PGresult *)from)));
        return true;
    case PGRES_COMMAND_OK:
    case PGRES_EMPTY_QUERY:
        to->tag = arena_copy(arena, view_of(PQcmdStatus((PGresult *)from)));
        to->row_count = strtoull(PQcmdTuples((PGresult *)from), NULL, 10);
        return true;
    case PGRES_COPY_OUT:
    case PGRES_COPY_IN:
    case PGRES_COPY_BOTH:
        pg_close(pg); /* there is no other way out of COPY that ends soon */
        return refuse(error, "0A000", "COPY of data can't be run as a ticket");
    case PGRES_BAD_RESPONSE:
    case PGRES_NONFATAL_ERROR:
    case PGRES_FATAL_ERROR:
    case PGRES_PIPELINE_SYNC:
    case PGRES_PIPELINE_ABORTED:
        break;
    }
    *error = pg_error(pg, from, arena);
    return false;
}

bool rows_run(struct pg *pg, const struct ticket_statement *statement, const struct ticket_run *run, uint64_t *room,
              struct arena *arena, struct ticket_result *result, int **modifiers, struct ticket_error *error)
{
    *result = (struct ticket_result){0};
    *modifiers = NULL;
    if (!send(pg, statement, run, arena, error))
        return false;
    struct bytes rows = {0};
    bytes_add_char(&rows, '[');
    bool good = true;
    for (PGresult *next; (next = pg_next(pg)) != NULL; PQclear(next))
        if (good)
            good = keep(pg, next, *room, arena, result, modifiers, &rows, error);
    if (good && (pg->conn == NULL || PQstatus(pg->conn) != CONNECTION_OK || result->tag == NULL)) {
        *error = pg_error(pg, NULL, arena);
        good = false;
    }
    if (result->columns != NULL && !result->dropped) {
        bytes_add_char(&rows, ']');
        result->rows = arena_copy(arena, bytes_view(&rows));
        *room -= rows.len < *room ? rows.len : *room;
    }
    bytes_fini(&rows);
    return good;
}
