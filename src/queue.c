/* `sallyport queue`: the psql console for scripts and for people who are not in psql. It decides nothing by
 * itself: each subcommand is one command of the console, sent with libpq and the approver's own login, so
 * there is one place where decisions are made. */
#include <ctype.h>
#include <getopt.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/check.h"
#include "base/map.h"
#include "base/text.h"
#include "commands.h"
#include "config.h"
#include "prompt.h"
#include "table.h"

static const char help[] =
    "Usage: sallyport queue list [OPTION]...\n"
    "       sallyport queue show TICKET [OPTION]...\n"
    "       sallyport queue approve TICKET ['WORDS'] [OPTION]...\n"
    "       sallyport queue reject TICKET 'WHY' [OPTION]...\n"
    "       sallyport queue watch [OPTION]...\n\n"
    "Lists the statements that wait for a decision, shows all there is to know about one, and approves or\n"
    "rejects it. It logs in to the console as an approver; the password comes from $PGPASSWORD, from ~/.pgpass\n"
    "(or $PGPASSFILE), or is asked for. \"watch\" prints what waits, and then each new ticket as it comes.\n\n"
    "  -u, --user NAME    the approver; else $PGUSER, else $USER\n"
    "      --host HOST    where the console is; else console.psql of the configuration\n"
    "      --port PORT\n"
    "      --digest HEX   approve only if the ticket's digest begins so\n"
    "      --json         one JSON object per line; {\"notice\":…} where the console remarks on the whole\n"
    "  -c, --config FILE  the configuration; else $SALLYPORT_CONFIG, else /etc/sallyport/sallyport.json\n"
    "  -h, --help         show this text\n\n"
    "Exit status: 0 done; 1 an error; 2 there is no such ticket, or it doesn't wait for a decision.\n\n"
    "Examples:\n"
    "  sallyport queue list --user alice\n"
    "  sallyport queue approve t42 'agreed with the shop' --user alice\n"
    "  sallyport queue reject t43 'use the report instead' --user alice\n";

enum { STATUS_DONE = 0, STATUS_ERROR = 1, STATUS_NOT_PARKED = 2 };
enum { OPTION_HOST = 256, OPTION_PORT, OPTION_JSON, OPTION_DIGEST };

struct queue_call {
    const char *config, *user, *host, *port, *digest;
    bool is_json;
    struct bytes notice; /* what the console remarked on the last command */
    char **arguments;    /* after the subcommand */
    int argument_count;
    struct bytes address_host, address_port; /* from the configuration */
};

/* ---- where the console is -------------------------------------------------------------------------------- */

/* "127.0.0.1:6433", "[::1]:6433", "unix:/run/.s.PGSQL.6433": libpq wants host and port apart, of a socket
 * its folder and the number at its end. An address that listens everywhere is reached over loopback. */
static bool split_address(struct queue_call *call, const char *address)
{
    bool is_unix = strncmp(address, "unix:", 5) == 0;
    const char *start = is_unix ? address + 5 : address;
    const char *end = strrchr(start, is_unix ? '/' : ':'), *port = strrchr(start, is_unix ? '.' : ':');
    if (end == NULL || port == NULL || port < end || !isdigit((unsigned char)port[1]))
        return false;
    struct view host = {start, (size_t)(end - start)};
    if (host.len > 1 && host.data[0] == '[')
        host = (struct view){host.data + 1, host.len - 2};
    if (view_is(host, "0.0.0.0"))
        host = view_of("127.0.0.1");
    if (view_is(host, "::"))
        host = view_of("::1");
    bytes_add_view(&call->address_host, host);
    bytes_add_text(&call->address_port, port + 1);
    return true;
}

static bool find_console(struct queue_call *call)
{
    struct fault fault = {0};
    if (call->host != NULL && call->port != NULL)
        return true;
    struct config *config = config_load(call->config, CONFIG_ROLE_TOOL, &fault);
    if (config == NULL) {
        fprintf(stderr, "sallyport queue: ");
        fault_print(&fault, stderr);
        return false;
    }
    bool done = config->console_psql != NULL && split_address(call, config->console_psql);
    if (!done)
        fprintf(stderr, "sallyport queue: %s: console.psql doesn't say where the console is; use --host and --port\n",
                config->file);
    config_drop(config);
    if (done && call->host == NULL)
        call->host = bytes_text(&call->address_host);
    if (done && call->port == NULL)
        call->port = bytes_text(&call->address_port);
    return done;
}

/* ---- the connection ---------------------------------------------------------------------------------------- */

static PGconn *connect_as(const struct queue_call *call, const char *password)
{
    const char *const names[] = {
        "host", "port", "dbname", "user", "password", "client_encoding", "application_name", "connect_timeout", NULL};
    const char *const values[] = {call->host, call->port,        "sallyport", call->user, password,
                                  "UTF8",     "sallyport queue", "20",        NULL};
    return PQconnectdbParams(names, values, 0);
}

