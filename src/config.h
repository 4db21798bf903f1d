/* The configuration: one JSON file, read once into an immutable set of facts. Everything that is wrong
 * with it is a fault with file, line, column and key; nothing is guessed and no key is ignored.
 *
 * A role sees its own secrets and no other's: what the file gives as {"file": …} or {"env": …} is looked
 * up only for the role that needs it. Tools (check, audit, queue) look up none.
 *
 *   secret                          proxy   executor   console
 *   agents.*.password                 x
 *   databases.*.read, .direct         x
 *   databases.*.write                          x
 *   approvers.*.password                                  x
 *   approval_key                               x          x
 *   redis.<role>.password             x        x          x     each its own
 *
 * Strings and arrays live as long as the configuration. Any thread may read it. */
#ifndef CONFIG_H
#define CONFIG_H

#include "approval/approval.h"
#include "console/console.h"
#include "proxy/proxy.h"
#include "rules/rules.h"

enum config_role { CONFIG_ROLE_TOOL, CONFIG_ROLE_PROXY, CONFIG_ROLE_EXECUTOR, CONFIG_ROLE_CONSOLE };

const char *config_role_name(enum config_role role); /* "proxy", "executor", "console", "tool" */

struct config_memory;

struct config {
    const char *file; /* as it was named */

    /* The proxy's: `read`, `direct` and verifiers are NULL for the other roles. */
    const char *const *listen; /* NULL-terminated */
    unsigned workers;
    const struct proxy_agent *agents; /* each with its policy's rules */
    size_t agent_count;
    const struct proxy_database *databases;
    size_t database_count;
    enum proxy_tls tls_mode;
    const char *tls_certificate, *tls_key; /* paths, resolved; NULL: no TLS */
    unsigned login_seconds, max_sessions;  /* 0: the proxy's default */
    const char *metrics;                   /* address or NULL */

    /* The executor's: `write` is NULL for the other roles. Same order as `databases`. */
    const struct executor_database *writes; /* only databases that have `write` */
    size_t write_count;
    unsigned lease_seconds, statement_seconds, lock_ms; /* 0: the executor's default */
    uint64_t result_bytes;

    /* The console's: verifiers are NULL for the other roles. */
    const struct console_approver *approvers;
    size_t approver_count;
    const char *console_psql, *console_http; /* addresses or NULL */

    struct approval_redis redis;   /* with this role's login */
    bool redis_shared;             /* this role has no login of its own in Redis */
    struct view approval_key;      /* empty for proxy and tools, and where it is missing */
    const char *approval_key_file; /* where a missing one is made; NULL: it is configured */
    bool approval_key_was_handed;  /* by the supervisor, from that file */

    const char *audit_directory;  /* path, resolved; a role's chain is in DIRECTORY/ROLE */
    uint64_t audit_segment_bytes; /* 0: the audit's default */

    struct config_memory *memory;
};

/* path NULL: $SALLYPORT_CONFIG, else /etc/sallyport/sallyport.json. NULL and a fault if anything is wrong
 * with it. The caller holds it once. */
struct config *config_load(const char *path, enum config_role role, struct fault *fault);
struct config *config_hold(struct config *config); /* any thread */
void config_drop(struct config *config);           /* any thread; the last one frees */

const struct proxy_agent *config_agent(const struct config *config, const char *name); /* NULL: no such */

struct arena *config_arena(struct config *config); /* lives as long as it; only before it is shared */

/* Where `run` hands the key to roles that have users of their own and can't read the file. */
#define CONFIG_KEY_VARIABLE "SALLYPORT_APPROVAL_KEY"

/* Reads the approval key that was made at an earlier start, or makes it (mode 0600), and puts it into
 * `config`. Two processes that do this at once get the same key. Nothing to do where it is configured. A key that a
 * supervisor hands over in the environment is wiped from there, and taken from `before`, the configuration until
 * now (or NULL), at the next reload. */
bool config_approval_key(struct config *config, const struct config *before, struct fault *fault);

#endif
