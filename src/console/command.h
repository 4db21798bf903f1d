/* The console's commands: one table. A new command is a new row in command.c and a handler. */
#ifndef CONSOLE_COMMAND_H
#define CONSOLE_COMMAND_H

#include <pthread.h>

#include "answer.h"
#include "approval/approval.h"
#include "audit/audit.h"
#include "words.h"

/* What handlers share: the way to the queue (one call at a time) and the record. One per console. */
struct desk {
    struct queue *queue;
    pthread_mutex_t queue_lock;
    struct audit *audit;
    pthread_mutex_t agents_lock;
    const char *const *agents; /* names, NULL-terminated; change at a reload */
};

/* Who commands. Texts live as long as the connection. */
struct officer {
    const char *approver, *client;
    char status; /* the transaction status, 'I', 'T' or 'E' */
};

enum command_flag {
    COMMAND_ENDS_BLOCK = 1 << 0, /* may be given in an aborted transaction */
    COMMAND_ALONE = 1 << 1,      /* not together with others in one text */
};

struct command {
    const char *name;           /* its keywords: "SHOW TICKET" */
    const char *arguments;      /* what follows them, for people: "t42"; "" for none */
    unsigned least, most;       /* how many words may follow; COMMAND_ANY: as many as one likes */
    const char *const *columns; /* NULL: it returns no rows */
    /* Runs off the loop, and may block. */
    void (*run)(struct desk *desk, const struct officer *officer, const struct command *command,
                const struct words *words, struct answer *answer);
    const char *help; /* NULL: only a courtesy to drivers, not listed */
    const char *tag;  /* of a courtesy, or its one value */
    unsigned flags;   /* of enum command_flag */
};

enum { COMMAND_ANY = 1000000 };

/* NULL: no such command, or its arguments are wrong; *why and *hint (may be NULL) say so. On success the
 * command's own keywords are taken out of `words`: what stays are the arguments. */
const struct command *command_find(struct words *words, struct arena *arena, const char **why, const char **hint);

/* The whole table, for HELP and the tests; ends with a NULL name. */
const struct command *command_table(void);

/* Handlers. */
#define COMMAND_HANDLER(name)                                                                                          \
    void name(struct desk *desk, const struct officer *officer, const struct command *command,                         \
              const struct words *words, struct answer *answer)

COMMAND_HANDLER(show_queue);
COMMAND_HANDLER(show_tickets);
COMMAND_HANDLER(show_ticket);
COMMAND_HANDLER(show_sessions);
COMMAND_HANDLER(show_paused);
COMMAND_HANDLER(show_version);
COMMAND_HANDLER(decide_approve);
COMMAND_HANDLER(decide_reject);
COMMAND_HANDLER(decide_pause);
COMMAND_HANDLER(decide_resume);
COMMAND_HANDLER(decide_reload);
COMMAND_HANDLER(courtesy_begin);
COMMAND_HANDLER(courtesy_commit);
COMMAND_HANDLER(courtesy_rollback);
COMMAND_HANDLER(courtesy_tag);
COMMAND_HANDLER(courtesy_value);

#endif
