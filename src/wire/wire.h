/* wire: the PostgreSQL frontend/backend protocol, version 3 (manual, chapter 55), as bytes in and bytes
 * out. No socket, no clock: both ends of a conversation can be played in memory.
 *
 *   frame    cuts a stream into messages                       MORE, ONE or BAD
 *   message  reads a message's body into open structs, and writes messages
 *   scram    the server's side of SCRAM-SHA-256 (RFC 5802, 7677)
 *   owed     what the server still has to answer, and what to do with each answer
 *
 * Views point into the bytes that were given, and live as long as those. Nothing here allocates but what
 * says so. Any thread, one at a time per object. */
#ifndef WIRE_WIRE_H
#define WIRE_WIRE_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/crypto.h"
#include "base/list.h"

/* ---- frames --------------------------------------------------------------------------------------- */

enum frame_result { FRAME_RESULT_MORE, FRAME_RESULT_ONE, FRAME_RESULT_BAD };

struct frame {
    char type;        /* 0: a start-up packet */
    struct view body; /* without type and length */
    size_t size;      /* of the whole frame: what to consume */
};

/* Why a frame is BAD: one sentence for the peer's error (SQLSTATE 08P01 or 54000). */
struct frame_error {
    const char *sqlstate;
    const char *message;
};

/* Sizes that an agent's messages may have. Zero fields, and NULL for all of it, take the defaults. */
struct frame_limits {
    uint32_t startup; /* start-up packet: 10,000 */
    uint32_t query;   /* Query and Parse: 1 MiB */
    uint32_t bind;    /* Bind and CopyData: 16 MiB */
    uint32_t other;   /* everything else: 64 KiB */
};

/* The next start-up packet / agent's message / server's message in `in`. The length is checked before the
 * body has arrived, so a hostile length costs nothing. An agent's message of a type that the protocol
 * does not know is BAD. */
enum frame_result frame_take_startup(struct view in, const struct frame_limits *limits, struct frame *frame,
                                     struct frame_error *error);
enum frame_result frame_take_agent(struct view in, const struct frame_limits *limits, struct frame *frame,
                                   struct frame_error *error);

/* Server's messages are relayed as they pass, so only the header is needed: ONE with the whole `size` as
 * soon as five bytes are there, `body` as far as it has arrived (body.len may be < size - 5). */
enum frame_result frame_peek_server(struct view in, struct frame *frame, struct frame_error *error);

/* ---- messages: reading (false: malformed; the body must be used up exactly) ------------------------ */

enum startup_kind {
    STARTUP_KIND_SSL,
    STARTUP_KIND_GSS,
    STARTUP_KIND_CANCEL,
    STARTUP_KIND_START,
    STARTUP_KIND_UNKNOWN, /* a protocol that is not 3.x */
};

struct startup_parameter {
    struct view name, value;
};

struct startup {
    enum startup_kind kind;
    uint16_t major, minor;                /* START, UNKNOWN */
    uint32_t cancel_pid;                  /* CANCEL */
    struct view cancel_key;               /* CANCEL: 4 to 256 bytes */
    struct startup_parameter *parameters; /* START: arena; as sent, duplicates and all */
    size_t parameter_count;
};

bool message_read_startup(struct view body, struct arena *arena, struct startup *startup);

struct message_parse {
    struct view name, sql;
    uint16_t type_count;
    struct view types; /* 4 bytes each */
};

struct message_value {
    struct view data; /* as on the wire; data.data NULL: SQL NULL */
    uint16_t format;  /* 0 text, 1 binary */
};

struct message_bind {
    struct view portal, statement;
    struct message_value *values; /* arena */
    uint16_t value_count;
    uint16_t *result_formats; /* arena */
    uint16_t result_format_count;
};

struct message_name {
    char kind; /* 'S' statement, 'P' portal */
    struct view name;
};

struct message_execute {
    struct view portal;
    uint32_t max_rows; /* 0: no limit */
};

bool message_read_query(struct view body, struct view *sql);
bool message_read_parse(struct view body, struct message_parse *parse);
bool message_read_bind(struct view body, struct arena *arena, struct message_bind *bind);
bool message_read_name(struct view body, struct message_name *name); /* Describe, Close */
bool message_read_execute(struct view body, struct message_execute *execute);
bool message_read_empty(struct view body); /* Sync, Flush, Terminate, CopyDone */
bool message_read_sasl_initial(struct view body, struct view *mechanism, struct view *data);

