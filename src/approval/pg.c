#include "pg.h"

#include <libpq-fe.h>
#include <poll.h>
#include <time.h>

#include "base/check.h"

enum { CANCEL_MS = 3000, CONNECT_S = 5 };

#define CONNECTION_FAILURE "08006"

uint64_t pg_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void ignore_notice(void *arg, const PGresult *result)
{
}

static const char *trimmed(const char *text, struct arena *arena)
{
    struct view v = view_of(text ? text : "");
    while (v.len > 0 && (v.data[v.len - 1] == '\n' || v.data[v.len - 1] == ' '))
        v.len--;
    return arena_copy(arena, v);
}

/* Behind the connection string stand what it may not change, before it what it may. */
bool pg_open(struct pg *pg, const char *write, const char *application, struct arena *arena, const char **words)
{
    char patience[8];
    snprintf(patience, sizeof patience, "%d", CONNECT_S);
    const char *const keys[] = {"connect_timeout",  "tcp_user_timeout", "dbname",
                                "application_name", "client_encoding",  NULL};
    const char *const values[] = {patience, "15000", write, application, "UTF8", NULL};
    pg->conn = PQconnectdbParams(keys, values, 1);
    CHECK(pg->conn != NULL);
    PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
    if (PQstatus(pg->conn) == CONNECTION_OK)
        return true;
    *words = trimmed(PQerrorMessage(pg->conn), arena);
    pg_close(pg);
    return false;
}

void pg_close(struct pg *pg)
{
    if (pg->conn != NULL)
        PQfinish(pg->conn);
    pg->conn = NULL;
}

/* False: the deadline is past. */
static bool wait_readable(const struct pg *pg, uint64_t deadline)
{
    for (;;) {
        uint64_t now = pg_clock();
        struct pollfd fd = {.fd = PQsocket(pg->conn), .events = POLLIN};
        if (now >= deadline)
            return false;
        uint64_t left = deadline - now;
        if (poll(&fd, 1, left > 60000 ? 60000 : (int)left) > 0)
            return true;
    }
}

static void cancel(const struct pg *pg)
{
    char words[256];
    PGcancel *handle = PQgetCancel(pg->conn);
    if (handle != NULL)
        PQcancel(handle, words, sizeof words);
    PQfreeCancel(handle);
}

PGresult *pg_next(struct pg *pg)
{
    uint64_t deadline = pg->deadline;
    bool is_cancelled = false;
    while (pg->conn != NULL && PQisBusy(pg->conn)) {
        if (!wait_readable(pg, deadline)) {
            if (is_cancelled) {
                pg_close(pg);
                return NULL;
            }
            cancel(pg);
            is_cancelled = true;
            deadline = pg_clock() + CANCEL_MS;
        } else if (!PQconsumeInput(pg->conn)) {
            pg_close(pg);
        }
    }
    return pg->conn ? PQgetResult(pg->conn) : NULL;
}

PGresult *pg_query(struct pg *pg, const char *sql, size_t count, const char *const *values)
{
    if (pg->conn == NULL || !PQsendQueryParams(pg->conn, sql, (int)count, NULL, values, NULL, NULL, 0)) {
        pg_close(pg);
        return NULL;
    }
    PGresult *last = NULL;
    for (PGresult *next; (next = pg_next(pg)) != NULL;) {
        PQclear(last);
        last = next;
    }
    if (pg->conn != NULL && PQstatus(pg->conn) == CONNECTION_OK)
        return last;
    /* An error that ended the session is worth keeping; a success whose end we didn't hear isn't one. */
    if (pg_is_good(last)) {
        PQclear(last);
        last = NULL;
    }
    pg_close(pg);
    return last;
}

bool pg_is_good(const PGresult *result)
{
    ExecStatusType status = PQresultStatus(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY;
}

struct ticket_error pg_error(const struct pg *pg, const PGresult *result, struct arena *arena)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    if (message == NULL)
        message = pg->conn ? PQerrorMessage(pg->conn) : "the connection to the database was lost";
    return (struct ticket_error){
        .sqlstate = sqlstate ? trimmed(sqlstate, arena) : CONNECTION_FAILURE,
        .message = trimmed(message, arena),
        .detail = detail ? trimmed(detail, arena) : NULL,
        .hint = hint ? trimmed(hint, arena) : NULL,
    };
}

bool pg_do(struct pg *pg, const char *sql, size_t count, const char *const *values, struct arena *arena,
           struct ticket_error *error)
{
    PGresult *result = pg_query(pg, sql, count, values);
    bool good = pg_is_good(result);
    if (!good)
        *error = pg_error(pg, result, arena);
    PQclear(result);
    return good;
}
