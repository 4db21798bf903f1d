#include "session_agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "deliver.h"
#include "ending.h"
#include "judge.h"
#include "park.h"
#include "portal.h"
#include "record.h"
#include "refuse.h"
#include "replies.h"
#include "words.h"

struct incoming {
    char type;
    struct view body, whole;
};

static bool wait_until_certain(struct session *session)
{
    session->hold = HOLD_NAMES;
    reply_flush(session);
    return false;
}

/* ---- Query -------------------------------------------------------------------------------------------------- */

static void refuse_query(struct session *session, const struct prepared *prepared)
{
    struct bytes words = {0};
    uint64_t record = record_statement(session, "statement", prepared, NULL, 0);
    refuse_verdict_words(prepared, record, &words);
    reply_refuse_query(session, prepared->rule, record, &words);
}

static void forward_query(struct session *session, const struct incoming *in, struct prepared *prepared,
                          struct view sql, bool is_original)
{
    uint64_t record = record_statement(session, "statement", prepared, NULL, 0);
    if (record == 0 && !prepared->is_rollback) {
        struct bytes words = {0};
        words_add_refusal(&words, &words_unrecorded, (struct view){0}, 0);
        reply_refuse_query(session, words_unrecorded.rule, 0, &words);
        return;
    }
    if (is_original)
        stream_pass(&session->to_server, in->whole);
    else
        message_add_query(stream_make(&session->to_server), sql);
    struct reply *reply = reply_expect(session, OWED_KIND_QUERY, REPLY_ROLE_AGENT);
    if (reply == NULL)
        return;
    reply_carries(session, reply, prepared);
    reply->record = record;
    reply->started = session->port->now(session->arg);
    names_announce(&session->statements, (struct view){0}, NULL, &reply->statement);
    names_announce(&session->portals, (struct view){0}, NULL, &reply->portal);
    if (prepared->is_copy_in)
        session->hold = HOLD_COPY;
}

static bool on_query(struct session *session, const struct incoming *in)
{
    struct view text, sql;
    struct facts facts;
    if (!message_read_query(in->body, &text)) {
        session_end(session, "08P01", "malformed Query message", NULL);
        return true;
    }
    struct prepared *prepared = judge_text(session, text, &facts, &sql);
    if (prepared->verdict == VERDICT_PARK) {
        park_query(session, prepared);
        return true;
    }
    if (prepared->verdict != VERDICT_DENY && prepared->changes_names && refuse_is_over(session, 0))
        judge_overrule(session, prepared, "session-memory", REFUSE_TOO_MUCH_KEPT, REFUSE_CLOSE_SOME);
    if (prepared->verdict == VERDICT_DENY)
        refuse_query(session, prepared);
    else
        forward_query(session, in, prepared, sql, view_equals(sql, text));
    thing_drop(prepared);
    return true;
}

/* ---- Parse -------------------------------------------------------------------------------------------------- */

/* A declared type may run code of its own when a value is bound: only built-in ones are let through. */
static bool refuse_foreign_type(struct session *session, const struct message_parse *parse)
{
    struct reader types = reader_of(parse->types);
    for (uint16_t i = 0; i < parse->type_count; i++) {
        uint32_t type = reader_u32(&types);
        if (type == 0 || rules_type_is_base(type))
            continue;
        struct bytes words = {0};
        char reason[128];
        snprintf(reason, sizeof reason, "parameter $%d is declared with type %u, which is not a built-in base type",
                 i + 1, type);
        char *sql = check_strndup(parse->sql.data, parse->sql.len);
        uint64_t record = refuse_words(session, sql, "parameter-type", reason,
                                       "Declare it as text and cast it in the statement.", &words);
        free(sql);
        reply_refuse_parse(session, parse->name, "parameter-type", record, &words);
        return true;
    }
    return false;
}

static void keep_types(struct prepared *prepared, const struct message_parse *parse)
{
    struct reader types = reader_of(parse->types);
    if (parse->type_count == 0)
        return;
    prepared->types = check_calloc(parse->type_count, sizeof *prepared->types);
    prepared->type_count = parse->type_count;
    for (uint16_t i = 0; i < parse->type_count; i++)
        prepared->types[i] = reader_u32(&types);
}

static void refuse_parse(struct session *session, struct view name, const struct prepared *prepared)
{
    struct bytes words = {0};
    uint64_t record = record_statement(session, "statement", prepared, NULL, 0);
    refuse_verdict_words(prepared, record, &words);
    reply_refuse_parse(session, name, prepared->rule, record, &words);
}

static void refuse_unrecorded_parse(struct session *session, struct view name)
{
    struct bytes words = {0};
    words_add_refusal(&words, &words_unrecorded, (struct view){0}, 0);
    reply_refuse_parse(session, name, words_unrecorded.rule, 0, &words);
}