static PGconn *connect_console(const struct queue_call *call)
{
    /* These would lead libpq elsewhere than to the console. */
    unsetenv("PGHOSTADDR");
    unsetenv("PGSERVICE");
    unsetenv("PGOPTIONS");
    PGconn *conn = connect_as(call, NULL);
    if (PQstatus(conn) != CONNECTION_OK && PQconnectionNeedsPassword(conn)) {
        struct bytes password = {0};
        char question[160];
        snprintf(question, sizeof question, "Password for approver %.100s: ", call->user);
        PQfinish(conn);
        const char *otherwise = "set PGPASSWORD or write it into ~/.pgpass";
        conn = prompt_secret(question, otherwise, &password) ? connect_as(call, bytes_text(&password)) : NULL;
        prompt_forget(&password);
    }
    if (conn == NULL || PQstatus(conn) == CONNECTION_OK)
        return conn;
    fprintf(stderr, "sallyport queue: %s", PQerrorMessage(conn));
    PQfinish(conn);
    return NULL;
}

static void keep_notice(void *arg, const PGresult *result)
{
    struct queue_call *call = arg;
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    bytes_clear(&call->notice);
    bytes_add_text(&call->notice, message != NULL ? message : "");
}

static int fail(const PGresult *result)
{
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    fprintf(stderr, "sallyport queue: %s\n", message != NULL ? message : PQresultErrorMessage(result));
    if (hint != NULL)
        fprintf(stderr, "%s\n", hint);
    bool is_ticket = sqlstate != NULL && (strcmp(sqlstate, "42704") == 0 || strcmp(sqlstate, "55000") == 0);
    return is_ticket ? STATUS_NOT_PARKED : STATUS_ERROR;
}

/* NULL: it failed, and *status is what to exit with. */
static PGresult *ask(PGconn *conn, const char *command, int *status)
{
    PGresult *result = PQexec(conn, command);
    ExecStatusType kind = PQresultStatus(result);
    *status = STATUS_DONE;
    if (kind == PGRES_TUPLES_OK || kind == PGRES_COMMAND_OK)
        return result;
    *status = fail(result);
    PQclear(result);
    return NULL;
}

/* ---- printing ------------------------------------------------------------------------------------------------ */

static const char *value_of(const PGresult *result, int row, int column)
{
    return PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column);
}

static void add_member(struct bytes *to, const char *name, const char *value, bool is_first)
{
    bytes_add_text(to, is_first ? "{" : ",");
    text_add_json(to, view_of(name));
    bytes_add_char(to, ':');
    if (value == NULL)
        bytes_add_text(to, "null");
    else
        text_add_json(to, view_of(value));
}

static void print_row_json(const PGresult *result, int row)
{
    struct bytes line = {0};
    for (int i = 0; i < PQnfields(result); i++)
        add_member(&line, PQfname(result, i), value_of(result, row, i), i == 0);
    bytes_add_char(&line, '}');
    puts(bytes_text(&line));
    bytes_fini(&line);
}

/* Rows item, value as one object. */
static void print_items_json(const PGresult *result)
{
    struct bytes line = {0};
    for (int i = 0; i < PQntuples(result); i++)
        add_member(&line, value_of(result, i, 0), value_of(result, i, 1), i == 0);
    bytes_add_char(&line, '}');
    puts(bytes_text(&line));
    bytes_fini(&line);
}

/* Lines are long enough: a column that says nothing (no values, or a queue's state that is "parked" in every row)
 * isn't worth its width. */
static bool is_worth_showing(const PGresult *result, int column)
{
    const char *usual = strcmp(PQfname(result, column), "state") == 0 ? "parked" : "";
    for (int row = 0; row < PQntuples(result); row++)
        if (strcmp(PQgetvalue(result, row, column), usual) != 0)
            return true;
    return false;
}

static void print_table(const PGresult *result)
{
    size_t columns = 0, rows = (size_t)PQntuples(result), all = (size_t)PQnfields(result);
    const char **names = check_calloc(all, sizeof *names), **cells = check_calloc(all * rows + 1, sizeof *cells);
    int *shown = check_calloc(all, sizeof *shown);
    struct bytes text = {0};
    for (int i = 0; i < (int)all; i++)
        if (is_worth_showing(result, i))
            shown[columns++] = i;
    for (size_t i = 0; i < columns; i++)
        names[i] = PQfname(result, shown[i]);
    for (size_t i = 0; i < columns * rows; i++)
        cells[i] = value_of(result, (int)(i / columns), shown[i % columns]);
    table_add(&text, names, columns, cells, rows);
    fwrite(text.data, 1, text.len, stdout);
    bytes_fini(&text);
    free(names);
    free(cells);
    free(shown);
}

