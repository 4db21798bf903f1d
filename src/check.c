/* sallyport check: what would happen to this SQL, for this agent. It judges as the proxy does, by the same
 * configuration, and touches nothing: no database, no Redis, no record. For whoever writes a policy, for
 * tests of a policy, and for agents' builders who want to know beforehand. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "commands.h"
#include "config.h"

enum {
    EXIT_LET_THROUGH = 0,
    EXIT_UNUSABLE = 1,
    EXIT_PARK = 3,
    EXIT_DENY = 4,
    INPUT_MOST = 256 << 20,
};

static const char help[] =
    "Usage: sallyport check --agent NAME [--database DB] [--config FILE] [SQL | -f FILE]\n"
    "\n"
    "Says what would happen to some SQL if the agent sent it as one message. The SQL comes from the\n"
    "argument, from a file, or else from standard input, and is taken with its exact bytes.\n"
    "\n"
    "  --agent NAME      The agent that asks; its policy decides.\n"
    "  --database DB     The database that it asks; without this, the first of the agent's databases.\n"
    "  --config FILE     The configuration; without this, $SALLYPORT_CONFIG or\n"
    "                    /etc/sallyport/sallyport.json.\n"
    "  -f, --file FILE   The file that holds the SQL.\n"
    "  --help            Shows this.\n"
    "\n"
    "Each statement gives one line of JSON with its text and fingerprint, the verdict (allow, flag, park or\n"
    "deny), the rule that decided, the reason, a hint, and its operations, relations and functions. Where\n"
    "the policy only observes, \"would\" is the verdict that enforcing it would have given. SQL that can't be\n"
    "parsed is one line with the verdict deny.\n"
    "\n"
    "A message runs as a whole or not at all, so the strictest verdict counts. The exit status is 0 if all\n"
    "would be let through, 3 if it would wait for approval, 4 if it would be refused, and 1 if the input or\n"
    "the configuration can't be used.\n";

struct request {
    const char *agent, *database, *config, *file, *sql;
};

static bool complain(const char *what)
{
    fprintf(stderr, "sallyport check: %s; --help says how it is used\n", what);
    return false;
}

/* False: *status is the exit status. */
static bool read_arguments(int argc, char **argv, struct request *request, int *status)
{
    static const struct option options[] = {
        {"agent", required_argument, NULL, 'a'},  {"database", required_argument, NULL, 'd'},
        {"config", required_argument, NULL, 'c'}, {"file", required_argument, NULL, 'f'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
    };
    *status = EXIT_UNUSABLE;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "f:h", options, NULL)) != -1;) {
        switch (option) {
        case 'a':
            request->agent = optarg;
            break;
        case 'd':
            request->database = optarg;
            break;
        case 'c':
            request->config = optarg;
            break;
        case 'f':
            request->file = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            *status = EXIT_LET_THROUGH;
            return false;
        default:
            return complain("there is an option that it doesn't have, or one without its value");
        }
    }
    if (request->agent == NULL)
        return complain("--agent is missing");
    if (argc - optind > 1)
        return complain("there is more than one SQL argument: put it in quotes");
    request->sql = optind < argc ? argv[optind] : NULL;
    if (request->sql != NULL && request->file != NULL)
        return complain("SQL comes from an argument or from a file, not from both");
    return true;
}

/* ---- the SQL ---------------------------------------------------------------------------------------- */

static bool read_stream(FILE *stream, const char *name, struct bytes *sql)
{
    while (!feof(stream) && !ferror(stream) && sql->len <= INPUT_MOST) {
        char *room = bytes_room(sql, 64 * 1024);
        sql->len += fread(room, 1, 64 * 1024, stream);
    }
    if (ferror(stream))
        fprintf(stderr, "sallyport check: can't read %s: %s\n", name, strerror(errno));
    else if (sql->len > INPUT_MOST)
        fprintf(stderr, "sallyport check: %s is longer than %d MiB\n", name, INPUT_MOST >> 20);
    return !ferror(stream) && sql->len <= INPUT_MOST;
}

static bool read_sql(const struct request *request, struct bytes *sql)
{
    if (request->sql != NULL) {
        bytes_add_text(sql, request->sql);
        return true;
    }
    if (request->file == NULL)
        return read_stream(stdin, "standard input", sql);
    FILE *stream = fopen(request->file, "rb");
    if (stream == NULL) {
        fprintf(stderr, "sallyport check: can't open %s: %s\n", request->file, strerror(errno));
        return false;
    }
    bool is_read = read_stream(stream, request->file, sql);
    fclose(stream);
    return is_read;
}

