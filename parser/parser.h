/* parser: SQL text -> facts. The only room that sees libpg_query: PostgreSQL's own grammar, its raw parse
 * tree, walked without recursion. It says what a text contains and decides nothing: rules/ does.
 *
 * What the walk does not know becomes OPERATION_UNKNOWN, which no policy can allow.
 *
 * Threads: libpg_query keeps per-thread state and takes a pthread key for each thread that ever parses, so
 * parse on a fixed set of threads. parser_read needs little stack whatever the text (256 KiB is plenty).
 * Facts live in the arena that is given and point into it and into the text. */
#ifndef PARSER_PARSER_H
#define PARSER_PARSER_H

#include "base/arena.h"
#include "base/bytes.h"

/* The names of operations are the SQL commands; policies use them. The second column says whether a
 * policy can speak about it ('p'), it needs no permission ('f': transaction control, cursors, settings,
 * which have checks of their own), or it is never allowed whatever the policy ('n'). */
#define OPERATION_LIST(X)                                                                                              \
    X(UNKNOWN, 'n')                                                                                                    \
    X(SELECT, 'p')                                                                                                     \
    X(INSERT, 'p')                                                                                                     \
    X(UPDATE, 'p')                                                                                                     \
    X(DELETE, 'p')                                                                                                     \
    X(MERGE, 'p')                                                                                                      \
    X(TRUNCATE, 'p')                                                                                                   \
    X(COPY, 'p')                                                                                                       \
    X(CREATE, 'p')                                                                                                     \
    X(ALTER, 'p')                                                                                                      \
    X(DROP, 'p')                                                                                                       \
    X(GRANT, 'p')                                                                                                      \
    X(REVOKE, 'p')                                                                                                     \
    X(COMMENT, 'p')                                                                                                    \
    X(CALL, 'p')                                                                                                       \
    X(DO, 'p')                                                                                                         \
    X(LOCK, 'p')                                                                                                       \
    X(ANALYZE, 'p')                                                                                                    \
    X(VACUUM, 'p')                                                                                                     \
    X(CLUSTER, 'p')                                                                                                    \
    X(REINDEX, 'p')                                                                                                    \
    X(REFRESH, 'p')                                                                                                    \
    X(CHECKPOINT, 'p')                                                                                                 \
    X(NOTIFY, 'p')                                                                                                     \
    X(LISTEN, 'p')                                                                                                     \
    X(IMPORT, 'p')                                                                                                     \
    X(LOAD, 'n')                                                                                                       \
    X(REASSIGN, 'p')                                                                                                   \
    X(SECURITY, 'n')                                                                                                   \
    X(TWOPHASE, 'n')                                                                                                   \
    X(EXPLAIN, 'f')                                                                                                    \
    X(PREPARE, 'f')                                                                                                    \
    X(EXECUTE, 'f')                                                                                                    \
    X(DEALLOCATE, 'f')                                                                                                 \
    X(DECLARE, 'f')                                                                                                    \
    X(FETCH, 'f')                                                                                                      \
    X(CLOSE, 'f')                                                                                                      \
    X(SET, 'f')                                                                                                        \
    X(RESET, 'f')                                                                                                      \
    X(SHOW, 'f')                                                                                                       \
    X(DISCARD, 'f')                                                                                                    \
    X(UNLISTEN, 'f')                                                                                                   \
    X(CONSTRAINTS, 'f')                                                                                                \
    X(BEGIN, 'f')                                                                                                      \
    X(COMMIT, 'f')                                                                                                     \
    X(ROLLBACK, 'f')                                                                                                   \
    X(SAVEPOINT, 'f')                                                                                                  \
    X(RELEASE, 'f')

enum operation {
#define X(name, class) OPERATION_##name,
    OPERATION_LIST(X)
#undef X
        OPERATION_COUNT
};

const char *operation_name(enum operation operation);
bool operation_find(struct view name, enum operation *operation); /* any case */
char operation_class(enum operation operation);                   /* 'p', 'f' or 'n' */

/* What a statement does to what. One statement has as many touches as its text has: "WITH d AS (DELETE
 * FROM a RETURNING *) SELECT * FROM d, b" touches (DELETE, a) and (SELECT, b). A statement without any
 * relation ("SELECT 1") has one touch with an empty name. Names of WITH queries in scope are not relations.
 * A row lock is a touch (LOCK, relation); SELECT INTO and CREATE TABLE AS are (CREATE, relation); MERGE
 * has a touch for MERGE and one for each INSERT, UPDATE, DELETE in its branches; INSERT … ON CONFLICT DO
 * UPDATE is INSERT and UPDATE; EXPLAIN without ANALYZE gives its statement's touches too, marked `only_planned`.
 * COPY t TO STDOUT is (SELECT, t), COPY t FROM STDIN is (INSERT, t) and (COPY, t), a file or program of the
 * server's is (COPY, …) besides. A row lock of nothing that the text names is (LOCK, nothing). What a
 * definition holds (a view's query, a rule's actions, a function's body in SQL) is touched too. */
enum object_kind { OBJECT_KIND_NONE, OBJECT_KIND_RELATION, OBJECT_KIND_FUNCTION, OBJECT_KIND_OTHER };

struct touch {
    enum operation operation;
    enum object_kind kind;
    struct view catalog, schema, name; /* as folded by the parser; empty where not written */
    bool only_planned;                 /* under EXPLAIN without ANALYZE */
    int position;                      /* byte offset in the message; -1 unknown */
};