/* ErrorResponse and NoticeResponse; absent fields are empty. Manual, section 55.8. */
struct message_error {
    struct view severity, severity_plain, sqlstate, message, detail, hint, position;
};

bool message_read_error(struct view body, struct message_error *error);

/* CommandComplete: the tag, and the count of rows at its end (0 where it has none). */
bool message_read_complete(struct view body, struct view *tag, uint64_t *rows);
bool message_read_ready(struct view body, char *status); /* 'I', 'T' or 'E' */
bool message_read_parameter(struct view body, struct view *name, struct view *value);

struct message_column {
    struct view name;
    uint32_t table, type;
    uint16_t attribute, format;
    int16_t type_size;
    int32_t type_modifier;
};

bool message_read_columns(struct view body, struct arena *arena, struct message_column **columns, uint16_t *count);
bool message_read_row(struct view body, struct arena *arena, struct view **values,
                      uint16_t *count); /* NULL: data NULL */

/* ---- messages: writing (appended to `to`) ---------------------------------------------------------- */

void message_add_empty(struct bytes *to, char type); /* '1' '2' '3' 'n' 'I' 's' 'S' 'H' 'c' … */
void message_add_raw(struct bytes *to, char type, struct view body);
void message_add_query(struct bytes *to, struct view sql);
void message_add_parse(struct bytes *to, struct view name, struct view sql, const uint32_t *types, uint16_t count);
/* All values text, all results in the formats given (count 0: text). values[i].data NULL: SQL NULL. */
void message_add_bind(struct bytes *to, struct view portal, struct view statement, const struct view *values,
                      uint16_t value_count, const uint16_t *formats, uint16_t format_count);
void message_add_name(struct bytes *to, char type, char kind, struct view name); /* Describe, Close */
void message_add_execute(struct bytes *to, struct view portal, uint32_t max_rows);
void message_add_function_call(struct bytes *to, uint32_t oid); /* no arguments */
void message_add_cancel(struct bytes *to, uint32_t pid, struct view key);
void message_add_startup(struct bytes *to, uint16_t minor, const struct startup_parameter *parameters, size_t count);

void message_add_authentication(struct bytes *to, uint32_t code, struct view data);
void message_add_negotiate(struct bytes *to, uint32_t minor, const struct view *options, uint32_t count);
void message_add_key(struct bytes *to, uint32_t pid, struct view key); /* BackendKeyData */
void message_add_parameter(struct bytes *to, struct view name, struct view value);
void message_add_ready(struct bytes *to, char status);
void message_add_complete(struct bytes *to, struct view tag);
void message_add_columns(struct bytes *to, const struct message_column *columns, uint16_t count);
void message_add_types(struct bytes *to, const uint32_t *types, uint16_t count); /* ParameterDescription */
void message_add_row(struct bytes *to, const struct view *values, uint16_t count);

/* What sallyport says itself. type 'E' or 'N'; NULL texts are left out; position 0: none (1-based,
 * in characters). */
struct message_words {
    const char *severity; /* ERROR, FATAL, NOTICE, WARNING */
    const char *sqlstate;
    const char *message, *detail, *hint;
    uint32_t position;
};

void message_add_words(struct bytes *to, char type, const struct message_words *words);

/* ---- SCRAM ----------------------------------------------------------------------------------------- */

/* A verifier as PostgreSQL writes it: SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey, the three in
 * base64. */
struct scram_verifier {
    unsigned iterations;
    uint8_t salt[64];
    size_t salt_len;
    struct sha256 stored_key, server_key;
};

bool scram_verifier_read(struct view text, struct scram_verifier *verifier);
void scram_verifier_make(struct view password, struct scram_verifier *verifier); /* 4096 rounds, random salt */
void scram_verifier_write(const struct scram_verifier *verifier, struct bytes *to);
/* For a name that nobody has: the same salt for the same name as long as the process lives, so that an
 * unknown user is answered in the same words and the same time as a wrong password. */
void scram_verifier_doomed(struct view name, struct view process_secret, struct scram_verifier *verifier);

enum scram_step { SCRAM_STEP_CONTINUE, SCRAM_STEP_DONE, SCRAM_STEP_FAILED };

/* One exchange. `binding` is the hash of the server's certificate (tls-server-end-point, RFC 5929); empty
 * where there is none, and then SCRAM-SHA-256-PLUS is not offered. */
struct scram;
struct scram *scram_new(const struct scram_verifier *verifier, bool doomed, struct view binding);
void scram_free(struct scram *scram);
enum scram_step scram_start(struct scram *scram, struct view mechanism, struct view client_first, struct bytes *reply);
enum scram_step scram_finish(struct scram *scram, struct view client_final, struct bytes *reply);

