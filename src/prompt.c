#include "prompt.h"

#include <termios.h>
#include <unistd.h>

#include "base/crypto.h"

enum { LINE_BYTES = 1024 };

bool prompt_line(FILE *from, struct bytes *line)
{
    int c;
    bytes_room(line, LINE_BYTES + 1); /* once, so that no copy of it is left behind */
    while ((c = getc(from)) != EOF && c != '\n') {
        if (c == '\0' || line->len == LINE_BYTES) {
            fprintf(stderr, "sallyport: a password is one line of at most %d bytes\n", LINE_BYTES);
            return false;
        }
        bytes_add_char(line, (char)c);
    }
    if (line->len > 0 && line->data[line->len - 1] == '\r')
        line->len--;
    if (c == EOF && line->len == 0) {
        fprintf(stderr, "sallyport: there was no password to read\n");
        return false;
    }
    return true;
}

bool prompt_secret(const char *question, const char *otherwise, struct bytes *secret)
{
    struct termios before, silent;
    FILE *terminal = fopen("/dev/tty", "r+");
    if (terminal == NULL || tcgetattr(fileno(terminal), &before) != 0) {
        fprintf(stderr, "sallyport: there is no terminal to ask for the password; %s\n", otherwise);
        if (terminal != NULL)
            fclose(terminal);
        return false;
    }
    setvbuf(terminal, NULL, _IONBF, 0);
    silent = before;
    silent.c_lflag &= ~(tcflag_t)ECHO;
    tcsetattr(fileno(terminal), TCSAFLUSH, &silent);
    fputs(question, terminal);
    bool done = prompt_line(terminal, secret);
    tcsetattr(fileno(terminal), TCSAFLUSH, &before);
    fputc('\n', terminal);
    fclose(terminal);
    return done;
}

void prompt_forget(struct bytes *secret)
{
    if (secret->data != NULL)
        crypto_wipe(secret->data, secret->cap);
    bytes_fini(secret);
}
