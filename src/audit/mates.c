#include "mates.h"

#include <jansson.h>
#include <stdlib.h>

#include "base/check.h"

static bool kind_of(struct view event, enum mates_kind *kind)
{
    *kind = view_is(event, "ticket") ? MATES_KIND_TICKET : MATES_KIND_RESULT;
    return *kind == MATES_KIND_TICKET || view_is(event, "result");
}

static void add(struct mates *mates, const struct source *source, enum mates_kind kind)
{
    json_t *json = json_loadb(source->line.data, source->line.len, JSON_ALLOW_NUL, NULL);
    json_int_t of = json_integer_value(json_object_get(json, "of"));
    json_decref(json);
    if (of <= 0 || (uint64_t)of >= source->record.seq)
        return;
    if (mates->count == mates->cap) {
        mates->cap = mates->cap ? mates->cap * 2 : 1024;
        mates->entries = check_realloc(mates->entries, mates->cap * sizeof *mates->entries);
    }
    mates->entries[mates->count++] = (struct mates_entry){
        (uint64_t)of, source->record.seq, source->lines.offset, (uint32_t)source->segment, kind,
    };
}

static int compare(const void *a, const void *b)
{
    const struct mates_entry *left = a, *right = b;
    if (left->of != right->of)
        return left->of < right->of ? -1 : 1;
    if (left->kind != right->kind)
        return left->kind < right->kind ? -1 : 1;
    return left->seq < right->seq ? -1 : left->seq > right->seq;
}

void mates_init(struct mates *mates, const struct listing_chain *files, struct fault *fault, bool *is_damaged)
{
    struct source source;
    enum mates_kind kind;
    *mates = (struct mates){.files = files};
    source_init(&source, files, 0, fault, is_damaged);
    while (source_next(&source))
        if (kind_of(source.record.event, &kind))
            add(mates, &source, kind);
    source_fini(&source);
    if (mates->count > 0)
        qsort(mates->entries, mates->count, sizeof *mates->entries, compare);
}

void mates_fini(struct mates *mates)
{
    lines_close(&mates->lines);
    free(mates->entries);
    *mates = (struct mates){0};
}

const struct mates_entry *mates_find(const struct mates *mates, uint64_t of, enum mates_kind kind)
{
    const struct mates_entry key = {.of = of, .kind = kind};
    size_t low = 0, high = mates->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&mates->entries[middle], &key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    const struct mates_entry *found = low < mates->count ? &mates->entries[low] : NULL;
    return found != NULL && found->of == of && found->kind == kind ? found : NULL;
}

bool mates_line(struct mates *mates, const struct mates_entry *entry, struct view *line)
{
    if (mates->lines.file == NULL || mates->segment != entry->segment) {
        const struct listing_chain *files = mates->files;
        char *path = listing_path(files->directory, files->name, files->numbers[entry->segment]);
        lines_close(&mates->lines);
        bool open = lines_open(&mates->lines, path);
        free(path);
        if (!open)
            return false;
        mates->segment = entry->segment;
    }
    return lines_at(&mates->lines, entry->offset, line) == LINES_RESULT_LINE;
}
