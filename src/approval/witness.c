#include "witness.h"

#include <libpq-fe.h>
#include <poll.h>
#include <string.h>

enum { ANSWER_MS = 10000, LOOK_AGAIN_MS = 50 };

/* The session with this process id and start; one whose start we may not see could be it. */
#define IS_THAT_SESSION                                                                                                \
    "(a.pid = $1::pg_catalog.int4 AND (a.backend_start IS NULL OR"                                                     \
    " EXTRACT(epoch FROM a.backend_start)::pg_catalog.numeric(20,6)::pg_catalog.text = $2))"

void witness_fini(struct witness *witness)
{
    pg_close(&witness->pg);
}

static bool is_open(struct witness *witness, struct arena *arena, const char **words)
{
    struct ticket_error error;
    witness->pg.deadline = pg_clock() + ANSWER_MS;
    /* A connection from before may have died unnoticed. */
    if (witness->pg.conn != NULL && pg_do(&witness->pg, "SELECT 1", 0, NULL, arena, &error))
        return true;
    pg_close(&witness->pg);
    if (!pg_open(&witness->pg, witness->write, "sallyport/executor", arena, words))
        return false;
    witness->pg.deadline = pg_clock() + ANSWER_MS;
    if (pg_do(&witness->pg, "SET synchronous_commit = on", 0, NULL, arena, &error))
        return true;
    *words = error.message;
    pg_close(&witness->pg);
    return false;
}

bool witness_flush(struct witness *witness, const struct transaction_identity *identity, const char *label,
                   struct arena *arena, struct ticket_error *error)
{
    *error = (struct ticket_error){.sqlstate = "08001"};
    if (!is_open(witness, arena, &error->message))
        return false;
    const char *const values[] = {identity->pid, identity->start, label, identity->system};
    PGresult *result =
        pg_query(&witness->pg,
                 "SELECT pg_catalog.pg_logical_emit_message(true, 'sallyport', $3) IS NOT NULL,"
                 " EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE " IS_THAT_SESSION ")"
                 " AND (SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()) = $4",
                 4, values);
    bool good = pg_is_good(result) && PQntuples(result) == 1;
    if (!good) {
        *error = pg_error(&witness->pg, result, arena);
    } else if (strcmp(PQgetvalue(result, 0, 1), "t") != 0) {
        error->message = "two connections by the `write` string lead to different servers";
        pg_close(&witness->pg);
        good = false;
    }
    PQclear(result);
    return good;
}

/* ---- settling ----------------------------------------------------------------------------------------- */

static enum witness_fate later(const char *why, const char **words)
{
    *words = why;
    return WITNESS_FATE_LATER;
}

/* Is this the server, in the same life, that the transaction ran on? COMMITTED here means: it is. */
static enum witness_fate check_server(struct witness *witness, const struct transaction_identity *identity,
                                      struct arena *arena, const char **words)
{
    PGresult *result =
        pg_query(&witness->pg,
                 "SELECT (SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()),"
                 " CASE WHEN pg_catalog.pg_is_in_recovery() THEN '' ELSE"
                 " pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8) END",
                 0, NULL);
    enum witness_fate fate = WITNESS_FATE_COMMITTED;
    if (!pg_is_good(result)) {
        fate = later(pg_error(&witness->pg, result, arena).message, words);
    } else if (strcmp(PQgetvalue(result, 0, 0), identity->system) != 0) {
        fate = WITNESS_FATE_UNKNOWN;
        *words = "the database is another cluster now (its system identifier has changed)";
    } else if (PQgetvalue(result, 0, 1)[0] == '\0') {
        fate = later("the server is in recovery", words);
    } else if (strcmp(PQgetvalue(result, 0, 1), identity->timeline) != 0) {
        fate = WITNESS_FATE_UNKNOWN;
        *words = "the database was failed over or restored meanwhile (its timeline has changed)";
    }
    PQclear(result);
    if (fate == WITNESS_FATE_LATER) /* perhaps another host of the string is the primary */
        pg_close(&witness->pg);
    return fate;
}

/* False: the answer isn't known. */
static bool is_session_there(struct witness *witness, const struct transaction_identity *identity, bool *is_there)
{
    const char *const values[] = {identity->pid, identity->start};
    witness->pg.deadline = pg_clock() + ANSWER_MS;
    PGresult *result = pg_query(
        &witness->pg, "SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE " IS_THAT_SESSION ")", 2, values);
    bool good = pg_is_good(result);
    *is_there = good && strcmp(PQgetvalue(result, 0, 0), "t") == 0;
    PQclear(result);
    return good;
}

static bool end_session(struct witness *witness, const struct transaction_identity *identity, unsigned patience_ms,
                        struct arena *arena)
{
    const char *const values[] = {identity->pid, identity->start};
    uint64_t deadline = pg_clock() + patience_ms;
    struct ticket_error ignored; /* not allowed to: its own time-outs end it */
    bool is_there;
    if (!is_session_there(witness, identity, &is_there))
        return false;
    if (is_there)
        pg_do(&witness->pg,
              "SELECT pg_catalog.pg_terminate_backend(a.pid) FROM pg_catalog.pg_stat_activity a WHERE " IS_THAT_SESSION,
              2, values, arena, &ignored);
    while (is_there && pg_clock() < deadline) {
        poll(NULL, 0, LOOK_AGAIN_MS);
        if (!is_session_there(witness, identity, &is_there))
            return false;
    }
    return !is_there;
}

static enum witness_fate ask_fate(struct witness *witness, const struct transaction_identity *identity,
                                  struct arena *arena, const char **words)
{
    const char *const values[] = {identity->xid};
    PGresult *result = pg_query(&witness->pg, "SELECT pg_catalog.pg_xact_status($1::pg_catalog.xid8)", 1, values);
    enum witness_fate fate;
    if (!pg_is_good(result)) {
        struct ticket_error error = pg_error(&witness->pg, result, arena);
        /* invalid_parameter_value: an id that this server has yet to give out; it has lost some past. */
        fate = strcmp(error.sqlstate, "22023") == 0 ? WITNESS_FATE_UNKNOWN : WITNESS_FATE_LATER;
        *words = error.message;
    } else if (PQgetisnull(result, 0, 0)) {
        fate = WITNESS_FATE_UNKNOWN;
        *words = "its transaction is too long ago for the database to remember";
    } else if (strcmp(PQgetvalue(result, 0, 0), "committed") == 0) {
        fate = WITNESS_FATE_COMMITTED;
    } else if (strcmp(PQgetvalue(result, 0, 0), "aborted") == 0) {
        fate = WITNESS_FATE_ABORTED;
    } else {
        fate = later("its transaction is still in progress", words);
    }
    PQclear(result);
    return fate;
}

enum witness_fate witness_settle(struct witness *witness, const struct transaction_identity *identity,
                                 unsigned patience_ms, struct arena *arena, const char **words)
{
    if (!is_open(witness, arena, words))
        return WITNESS_FATE_LATER;
    enum witness_fate fate = check_server(witness, identity, arena, words);
    if (fate != WITNESS_FATE_COMMITTED)
        return fate;
    if (!end_session(witness, identity, patience_ms, arena))
        return later("its session in the database doesn't end", words);
    return ask_fate(witness, identity, arena, words);
}
