#include "session.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "ending.h"
#include "park.h"
#include "record.h"
#include "replies.h"
#include "session_agent.h"
#include "session_server.h"
#include "session_state.h"

/* Replies owed at once, at most. It must be more than the server may keep to itself until a Flush or Sync:
 * its output buffer has 8 KiB, and the smallest reply five bytes. */
enum { OWED_MOST = 16384 };

static bool is_full(const struct session *session)
{
    return session->owed.count >= OWED_MOST;
}

struct session_desk *session_desk_new(void)
{
    return check_calloc(1, sizeof(struct session_desk));
}

void session_desk_free(struct session_desk *desk)
{
    while (desk->free_replies != NULL) {
        struct reply *reply = desk->free_replies;
        desk->free_replies = reply->next_free;
        free(reply);
    }
    arena_fini(&desk->statement);
    bytes_fini(&desk->scratch);
    free(desk);
}

struct session *session_new(const struct session_options *options, const struct session_port *port, void *arg)
{
    struct session *session = check_calloc(1, sizeof *session);
    session->options = *options;
    session->first_generation = options->generation;
    session->desk = options->desk;
    session->port = port;
    session->arg = arg;
    session->to_agent = (struct stream){.send = port->to_agent, .arg = arg};
    session->to_server = (struct stream){.send = port->to_server, .arg = arg};
    session->park.kind = PARK_KIND_NOTHING;
    owed_init(&session->owed);
    session->owed.status = 'I';
    if (options->application != NULL && options->application[0] != '\0')
        session->application = check_strdup(options->application);
    if (options->reason != NULL)
        session->reason = check_strdup(options->reason);
    record_prefix(session);
    return session;
}

static void forget_reply(struct session *session, struct reply *reply)
{
    if (reply->record != 0) {
        snprintf(reply->tag, sizeof reply->tag, "UNFINISHED");
        record_result(session, reply, NULL);
    }
    names_withdraw(&session->statements, &reply->statement, false);
    names_withdraw(&session->portals, &reply->portal, false);
    reply_free(session, reply);
}

void session_free(struct session *session)
{
    while (!list_is_empty(&session->owed.entries)) {
        struct owed_entry *entry = list_entry(session->owed.entries.next, struct owed_entry, link);
        list_remove(&entry->link);
        forget_reply(session, (struct reply *)entry);
    }
    park_fini(session);
    thing_drop(session->fresh);
    names_fini(&session->statements);
    names_fini(&session->portals);
    CHECK(session->kept == 0);
    stream_fini(&session->to_agent);
    stream_fini(&session->to_server);
    bytes_fini(&session->prefix);
    arena_fini(&session->delivery.arena);
    free(session->application);
    free(session->reason);
    free(session);
}

size_t session_take_agent(struct session *session, struct view in)
{
    size_t used = 0;
    while (session->state == SESSION_STATE_OPEN) {
        struct view rest = {in.data + used, in.len - used};
        if (session->hold == HOLD_BATCH)
            park_look_ahead(session, rest);
        if (session->hold != HOLD_NONE || rest.len == 0 || is_full(session))
            break;
        struct frame frame;
        struct frame_error error;
        enum frame_result result = frame_take_agent(rest, &session->options.limits, &frame, &error);
        if (result == FRAME_RESULT_MORE)
            break;
        if (result == FRAME_RESULT_BAD) {
            session_end(session, error.sqlstate, error.message, NULL);
            break;
        }
        struct view whole = {rest.data, frame.size};
        if (!agent_message(session, &frame, whole))
            break;
        used += frame.size;
    }
    return used;
}

/* Everything owed has come back: whoever waited for that goes on. */
static void check_quiet(struct session *session)
{
    bool is_waiting = session->hold == HOLD_BARRIER || session->hold == HOLD_NAMES;
    if (!is_waiting || !owed_is_quiet(&session->owed))
        return;
    session->hold = HOLD_NONE;
    if (session->park.kind != PARK_KIND_NOTHING)
        park_quiet(session);
}

static size_t relay_rest(struct session *session, struct view in)
{
    size_t len = session->server_left < in.len ? session->server_left : in.len;
    if (!session->server_left_dropped)
        stream_pass(&session->to_agent, (struct view){in.data, len});
    session->server_left -= len;
    return len;
}

size_t session_take_server(struct session *session, struct view in)
{
    size_t used = 0;
    while (used < in.len && session->state == SESSION_STATE_OPEN) {
        struct view rest = {in.data + used, in.len - used};
        if (session->server_left > 0) {
            used += relay_rest(session, rest);
            continue;
        }
        struct frame frame;
        struct frame_error error;
        enum frame_result result = frame_peek_server(rest, &frame, &error);
        if (result == FRAME_RESULT_MORE)
            break;
        if (result == FRAME_RESULT_BAD) {
            session_end(session, "08P01", "the database's answers are out of step", NULL);
            break;
        }
        if (frame.size > rest.len && !server_may_pass_partly(session, frame.type))
            break;
        struct view seen = {rest.data, frame.size < rest.len ? frame.size : rest.len};
        server_message(session, &frame, seen);
        used += seen.len;
        check_quiet(session);
    }
    return used;
}

void session_flush(struct session *session)
{
    session_record_fresh(session);
    if (session->state == SESSION_STATE_OPEN)
        stream_flush(&session->to_server);
    stream_flush(&session->to_agent);
}

void session_described(struct session *session, const struct described *described)
{
    if (session->state == SESSION_STATE_OPEN && session->hold == HOLD_DESCRIBE)
        park_described(session, described);
}

void session_answered(struct session *session, const struct ticket_answer *answer)
{
    if (session->state == SESSION_STATE_OPEN && session->hold == HOLD_TICKET)
        park_answered(session, answer);
}

void session_set_rules(struct session *session, const struct rules *rules, unsigned generation)
{
    session->options.rules = rules;
    session->options.generation = generation;
}

enum session_state session_state(const struct session *session)
{
    return session->state;
}

const char *session_why(const struct session *session)
{
    return session->why;
}

bool session_is_held(const struct session *session)
{
    return session->hold != HOLD_NONE || is_full(session);
}

bool session_is_busy(const struct session *session)
{
    return !owed_is_quiet(&session->owed);
}

bool session_looks_ahead(const struct session *session)
{
    return session->hold == HOLD_BATCH;
}

char session_transaction(const struct session *session)
{
    return session->owed.status;
}

uint64_t session_statements(const struct session *session)
{
    return session->judged;
}

const char *session_current(const struct session *session)
{
    return session->current;
}
