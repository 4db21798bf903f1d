/* Texts as calls of commands, and their running off the loop. */
#ifndef CONSOLE_CALL_H
#define CONSOLE_CALL_H

#include "command.h"

struct call {
    const struct command *command;
    struct words words; /* its arguments */
};

enum { CALLS_MOST = 100 };

struct call_fault {
    const char *sqlstate, *message, *hint; /* hint may be NULL */
};

/* Reads a whole text: all of it is understood, or none of it runs. Calls live in the arena; the text must
 * live as long as they do. */
bool call_read(struct view sql, struct arena *arena, struct call **calls, size_t *count, struct call_fault *fault);

#endif
