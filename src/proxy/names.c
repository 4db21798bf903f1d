#include "names.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

/* Lives in the map as long as the name stands for something or will. */
struct name_slot {
    struct list changes; /* announced, oldest first */
    struct thing *known;
    size_t len;
    char name[];
};

void *thing_hold(void *thing)
{
    struct thing *t = thing;
    if (t != NULL)
        t->references++;
    return thing;
}

void thing_drop(void *thing)
{
    struct thing *t = thing;
    if (t != NULL && --t->references == 0)
        t->free(t);
}

static struct name_slot *slot_new(struct view name)
{
    struct name_slot *slot = check_alloc(sizeof *slot + name.len);
    list_init(&slot->changes);
    slot->known = NULL;
    slot->len = name.len;
    if (name.len > 0)
        memcpy(slot->name, name.data, name.len);
    return slot;
}

static struct name_slot *slot_find(const struct names *names, struct view name)
{
    return name.len == 0 ? names->unnamed : map_get(&names->slots, name);
}

static struct name_slot *slot_need(struct names *names, struct view name)
{
    struct name_slot *slot = slot_find(names, name);
    if (slot != NULL)
        return slot;
    slot = slot_new(name);
    if (name.len == 0)
        names->unnamed = slot;
    else
        map_put(&names->slots, name, slot);
    return slot;
}

static void slot_tidy(struct names *names, struct name_slot *slot)
{
    if (slot == names->unnamed || slot->known != NULL || !list_is_empty(&slot->changes))
        return;
    map_remove(&names->slots, (struct view){slot->name, slot->len});
    free(slot);
}

static void slot_set(struct name_slot *slot, struct thing *value)
{
    struct thing *old = slot->known;
    slot->known = value;
    thing_drop(old);
}

void names_announce(struct names *names, struct view name, void *value, struct name_change *change)
{
    change->slot = slot_need(names, name);
    change->value = thing_hold(value);
    change->fails_destructively = name.len == 0;
    change->batch = names->batch;
    list_append(&change->slot->changes, &change->link);
}

static struct name_slot *change_end(struct name_change *change)
{
    struct name_slot *slot = change->slot;
    list_remove(&change->link);
    change->slot = NULL;
    return slot;
}

void names_confirm(struct names *names, struct name_change *change)
{
    if (change->slot == NULL)
        return;
    struct name_slot *slot = change_end(change);
    slot_set(slot, change->value); /* the change's reference becomes the slot's */
    change->value = NULL;
    slot_tidy(names, slot);
}

void names_withdraw(struct names *names, struct name_change *change, bool failed)
{
    if (change->slot == NULL)
        return;
    struct name_slot *slot = change_end(change);
    thing_drop(change->value);
    change->value = NULL;
    if (failed && change->fails_destructively)
        slot_set(slot, NULL);
    slot_tidy(names, slot);
}

void names_sync(struct names *names)
{
    names->batch++;
}

void *names_find(struct names *names, struct view name, bool *is_uncertain)
{
    const struct name_slot *slot = slot_find(names, name);
    *is_uncertain = false;
    if (slot == NULL)
        return NULL;
    if (list_is_empty(&slot->changes))
        return slot->known;
    const struct name_change *latest = list_entry(slot->changes.prev, struct name_change, link);
    bool has_older = slot->known != NULL || slot->changes.next != slot->changes.prev;
    *is_uncertain = has_older && (slot->len > 0 || latest->batch != names->batch);
    return latest->value;
}

void names_forget(struct names *names, struct view name)
{
    struct name_slot *slot = slot_find(names, name);
    if (slot == NULL)
        return;
    slot_set(slot, NULL);
    slot_tidy(names, slot);
}

void names_forget_all(struct names *names)
{
    size_t at = 0;
    struct view name;
    void *value;
    if (names->unnamed != NULL)
        slot_set(names->unnamed, NULL);
    while (map_next(&names->slots, &at, &name, &value)) {
        struct name_slot *slot = value;
        slot_set(slot, NULL);
        slot_tidy(names, slot);
    }
}

void names_learn(struct names *names, struct view name, void *value)
{
    slot_set(slot_need(names, name), thing_hold(value));
}

void names_fini(struct names *names)
{
    names_forget_all(names);
    map_fini(&names->slots);
    free(names->unnamed);
    *names = (struct names){0};
}
