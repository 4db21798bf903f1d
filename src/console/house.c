#include "house.h"

bool house_take(struct house *house, const struct console_set *set, struct fault *fault)
{
    struct net_tls *tls = NULL;
    if (set->tls_certificate != NULL && (tls = net_tls_new(set->tls_certificate, set->tls_key, fault)) == NULL)
        return false;
    const struct console_set *old = house->set;
    if (house->tls != NULL)
        net_tls_drop(house->tls);
    house->tls = tls;
    house->set = set;
    pthread_mutex_lock(&house->desk.agents_lock);
    house->desk.agents = set->agents;
    pthread_mutex_unlock(&house->desk.agents_lock);
    if (old != NULL && house->options->free_set != NULL)
        house->options->free_set(house->options->arg, old);
    return true;
}

bool house_reload(struct house *house, struct fault *fault)
{
    const struct console_options *options = house->options;
    *fault = (struct fault){0};
    const struct console_set *set = options->reload(options->arg, fault);
    bool done = set != NULL && house_take(house, set, fault);
    if (set != NULL && !done)
        options->free_set(options->arg, set);
    audit_reload(options->audit, done ? NULL : fault);
    return done;
}

const struct console_approver *house_approver(const struct house *house, struct view name)
{
    for (size_t i = 0; i < house->set->approver_count; i++)
        if (view_is(name, house->set->approvers[i].name))
            return &house->set->approvers[i];
    return NULL;
}
