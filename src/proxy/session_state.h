/* What a session knows: shared by the quiet files of this room that make it up, and by nobody else.
 *
 * Who calls whom:  session.c -> session_agent.c  -> park.c -> batch.c, request.c -> judge.c -> record.c
 *                  session.c -> session_server.c -> park.c -> deliver.c -> replies.c -> words.c
 *
 * Who holds what: a name, a reply and the park each hold what they point at (names.h). The statements and
 * runs of a park point into portals and judged texts that names hold; names can't change while it waits. */
#ifndef SESSION_STATE_H
#define SESSION_STATE_H

#include "base/arena.h"
#include "names.h"
#include "session.h"
#include "stream.h"

/* ---- statements and portals --------------------------------------------------------------------------- */

/* What a statement, once it has completed, does to names that the protocol shares with SQL, and to what the
 * agent says of itself. */
enum effect_kind {
    EFFECT_NONE,
    EFFECT_PREPARE,
    EFFECT_DEALLOCATE,
    EFFECT_DEALLOCATE_ALL,
    EFFECT_DECLARE,
    EFFECT_CLOSE,
    EFFECT_CLOSE_ALL,
    EFFECT_DISCARD_ALL,
    EFFECT_REASON, /* of the agent's claims; name: what it says, empty: nothing any more */
    EFFECT_APPLICATION,
    EFFECT_RESET_ALL,
    EFFECT_COMMIT,
    EFFECT_ROLLBACK, /* of the whole block */
};

struct effect {
    enum effect_kind kind;
    struct view name;
    struct prepared *judged; /* PREPARE, DECLARE: what the name will stand for, this statement alone; held */
    bool chains;             /* COMMIT, ROLLBACK: another block begins at once */
};

/* A judged text with what its records say of it. A prepared statement keeps one; a simple query's lives
 * as long as its replies. */
struct prepared {
    struct thing thing;
    char *sql; /* as the agent sent it */
    size_t sql_len;
    uint32_t *types; /* declared, or resolved when parked */
    uint16_t type_count;
    unsigned judged_in; /* generation of the rules; another one than the session's: must be judged again */
    enum verdict verdict;
    char *rule, *reason, *hint; /* of the judgement; hint may be NULL */
    char sqlstate[6];
    int position;                 /* byte offset in sql; -1 none */
    size_t charged;               /* to the account */
    size_t *account;              /* the session's count of what it keeps */
    const struct effect *effects; /* one per statement; NULL: none has any; arena */
    size_t effect_count;
    bool is_named_by_sql; /* it stands for what its PREPARE or DECLARE names: running that has no effects */
    bool changes_names;   /* some of them do */
    bool is_copy_in;
    bool is_rollback;    /* nothing but ROLLBACK: passes even without an audit log */
    bool is_recorded;    /* its record was written when it was prepared */
    struct bytes record; /* members of its records: sql, operations, verdict … */
    /* Only when parked: for its ticket, and what Describe says. */
    char *operations, *relations; /* JSON */
    uint32_t batch, batch_at;     /* its place among the statements of the batch of that number */
    size_t statement_count;
    const struct view *texts; /* each statement's; arena */
    struct message_column *columns;
    uint16_t column_count;
    struct arena arena; /* of types and columns */
};

/* A portal. Values are kept only for a parked statement: they belong to the ticket. */
struct portal {
    struct thing thing;
    struct prepared *prepared;
    struct ticket_value *values;
    uint16_t value_count;
    uint16_t *formats;
    uint16_t format_count;
    struct arena arena;
    size_t charged;
    size_t *account;    /* as in struct prepared */
    uint64_t record;    /* of the execution */
    bool is_delivering; /* its rows come from a ticket: Execute goes to our portal instead */
    size_t result_at;   /* and these they are */
};

/* ---- replies ------------------------------------------------------------------------------------------ */

enum reply_role {
    REPLY_ROLE_AGENT,    /* the agent's own message: the answers pass */
    REPLY_ROLE_REFUSED,  /* stands in the place of a refused one: its error gets our words */
    REPLY_ROLE_INTERNAL, /* ours: the agent sees nothing but an error */
    REPLY_ROLE_DELIVERY, /* brings a ticket's results: its tags are rewritten */
};

