#include "input.h"

#include <string.h>

#include "base/check.h"

enum {
    INPUT_SHARED_PART = 4, /* leftovers up to this part of the shared buffer are moved there before reading */
    INPUT_SLACK = 4,       /* memory is given back once it is this many times what is left */
};

/* The copy is small, and what arrives needs no other: of a stream of rows only the row that straddles two
 * reads is copied. */
static struct stream_io fill_shared(struct input *in, struct stream *s, char *shared, size_t size)
{
    size_t left = in->view.len;
    if (left > 0)
        memcpy(shared, in->view.data, left);
    struct stream_io io = stream_read(s, shared + left, size - left);
    if (io.len > 0) {
        in->view = (struct view){shared, left + io.len};
        in->is_shared = true;
    }
    return io;
}

/* Room for as much as is there already, at most `size`: memory stays in proportion to what was sent. What
 * was consumed from the front is only moved away when that pays for moving the rest. */
static struct stream_io fill_kept(struct input *in, struct stream *s, size_t size)
{
    size_t left = in->view.len, front = in->kept.len - left;
    size_t want = left < size ? left : size;
    if (in->kept.cap - in->kept.len < want && front >= left)
        bytes_drop(&in->kept, front);
    char *to = bytes_room(&in->kept, want);
    struct stream_io io = stream_read(s, to, want);
    in->kept.len += io.len;
    in->view.len += io.len;
    in->view.data = in->kept.data + in->kept.len - in->view.len;
    return io;
}

struct stream_io input_fill(struct input *in, struct stream *s, char *shared, size_t size)
{
    CHECK(!in->is_shared);
    return in->view.len <= size / INPUT_SHARED_PART ? fill_shared(in, s, shared, size) : fill_kept(in, s, size);
}

void input_consume(struct input *in, size_t len)
{
    CHECK(len <= in->view.len);
    if (len == 0)
        return;
    in->view.data += len;
    in->view.len -= len;
}

/* Copies what is left into memory that is just large enough. */
static void keep_copy(struct input *in)
{
    struct bytes copy = {0};
    bytes_add_view(&copy, in->view);
    bytes_fini(&in->kept);
    in->kept = copy;
}

void input_settle(struct input *in)
{
    if (in->view.len == 0) {
        input_fini(in);
        return;
    }
    if (in->is_shared && in->kept.cap / INPUT_SLACK <= in->view.len && in->kept.cap >= in->view.len) {
        bytes_clear(&in->kept);
        bytes_add_view(&in->kept, in->view);
    } else if (in->is_shared || in->view.len <= in->kept.cap / INPUT_SLACK) {
        keep_copy(in);
    }
    in->view.data = in->kept.data + in->kept.len - in->view.len;
    in->is_shared = false;
}

void input_fini(struct input *in)
{
    bytes_fini(&in->kept);
    *in = (struct input){0};
}
