/* A login: from an accepted socket to a session that is ready for statements. TLS, the start-up packet,
 * SCRAM, the rules about settings, then the upstream connection. Nothing that an agent sent before it was
 * authenticated reaches the database, and nothing of its start-up packet but settings that the table of
 * settings allows.
 *
 *   START --SSLRequest--> START (TLS) --StartupMessage--> SASL --SCRAM--> PROOF --ok--> UPSTREAM --> a link
 *         --CancelRequest--> (cancels, closes) */
#ifndef LOGIN_H
#define LOGIN_H

#include "base/list.h"
#include "link.h"

struct login;

struct login_services {
    const struct link_services *link;
    const char *session_prefix;                   /* "p1": of this worker's session ids */
    void (*ready)(void *arg, struct link *link);  /* it is the worker's now */
    void (*ended)(void *arg, struct list *login); /* about to be freed: unlink it */
    void *arg;
};

/* Takes over fd. number: from office_enter, given back when the login fails, passed on when it succeeds. */
struct login *login_new(const struct login_services *services, int fd, const char *peer, uint64_t number);
struct list *login_list(struct login *login);
struct login *login_of(struct list *list);
void login_shut_down(struct login *login);

#endif