static void forward_parse(struct session *session, const struct incoming *in, const struct message_parse *parse,
                          struct prepared *prepared, struct view sql)
{
    if (view_equals(sql, parse->sql))
        stream_pass(&session->to_server, in->whole);
    else
        message_add_parse(stream_make(&session->to_server), parse->name, sql, prepared->types, prepared->type_count);
    struct reply *reply = reply_expect(session, OWED_KIND_PARSE, REPLY_ROLE_AGENT);
    if (reply == NULL)
        return;
    names_announce(&session->statements, parse->name, prepared, &reply->statement);
    /* Its record is that of the Bind that usually follows at once; else session_flush writes one. */
    thing_drop(session->fresh);
    session->fresh = thing_hold(prepared);
}

static bool on_parse(struct session *session, const struct incoming *in)
{
    struct message_parse parse;
    struct facts facts;
    struct view sql;
    if (!message_read_parse(in->body, &parse)) {
        session_end(session, "08P01", "malformed Parse message", NULL);
        return true;
    }
    if (refuse_bad_name(session, in->type, parse.name) ||
        refuse_over_account(session, in->type, in->body.len, parse.name) || refuse_foreign_type(session, &parse))
        return true;
    session_record_fresh(session);
    struct prepared *prepared = judge_text(session, parse.sql, &facts, &sql);
    keep_types(prepared, &parse);
    if (prepared->verdict == VERDICT_PARK && facts.count > 1)
        judge_overrule(session, prepared, "several-statements",
                       "a prepared statement holds one statement, and one of these waits for approval", NULL);
    if (prepared->verdict == VERDICT_PARK) {
        park_parse(session, parse.name, prepared);
        return true;
    }
    if (prepared->verdict == VERDICT_DENY)
        refuse_parse(session, parse.name, prepared);
    else if (!prepared->is_rollback && !session->port->can_record(session->arg))
        refuse_unrecorded_parse(session, parse.name);
    else
        forward_parse(session, in, &parse, prepared, sql);
    thing_drop(prepared);
    return true;
}

/* ---- Bind --------------------------------------------------------------------------------------------------- */

static struct ticket_value *as_values(struct session *session, const struct message_bind *bind)
{
    struct ticket_value *values = arena_alloc(&session->desk->statement, bind->value_count * sizeof *values);
    for (uint16_t i = 0; i < bind->value_count; i++)
        values[i] =
            (struct ticket_value){bind->values[i].data, bind->values[i].data.data == NULL, bind->values[i].format};
    return values;
}

static void forward_bind(struct session *session, const struct incoming *in, struct view name, struct portal *portal)
{
    stream_pass(&session->to_server, in->whole);
    struct reply *reply = reply_expect(session, OWED_KIND_BIND, REPLY_ROLE_AGENT);
    if (reply == NULL)
        return;
    reply->used = thing_hold(portal);
    names_announce(&session->portals, name, portal, &reply->portal);
}

/* Refuses a Bind or Execute of a statement that the rules no longer allow. */
static bool refuse_denied(struct session *session, char type, struct prepared *prepared)
{
    judge_again(session, prepared);
    if (prepared->verdict != VERDICT_DENY)
        return false;
    struct bytes words = {0};
    uint64_t record = record_statement(session, "statement", prepared, NULL, 0);
    refuse_verdict_words(prepared, record, &words);
    reply_refuse_name(session, type, &words);
    return true;
}

static void bind_allowed(struct session *session, const struct incoming *in, const struct message_bind *bind,
                         struct portal *portal)
{
    struct prepared *prepared = portal->prepared;
    portal->record = record_statement(session, "statement", prepared, as_values(session, bind), bind->value_count);
    if (portal->record == 0 && !prepared->is_rollback) {
        struct bytes words = {0};
        words_add_refusal(&words, &words_unrecorded, (struct view){0}, 0);
        reply_refuse_name(session, 'B', &words);
        return;
    }
    prepared->is_recorded = true;
    forward_bind(session, in, bind->portal, portal);
}

/* The server knows only the inert text, which has no columns, so it can't count the formats. */
static bool refuse_formats(struct session *session, const struct message_bind *bind, const struct prepared *prepared)
{
    uint16_t count = bind->result_format_count;
    if (count <= 1 || count == prepared->column_count)
        return false;
    struct bytes words = {0}, message = {0};
    bytes_add_format(&message, "bind message has %u result formats but query has %u columns", count,
                     prepared->column_count);
    struct message_words error = {.severity = "ERROR", .sqlstate = "08P01", .message = bytes_text(&message)};
    message_add_words(&words, 'E', &error);
    reply_refuse_name(session, 'B', &words);
    bytes_fini(&message);
    return true;
}

