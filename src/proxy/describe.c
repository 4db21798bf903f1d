#include "describe.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/list.h"
#include "base/text.h"
#include "net/net.h"
#include "upstream.h"

struct question {
    struct list link;
    uint64_t token;
    struct describer *describer;
    struct arena arena; /* the request's copy and the answer */
    char *sql;
    Oid *types;
    int type_count;
    char *search_path;
    struct described answer;
    describe_done *done; /* NULL: forgotten */
    void *arg;
};

struct describer {
    struct net_loop *loop;
    char *conninfo;
    struct upstream *upstream;
    struct list waiting; /* the first one is under way when is_busy */
    bool is_busy, is_closing;
    uint64_t last_token;
};

struct describer *describer_new(struct net_loop *loop, const char *conninfo)
{
    struct describer *describer = check_calloc(1, sizeof *describer);
    describer->loop = loop;
    describer->conninfo = check_strdup(conninfo);
    list_init(&describer->waiting);
    return describer;
}

static void describer_end(struct describer *describer)
{
    upstream_close(describer->upstream);
    free(describer->conninfo);
    free(describer);
}

static void question_free(struct question *question)
{
    list_remove(&question->link);
    arena_fini(&question->arena);
    free(question);
}

/* ---- in the thread pool: one question at a time has the connection --------------------------------------- */

static const char *field(struct arena *arena, const PGresult *result, int code)
{
    const char *text = PQresultErrorField(result, code);
    return text ? arena_copy(arena, view_of(text)) : NULL;
}

static void fail(struct question *question, const char *sqlstate, const char *message)
{
    question->answer = (struct described){.error = {.severity = "ERROR",
                                                    .sqlstate = sqlstate,
                                                    .message = arena_copy(&question->arena, view_of(message)),
                                                    .hint = "The statement was not parked."}};
}

static void take_error(struct question *question, const PGresult *result)
{
    struct arena *arena = &question->arena;
    const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
    const char *sqlstate = field(arena, result, PG_DIAG_SQLSTATE);
    const char *message = field(arena, result, PG_DIAG_MESSAGE_PRIMARY);
    question->answer = (struct described){.error = {
                                              .severity = "ERROR",
                                              .sqlstate = sqlstate ? sqlstate : "08006",
                                              .message = message ? message : "the catalog connection was lost",
                                              .detail = field(arena, result, PG_DIAG_MESSAGE_DETAIL),
                                              .hint = field(arena, result, PG_DIAG_MESSAGE_HINT),
                                              .position = position ? (uint32_t)strtoul(position, NULL, 10) : 0,
                                          }};
}

static bool run(struct question *question, PGconn *conn, const char *sql)
{
    PGresult *result = PQexec(conn, sql);
    bool ok = PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
    if (!ok)
        take_error(question, result);
    PQclear(result);
    return ok;
}

static bool prepare(struct question *question, PGconn *conn)
{
    PGresult *result = PQprepare(conn, "", question->sql, question->type_count, question->types);
    bool ok = PQresultStatus(result) == PGRES_COMMAND_OK;
    if (!ok)
        take_error(question, result);
    PQclear(result);
    return ok;
}

static void take_description(struct question *question, const PGresult *result)
{
    struct arena *arena = &question->arena;
    int parameters = PQnparams(result), fields = PQnfields(result);
    uint32_t *types = arena_alloc(arena, (size_t)parameters * sizeof *types);
    struct message_column *columns = arena_alloc(arena, (size_t)fields * sizeof *columns);
    for (int i = 0; i < parameters; i++)
        types[i] = PQparamtype(result, i);
    for (int i = 0; i < fields; i++)
        columns[i] = (struct message_column){
            .name = arena_view(arena, view_of(PQfname(result, i))),
            .table = PQftable(result, i),
            .attribute = (uint16_t)PQftablecol(result, i),
            .type = PQftype(result, i),
            .type_size = (int16_t)PQfsize(result, i),
            .type_modifier = PQfmod(result, i),
        };
    question->answer = (struct described){true, types, (uint16_t)parameters, columns, (uint16_t)fields, {0}};
}

