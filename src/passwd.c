/* `sallyport passwd NAME`: a password in, a verifier out. The name is not part of a verifier; it is asked
 * for so that the prompt and the history say whose it is, and to refuse names that can't be used. */
#include <getopt.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "base/bytes.h"
#include "commands.h"
#include "prompt.h"
#include "wire/wire.h"

static const char help[] =
    "Usage: sallyport passwd NAME\n\n"
    "Makes a verifier for the password of an agent or an approver: the line SCRAM-SHA-256$4096:… that stands\n"
    "under \"password\" in the configuration. The password itself is kept nowhere. It is read from standard\n"
    "input, one line; at a terminal it is asked for twice, unseen. The verifier is all that is printed.\n\n"
    "  -h, --help  show this text\n\n"
    "Exit status: 0 done; 1 there was no password, or the two differ.\n\n"
    "Examples:\n"
    "  sallyport passwd alice\n"
    "  openssl rand -base64 24 | tee bot.password | sallyport passwd support-bot\n";

static bool ask(const char *name, struct bytes *password)
{
    struct bytes again = {0};
    char question[160];
    const char *otherwise = "hand it in on standard input";
    snprintf(question, sizeof question, "Password for %.100s: ", name);
    bool done = prompt_secret(question, otherwise, password) && prompt_secret("Again: ", otherwise, &again);
    if (done && !view_equals(bytes_view(password), bytes_view(&again))) {
        fprintf(stderr, "sallyport passwd: the two passwords differ\n");
        done = false;
    }
    prompt_forget(&again);
    return done;
}

static int print_verifier(const struct bytes *password)
{
    struct scram_verifier verifier;
    struct bytes text = {0};
    scram_verifier_make(bytes_view(password), &verifier);
    scram_verifier_write(&verifier, &text);
    puts(bytes_text(&text));
    bytes_fini(&text);
    return 0;
}

int command_passwd(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    int option;
    optind = 1;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option != 'h')
            return 1;
        fputs(help, stdout);
        return 0;
    }
    if (optind != argc - 1) {
        fprintf(stderr, "sallyport passwd: name one agent or approver; see --help\n");
        return 1;
    }
    struct bytes password = {0};
    bool done = isatty(STDIN_FILENO) ? ask(argv[optind], &password) : prompt_line(stdin, &password);
    if (done && password.len == 0) {
        fprintf(stderr, "sallyport passwd: the password is empty\n");
        done = false;
    }
    int status = done ? print_verifier(&password) : 1;
    prompt_forget(&password);
    return status;
}
