/* The records of all chains in order of time, those that match, each statement with what became of it.
 *
 * Each chain is read twice: first its results' places are noted (mates), then the records are merged by
 * time. Memory stays small however long the logs are. */
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "format.h"
#include "mates.h"

struct chain_export {
    struct source source;
    struct mates mates;
    bool has_record; /* the source stands at one */
};

struct export
{
    struct audit_filter filter;
    enum audit_format format;
    FILE *to;
    struct bytes text; /* what filter.text looks like inside a JSON string */
    struct bytes more, out;
    struct chain_export *chains;
    size_t count;
    bool is_damaged;
    struct fault *fault;
};

static json_t *read_json(struct view text)
{
    return json_loadb(text.data, text.len, JSON_ALLOW_NUL, NULL);
}

/* ---- joining ---------------------------------------------------------------------------------------- */

static bool is_frame(const char *key)
{
    static const char *const keys[] = {"seq", "time", "prev", "hash", "event", "of"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

static void add_member(struct export *export, json_t *record, const char *key, json_t *value)
{
    if (value == NULL || json_object_get(record, key) != NULL)
        return;
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    audit_add_raw(&export->more, key, view_of(text));
    free(text);
    json_object_set(record, key, value);
}

/* The mate's members that the record hasn't got, in one order whatever wrote them; `only`: just this one. */
static void join(struct export *export, struct chain_export *chain, json_t *record, enum mates_kind kind,
                 const char *only)
{
    static const char *const first[] = {"tag", "rows", "bytes", "sqlstate", "duration_us"};
    uint64_t seq = chain->source.record.seq;
    const struct mates_entry *entry = mates_find(&chain->mates, seq, kind);
    struct view line;
    if (entry == NULL || !mates_line(&chain->mates, entry, &line))
        return;
    json_t *mate = read_json(line), *value;
    const char *key;
    for (size_t i = 0; only == NULL && i < sizeof first / sizeof *first; i++)
        add_member(export, record, first[i], json_object_get(mate, first[i]));
    json_object_foreach(mate, key, value)
    {
        if (!is_frame(key) && (only == NULL || strcmp(only, key) == 0))
            add_member(export, record, key, value);
    }
    json_decref(mate);
}

/* A result that its statement's line shows. In a damaged log the statement may be gone: better twice. */
static bool is_joined(const struct export *export, const struct chain_export *chain, const json_t *record)
{
    if (export->is_damaged || !view_is(chain->source.record.event, "result"))
        return false;
    json_int_t of = json_integer_value(json_object_get(record, "of"));
    const struct mates_entry *entry = of > 0 ? mates_find(&chain->mates, (uint64_t)of, MATES_KIND_RESULT) : NULL;
    return entry != NULL && entry->seq == chain->source.record.seq;
}

/* ---- choosing --------------------------------------------------------------------------------------- */

static bool is_member(const json_t *record, const char *key, const char *wanted)
{
    const char *value = json_string_value(json_object_get(record, key));
    return wanted == NULL || (value != NULL && strcmp(value, wanted) == 0);
}

static bool is_in_time(const struct audit_filter *filter, int64_t time)
{
    return (filter->since == 0 || time >= filter->since) && (filter->until == 0 || time < filter->until);
}

static bool has_text(struct export *export, struct view line)
{
    if (export->filter.text == NULL)
        return true;
    struct bytes all = {0};
    bytes_add_view(&all, line);
    bytes_add_view(&all, bytes_view(&export->more));
    bool has = strcasestr(bytes_text(&all), bytes_text(&export->text)) != NULL;
    bytes_fini(&all);
    return has;
}

static bool matches(struct export *export, const json_t *record, struct view line)
{
    const struct audit_filter *filter = &export->filter;
    return is_member(record, "agent", filter->agent) && is_member(record, "verdict", filter->verdict) &&
           is_member(record, "ticket", filter->ticket) && is_member(record, "event", filter->event) &&
           has_text(export, line);
}

/* ---- writing ---------------------------------------------------------------------------------------- */

static bool flush(struct export *export)
{
    size_t len = export->out.len;
    bool good = len == 0 || fwrite(export->out.data, 1, len, export->to) == len;
    bytes_clear(&export->out);
    return good || fault_set(export->fault, "the export can't be written: %s", strerror(errno));
}

static void note_damage(struct export *export, const struct source *source)
{
    if (!export->is_damaged)
        fault_at(export->fault, source->files->label, 0, 0, NULL, "record %llu is not JSON",
                 (unsigned long long)source->record.seq);
    export->is_damaged = true;
}

/* The record at which the chain's source stands. */
static bool export_record(struct export *export, struct chain_export *chain)
{
    struct source *source = &chain->source;
    bool wants_results = export->filter.event != NULL && strcmp(export->filter.event, "result") == 0;
    if (!is_in_time(&export->filter, source->record.time))
        return true;
    json_t *record = read_json(source->line);
    if (record == NULL) {
        note_damage(export, source);
        return true;
    }
    bytes_clear(&export->more);
    bool good = true;
    if (wants_results || !is_joined(export, chain, record)) {
        join(export, chain, record, MATES_KIND_RESULT, NULL);
        join(export, chain, record, MATES_KIND_TICKET, "ticket");
        if (matches(export, record, source->line)) {
            format_record(export->format, source->files->label, source->line, bytes_view(&export->more), &export->out);
            good = flush(export);
            if (export->filter.matched != NULL)
                ++*export->filter.matched;
        }
    }
    json_decref(record);
    return good;
}

/* ---- merging ---------------------------------------------------------------------------------------- */

static struct chain_export *earliest(struct export *export)
{
    struct chain_export *found = NULL;
    for (size_t i = 0; i < export->count; i++) {
        struct chain_export *chain = &export->chains[i];
        if (chain->has_record && (found == NULL || chain->source.record.time < found->source.record.time))
            found = chain;
    }
    return found;
}

static bool export_all(struct export *export)
{
    format_header(export->format, &export->out);
    bool good = flush(export);
    for (size_t i = 0; i < export->count; i++)
        export->chains[i].has_record = source_next(&export->chains[i].source);
    for (struct chain_export *chain; good && (chain = earliest(export)) != NULL;) {
        good = export_record(export, chain);
        chain->has_record = source_next(&chain->source);
    }
    if (good && fflush(export->to) != 0)
        good = fault_set(export->fault, "the export can't be written: %s", strerror(errno));
    return good;
}

static void export_init(struct export *export, const struct listing *listing)
{
    export->count = listing->count;
    export->chains = check_calloc(listing->count, sizeof *export->chains);
    for (size_t i = 0; i < listing->count; i++) {
        struct chain_export *chain = &export->chains[i];
        mates_init(&chain->mates, &listing->chains[i], export->fault, &export->is_damaged);
        source_init(&chain->source, &listing->chains[i], 0, export->fault, &export->is_damaged);
    }
    if (export->filter.text != NULL) {
        text_add_json(&export->text, view_of(export->filter.text));
        /* Without the quotes. */
        export->text.len--;
        bytes_drop(&export->text, 1);
    }
}

static void export_fini(struct export *export)
{
    for (size_t i = 0; i < export->count; i++) {
        mates_fini(&export->chains[i].mates);
        source_fini(&export->chains[i].source);
    }
    free(export->chains);
    bytes_fini(&export->text);
    bytes_fini(&export->more);
    bytes_fini(&export->out);
}

bool audit_export(const char *directory, const struct audit_filter *filter, enum audit_format format, FILE *to,
                  struct fault *fault)
{
    struct listing listing;
    struct export export = {.filter = *filter, .format = format, .to = to, .fault = fault};
    *fault = (struct fault){0};
    if (!listing_read(directory, &listing, fault))
        return false;
    if (listing.count == 0) {
        listing_fini(&listing);
        return fault_at(fault, directory, 0, 0, NULL, "there is no audit chain in this directory or below it");
    }
    export_init(&export, &listing);
    bool good = export_all(&export) && !export.is_damaged;
    export_fini(&export);
    listing_fini(&listing);
    return good;
}
