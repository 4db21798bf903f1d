#include "source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void source_init(struct source *source, const struct listing_chain *files, size_t first, struct fault *fault,
                 bool *is_damaged)
{
    *source = (struct source){.files = files, .segment = first, .fault = fault, .is_damaged = is_damaged};
}

void source_fini(struct source *source)
{
    lines_close(&source->lines);
}

static void damage(struct source *source, int line, const char *what)
{
    if (!*source->is_damaged) {
        const struct listing_chain *files = source->files;
        char *path = listing_path(files->directory, files->name, files->numbers[source->segment]);
        fault_at(source->fault, path, line, 0, NULL, "%s", what);
        free(path);
    }
    *source->is_damaged = true;
}

static bool is_last(const struct source *source)
{
    return source->segment + 1 == source->files->count;
}

/* The segment at hand is open. False: there is none any more. */
static bool open_segment(struct source *source)
{
    const struct listing_chain *files = source->files;
    while (source->lines.file == NULL && source->segment < files->count) {
        char *path = listing_path(files->directory, files->name, files->numbers[source->segment]);
        if (!lines_open(&source->lines, path)) {
            damage(source, 0, strerror(errno));
            source->segment++;
        }
        free(path);
    }
    return source->lines.file != NULL;
}

static void close_segment(struct source *source, enum lines_result result)
{
    if (result == LINES_RESULT_ERROR)
        damage(source, source->lines.line, strerror(errno));
    if (result == LINES_RESULT_TORN && !(is_last(source) && listing_is_in_use(source->files)))
        damage(source, source->lines.line, "its end is torn");
    lines_close(&source->lines);
    source->segment++;
}

/* Is the line at hand a record? */
static bool take_line(struct source *source)
{
    const char *wrong = chain_check(&source->chain, source->line);
    if (wrong == NULL)
        return record_read(source->line, &source->record) == NULL;
    damage(source, source->lines.line, wrong);
    if (record_read(source->line, &source->record) != NULL)
        return false;
    source->chain.seq = source->record.seq;
    crypto_unhex(source->record.hash, source->chain.hash.byte, sizeof source->chain.hash.byte);
    return true;
}

bool source_next(struct source *source)
{
    while (open_segment(source)) {
        enum lines_result result = lines_next(&source->lines, &source->line);
        if (result != LINES_RESULT_LINE)
            close_segment(source, result);
        else if (take_line(source))
            return true;
    }
    return false;
}
