#include "lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

bool lines_open(struct lines *lines, const char *path)
{
    *lines = (struct lines){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return false;
    lines->file = fdopen(fd, "r");
    if (lines->file == NULL)
        close(fd);
    return lines->file != NULL;
}

void lines_close(struct lines *lines)
{
    if (lines->file != NULL)
        fclose(lines->file);
    free(lines->buffer);
    *lines = (struct lines){0};
}

enum lines_result lines_next(struct lines *lines, struct view *line)
{
    /* A file that grew after its end was seen is read on: tail follows it. */
    clearerr(lines->file);
    errno = 0;
    ssize_t len = getline(&lines->buffer, &lines->cap, lines->file);
    if (len <= 0)
        return ferror(lines->file) || errno == ENOMEM ? LINES_RESULT_ERROR : LINES_RESULT_END;
    lines->line++;
    lines->offset = lines->next;
    lines->next += (uint64_t)len;
    bool whole = lines->buffer[len - 1] == '\n';
    *line = (struct view){lines->buffer, (size_t)len - (whole ? 1 : 0)};
    return whole ? LINES_RESULT_LINE : LINES_RESULT_TORN;
}

enum lines_result lines_at(struct lines *lines, uint64_t offset, struct view *line)
{
    if (fseeko(lines->file, (off_t)offset, SEEK_SET) != 0)
        return LINES_RESULT_ERROR;
    lines->next = offset;
    return lines_next(lines, line);
}
