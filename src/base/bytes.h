/* Bytes: a buffer that grows, a view that owns nothing, and a reader that can't run past its end.
 *
 *   view    pointer and length; whoever made it says how long it lives
 *   bytes   heap buffer; `data` may be NULL while `len` is 0; bytes_fini gives the memory back
 *   reader  walks over a view; after the first short read `bad` stays set and every read gives zero, so a
 *           message can be read whole and `bad` be looked at once (integers are big-endian, as on
 *           PostgreSQL's wire)
 *
 * Any thread, one at a time per object. Running out of memory ends the process (check.h). */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct view {
    const char *data;
    size_t len;
};

struct view view_of(const char *text);          /* NULL gives an empty view */
bool view_equals(struct view a, struct view b); /* same bytes */
bool view_is(struct view a, const char *text);  /* same bytes as the C string */
bool view_starts(struct view a, const char *prefix);

struct bytes {
    char *data;
    size_t len, cap;
};

void bytes_fini(struct bytes *b);
void bytes_clear(struct bytes *b);              /* len 0, keeps the memory */
char *bytes_room(struct bytes *b, size_t more); /* where `more` bytes may be written; then add to len */
void bytes_add(struct bytes *b, const void *data, size_t len);
void bytes_add_text(struct bytes *b, const char *text);
void bytes_add_view(struct bytes *b, struct view v);
void bytes_add_char(struct bytes *b, char c);
void bytes_add_u16(struct bytes *b, uint16_t value);
void bytes_add_u32(struct bytes *b, uint32_t value);
void bytes_add_format(struct bytes *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void bytes_drop(struct bytes *b, size_t count); /* from the front */
struct view bytes_view(const struct bytes *b);
const char *bytes_text(struct bytes *b); /* NUL-terminated (the NUL is not counted in len) */

struct reader {
    const char *at, *end;
    bool bad;
};

struct reader reader_of(struct view v);
size_t reader_left(const struct reader *r);
uint8_t reader_u8(struct reader *r);
uint16_t reader_u16(struct reader *r);
uint32_t reader_u32(struct reader *r);
struct view reader_take(struct reader *r, size_t len);
struct view reader_text(struct reader *r); /* up to a NUL, which is skipped and not counted; no NUL is bad */
bool reader_done(const struct reader *r);  /* not bad, and nothing left */

#endif
