#include "upstream.h"

#include <ctype.h>
#include <libpq-fe.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/check.h"
#include "net/net.h"

/* Where the connection string says nothing: a database host that drops packets must not hold a thread of the
 * pool for minutes. */
#define CONNECT_SECONDS  "10"
#define TCP_MILLISECONDS "30000"

struct upstream {
    PGconn *conn;
};

const char *const upstream_parameters[] = {
    "server_version",
    "server_encoding",
    "client_encoding",
    "application_name",
    "is_superuser",
    "in_hot_standby",
    "session_authorization",
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "integer_datetimes",
    "standard_conforming_strings",
    "scram_iterations",
    "search_path",
    "default_transaction_read_only",
    NULL,
};

/* ---- the start-up packet, from nothing ------------------------------------------------------------------ */

/* One "-c name=value" of `options`. The server splits them at whatever isspace() says (pg_split_opts in
 * postinit.c), and a backslash takes the next character as it is: every blank that is not escaped would let
 * a value bring settings of its own. */
static void add_option(struct bytes *to, const char *name, const char *value)
{
    bytes_add_format(to, "%s-c %s=", to->len > 0 ? " " : "", name);
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\\' || isspace((unsigned char)*at))
            bytes_add_char(to, '\\');
        bytes_add_char(to, *at);
    }
}

static bool is_set(const struct upstream_options *options, const char *name)
{
    for (size_t i = 0; i < options->setting_count; i++)
        if (strcmp(options->settings[i].name, name) == 0)
            return true;
    return false;
}

/* The pins come last: where a name stands twice, the server takes the last. */
static void add_options(struct bytes *to, const struct upstream_options *options, const char *own)
{
    if (own != NULL)
        bytes_add_text(to, own);
    if (options->search_path != NULL && !is_set(options, "search_path"))
        add_option(to, "search_path", options->search_path);
    for (size_t i = 0; i < options->setting_count; i++)
        add_option(to, options->settings[i].name, options->settings[i].value);
    add_option(to, "standard_conforming_strings", "on");
    add_option(to, "row_security", "on");
    if (options->is_read_only)
        add_option(to, "default_transaction_read_only", "on");
}

/* The `options` that the DBA's connection string has already. */
static char *own_options(const char *conninfo)
{
    PQconninfoOption *all = PQconninfoParse(conninfo, NULL);
    char *own = NULL;
    for (PQconninfoOption *o = all; o != NULL && o->keyword != NULL; o++)
        if (strcmp(o->keyword, "options") == 0 && o->val != NULL)
            own = check_strdup(o->val);
    PQconninfoFree(all);
    return own;
}

static PGconn *connect_as(const struct upstream_options *options)
{
    struct bytes pins = {0};
    char *own = own_options(options->conninfo);
    add_options(&pins, options, own);
    /* The connection string (expanded from dbname) wins over what stands before it, and not over what
     * follows. */
    const char *const keywords[] = {"connect_timeout",  "tcp_user_timeout", "dbname", "client_encoding",
                                    "application_name", "options",          NULL};
    const char *const values[] = {CONNECT_SECONDS,
                                  TCP_MILLISECONDS,
                                  options->conninfo,
                                  "UTF8",
                                  options->application_name,
                                  bytes_text(&pins),
                                  NULL};
    PGconn *conn = PQconnectdbParams(keywords, values, 1);
    bytes_fini(&pins);
    free(own);
    return conn;
}

/* ---- reading the pins back -------------------------------------------------------------------------------- */

static bool fail(char *error, size_t size, const char *what, const char *detail)
{
    snprintf(error, size, "%s%s", what, detail);
    size_t len = strlen(error);
    while (len > 0 && (error[len - 1] == '\n' || error[len - 1] == ' '))
        error[--len] = '\0';
    return false;
}

static bool check_pin(PGconn *conn, const char *name, const char *expected, char *error, size_t size)
{
    const char *const values[] = {name};
    PGresult *result = PQexecParams(conn, "SELECT pg_catalog.current_setting($1)", 1, NULL, values, NULL, NULL, 0);
    bool ok = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
    if (!ok)
        fail(error, size, "a setting can't be read back: ", PQerrorMessage(conn));
    else if (strcmp(PQgetvalue(result, 0, 0), expected) != 0) {
        char what[256];
        snprintf(what, sizeof what,
                 "the database did not take the setting %s=%s (it says \"%s\"); is there a pooler "
                 "that ignores start-up options?",
                 name, expected, PQgetvalue(result, 0, 0));
        ok = fail(error, size, what, "");
    }
    PQclear(result);
    return ok;
}

/* One query reads everything back; only a difference is asked for one by one, to name it. */
static bool check_pins(PGconn *conn, const struct upstream_options *options, char *error, size_t size)
{
    static const char sql[] =
        "SELECT pg_catalog.current_setting('server_encoding'), pg_catalog.current_setting('client_encoding'),"
        " pg_catalog.current_setting('standard_conforming_strings'), pg_catalog.current_setting('row_security'),"
        " pg_catalog.current_setting('default_transaction_read_only'), pg_catalog.current_setting('search_path')";
    const char *path = options->search_path;
    for (size_t i = 0; i < options->setting_count; i++)
        if (strcmp(options->settings[i].name, "search_path") == 0)
            path = options->settings[i].value;
    const struct {
        const char *name, *expected;
    } pins[] = {
        {"server_encoding", "UTF8"},
        {"client_encoding", "UTF8"},
        {"standard_conforming_strings", "on"},
        {"row_security", "on"},
        {"default_transaction_read_only", options->is_read_only ? "on" : NULL},
        {"search_path", path},
    };
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK || PQnfields(result) != (int)(sizeof pins / sizeof *pins)) {
        PQclear(result);
        return fail(error, size, "the settings can't be read back: ", PQerrorMessage(conn));
    }
    bool ok = true;
    for (int i = 0; ok && i < PQnfields(result); i++)
        if (pins[i].expected != NULL && strcmp(PQgetvalue(result, 0, i), pins[i].expected) != 0)
            ok = check_pin(conn, pins[i].name, pins[i].expected, error, size);
    PQclear(result);
    return ok;
}

