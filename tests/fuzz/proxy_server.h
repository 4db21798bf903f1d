/* A small server in memory, for fuzzing sessions: it keeps names, transactions, skip-until-Sync and COPY as
 * PostgreSQL does (postgres.c, not our tables), holds replies back until Flush, Sync or an error, and fails
 * when it likes. It takes only texts that the policy allows and sallyport's own. */
#ifndef PROXY_SERVER_H
#define PROXY_SERVER_H

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/map.h"
#include "rules/rules.h"
#include "wire/wire.h"

enum own { OWN_NOT, OWN_STAND_IN, OWN_INERT, OWN_SETTINGS, OWN_DELIVERY };

struct text {
    enum own own;
    struct view sql;
    struct facts facts;
};

struct portal_of {
    struct text *text;
    bool has_run;
};

struct server {
    const struct rules *rules;
    void (*ran)(void *arg, const struct text *text); /* a judged text is about to run */
    void *arg;
    uint32_t seed;
    struct arena arena;
    struct map statements, portals; /* the unnamed has the name "" */
    struct bytes in, out;
    size_t flushed; /* of out: what the other side can see */
    bool is_skipping;
    char status;
    char copy; /* Q or E: a COPY FROM STDIN is going on in it */
    struct text *copying;
    size_t copied; /* statements of a string that are done */
    char ready[4096];
    size_t ready_count, ready_seen; /* statuses that the agent has to see, in order */
    bool is_settings;               /* the Query that is being answered is not the agent's */
};

static inline unsigned server_choose(struct server *server, unsigned below)
{
    server->seed = server->seed * 1664525 + 1013904223;
    return (server->seed >> 16) % below;
}

static inline struct text *server_text(struct server *server, struct view sql)
{
    static const struct asker asker = {"bot", "app"};
    struct text *text = arena_alloc(&server->arena, sizeof *text);
    text->sql = arena_view(&server->arena, sql);
    text->own = view_starts(sql, "sallyport refused: rule ")                                      ? OWN_STAND_IN
                : view_is(sql, "FETCH FROM \"sallyport: parked\"")                                ? OWN_INERT
                : view_starts(sql, "SELECT pg_catalog.current_setting('DateStyle'), ")            ? OWN_SETTINGS
                : view_starts(sql, "SELECT WHERE false") || view_starts(sql, "SELECT c1::pg_cat") ? OWN_DELIVERY
                                                                                                  : OWN_NOT;
    if (text->own == OWN_STAND_IN)
        return text;
    struct parser_error error;
    struct judgement judgement = {0};
    CHECK(parser_read(text->sql, NULL, &server->arena, &text->facts, &error) == PARSER_RESULT_OK);
    if (text->own == OWN_NOT) {
        rules_judge_message(server->rules, &asker, &text->facts, &server->arena, NULL, &judgement);
        CHECK(judgement.verdict <= VERDICT_FLAG);
    }
    return text;
}

/* ---- saying --------------------------------------------------------------------------------------------- */

static inline void server_ready(struct server *server)
{
    message_add_ready(&server->out, server->status);
    server->flushed = server->out.len;
    if (!server->is_settings && server->ready_count < sizeof server->ready)
        server->ready[server->ready_count++] = server->status;
    if (server->status == 'I')
        map_clear(&server->portals);
}

static inline bool server_error(struct server *server, const char *sqlstate)
{
    struct message_words words = {.severity = "ERROR", .sqlstate = sqlstate, .message = "no"};
    message_add_words(&server->out, 'E', &words);
    server->flushed = server->out.len;
    server->is_settings = false;
    if (server->status == 'T')
        server->status = 'E';
    return false;
}

static inline void server_columns(struct server *server)
{
    struct message_column column = {.name = view_of("a"), .type = 23, .type_size = 4, .type_modifier = -1};
    message_add_columns(&server->out, &column, 1);
}

static inline void server_row(struct server *server, const struct text *text)
{
    static const char *const settings[] = {"ISO, MDY", "postgres", "UTC", "public", "read committed"};
    struct view values[5];
    for (int i = 0; i < 5; i++)
        values[i] = view_of(settings[i]);
    message_add_row(&server->out, values, text->own == OWN_SETTINGS ? 5 : 1);
}

/* ---- running -------------------------------------------------------------------------------------------- */

static inline bool server_prepare(struct server *server, const struct statement *statement)
{
    if (map_get(&server->statements, statement->name) != NULL)
        return server_error(server, "42P05");
    map_put(&server->statements, statement->name, server_text(server, view_of("SELECT 1")));
    return true;
}

static inline bool server_deallocate(struct server *server, const struct statement *statement)
{
    if (statement->flags & STATEMENT_ALL) {
        struct text *unnamed = map_get(&server->statements, view_of(""));
        map_clear(&server->statements);
        if (unnamed != NULL && statement->operation == OPERATION_DEALLOCATE)
            map_put(&server->statements, view_of(""), unnamed);
        return true;
    }
    return map_remove(&server->statements, statement->name) != NULL || server_error(server, "26000");
}

