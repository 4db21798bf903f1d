#include "session_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "deliver.h"
#include "ending.h"
#include "park.h"
#include "portal.h"
#include "record.h"
#include "replies.h"

struct arriving {
    char type;
    struct view body, seen; /* seen: with type and length, as far as it is there */
    size_t size;
};

static void pass(struct session *session, const struct arriving *in)
{
    stream_pass(&session->to_agent, in->seen);
    session->server_left = in->size - in->seen.len;
    session->server_left_dropped = false;
}

static void drop(struct session *session, const struct arriving *in)
{
    session->server_left = in->size - in->seen.len;
    session->server_left_dropped = true;
}

/* ---- what completed statements do to names ------------------------------------------------------------------ */

static void claim(char **what, struct view says)
{
    free(*what);
    *what = says.len > 0 ? check_strndup(says.data, says.len) : NULL;
}

static void apply_effect(struct session *session, const struct reply *reply, const struct effect *effect)
{
    switch (effect->kind) {
    case EFFECT_NONE:
        return;
    case EFFECT_PREPARE:
        names_learn(&session->statements, effect->name, effect->judged);
        return;
    case EFFECT_DEALLOCATE:
        names_forget(&session->statements, effect->name);
        return;
    case EFFECT_DEALLOCATE_ALL:
        names_forget_all(&session->statements);
        return;
    case EFFECT_DECLARE: {
        struct portal *portal = portal_open(session, effect->judged);
        portal->record = reply->record;
        names_learn(&session->portals, effect->name, portal);
        thing_drop(portal);
        return;
    }
    case EFFECT_CLOSE:
        names_forget(&session->portals, effect->name);
        return;
    case EFFECT_CLOSE_ALL:
        names_forget_all(&session->portals);
        return;
    case EFFECT_DISCARD_ALL:
        names_forget_all(&session->statements);
        names_forget_all(&session->portals);
        claim(&session->reason, (struct view){0});
        return;
    case EFFECT_REASON:
        claim(&session->reason, effect->name);
        return;
    case EFFECT_APPLICATION:
        claim(&session->application, effect->name);
        return;
    case EFFECT_RESET_ALL:
        claim(&session->reason, (struct view){0});
        return;
    case EFFECT_COMMIT: /* of a failed block it is a rollback, as its tag says */
        deliver_block_ended(session, strcmp(reply->tag, "COMMIT") == 0, effect->chains);
        return;
    case EFFECT_ROLLBACK:
        deliver_block_ended(session, false, effect->chains);
        return;
    }
}

static void statement_completed(struct session *session, struct reply *reply)
{
    struct prepared *prepared = reply->prepared;
    size_t at = reply->completed++;
    if (prepared != NULL && at < prepared->effect_count)
        apply_effect(session, reply, &prepared->effects[at]);
}

/* ---- by role -------------------------------------------------------------------------------------------------- */

/* A parked statement is known to the server by an inert text without columns; the agent sees those of the
 * real one. */
static bool describe_parked(struct session *session, const struct reply *reply)
{
    const struct portal *portal = reply->used;
    const struct prepared *prepared = portal ? portal->prepared : reply->prepared;
    if (prepared == NULL || prepared->verdict != VERDICT_PARK || prepared->column_count == 0)
        return false;
    struct arena arena = {0};
    struct message_column *columns = arena_alloc(&arena, prepared->column_count * sizeof *columns);
    for (uint16_t i = 0; i < prepared->column_count; i++) {
        columns[i] = prepared->columns[i];
        columns[i].format = 0;
        if (portal != NULL && portal->format_count > 0)
            columns[i].format = portal->formats[portal->format_count == 1 ? 0 : i];
    }
    message_add_columns(stream_make(&session->to_agent), columns, prepared->column_count);
    arena_fini(&arena);
    return true;
}

static void to_agents_own(struct session *session, struct reply *reply, const struct arriving *in)
{
    bool is_description =
        reply->owed.kind == OWED_KIND_DESCRIBE_STATEMENT || reply->owed.kind == OWED_KIND_DESCRIBE_PORTAL;
    if (in->type == 'n' && is_description && describe_parked(session, reply))
        return;
    pass(session, in);
}

