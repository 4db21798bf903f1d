/* chain_check on any bytes: lines of a file that somebody else may have written. Whatever it accepts must
 * be exactly what chain_add would have made of the same parts. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_line(struct chain *chain, struct view line)
{
    struct chain before = *chain;
    struct record record;
    if (chain_check(chain, line) != NULL) {
        CHECK(memcmp(chain, &before, sizeof before) == 0);
        return;
    }
    CHECK(record_read(line, &record) == NULL && record.seq == chain->seq);
    CHECK(before.seq == 0 || record.seq == before.seq + 1);
    before.seq = record.seq - 1;
    CHECK(crypto_unhex(record.prev, before.hash.byte, sizeof before.hash.byte));
    struct bytes again = {0};
    chain_add(&before, record.time, record.body, &again);
    CHECK(view_equals((struct view){again.data, again.len - 1}, line));
    bytes_fini(&again);
}

/* No fuzzer finds a SHA-256, so it is given: the line with the hash that it should have. */
static void check_with_hash(struct view line)
{
    struct chain chain = {0};
    struct bytes made = {0};
    struct sha256 hash = crypto_sha256(line);
    bytes_add_view(&made, line);
    bytes_add_text(&made, ",\"hash\":\"");
    record_add_hash(&made, &hash);
    bytes_add_text(&made, "\"}");
    check_line(&chain, bytes_view(&made));
    bytes_fini(&made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct chain chain = {0};
    const char *at = (const char *)data, *end = at + size;
    while (at < end) {
        const char *feed = memchr(at, '\n', (size_t)(end - at));
        const char *stop = feed ? feed : end;
        struct view line = {at, (size_t)(stop - at)};
        check_line(&chain, line);
        /* A record's tail has 75 bytes. */
        check_with_hash((struct view){line.data, line.len > 75 ? line.len - 75 : line.len});
        at = feed ? feed + 1 : end;
    }
    return 0;
}