static void describe(struct question *question, PGconn *conn)
{
    struct bytes path = {0};
    bytes_add_text(&path, "BEGIN READ ONLY; SELECT pg_catalog.set_config('search_path', ");
    text_add_sql(&path, view_of(question->search_path));
    bytes_add_text(&path, ", true)");
    if (run(question, conn, bytes_text(&path)) && prepare(question, conn)) {
        PGresult *result = PQdescribePrepared(conn, "");
        if (PQresultStatus(result) == PGRES_COMMAND_OK)
            take_description(question, result);
        else
            take_error(question, result);
        PQclear(result);
    }
    PQclear(PQexec(conn, "ROLLBACK"));
    bytes_fini(&path);
}

/* A connection that has died since the last question is made again, once. */
static void question_work(void *arg)
{
    struct question *question = arg;
    struct describer *describer = question->describer;
    char error[512];
    for (int attempt = 0; attempt < 2; attempt++) {
        if (describer->upstream == NULL) {
            /* A table that somebody has locked must not stop everybody's parking. */
            static const struct upstream_setting patience[] = {{"lock_timeout", "1000"}, {"statement_timeout", "5000"}};
            struct upstream_options options = {.conninfo = describer->conninfo,
                                               .application_name = "sallyport/catalog",
                                               .is_read_only = true,
                                               .settings = patience,
                                               .setting_count = sizeof patience / sizeof *patience};
            describer->upstream = upstream_connect(&options, error, sizeof error);
        }
        if (describer->upstream == NULL) {
            fail(question, "08001", error);
            return;
        }
        PGconn *conn = upstream_libpq(describer->upstream);
        describe(question, conn);
        if (PQstatus(conn) == CONNECTION_OK)
            return;
        upstream_close(describer->upstream);
        describer->upstream = NULL;
    }
}

/* ---- on the loop -------------------------------------------------------------------------------------------- */

static void question_done(void *arg);

static void start_next(struct describer *describer)
{
    if (describer->is_busy || list_is_empty(&describer->waiting))
        return;
    describer->is_busy = true;
    net_work(describer->loop, question_work, question_done, list_entry(describer->waiting.next, struct question, link));
}

static void question_done(void *arg)
{
    struct question *question = arg;
    struct describer *describer = question->describer;
    describer->is_busy = false;
    list_remove(&question->link);
    if (question->done != NULL)
        question->done(question->arg, &question->answer);
    question_free(question);
    if (describer->is_closing)
        describer_end(describer);
    else
        start_next(describer);
}

uint64_t describer_ask(struct describer *describer, const struct describe_request *request, describe_done *done,
                       void *arg)
{
    struct question *question = check_calloc(1, sizeof *question);
    question->token = ++describer->last_token;
    question->describer = describer;
    question->sql = arena_copy(&question->arena, request->sql);
    question->search_path = arena_copy(&question->arena, view_of(request->search_path));
    question->types = arena_alloc(&question->arena, request->type_count * sizeof *question->types);
    question->type_count = request->type_count;
    for (uint16_t i = 0; i < request->type_count; i++)
        question->types[i] = request->types[i];
    question->done = done;
    question->arg = arg;
    list_append(&describer->waiting, &question->link);
    start_next(describer);
    return question->token;
}

void describer_forget(struct describer *describer, uint64_t token)
{
    list_each(at, &describer->waiting)
    {
        struct question *question = list_entry(at, struct question, link);
        if (question->token == token)
            question->done = NULL;
    }
}

void describer_free(struct describer *describer)
{
    struct list *at = describer->waiting.next;
    if (describer->is_busy)
        at = at->next; /* the thread pool has this one */
    while (at != &describer->waiting) {
        struct question *question = list_entry(at, struct question, link);
        at = at->next;
        question_free(question);
    }
    describer->is_closing = true;
    if (!describer->is_busy)
        describer_end(describer);
    else
        list_entry(describer->waiting.next, struct question, link)->done = NULL;
}