/* ---- replies owed ----------------------------------------------------------------------------------- */

/* Each message that goes to the server and will be answered has an entry, in order. The server's messages
 * are held against the oldest one:
 *
 *   sent          answered by                                          over at
 *   Parse         ParseComplete                                        that, or ErrorResponse
 *   Bind          BindComplete                                         that, or ErrorResponse
 *   Close         CloseComplete                                        that, or ErrorResponse
 *   Describe S    ParameterDescription, RowDescription | NoData        the second, or ErrorResponse
 *   Describe P    RowDescription | NoData                              that, or ErrorResponse
 *   Execute       DataRow*, CommandComplete | EmptyQueryResponse |     those, or ErrorResponse
 *                 PortalSuspended; or a COPY dialogue
 *   Sync          ErrorResponse? (a commit can fail), ReadyForQuery    ReadyForQuery
 *   Query         anything                                             ReadyForQuery
 *   FunctionCall  FunctionCallResponse | ErrorResponse, ReadyForQuery  ReadyForQuery
 *
 * After an ErrorResponse to one of the extended messages the server skips everything up to Sync: the
 * entries in between are dropped (`skipped` is called for each). Notices, notifications and parameter
 * changes belong to nobody and pass at any time.
 *
 * Inside a COPY from the agent the server ignores Sync. One that was sent right behind the message that
 * turned out to be a COPY is dropped when CopyInResponse comes (`skipped`); one that comes later is not
 * taken (owed_add) and need not be sent. From CopyDone or CopyFail on (owed_copy_ended) a Sync counts. */
enum owed_kind {
    OWED_KIND_PARSE,
    OWED_KIND_BIND,
    OWED_KIND_CLOSE,
    OWED_KIND_DESCRIBE_STATEMENT,
    OWED_KIND_DESCRIBE_PORTAL,
    OWED_KIND_EXECUTE,
    OWED_KIND_SYNC,
    OWED_KIND_QUERY,
    OWED_KIND_FUNCTION,
};

/* The first member of the owner's own entry struct. */
struct owed_entry {
    struct list link;
    enum owed_kind kind;
};

/* How far the oldest entry has got. owed.c has the table. */
enum owed_phase {
    OWED_PHASE_START,
    OWED_PHASE_DESCRIBED, /* Describe S: ParameterDescription came */
    OWED_PHASE_ROWS,      /* Query: RowDescription came; Execute: DataRow */
    OWED_PHASE_COPY_IN,   /* CopyInResponse came */
    OWED_PHASE_COPY_OUT,  /* CopyOutResponse came */
    OWED_PHASE_COPIED,    /* and CopyDone */
    OWED_PHASE_ANSWERED,  /* nothing but ReadyForQuery is missing */
};

struct owed {
    struct list entries;
    size_t count;
    enum owed_phase phase;
    bool skipping; /* an error came and no Sync was sent since: what is sent now is not answered */
    bool copy_in;  /* the server waits for CopyData */
    bool copy_out;
    char status; /* of the last ReadyForQuery; at first 'I' */
};

enum owed_answer {
    OWED_ANSWER_NOBODY, /* asynchronous: pass */
    OWED_ANSWER_PART,   /* belongs to the oldest entry, which goes on */
    OWED_ANSWER_LAST,   /* ends the oldest entry: it is unlinked and is the caller's */
    OWED_ANSWER_WRONG,  /* the server is out of step: end the session */
};

void owed_init(struct owed *owed);
/* False: the server will not answer this, since it skips or since this is a Sync in a COPY; the entry was
 * not taken. */
bool owed_add(struct owed *owed, struct owed_entry *entry);
/* CopyDone or CopyFail was sent: the server waits for no more CopyData, and a Sync counts again. */
void owed_copy_ended(struct owed *owed);
/* Holds the server's message against what is owed. *entry: whom it belongs to (NULL for NOBODY, WRONG).
 * `skipped` is called for every entry that falls to an ErrorResponse or to a COPY; the entry is unlinked
 * and is the caller's. `body` is needed whole only for 'Z'. */
enum owed_answer owed_take(struct owed *owed, char type, struct view body, struct owed_entry **entry,
                           void (*skipped)(void *arg, struct owed_entry *entry), void *arg);
bool owed_is_quiet(const struct owed *owed); /* nothing is owed and no COPY is going on */

#endif
