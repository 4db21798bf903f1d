/* sallyport: a query firewall for PostgreSQL that AI agents connect to instead of the database.
 *
 * One program, several commands: the three roles that work together (proxy, executor, console), `run`
 * which starts all three, and the tools of those who look after them. A new command is a new row below,
 * a declaration in commands.h, a file, and a section in sallyport.1. */
#include <stdio.h>
#include <string.h>

#include "commands.h"

static int command_help(int argc, char **argv);
static int command_version(int argc, char **argv);

struct command {
    const char *name;
    int (*function)(int argc, char **argv);
    const char *help;
};

static const struct command commands[] = {
    {"run", command_run, "start proxy, executor and console together, on one machine"},
    {"proxy", command_proxy, "serve agents: judge their statements, relay, refuse or park them"},
    {"executor", command_executor, "run approved statements, each exactly once"},
    {"console", command_console, "serve approvers, who decide with psql"},
    {"queue", command_queue, "list, show, approve and reject parked statements"},
    {"check", command_check, "say what would happen to some SQL, for an agent"},
    {"audit", command_audit, "verify, export, search and tail the audit log"},
    {"passwd", command_passwd, "make a password verifier for an agent or an approver"},
    {"help", command_help, "show this list, or the help of a command"},
    {"version", command_version, "show the program's version"},
};

enum { COMMAND_COUNT = sizeof commands / sizeof commands[0] };

static const struct command *command_find(const char *name)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

static void print_commands(FILE *to)
{
    fprintf(to, "sallyport is a query firewall for PostgreSQL that AI agents connect to instead of the database.\n\n"
                "Usage: sallyport COMMAND [OPTION]...\n\n");
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        fprintf(to, "  %-10s %s\n", commands[i].name, commands[i].help);
    fprintf(to,
            "\nEvery command explains itself with --help; sallyport(1) is the manual. Those that\n"
            "need a configuration take --config FILE, else $SALLYPORT_CONFIG, else /etc/sallyport/sallyport.json.\n");
}

static int unknown_command(const char *name)
{
    fprintf(stderr, "sallyport: there is no command \"%s\"; \"sallyport help\" lists them\n", name);
    return 1;
}

static int command_help(int argc, char **argv)
{
    if (argc < 2 || argv[1][0] == '-') {
        print_commands(stdout);
        return 0;
    }
    const struct command *command = command_find(argv[1]);
    if (command == NULL)
        return unknown_command(argv[1]);
    if (command->function == command_help) {
        print_commands(stdout);
        return 0;
    }
    char help[] = "--help";
    char *arguments[] = {argv[1], help, NULL};
    return command->function(2, arguments);
}

static int command_version(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--help") == 0)
        printf("Usage: sallyport version\n\nPrints the program's name and version, for example \"sallyport 0.1.0\".\n");
    else
        printf("sallyport %s\n", SALLYPORT_VERSION);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        print_commands(stderr);
        return 1;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return command_help(1, argv + 1);
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        return command_version(1, argv + 1);
    const struct command *command = command_find(argv[1]);
    if (command == NULL)
        return unknown_command(argv[1]);
    int status = command->function(argc - 1, argv + 1);
    if (fflush(stdout) != 0 && status == 0) {
        perror("sallyport: standard output");
        return 1;
    }
    return status;
}
