#include "base/map.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crypto.h"

/* Linear probing. A slot is free (key NULL), live (value not NULL), or a grave (key kept, value NULL) that
 * a search walks over. At most three quarters of the slots are live or graves, so a search ends. */
struct map_slot {
    char *key;
    size_t len;
    uint64_t hash;
    void *value;
};

static uint64_t sip_key[2];
static pthread_once_t sip_once = PTHREAD_ONCE_INIT;

static void sip_draw(void)
{
    crypto_random(sip_key, sizeof sip_key);
}

static uint64_t rotate(uint64_t x, int bits)
{
    return x << bits | x >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1], v[1] = rotate(v[1], 13) ^ v[0], v[0] = rotate(v[0], 32);
    v[2] += v[3], v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3], v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1], v[1] = rotate(v[1], 17) ^ v[2], v[2] = rotate(v[2], 32);
}

/* SipHash-1-3 (Aumasson, Bernstein: "SipHash: a fast short-input PRF"; rounds as hash tables use it). */
static uint64_t sip_hash(struct view key)
{
    pthread_once(&sip_once, sip_draw);
    uint64_t v[4] = {sip_key[0] ^ 0x736f6d6570736575, sip_key[1] ^ 0x646f72616e646f6d, sip_key[0] ^ 0x6c7967656e657261,
                     sip_key[1] ^ 0x7465646279746573};
    size_t whole = key.len / 8 * 8;
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word;
        memcpy(&word, key.data + i, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)key.len << 56;
    for (size_t i = whole; i < key.len; i++)
        last |= (uint64_t)(uint8_t)key.data[i] << (8 * (i - whole));
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static struct map_slot *find(const struct map *m, struct view key, uint64_t hash)
{
    for (size_t at = hash & (m->cap - 1);; at = (at + 1) & (m->cap - 1)) {
        struct map_slot *slot = &m->slots[at];
        if (slot->key == NULL)
            return slot;
        if (slot->hash == hash && view_equals((struct view){slot->key, slot->len}, key))
            return slot;
    }
}

static void grow(struct map *m)
{
    size_t cap = m->count * 2 < 8 ? 16 : m->cap * (m->count * 2 > m->cap ? 2 : 1);
    struct map fresh = {.slots = check_calloc(cap, sizeof *fresh.slots), .cap = cap};
    for (size_t i = 0; i < m->cap; i++) {
        struct map_slot *slot = &m->slots[i];
        if (slot->value == NULL) {
            free(slot->key);
            continue;
        }
        *find(&fresh, (struct view){slot->key, slot->len}, slot->hash) = *slot;
        fresh.count++;
        fresh.used++;
    }
    free(m->slots);
    *m = fresh;
}

void *map_get(const struct map *m, struct view key)
{
    return m->count == 0 ? NULL : find(m, key, sip_hash(key))->value;
}

void *map_put(struct map *m, struct view key, void *value)
{
    CHECK(value != NULL);
    if (m->used + 1 > m->cap / 4 * 3)
        grow(m);
    uint64_t hash = sip_hash(key);
    struct map_slot *slot = find(m, key, hash);
    void *old = slot->value;
    if (slot->key == NULL) {
        *slot = (struct map_slot){check_strndup(key.data, key.len), key.len, hash, NULL};
        m->used++;
    }
    slot->value = value;
    m->count += old == NULL;
    return old;
}

void *map_remove(struct map *m, struct view key)
{
    if (m->count == 0)
        return NULL;
    struct map_slot *slot = find(m, key, sip_hash(key));
    void *old = slot->value;
    slot->value = NULL;
    m->count -= old != NULL;
    return old;
}

void map_clear(struct map *m)
{
    for (size_t i = 0; i < m->cap; i++)
        free(m->slots[i].key);
    if (m->cap > 0)
        memset(m->slots, 0, m->cap * sizeof *m->slots);
    m->count = m->used = 0;
}

void map_fini(struct map *m)
{
    map_clear(m);
    free(m->slots);
    *m = (struct map){0};
}

bool map_next(const struct map *m, size_t *at, struct view *key, void **value)
{
    for (; *at < m->cap; (*at)++) {
        const struct map_slot *slot = &m->slots[*at];
        if (slot->value == NULL)
            continue;
        *key = (struct view){slot->key, slot->len};
        *value = slot->value;
        (*at)++;
        return true;
    }
    return false;
}
