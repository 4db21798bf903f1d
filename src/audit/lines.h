/* The lines of a segment, one after the other, with their places. */
#ifndef LINES_H
#define LINES_H

#include <stdio.h>
#include <sys/types.h>

#include "base/bytes.h"
#include "base/fault.h"

struct lines {
    FILE *file;
    char *buffer;
    size_t cap;
    uint64_t offset, next; /* of the line handed out; of the one behind it */
    int line;              /* its number, from 1 */
};

enum lines_result {
    LINES_RESULT_LINE,
    LINES_RESULT_TORN, /* bytes without a line feed, up to the file's end */
    LINES_RESULT_END,
    LINES_RESULT_ERROR, /* errno */
};

bool lines_open(struct lines *lines, const char *path); /* false: errno */
void lines_close(struct lines *lines);                  /* also after a failed open, and twice */

/* The next line without its line feed; the view lives until the next call. */
enum lines_result lines_next(struct lines *lines, struct view *line);

/* The line at an offset that lines_next told. */
enum lines_result lines_at(struct lines *lines, uint64_t offset, struct view *line);

#endif
