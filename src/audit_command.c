/* `sallyport audit`: what those who answer for the log do with it. Each of its four commands is a row of a
 * table, and so is each option, with the commands that take it. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "audit/audit.h"
#include "commands.h"
#include "config.h"

enum command { COMMAND_VERIFY = 1, COMMAND_EXPORT = 2, COMMAND_SEARCH = 4, COMMAND_TAIL = 8, COMMAND_ALL = 15 };

struct request {
    enum command command;
    const char *directory, *config, *output;
    struct audit_filter filter;
    enum audit_format format;
    bool has_expect, json, follow;
    struct chain expect;
    size_t count;
};

static const char help[] =
    "Usage: sallyport audit verify [--expect SEQ:HASH] [--json] [DIR]\n"
    "       sallyport audit export [--format jsonl|csv] [--output FILE] [FILTER]...\n"
    "       sallyport audit search TEXT [--json] [FILTER]...\n"
    "       sallyport audit tail [-n COUNT] [--follow] [--json]\n"
    "\n"
    "The audit log is one JSON line per record. Each record carries the SHA-256 of the one before it, so that\n"
    "nothing in the middle can be changed, left out or added unseen.\n"
    "\n"
    "verify checks every chain below the directory, prints one line for each, and for damage the file and line.\n"
    "export writes the records of all chains in order of time; a statement's record also says what came back.\n"
    "search prints the records that hold TEXT, in either case, anywhere. tail prints the last records.\n"
    "\n"
    "Where the log is:\n"
    "  --directory DIR   The directory that holds the chains, or that holds directories with chains.\n"
    "  --config FILE     Else the configuration's audit.directory; without --config that of $SALLYPORT_CONFIG,\n"
    "                    else of /etc/sallyport/sallyport.json.\n"
    "verify also takes the directory as its argument.\n"
    "\n"
    "verify:\n"
    "  --expect SEQ:HASH The record with this number and hash must be in one of the chains. A chain can't show\n"
    "                    that its end was cut off: keep what verify prints as \"last\" in a place that whoever\n"
    "                    could cut the log can't reach, and hand it in at the next verify.\n"
    "  --json            Print a JSON line for each chain.\n"
    "\n"
    "export:\n"
    "  --format FORMAT   jsonl (the default) or csv. In csv, text that a spreadsheet would run as a formula\n"
    "                    begins with an apostrophe.\n"
    "  --output FILE     Write to this file, which must not exist yet, instead of standard output; its mode is 0600.\n"
    "\n"
    "FILTER, for export and search; what is given must all be true of a record:\n"
    "  --since TIME      At this time or later: 2026-11-23, 2026-11-23T15:45 or 2026-11-23T15:45:00.5+01:00;\n"
    "                    it is UTC if it doesn't say.\n"
    "  --until TIME      Before this time; a date alone means the end of that day.\n"
    "  --agent NAME      Of this agent.\n"
    "  --verdict VERDICT allow, flag, park or deny.\n"
    "  --ticket TICKET   About this ticket, for example t42.\n"
    "  --event EVENT     Of this kind, for example statement, login or decision.\n"
    "\n"
    "tail:\n"
    "  -n COUNT          So many records; 10 if it isn't given.\n"
    "  --follow          Go on with what is appended, until interrupted.\n"
    "  --json            Print the records as JSON lines.\n"
    "\n"
    "The exit status is 0 when the command did what it was asked (for verify: when every chain is whole; for\n"
    "search: when something was found), and 1 otherwise. An export of a damaged log writes everything that can\n"
    "be read, says on standard error what is wrong, and exits with 1.\n";

/* ---- options ---------------------------------------------------------------------------------------- */

static bool read_directory(struct request *request, const char *value)
{
    request->directory = value;
    return value[0] != '\0';
}

static bool read_config(struct request *request, const char *value)
{
    request->config = value;
    return true;
}

static bool read_output(struct request *request, const char *value)
{
    request->output = value;
    return value[0] != '\0';
}

static bool read_expect(struct request *request, const char *value)
{
    char *end;
    errno = 0;
    request->expect.seq = strtoull(value, &end, 10);
    request->has_expect = true;
    return errno == 0 && value[0] >= '1' && value[0] <= '9' && *end == ':' &&
           crypto_unhex(view_of(end + 1), request->expect.hash.byte, sizeof request->expect.hash.byte);
}

static bool read_json(struct request *request, const char *value)
{
    request->json = true;
    return true;
}