/* A name that can be called. */
enum call_how {
    CALL_HOW_FUNCTION,  /* f(…) anywhere, FROM and CALL included */
    CALL_HOW_ATTRIBUTE, /* the last name of a.b or (x).b: PostgreSQL calls b(a) if no such column exists */
    CALL_HOW_OPERATOR,  /* written OPERATOR(schema.op), schema given and not pg_catalog */
    CALL_HOW_SAMPLE,    /* TABLESAMPLE method */
};

struct call {
    enum call_how how;
    struct view schema, name;
    int argument_count; /* FUNCTION: as written; else 1 */
    bool has_star, has_named;
    /* set_config and its like: the first arguments where they are string constants */
    struct view literal[3];
    bool is_literal[3];
    int position;
};

/* A type name that is written down (casts, column definitions, parameters of PREPARE). */
struct type_use {
    struct view schema, name;
    int position;
};

struct column_use {
    struct view table, name; /* table: the qualifier as written, alias or name; name "*": all */
    bool written;            /* target of INSERT or UPDATE */
};

enum setting_how {
    SETTING_HOW_SET, /* SET [SESSION] x = …, and set_config */
    SETTING_HOW_SET_LOCAL,
    SETTING_HOW_RESET, /* RESET x, SET x TO DEFAULT */
    SETTING_HOW_RESET_ALL,
    SETTING_HOW_SHOW,
};

struct setting_use {
    enum setting_how how;
    struct view name;          /* lower case; empty: computed (set_config(x || y, …)) */
    const struct view *values; /* one per list element of SET; as text */
    size_t value_count;
    bool is_computed; /* the value is not a literal */
    int position;
};

enum transaction_isolation { ISOLATION_UNSET, ISOLATION_READ_COMMITTED, ISOLATION_OTHER };

/* Flags that are facts about the text, not verdicts. */
enum statement_flag {
    STATEMENT_READ_WRITE = 1 << 0, /* BEGIN/SET TRANSACTION … READ WRITE */
    STATEMENT_READ_ONLY = 1 << 1,
    STATEMENT_CHAIN = 1 << 2,        /* COMMIT/ROLLBACK AND CHAIN */
    STATEMENT_SNAPSHOT = 1 << 3,     /* SET TRANSACTION SNAPSHOT */
    STATEMENT_HAS_ROWS = 1 << 4,     /* SELECT, RETURNING, EXPLAIN, SHOW, FETCH … */
    STATEMENT_COPY_OUT = 1 << 5,     /* COPY … TO STDOUT */
    STATEMENT_COPY_IN = 1 << 6,      /* COPY … FROM STDIN */
    STATEMENT_COPY_SERVER = 1 << 7,  /* COPY to or from a file or program: never allowed */
    STATEMENT_TO_SAVEPOINT = 1 << 8, /* ROLLBACK TO */
    STATEMENT_ALL = 1 << 9,          /* DEALLOCATE ALL, CLOSE ALL, DISCARD ALL, UNLISTEN * */
    STATEMENT_HAS_WHERE = 1 << 10,   /* it has one, and so has every UPDATE and DELETE inside */
    STATEMENT_HAS_LIMIT = 1 << 11,
    STATEMENT_CURSOR_HOLD = 1 << 12,
    STATEMENT_ANALYZE = 1 << 13, /* EXPLAIN that executes */
    STATEMENT_TEMP = 1 << 14,    /* names pg_temp or a temporary object */
};

struct statement {
    struct view text;         /* its part of the message, trimmed */
    enum operation operation; /* of the statement itself: EXPLAIN for EXPLAIN … */
    enum operation inner;     /* of what EXPLAIN, PREPARE, DECLARE, COPY (…) holds; else the same */
    unsigned flags;
    const struct touch *touches;
    size_t touch_count;
    const struct call *calls;
    size_t call_count;
    const struct type_use *types;
    size_t type_count;
    const struct column_use *columns;
    size_t column_count;
    const struct setting_use *settings;
    size_t setting_count;
    struct view name; /* of the prepared statement, cursor, savepoint or two-phase transaction; DISCARD: all, plans … */
    struct view channel; /* LISTEN, NOTIFY, UNLISTEN */
    enum transaction_isolation isolation;
    int parameter_count; /* highest $n */
    /* Why this can't be parked, as the end of the sentence "… can't wait for approval: ". NULL: it can. */
    const char *alone;
    const char *unknown; /* what wasn't understood (a node's name); NULL: all was */
    int unknown_position;
    uint64_t shape; /* see parser_fingerprint */
};

struct facts {
    const struct statement *statements; /* none for an empty message */
    size_t count;
    struct view text; /* what to send: the text given, or it with comments blanked */
};

enum parser_result {
    PARSER_RESULT_OK,
    PARSER_RESULT_SYNTAX,   /* SQLSTATE 42601 by the grammar: the verdict is deny */
    PARSER_RESULT_ENCODING, /* NUL or not UTF-8 (22021) */
    PARSER_RESULT_LIMIT,    /* too long, too deep, or would take too long to lex (54001, 54000) */
};

struct parser_error {
    const char *sqlstate;
    char message[256]; /* never quotes the rest of the text */
    int position;      /* byte offset, -1 unknown */
};

struct parser_limits {
    size_t length;     /* bytes; 0: 1 MiB */
    int depth;         /* levels of nesting; 0: 2,500 */
    size_t statements; /* per message; 0: 1,000 */
};

/* Reads one message (Query or Parse). sql need not be NUL-terminated. */
enum parser_result parser_read(struct view sql, const struct parser_limits *limits, struct arena *arena,
                               struct facts *facts, struct parser_error *error);

/* A hash of the statement's shape (literals left out), for grouping and display only; 16 hex digits and a
 * NUL. Never an identity. */
void parser_fingerprint(const struct statement *statement, char to[17]);

#endif