static bool on_bind(struct session *session, const struct incoming *in)
{
    struct message_bind bind;
    bool is_uncertain;
    if (!message_read_bind(in->body, &session->desk->statement, &bind)) {
        session_end(session, "08P01", "malformed Bind message", NULL);
        return true;
    }
    if (refuse_bad_name(session, in->type, bind.portal) || refuse_bad_name(session, in->type, bind.statement))
        return true;
    struct prepared *prepared = names_find(&session->statements, bind.statement, &is_uncertain);
    if (is_uncertain)
        return wait_until_certain(session);
    if (prepared == NULL) {
        struct bytes words = {0};
        refuse_missing_words(&words, "26000", "prepared statement", bind.statement);
        reply_refuse_name(session, 'B', &words);
        return true;
    }
    if (refuse_denied(session, 'B', prepared) || refuse_over_account(session, in->type, in->body.len, bind.portal))
        return true;
    if (prepared->verdict == VERDICT_PARK && refuse_formats(session, &bind, prepared))
        return true;
    struct portal *portal = portal_open(session, prepared);
    if (prepared->verdict == VERDICT_PARK) {
        portal_keep(session, portal, &bind, as_values(session, &bind));
        forward_bind(session, in, bind.portal, portal);
    } else {
        bind_allowed(session, in, &bind, portal);
    }
    thing_drop(portal);
    return true;
}

/* ---- Describe, Execute, Close -------------------------------------------------------------------------------- */

static bool on_describe(struct session *session, const struct incoming *in)
{
    struct message_name message;
    bool is_uncertain = false;
    if (!message_read_name(in->body, &message)) {
        session_end(session, "08P01", "malformed Describe message", NULL);
        return true;
    }
    if (refuse_bad_name(session, in->type, message.name))
        return true;
    bool is_statement = message.kind == 'S';
    void *found = names_find(is_statement ? &session->statements : &session->portals, message.name, &is_uncertain);
    if (is_uncertain)
        return wait_until_certain(session);
    stream_pass(&session->to_server, in->whole);
    struct reply *reply = reply_expect(session, is_statement ? OWED_KIND_DESCRIBE_STATEMENT : OWED_KIND_DESCRIBE_PORTAL,
                                       REPLY_ROLE_AGENT);
    if (reply != NULL && is_statement)
        reply->prepared = thing_hold(found);
    else if (reply != NULL)
        reply->used = thing_hold(found);
    return true;
}

static void execute_parked(struct session *session, const struct message_execute *execute, struct portal *portal)
{
    struct delivery *delivery = &session->delivery;
    /* What the server will skip needs no ticket, and looking ahead from each of a long batch would be slow. */
    if (session->owed.skipping || session->batch_is_lost) {
        message_add_execute(stream_make(&session->to_server), execute->portal, execute->max_rows);
        reply_expect(session, OWED_KIND_EXECUTE, REPLY_ROLE_AGENT);
        return;
    }
    if (portal->is_delivering) {
        if (deliver_more(session, portal, execute->max_rows))
            return;
        struct bytes words = {0};
        refuse_missing_words(&words, "34000", "portal", execute->portal);
        reply_refuse_name(session, 'E', &words);
        return;
    }
    if (!delivery->is_open || delivery->next >= delivery->count) {
        park_execute(session, execute->portal, portal, execute->max_rows);
        return;
    }
    uint64_t record = record_statement(session, "statement", portal->prepared, portal->values, portal->value_count);
    deliver_execute(session, portal, execute->max_rows, record);
}

static void forward_execute(struct session *session, const struct incoming *in, struct portal *portal)
{
    stream_pass(&session->to_server, in->whole);
    struct reply *reply = reply_expect(session, OWED_KIND_EXECUTE, REPLY_ROLE_AGENT);
    if (reply == NULL)
        return;
    reply->used = thing_hold(portal);
    reply_carries(session, reply, portal->prepared);
    reply->record = portal->record;
    reply->started = session->port->now(session->arg);
    if (!portal->prepared->is_copy_in)
        return;
    session->hold = HOLD_COPY;
    reply_flush(session); /* should it turn out to be no COPY, nothing else would bring the answer */
}

static bool on_execute(struct session *session, const struct incoming *in)
{
    struct message_execute execute;
    bool is_uncertain;
    if (!message_read_execute(in->body, &execute)) {
        session_end(session, "08P01", "malformed Execute message", NULL);
        return true;
    }
    if (refuse_bad_name(session, in->type, execute.portal))
        return true;
    struct portal *portal = names_find(&session->portals, execute.portal, &is_uncertain);
    if (is_uncertain)
        return wait_until_certain(session);
    if (portal == NULL) {
        struct bytes words = {0};
        refuse_missing_words(&words, "34000", "portal", execute.portal);
        reply_refuse_name(session, 'E', &words);
        return true;
    }
    if (refuse_denied(session, 'E', portal->prepared))
        return true;
    if (portal->prepared->verdict == VERDICT_PARK)
        execute_parked(session, &execute, portal);
    else
        forward_execute(session, in, portal);
    return true;
}

