/* approval: tickets in Redis, decisions about them, and the executor that runs what was approved.
 *
 * Three doors, for three roles, each with a Redis login of its own:
 *
 *   tickets_*   proxy      on an event loop, never blocks     may write ticket:*
 *   queue_*     console    blocking (use a thread)            may write ok:*
 *   executor_*  executor   blocking, owns its thread          may write run:*
 *
 * A ticket's state is not a field that somebody could set: it is what the three roles have written, each
 * under its own prefix, read together by one Lua script per transition (tickets.lua and its kin):
 *
 *   ticket:{sallyport}:42   what was asked, by whom, when it expires; cancelled; delivered   (proxy)
 *   ok:{sallyport}:42       who decided what, in which words, with an HMAC                   (console)
 *   run:{sallyport}:42      lease, transaction id, outcome, result                           (executor)
 *
 *   parked -> approved -> executing -> executed | failed
 *   parked -> rejected | expired | cancelled            executing -> unknown
 */
#ifndef APPROVAL_APPROVAL_H
#define APPROVAL_APPROVAL_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/crypto.h"
#include "base/fault.h"

struct uv_loop_s;

/* Where Redis is, and as whom. url: redis://[user:password@]host:port/db or unix:/path. `user` may be
 * NULL (then the url's, or the default user). */
struct approval_redis {
    const char *url, *user, *password;
};

/* Appends the rules for ACL SETUSER of Redis 7 that keep a role ("proxy", "console", "executor") to its own
 * prefix. They start with `reset`, so a password (">…") goes behind them. */
void approval_acl(const char *role, struct bytes *to);

/* ---- what a ticket says ------------------------------------------------------------------------------ */

struct ticket_value {
    struct view data; /* as it came in Bind; is_null: none */
    bool is_null;
    uint16_t format; /* 0 text, 1 binary */
};

struct ticket_statement {
    struct view sql;       /* exact bytes of one statement */
    const uint32_t *types; /* of its parameters, resolved by the server; none in the simple protocol */
    uint16_t type_count;
};

/* One execution: a statement with one set of values. A simple string of two UPDATEs is two statements
 * with one run each; executemany is one statement with many runs. All runs are one transaction. */
struct ticket_run {
    uint32_t statement; /* index */
    const struct ticket_value *values;
    uint16_t value_count;
};

struct ticket_setting {
    const char *name, *value;
};

/* What an approval is bound to: exactly this. */
struct ticket_content {
    const char *agent, *database, *role;   /* role: user name in the `write` connection string */
    const struct ticket_setting *settings; /* search_path, TimeZone, DateStyle, IntervalStyle, pins; sorted by name */
    size_t setting_count;
    const struct ticket_statement *statements;
    size_t statement_count;
    const struct ticket_run *runs;
    size_t run_count;
};

/* SHA-256 over an unambiguous serialisation of the content (lengths first). The identity of a request. */
struct sha256 ticket_digest(const struct ticket_content *content);

/* What goes with it, but doesn't make it another request. */
struct ticket_context {
    const char *session;     /* e.g. "p1-42" */
    const char *client;      /* address */
    const char *application; /* the agent's claim */
    const char *reason;      /* the agent's claim: SET sallyport.reason */
    const char *policy, *policy_hash, *rule;
    const char *operations_json, *relations_json;
    uint64_t expires_seconds;
    unsigned approvals;
    uint64_t record; /* the audit record of the request */
};

enum ticket_state {
    TICKET_STATE_PARKED,
    TICKET_STATE_APPROVED,
    TICKET_STATE_EXECUTING,
    TICKET_STATE_EXECUTED,
    TICKET_STATE_FAILED,
    TICKET_STATE_REJECTED,
    TICKET_STATE_EXPIRED,
    TICKET_STATE_CANCELLED,
    TICKET_STATE_UNKNOWN,
};

const char *ticket_state_name(enum ticket_state state);

/* What one run gave. rows: a JSON array of objects {"c1":"text"|null,"c2":…}, the values in PostgreSQL's
 * text format; column types as format_type() spells them, schema-qualified where not built in. */
struct ticket_column {
    const char *name, *type;
    uint32_t type_oid;
};

struct ticket_result {
    const char *tag;                     /* "INSERT 0 3" */
    const struct ticket_column *columns; /* none: no RETURNING */
    size_t column_count;
    const char *rows;
    uint64_t row_count;
    bool dropped; /* rows were larger than is kept */
};

/* A database error as it came, for FAILED. */
struct ticket_error {
    const char *sqlstate, *message, *detail, *hint;
};

struct ticket_answer {
    bool ok;     /* false: Redis could not be asked or refused; `words` says why */
    bool is_new; /* this request opened the ticket */
    enum ticket_state state;
    char id[24];       /* "t42" */
    char expires[28];  /* UTC */
    const char *words; /* the approver's; or why it is unknown */
    const char *approver;
    const char *previous; /* "t17 executed 3 minutes ago": the same content was executed before; or NULL */
    const struct ticket_result *results; /* EXECUTED: one per run */
    size_t result_count;
    struct ticket_error error; /* FAILED */
};

/* ---- the proxy's door -------------------------------------------------------------------------------- */

/* One per event loop; connects, and reconnects with growing pauses, by itself. */
struct tickets;
struct tickets *tickets_open(struct uv_loop_s *loop, const struct approval_redis *redis, struct fault *fault);
/* Answers what is still waiting (ok = false), and then calls nobody any more. The loop has to run on until
 * its handles are closed. */
void tickets_close(struct tickets *tickets);
bool tickets_is_connected(const struct tickets *tickets);

/* Opens a ticket for this content, or attaches to the one that this agent has for it. `done` is called
 * exactly once, from the loop, also when Redis is gone (within 5 s): the answer lives until it returns.
 * Copies what it needs before it returns. Returns a token for tickets_forget. */
