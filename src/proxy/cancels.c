#include "cancels.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crypto.h"
#include "base/map.h"
#include "upstream.h"

struct entry {
    uint32_t pid;
    uint8_t key[4];
    struct upstream_cancel *cancel;
};

struct cancels {
    pthread_mutex_t mutex;
    struct map entries; /* by pid */
};

struct cancels *cancels_new(void)
{
    struct cancels *cancels = check_calloc(1, sizeof *cancels);
    pthread_mutex_init(&cancels->mutex, NULL);
    return cancels;
}

static void entry_free(struct entry *entry)
{
    upstream_cancel_drop(entry->cancel);
    free(entry);
}

void cancels_free(struct cancels *cancels)
{
    size_t at = 0;
    struct view key;
    void *value;
    while (map_next(&cancels->entries, &at, &key, &value))
        entry_free(value);
    map_fini(&cancels->entries);
    pthread_mutex_destroy(&cancels->mutex);
    free(cancels);
}

static struct view as_key(const uint32_t *pid)
{
    return (struct view){(const char *)pid, sizeof *pid};
}

void cancels_add(struct cancels *cancels, struct upstream_cancel *cancel, uint32_t *pid, uint8_t key[4])
{
    struct entry *entry = check_calloc(1, sizeof *entry);
    entry->cancel = upstream_cancel_hold(cancel);
    crypto_random(entry->key, sizeof entry->key);
    pthread_mutex_lock(&cancels->mutex);
    do {
        crypto_random(&entry->pid, sizeof entry->pid);
        entry->pid &= 0x7fffffff; /* drivers keep it in a signed integer */
    } while (entry->pid == 0 || map_get(&cancels->entries, as_key(&entry->pid)) != NULL);
    map_put(&cancels->entries, as_key(&entry->pid), entry);
    *pid = entry->pid;
    memcpy(key, entry->key, sizeof entry->key);
    pthread_mutex_unlock(&cancels->mutex);
}

void cancels_remove(struct cancels *cancels, uint32_t pid)
{
    pthread_mutex_lock(&cancels->mutex);
    struct entry *entry = map_remove(&cancels->entries, as_key(&pid));
    pthread_mutex_unlock(&cancels->mutex);
    if (entry != NULL)
        entry_free(entry);
}

struct upstream_cancel *cancels_find(struct cancels *cancels, uint32_t pid, struct view key)
{
    struct upstream_cancel *found = NULL;
    pthread_mutex_lock(&cancels->mutex);
    const struct entry *entry = map_get(&cancels->entries, as_key(&pid));
    if (entry != NULL && key.len == sizeof entry->key && crypto_same(entry->key, key.data, key.len))
        found = upstream_cancel_hold(entry->cancel);
    pthread_mutex_unlock(&cancels->mutex);
    return found;
}
