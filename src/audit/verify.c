/* Is every chain whole? Each segment must be there, each line must be JSON and the record that follows the
 * one before, and each segment must begin with the record that says whose it is, so that nobody can pass
 * off one chain's files as another's. The first damage ends a chain's check: after it nothing is certain. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "lines.h"
#include "listing.h"
#include "record.h"

struct check {
    const struct audit_verify_options *options;
    const struct listing_chain *files;
    struct chain chain;
    uint64_t records;
    bool is_expected_there; /* the expected record was found, in this chain or one before */
    char *path;             /* of the segment being read */
    int line;               /* 0: the segment as a whole */
    char wrong[256];        /* empty: nothing so far */
};

static bool is_wrong(struct check *check, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));

static bool is_wrong(struct check *check, int line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(check->wrong, sizeof check->wrong, format, args);
    va_end(args);
    check->line = line;
    return false;
}

/* A record is an object without two members of one name: readers differ in which of them they'd take. */
static json_t *read_json(struct view line, json_error_t *error)
{
    return json_loadb(line.data, line.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, error);
}

/* The first record of segment `number`. */
static bool is_first_of(const json_t *record, const struct listing_chain *files, uint64_t number)
{
    const char *event = json_string_value(json_object_get(record, "event"));
    const char *chain = json_string_value(json_object_get(record, "chain"));
    json_int_t segment = json_integer_value(json_object_get(record, "segment"));
    return event != NULL && strcmp(event, "segment") == 0 && chain != NULL && strcmp(chain, files->name) == 0 &&
           segment > 0 && (uint64_t)segment == number;
}

static bool check_line(struct check *check, uint64_t number, int line, struct view text)
{
    json_error_t error;
    json_t *json = read_json(text, &error);
    struct chain next = check->chain;
    const char *wrong = chain_check(&next, text);
    bool good = true;
    if (json == NULL)
        good = is_wrong(check, line, "it is not JSON: %s", error.text);
    else if (wrong != NULL)
        good = is_wrong(check, line, "%s", wrong);
    else if (check->records == 0 && next.seq != 1)
        good = is_wrong(check, line, "the chain does not begin with record 1");
    else if (line == 1 && !is_first_of(json, check->files, number))
        good = is_wrong(check, line, "it does not say that this is segment %" PRIu64 " of the chain \"%s\"", number,
                        check->files->name);
    json_decref(json);
    if (!good)
        return false;
    check->chain = next;
    check->records++;
    const struct chain *expect = check->options->expect;
    if (expect != NULL && expect->seq == next.seq && crypto_same(&expect->hash, &next.hash, sizeof next.hash))
        check->is_expected_there = true;
    return true;
}

/* While the chain's process lives, it may be in the middle of its last line. */
static bool check_end(struct check *check, const struct lines *lines, enum lines_result result, bool is_last)
{
    if (result == LINES_RESULT_ERROR)
        return is_wrong(check, lines->line, "it can't be read: %s", strerror(errno));
    if (is_last && listing_is_in_use(check->files))
        return true;
    if (result == LINES_RESULT_TORN)
        return is_wrong(check, lines->line, "its end is torn: %" PRIu64 " bytes without a line feed%s",
                        lines->next - lines->offset, is_last ? "; the next start of its process cuts them off" : "");
    if (lines->line == 0)
        return is_wrong(check, 0, "the segment is empty");
    return true;
}

static bool check_segment(struct check *check, uint64_t number, bool is_last)
{
    struct lines lines;
    free(check->path);
    check->path = listing_path(check->files->directory, check->files->name, number);
    if (!lines_open(&lines, check->path))
        return is_wrong(check, 0, "it can't be opened: %s", strerror(errno));
    struct view text;
    enum lines_result result;
    bool good = true;
    while (good && (result = lines_next(&lines, &text)) == LINES_RESULT_LINE)
        good = check_line(check, number, lines.line, text);
    good = good && check_end(check, &lines, result, is_last);
    lines_close(&lines);
    return good;
}

