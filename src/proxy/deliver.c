#include "deliver.h"

#include <stdio.h>

#include "base/text.h"
#include "replies.h"

static const char STATEMENT[] = "sallyport result";

/* ---- taking over what Redis gave ------------------------------------------------------------------------ */

static const char *keep(struct arena *arena, const char *text)
{
    return text ? arena_copy(arena, view_of(text)) : NULL;
}

static void keep_result(struct arena *arena, const struct ticket_result *from, struct ticket_result *to)
{
    struct ticket_column *columns = arena_alloc(arena, from->column_count * sizeof *columns);
    for (size_t i = 0; i < from->column_count; i++) {
        columns[i] = from->columns[i];
        columns[i].name = keep(arena, from->columns[i].name);
        columns[i].type = keep(arena, from->columns[i].type);
    }
    *to = *from;
    to->columns = columns;
    to->tag = keep(arena, from->tag);
    to->rows = keep(arena, from->rows);
}

static void remember(struct session *session, const char *ticket)
{
    struct delivery *delivery = &session->delivery;
    /* Pipelined: the result before this one has gone to the agent already. */
    deliver_next_message(session);
    session->delivering = NULL;
    arena_reset(&delivery->arena);
    struct arena arena = delivery->arena;
    *delivery = (struct delivery){.arena = arena};
    snprintf(delivery->ticket, sizeof delivery->ticket, "%s", ticket);
}

bool deliver_is_in_block(const struct session *session)
{
    return session->in_block;
}

void deliver_begin(struct session *session, const struct ticket_answer *answer)
{
    struct delivery *delivery = &session->delivery;
    remember(session, answer->id);
    struct ticket_result *results = arena_alloc(&delivery->arena, answer->result_count * sizeof *results);
    for (size_t i = 0; i < answer->result_count; i++)
        keep_result(&delivery->arena, &answer->results[i], &results[i]);
    delivery->results = results;
    delivery->count = answer->result_count;
    delivery->is_open = true;
    delivery->needs_commit = deliver_is_in_block(session);
    session->block_has_write |= delivery->needs_commit;
}

void deliver_told(struct session *session, const char *ticket)
{
    remember(session, ticket);
}

/* ---- as SQL ---------------------------------------------------------------------------------------------- */

static void add_column_list(struct bytes *to, const struct ticket_result *result)
{
    for (size_t i = 0; i < result->column_count; i++) {
        bytes_add_format(to, "%sc%zu::%s AS ", i ? ", " : "", i + 1, result->columns[i].type);
        text_add_identifier(to, view_of(result->columns[i].name));
    }
}

/* rows: the SQL expression that holds them. */
static void add_select(struct bytes *to, const struct ticket_result *result, struct view rows)
{
    bytes_add_text(to, "SELECT ");
    if (result->column_count == 0) {
        bytes_add_text(to, "WHERE false");
        return;
    }
    add_column_list(to, result);
    bytes_add_text(to, " FROM pg_catalog.jsonb_to_recordset(");
    bytes_add_view(to, rows);
    bytes_add_text(to, "::pg_catalog.jsonb) AS r(");
    for (size_t i = 0; i < result->column_count; i++)
        bytes_add_format(to, "%sc%zu pg_catalog.text", i ? ", " : "", i + 1);
    bytes_add_char(to, ')');
}

static const char *rows_of(const struct ticket_result *result)
{
    return result->rows ? result->rows : "[]";
}

void deliver_query(struct session *session, uint64_t record)
{
    struct delivery *delivery = &session->delivery;
    struct bytes sql = {0}, literal = {0};
    for (size_t i = 0; i < delivery->count; i++) {
        const struct ticket_result *result = &delivery->results[i];
        bytes_clear(&literal);
        text_add_sql(&literal, view_of(rows_of(result)));
        if (i > 0)
            bytes_add_text(&sql, "; ");
        add_select(&sql, result, bytes_view(&literal));
    }
    message_add_query(stream_make(&session->to_server), bytes_view(&sql));
    struct reply *reply = reply_expect(session, OWED_KIND_QUERY, REPLY_ROLE_DELIVERY);
    if (reply != NULL) {
        reply->record = record;
        reply->started = session->port->now(session->arg);
    }
    delivery->is_open = false;
    bytes_fini(&sql);
    bytes_fini(&literal);
}

