#include "resume.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lines.h"
#include "listing.h"

/* One segment from its first line: chain.seq stays 0 if it has no whole line. */
static bool read_segment(const char *path, struct resume *resume, struct fault *fault)
{
    struct lines lines;
    if (!lines_open(&lines, path))
        return fault_at(fault, path, 0, 0, NULL, "can't be opened: %s", strerror(errno));
    bool good = true;
    struct view line;
    enum lines_result result;
    resume->chain = (struct chain){0};
    while (good && (result = lines_next(&lines, &line)) == LINES_RESULT_LINE) {
        const char *wrong = chain_check(&resume->chain, line);
        if (wrong != NULL)
            good = fault_at(fault, path, lines.line, 0, NULL, "the audit chain is broken: %s", wrong);
        else
            resume->length = lines.next;
    }
    if (good && result == LINES_RESULT_ERROR)
        good = fault_at(fault, path, lines.line, 0, NULL, "can't be read: %s", strerror(errno));
    resume->cut = lines.next - resume->length;
    lines_close(&lines);
    return good;
}

static bool read_number(const struct listing_chain *files, size_t index, struct resume *resume, struct fault *fault)
{
    char *path = listing_path(files->directory, files->name, files->numbers[index]);
    *resume = (struct resume){.number = files->numbers[index]};
    bool good = read_segment(path, resume, fault);
    free(path);
    return good;
}

/* A process that ended between making a segment and its first record: the chain's end is in the segment
 * before, which was synced whole. */
static bool read_before(const struct listing_chain *files, struct resume *resume, struct fault *fault)
{
    struct resume before = {0};
    size_t last = files->count - 1;
    if (files->numbers[last] == 1)
        return true;
    if (last > 0 && !read_number(files, last - 1, &before, fault))
        return false;
    if (before.number != resume->number - 1 || before.chain.seq == 0 || before.cut > 0) {
        char *path = listing_path(files->directory, files->name, resume->number - 1);
        fault_at(fault, path, 0, 0, NULL, "the audit chain is broken: this segment is missing or not whole");
        free(path);
        return false;
    }
    resume->chain = before.chain;
    return true;
}

bool resume_read(const char *directory, const char *chain, struct resume *resume, struct fault *fault)
{
    struct listing_chain files;
    *resume = (struct resume){0};
    if (!listing_read_chain(directory, chain, &files, fault))
        return false;
    bool good = true;
    if (files.count > 0)
        good = read_number(&files, files.count - 1, resume, fault);
    if (good && files.count > 0 && resume->chain.seq == 0)
        good = read_before(&files, resume, fault);
    listing_chain_fini(&files);
    return good;
}