static bool check_chain(struct check *check)
{
    const struct listing_chain *files = check->files;
    for (size_t i = 0; i < files->count; i++) {
        if (files->numbers[i] != i + 1) {
            free(check->path);
            check->path = listing_path(files->directory, files->name, i + 1);
            return is_wrong(check, 0, "the segment is missing");
        }
        if (!check_segment(check, i + 1, i + 1 == files->count))
            return false;
    }
    if (files->count > 0)
        return true;
    free(check->path);
    check->path = listing_path(files->directory, files->name, 1);
    return is_wrong(check, 0, "the segment is missing: of this chain only the lock file is left");
}

/* ---- the report ------------------------------------------------------------------------------------- */

static void print_line(const struct check *check, bool whole, FILE *report)
{
    char hash[RECORD_HASH_LEN + 1];
    crypto_hex(check->chain.hash.byte, sizeof check->chain.hash.byte, hash);
    if (!whole && check->line > 0)
        fprintf(report, "%s:%d: %s\n", check->path, check->line, check->wrong);
    else if (!whole)
        fprintf(report, "%s: %s\n", check->path, check->wrong);
    fprintf(report, "%s: %" PRIu64 " record%s in %zu segment%s, %s", check->files->label, check->records,
            check->records == 1 ? "" : "s", check->files->count, check->files->count == 1 ? "" : "s",
            whole ? "whole" : "NOT WHOLE");
    if (check->records > 0)
        fprintf(report, ", %s %" PRIu64 ":%s", whole ? "last" : "sound up to", check->chain.seq, hash);
    fputc('\n', report);
}

static void print_json(const struct check *check, bool whole, FILE *report)
{
    char hash[RECORD_HASH_LEN + 1];
    crypto_hex(check->chain.hash.byte, sizeof check->chain.hash.byte, hash);
    struct bytes line = {0};
    bytes_add_text(&line, "{\"chain\":");
    text_add_json(&line, view_of(check->files->label));
    audit_add_number(&line, "records", (int64_t)check->records);
    audit_add_number(&line, "segments", (int64_t)check->files->count);
    audit_add_raw(&line, "whole", view_of(whole ? "true" : "false"));
    audit_add_number(&line, "seq", (int64_t)check->chain.seq);
    audit_add_text(&line, "hash", view_of(hash));
    if (!whole) {
        audit_add_text(&line, "file", view_of(check->path));
        audit_add_number(&line, "line", check->line);
        audit_add_text(&line, "wrong", view_of(check->wrong));
    }
    bytes_add_text(&line, "}\n");
    fwrite(line.data, 1, line.len, report);
    bytes_fini(&line);
}

/* *found: the expected record was in it. */
static bool verify_chain(const struct listing_chain *files, const struct audit_verify_options *options, bool *found,
                         FILE *report)
{
    struct check check = {.options = options, .files = files};
    bool whole = check_chain(&check);
    if (options->json)
        print_json(&check, whole, report);
    else
        print_line(&check, whole, report);
    free(check.path);
    *found = *found || check.is_expected_there;
    return whole;
}

bool audit_verify_with(const char *directory, const struct audit_verify_options *options, FILE *report,
                       struct fault *fault)
{
    struct listing listing;
    bool whole = true, found = false;
    *fault = (struct fault){0};
    if (!listing_read(directory, &listing, fault))
        return false;
    for (size_t i = 0; i < listing.count; i++)
        if (!verify_chain(&listing.chains[i], options, &found, report))
            whole = false;
    if (listing.count == 0)
        whole = fault_at(fault, directory, 0, 0, NULL, "there is no audit chain in this directory or below it");
    else if (options->expect != NULL && !found)
        whole = fault_at(fault, directory, 0, 0, NULL,
                         "the expected record %" PRIu64 " is in none of the chains: one was cut off or replaced",
                         options->expect->seq);
    listing_fini(&listing);
    return whole;
}

bool audit_verify(const char *directory, FILE *report, struct fault *fault)
{
    const struct audit_verify_options options = {0};
    return audit_verify_with(directory, &options, report, fault);
}
