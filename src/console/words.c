/* Grammar of what is read here; keywords are the business of command.c:
 *
 *   statement = { word } ( ";" | end )
 *   word      = plain | "'" text "'" | '"' text '"' | sign      a quote inside is doubled
 *   between   = space | "--" to the end of the line | "/ *" … "* /", nested */
#include "words.h"

#include <string.h>

#include "base/text.h"

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c & 0x80) != 0 ||
           (c != '\0' && strchr("_.@+-$", c) != NULL);
}

static bool starts(struct view v, const char *text)
{
    return view_starts(v, text);
}

static void drop(struct view *v, size_t count)
{
    v->data += count;
    v->len -= count;
}

static bool skip_block_comment(struct view *at)
{
    int depth = 0;
    do {
        bool opens = starts(*at, "/*"), closes = starts(*at, "*/");
        depth += opens - closes;
        drop(at, opens || closes ? 2 : 1);
    } while (depth > 0 && at->len > 0);
    return depth == 0;
}

/* False: a comment doesn't end. */
static bool skip_between(struct view *at)
{
    while (at->len > 0) {
        if (strchr(" \t\r\n\f\v", at->data[0]) != NULL && at->data[0] != '\0') {
            drop(at, 1);
        } else if (starts(*at, "--")) {
            const char *end = memchr(at->data, '\n', at->len);
            drop(at, end != NULL ? (size_t)(end - at->data) : at->len);
        } else if (starts(*at, "/*")) {
            if (!skip_block_comment(at))
                return false;
        } else {
            break;
        }
    }
    return true;
}

/* at stands on the opening quote. False: there is no closing one. */
static bool take_quoted(struct view *at, struct arena *arena, struct view *text)
{
    char quote = at->data[0];
    char *to = arena_alloc(arena, at->len + 1);
    size_t len = 0;
    for (drop(at, 1); at->len > 0; drop(at, 1)) {
        if (at->data[0] == quote) {
            drop(at, 1);
            if (at->len == 0 || at->data[0] != quote) {
                *text = (struct view){to, len};
                return true;
            }
        }
        to[len++] = at->data[0];
    }
    return false;
}

static struct view take_plain(struct view *at)
{
    size_t len = 1;
    /* "--" begins a comment also right behind a word. */
    while (len < at->len && is_plain(at->data[len]) &&
           !(at->data[len] == '-' && len + 1 < at->len && at->data[len + 1] == '-'))
        len++;
    struct view text = {at->data, len};
    drop(at, len);
    return text;
}

static bool take_word(struct view *at, struct arena *arena, struct word *word)
{
    char c = at->data[0];
    if (c == '\'' || c == '"') {
        word->kind = c == '\'' ? WORD_KIND_TEXT : WORD_KIND_NAME;
        return take_quoted(at, arena, &word->text);
    }
    word->kind = is_plain(c) ? WORD_KIND_PLAIN : WORD_KIND_SIGN;
    word->text = is_plain(c) ? take_plain(at) : (struct view){at->data, 1};
    if (word->kind == WORD_KIND_SIGN)
        drop(at, 1);
    return true;
}

enum words_result words_take(struct view *sql, struct arena *arena, struct words *words, const char **why)
{
    words->count = 0;
    for (;;) {
        if (!skip_between(sql)) {
            *why = "a comment has no end";
            return WORDS_RESULT_BAD;
        }
        bool is_end = sql->len == 0 || sql->data[0] == ';';
        if (is_end && sql->len > 0)
            drop(sql, 1);
        if (is_end && words->count > 0)
            return WORDS_RESULT_ONE;
        if (is_end && sql->len == 0)
            return WORDS_RESULT_NONE;
        if (is_end)
            continue;
        struct word word;
        if (!take_word(sql, arena, &word)) {
            *why = "a quoted text has no closing quote";
            return WORDS_RESULT_BAD;
        }
        if (words->count < WORDS_MOST)
            words->word[words->count] = word;
        words->count++;
    }
}

bool word_is(const struct word *word, const char *keyword)
{
    return word->kind == WORD_KIND_PLAIN && text_same_folded(word->text, view_of(keyword));
}