typedef void tickets_done(void *arg, const struct ticket_answer *answer);
uint64_t tickets_park(struct tickets *tickets, const struct ticket_content *content,
                      const struct ticket_context *context, tickets_done *done, void *arg);
/* The asker is gone: `done` will not be called. */
void tickets_forget(struct tickets *tickets, uint64_t token);

/* The result (or the failure) of this ticket has reached the agent: the same content is from now on a new
 * request. Fire and forget; a lost one means that the result is offered again. Without effect on other
 * outcomes: a rejection stands for the ticket's lifetime, an expiry is told once in any case, an unknown
 * outcome waits for a person. */
void tickets_delivered(struct tickets *tickets, const char *id);

/* The agent takes its request back; without effect once the executor has it. */
void tickets_cancel(struct tickets *tickets, const char *id, const char *agent);

/* What consoles say to everybody: who is paused, and "reload". `changed` is called on connecting and after
 * each change, with the names of paused agents; `reload` for each RELOAD. One per process is enough. */
struct tickets_news {
    void (*paused)(void *arg, const char *const *agents, size_t count);
    void (*reload)(void *arg);
};
void tickets_watch(struct tickets *tickets, const struct tickets_news *news, void *arg);

/* Publishes this process's sessions for SHOW SESSIONS: a JSON array of objects, kept for `seconds`. */
void tickets_publish(struct tickets *tickets, const char *process, struct view sessions_json, unsigned seconds);

/* ---- the console's door ------------------------------------------------------------------------------ */

struct queue;
struct queue *queue_open(const struct approval_redis *redis, struct view approval_key, struct fault *fault);
void queue_close(struct queue *queue);

/* A ticket as an approver sees it; strings live in the arena that was given. */
struct queue_ticket {
    char id[24];
    enum ticket_state state;
    const char *created, *expires; /* UTC */
    struct ticket_content content; /* in a list: agent and database only */
    const char *sql;               /* the first statement, shortened to 2,000 bytes */
    size_t statement_count, run_count;
    const char *digest; /* hex */
    const char *client, *session, *application, *reason, *policy, *rule, *operations, *relations;
    const char *approver, *words, *decided; /* when decided; all who approved so far */
    unsigned approvals, approvals_wanted;   /* how many there are */
    const char *outcome;                    /* "UPDATE 3", or the error's message; when run */
    const char *previous;                   /* as in ticket_answer */
    const char *preview;                    /* what the executor found it would do; NULL: none yet */
    uint64_t record;
};

/* Blocking; one thread at a time per queue. They return false and a fault when Redis can't be asked; the
 * connection is made again at the next call. states: bit mask of 1 << TICKET_STATE_…; 0: all. Newest
 * last; *more is how many older ones the limit cut off. A list is for looking: contents and long texts are not
 * fetched, and digests not checked. */
bool queue_list(struct queue *queue, unsigned states, size_t limit, struct arena *arena, struct queue_ticket **tickets,
                size_t *count, size_t *more, struct fault *fault);

enum queue_result {
    QUEUE_RESULT_DONE,
    QUEUE_RESULT_NO_SUCH,
    QUEUE_RESULT_NOT_PARKED, /* decided, expired or cancelled meanwhile */
    QUEUE_RESULT_CHANGED,    /* the content's digest is not the one that was shown */
    QUEUE_RESULT_OWN,        /* the approver is the agent */
    QUEUE_RESULT_AGAIN,      /* the approver has approved it already, and another one is wanted */
    QUEUE_RESULT_REDIS,      /* fault says what */
};

bool queue_show(struct queue *queue, const char *id, struct arena *arena, struct queue_ticket *ticket, bool *found,
                struct fault *fault);
/* digest: hex of what the approver saw; NULL: whatever the ticket holds now. words may be NULL. */
enum queue_result queue_decide(struct queue *queue, const char *id, bool approve, const char *approver,
                               const char *words, const char *digest, struct fault *fault);

bool queue_pause(struct queue *queue, const char *agent, bool paused, struct fault *fault);
bool queue_paused(struct queue *queue, struct arena *arena, const char ***agents, size_t *count, struct fault *fault);
bool queue_reload(struct queue *queue, struct fault *fault);
/* Everything that tickets_publish has published and that still lives: a JSON array of objects. */
bool queue_sessions(struct queue *queue, struct arena *arena, const char **json, struct fault *fault);

/* ---- the executor's door ----------------------------------------------------------------------------- */

struct executor_database {
    const char *name, *write; /* write: libpq connection string */
    const char *ledger;       /* schema.table or NULL */
};

struct executor_options {
    struct approval_redis redis;
    struct view approval_key;
    const struct executor_database *databases;
    size_t database_count;
    unsigned lease_seconds;     /* 0: 60 */
    unsigned statement_seconds; /* 0: 30; must be below the lease */
    unsigned lock_ms;           /* 0: 2,000 */
    uint64_t result_bytes;      /* 0: 8 MiB: rows kept for delivery */
    const char *name;           /* of this executor, for leases; NULL: host name and pid */
    /* A member list for an audit record: "event":"execution",… Returns the record's number, 0: can't be
     * recorded, and then nothing is run. */
    uint64_t (*record)(void *arg, struct view body, bool sync);
    void *record_arg;
};

/* The process ignores SIGPIPE. Everything in the options is copied but record_arg. */
struct executor;
struct executor *executor_new(const struct executor_options *options, struct fault *fault);
void executor_run(struct executor *executor);  /* until executor_stop */
void executor_stop(struct executor *executor); /* any thread, and signal handlers */
void executor_free(struct executor *executor);

#endif