/* What a statement does besides its rows; its tag, or NULL after an error. */
static inline const char *server_effect(struct server *server, const struct statement *statement)
{
    bool to_savepoint = (statement->flags & STATEMENT_TO_SAVEPOINT) != 0;
    bool was_failed = server->status == 'E';
    switch ((int)statement->operation) {
    case OPERATION_BEGIN:
        server->status = 'T';
        return "BEGIN";
    case OPERATION_COMMIT:
    case OPERATION_ROLLBACK:
        if (to_savepoint)
            return server_error(server, "25P01") ? "" : NULL;
        server->status = statement->flags & STATEMENT_CHAIN ? 'T' : 'I';
        return statement->operation == OPERATION_ROLLBACK || was_failed ? "ROLLBACK" : "COMMIT";
    case OPERATION_PREPARE:
        return server_prepare(server, statement) ? "PREPARE" : NULL;
    case OPERATION_DEALLOCATE:
        return server_deallocate(server, statement) ? "DEALLOCATE" : NULL;
    }
    return "SELECT 1";
}

static inline bool server_fails(struct server *server, const struct text *text, const struct statement *statement)
{
    bool ends = statement->operation == OPERATION_ROLLBACK || statement->operation == OPERATION_COMMIT;
    if (server->status == 'E' && !ends)
        return !server_error(server, "25P02");
    if (text->own == OWN_INERT)
        return !server_error(server, "34000");
    if (ends || text->sql.len > 2048 || server_choose(server, 16) != 0)
        return false;
    return !server_error(server, server_choose(server, 2) ? "XX000" : "34000");
}

enum ran { RAN_DONE, RAN_FAILED, RAN_COPY };

static inline enum ran server_run(struct server *server, struct text *text, size_t at, char from)
{
    for (; at < text->facts.count; at++) {
        const struct statement *statement = &text->facts.statements[at];
        if (server_fails(server, text, statement))
            return RAN_FAILED;
        if (statement->flags & STATEMENT_COPY_IN) {
            message_add_raw(&server->out, 'G', (struct view){"\0\0\0", 3});
            server->flushed = server->out.len;
            server->copy = from;
            server->copying = text;
            server->copied = at + 1;
            return RAN_COPY;
        }
        const char *tag = server_effect(server, statement);
        if (tag == NULL)
            return RAN_FAILED;
        if (statement->flags & STATEMENT_COPY_OUT) {
            message_add_raw(&server->out, 'H', (struct view){"\0\0\0", 3});
            message_add_raw(&server->out, 'd', view_of("a\n"));
            message_add_empty(&server->out, 'c');
            tag = "COPY 1";
        } else if (statement->flags & STATEMENT_HAS_ROWS) {
            if (from == 'Q')
                server_columns(server);
            server_row(server, text);
        }
        message_add_complete(&server->out, view_of(tag));
    }
    if (text->facts.count == 0)
        message_add_empty(&server->out, 'I');
    return RAN_DONE;
}

static inline void server_query(struct server *server, struct view sql)
{
    struct text *text = server_text(server, sql);
    server->is_settings = text->own == OWN_SETTINGS;
    map_remove(&server->statements, view_of(""));
    if (text->own == OWN_NOT)
        server->ran(server->arg, text);
    if (text->own == OWN_STAND_IN)
        server_error(server, "42601");
    else if (server_run(server, text, 0, 'Q') == RAN_COPY)
        return;
    server_ready(server);
    server->is_settings = false;
}

static inline bool server_parse(struct server *server, struct view body)
{
    struct message_parse parse;
    CHECK(message_read_parse(body, &parse));
    CHECK(parse.name.len <= 63);
    if (parse.name.len == 0)
        map_remove(&server->statements, parse.name);
    struct text *text = server_text(server, parse.sql);
    bool is_ours = view_starts(parse.name, "sallyport");
    CHECK(is_ours ? text->own != OWN_NOT && text->own != OWN_INERT : text->own <= OWN_INERT);
    if (text->own == OWN_STAND_IN)
        return server_error(server, "42601");
    if (text->facts.count > 1)
        return server_error(server, "42601");
    if (server->status == 'E' &&
        (text->facts.count == 0 || (text->facts.statements[0].operation != OPERATION_ROLLBACK &&
                                    text->facts.statements[0].operation != OPERATION_COMMIT)))
        return server_error(server, "25P02");
    if (!is_ours && server_choose(server, 12) == 0)
        return server_error(server, "42703");
    if (parse.name.len > 0 && map_get(&server->statements, parse.name) != NULL)
        return server_error(server, "42P05");
    map_put(&server->statements, parse.name, text);
    message_add_empty(&server->out, '1');
    return true;
}

static inline bool server_bind(struct server *server, struct view body)
{
    struct message_bind bind;
    CHECK(message_read_bind(body, &server->arena, &bind));
    CHECK(bind.portal.len <= 63 && bind.statement.len <= 63);
    struct text *text = map_get(&server->statements, bind.statement);
    if (text == NULL)
        return server_error(server, "26000");
    if (bind.portal.len > 0 && map_get(&server->portals, bind.portal) != NULL)
        return server_error(server, "42P03");
    if (server_choose(server, 16) == 0 && text->own == OWN_NOT)
        return server_error(server, "22P02");
    struct portal_of *portal = arena_alloc(&server->arena, sizeof *portal);
    portal->text = text;
    map_put(&server->portals, bind.portal, portal);
    message_add_empty(&server->out, '2');
    return true;
}

