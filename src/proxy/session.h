/* A session: one agent's conversation with the database, as bytes in and bytes out. It judges each message
 * before any of its bytes go up, stands something that must fail in the place of what is refused, parks
 * writes, and delivers the results of approved ones. It knows no socket, clock, Redis or file: what it needs of the
 * world it asks through a port, and the world's answers are handed to it. So a whole conversation can be played in
 * memory.
 *
 *   agent --> session_take_agent --> port.to_server        judged, recorded, forwarded or replaced
 *   agent <-- port.to_agent <------ session_take_server    relayed, rewritten or swallowed
 *
 * One thread. Everything handed in is copied where it is needed longer than the call. */
#ifndef SESSION_H
#define SESSION_H

#include "approval/approval.h"
#include "base/bytes.h"
#include "proxy/proxy.h"
#include "rules/rules.h"
#include "wire/wire.h"

struct session;

/* What Describe says of a statement, asked on a connection of its own (never the agent's). */
struct describe_request {
    struct view sql;
    const uint32_t *types; /* as declared in Parse; 0: unknown */
    uint16_t type_count;
    const char *search_path; /* the value as the agent's session has it */
};

struct described {
    bool ok;
    const uint32_t *types; /* resolved */
    uint16_t type_count;
    const struct message_column *columns;
    uint16_t column_count;
    struct message_words error; /* not ok: the database's error, or why it could not be asked */
};

struct session_port {
    void (*to_agent)(void *arg, struct view v);
    void (*to_server)(void *arg, struct view v);
    uint64_t (*record)(void *arg, struct view body); /* the record's number; 0: not accepted */
    bool (*can_record)(void *arg);                   /* false: the next record will not be accepted */
    int64_t (*now)(void *arg);                       /* microseconds since 1970 */
    /* Each is answered later, exactly once, by session_described or session_answered. */
    void (*describe)(void *arg, const struct describe_request *request);
    void (*park)(void *arg, const struct ticket_content *content, const struct ticket_context *context);
    void (*delivered)(void *arg, const char *ticket);
};

/* What the sessions of one thread share: memory that is only used while a message is being looked at. */
struct session_desk;
struct session_desk *session_desk_new(void);
void session_desk_free(struct session_desk *desk); /* its sessions are gone */

/* All outlives the session, but for `rules`, which session_set_rules replaces. */
struct session_options {
    struct session_desk *desk;
    const char *id; /* "p1-42" */
    const char *agent, *database, *client;
    const char *tls; /* version, or NULL */
    const char *write_role;
    const char *application, *reason; /* the agent's claims at start-up; may be NULL */
    uint32_t upstream_pid;
    const struct rules *rules;
    unsigned generation;                  /* of the rules */
    const struct proxy_setting *settings; /* pinned for this agent */
    size_t setting_count;
    struct frame_limits limits;
};

enum session_state {
    SESSION_STATE_OPEN,
    SESSION_STATE_LEFT,   /* the agent said Terminate */
    SESSION_STATE_BROKEN, /* one side is out of step, or we ended it; the last words are in the stream */
};

/* How much unread input of the agent's a session may need to see at once, at most. */
enum { SESSION_LOOK_AHEAD = 17 * 1024 * 1024 };

struct session *session_new(const struct session_options *options, const struct session_port *port, void *arg);
void session_free(struct session *session);

/* Take what they can of the bytes that one side sent; return how many were used up. The rest is to be
 * offered again, with more behind it or when session_is_held has become false. Followed by session_flush
 * before `in` moves. */
size_t session_take_agent(struct session *session, struct view in);
size_t session_take_server(struct session *session, struct view in);
void session_flush(struct session *session);

void session_described(struct session *session, const struct described *described);
void session_answered(struct session *session, const struct ticket_answer *answer);

/* From now on judge by these; prepared statements are judged again when they are next used. */
void session_set_rules(struct session *session, const struct rules *rules, unsigned generation);

/* FATAL, and the session is BROKEN: shutdown, the agent is paused, the database is gone. */
void session_end(struct session *session, const char *sqlstate, const char *message, const char *hint);

enum session_state session_state(const struct session *session);
const char *session_why(const struct session *session);     /* BROKEN: one sentence for log and record */
bool session_is_held(const struct session *session);        /* the agent's next message has to wait */
bool session_is_busy(const struct session *session);        /* the server is at work for it */
bool session_looks_ahead(const struct session *session);    /* held until more of the agent's bytes are there */
char session_transaction(const struct session *session);    /* 'I', 'T' or 'E' */
uint64_t session_statements(const struct session *session); /* judged so far */
const char *session_current(const struct session *session); /* shortened text of the last one */

#endif
