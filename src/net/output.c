#include "output.h"

#include "base/check.h"

enum { OUTPUT_LOW = 64 * 1024, OUTPUT_HIGH = 256 * 1024 };

void output_init(struct output *out)
{
    *out = (struct output){.low = OUTPUT_LOW, .high = OUTPUT_HIGH};
}

struct bytes *output_open(struct output *out, struct net_loop *loop)
{
    if (out->waiting.data == NULL)
        loop_lend(loop, &out->waiting);
    return &out->waiting;
}

struct view output_waiting(const struct output *out)
{
    if (out->waiting.data == NULL)
        return (struct view){0};
    return (struct view){out->waiting.data + out->sent, out->waiting.len - out->sent};
}

bool output_is_congested(const struct output *out)
{
    return out->waiting.len - out->sent > out->high;
}

void output_took(struct output *out, struct net_loop *loop, size_t len)
{
    CHECK(len <= out->waiting.len - out->sent);
    if (output_is_congested(out))
        out->was_congested = true;
    out->sent += len;
    if (out->sent == out->waiting.len) {
        loop_take_back(loop, &out->waiting);
        out->sent = 0;
    } else if (out->sent > out->waiting.len / 2) {
        /* Moving less than has gone out: each byte is paid for once. */
        bytes_drop(&out->waiting, out->sent);
        out->sent = 0;
    }
}

bool output_has_drained(struct output *out)
{
    if (!out->was_congested || out->waiting.len - out->sent > out->low)
        return false;
    out->was_congested = false;
    return true;
}

void output_fini(struct output *out)
{
    bytes_fini(&out->waiting);
    out->sent = 0;
}
