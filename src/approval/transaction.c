#include "transaction.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "rows.h"

/* Tickets hold no transaction control; this is for the one that got there all the same. No SQLSTATE of the
 * server's: it would say 25000 for other things, too. */
#define ESCAPED "SP000"

/* Who runs a statement is the credential's business, and fixed by what was approved. */
static bool is_ours(const char *setting)
{
    static const char *const names[] = {"role", "session_authorization"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (text_same_folded(view_of(setting), view_of(names[i])))
            return true;
    return false;
}

static enum transaction_result result_for(const struct ticket_error *error)
{
    static const struct {
        const char *sqlstate; /* or the beginning of it */
        enum transaction_result result;
    } table[] = {
        {"55P03", TRANSACTION_RESULT_BUSY},   /* lock_not_available: lock_timeout, NOWAIT */
        {"40001", TRANSACTION_RESULT_BUSY},   /* serialization_failure */
        {"40P01", TRANSACTION_RESULT_BUSY},   /* deadlock_detected */
        {"57P0", TRANSACTION_RESULT_UNABLE},  /* the server stops, or somebody ended our session */
        {"25P03", TRANSACTION_RESULT_UNABLE}, /* idle_in_transaction_session_timeout: we were frozen */
        {"08", TRANSACTION_RESULT_UNABLE},    /* the connection */
        {"25006", TRANSACTION_RESULT_UNABLE}, /* read_only_sql_transaction: a standby */
    };
    if (strcmp(error->sqlstate, ESCAPED) == 0)
        return TRANSACTION_RESULT_ESCAPED;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (view_starts(view_of(error->sqlstate), table[i].sqlstate))
            return table[i].result;
    return TRANSACTION_RESULT_FAILED;
}

static bool is_unable(struct transaction *transaction, const char *sqlstate, const char *message)
{
    transaction->error = (struct ticket_error){.sqlstate = sqlstate, .message = message};
    return false;
}

/* ---- begin -------------------------------------------------------------------------------------------- */

static bool open_as(struct transaction *transaction, const char *write, const char *label,
                    const struct ticket_content *content, struct arena *arena)
{
    char application[80];
    const char *words;
    snprintf(application, sizeof application, "sallyport/executor/%s", label);
    if (!pg_open(&transaction->pg, write, application, arena, &words))
        return is_unable(transaction, "08001", words);
    if (content->role[0] != '\0' && strcmp(PQuser(transaction->pg.conn), content->role) != 0)
        return is_unable(transaction, "28000", "the write credential is for another role than the one approved");
    return true;
}

/* The order matters: what the agent's session had first, then ours over it. */
static bool apply_settings(struct transaction *transaction, const struct ticket_content *content, struct arena *arena)
{
    for (size_t i = 0; i < content->setting_count; i++) {
        const char *const pair[] = {content->settings[i].name, content->settings[i].value};
        if (is_ours(pair[0]))
            return is_unable(transaction, "42501", "the ticket carries a setting that changes who runs it");
        if (!pg_do(&transaction->pg, "SELECT pg_catalog.set_config($1, $2, true)", 2, pair, arena, &transaction->error))
            return false;
    }
    return true;
}

/* Again after the statement, which might have touched them. */
static bool apply_limits(struct transaction *transaction, const struct transaction_limits *limits, bool is_over,
                         struct arena *arena)
{
    char lock[16], statement[16], idle[16];
    snprintf(lock, sizeof lock, "%u", limits->lock_ms);
    snprintf(statement, sizeof statement, "%u", limits->statement_ms);
    snprintf(idle, sizeof idle, "%u", limits->idle_ms);
    const char *const values[] = {lock, statement, idle};
    const char *sql = is_over ? "SELECT pg_catalog.set_config('lock_timeout', $1, true),"
                                " pg_catalog.set_config('statement_timeout', $2, true),"
                                " pg_catalog.set_config('idle_in_transaction_session_timeout', $3, true),"
                                " pg_catalog.set_config('synchronous_commit', 'on', true),"
                                " pg_catalog.set_config('search_path', '', true)"
                              : "SELECT pg_catalog.set_config('lock_timeout', $1, true),"
                                " pg_catalog.set_config('statement_timeout', $2, true),"
                                " pg_catalog.set_config('idle_in_transaction_session_timeout', $3, true),"
                                " pg_catalog.set_config('synchronous_commit', 'on', true)";
    return pg_do(&transaction->pg, sql, 3, values, arena, &transaction->error);
}

/* The message is what makes the server give this transaction an id, and puts the id into the log. */
static bool identify(struct transaction *transaction, const char *label, struct arena *arena)
{
    const char *const values[] = {label};
    struct transaction_identity *identity = &transaction->identity;
    PGresult *result = pg_query(
        &transaction->pg,
        "SELECT pg_catalog.pg_logical_emit_message(true, 'sallyport', $1) IS NOT NULL,"
        " pg_catalog.pg_current_xact_id()::pg_catalog.text,"
        " (SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()),"
        " pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8),"
        " a.pid::pg_catalog.text, EXTRACT(epoch FROM a.backend_start)::pg_catalog.numeric(20,6)::pg_catalog.text"
        " FROM pg_catalog.pg_stat_activity a WHERE a.pid = pg_catalog.pg_backend_pid()",
        1, values);
    bool good = pg_is_good(result) && PQntuples(result) == 1 && !PQgetisnull(result, 0, 5);
    if (!good) {
        transaction->error = pg_error(&transaction->pg, result, arena);
    } else {
        const char **to[] = {&identity->xid, &identity->system, &identity->timeline, &identity->pid, &identity->start};
        for (int i = 0; i < 5; i++)
            *to[i] = arena_copy(arena, view_of(PQgetvalue(result, 0, i + 1)));
    }
    PQclear(result);
    return good;
}

enum transaction_result transaction_begin(struct transaction *transaction, const char *write, const char *label,
                                          const struct ticket_content *content, const struct transaction_limits *limits,
                                          struct arena *arena)
{
    *transaction = (struct transaction){.pg.deadline = pg_clock() + limits->statement_ms};
    bool is_begun = open_as(transaction, write, label, content, arena) &&
                    pg_do(&transaction->pg, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", 0, NULL, arena,
                          &transaction->error) &&
                    apply_limits(transaction, limits, false, arena) && identify(transaction, label, arena);
    if (!is_begun)
        return TRANSACTION_RESULT_UNABLE;
    if (!apply_settings(transaction, content, arena))
        return result_for(&transaction->error);
    return apply_limits(transaction, limits, false, arena) ? TRANSACTION_RESULT_GOOD : TRANSACTION_RESULT_UNABLE;
}

/* ---- run ---------------------------------------------------------------------------------------------- */

/* Names of the columns' types, qualified by schema where they aren't built in: search_path is empty by now. */
static bool name_types(struct transaction *transaction, struct ticket_result *to, const int *modifiers,
                       struct arena *arena)
{
    struct bytes types = {0}, mods = {0};
    for (size_t i = 0; i < to->column_count; i++) {
        bytes_add_format(&types, "%c%u", i ? ',' : '{', to->columns[i].type_oid);
        bytes_add_format(&mods, "%c%d", i ? ',' : '{', modifiers[i]);
    }
    bytes_add_char(&types, '}');
    bytes_add_char(&mods, '}');
    const char *const values[] = {bytes_text(&types), bytes_text(&mods)};
    PGresult *result =
        pg_query(&transaction->pg,
                 "SELECT pg_catalog.format_type(u.t, u.m) FROM ROWS FROM (pg_catalog.unnest($1::pg_catalog.oid[]),"
                 " pg_catalog.unnest($2::pg_catalog.int4[])) WITH ORDINALITY u(t, m, i) ORDER BY u.i",
                 2, values);
    bool good = pg_is_good(result) && (size_t)PQntuples(result) == to->column_count;
    struct ticket_column *columns = (struct ticket_column *)to->columns;
    for (size_t i = 0; good && i < to->column_count; i++)
        columns[i].type = arena_copy(arena, view_of(PQgetvalue(result, (int)i, 0)));
    if (!good)
        transaction->error = pg_error(&transaction->pg, result, arena);
    PQclear(result);
    bytes_fini(&types);
    bytes_fini(&mods);
    return good;
}

static bool run_all(struct transaction *transaction, const struct ticket_content *content,
                    const struct transaction_limits *limits, int **modifiers, struct arena *arena)
{
    uint64_t room = limits->result_bytes;
    for (size_t i = 0; i < content->run_count; i++) {
        const struct ticket_run *run = &content->runs[i];
        if (!rows_run(&transaction->pg, &content->statements[run->statement], run, &room, arena,
                      &transaction->results[i], &modifiers[i], &transaction->error))
            return false;
        if (PQtransactionStatus(transaction->pg.conn) != PQTRANS_INTRANS)
            return is_unable(transaction, ESCAPED, "a statement ended the transaction that it ran in");
    }
    return true;
}

/* Deferred constraints speak up now, while their error can still be the statement's own. */
static bool close_up(struct transaction *transaction, const struct ticket_content *content,
                     const struct transaction_limits *limits, int **modifiers, struct arena *arena)
{
    if (!pg_do(&transaction->pg, "SET CONSTRAINTS ALL IMMEDIATE", 0, NULL, arena, &transaction->error) ||
        !apply_limits(transaction, limits, true, arena))
        return false;
    for (size_t i = 0; i < content->run_count; i++)
        if (transaction->results[i].column_count > 0 &&
            !name_types(transaction, &transaction->results[i], modifiers[i], arena))
            return false;
    return true;
}

enum transaction_result transaction_run(struct transaction *transaction, const struct ticket_content *content,
                                        const struct transaction_limits *limits, struct arena *arena)
{
    size_t count = content->run_count;
    int **modifiers = arena_alloc(arena, (count + 1) * sizeof *modifiers);
    transaction->results = arena_alloc(arena, (count + 1) * sizeof *transaction->results);
    transaction->pg.deadline = pg_clock() + limits->statement_ms; /* for all runs together */
    if (run_all(transaction, content, limits, modifiers, arena) &&
        close_up(transaction, content, limits, modifiers, arena))
        return TRANSACTION_RESULT_GOOD;
    return result_for(&transaction->error);
}

/* ---- end ---------------------------------------------------------------------------------------------- */

bool transaction_commit(struct transaction *transaction)
{
    transaction->pg.deadline = pg_clock() + 10000;
    PGresult *result = pg_query(&transaction->pg, "COMMIT", 0, NULL);
    bool good = pg_is_good(result) && strcmp(PQcmdStatus(result), "COMMIT") == 0;
    PQclear(result);
    return good;
}

void transaction_end(struct transaction *transaction)
{
    pg_close(&transaction->pg);
}