/* ---- subcommands ----------------------------------------------------------------------------------------------- */

/* After the rows, where it is seen; in JSON a line of its own, {"notice":…}. */
static void print_notice(struct queue_call *call)
{
    struct bytes line = {0};
    if (call->notice.len > 0 && call->is_json) {
        add_member(&line, "notice", bytes_text(&call->notice), true);
        bytes_add_char(&line, '}');
        puts(bytes_text(&line));
    } else if (call->notice.len > 0) {
        text_add_visible(&line, bytes_view(&call->notice), false);
        fprintf(stderr, "sallyport queue: %s\n", bytes_text(&line));
    }
    bytes_fini(&line);
}

static int list(struct queue_call *call, PGconn *conn)
{
    int status;
    PGresult *result = ask(conn, "SHOW QUEUE", &status);
    if (result == NULL)
        return status;
    for (int i = 0; call->is_json && i < PQntuples(result); i++)
        print_row_json(result, i);
    if (!call->is_json && PQntuples(result) == 0)
        printf("Nothing waits for a decision.\n");
    else if (!call->is_json)
        print_table(result);
    print_notice(call);
    PQclear(result);
    return STATUS_DONE;
}

static int show(struct queue_call *call, PGconn *conn)
{
    int status;
    struct bytes command = {0};
    bytes_add_format(&command, "SHOW TICKET %s", call->arguments[0]);
    PGresult *result = ask(conn, bytes_text(&command), &status);
    bytes_fini(&command);
    if (result == NULL)
        return status;
    if (call->is_json)
        print_items_json(result);
    else
        print_table(result);
    PQclear(result);
    return STATUS_DONE;
}

/* The console's quoting knows doubled quotes and nothing else. */
static void add_quoted(struct bytes *to, const char *text)
{
    bytes_add_text(to, " '");
    for (; *text != '\0'; text++) {
        bytes_add_char(to, *text);
        if (*text == '\'')
            bytes_add_char(to, '\'');
    }
    bytes_add_char(to, '\'');
}

/* The console's own sentence, where it has one: what follows from an approval. */
static void print_decision(struct queue_call *call, const char *done)
{
    struct bytes line = {0};
    if (call->is_json) {
        add_member(&line, "ticket", call->arguments[0], true);
        add_member(&line, "decision", done, false);
        if (call->notice.len > 0)
            add_member(&line, "notice", bytes_text(&call->notice), false);
        bytes_add_char(&line, '}');
    } else if (call->notice.len > 0) {
        text_add_visible(&line, bytes_view(&call->notice), false);
    } else {
        bytes_add_format(&line, "%s %s", call->arguments[0], done);
    }
    puts(bytes_text(&line));
    bytes_fini(&line);
}

static int decide(struct queue_call *call, PGconn *conn, const char *keyword, const char *done)
{
    int status;
    struct bytes command = {0};
    bytes_add_format(&command, "%s %s", keyword, call->arguments[0]);
    if (call->digest != NULL)
        bytes_add_format(&command, " DIGEST %s", call->digest);
    if (call->argument_count > 1)
        add_quoted(&command, call->arguments[1]);
    PGresult *result = ask(conn, bytes_text(&command), &status);
    bytes_fini(&command);
    if (result == NULL)
        return status;
    PQclear(result);
    print_decision(call, done);
    return STATUS_DONE;
}

static int approve(struct queue_call *call, PGconn *conn)
{
    return decide(call, conn, "APPROVE", "approved");
}

static int reject(struct queue_call *call, PGconn *conn)
{
    return decide(call, conn, "REJECT", "rejected");
}

/* Ticket, when, agent, statement. */
static void print_brief(const PGresult *result, int row)
{
    static const int columns[] = {0, 4, 2, 8};
    struct bytes line = {0};
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        bytes_add_text(&line, i > 0 ? "  " : "");
        text_add_visible(&line, view_of(value_of(result, row, columns[i])), false);
    }
    puts(bytes_text(&line));
    bytes_fini(&line);
}

static void print_news(const struct queue_call *call, const PGresult *result, struct map *seen)
{
    static char known;
    for (int i = 0; i < PQntuples(result); i++) {
        struct view ticket = view_of(value_of(result, i, 0));
        if (map_put(seen, ticket, &known) != NULL)
            continue;
        if (call->is_json)
            print_row_json(result, i);
        else
            print_brief(result, i);
    }
    fflush(stdout);
}

