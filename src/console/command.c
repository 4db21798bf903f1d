/* The table, and finding a row in it: the longest name whose keywords stand first in the statement. */
#include "command.h"

#include <string.h>

#include "base/text.h"

static const char *const queue_columns[] = {"ticket",  "state",      "agent",     "database",  "created",
                                            "expires", "operations", "relations", "statement", "reason (agent's claim)",
                                            NULL};
static const char *const tickets_columns[] = {"ticket",    "state",     "agent",    "database", "created", "operations",
                                              "relations", "statement", "approver", "words",    "outcome", NULL};
static const char *const item_columns[] = {"item", "value", NULL};
/* As the proxies call them. */
static const char *const session_columns[] = {"session",     "agent",      "database",  "client",      "since",
                                              "transaction", "statements", "statement", "application", NULL};
static const char *const paused_columns[] = {"agent", NULL};
static const char *const help_columns[] = {"command", "meaning", NULL};
static const char *const version_columns[] = {"version", NULL};

/* Columns of the values that drivers ask for on connecting. */
static const char *const one_columns[] = {"?column?", NULL};
static const char *const read_only_columns[] = {"transaction_read_only", NULL};
static const char *const default_read_only_columns[] = {"default_transaction_read_only", NULL};
static const char *const isolation_columns[] = {"transaction_isolation", NULL};
static const char *const default_isolation_columns[] = {"default_transaction_isolation", NULL};
static const char *const strings_columns[] = {"standard_conforming_strings", NULL};
static const char *const encoding_columns[] = {"client_encoding", NULL};
static const char *const server_version_columns[] = {"server_version", NULL};
static const char *const schema_columns[] = {"current_schema", NULL};
static const char *const recovery_columns[] = {"pg_is_in_recovery", NULL};
static const char *const unlock_columns[] = {"pg_advisory_unlock_all", NULL};

#define COURTESY(name, columns, value)                                                                                 \
    {                                                                                                                  \
        name, "", 0, 0, columns, courtesy_value, NULL, value, false                                                    \
    }

static COMMAND_HANDLER(show_help);

static const struct command table[] = {
    {"SHOW QUEUE", "", 0, 0, queue_columns, show_queue, "the statements that wait for a decision, newest last", NULL,
     0},
    {"SHOW TICKETS", "", 0, 0, tickets_columns, show_tickets, "the latest 200 tickets in every state", NULL, 0},
    {"SHOW TICKET", "t42", 1, 1, item_columns, show_ticket, "all there is to know about a ticket", NULL, 0},
    {"APPROVE", "t42 [DIGEST abc123…] ['words']", 1, 4, NULL, decide_approve,
     "let it run, once; with DIGEST, only if the ticket's digest begins so", NULL, COMMAND_ALONE},
    {"REJECT", "t42 'why'", 2, 2, NULL, decide_reject, "refuse it; the agent is told why", NULL, COMMAND_ALONE},
    {"SHOW SESSIONS", "", 0, 0, session_columns, show_sessions, "agents that are connected now", NULL, 0},
    {"SHOW PAUSED", "", 0, 0, paused_columns, show_paused, "agents that are paused", NULL, 0},
    {"PAUSE", "agent", 1, 1, NULL, decide_pause,
     "stop an agent at once: its sessions end with 57P01 and its logins are refused", NULL, COMMAND_ALONE},
    {"RESUME", "agent", 1, 1, NULL, decide_resume, "let a paused agent go on", NULL, COMMAND_ALONE},
    {"RELOAD", "", 0, 0, NULL, decide_reload, "have the proxies and this console read their configuration again", NULL,
     COMMAND_ALONE},
    {"SHOW VERSION", "", 0, 0, version_columns, show_version, "the console's version", NULL, 0},
    {"SHOW HELP", "", 0, 0, help_columns, show_help, "this list", NULL, 0},
    {"HELP", "", 0, 0, help_columns, show_help, "this list", NULL, 0},

    /* What psql and drivers say unasked. None of it does anything. */
    {"BEGIN", "", 0, COMMAND_ANY, NULL, courtesy_begin, NULL, "BEGIN", 0},
    {"START TRANSACTION", "", 0, COMMAND_ANY, NULL, courtesy_begin, NULL, "START TRANSACTION", 0},
    {"COMMIT", "", 0, 2, NULL, courtesy_commit, NULL, "COMMIT", COMMAND_ENDS_BLOCK},
    {"END", "", 0, 2, NULL, courtesy_commit, NULL, "COMMIT", COMMAND_ENDS_BLOCK},
    {"ROLLBACK", "", 0, 2, NULL, courtesy_rollback, NULL, "ROLLBACK", COMMAND_ENDS_BLOCK},
    {"ABORT", "", 0, 2, NULL, courtesy_rollback, NULL, "ROLLBACK", COMMAND_ENDS_BLOCK},
    {"ROLLBACK TO", "", 1, 2, NULL, courtesy_begin, NULL, "ROLLBACK", COMMAND_ENDS_BLOCK},
    {"SAVEPOINT", "", 1, 1, NULL, courtesy_tag, NULL, "SAVEPOINT", 0},
    {"RELEASE", "", 1, 2, NULL, courtesy_tag, NULL, "RELEASE", 0},
    {"SET", "", 1, COMMAND_ANY, NULL, courtesy_tag, NULL, "SET", 0},
    {"RESET", "", 1, 3, NULL, courtesy_tag, NULL, "RESET", 0},
    {"DISCARD", "", 1, 1, NULL, courtesy_tag, NULL, "DISCARD ALL", 0},
    {"DEALLOCATE", "", 1, 2, NULL, courtesy_tag, NULL, "DEALLOCATE", 0},
    {"CLOSE", "", 1, 1, NULL, courtesy_tag, NULL, "CLOSE CURSOR", 0},
    {"UNLISTEN", "", 1, 1, NULL, courtesy_tag, NULL, "UNLISTEN", 0},
    COURTESY("SELECT 1", one_columns, "1"),
    COURTESY("SHOW TRANSACTION_READ_ONLY", read_only_columns, "off"),
    COURTESY("SHOW DEFAULT_TRANSACTION_READ_ONLY", default_read_only_columns, "off"),
    COURTESY("SHOW TRANSACTION_ISOLATION", isolation_columns, "read committed"),
    COURTESY("SHOW TRANSACTION ISOLATION LEVEL", isolation_columns, "read committed"),
    COURTESY("SHOW DEFAULT_TRANSACTION_ISOLATION", default_isolation_columns, "read committed"),
    COURTESY("SHOW STANDARD_CONFORMING_STRINGS", strings_columns, "on"),
    COURTESY("SHOW CLIENT_ENCODING", encoding_columns, "UTF8"),
    COURTESY("SHOW SERVER_VERSION", server_version_columns, "15.0"),
    COURTESY("SELECT VERSION ( )", version_columns, "PostgreSQL 15.0 (the console of sallyport " SALLYPORT_VERSION ")"),
    COURTESY("SELECT PG_CATALOG.VERSION ( )", version_columns,
             "PostgreSQL 15.0 (the console of sallyport " SALLYPORT_VERSION ")"),
    COURTESY("SELECT CURRENT_SCHEMA ( )", schema_columns, "public"),
    COURTESY("SELECT PG_IS_IN_RECOVERY ( )", recovery_columns, "f"),
    COURTESY("SELECT PG_CATALOG.PG_IS_IN_RECOVERY ( )", recovery_columns, "f"),
    COURTESY("SELECT PG_ADVISORY_UNLOCK_ALL ( )", unlock_columns, ""),
    {.name = NULL},
};