/* Only the error that our stand-in must cause is ours; any other is the server's own and stands. */
static void to_refused(struct session *session, struct reply *reply, const struct arriving *in)
{
    if (in->type != 'E' || strcmp(reply->sqlstate, reply->expected) != 0) {
        pass(session, in);
        return;
    }
    bytes_add_view(stream_make(&session->to_agent), bytes_view(&reply->words));
}

static void to_internal(struct session *session, struct reply *reply, const struct arriving *in)
{
    bool is_query = reply->owed.kind == OWED_KIND_QUERY;
    if (in->type == 'E' || (is_query && in->type == 'Z' && reply->sqlstate[0] != '\0')) {
        pass(session, in); /* what the agent asked can't go on: the server's own error says why */
        return;
    }
    if (in->type == 'D' && reply->wants_row)
        park_settings_row(session, in->body);
    drop(session, in);
}

static void to_delivery(struct session *session, struct reply *reply, const struct arriving *in)
{
    const struct delivery *delivery = &session->delivery;
    const struct ticket_result *result =
        reply->result_at < delivery->count ? &delivery->results[reply->result_at] : NULL;
    bool is_query = reply->owed.kind == OWED_KIND_QUERY;
    if (result != NULL && in->type == 'C') {
        message_add_complete(stream_make(&session->to_agent), view_of(result->tag));
        snprintf(reply->tag, sizeof reply->tag, "%s", result->tag);
        reply->result_at += is_query;
        return;
    }
    bool is_rowless = result != NULL && result->column_count == 0 && (in->type == 'T' || in->type == 'D');
    if (is_rowless)
        drop(session, in);
    else
        pass(session, in);
}

static void relay(struct session *session, struct reply *reply, const struct arriving *in)
{
    switch (reply->role) {
    case REPLY_ROLE_AGENT:
        to_agents_own(session, reply, in);
        return;
    case REPLY_ROLE_REFUSED:
        to_refused(session, reply, in);
        return;
    case REPLY_ROLE_INTERNAL:
        to_internal(session, reply, in);
        return;
    case REPLY_ROLE_DELIVERY:
        to_delivery(session, reply, in);
        return;
    }
}

/* ---- counting and ending --------------------------------------------------------------------------------------- */

static void note_error(struct reply *reply, struct view body)
{
    struct message_error error;
    if (message_read_error(body, &error))
        snprintf(reply->sqlstate, sizeof reply->sqlstate, "%.*s", (int)error.sqlstate.len,
                 error.sqlstate.data ? error.sqlstate.data : "");
    else
        snprintf(reply->sqlstate, sizeof reply->sqlstate, "XX000");
}

static void note_complete(struct session *session, struct reply *reply, struct view body)
{
    struct view tag;
    uint64_t rows;
    if (!message_read_complete(body, &tag, &rows))
        return;
    snprintf(reply->tag, sizeof reply->tag, "%.*s", (int)tag.len, tag.data);
    /* Rows were counted as they came; what returned none has their number in its tag. */
    if (!view_starts(tag, "SELECT") && !view_starts(tag, "FETCH"))
        reply->rows += rows;
    if (view_is(tag, "BEGIN") || view_is(tag, "START TRANSACTION"))
        session->in_block = true;
    statement_completed(session, reply);
}

static void note(struct session *session, struct reply *reply, const struct arriving *in)
{
    switch (in->type) {
    case 'D':
        reply->rows++;
        reply->bytes += in->size;
        return;
    case 'd':
        reply->bytes += in->size;
        return;
    case 'C':
        note_complete(session, reply, in->body);
        return;
    case 'I':
        statement_completed(session, reply);
        return;
    case 'E':
        note_error(reply, in->body);
        /* A result that could not be shown is not delivered. */
        if (reply->role == REPLY_ROLE_DELIVERY || reply->role == REPLY_ROLE_INTERNAL)
            deliver_give_back(session);
        return;
    case 'Z':
        if (session->owed.status == 'I')
            names_forget_all(&session->portals);
        deliver_ready(session, session->owed.status);
        return;
    default:
        return;
    }
}

static void settle_names(struct session *session, struct reply *reply, bool failed)
{
    if (failed) {
        names_withdraw(&session->statements, &reply->statement, true);
        names_withdraw(&session->portals, &reply->portal, true);
    } else {
        names_confirm(&session->statements, &reply->statement);
        names_confirm(&session->portals, &reply->portal);
    }
}