static int watch(struct queue_call *call, PGconn *conn)
{
    struct map seen = {0};
    int status;
    PGresult *result;
    while ((result = ask(conn, "SHOW QUEUE", &status)) != NULL && !ferror(stdout)) {
        print_news(call, result, &seen);
        PQclear(result);
        nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    }
    map_fini(&seen);
    return status;
}

struct subcommand {
    const char *name;
    int least, most; /* arguments; the first is a ticket */
    int (*run)(struct queue_call *call, PGconn *conn);
    const char *usage; /* said when there are too few arguments */
};

static const struct subcommand subcommands[] = {
    {"list", 0, 0, list, NULL},
    {"show", 1, 1, show, "say which ticket: queue show t42"},
    {"approve", 1, 2, approve, "say which ticket: queue approve t42"},
    {"reject", 2, 2, reject, "say which ticket and why, in quotes: queue reject t42 'why'"},
    {"watch", 0, 0, watch, NULL},
};

/* ---- the command line -------------------------------------------------------------------------------------------- */

static bool is_word(const char *text, const char *characters)
{
    return text[0] != '\0' && strspn(text, characters) == strlen(text);
}

static bool check_arguments(const struct queue_call *call, const struct subcommand *subcommand)
{
    if (call->argument_count < subcommand->least || call->argument_count > subcommand->most) {
        fprintf(stderr, "sallyport queue: %s\n",
                call->argument_count < subcommand->least ? subcommand->usage
                                                         : "there are too many arguments (words stand in quotes); "
                                                           "see --help");
        return false;
    }
    if (call->argument_count > 0 && (call->arguments[0][0] != 't' || !is_word(call->arguments[0] + 1, "0123456789"))) {
        fprintf(stderr, "sallyport queue: \"%s\" is not a ticket; tickets are called t1, t2, …\n", call->arguments[0]);
        return false;
    }
    if (call->digest != NULL && (subcommand->run != approve || !is_word(call->digest, "0123456789abcdefABCDEF"))) {
        fprintf(stderr, "sallyport queue: --digest is for approve, and hexadecimal\n");
        return false;
    }
    return true;
}

/* True: go on; else *status is what to exit with. */
static bool read_options(struct queue_call *call, int argc, char **argv, int *status)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"user", required_argument, NULL, 'u'},
                                            {"host", required_argument, NULL, OPTION_HOST},
                                            {"port", required_argument, NULL, OPTION_PORT},
                                            {"digest", required_argument, NULL, OPTION_DIGEST},
                                            {"json", no_argument, NULL, OPTION_JSON},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "c:u:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            call->config = optarg;
            break;
        case 'u':
            call->user = optarg;
            break;
        case OPTION_HOST:
            call->host = optarg;
            break;
        case OPTION_PORT:
            call->port = optarg;
            break;
        case OPTION_DIGEST:
            call->digest = optarg;
            break;
        case OPTION_JSON:
            call->is_json = true;
            break;
        case 'h':
            fputs(help, stdout);
            *status = STATUS_DONE;
            return false;
        default:
            *status = STATUS_ERROR;
            return false;
        }
    }
    return true;
}

static const struct subcommand *subcommand_find(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof subcommands / sizeof *subcommands; i++)
        if (strcmp(subcommands[i].name, name) == 0)
            return &subcommands[i];
    fprintf(stderr, "sallyport queue: say what to do: list, show, approve, reject or watch; see --help\n");
    return NULL;
}

static int run(struct queue_call *call, const struct subcommand *subcommand)
{
    if (call->user == NULL)
        call->user = getenv("PGUSER") != NULL ? getenv("PGUSER") : getenv("USER");
    if (call->user == NULL) {
        fprintf(stderr, "sallyport queue: say who you are: --user NAME\n");
        return STATUS_ERROR;
    }
    if (!find_console(call))
        return STATUS_ERROR;
    PGconn *conn = connect_console(call);
    if (conn == NULL)
        return STATUS_ERROR;
    PQsetNoticeReceiver(conn, keep_notice, call);
    int status = subcommand->run(call, conn);
    PQfinish(conn);
    return status;
}

int command_queue(int argc, char **argv)
{
    struct queue_call call = {0};
    int status = STATUS_ERROR;
    char name[] = "sallyport queue", *given = argv[0];
    argv[0] = name; /* getopt's errors begin with it */
    bool goes_on = read_options(&call, argc, argv, &status);
    argv[0] = given;
    if (!goes_on)
        return status;
    const struct subcommand *subcommand = subcommand_find(argv[optind]);
    if (subcommand == NULL)
        return STATUS_ERROR;
    call.arguments = argv + optind + 1;
    call.argument_count = argc - optind - 1;
    if (check_arguments(&call, subcommand))
        status = run(&call, subcommand);
    bytes_fini(&call.notice);
    bytes_fini(&call.address_host);
    bytes_fini(&call.address_port);
    return status;
}
