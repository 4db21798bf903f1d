/* The last records of all chains, and those that follow. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/check.h"
#include "format.h"
#include "lines.h"
#include "listing.h"
#include "record.h"

enum { POLL_MS = 200 };

/* A chain being followed: where its next record will be. */
struct follower {
    char *directory, *name, *label;
    uint64_t number, offset; /* of the segment, and in it */
};

struct kept {
    int64_t time;
    size_t order; /* records of one time stay in the order in which they were read */
    char *label, *line;
};

struct tail {
    const char *directory;
    enum audit_format format;
    FILE *to;
    struct follower *followers;
    size_t follower_count;
    struct kept *kept;
    size_t kept_count, kept_cap;
};

static bool print_line(struct tail *tail, const char *label, struct view line)
{
    struct bytes out = {0};
    format_record(tail->format, label, line, (struct view){0}, &out);
    bool good = out.len == 0 || fwrite(out.data, 1, out.len, tail->to) == out.len;
    bytes_fini(&out);
    return good;
}

static void keep(struct tail *tail, const char *label, int64_t time, struct view line)
{
    if (tail->kept_count == tail->kept_cap) {
        tail->kept_cap = tail->kept_cap ? tail->kept_cap * 2 : 64;
        tail->kept = check_realloc(tail->kept, tail->kept_cap * sizeof *tail->kept);
    }
    tail->kept[tail->kept_count] =
        (struct kept){time, tail->kept_count, check_strdup(label), check_strndup(line.data, line.len)};
    tail->kept_count++;
}

static void keep_none(struct tail *tail, size_t from)
{
    for (; tail->kept_count > from; tail->kept_count--) {
        free(tail->kept[tail->kept_count - 1].label);
        free(tail->kept[tail->kept_count - 1].line);
    }
}

static void add_follower(struct tail *tail, const struct listing_chain *files, uint64_t number, uint64_t offset)
{
    tail->followers = check_realloc(tail->followers, (tail->follower_count + 1) * sizeof *tail->followers);
    tail->followers[tail->follower_count++] = (struct follower){
        check_strdup(files->directory), check_strdup(files->name), check_strdup(files->label), number, offset,
    };
}

/* Keeps the records of one segment; lines that are none are for verify. *end: behind the last whole line. */
static bool keep_segment(struct tail *tail, const struct listing_chain *files, size_t index, uint64_t *end,
                         struct fault *fault)
{
    struct lines lines;
    struct view line;
    struct record record;
    char *path = listing_path(files->directory, files->name, files->numbers[index]);
    bool good = lines_open(&lines, path) || fault_at(fault, path, 0, 0, NULL, "%s", strerror(errno));
    *end = 0;
    while (good && lines_next(&lines, &line) == LINES_RESULT_LINE) {
        *end = lines.next;
        if (record_read(line, &record) == NULL)
            keep(tail, files->label, record.time, line);
    }
    lines_close(&lines);
    free(path);
    return good;
}

/* At least `count` records of a chain, as far as it has them: as few segments as will do. What is behind
 * `end` of the last is for following. */
static bool keep_chain(struct tail *tail, const struct listing_chain *files, size_t count, struct fault *fault)
{
    size_t before = tail->kept_count, first = files->count;
    uint64_t end = 0;
    while (first > 0 && (first == files->count || tail->kept_count - before < count)) {
        first--;
        keep_none(tail, before);
        for (size_t i = first; i < files->count; i++)
            if (!keep_segment(tail, files, i, &end, fault))
                return false;
    }
    if (files->count > 0)
        add_follower(tail, files, files->numbers[files->count - 1], end);
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct kept *left = a, *right = b;
    if (left->time != right->time)
        return left->time < right->time ? -1 : 1;
    return left->order < right->order ? -1 : left->order > right->order;
}