static COMMAND_HANDLER(show_help)
{
    for (const struct command *c = table; c->name != NULL; c++) {
        if (c->help == NULL)
            continue;
        struct bytes name = {0};
        bytes_add_format(&name, "%s%s%s", c->name, c->arguments[0] != '\0' ? " " : "", c->arguments);
        struct view *row = answer_row(answer);
        row[0] = answer_text(answer, bytes_text(&name));
        row[1] = answer_text(answer, c->help);
        bytes_fini(&name);
    }
}

const struct command *command_table(void)
{
    return table;
}

/* Do the command's keywords stand first? Their number, else 0. */
static size_t keywords_match(const char *name, const struct words *words)
{
    size_t count = 0;
    for (const char *at = name; *at != '\0'; count++) {
        size_t len = strcspn(at, " ");
        if (count >= words->count || count >= WORDS_MOST)
            return 0;
        const struct word *word = &words->word[count];
        bool is_keyword = word->kind == WORD_KIND_PLAIN || word->kind == WORD_KIND_SIGN;
        if (!is_keyword || !text_same_folded(word->text, (struct view){at, len}))
            return 0;
        at += len + (at[len] == ' ');
    }
    return count;
}

static const char *join(struct arena *arena, const char *a, const char *b, const char *c, const char *d)
{
    struct bytes all = {0};
    bytes_add_text(&all, a);
    bytes_add_text(&all, b);
    bytes_add_text(&all, c);
    bytes_add_text(&all, d);
    const char *text = arena_copy(arena, bytes_view(&all));
    bytes_fini(&all);
    return text;
}

const struct command *command_find(struct words *words, struct arena *arena, const char **why, const char **hint)
{
    const struct command *best = NULL;
    size_t best_len = 0;
    for (const struct command *c = table; c->name != NULL; c++) {
        size_t len = keywords_match(c->name, words);
        if (len > best_len) {
            best = c;
            best_len = len;
        }
    }
    *hint = NULL;
    if (best == NULL) {
        *why = "this is not a command of the console";
        *hint = "SHOW HELP lists the commands. No SQL runs here: the console decides about statements of agents.";
        return NULL;
    }
    size_t arguments = words->count - best_len;
    if (arguments < best->least || arguments > best->most) {
        *why = join(arena, "write ", best->name, best->arguments[0] != '\0' ? " " : "", best->arguments);
        return NULL;
    }
    size_t kept = words->count < WORDS_MOST ? words->count : WORDS_MOST;
    memmove(words->word, words->word + best_len, (kept - best_len) * sizeof *words->word);
    words->count = arguments;
    return best;
}
