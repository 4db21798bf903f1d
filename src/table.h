/* Rows of text for a person: columns under their names, aligned; a cell may have several lines. */
#ifndef TABLE_H
#define TABLE_H

#include "base/bytes.h"

/* Appends the table. cells: row after row; NULL is shown as nothing. Everything that could deceive (control,
 * bidirectional, invisible characters) is shown as <U+XXXX>. */
void table_add(struct bytes *to, const char *const *names, size_t columns, const char *const *cells, size_t rows);

#endif
