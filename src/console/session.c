#include "session.h"

#include <stdlib.h>

#include "answer.h"
#include "base/check.h"
#include "base/log.h"

struct session *session_new(struct house *house, int fd, const char *peer, const struct net_events *events)
{
    struct session *session = check_calloc(1, sizeof *session);
    session->house = house;
    session->client = arena_copy(&session->arena, view_of(peer));
    session->conn = net_conn_new(house->loop, fd, events, session);
    list_append(&house->sessions, &session->link);
    house->strangers++;
    return session;
}

struct bytes *session_output(struct session *session)
{
    return net_conn_output(session->conn);
}

void session_flush(struct session *session)
{
    if (session->conn != NULL)
        net_conn_flush(session->conn);
}

void session_logged_in(struct session *session)
{
    session->house->strangers--;
    session->state = SESSION_STATE_READY;
    net_timer_stop(session->timer);
    scram_free(session->scram);
    session->scram = NULL;
}

/* At the end of the turn: whoever closed it may still look at its state. */
static void session_free(void *arg)
{
    struct session *session = arg;
    struct house *house = session->house;
    if (session->forget != NULL)
        session->forget(session);
    list_remove(&session->link);
    arena_fini(&session->arena);
    free(session);
    if (house->is_stopping && list_is_empty(&house->sessions))
        net_loop_stop(house->loop);
}

void session_close(struct session *session)
{
    if (session->state == SESSION_STATE_CLOSED)
        return;
    if (session->state != SESSION_STATE_READY)
        session->house->strangers--;
    session->state = SESSION_STATE_CLOSED;
    net_timer_free(session->timer);
    scram_free(session->scram);
    session->timer = NULL;
    session->scram = NULL;
    net_conn_close(session->conn, true);
    session->conn = NULL;
    if (!session->has_job)
        net_loop_defer(session->house->loop, session_free, session);
}

void session_end(struct session *session, const char *sqlstate, const char *message, const char *hint)
{
    if (session->state == SESSION_STATE_CLOSED)
        return;
    answer_add_error(session_output(session), "FATAL", sqlstate, message, hint);
    session_flush(session);
    session_close(session);
}

bool session_job_done(struct session *session)
{
    session->has_job = false;
    if (session->state != SESSION_STATE_CLOSED)
        return true;
    session_free(session);
    return false;
}
