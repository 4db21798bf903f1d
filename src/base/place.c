#include "base/place.h"

#include <stdio.h>
#include <string.h>

/* The text is known to be JSON, so this walks it without checking: strings are skipped by their quotes,
 * nesting is counted, and only the members on the way to the path are entered. */
struct walker {
    const char *at, *end, *line_start;
    int line;
};

static void skip_space(struct walker *w)
{
    while (w->at < w->end &&
           (*w->at == ' ' || *w->at == '\t' || *w->at == '\r' || *w->at == '\n' || *w->at == ',' || *w->at == ':')) {
        if (*w->at == '\n') {
            w->line++;
            w->line_start = w->at + 1;
        }
        w->at++;
    }
}

/* The raw text between the quotes. Keys with escapes are compared unescaped nowhere: configurations spell
 * their keys plainly, and an escaped one just isn't found. */
static struct view take_string(struct walker *w)
{
    const char *start = ++w->at;
    while (w->at < w->end && *w->at != '"')
        w->at += *w->at == '\\' ? 2 : 1;
    if (w->at > w->end)
        w->at = w->end;
    struct view text = {start, (size_t)(w->at - start)};
    if (w->at < w->end)
        w->at++;
    return text;
}

static void skip_value(struct walker *w)
{
    int depth = 0;
    do {
        skip_space(w);
        if (w->at >= w->end)
            return;
        if (*w->at == '"') {
            take_string(w);
        } else if (*w->at == '{' || *w->at == '[') {
            depth++;
            w->at++;
        } else if (*w->at == '}' || *w->at == ']') {
            depth--;
            w->at++;
        } else {
            while (w->at < w->end && memchr(",]} \t\r\n", *w->at, 7) == NULL)
                w->at++;
        }
    } while (depth > 0);
}

static struct place place_of(const struct walker *w, const char *at)
{
    int column = 1;
    for (const char *c = w->line_start; c < at; c++)
        column += ((unsigned char)*c & 0xc0) != 0x80;
    return (struct place){w->line, column};
}

static bool is_index(const char *key, unsigned long index)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%lu", index);
    return strcmp(key, digits) == 0;
}

/* Moves to the value of member `key` of the object or array at w; *place is where its key stands. */
static bool enter(struct walker *w, const char *key, struct place *place)
{
    skip_space(w);
    if (w->at >= w->end || (*w->at != '{' && *w->at != '['))
        return false;
    bool is_object = *w->at++ == '{';
    for (unsigned long index = 0;; index++) {
        skip_space(w);
        if (w->at >= w->end || *w->at == '}' || *w->at == ']')
            return false;
        const char *start = w->at;
        if (is_object ? view_is(take_string(w), key) : is_index(key, index)) {
            /* Columns are counted here alone: a file may be one long line. */
            *place = place_of(w, start);
            return true;
        }
        skip_value(w);
    }
}

struct place place_find(struct view json, const char *const *path)
{
    struct walker w = {json.data, json.data ? json.data + json.len : NULL, json.data, 1};
    struct place place = {1, 1};
    for (; *path != NULL; path++)
        if (!enter(&w, *path, &place))
            return (struct place){0, 0};
    return place;
}
