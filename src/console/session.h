/* One approver's connection, from accept to close: login.c brings it to `ready`, dialogue.c serves it. */
#ifndef CONSOLE_SESSION_H
#define CONSOLE_SESSION_H

#include "base/arena.h"
#include "house.h"
#include "wire/wire.h"

enum session_state {
    SESSION_STATE_START,   /* a start-up packet is next */
    SESSION_STATE_FIRST,   /* the client's first SCRAM message is next */
    SESSION_STATE_LAST,    /* its last one */
    SESSION_STATE_REFUSED, /* the password was wrong; saying so waits for the timer */
    SESSION_STATE_READY,
    SESSION_STATE_CLOSED, /* only a command in the thread pool keeps it alive */
};

struct dialogue;

struct session {
    struct list link;
    struct house *house;
    struct net_conn *conn;   /* NULL when closed */
    struct net_timer *timer; /* the login's deadline, then the wait before a refusal */
    enum session_state state;
    struct arena arena; /* lives as long as the session */
    const char *user, *database, *application, *client;
    struct scram *scram;
    bool is_doomed;                          /* there is no such user */
    struct dialogue *dialogue;               /* when READY */
    bool has_job;                            /* a command runs in the thread pool */
    void (*forget)(struct session *session); /* frees the dialogue */
};

struct session *session_new(struct house *house, int fd, const char *peer, const struct net_events *events);
struct bytes *session_output(struct session *session);
void session_flush(struct session *session);
void session_logged_in(struct session *session); /* no stranger any more */

/* Closes it (state CLOSED); memory goes at the end of the turn, or when no command runs for it any more. With words, a
 * FATAL error is the last that the client hears. */
void session_end(struct session *session, const char *sqlstate, const char *message, const char *hint);
void session_close(struct session *session);
/* The command that ran has come back. False: the session is closed, and gone with this call. */
bool session_job_done(struct session *session);

#endif