static inline bool server_execute(struct server *server, struct view body)
{
    struct message_execute execute;
    CHECK(message_read_execute(body, &execute));
    struct portal_of *portal = map_get(&server->portals, execute.portal);
    if (portal == NULL)
        return server_error(server, "34000");
    if (portal->text->own == OWN_NOT && !portal->has_run)
        server->ran(server->arg, portal->text);
    bool is_done = portal->has_run && portal->text->facts.count > 0 &&
                   portal->text->facts.statements[0].operation != OPERATION_SELECT;
    if (is_done && portal->text->own == OWN_NOT)
        return server_error(server, "55000");
    bool may_suspend = !portal->has_run && execute.max_rows > 0 && portal->text->facts.count == 1 &&
                       portal->text->facts.statements[0].operation == OPERATION_SELECT && server->status != 'E';
    if (portal->has_run && portal->text->own == OWN_NOT) {
        message_add_complete(&server->out, view_of("SELECT 0"));
        return true;
    }
    portal->has_run = true;
    if (!may_suspend)
        return server_run(server, portal->text, 0, 'E') != RAN_FAILED;
    server_row(server, portal->text);
    message_add_empty(&server->out, 's');
    return true;
}

static inline bool server_describe(struct server *server, struct view body)
{
    struct message_name name;
    CHECK(message_read_name(body, &name));
    struct text *text = map_get(&server->statements, name.name);
    struct portal_of *portal = map_get(&server->portals, name.name);
    if (name.kind == 'S' ? text == NULL : portal == NULL)
        return server_error(server, name.kind == 'S' ? "26000" : "34000");
    if (name.kind == 'S')
        message_add_types(&server->out, NULL, 0);
    else
        text = portal->text;
    if (text->own != OWN_INERT && text->facts.count > 0 && text->facts.statements[0].flags & STATEMENT_HAS_ROWS)
        server_columns(server);
    else
        message_add_empty(&server->out, 'n');
    return true;
}

static inline bool server_close(struct server *server, struct view body)
{
    struct message_name name;
    CHECK(message_read_name(body, &name));
    map_remove(name.kind == 'S' ? &server->statements : &server->portals, name.name);
    message_add_empty(&server->out, '3');
    return true;
}

/* In a COPY nothing else may come than its own messages, and Sync and Flush, which don't count. */
static inline void server_copy(struct server *server, char type)
{
    CHECK(strchr("dcfSH", type) != NULL);
    bool failed = type == 'f' || (type == 'd' && server_choose(server, 8) == 0);
    if (type == 'S' || type == 'H' || (type == 'd' && !failed))
        return;
    char from = server->copy;
    server->copy = '\0';
    if (failed)
        server_error(server, "57014");
    else
        message_add_complete(&server->out, view_of("COPY 1"));
    if (from == 'E')
        server->is_skipping = failed;
    else if (failed || server_run(server, server->copying, server->copied, 'Q') != RAN_COPY)
        server_ready(server);
}

static inline void server_take(struct server *server, char type, struct view body)
{
    struct view sql;
    if (server->copy != '\0') {
        server_copy(server, type);
        return;
    }
    if (type == 'S') {
        server->is_skipping = false;
        server_ready(server);
        return;
    }
    if (type == 'H')
        server->flushed = server->out.len;
    if (server->is_skipping || strchr("Hdcf", type) != NULL)
        return;
    switch (type) {
    case 'Q':
        CHECK(message_read_query(body, &sql));
        server_query(server, sql);
        return;
    case 'F':
        CHECK(body.len >= 4 && memcmp(body.data, "\0\0\0\0", 4) == 0);
        server_error(server, server->status == 'I' ? "42883" : "25P02");
        server_ready(server);
        return;
    case 'P':
        server->is_skipping = !server_parse(server, body);
        return;
    case 'B':
        server->is_skipping = !server_bind(server, body);
        return;
    case 'E':
        server->is_skipping = !server_execute(server, body);
        return;
    case 'D':
        server->is_skipping = !server_describe(server, body);
        return;
    case 'C':
        server->is_skipping = !server_close(server, body);
        return;
    default:
        CHECK(!"a message that a session sends");
    }
}

static inline void server_receive(struct server *server, struct view v)
{
    bytes_add_view(&server->in, v);
    size_t used = 0;
    for (;;) {
        struct frame frame;
        struct frame_error error;
        struct view rest = {server->in.data + used, server->in.len - used};
        if (rest.len == 0 || frame_take_agent(rest, NULL, &frame, &error) != FRAME_RESULT_ONE)
            break;
        server_take(server, frame.type, frame.body);
        used += frame.size;
    }
    bytes_drop(&server->in, used);
}

static inline void server_fini(struct server *server)
{
    map_fini(&server->statements);
    map_fini(&server->portals);
    arena_fini(&server->arena);
    bytes_fini(&server->in);
    bytes_fini(&server->out);
}

#endif
