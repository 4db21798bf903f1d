#include "park.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "batch.h"
#include "deliver.h"
#include "ending.h"
#include "judge.h"
#include "record.h"
#include "refuse.h"
#include "replies.h"
#include "request.h"
#include "words.h"

/* ---- beginning and ending ------------------------------------------------------------------------------- */

static void begin(struct session *session, enum park_kind kind, struct prepared *prepared)
{
    struct park *park = &session->park;
    arena_reset(&park->arena);
    struct arena arena = park->arena;
    *park = (struct park){.kind = kind, .arena = arena, .prepared = prepared};
}

static void end(struct session *session)
{
    struct park *park = &session->park;
    thing_drop(park->prepared);
    thing_drop(park->portal);
    arena_fini(&park->arena);
    *park = (struct park){.kind = PARK_KIND_NOTHING};
    session->hold = HOLD_NONE;
}

void park_fini(struct session *session)
{
    end(session);
}

static void wait_for_quiet(struct session *session)
{
    session->hold = HOLD_BARRIER;
    if (!owed_is_quiet(&session->owed))
        reply_flush(session);
    else
        park_quiet(session);
}

/* Puts words in the place of what was asked. Takes over `words`. */
static void refuse(struct session *session, const char *rule, uint64_t record, struct bytes *words)
{
    struct park *park = &session->park;
    switch (park->kind) {
    case PARK_KIND_QUERY:
        reply_refuse_query(session, rule, record, words);
        break;
    case PARK_KIND_PARSE:
        reply_refuse_parse(session, park->name, rule, record, words);
        break;
    case PARK_KIND_EXECUTE:
        reply_refuse_name(session, 'E', words);
        session->batch_is_lost = true;
        deliver_give_back(session); /* the same transaction fails with this */
        break;
    case PARK_KIND_NOTHING:
        break;
    }
    end(session);
}

static void refuse_with(struct session *session, const char *rule, const char *reason, const char *hint)
{
    struct bytes words = {0};
    uint64_t record = refuse_words(session, session->park.prepared->sql, rule, reason, hint, &words);
    refuse(session, rule, record, &words);
}

void park_query(struct session *session, struct prepared *prepared)
{
    begin(session, PARK_KIND_QUERY, prepared);
    wait_for_quiet(session);
}

void park_parse(struct session *session, struct view name, struct prepared *prepared)
{
    begin(session, PARK_KIND_PARSE, prepared);
    session->park.name = arena_view(&session->park.arena, name);
    wait_for_quiet(session);
}

void park_execute(struct session *session, struct view portal_name, struct portal *portal, uint32_t max_rows)
{
    begin(session, PARK_KIND_EXECUTE, thing_hold(portal->prepared));
    session->park.portal_name = arena_view(&session->park.arena, portal_name);
    session->park.portal = thing_hold(portal);
    session->park.max_rows = max_rows;
    wait_for_quiet(session);
}

/* ---- barrier: the server has answered everything -------------------------------------------------------- */

static void send_inert_parse(struct session *session)
{
    struct park *park = &session->park;
    struct prepared *prepared = park->prepared;
    message_add_parse(stream_make(&session->to_server), park->name, view_of(PARK_INERT), prepared->types,
                      prepared->type_count);
    struct reply *reply = reply_expect(session, OWED_KIND_PARSE, REPLY_ROLE_AGENT);
    if (reply != NULL)
        names_announce(&session->statements, park->name, prepared, &reply->statement);
    end(session);
}

/* The transaction has failed or the server is skipping: its own error stands, and no ticket is opened. */
static void let_server_answer(struct session *session)
{
    struct park *park = &session->park;
    if (park->kind == PARK_KIND_PARSE) {
        send_inert_parse(session);
        return;
    }
    struct bytes *to = stream_make(&session->to_server);
    if (park->kind == PARK_KIND_QUERY) {
        message_add_query(to, view_of(PARK_INERT));
        reply_expect(session, OWED_KIND_QUERY, REPLY_ROLE_AGENT);
    } else {
        message_add_execute(to, park->portal_name, park->max_rows);
        reply_expect(session, OWED_KIND_EXECUTE, REPLY_ROLE_AGENT);
    }
    end(session);
}

