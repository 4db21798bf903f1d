#include "writer.h"

#include <string.h>

#include "base/check.h"

enum {
    WRITE_BYTES = 1 << 20, /* rendered before they are written */
    SYNC_BYTES = 16 << 20, /* written before they are synced, however young they are */
    KEEP_BYTES = 4 << 20,  /* buffers that once grew larger are given back */
};

void entry_add(struct bytes *queue, int64_t time, bool opens_segment, struct view body)
{
    CHECK(body.len <= UINT32_MAX);
    struct entry entry = {time, (uint32_t)body.len, opens_segment};
    bytes_add(queue, &entry, sizeof entry);
    bytes_add_view(queue, body);
}

static void forget(struct bytes *buffer)
{
    if (buffer->cap > KEEP_BYTES)
        bytes_fini(buffer);
    else
        bytes_clear(buffer);
}

static bool peek(const struct writer *writer, struct entry *entry)
{
    if (writer->at == writer->taken.len)
        return false;
    CHECK(writer->taken.len - writer->at >= sizeof *entry);
    memcpy(entry, writer->taken.data + writer->at, sizeof *entry);
    CHECK(writer->taken.len - writer->at - sizeof *entry >= entry->len);
    return true;
}

static void render(struct writer *writer, const struct entry *entry)
{
    struct view body = {writer->taken.data + writer->at + sizeof *entry, entry->len};
    chain_add(&writer->chain, entry->time, body, &writer->lines);
    writer->at += sizeof *entry + entry->len;
}

static bool write_lines(struct writer *writer)
{
    struct view rest = {writer->lines.data + writer->written, writer->lines.len - writer->written};
    if (rest.len == 0)
        return true;
    if (!segment_write(&writer->segment, writer->written, rest))
        return false;
    writer->written = writer->lines.len;
    return writer->written < SYNC_BYTES || writer_sync(writer);
}

/* A segment is on disk before the next begins, so only the last of a chain can ever be torn. */
static bool begin_segment(struct writer *writer)
{
    return write_lines(writer) && writer_sync(writer) && segment_create(&writer->segment, writer->segment.number + 1);
}

bool writer_write(struct writer *writer)
{
    struct entry entry;
    while (peek(writer, &entry)) {
        if (entry.opens_segment && !begin_segment(writer))
            return false;
        render(writer, &entry);
        if (writer->lines.len - writer->written >= WRITE_BYTES && !write_lines(writer))
            return false;
    }
    forget(&writer->taken);
    writer->at = 0;
    return write_lines(writer);
}

bool writer_sync(struct writer *writer)
{
    if (writer->written > 0 && !segment_sync(&writer->segment, writer->written))
        return false;
    CHECK(writer->written == writer->lines.len);
    forget(&writer->lines);
    writer->written = 0;
    writer->synced_seq = writer->chain.seq;
    return true;
}

bool writer_repair(struct writer *writer)
{
    writer->written = 0;
    return segment_repair(&writer->segment);
}

bool writer_is_synced(const struct writer *writer)
{
    return writer->at == writer->taken.len && writer->lines.len == 0;
}

size_t writer_load(const struct writer *writer)
{
    return writer->taken.len - writer->at + writer->lines.len;
}

void writer_fini(struct writer *writer)
{
    segment_fini(&writer->segment);
    bytes_fini(&writer->taken);
    bytes_fini(&writer->lines);
}
