#include "seal.h"

#include <inttypes.h>
#include <jansson.h>

#include "base/text.h"

static void add_number(struct bytes *to, uint64_t number)
{
    bytes_add_u32(to, (uint32_t)(number >> 32));
    bytes_add_u32(to, (uint32_t)number);
}

static void add_view(struct bytes *to, struct view v)
{
    add_number(to, v.len);
    bytes_add_view(to, v);
}

/* Lengths first, as in the digest of the content. */
static struct sha256 sign(const struct seal *seal, struct view key)
{
    struct bytes text = {0};
    add_view(&text, view_of("sallyport decision 1"));
    add_view(&text, seal->id);
    add_view(&text, (struct view){(const char *)seal->digest.byte, sizeof seal->digest.byte});
    add_number(&text, seal->created);
    add_number(&text, seal->expires);
    add_number(&text, seal->approvals);
    add_number(&text, seal->approve);
    add_view(&text, view_of(seal->approver));
    add_number(&text, seal->words != NULL);
    add_view(&text, view_of(seal->words));
    add_number(&text, seal->time);
    struct sha256 mac = crypto_hmac_sha256(key, bytes_view(&text));
    bytes_fini(&text);
    return mac;
}

void seal_write(const struct seal *seal, struct view key, struct bytes *to)
{
    struct sha256 mac = sign(seal, key);
    char hex[2 * CRYPTO_SHA256_SIZE + 1];
    crypto_hex(mac.byte, sizeof mac.byte, hex);
    bytes_add_format(to, "{\"decision\":\"%s\",\"approver\":", seal->approve ? "approve" : "reject");
    text_add_json(to, view_of(seal->approver));
    bytes_add_format(to, ",\"time\":%" PRIu64 ",\"words\":", seal->time);
    if (seal->words != NULL)
        text_add_json(to, view_of(seal->words));
    else
        bytes_add_text(to, "null");
    bytes_add_format(to, ",\"mac\":\"%s\"}", hex);
}

static bool read_members(const json_t *json, struct arena *arena, struct seal *seal, struct sha256 *mac)
{
    const char *decision = json_string_value(json_object_get(json, "decision"));
    const char *approver = json_string_value(json_object_get(json, "approver"));
    const char *words = json_string_value(json_object_get(json, "words"));
    const json_t *time = json_object_get(json, "time");
    if (decision == NULL || approver == NULL || !json_is_integer(time) || json_integer_value(time) < 0)
        return false;
    seal->approve = view_is(view_of(decision), "approve");
    seal->approver = arena_copy(arena, view_of(approver));
    seal->words = words ? arena_copy(arena, view_of(words)) : NULL;
    seal->time = (uint64_t)json_integer_value(time);
    return (seal->approve || view_is(view_of(decision), "reject")) &&
           crypto_unhex(view_of(json_string_value(json_object_get(json, "mac"))), mac->byte, sizeof mac->byte);
}

bool seal_read(struct view record, struct arena *arena, struct seal *seal, struct sha256 *mac)
{
    json_t *json = record.len ? json_loadb(record.data, record.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    bool good = json != NULL && read_members(json, arena, seal, mac);
    json_decref(json);
    return good;
}

bool seal_is_good(const struct seal *seal, struct view key, const struct sha256 *mac)
{
    struct sha256 right = sign(seal, key);
    return crypto_same(right.byte, mac->byte, sizeof right.byte);
}
