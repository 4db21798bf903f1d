/* A fault: what an operator did wrong, with the place. Functions that read what an operator wrote return
 * false and fill in a fault; whoever started them prints it with fault_print and decides what goes on. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct fault {
    char file[512];     /* empty: no file */
    char key[256];      /* e.g. agents.support-bot.password; empty: none */
    int line, column;   /* 1-based; 0: unknown */
    char message[1024]; /* one sentence: what is wrong, what would be right */
};

/* Both return false, so that `return fault_set(...)` reads well. */
bool fault_set(struct fault *fault, const char *message, ...) __attribute__((format(printf, 2, 3)));
bool fault_at(struct fault *fault, const char *file, int line, int column, const char *key, const char *message, ...)
    __attribute__((format(printf, 6, 7)));

/* "file:line:column: key: message", without what is unknown. */
void fault_print(const struct fault *fault, FILE *to);
void fault_text(const struct fault *fault, char *text, size_t size);

#endif
