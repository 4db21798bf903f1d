#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"

struct sheet {
    size_t columns, rows;
    struct bytes *cells; /* the names' row first; as they are shown */
    size_t *widths;
};

/* Characters, not bytes; those that take two places on a terminal are few here. */
static size_t width_of(struct view line)
{
    size_t width = 0;
    for (size_t i = 0; i < line.len; i++)
        width += (line.data[i] & 0xc0) != 0x80;
    return width;
}

/* Takes the next line off *rest; an empty one at the end. */
static struct view take_line(struct view *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->data, '\n', rest->len) : NULL;
    struct view line = {rest->data, end != NULL ? (size_t)(end - rest->data) : rest->len};
    size_t used = line.len + (end != NULL);
    rest->data += used;
    rest->len -= used;
    return line;
}

static void cell_set(struct sheet *sheet, size_t row, size_t column, const char *text)
{
    struct bytes *cell = &sheet->cells[row * sheet->columns + column];
    text_add_visible(cell, view_of(text), true);
    for (size_t i = 0; i < cell->len; i++)
        if (cell->data[i] == '\t')
            cell->data[i] = ' ';
    struct view rest = bytes_view(cell);
    while (rest.len > 0) {
        size_t width = width_of(take_line(&rest));
        if (width > sheet->widths[column])
            sheet->widths[column] = width;
    }
}

static void add_padded(struct bytes *to, struct view line, size_t width, bool is_last)
{
    bytes_add_view(to, line);
    for (size_t i = width_of(line); !is_last && i < width; i++)
        bytes_add_char(to, ' ');
}

/* One row may take several lines: as many as its tallest cell has. */
static void add_row(struct bytes *to, const struct sheet *sheet, size_t row)
{
    struct view *rest = check_calloc(sheet->columns, sizeof *rest);
    bool goes_on = true;
    for (size_t i = 0; i < sheet->columns; i++)
        rest[i] = bytes_view(&sheet->cells[row * sheet->columns + i]);
    while (goes_on) {
        goes_on = false;
        for (size_t i = 0; i < sheet->columns; i++) {
            bytes_add_text(to, i > 0 ? " | " : " ");
            add_padded(to, take_line(&rest[i]), sheet->widths[i], i + 1 == sheet->columns);
            goes_on = goes_on || rest[i].len > 0;
        }
        bytes_add_char(to, '\n');
    }
    free(rest);
}

static void add_line(struct bytes *to, const struct sheet *sheet)
{
    for (size_t i = 0; i < sheet->columns; i++) {
        bytes_add_text(to, i > 0 ? "-+-" : "-");
        for (size_t j = 0; j < sheet->widths[i]; j++)
            bytes_add_char(to, '-');
    }
    bytes_add_text(to, "-\n");
}

void table_add(struct bytes *to, const char *const *names, size_t columns, const char *const *cells, size_t rows)
{
    struct sheet sheet = {columns, rows, check_calloc((rows + 1) * columns, sizeof(struct bytes)),
                          check_calloc(columns, sizeof(size_t))};
    for (size_t i = 0; i < columns; i++)
        cell_set(&sheet, 0, i, names[i]);
    for (size_t i = 0; i < rows * columns; i++)
        cell_set(&sheet, i / columns + 1, i % columns, cells[i]);
    add_row(to, &sheet, 0);
    add_line(to, &sheet);
    for (size_t row = 1; row <= rows; row++)
        add_row(to, &sheet, row);
    for (size_t i = 0; i < (rows + 1) * columns; i++)
        bytes_fini(&sheet.cells[i]);
    free(sheet.cells);
    free(sheet.widths);
}