static const char SETTINGS_SQL[] =
    "SELECT pg_catalog.current_setting('DateStyle'), pg_catalog.current_setting('IntervalStyle'), "
    "pg_catalog.current_setting('TimeZone'), pg_catalog.current_setting('search_path'), "
    "pg_catalog.current_setting('transaction_isolation')";
static const char SETTINGS_NAME[] = "sallyport settings";

static void expect_internal(struct session *session, enum owed_kind kind, bool wants_row)
{
    struct reply *reply = reply_expect(session, kind, REPLY_ROLE_INTERNAL);
    if (reply != NULL)
        reply->wants_row = wants_row;
}

static void ask_settings(struct session *session)
{
    struct bytes *to = stream_make(&session->to_server);
    struct view name = view_of(SETTINGS_NAME);
    session->hold = HOLD_SETTINGS;
    if (session->park.kind == PARK_KIND_QUERY) {
        message_add_query(to, view_of(SETTINGS_SQL));
        expect_internal(session, OWED_KIND_QUERY, true);
        return;
    }
    /* Closing first what may not exist keeps the names free whatever happened before. */
    message_add_name(to, 'C', 'P', name);
    expect_internal(session, OWED_KIND_CLOSE, false);
    message_add_name(to, 'C', 'S', name);
    expect_internal(session, OWED_KIND_CLOSE, false);
    message_add_parse(to, name, view_of(SETTINGS_SQL), NULL, 0);
    expect_internal(session, OWED_KIND_PARSE, false);
    message_add_bind(to, name, name, NULL, 0, NULL, 0);
    expect_internal(session, OWED_KIND_BIND, false);
    message_add_execute(to, name, 0);
    expect_internal(session, OWED_KIND_EXECUTE, true);
    reply_flush(session);
}

/* A portal may have gone with its transaction, at a Sync that was still on its way. */
static bool is_portal_there(struct session *session)
{
    bool is_uncertain;
    return names_find(&session->portals, session->park.portal_name, &is_uncertain) == session->park.portal;
}

void park_quiet(struct session *session)
{
    deliver_next_message(session); /* a result before this one has been seen by now, or will have been */
    bool is_execute = session->park.kind == PARK_KIND_EXECUTE;
    if (session->owed.skipping || session->owed.status == 'E' || (is_execute && !is_portal_there(session)))
        let_server_answer(session);
    else if (is_execute)
        session->hold = HOLD_BATCH; /* whoever has the agent's bytes goes on with park_look_ahead */
    else
        ask_settings(session);
}

/* ---- batch: what else is executed before the next Sync --------------------------------------------------- */

void park_look_ahead(struct session *session, struct view rest)
{
    const char *why = NULL;
    switch (batch_read(session, rest, &why)) {
    case BATCH_RESULT_MORE:
        if (rest.len > SESSION_LOOK_AHEAD)
            refuse_with(session, "batch-too-large", "a batch of writes that waits for approval must end within 16 MiB",
                        "Send fewer executions before Sync.");
        return;
    case BATCH_RESULT_MIXED: {
        char reason[160];
        snprintf(reason, sizeof reason,
                 "a write that waits for approval can't share a pipeline with %s before the next Sync", why);
        refuse_with(session, "batch-mixed", reason, "Send Sync behind the write, or use autocommit for it.");
        return;
    }
    case BATCH_RESULT_READY:
        ask_settings(session);
    }
}

/* ---- settings: what the statement's meaning depends on --------------------------------------------------- */

