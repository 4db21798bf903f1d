/* console: where DBAs decide. It speaks PostgreSQL's protocol (psql is the client), behind the SCRAM login
 * of approvers, and keeps no state: every command is a call to the queue in Redis. It holds no database
 * credential and parses no SQL but its own few commands. */
#ifndef CONSOLE_CONSOLE_H
#define CONSOLE_CONSOLE_H

#include "approval/approval.h"
#include "audit/audit.h"
#include "base/fault.h"

struct console_approver {
    const char *name, *verifier;
};

struct console_options {
    const char *psql;           /* address, e.g. 127.0.0.1:6433 */
    struct approval_redis redis;
    struct view approval_key;
    const struct console_approver *approvers;
    size_t approver_count;
    const char *tls_certificate, *tls_key; /* NULL: no TLS */
    bool tls_required;
    struct audit *audit;
    void (*reload)(void *arg);  /* SIGHUP; may be NULL */
    void *arg;
};

/* Returns when SIGTERM or SIGINT came. */
bool console_run(const struct console_options *options, struct fault *fault);

#endif
