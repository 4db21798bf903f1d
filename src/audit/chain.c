/* The chain: each record carries the hash of the one before and its own, so that nothing before the last
 * record can be changed, left out, added or put in another order without every later hash being wrong.
 * What a chain alone can't show is that its end was cut off: for that somebody has to keep a record's
 * number and hash elsewhere (`sallyport audit verify --expect`). */
#include <string.h>

#include "base/check.h"
#include "record.h"

/* A line feed ends a record. Between JSON's tokens it means what a space means; inside of a string it
 * can't be, since text_add_json escapes it. */
static void add_body(struct bytes *to, struct view body)
{
    size_t start = to->len;
    bytes_add_view(to, body);
    for (size_t i = 0; i < 2; i++) {
        char *at = to->data + start;
        while ((at = memchr(at, "\n\r"[i], (size_t)(to->data + to->len - at))) != NULL)
            *at++ = ' ';
    }
}

void chain_add(struct chain *chain, int64_t time, struct view body, struct bytes *to)
{
    CHECK(view_starts(body, "\"event\":\""));
    chain->seq++;
    size_t start = to->len;
    bytes_add_text(to, "{\"seq\":");
    record_add_decimal(to, chain->seq, 1);
    bytes_add_text(to, ",\"time\":\"");
    record_add_time(to, time);
    bytes_add_text(to, "\",\"prev\":\"");
    record_add_hash(to, &chain->hash);
    bytes_add_text(to, "\",");
    add_body(to, body);
    chain->hash = crypto_sha256((struct view){to->data + start, to->len - start});
    bytes_add_text(to, ",\"hash\":\"");
    record_add_hash(to, &chain->hash);
    bytes_add_text(to, "\"}\n");
}

static bool is_hash(struct view text, const struct sha256 *hash)
{
    char hex[RECORD_HASH_LEN + 1];
    crypto_hex(hash->byte, sizeof hash->byte, hex);
    return view_equals(text, (struct view){hex, RECORD_HASH_LEN});
}

const char *chain_check(struct chain *chain, struct view line)
{
    struct record record;
    const char *wrong = record_read(line, &record);
    if (wrong != NULL)
        return wrong;
    if (chain->seq > 0 && record.seq != chain->seq + 1)
        return "its number does not follow the one before";
    /* Before the first record of all there is none: its prev is zeros. */
    if ((chain->seq > 0 || record.seq == 1) && !is_hash(record.prev, &chain->hash))
        return "it does not carry the hash of the record before it";
    struct sha256 hash = crypto_sha256(record.hashed);
    if (!is_hash(record.hash, &hash))
        return "its hash differs: it was changed";
    *chain = (struct chain){record.seq, hash};
    return NULL;
}