void park_settings_row(struct session *session, struct view row)
{
    struct park *park = &session->park;
    struct view *values;
    uint16_t count;
    if (!message_read_row(row, &park->arena, &values, &count) || count != PARK_SETTINGS) {
        session_break(session, "the server answered a question about settings with something else");
        return;
    }
    for (int i = 0; i < PARK_SETTINGS; i++)
        park->settings[i] = arena_view(&park->arena, values[i]);
}

/* In a transaction block one write may be parked, and only where its own transaction means the same. */
static bool fits_block(struct session *session)
{
    if (!deliver_is_in_block(session))
        return true;
    if (!view_is(session->park.settings[PARK_SETTING_ISOLATION], "read committed")) {
        refuse_with(session, "block-isolation",
                    "a write that waits for approval runs in a transaction of its own, which would not see what this "
                    "block's isolation level promises",
                    "Use READ COMMITTED, or send the write outside of the block.");
        return false;
    }
    if (session->block_has_write) {
        refuse_with(session, "block-second-write", "only one write per transaction block can wait for approval",
                    "COMMIT first, then send the second write in a transaction of its own.");
        return false;
    }
    return true;
}

static void ask_description(struct session *session)
{
    struct park *park = &session->park;
    struct prepared *prepared = park->prepared;
    struct describe_request request = {
        .sql = {prepared->sql, prepared->sql_len},
        .types = prepared->types,
        .type_count = prepared->type_count,
        .search_path = arena_copy(&park->arena, park->settings[PARK_SETTING_SEARCH_PATH]),
    };
    session->hold = HOLD_DESCRIBE;
    session->port->describe(session->arg, &request);
}

static void ask_ticket(struct session *session);

void park_settings_done(struct session *session, bool failed)
{
    struct park *park = &session->park;
    if (failed) {
        end(session); /* the agent has seen the server's own error */
        return;
    }
    if (park->kind != PARK_KIND_PARSE && !fits_block(session))
        return;
    switch (park->kind) {
    case PARK_KIND_PARSE:
        ask_description(session);
        return;
    case PARK_KIND_QUERY:
        request_fill_in_query(session);
        /* Several statements may build on each other; one alone can be held against the catalog first. */
        if (park->statement_count == 1)
            ask_description(session);
        else
            ask_ticket(session);
        return;
    case PARK_KIND_EXECUTE:
        ask_ticket(session);
        return;
    case PARK_KIND_NOTHING:
        return;
    }
}

/* ---- description: types and columns, from the catalog connection ----------------------------------------- */

static void keep_description(struct prepared *prepared, const struct described *described)
{
    struct arena *arena = &prepared->arena;
    uint32_t *types = check_calloc(described->type_count, sizeof *types);
    if (described->type_count > 0)
        memcpy(types, described->types, described->type_count * sizeof *types);
    free(prepared->types);
    prepared->types = types;
    prepared->type_count = described->type_count;
    prepared->column_count = described->column_count;
    prepared->columns = arena_alloc(arena, described->column_count * sizeof *prepared->columns);
    for (uint16_t i = 0; i < described->column_count; i++) {
        prepared->columns[i] = described->columns[i];
        prepared->columns[i].name = arena_view(arena, described->columns[i].name);
    }
    judge_charge(prepared);
}

void park_described(struct session *session, const struct described *described)
{
    struct park *park = &session->park;
    if (park->kind == PARK_KIND_NOTHING)
        return;
    if (!described->ok) {
        struct bytes words = {0};
        uint64_t record = record_statement(session, "statement", park->prepared, NULL, 0);
        message_add_words(&words, 'E', &described->error);
        refuse(session, "parse", record, &words);
        return;
    }
    if (park->kind == PARK_KIND_QUERY) {
        ask_ticket(session);
        return;
    }
    keep_description(park->prepared, described);
    for (uint16_t i = 0; i < park->prepared->type_count; i++) {
        if (rules_type_is_base(park->prepared->types[i]))
            continue;
        refuse_with(session, "parameter-type", "a parameter of a type that is not built in can't be vouched for",
                    "Cast the parameter from text in the statement: $1::text::my_type.");
        return;
    }
    send_inert_parse(session);
}

