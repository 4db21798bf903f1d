/* A link: a session with its two sockets. It moves bytes between them and the session, keeps either side
 * from running ahead of the other, and carries the session's questions to the queue and the catalog. It
 * decides nothing. One thread: its worker's. */
#ifndef LINK_H
#define LINK_H

#include "base/list.h"
#include "office.h"
#include "session.h"

struct describer;
struct net_conn;
struct net_loop;
struct upstream;

/* What a worker lends to its links. */
struct link_services {
    struct office *office;
    struct net_loop *loop;
    struct session_desk *desk;
    struct tickets *tickets;
    struct describer *(*describer)(void *arg, const struct proxy_database *database);
    void (*ended)(void *arg, struct list *link); /* the link is about to be freed: unlink it */
    void *arg;
};

struct link_options {
    const char *id, *client;
    const struct proxy_agent *agent;
    const struct proxy_database *database;
    struct office_set *set;           /* a reference, taken over */
    const char *application, *reason; /* the agent's claims; reason may be NULL */
};

struct link;

/* Takes over both connections; the agent has been told ReadyForQuery by the caller. The returned list link
 * is the worker's to thread. */
struct link *link_new(const struct link_services *services, const struct link_options *options, struct net_conn *agent,
                      struct upstream *upstream, uint32_t cancel_pid);
struct list *link_list(struct link *link);
struct link *link_of(struct list *list);

/* The set in force has changed, or the list of paused agents: adapts, or ends the session. */
void link_review(struct link *link);
void link_shut_down(struct link *link);                  /* FATAL: the proxy is going away */
void link_add_json(struct link *link, struct bytes *to); /* one object for SHOW SESSIONS */

#endif