/* Nothing was sent behind the message that may be a COPY: when no reply is owed any more, its is over. */
static void copy_is_known(struct session *session)
{
    if (session->hold == HOLD_COPY && list_is_empty(&session->owed.entries))
        session->hold = HOLD_NONE;
}

static void skipped(void *arg, struct owed_entry *entry)
{
    struct session *session = arg;
    struct reply *reply = (struct reply *)entry;
    copy_is_known(session);
    names_withdraw(&session->statements, &reply->statement, false);
    names_withdraw(&session->portals, &reply->portal, false);
    if (reply->record != 0) {
        snprintf(reply->tag, sizeof reply->tag, "SKIPPED");
        record_result(session, reply, NULL);
    }
    reply_free(session, reply);
}

static void reply_ended(struct session *session, struct reply *reply, bool failed)
{
    bool brings_settings = reply->wants_row;
    bool is_query = reply->owed.kind == OWED_KIND_QUERY;
    settle_names(session, reply, failed && !is_query);
    if (reply->record != 0)
        record_result(session, reply, reply->role == REPLY_ROLE_DELIVERY ? session->delivery.ticket : NULL);
    bool settings_failed = reply->sqlstate[0] != '\0';
    bool is_internal = reply->role == REPLY_ROLE_INTERNAL;
    copy_is_known(session);
    reply_free(session, reply);
    if (session->hold == HOLD_SETTINGS && is_internal && (brings_settings || settings_failed))
        park_settings_done(session, settings_failed);
}

/* ---- messages that nobody asked for ------------------------------------------------------------------------- */

static bool is_pin(struct view name, struct view value, bool is_direct)
{
    if (view_is(name, "client_encoding"))
        return view_is(value, "UTF8");
    if (view_is(name, "standard_conforming_strings"))
        return view_is(value, "on");
    if (view_is(name, "default_transaction_read_only"))
        return is_direct || view_is(value, "on");
    return true;
}

static void parameter_changed(struct session *session, const struct arriving *in)
{
    struct view name, value;
    if (!message_read_parameter(in->body, &name, &value) ||
        !is_pin(name, value, rules_needs_direct(session->options.rules))) {
        session_end(session, "08P01", "the database changed a setting that must not change", NULL);
        return;
    }
    /* Drivers that look for a writable server must find this one: its writes wait, but they are welcome. */
    bool writes = rules_can_write(session->options.rules) || rules_can_park(session->options.rules);
    if (view_is(name, "default_transaction_read_only") && writes)
        message_add_parameter(stream_make(&session->to_agent), name, view_of("off"));
    else
        pass(session, in);
}

static void from_nobody(struct session *session, const struct arriving *in)
{
    if (in->type == 'S')
        parameter_changed(session, in);
    else
        pass(session, in);
}

/* ---- the door --------------------------------------------------------------------------------------------------- */

bool server_may_pass_partly(const struct session *session, char type)
{
    if (type == 'd')
        return true;
    if (type != 'D' || list_is_empty(&session->owed.entries))
        return false;
    const struct owed_entry *first = list_entry(session->owed.entries.next, struct owed_entry, link);
    return !((const struct reply *)first)->wants_row;
}

void server_message(struct session *session, const struct frame *frame, struct view seen)
{
    struct arriving in = {frame->type, frame->body, seen, frame->size};
    struct owed_entry *entry;
    switch (owed_take(&session->owed, frame->type, frame->body, &entry, skipped, session)) {
    case OWED_ANSWER_NOBODY:
        from_nobody(session, &in);
        return;
    case OWED_ANSWER_PART:
        note(session, (struct reply *)entry, &in);
        relay(session, (struct reply *)entry, &in);
        if (session->hold == HOLD_COPY && session->owed.copy_in)
            session->hold = HOLD_NONE;
        return;
    case OWED_ANSWER_LAST:
        note(session, (struct reply *)entry, &in);
        relay(session, (struct reply *)entry, &in);
        reply_ended(session, (struct reply *)entry, in.type == 'E');
        return;
    case OWED_ANSWER_WRONG:
        session_end(session, "08P01", "the database's answers are out of step", NULL);
        return;
    }
}