/* ---- ticket: what has become of it ------------------------------------------------------------------------ */

static void refuse_unrecorded(struct session *session)
{
    struct bytes words = {0};
    words_add_refusal(&words, &words_unrecorded, (struct view){0}, 0);
    refuse(session, words_unrecorded.rule, 0, &words);
}

/* A reload may have come while we asked. */
static bool is_still_parked(struct session *session)
{
    struct park *park = &session->park;
    size_t count = park->kind == PARK_KIND_QUERY ? 1 : park->statement_count;
    for (size_t i = 0; i < count; i++) {
        judge_again(session, park->judged[i]);
        if (park->judged[i]->verdict != VERDICT_PARK)
            return false;
    }
    return true;
}

static void ask_ticket(struct session *session)
{
    if (!is_still_parked(session)) {
        refuse_with(session, "policy-changed", "the policy has changed since this write was sent", "Send it again.");
        return;
    }
    session->hold = HOLD_TICKET;
    if (!request_send(session))
        refuse_unrecorded(session);
}

static void notice_block(struct session *session, const char *ticket)
{
    struct bytes message = {0};
    if (!deliver_is_in_block(session))
        return;
    bytes_add_format(&message, "the write of ticket %s ran in a transaction of its own; ROLLBACK does not undo it",
                     ticket);
    struct message_words words = {
        .severity = "NOTICE",
        .sqlstate = "00000",
        .message = bytes_text(&message),
    };
    message_add_words(stream_make(&session->to_agent), 'N', &words);
    bytes_fini(&message);
}

static bool has_dropped_rows(const struct ticket_answer *answer)
{
    for (size_t i = 0; i < answer->result_count; i++)
        if (answer->results[i].dropped)
            return true;
    return false;
}

static void deliver(struct session *session, const struct ticket_answer *answer)
{
    struct park *park = &session->park;
    deliver_begin(session, answer);
    notice_block(session, answer->id);
    if (park->kind == PARK_KIND_QUERY)
        deliver_query(session, park->record);
    else
        deliver_execute(session, park->portal, park->max_rows, park->record);
    end(session);
}

static void tell_dropped(struct session *session, const struct ticket_answer *answer)
{
    struct bytes message = {0}, words = {0};
    bytes_add_format(&message, "the write ran as ticket %s (%s), but its rows were too large to keep", answer->id,
                     answer->results[0].tag);
    struct message_words error = {
        .severity = "ERROR",
        .sqlstate = "54000",
        .message = bytes_text(&message),
        .hint = "Do not send it again; read the rows with a SELECT.",
    };
    message_add_words(&words, 'E', &error);
    deliver_told(session, answer->id);
    refuse(session, "result-too-large", session->park.record, &words);
    bytes_fini(&message);
}

void park_answered(struct session *session, const struct ticket_answer *answer)
{
    struct park *park = &session->park;
    if (park->kind == PARK_KIND_NOTHING)
        return;
    record_ticket(session, park->record, answer);
    bool is_executed = answer->ok && answer->state == TICKET_STATE_EXECUTED;
    if (is_executed && answer->result_count != park->run_count) {
        session_break(session, "the results of ticket %s don't fit its statement", answer->id);
        return;
    }
    if (is_executed && has_dropped_rows(answer)) {
        tell_dropped(session, answer);
        return;
    }
    if (is_executed) {
        deliver(session, answer);
        return;
    }
    struct bytes words = {0};
    if (answer->ok && (answer->state == TICKET_STATE_FAILED || answer->state == TICKET_STATE_EXPIRED ||
                       answer->state == TICKET_STATE_CANCELLED))
        deliver_told(session, answer->id);
    words_add_ticket(&words, answer, park->prepared->rule, park->prepared->reason);
    refuse(session, park->prepared->rule, park->record, &words);
}
