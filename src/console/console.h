/* console: where DBAs decide. It speaks PostgreSQL's protocol (psql is the client), behind the SCRAM login
 * of approvers, and keeps no state: every command is a call to the queue in Redis. It holds no database
 * credential and parses no SQL but its own few commands.
 *
 *   console.c    listener, signals, the end
 *   login.c      start-up packet, TLS, SCRAM
 *   guest.c      one connection, whatever its state
 *   dialogue.c   Query, Parse, Bind, … of an approver who is logged in; portal.c keeps what was prepared
 *   command.c    the table of commands; words.c cuts their text; handlers in show.c, decide.c, courtesy.c
 *   answer.c     a command's result, as messages; view.c and value.c make a ticket readable */
#ifndef CONSOLE_CONSOLE_H
#define CONSOLE_CONSOLE_H

#include "approval/approval.h"
#include "audit/audit.h"
#include "base/fault.h"

struct console_approver {
    const char *name, *verifier;
};

/* What a reload may change. Immutable; free_set is called on it when it is no longer used. */
struct console_set {
    const struct console_approver *approvers;
    size_t approver_count;
    const char *const *agents;             /* names, NULL-terminated: who can be paused */
    const char *tls_certificate, *tls_key; /* NULL: no TLS */
    bool tls_required;
    void *owner; /* the configuration it points into */
};

struct console_options {
    const char *psql; /* address, e.g. 127.0.0.1:6433 */
    struct approval_redis redis;
    struct view approval_key;
    struct audit *audit;
    /* A fresh set for SIGHUP and RELOAD; NULL and a fault: the new one is wrong, keep the old. Both are
     * called on the thread that console_run was called on. */
    const struct console_set *(*reload)(void *arg, struct fault *fault);
    void (*free_set)(void *arg, const struct console_set *set);
    void *arg;
};

/* Returns when SIGTERM or SIGINT came. False and a fault: it could not start. */
bool console_run(const struct console_options *options, const struct console_set *set, struct fault *fault);

#endif