/* ---- the answer ------------------------------------------------------------------------------------- */

static void add_member(struct bytes *line, const char *name, const char *text)
{
    bytes_add_format(line, ",\"%s\":", name);
    if (text != NULL)
        text_add_json(line, view_of(text));
    else
        bytes_add_text(line, "null");
}

/* statement NULL: it could not be parsed, or there is none. */
static void print_judgement(struct view text, const struct statement *statement, const struct judgement *judgement)
{
    size_t count = statement != NULL;
    struct bytes line = {0};
    bytes_add_text(&line, "{\"statement\":");
    text_add_json(&line, text);
    add_member(&line, "verdict", verdict_name(judgement->verdict));
    if (judgement->would)
        add_member(&line, "would", verdict_name(judgement->would_verdict));
    add_member(&line, "rule", judgement->rule);
    add_member(&line, "reason", judgement->reason);
    add_member(&line, "hint", judgement->hint);
    bytes_add_text(&line, ",\"operations\":");
    rules_add_operations(&line, statement, count);
    bytes_add_text(&line, ",\"relations\":");
    rules_add_relations(&line, statement, count);
    bytes_add_text(&line, ",\"functions\":");
    rules_add_functions(&line, statement, count);
    char fingerprint[17];
    if (statement != NULL)
        parser_fingerprint(statement, fingerprint);
    add_member(&line, "fingerprint", statement != NULL ? fingerprint : NULL);
    bytes_add_text(&line, "}\n");
    fwrite(line.data, 1, line.len, stdout);
    bytes_fini(&line);
}

static enum verdict judge(const struct rules *rules, const struct asker *asker, struct view sql, struct arena *arena)
{
    struct facts facts;
    struct parser_error error;
    struct judgement whole;
    enum parser_result result = parser_read(sql, NULL, arena, &facts, &error);
    if (result != PARSER_RESULT_OK) {
        rules_judge_error(result, &error, arena, &whole);
        print_judgement(sql, NULL, &whole);
        return whole.verdict;
    }
    struct judgement *each = arena_alloc(arena, (facts.count + 1) * sizeof *each);
    rules_judge_message(rules, asker, &facts, arena, each, &whole);
    for (size_t i = 0; i < facts.count; i++)
        print_judgement(facts.statements[i].text, &facts.statements[i], &each[i]);
    if (facts.count == 0)
        print_judgement(sql, NULL, &whole);
    return whole.verdict;
}

static int status_of(enum verdict verdict)
{
    switch (verdict) {
    case VERDICT_ALLOW:
    case VERDICT_FLAG:
        return EXIT_LET_THROUGH;
    case VERDICT_PARK:
        return EXIT_PARK;
    case VERDICT_DENY:
        return EXIT_DENY;
    }
    return EXIT_DENY;
}

/* ---- who asks --------------------------------------------------------------------------------------- */

/* NULL: not one of the agent's databases. */
static const char *find_database(const struct proxy_agent *agent, const char *name)
{
    if (name == NULL)
        return agent->databases[0];
    for (size_t i = 0; agent->databases[i] != NULL; i++)
        if (strcmp(agent->databases[i], name) == 0)
            return agent->databases[i];
    return NULL;
}

static int check(const struct config *config, const struct request *request)
{
    const struct proxy_agent *agent = config_agent(config, request->agent);
    if (agent == NULL) {
        fprintf(stderr, "sallyport check: %s has no agent \"%s\"\n", config->file, request->agent);
        return EXIT_UNUSABLE;
    }
    struct asker asker = {agent->name, find_database(agent, request->database)};
    if (asker.database == NULL) {
        fprintf(stderr, "sallyport check: agent \"%s\" has no database \"%s\"\n", agent->name,
                request->database != NULL ? request->database : "");
        return EXIT_UNUSABLE;
    }
    struct bytes sql = {0};
    struct arena arena = {0};
    int status = EXIT_UNUSABLE;
    if (read_sql(request, &sql))
        status = status_of(judge(agent->rules, &asker, bytes_view(&sql), &arena));
    arena_fini(&arena);
    bytes_fini(&sql);
    return status;
}

int command_check(int argc, char **argv)
{
    struct request request = {0};
    int status;
    if (!read_arguments(argc, argv, &request, &status))
        return status;
    struct fault fault;
    struct config *config = config_load(request.config, CONFIG_ROLE_TOOL, &fault);
    if (config == NULL) {
        fault_print(&fault, stderr);
        return EXIT_UNUSABLE;
    }
    status = check(config, &request);
    config_drop(config);
    return status;
}
