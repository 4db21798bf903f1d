/* The office: what all workers of a proxy share, and the rules in force. One per process. Immutable but for
 * what is said to be guarded; workers look things up here when an agent logs in, never per statement. */
#ifndef OFFICE_H
#define OFFICE_H

#include <stdatomic.h>

#include "proxy/proxy.h"

struct cancels;
struct net_tls;

/* A set of rules and agents that sessions hold on to while they use it. */
struct office_set {
    atomic_uint references;
    const struct proxy_set *set;
    struct net_tls *tls; /* NULL: none */
    void (*free_set)(void *arg, const struct proxy_set *set);
    void *arg;
};

struct office;

struct office *office_new(const struct proxy_options *options, const struct proxy_set *set, struct fault *fault);
void office_free(struct office *office); /* no session is left */

const struct proxy_options *office_options(const struct office *office);
struct cancels *office_cancels(struct office *office);
struct view office_secret(const struct office *office); /* for doomed logins */

/* The set in force: a reference for the caller. Any thread. */
struct office_set *office_set(struct office *office);
void office_drop(struct office_set *set);
/* Replaces it; false and a fault: the old one stays. */
bool office_reload(struct office *office, const struct proxy_set *set, struct fault *fault);

const struct proxy_agent *office_agent(const struct office_set *set, struct view name);
const struct proxy_database *office_database(const struct office_set *set, struct view name);

bool office_may_use(const struct proxy_agent *agent, struct view database);

/* Who is paused. Any thread. */
void office_pause(struct office *office, const char *const *agents, size_t count);
bool office_is_paused(struct office *office, const char *agent);
bool office_is_told(struct office *office); /* false: not since the start; what isn't known is refused */

/* Numbers for sessions; 0: there are too many already. office_leave gives a place back. */
uint64_t office_enter(struct office *office);
void office_leave(struct office *office);

#endif