static bool read_format(struct request *request, const char *value)
{
    request->format = strcmp(value, "csv") == 0 ? AUDIT_FORMAT_CSV : AUDIT_FORMAT_JSONL;
    return strcmp(value, "csv") == 0 || strcmp(value, "jsonl") == 0;
}

static bool read_since(struct request *request, const char *value)
{
    return audit_read_time(value, false, &request->filter.since);
}

static bool read_until(struct request *request, const char *value)
{
    return audit_read_time(value, true, &request->filter.until);
}

static bool read_agent(struct request *request, const char *value)
{
    request->filter.agent = value;
    return true;
}

static bool read_verdict(struct request *request, const char *value)
{
    request->filter.verdict = value;
    return strcmp(value, "allow") == 0 || strcmp(value, "flag") == 0 || strcmp(value, "park") == 0 ||
           strcmp(value, "deny") == 0;
}

static bool read_ticket(struct request *request, const char *value)
{
    request->filter.ticket = value;
    return true;
}

static bool read_event(struct request *request, const char *value)
{
    request->filter.event = value;
    return true;
}

static bool read_count(struct request *request, const char *value)
{
    char *end;
    unsigned long count = strtoul(value, &end, 10);
    request->count = count;
    return value[0] >= '0' && value[0] <= '9' && *end == '\0' && count <= 1000000;
}

static bool read_follow(struct request *request, const char *value)
{
    request->follow = true;
    return true;
}

struct option {
    const char *name;
    unsigned commands;
    const char *wants; /* its value, in words; NULL: it has none */
    bool (*read)(struct request *request, const char *value);
};

static const struct option options[] = {
    {"--directory", COMMAND_ALL, "a directory", read_directory},
    {"--config", COMMAND_ALL, "a file", read_config},
    {"--expect", COMMAND_VERIFY, "a number, a colon and 64 hex digits, as verify prints them", read_expect},
    {"--json", COMMAND_VERIFY | COMMAND_SEARCH | COMMAND_TAIL, NULL, read_json},
    {"--format", COMMAND_EXPORT, "jsonl or csv", read_format},
    {"--output", COMMAND_EXPORT, "a file", read_output},
    {"--since", COMMAND_EXPORT | COMMAND_SEARCH, "a date or time such as 2026-11-23T15:45", read_since},
    {"--until", COMMAND_EXPORT | COMMAND_SEARCH, "a date or time such as 2026-11-23T15:45", read_until},
    {"--agent", COMMAND_EXPORT | COMMAND_SEARCH, "an agent's name", read_agent},
    {"--verdict", COMMAND_EXPORT | COMMAND_SEARCH, "allow, flag, park or deny", read_verdict},
    {"--ticket", COMMAND_EXPORT | COMMAND_SEARCH, "a ticket such as t42", read_ticket},
    {"--event", COMMAND_EXPORT | COMMAND_SEARCH, "an event's name", read_event},
    {"-n", COMMAND_TAIL, "a number, at most 1000000", read_count},
    {"--follow", COMMAND_TAIL, NULL, read_follow},
    {"-f", COMMAND_TAIL, NULL, read_follow},
};

static bool complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool complain(const char *format, ...)
{
    va_list args;
    fputs("sallyport audit: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputs("; see sallyport audit --help\n", stderr);
    return false;
}

/* "--name value" or "--name=value". *value NULL: it isn't in the argument. */
static bool is_option(const char *argument, const char *name, const char **value)
{
    size_t len = strlen(name);
    if (strncmp(argument, name, len) != 0)
        return false;
    *value = argument[len] == '=' && name[1] == '-' ? argument + len + 1 : NULL;
    return argument[len] == '\0' || *value != NULL;
}

static const struct option *find_option(enum command command, const char *argument, const char **value)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if ((options[i].commands & command) != 0 && is_option(argument, options[i].name, value))
            return &options[i];
    return NULL;
}

static bool read_option(struct request *request, int *at, char **argv)
{
    const char *value = NULL;
    const struct option *option = find_option(request->command, argv[*at], &value);
    if (option == NULL)
        return complain("this command has no option \"%s\"", argv[*at]);
    if (option->wants != NULL && value == NULL && argv[*at + 1] != NULL)
        value = argv[++*at];
    if ((option->wants == NULL) != (value == NULL) || !option->read(request, value))
        return complain("%s must be followed by %s", option->name, option->wants ? option->wants : "nothing");
    return true;
}