struct upstream *upstream_connect(const struct upstream_options *options, char *error, size_t size)
{
    PGconn *conn = connect_as(options);
    bool ok = PQstatus(conn) == CONNECTION_OK;
    if (!ok)
        fail(error, size, "the database can't be reached: ", PQerrorMessage(conn));
    if (!ok || !check_pins(conn, options, error, size)) {
        PQfinish(conn);
        return NULL;
    }
    struct upstream *upstream = check_calloc(1, sizeof *upstream);
    upstream->conn = conn;
    return upstream;
}

/* ---- in the thread pool ------------------------------------------------------------------------------------ */

struct opening {
    struct upstream_options options;
    struct upstream_setting *settings;
    upstream_done *done;
    void *arg;
    struct upstream *upstream;
    char error[512];
};

static void opening_work(void *arg)
{
    struct opening *opening = arg;
    opening->upstream = upstream_connect(&opening->options, opening->error, sizeof opening->error);
}

static void opening_done(void *arg)
{
    struct opening *opening = arg;
    opening->done(opening->arg, opening->upstream, opening->error);
    for (size_t i = 0; i < opening->options.setting_count; i++) {
        free((char *)opening->settings[i].name);
        free((char *)opening->settings[i].value);
    }
    free(opening->settings);
    free((char *)opening->options.conninfo);
    free((char *)opening->options.application_name);
    free((char *)opening->options.search_path);
    free(opening);
}

void upstream_open(struct net_loop *loop, const struct upstream_options *options, upstream_done *done, void *arg)
{
    struct opening *opening = check_calloc(1, sizeof *opening);
    opening->options = *options;
    opening->options.conninfo = check_strdup(options->conninfo);
    opening->options.application_name = check_strdup(options->application_name);
    opening->options.search_path = options->search_path ? check_strdup(options->search_path) : NULL;
    opening->settings = check_calloc(options->setting_count, sizeof *opening->settings);
    for (size_t i = 0; i < options->setting_count; i++)
        opening->settings[i] = (struct upstream_setting){check_strdup(options->settings[i].name),
                                                         check_strdup(options->settings[i].value)};
    opening->options.settings = opening->settings;
    opening->done = done;
    opening->arg = arg;
    net_work(loop, opening_work, opening_done, opening);
}

void upstream_close(struct upstream *upstream)
{
    if (upstream == NULL)
        return;
    /* libpq would say goodbye in the middle of whatever was relayed last: the server sees the end without. */
    shutdown(PQsocket(upstream->conn), SHUT_RDWR);
    PQfinish(upstream->conn);
    free(upstream);
}

int upstream_socket(const struct upstream *upstream)
{
    return PQsocket(upstream->conn);
}

void *upstream_tls(const struct upstream *upstream)
{
    return PQsslStruct(upstream->conn, "OpenSSL");
}

uint32_t upstream_pid(const struct upstream *upstream)
{
    return (uint32_t)PQbackendPID(upstream->conn);
}

struct pg_conn *upstream_libpq(struct upstream *upstream)
{
    return upstream->conn;
}

const char *upstream_parameter(const struct upstream *upstream, const char *name)
{
    return PQparameterStatus(upstream->conn, name);
}

/* ---- cancelling ------------------------------------------------------------------------------------------------ */

struct upstream_cancel {
    atomic_uint references;
    PGcancel *cancel;
};

struct upstream_cancel *upstream_cancel_new(const struct upstream *upstream)
{
    struct upstream_cancel *cancel = check_calloc(1, sizeof *cancel);
    atomic_init(&cancel->references, 1);
    cancel->cancel = PQgetCancel(upstream->conn);
    return cancel;
}

struct upstream_cancel *upstream_cancel_hold(struct upstream_cancel *cancel)
{
    atomic_fetch_add(&cancel->references, 1);
    return cancel;
}

void upstream_cancel_drop(struct upstream_cancel *cancel)
{
    if (cancel == NULL || atomic_fetch_sub(&cancel->references, 1) != 1)
        return;
    PQfreeCancel(cancel->cancel);
    free(cancel);
}

static void cancel_work(void *arg)
{
    struct upstream_cancel *cancel = arg;
    char error[256];
    /* As in PostgreSQL itself, whoever cancels is not told whether there was anything to cancel. */
    if (cancel->cancel != NULL)
        PQcancel(cancel->cancel, error, sizeof error);
}

static void cancel_done(void *arg)
{
    upstream_cancel_drop(arg);
}

void upstream_cancel_send(struct net_loop *loop, struct upstream_cancel *cancel)
{
    net_work(loop, cancel_work, cancel_done, cancel);
}
