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

/* The offset of the quote that closes what v begins with; 0: there is none. */
static size_t closing_quote(struct view v)
{
    for (size_t i = 1; i < v.len; i++) {
        if (v.data[i] != v.data[0])
            continue;
        if (i + 1 == v.len || v.data[i + 1] != v.data[0])
            return i;
        i++;
    }
    return 0;
}

static bool take_quoted(struct view *at, struct arena *arena, struct view *text)
{
    size_t end = closing_quote(*at), len = 0;
    if (end == 0)
        return false;
    char *to = arena_alloc(arena, end);
    for (size_t i = 1; i < end; i++) {
        to[len++] = at->data[i];
        i += at->data[i] == at->data[0]; /* the second of a doubled quote */
    }
    *text = (struct view){to, len};
    drop(at, end + 1);
    return true;
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
