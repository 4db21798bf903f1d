/* What lies in Redis may have been written by anybody with a login there: reading a content or a decision back
 * never goes wrong, and what is read as a content has one digest, whichever way it was spelt. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "content.h"
#include "result.h"
#include "seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct view text = {(const char *)data, size};
    struct arena arena = {0};
    struct ticket_content content, again;
    struct ticket_result *results;
    struct seal seal = {.id = {"1", 1}};
    struct sha256 mac;
    size_t count;
    if (content_read(text, &arena, &content)) {
        struct bytes json = {0};
        content_write(&content, &json);
        CHECK(content_read(bytes_view(&json), &arena, &again));
        struct sha256 one = ticket_digest(&content), other = ticket_digest(&again);
        CHECK(memcmp(one.byte, other.byte, sizeof one.byte) == 0);
        bytes_fini(&json);
    }
    if (seal_read(text, &arena, &seal, &mac))
        seal_is_good(&seal, (struct view){"key", 3}, &mac);
    result_read(text, &arena, &results, &count);
    arena_fini(&arena);
    return 0;
}
