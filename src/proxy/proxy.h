/* proxy: where agents connect. Worker threads that share nothing, each with an event loop of its own and
 * with both ends of its sessions; one audit writer for all.
 *
 * In the order in which an agent meets them:
 *
 *   proxy.c      signals, reloads, listeners           worker.c    a thread: its logins and links
 *   office.c     what all workers share                login.c     TLS, start-up packet, SCRAM
 *   startup.c    the start-up packet, quiet            upstream.c  connecting by libpq
 *   link.c       a session with its two sockets        cancels.c   cancel keys
 *   describe.c   the catalog connection
 *
 *   session.c    the conversation, bytes in and out    session_agent.c   the agent's messages
 *   judge.c      text -> verdict, and what is kept     session_server.c  the server's messages
 *   names.c      what names stand for                  portal.c          what Bind makes
 *   replies.c    what is sent up, and what is owed     stream.c          what goes out, uncopied
 *   park.c       a write waits                         batch.c           what it waits with
 *   deliver.c    its result comes                      words.c           what agents are told
 *   record.c     what goes on the record               ending.c          how a session ends
 *   request.c    what is asked of the queue            refuse.c          refusals for what a message is */
#ifndef PROXY_PROXY_H
#define PROXY_PROXY_H

#include "approval/approval.h"
#include "audit/audit.h"
#include "base/fault.h"
#include "rules/rules.h"

struct proxy_database {
    const char *name;
    const char *read;       /* libpq connection strings */
    const char *direct;     /* or NULL */
    const char *write_role; /* user name in `write`: part of a ticket's identity */
};

struct proxy_setting {
    const char *name, *value;
};

struct proxy_agent {
    const char *name, *verifier;  /* SCRAM-SHA-256$… */
    const char *const *databases; /* names, NULL-terminated */
    const struct rules *rules;
    const struct proxy_setting *settings; /* pinned for this agent */
    size_t setting_count;
};

enum proxy_tls { PROXY_TLS_DISABLE, PROXY_TLS_ALLOW, PROXY_TLS_PREFER, PROXY_TLS_REQUIRE };

/* Everything that a reload may change. Immutable once handed over; options.free_set is called on it when no
 * session uses it any more. */
struct proxy_set {
    const struct proxy_agent *agents;
    size_t agent_count;
    const struct proxy_database *databases;
    size_t database_count;
    enum proxy_tls tls_mode;
    const char *tls_certificate, *tls_key; /* files; NULL: no TLS */
    unsigned generation;                   /* counts reloads */
    void *owner;                           /* the configuration it points into */
};

struct proxy_options {
    const char *const *listen; /* NULL-terminated */
    unsigned workers;          /* 0: one per core */
    struct approval_redis redis;
    struct audit *audit;
    unsigned login_seconds; /* 0: 60: from accept to ready */
    unsigned max_sessions;  /* 0: 10,000 */
    const char *metrics;    /* address or NULL */
    /* A fresh set for SIGHUP and RELOAD; NULL and a fault: the new one is wrong, keep the old. */
    const struct proxy_set *(*reload)(void *arg, struct fault *fault);
    void (*free_set)(void *arg, const struct proxy_set *set);
    void *arg;
};

/* Binds the listeners, starts the workers, and returns when SIGTERM or SIGINT came and every session has
 * ended. False and a fault: it could not start. */
bool proxy_run(const struct proxy_options *options, const struct proxy_set *set, struct fault *fault);

#endif