static bool on_close(struct session *session, const struct incoming *in)
{
    struct message_name message;
    if (!message_read_name(in->body, &message)) {
        session_end(session, "08P01", "malformed Close message", NULL);
        return true;
    }
    if (refuse_bad_name(session, in->type, message.name))
        return true;
    stream_pass(&session->to_server, in->whole);
    struct reply *reply = reply_expect(session, OWED_KIND_CLOSE, REPLY_ROLE_AGENT);
    if (reply == NULL)
        return true;
    if (message.kind == 'S')
        names_announce(&session->statements, message.name, NULL, &reply->statement);
    else
        names_announce(&session->portals, message.name, NULL, &reply->portal);
    return true;
}

/* ---- the rest -------------------------------------------------------------------------------------------------- */

static bool on_sync(struct session *session, const struct incoming *in)
{
    deliver_end_batch(session);
    stream_pass(&session->to_server, in->whole);
    reply_expect(session, OWED_KIND_SYNC, REPLY_ROLE_AGENT);
    session->batch_is_lost = false;
    names_sync(&session->statements);
    names_sync(&session->portals);
    return true;
}

static bool on_flush(struct session *session, const struct incoming *in)
{
    deliver_end_batch(session);
    stream_pass(&session->to_server, in->whole);
    return true;
}

static bool on_function(struct session *session, const struct incoming *in)
{
    struct bytes words = {0};
    refuse_words(session, "FunctionCall", "function-call", "the FunctionCall message calls functions past the policy",
                 "Call the function in a SELECT.", &words);
    reply_refuse_function(session, &words);
    return true;
}

static bool on_terminate(struct session *session, const struct incoming *in)
{
    session->state = SESSION_STATE_LEFT;
    return true;
}

/* Outside of COPY the server ignores these, too. */
static bool on_stray_copy(struct session *session, const struct incoming *in)
{
    return true;
}

static bool on_copy(struct session *session, const struct incoming *in)
{
    const struct owed_entry *copying = list_entry(session->owed.entries.next, struct owed_entry, link);
    stream_pass(&session->to_server, in->whole);
    if (in->type == 'd')
        return true;
    owed_copy_ended(&session->owed);
    /* The string may go on with another COPY. */
    if (copying->kind == OWED_KIND_QUERY)
        session->hold = HOLD_COPY;
    return true;
}

/* In COPY FROM STDIN the server ignores Sync and Flush: what it doesn't answer isn't sent. */
static bool on_copy_idle(struct session *session, const struct incoming *in)
{
    return true;
}

static bool on_wrong(struct session *session, const struct incoming *in)
{
    session_end(session, "08P01", "this message does not belong here in the protocol", NULL);
    return true;
}

/* What is not in the table is a violation. */
static const struct {
    char type;
    bool (*normal)(struct session *session, const struct incoming *in);
    bool (*in_copy)(struct session *session, const struct incoming *in);
} handlers[] = {
    {'Q', on_query, on_wrong},         {'P', on_parse, on_wrong},     {'B', on_bind, on_wrong},
    {'D', on_describe, on_wrong},      {'E', on_execute, on_wrong},   {'C', on_close, on_wrong},
    {'S', on_sync, on_copy_idle},      {'H', on_flush, on_copy_idle}, {'F', on_function, on_wrong},
    {'X', on_terminate, on_terminate}, {'d', on_stray_copy, on_copy}, {'c', on_stray_copy, on_copy},
    {'f', on_stray_copy, on_copy},
};

bool agent_message(struct session *session, const struct frame *frame, struct view whole)
{
    struct incoming in = {frame->type, frame->body, whole};
    deliver_next_message(session);
    /* A PREPARE, DECLARE or DISCARD is on its way: what names stand for is open until it has come back. */
    if (session->effects_owed > 0 && !session->owed.copy_in && strchr("QPBDEC", frame->type) != NULL)
        return wait_until_certain(session);
    for (size_t i = 0; i < sizeof handlers / sizeof *handlers; i++) {
        if (handlers[i].type != frame->type)
            continue;
        bool taken = session->owed.copy_in ? handlers[i].in_copy(session, &in) : handlers[i].normal(session, &in);
        arena_reset(&session->desk->statement);
        return taken;
    }
    return on_wrong(session, &in);
}
