/* Three things are looked at before the library's lexer sees a text:
 *
 *   length     memory: a raw parse takes up to about 130 bytes per byte of text
 *   encoding   a NUL would end the text early for the lexer but not for the server's message, and the lexer
 *              takes any byte over 0x7f for a letter; so strict UTF-8 without NUL
 *   operators  PostgreSQL's lexer takes quadratic time over a run of operator characters: it matches the
 *              whole run, finds that a comment begins in it or that it may not end in + or -, gives all but
 *              one character back and starts again. 64 kB of it burn seconds, in the server too, where
 *              statement_timeout can't interrupt. So the squares of the runs' lengths have a budget; a line
 *              of several thousand dashes passes. Nested comments written without blanks are such runs. */
#include "precheck.h"

#include <stdio.h>

#include "base/text.h"

/* At about 10^9 steps per second the budget is 20 ms. Shorter runs cost nothing that can be measured. */
enum { RUN_COUNTS_FROM = 64, RUN_BUDGET = 20000000 };

/* scan.l: op_chars, and '/' and '*' of comments are among them. */
static const bool is_operator[256] = {
    ['~'] = true, ['!'] = true, ['@'] = true, ['#'] = true, ['^'] = true, ['&'] = true,
    ['|'] = true, ['`'] = true, ['?'] = true, ['+'] = true, ['-'] = true, ['*'] = true,
    ['/'] = true, ['%'] = true, ['<'] = true, ['>'] = true, ['='] = true,
};

enum parser_result precheck_error(struct parser_error *error, enum parser_result result, const char *sqlstate,
                                  int position, const char *message)
{
    error->sqlstate = sqlstate;
    error->position = position;
    snprintf(error->message, sizeof error->message, "%s", message);
    return result;
}

/* Where the budget runs out, or sql.len. */
static size_t operators_end(struct view sql)
{
    uint64_t left = RUN_BUDGET;
    for (size_t at = 0; at < sql.len; at++) {
        size_t start = at;
        while (at < sql.len && is_operator[(unsigned char)sql.data[at]])
            at++;
        uint64_t run = at - start;
        if (run < RUN_COUNTS_FROM)
            continue;
        if (run * run > left)
            return start;
        left -= run * run;
    }
    return sql.len;
}

enum parser_result precheck(struct view sql, size_t length_limit, struct parser_error *error)
{
    if (sql.len > length_limit)
        return precheck_error(error, PARSER_RESULT_LIMIT, "54000", -1, "the statement text is too long");
    size_t valid = text_utf8_valid(sql);
    if (valid < sql.len)
        return precheck_error(error, PARSER_RESULT_ENCODING, "22021", (int)valid,
                              sql.data[valid] == '\0' ? "the statement text holds a zero byte"
                                                      : "the statement text is not valid UTF-8");
    size_t end = operators_end(sql);
    if (end < sql.len)
        return precheck_error(error, PARSER_RESULT_LIMIT, "54000", (int)end,
                              "a run of operator characters is too long to be read in reasonable time");
    return PARSER_RESULT_OK;
}
