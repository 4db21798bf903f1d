/* A guest: one connection to the console, from accept to close, a stranger first. login.c brings it to READY,
 * dialogue.c serves the approver that it then is. */
#ifndef CONSOLE_GUEST_H
#define CONSOLE_GUEST_H

#include "base/arena.h"
#include "house.h"
#include "wire/wire.h"

enum guest_state {
    GUEST_STATE_START,   /* a start-up packet is next */
    GUEST_STATE_FIRST,   /* the client's first SCRAM message is next */
    GUEST_STATE_LAST,    /* its last one */
    GUEST_STATE_REFUSED, /* the password was wrong; saying so waits for the timer */
    GUEST_STATE_READY,
    GUEST_STATE_CLOSED, /* only a command in the thread pool keeps it alive */
};

struct dialogue;

struct guest {
    struct list link;
    struct house *house;
    struct net_conn *conn;   /* NULL when closed */
    struct net_timer *timer; /* the login's deadline, then the wait before a refusal */
    enum guest_state state;
    struct arena arena; /* lives as long as it does */
    const char *user, *database, *application, *client;
    struct scram *scram;
    bool is_doomed;                      /* there is no such user */
    struct dialogue *dialogue;           /* when READY */
    bool has_job;                        /* a command runs in the thread pool */
    void (*forget)(struct guest *guest); /* frees the dialogue */
};

struct guest *guest_new(struct house *house, int fd, const char *peer, const struct net_events *events);
struct bytes *guest_output(struct guest *guest);
void guest_flush(struct guest *guest);
void guest_logged_in(struct guest *guest); /* no stranger any more */

/* Closes it (state CLOSED); memory goes at the end of the turn, or when no command runs for it any more. With words, a
 * FATAL error is the last that the client hears. */
void guest_end(struct guest *guest, const char *sqlstate, const char *message, const char *hint);
void guest_close(struct guest *guest);
/* Likewise, at once: what wasn't sent yet never is. */
void guest_drop(struct guest *guest);
/* The command that ran has come back. False: it is closed, and gone with this call. */
bool guest_job_done(struct guest *guest);

#endif
