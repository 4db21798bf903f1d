#include "ending.h"

#include <stdarg.h>
#include <stdio.h>

#include "record.h"

void session_break(struct session *session, const char *format, ...)
{
    va_list args;
    if (session->state != SESSION_STATE_OPEN)
        return;
    session->state = SESSION_STATE_BROKEN;
    va_start(args, format);
    vsnprintf(session->why, sizeof session->why, format, args);
    va_end(args);
}

void session_end(struct session *session, const char *sqlstate, const char *message, const char *hint)
{
    if (session->state != SESSION_STATE_OPEN)
        return;
    struct message_words words = {.severity = "FATAL", .sqlstate = sqlstate, .message = message, .hint = hint};
    /* In the middle of a row that is being relayed there is no place for words. */
    bool is_between = session->server_left == 0 || session->server_left_dropped;
    if (is_between)
        message_add_words(stream_make(&session->to_agent), 'E', &words);
    session_break(session, "%s", message);
}

void session_record_fresh(struct session *session)
{
    struct prepared *fresh = session->fresh;
    if (fresh == NULL)
        return;
    session->fresh = NULL;
    if (!fresh->is_recorded && !fresh->is_rollback && record_statement(session, "prepare", fresh, NULL, 0) == 0)
        session_end(session, "58030", "the audit log can't be written, and nothing runs unrecorded", NULL);
    fresh->is_recorded = true;
    thing_drop(fresh);
}
