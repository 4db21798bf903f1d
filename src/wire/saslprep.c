/* SASLprep (RFC 4013), as PostgreSQL's saslprep.c does it, because libpq prepares the password on the other
 * side and both must hash the same bytes:
 *
 *   map        odd spaces to a space, "commonly mapped to nothing" away
 *   prohibit   control characters, private use, tags, what Unicode 3.2 had not assigned …
 *   bidi       right-to-left text holds no left-to-right letter and has right-to-left ends
 *   normalise  NFKC
 *
 * RFC 4013 normalises before it prohibits; PostgreSQL looks at the characters before normalisation, and goes
 * on with the raw bytes where the RFC would refuse. We follow PostgreSQL in both.
 *
 * The tables (RFC 3454's, and NFKC's) are GNU libidn's: 5,000 lines of data that nobody should keep a second
 * copy of. libidn is in Debian, is maintained, and is written for this profile. It is run on nothing but
 * valid UTF-8, and only where an operator makes a verifier.
 *
 * Held against pg_saslprep() of PostgreSQL 15, every code point alone and three million random strings: the
 * two differ where Unicode corrected its data after 3.2, which libidn follows to the letter. That is five
 * ideographs (U+2F868, 2F874, 2F91F, 2F95F, 2F9BF), and Hangul jamo with a combining mark between them. */
#include "saslprep.h"

#include <stdlib.h>
#include <stringprep.h>

#include "base/check.h"
#include "base/text.h"

enum {
    MOST_STEPS = 32,
    MOST_GROWTH = 18, /* U+FDFA becomes 18 characters under NFKC, the most there is */
    MOST_PASSWORD = 1 << 16,
};

static bool is_ascii(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if ((unsigned char)v.data[i] >= 0x80)
            return false;
    return true;
}

/* libidn's profile with normalisation moved to the end. The array is zero-terminated, as libidn wants it. */
static void make_profile(Stringprep_profile profile[MOST_STEPS])
{
    Stringprep_profile last = {0};
    size_t count = 0;
    for (const Stringprep_profile *step = stringprep_saslprep; step->operation != 0; step++) {
        CHECK(count < MOST_STEPS - 2);
        if (step->operation == STRINGPREP_NFKC)
            last = *step;
        else
            profile[count++] = *step;
    }
    CHECK(last.operation == STRINGPREP_NFKC);
    profile[count++] = last;
    profile[count] = (Stringprep_profile){0};
}

/* False: prohibited, or nothing is left. */
static bool prepare(struct view password, struct bytes *to)
{
    Stringprep_profile profile[MOST_STEPS];
    make_profile(profile);
    /* Every character is at least one byte here, and at most four when it comes out. */
    size_t size = password.len * MOST_GROWTH * 4 + 1;
    char *text = check_calloc(size, 1);
    for (size_t i = 0; i < password.len; i++)
        text[i] = password.data[i];
    bool good = stringprep(text, size, STRINGPREP_NO_UNASSIGNED, profile) == STRINGPREP_OK && text[0] != '\0';
    if (good)
        bytes_add_text(to, text);
    free(text);
    return good;
}

void saslprep(struct view password, struct bytes *to)
{
    bool plain = is_ascii(password) || password.len > MOST_PASSWORD || text_utf8_valid(password) < password.len;
    if (plain || !prepare(password, to))
        bytes_add_view(to, password);
}
