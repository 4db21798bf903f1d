#include "office.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/map.h"
#include "cancels.h"
#include "net/net.h"

enum { SESSIONS_DEFAULT = 10000 };

struct office {
    const struct proxy_options *options;
    struct cancels *cancels;
    uint8_t secret[32];
    atomic_ulong entered, present;
    pthread_mutex_t mutex; /* guards what follows */
    struct office_set *set;
    struct map paused; /* agent's name -> itself */
    bool is_told;
};

static struct office_set *set_new(const struct proxy_options *options, const struct proxy_set *from,
                                  struct fault *fault)
{
    struct net_tls *tls = NULL;
    if (from->tls_certificate != NULL && from->tls_mode != PROXY_TLS_DISABLE) {
        tls = net_tls_new(from->tls_certificate, from->tls_key, fault);
        if (tls == NULL)
            return NULL;
    }
    struct office_set *set = check_calloc(1, sizeof *set);
    atomic_init(&set->references, 1);
    set->set = from;
    set->tls = tls;
    set->free_set = options->free_set;
    set->arg = options->arg;
    return set;
}

struct office *office_new(const struct proxy_options *options, const struct proxy_set *set, struct fault *fault)
{
    struct office_set *first = set_new(options, set, fault);
    if (first == NULL)
        return NULL;
    struct office *office = check_calloc(1, sizeof *office);
    office->options = options;
    office->cancels = cancels_new();
    office->set = first;
    crypto_random(office->secret, sizeof office->secret);
    pthread_mutex_init(&office->mutex, NULL);
    return office;
}

void office_free(struct office *office)
{
    office_drop(office->set);
    cancels_free(office->cancels);
    map_fini(&office->paused);
    pthread_mutex_destroy(&office->mutex);
    free(office);
}

const struct proxy_options *office_options(const struct office *office)
{
    return office->options;
}

struct cancels *office_cancels(struct office *office)
{
    return office->cancels;
}

struct view office_secret(const struct office *office)
{
    return (struct view){(const char *)office->secret, sizeof office->secret};
}

struct office_set *office_set(struct office *office)
{
    pthread_mutex_lock(&office->mutex);
    struct office_set *set = office->set;
    atomic_fetch_add(&set->references, 1);
    pthread_mutex_unlock(&office->mutex);
    return set;
}

void office_drop(struct office_set *set)
{
    if (set == NULL || atomic_fetch_sub(&set->references, 1) != 1)
        return;
    if (set->tls != NULL)
        net_tls_drop(set->tls);
    if (set->free_set != NULL)
        set->free_set(set->arg, set->set);
    free(set);
}

bool office_reload(struct office *office, const struct proxy_set *set, struct fault *fault)
{
    struct office_set *fresh = set_new(office->options, set, fault);
    if (fresh == NULL)
        return false;
    pthread_mutex_lock(&office->mutex);
    struct office_set *old = office->set;
    office->set = fresh;
    pthread_mutex_unlock(&office->mutex);
    office_drop(old);
    return true;
}

const struct proxy_agent *office_agent(const struct office_set *set, struct view name)
{
    for (size_t i = 0; i < set->set->agent_count; i++)
        if (view_is(name, set->set->agents[i].name))
            return &set->set->agents[i];
    return NULL;
}

const struct proxy_database *office_database(const struct office_set *set, struct view name)
{
    for (size_t i = 0; i < set->set->database_count; i++)
        if (view_is(name, set->set->databases[i].name))
            return &set->set->databases[i];
    return NULL;
}

bool office_may_use(const struct proxy_agent *agent, struct view database)
{
    for (const char *const *name = agent->databases; *name != NULL; name++)
        if (view_is(database, *name))
            return true;
    return false;
}

void office_pause(struct office *office, const char *const *agents, size_t count)
{
    pthread_mutex_lock(&office->mutex);
    office->is_told = true;
    map_clear(&office->paused);
    for (size_t i = 0; i < count; i++)
        map_put(&office->paused, view_of(agents[i]), office);
    pthread_mutex_unlock(&office->mutex);
}

bool office_is_paused(struct office *office, const char *agent)
{
    pthread_mutex_lock(&office->mutex);
    bool paused = map_get(&office->paused, view_of(agent)) != NULL;
    pthread_mutex_unlock(&office->mutex);
    return paused;
}

bool office_is_told(struct office *office)
{
    pthread_mutex_lock(&office->mutex);
    bool is_told = office->is_told;
    pthread_mutex_unlock(&office->mutex);
    return is_told;
}

uint64_t office_enter(struct office *office)
{
    unsigned most = office->options->max_sessions ? office->options->max_sessions : SESSIONS_DEFAULT;
    if (atomic_fetch_add(&office->present, 1) >= most) {
        atomic_fetch_sub(&office->present, 1);
        return 0;
    }
    return atomic_fetch_add(&office->entered, 1) + 1;
}

void office_leave(struct office *office)
{
    atomic_fetch_sub(&office->present, 1);
}
