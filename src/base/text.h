/* Text: UTF-8 as PostgreSQL accepts it, JSON strings, and a form in which nothing hides. Any thread. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include "base/bytes.h"

/* Strict UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing over U+10FFFF, and no NUL. Returns
 * the offset of the first byte that is wrong, or v.len. */
size_t text_utf8_valid(struct view v);

/* Appends a JSON string with its quotes. Valid UTF-8 stays as it is; control characters are escaped;
 * each byte that is not UTF-8 becomes U+FFFD. The result has no line break in it. */
void text_add_json(struct bytes *to, struct view v);

/* Appends v so that a person sees all of it: control, bidirectional, zero-width and other invisible
 * characters as <U+XXXX>, bytes that are not UTF-8 as <XX>. With `lines`, line feeds and tabs stay. */
void text_add_visible(struct bytes *to, struct view v, bool lines);

/* Appends v as an SQL string literal that reads the same under either setting of
 * standard_conforming_strings: '…', or E'…' where there is a backslash. v holds no NUL. */
void text_add_sql(struct bytes *to, struct view v);

/* Appends v as a double-quoted SQL identifier. */
void text_add_identifier(struct bytes *to, struct view v);

bool text_same_folded(struct view a, struct view b); /* equal when ASCII letters are folded */

/* Times: the audit's and the tickets' one format, UTC with microseconds:
 * 2026-11-23T15:45:00.123456Z. A time outside 1970 to 9999 is given as the nearest one inside. */
enum { TEXT_TIME_SIZE = 28 };
void text_time(int64_t microseconds_since_1970, char to[TEXT_TIME_SIZE]);

/* Glob match for names in policies: '*' is any run, everything else itself. */
bool text_glob(const char *pattern, const char *name);

#endif
