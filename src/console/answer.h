/* What a command answers, made off the loop and sent on it: rows under the command's columns, or an
 * error. Quiet. */
#ifndef CONSOLE_ANSWER_H
#define CONSOLE_ANSWER_H

#include "base/arena.h"
#include "base/bytes.h"
#include "wire/wire.h"

enum { ANSWER_COLUMNS = 16 };

struct answer {
    struct arena arena;         /* of all texts */
    const char *const *columns; /* NULL-terminated; NULL: no rows */
    size_t column_count;
    struct view *cells; /* row after row; data NULL: SQL NULL */
    size_t row_count, row_cap;
    const char *tag;              /* NULL: "SELECT n" */
    const char *notice, *warning; /* come before the rest; or NULL */
    bool is_failed;
    struct message_words error; /* when failed */
    char status;                /* the transaction status that follows; 0: as it was */
    bool is_reload;             /* the console has to read its configuration again */
};

void answer_init(struct answer *answer, const char *const *columns);
void answer_fini(struct answer *answer);

/* Cells for one more row, one per column, all SQL NULL; valid until the next call. */
struct view *answer_row(struct answer *answer);
/* A text into the arena; NULL becomes SQL NULL. */
struct view answer_text(struct answer *answer, const char *text);
/* Likewise, with everything shown that could deceive; `lines`: line feeds stay. */
struct view answer_visible(struct answer *answer, struct view text, bool lines);

/* The last thing that is said: drops rows, and fails. hint may be NULL. */
void answer_fail(struct answer *answer, const char *sqlstate, const char *hint, const char *message, ...)
    __attribute__((format(printf, 4, 5)));

/* RowDescription, or NoData where there are no columns. formats as in Bind (count 0: text). */
void answer_add_columns(struct bytes *to, const char *const *columns, const uint16_t *formats, uint16_t format_count);
/* Rows from `from` on, at most `most` (0: all); returns where to go on. */
size_t answer_add_rows(struct bytes *to, const struct answer *answer, size_t from, size_t most);
void answer_add_tag(struct bytes *to, const struct answer *answer);
void answer_add_error(struct bytes *to, const char *severity, const char *sqlstate, const char *message,
                      const char *hint);

#endif
