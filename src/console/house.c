#include "house.h"

#include "base/log.h"

static void record_reload(struct house *house, const char *outcome)
{
    struct bytes body = {0};
    bytes_add_text(&body, "\"event\":\"reload\"");
    audit_add_text(&body, "outcome", view_of(outcome));
    if (audit_append(house->options->audit, bytes_view(&body)) == 0)
        log_warn("the reload is not on the record: the audit log can't be written");
    bytes_fini(&body);
}

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

bool house_reload(struct house *house)
{
    struct fault fault = {0};
    const struct console_set *set = house->options->reload != NULL ? house->options->reload(house->options->arg) : NULL;
    bool done = set != NULL && house_take(house, set, &fault);
    if (set != NULL && !done) {
        log_error("the configuration stays as it was: %s", fault.message);
        house->options->free_set(house->options->arg, set);
    }
    record_reload(house, done ? "done" : "refused");
    return done;
}

const struct console_approver *house_approver(const struct house *house, struct view name)
{
    for (size_t i = 0; i < house->set->approver_count; i++)
        if (view_is(name, house->set->approvers[i].name))
            return &house->set->approvers[i];
    return NULL;
}
