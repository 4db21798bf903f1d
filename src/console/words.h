/* The text of console commands, cut into statements and words. Quiet. */
#ifndef CONSOLE_WORDS_H
#define CONSOLE_WORDS_H

#include "base/arena.h"
#include "base/bytes.h"

enum word_kind {
    WORD_KIND_PLAIN, /* letters, digits and _ . @ + - $ */
    WORD_KIND_TEXT,  /* 'it''s', without its quotes and doubling */
    WORD_KIND_NAME,  /* "name", likewise */
    WORD_KIND_SIGN,  /* any other character */
};

struct word {
    enum word_kind kind;
    struct view text;
};

enum { WORDS_MOST = 32 };

struct words {
    struct word word[WORDS_MOST];
    size_t count; /* of all; those over WORDS_MOST were not kept */
};

enum words_result {
    WORDS_RESULT_NONE, /* nothing but space and comments to the end */
    WORDS_RESULT_ONE,
    WORDS_RESULT_BAD, /* a quote or comment without its end; *why says which */
};

/* Takes the next statement off *sql, with the semicolon that ends it. Empty statements are passed over.
 * Words live in the arena, or where sql does. */
enum words_result words_take(struct view *sql, struct arena *arena, struct words *words, const char **why);

bool word_is(const struct word *word, const char *keyword); /* a plain word, in any case */

#endif
