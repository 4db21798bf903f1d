#include "answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"

enum { TYPE_TEXT = 25 }; /* all columns are text: its binary form is the same bytes */

static size_t count_columns(const char *const *columns)
{
    size_t count = 0;
    while (columns != NULL && columns[count] != NULL)
        count++;
    CHECK(count <= ANSWER_COLUMNS);
    return count;
}

void answer_init(struct answer *answer, const char *const *columns)
{
    *answer = (struct answer){.columns = columns, .column_count = count_columns(columns)};
}

void answer_fini(struct answer *answer)
{
    free(answer->cells);
    arena_fini(&answer->arena);
    *answer = (struct answer){0};
}

struct view *answer_row(struct answer *answer)
{
    CHECK(answer->column_count > 0);
    if (answer->row_count == answer->row_cap) {
        answer->row_cap = answer->row_cap > 0 ? 2 * answer->row_cap : 16;
        answer->cells = check_realloc(answer->cells, answer->row_cap * answer->column_count * sizeof *answer->cells);
    }
    struct view *row = answer->cells + answer->row_count++ * answer->column_count;
    memset(row, 0, answer->column_count * sizeof *row);
    return row;
}

struct view answer_text(struct answer *answer, const char *text)
{
    if (text == NULL)
        return (struct view){NULL, 0};
    return (struct view){arena_copy(&answer->arena, view_of(text)), strlen(text)};
}

struct view answer_visible(struct answer *answer, struct view text, bool lines)
{
    struct bytes seen = {0};
    text_add_visible(&seen, text, lines);
    struct view kept = {arena_copy(&answer->arena, bytes_view(&seen)), seen.len};
    bytes_fini(&seen);
    return kept;
}

void answer_fail(struct answer *answer, const char *sqlstate, const char *hint, const char *message, ...)
{
    struct bytes words = {0};
    char text[1024];
    va_list args;
    va_start(args, message);
    vsnprintf(text, sizeof text, message, args);
    va_end(args);
    text_add_visible(&words, view_of(text), false);
    answer->row_count = 0;
    answer->is_failed = true;
    answer->error = (struct message_words){.severity = "ERROR",
                                           .sqlstate = sqlstate,
                                           .message = arena_copy(&answer->arena, bytes_view(&words)),
                                           .hint = hint};
    bytes_fini(&words);
}

void answer_add_columns(struct bytes *to, const char *const *columns, const uint16_t *formats, uint16_t format_count)
{
    struct message_column described[ANSWER_COLUMNS] = {0};
    size_t count = count_columns(columns);
    if (count == 0) {
        message_add_empty(to, 'n');
        return;
    }
    for (size_t i = 0; i < count; i++) {
        uint16_t format = format_count == 0 ? 0 : format_count == 1 ? formats[0] : i < format_count ? formats[i] : 0;
        described[i] = (struct message_column){
            .name = view_of(columns[i]), .type = TYPE_TEXT, .type_size = -1, .type_modifier = -1, .format = format};
    }
    message_add_columns(to, described, (uint16_t)count);
}

size_t answer_add_rows(struct bytes *to, const struct answer *answer, size_t from, size_t most)
{
    size_t end = most > 0 && most < answer->row_count - from ? from + most : answer->row_count;
    for (; from < end; from++)
        message_add_row(to, answer->cells + from * answer->column_count, (uint16_t)answer->column_count);
    return end;
}

void answer_add_tag(struct bytes *to, const struct answer *answer)
{
    char counted[40];
    snprintf(counted, sizeof counted, "SELECT %zu", answer->row_count);
    message_add_complete(to, view_of(answer->tag != NULL ? answer->tag : counted));
}

void answer_add_error(struct bytes *to, const char *severity, const char *sqlstate, const char *message,
                      const char *hint)
{
    struct message_words words = {.severity = severity, .sqlstate = sqlstate, .message = message, .hint = hint};
    message_add_words(to, 'E', &words);
}
