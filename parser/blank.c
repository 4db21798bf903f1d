/* A small lexer that knows just enough of scan.l (UTF8, standard_conforming_strings on) to tell comments
 * from literals, quoted names and dollar quotes. Nothing rests on its being right: what it leaves is parsed
 * again, judged and sent, so a mistake here can only change what the agent gets, never get past the rules.
 *
 * A C comment is blanked with its line feeds: to the server it is not white space with a line feed in it,
 * which between two literals would join them. */
#include "blank.h"

#include <string.h>

struct scan {
    char *text;
    size_t len, at, blanked;
};

static char peek(const struct scan *s, size_t ahead)
{
    return s->at + ahead < s->len ? s->text[s->at + ahead] : '\0';
}

static bool is_name_start(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void blank(struct scan *s, size_t from)
{
    memset(s->text + from, ' ', s->at - from);
    s->blanked++;
}

static void line_comment(struct scan *s)
{
    size_t from = s->at;
    while (s->at < s->len && s->text[s->at] != '\n' && s->text[s->at] != '\r')
        s->at++;
    blank(s, from);
}

/* Nests. One without an end is left alone: the text is no SQL. */
static void block_comment(struct scan *s)
{
    size_t from = s->at, depth = 0;
    while (s->at < s->len) {
        if (peek(s, 0) == '/' && peek(s, 1) == '*') {
            depth++;
            s->at += 2;
        } else if (peek(s, 0) == '*' && peek(s, 1) == '/') {
            depth--;
            s->at += 2;
            if (depth == 0) {
                blank(s, from);
                return;
            }
        } else {
            s->at++;
        }
    }
}

/* After a literal's closing quote: white space with a line feed in it (comments to the end of a line count)
 * and another quote continue the literal. True, and past that quote, if so. */
static bool continues(struct scan *s)
{
    size_t from = s->at;
    bool line_feed = false;
    struct scan ahead = *s;
    for (; ahead.at < ahead.len; ahead.at++) {
        char c = peek(&ahead, 0);
        if (c == '-' && peek(&ahead, 1) == '-') {
            while (ahead.at + 1 < ahead.len && peek(&ahead, 1) != '\n' && peek(&ahead, 1) != '\r')
                ahead.at++;
            continue;
        }
        if (c == '\n' || c == '\r')
            line_feed = true;
        else if (c != ' ' && c != '\t' && c != '\f')
            break;
    }
    if (!line_feed || peek(&ahead, 0) != '\'')
        return false;
    for (s->at = from; s->at < ahead.at;)
        if (peek(s, 0) == '-')
            line_comment(s);
        else
            s->at++;
    s->at++;
    return true;
}

/* At the opening quote. With `escapes` a backslash takes the next character with it. A doubled quote ends
 * one piece and begins the next, which for our purpose is the same as a quote inside. */
static void quoted(struct scan *s, char quote, bool escapes)
{
    s->at++;
    while (s->at < s->len) {
        char c = s->text[s->at++];
        if (c == '\\' && escapes) {
            s->at += s->at < s->len;
        } else if (c == quote) {
            if (peek(s, 0) == quote)
                s->at++;
            else if (quote != '\'' || !continues(s))
                return;
        }
    }
}

/* $$ or $tag$ up to the same again; a $ that begins neither is passed over. */
static void dollar(struct scan *s)
{
    size_t end = s->at + 1;
    if (end < s->len && is_name_start(s->text[end]))
        while (end < s->len && (is_name_start(s->text[end]) || is_digit(s->text[end])))
            end++;
    if (end >= s->len || s->text[end] != '$') {
        s->at++;
        return;
    }
    size_t size = end + 1 - s->at;
    const char *close = memmem(s->text + end + 1, s->len - end - 1, s->text + s->at, size);
    s->at = close == NULL ? s->len : (size_t)(close - s->text) + size;
}

static void word(struct scan *s)
{
    if ((peek(s, 0) == 'e' || peek(s, 0) == 'E') && peek(s, 1) == '\'') {
        s->at++;
        quoted(s, '\'', true);
        return;
    }
    bool number = is_digit(peek(s, 0));
    while (is_name_start(peek(s, 0)) || is_digit(peek(s, 0)) || (peek(s, 0) == '$' && !number))
        s->at++;
}

size_t blank_comments(char *text, size_t len)
{
    struct scan s = {.text = text, .len = len};
    while (s.at < len) {
        char c = peek(&s, 0);
        if (c == '-' && peek(&s, 1) == '-')
            line_comment(&s);
        else if (c == '/' && peek(&s, 1) == '*')
            block_comment(&s);
        else if (c == '\'' || c == '"')
            quoted(&s, c, false);
        else if (c == '$')
            dollar(&s);
        else if (is_name_start(c) || is_digit(c))
            word(&s);
        else
            s.at++;
    }
    return s.blanked;
}