/* What is no option: the text to search for, the directory to verify. */
static bool read_argument(struct request *request, const char *argument)
{
    const char **place = request->command == COMMAND_SEARCH   ? &request->filter.text
                         : request->command == COMMAND_VERIFY ? &request->directory
                                                              : NULL;
    if (place == NULL || *place != NULL)
        return complain("\"%s\" is one argument too many", argument);
    *place = argument;
    return true;
}

static bool read_request(struct request *request, int argc, char **argv)
{
    bool no_options = false;
    for (int i = 2; i < argc; i++) {
        bool is_option_like = !no_options && argv[i][0] == '-' && argv[i][1] != '\0';
        if (is_option_like && strcmp(argv[i], "--") == 0)
            no_options = true;
        else if (is_option_like ? !read_option(request, &i, argv) : !read_argument(request, argv[i]))
            return false;
    }
    if (request->command == COMMAND_SEARCH && request->filter.text == NULL)
        return complain("search needs a text to search for");
    return true;
}

/* ---- commands --------------------------------------------------------------------------------------- */

static int done(bool good, const struct fault *fault)
{
    if (fault->message[0] != '\0') {
        fputs("sallyport audit: ", stderr);
        fault_print(fault, stderr);
    }
    return good ? 0 : 1;
}

static int run_verify(const struct request *request, const char *directory)
{
    struct fault fault = {0};
    const struct audit_verify_options how = {request->has_expect ? &request->expect : NULL, request->json};
    bool whole = audit_verify_with(directory, &how, stdout, &fault);
    fflush(stdout);
    return done(whole, &fault);
}

/* What was asked is nobody else's business, in a file any more than in the log. */
static FILE *make_output(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return fd < 0 ? NULL : fdopen(fd, "w");
}

static int run_export(const struct request *request, const char *directory)
{
    struct fault fault = {0};
    FILE *to = stdout;
    if (request->output != NULL && (to = make_output(request->output)) == NULL) {
        fault_at(&fault, request->output, 0, 0, NULL, "can't be made: %s", strerror(errno));
        return done(false, &fault);
    }
    bool good = audit_export(directory, &request->filter, request->format, to, &fault);
    if (to != stdout && fclose(to) != 0)
        good = fault_at(&fault, request->output, 0, 0, NULL, "can't be written: %s", strerror(errno));
    return done(good, &fault);
}

static int run_search(const struct request *request, const char *directory)
{
    struct fault fault = {0};
    uint64_t matched = 0;
    struct audit_filter filter = request->filter;
    filter.matched = &matched;
    bool good =
        audit_export(directory, &filter, request->json ? AUDIT_FORMAT_JSONL : AUDIT_FORMAT_LINES, stdout, &fault);
    if (good && matched == 0 && !request->json)
        fputs("sallyport audit: nothing found\n", stderr);
    return done(good && matched > 0, &fault);
}

static int run_tail(const struct request *request, const char *directory)
{
    struct fault fault = {0};
    bool good = audit_tail(directory, request->count, request->follow,
                           request->json ? AUDIT_FORMAT_JSONL : AUDIT_FORMAT_LINES, stdout, &fault);
    return done(good, &fault);
}

static const struct {
    const char *name;
    enum command command;
    int (*run)(const struct request *request, const char *directory);
} commands[] = {
    {"verify", COMMAND_VERIFY, run_verify},
    {"export", COMMAND_EXPORT, run_export},
    {"search", COMMAND_SEARCH, run_search},
    {"tail", COMMAND_TAIL, run_tail},
};

static int run(int (*command)(const struct request *, const char *), const struct request *request)
{
    struct fault fault = {0};
    if (request->directory != NULL)
        return command(request, request->directory);
    struct config *config = config_load(request->config, CONFIG_ROLE_TOOL, &fault);
    if (config == NULL)
        return done(false, &fault);
    int status = command(request, config->audit_directory);
    config_drop(config);
    return status;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

int command_audit(int argc, char **argv)
{
    struct request request = {.count = 10};
    if (wants_help(argc, argv)) {
        fputs(help, stdout);
        return 0;
    }
    for (size_t i = 0; argc > 1 && i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(argv[1], commands[i].name) != 0)
            continue;
        request.command = commands[i].command;
        return read_request(&request, argc, argv) ? run(commands[i].run, &request) : 1;
    }
    if (argc > 1)
        complain("\"%s\" is not verify, export, search or tail", argv[1]);
    else
        complain("say verify, export, search or tail");
    return 1;
}