static bool print_kept(struct tail *tail, size_t count)
{
    bool good = true;
    if (tail->kept_count > 0)
        qsort(tail->kept, tail->kept_count, sizeof *tail->kept, compare);
    for (size_t i = tail->kept_count > count ? tail->kept_count - count : 0; good && i < tail->kept_count; i++)
        good = print_line(tail, tail->kept[i].label, view_of(tail->kept[i].line));
    keep_none(tail, 0);
    return good && fflush(tail->to) == 0;
}

/* ---- following -------------------------------------------------------------------------------------- */

/* Prints what is whole by now, up to the segment's end. */
static enum lines_result follow_lines(struct tail *tail, struct follower *follower, struct lines *lines)
{
    struct view line;
    enum lines_result result = lines_at(lines, follower->offset, &line);
    while (result == LINES_RESULT_LINE && print_line(tail, follower->label, line)) {
        follower->offset = lines->next;
        result = lines_next(lines, &line);
    }
    return result;
}

static bool is_there(const struct follower *follower, uint64_t number)
{
    char *path = listing_path(follower->directory, follower->name, number);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

/* Whether there is a next segment is asked before this one's end is looked for: once there is, nothing is
 * added here any more. False: what there is can't be printed. */
static bool follow_chain(struct tail *tail, struct follower *follower)
{
    for (bool more = true; more;) {
        struct lines lines;
        more = is_there(follower, follower->number + 1);
        char *path = listing_path(follower->directory, follower->name, follower->number);
        bool open = lines_open(&lines, path);
        free(path);
        if (!open)
            return true;
        enum lines_result result = follow_lines(tail, follower, &lines);
        lines_close(&lines);
        if (result == LINES_RESULT_LINE)
            return false;
        if (more) {
            follower->number++;
            follower->offset = 0;
        }
    }
    return true;
}

static bool is_followed(const struct tail *tail, const struct listing_chain *files)
{
    for (size_t i = 0; i < tail->follower_count; i++)
        if (strcmp(tail->followers[i].label, files->label) == 0)
            return true;
    return false;
}

/* One look at all chains, those that are new too. */
static bool follow_all(struct tail *tail, struct fault *fault)
{
    struct listing listing;
    if (!listing_read(tail->directory, &listing, fault))
        return false;
    for (size_t i = 0; i < listing.count; i++)
        if (listing.chains[i].count > 0 && !is_followed(tail, &listing.chains[i]))
            add_follower(tail, &listing.chains[i], listing.chains[i].numbers[0], 0);
    listing_fini(&listing);
    for (size_t i = 0; i < tail->follower_count; i++)
        if (!follow_chain(tail, &tail->followers[i]))
            return fault_set(fault, "the records can't be printed: %s", strerror(errno));
    return fflush(tail->to) == 0 || fault_set(fault, "the records can't be printed: %s", strerror(errno));
}

static bool follow(struct tail *tail, struct fault *fault)
{
    const struct timespec pause = {0, POLL_MS * 1000000};
    while (follow_all(tail, fault))
        nanosleep(&pause, NULL);
    return false;
}

static void tail_fini(struct tail *tail)
{
    for (size_t i = 0; i < tail->follower_count; i++) {
        free(tail->followers[i].directory);
        free(tail->followers[i].name);
        free(tail->followers[i].label);
    }
    keep_none(tail, 0);
    free(tail->followers);
    free(tail->kept);
}

bool audit_tail(const char *directory, size_t count, bool follows, enum audit_format format, FILE *to,
                struct fault *fault)
{
    struct listing listing;
    struct tail tail = {.directory = directory, .format = format, .to = to};
    *fault = (struct fault){0};
    if (!listing_read(directory, &listing, fault))
        return false;
    bool good = listing.count > 0 || follows ||
                fault_at(fault, directory, 0, 0, NULL, "there is no audit chain in this directory or below it");
    for (size_t i = 0; good && i < listing.count; i++)
        good = keep_chain(&tail, &listing.chains[i], count, fault);
    listing_fini(&listing);
    if (good && !print_kept(&tail, count))
        good = fault_set(fault, "the records can't be printed: %s", strerror(errno));
    if (good && follows)
        good = follow(&tail, fault);
    tail_fini(&tail);
    return good;
}