/* Closing what doesn't exist is no error, so the names are always free for what follows. */
static void close_own(struct session *session)
{
    struct bytes *to = stream_make(&session->to_server);
    message_add_name(to, 'C', 'S', view_of(STATEMENT));
    reply_expect(session, OWED_KIND_CLOSE, REPLY_ROLE_INTERNAL);
    message_add_name(to, 'C', 'P', view_of(STATEMENT));
    reply_expect(session, OWED_KIND_CLOSE, REPLY_ROLE_INTERNAL);
}

static void execute_own(struct session *session, struct portal *portal, size_t result_at, uint32_t max_rows,
                        uint64_t record)
{
    message_add_execute(stream_make(&session->to_server), view_of(STATEMENT), max_rows);
    struct reply *reply = reply_expect(session, OWED_KIND_EXECUTE, REPLY_ROLE_DELIVERY);
    if (reply == NULL)
        return;
    reply->used = thing_hold(portal);
    reply->result_at = result_at;
    reply->record = record;
    reply->started = session->port->now(session->arg);
}

void deliver_execute(struct session *session, struct portal *portal, uint32_t max_rows, uint64_t record)
{
    struct delivery *delivery = &session->delivery;
    size_t at = delivery->next++;
    const struct ticket_result *result = &delivery->results[at];
    struct view rows = view_of(rows_of(result));
    struct bytes sql = {0};
    add_select(&sql, result, view_of("$1"));

    close_own(session);
    struct bytes *to = stream_make(&session->to_server);
    bool has_rows = result->column_count > 0;
    uint32_t text_type = 25;
    message_add_parse(to, view_of(STATEMENT), bytes_view(&sql), &text_type, has_rows ? 1 : 0);
    reply_expect(session, OWED_KIND_PARSE, REPLY_ROLE_INTERNAL);
    message_add_bind(to, view_of(STATEMENT), view_of(STATEMENT), &rows, has_rows ? 1 : 0, portal->formats,
                     has_rows ? portal->format_count : 0);
    reply_expect(session, OWED_KIND_BIND, REPLY_ROLE_INTERNAL);
    execute_own(session, portal, at, max_rows, record);
    portal->is_delivering = true;
    session->delivering = portal;
    portal->result_at = at;
    portal->record = record;
    bytes_fini(&sql);
}

bool deliver_more(struct session *session, struct portal *portal, uint32_t max_rows)
{
    if (session->delivering != portal)
        return false;
    execute_own(session, portal, portal->result_at, max_rows, portal->record);
    return true;
}

/* ---- when it counts as delivered ----------------------------------------------------------------------- */

void deliver_give_back(struct session *session)
{
    if (!session->delivery.is_complete)
        session->delivery.ticket[0] = '\0';
}

void deliver_block_ended(struct session *session, bool committed, bool chains)
{
    struct delivery *delivery = &session->delivery;
    session->block_has_write = false;
    session->in_block = chains;
    if (!delivery->needs_commit)
        return;
    delivery->needs_commit = false;
    if (!committed)
        delivery->ticket[0] = '\0';
}

void deliver_ready(struct session *session, char status)
{
    struct delivery *delivery = &session->delivery;
    session->in_block = status != 'I';
    if (status == 'I')
        session->block_has_write = false;
    if (delivery->ticket[0] == '\0')
        return;
    if (!delivery->needs_commit)
        delivery->is_complete = true;
    else if (status == 'I')
        delivery->ticket[0] = '\0'; /* the block is gone, and no COMMIT was seen */
}

void deliver_next_message(struct session *session)
{
    struct delivery *delivery = &session->delivery;
    if (!delivery->is_complete || delivery->ticket[0] == '\0')
        return;
    session->port->delivered(session->arg, delivery->ticket);
    delivery->ticket[0] = '\0';
    arena_fini(&delivery->arena);
    delivery->results = NULL;
    delivery->count = 0;
}

void deliver_end_batch(struct session *session)
{
    session->delivery.is_open = false;
}