struct reply {
    struct owed_entry owed;
    enum reply_role role;
    struct reply *next_free;
    struct name_change statement, portal; /* what the message does to the names */
    struct prepared *prepared;
    struct portal *used;  /* Bind, Execute, Describe */
    struct bytes words;   /* REFUSED: the ErrorResponse to show */
    const char *expected; /* REFUSED: the SQLSTATE of the error that is ours */
    bool has_effects;
    bool wants_row;  /* INTERNAL: this one brings the settings */
    uint64_t record; /* of the execution; 0: none */
    int64_t started;
    uint64_t rows, bytes;
    size_t result_at; /* DELIVERY: index of the result that is coming */
    size_t completed; /* statements of a simple string that are done */
    char tag[64];     /* of the last CommandComplete */
    char sqlstate[6]; /* of the ErrorResponse */
};

/* ---- holding ------------------------------------------------------------------------------------------ */

/* Why the agent's next message has to wait. The steps of parking, in order:
 *
 *   BARRIER   everything owed comes back first
 *   BATCH     Execute of a parked statement: all up to Sync or Flush has to be here
 *   SETTINGS  the agent's session says which settings are in force
 *   DESCRIBE  the catalog connection says types and columns (Parse, simple query)
 *   TICKET    Redis says what has become of it
 *
 * NAMES: what a name stands for is open until everything owed has come back.
 * COPY: COPY FROM STDIN was sent and the server has not said yet whether it takes data. */
enum hold {
    HOLD_NONE,
    HOLD_NAMES,
    HOLD_BATCH,
    HOLD_BARRIER,
    HOLD_SETTINGS,
    HOLD_DESCRIBE,
    HOLD_TICKET,
    HOLD_COPY,
};

enum park_kind { PARK_KIND_QUERY, PARK_KIND_PARSE, PARK_KIND_EXECUTE, PARK_KIND_NOTHING };

/* The settings that are asked for, in the order of the question (park.c). */
enum park_setting {
    PARK_SETTING_DATE_STYLE,
    PARK_SETTING_INTERVAL_STYLE,
    PARK_SETTING_TIME_ZONE,
    PARK_SETTING_SEARCH_PATH,
    PARK_SETTING_ISOLATION,
    PARK_SETTINGS,
};

struct park {
    enum park_kind kind;
    struct arena arena;        /* all below */
    struct prepared *prepared; /* held */
    struct view name;          /* Parse: the statement's */
    struct portal *portal;     /* Execute: held */
    struct view portal_name;
    uint32_t max_rows;
    struct ticket_statement *statements;
    struct prepared **judged; /* of each statement */
    size_t statement_count;
    struct ticket_run *runs;
    size_t run_count;
    struct view settings[PARK_SETTINGS];
    size_t scanned; /* BATCH: how far ahead the search for Sync has come */
    uint64_t record;
};

/* Results that are on their way to the agent. In a transaction block they count as delivered when it
 * commits; otherwise when the agent's next message comes after their ReadyForQuery. */
struct delivery {
    struct arena arena;
    char ticket[24]; /* empty: none */
    const struct ticket_result *results;
    size_t count, next; /* next: for the next Execute of the batch */
    bool is_open;       /* there are more results for this batch */
    bool needs_commit;  /* it was delivered inside a transaction block */
    bool is_complete;   /* ReadyForQuery has gone to the agent */
};

struct session_desk {
    struct arena statement; /* of the message that is being judged */
    struct bytes scratch;   /* the body of the record being written */
    struct reply *free_replies;
    size_t free_count;
};

struct session {
    struct session_options options;
    const struct session_port *port;
    void *arg;
    enum session_state state;
    char why[256];
    struct stream to_agent, to_server;
    struct bytes prefix; /* members that every record of this session begins with */
    struct session_desk *desk;
    struct owed owed;
    struct names statements, portals;
    size_t effects_owed;       /* replies on their way that will change names */
    uint32_t batches;          /* parked ones, counted */
    unsigned first_generation; /* of the rules at login: what was named before a reload may be unknown */
    size_t kept;               /* bytes of texts and values kept for names */
    struct prepared *fresh;    /* parsed, and not yet on the record */
    enum hold hold;
    struct park park;
    struct delivery delivery;
    bool in_block;             /* as far as BEGIN, COMMIT, ROLLBACK and ReadyForQuery have told */
    struct portal *delivering; /* whose rows our own portal holds; compared, never followed */
    bool batch_is_lost;        /* an Execute was refused: the server skips what comes before the next Sync */
    bool block_has_write;      /* a parked write was delivered in this transaction block */
    size_t server_left;        /* of a message that is being relayed in pieces */
    bool server_left_dropped;
    char *application, *reason; /* the agent's claims */
    uint64_t judged;
    char current[128];
};

#endif
