/* Reading one message: checks, the library's parse, the walk over each statement. The parse tree lives in a
 * memory context of the library's, from before the parse until all facts are copied out of it. */
#include "parser/parser.h"

#include <limits.h>
#include <pg_query.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "blank.h"
#include "precheck.h"
#include "walk.h"

#include <pg_query/pg_query_internal.h>

#include <nodes/parsenodes.h>

enum { LENGTH_LIMIT = 1 << 20, DEPTH_LIMIT = 2500, STATEMENTS_LIMIT = 1000 };

/* As much of an offending word as an error message shows. */
enum { QUOTE_LIMIT = 64 };

struct reading {
    struct parser_limits limits;
    struct arena *arena;
    struct facts *facts;
    struct parser_error *error;
};

static struct parser_limits limits_or_default(const struct parser_limits *given)
{
    struct parser_limits limits = given ? *given : (struct parser_limits){0};
    if (limits.length == 0)
        limits.length = LENGTH_LIMIT;
    if (limits.length > INT_MAX / 2)
        limits.length = INT_MAX / 2; /* positions are ints, and the library's limit is 1 GB */
    if (limits.depth == 0)
        limits.depth = DEPTH_LIMIT;
    if (limits.statements == 0)
        limits.statements = STATEMENTS_LIMIT;
    return limits;
}

/* ---- errors ------------------------------------------------------------------------------------------- */

/* The library counts characters from 1; we count bytes from 0. */
static int byte_position(const char *sql, int cursor)
{
    if (cursor <= 0)
        return -1;
    const char *at = sql;
    while (--cursor > 0 && *at != '\0')
        do
            at++;
        while ((*at & 0xc0) == 0x80);
    return (int)(at - sql);
}

/* The lexer's own errors quote all of the text that is left; the grammar's quote one word. Only a word is
 * worth showing. */
static void cut_quote(char *message, const char *original)
{
    static const char near[] = " at or near \"";
    char *quote = strstr(message, near);
    if (quote == NULL)
        return;
    const char *word = strstr(original, near) + strlen(near);
    if (strncmp(original, "syntax error", 12) != 0 || strlen(word) > QUOTE_LIMIT)
        *quote = '\0';
}

static enum parser_result parse_failed(struct reading *r, const char *sql, const PgQueryError *failure)
{
    bool memory = strstr(failure->message, "memory") != NULL && strstr(failure->message, "syntax error") == NULL;
    if (memory) /* the grammar's stack: nested too deep */
        return precheck_error(r->error, PARSER_RESULT_LIMIT, "54001", byte_position(sql, failure->cursorpos),
                              "the statement is nested too deeply");
    precheck_error(r->error, PARSER_RESULT_SYNTAX, "42601", byte_position(sql, failure->cursorpos), failure->message);
    cut_quote(r->error->message, failure->message);
    return PARSER_RESULT_SYNTAX;
}

/* ---- statements --------------------------------------------------------------------------------------- */

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct view trimmed(struct view text)
{
    while (text.len > 0 && is_space(text.data[0])) {
        text.data++;
        text.len--;
    }
    while (text.len > 0 && is_space(text.data[text.len - 1]))
        text.len--;
    return text;
}

static struct view slice(struct view text, const RawStmt *raw)
{
    size_t start = raw->stmt_location > 0 ? (size_t)raw->stmt_location : 0;
    CHECK(start <= text.len);
    size_t rest = text.len - start;
    size_t len = raw->stmt_len > 0 ? (size_t)raw->stmt_len : rest; /* 0: to the end */
    CHECK(len <= rest);
    return trimmed((struct view){text.data + start, len});
}

static enum parser_result read_statement(struct reading *r, const RawStmt *raw, struct statement *statement)
{
    struct draft draft = {.arena = r->arena, .statement = {.unknown_position = -1}};
    int position = -1;
    switch (walk_statement(&draft, raw->stmt, r->limits.depth, &position)) {
    case WALK_RESULT_OK:
        *statement = draft.statement;
        statement->text = slice(r->facts->text, raw);
        return PARSER_RESULT_OK;
    case WALK_RESULT_DEEP:
        return precheck_error(r->error, PARSER_RESULT_LIMIT, "54001", position, "the statement is nested too deeply");
    case WALK_RESULT_MUCH:
        return precheck_error(r->error, PARSER_RESULT_LIMIT, "54000", position, "the statement holds too many names");
    }
    check_failed("a known walk result", __FILE__, __LINE__, __func__);
}

static enum parser_result read_statements(struct reading *r, const List *tree)
{
    size_t count = (size_t)list_length(tree);
    if (count > r->limits.statements)
        return precheck_error(r->error, PARSER_RESULT_LIMIT, "54000", -1, "the message holds too many statements");
    struct statement *statements = arena_alloc(r->arena, count * sizeof *statements);
    for (size_t i = 0; i < count; i++) {
        enum parser_result result = read_statement(r, list_nth(tree, (int)i), &statements[i]);
        if (result != PARSER_RESULT_OK)
            return result;
    }
    r->facts->statements = statements;
    r->facts->count = count;
    return PARSER_RESULT_OK;
}

/* ---- parsing ------------------------------------------------------------------------------------------ */

static void parsed_free(PgQueryInternalParsetreeAndError *parsed)
{
    free(parsed->stderr_buffer);
    if (parsed->error != NULL)
        pg_query_free_error(parsed->error);
}

/* The library takes comments for tokens and so refuses some that the server takes. If blanks in their place
 * make the text right, that text is what is judged and sent. */
static bool parse_blanked(struct reading *r, struct view sql, PgQueryInternalParsetreeAndError *parsed)
{
    struct view text = arena_view(r->arena, sql);
    if (blank_comments((char *)text.data, text.len) == 0)
        return false;
    PgQueryInternalParsetreeAndError again = pg_query_raw_parse(text.data);
    if (again.error != NULL) {
        parsed_free(&again);
        return false;
    }
    parsed_free(parsed);
    *parsed = again;
    r->facts->text = text;
    return true;
}

static enum parser_result parse(struct reading *r, struct view sql)
{
    const char *text = arena_copy(r->arena, sql); /* NUL-terminated */
    PgQueryInternalParsetreeAndError parsed = pg_query_raw_parse(text);
    enum parser_result result = PARSER_RESULT_OK;
    if (parsed.error != NULL)
        result = parse_failed(r, text, parsed.error);
    if (result == PARSER_RESULT_SYNTAX && parse_blanked(r, sql, &parsed))
        result = PARSER_RESULT_OK;
    if (result == PARSER_RESULT_OK)
        result = read_statements(r, parsed.tree);
    parsed_free(&parsed);
    return result;
}

enum parser_result parser_read(struct view sql, const struct parser_limits *limits, struct arena *arena,
                               struct facts *facts, struct parser_error *error)
{
    struct reading r = {.limits = limits_or_default(limits), .arena = arena, .facts = facts, .error = error};
    *facts = (struct facts){.text = sql};
    *error = (struct parser_error){.sqlstate = "00000", .position = -1};
    enum parser_result result = precheck(sql, r.limits.length, error);
    if (result != PARSER_RESULT_OK)
        return result;
    MemoryContext context = pg_query_enter_memory_context();
    result = parse(&r, sql);
    pg_query_exit_memory_context(context);
    return result;
}

void parser_fingerprint(const struct statement *statement, char to[17])
{
    static const char digits[] = "0123456789abcdef";
    uint64_t shape = statement->shape;
    for (int i = 15; i >= 0; i--, shape >>= 4)
        to[i] = digits[shape & 15];
    to[16] = '\0';
}
