/* Code points that a person doesn't see, or that move others about, from Unicode's own lists (15.0) and not
 * from src/base: what text_add_visible is held against. */
#ifndef TESTS_BASE_HIDDEN_H
#define TESTS_BASE_HIDDEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool is_hidden(uint32_t point)
{
    static const uint32_t ranges[][2] = {
        /* General_Category=Cc */
        {0x00, 0x1f},
        {0x7f, 0x9f},
        /* Default_Ignorable_Code_Point, Bidi_Control among them */
        {0xad, 0xad},
        {0x34f, 0x34f},
        {0x61c, 0x61c},
        {0x115f, 0x1160},
        {0x17b4, 0x17b5},
        {0x180b, 0x180f},
        {0x200b, 0x200f},
        {0x202a, 0x202e},
        {0x2060, 0x206f},
        {0x3164, 0x3164},
        {0xfe00, 0xfe0f},
        {0xfeff, 0xfeff},
        {0xffa0, 0xffa0},
        {0xfff0, 0xfff8},
        {0x1bca0, 0x1bca3},
        {0x1d173, 0x1d17a},
        {0xe0000, 0xe0fff},
        /* White_Space without the ordinary space */
        {0xa0, 0xa0},
        {0x1680, 0x1680},
        {0x2000, 0x200a},
        {0x2028, 0x2029},
        {0x202f, 0x202f},
        {0x205f, 0x205f},
        {0x3000, 0x3000},
        /* General_Category=Cf beyond these, without Prepended_Concatenation_Mark (those are drawn) */
        {0xfff9, 0xfffb},
        {0x13430, 0x1343f},
        /* Blank glyphs: Braille's, Khitan's filler, the null notehead */
        {0x2800, 0x2800},
        {0x16fe4, 0x16fe4},
        {0x1d159, 0x1d159},
        /* Private use: nobody knows */
        {0xe000, 0xf8ff},
        {0xf0000, 0xffffd},
        {0x100000, 0x10fffd},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (point >= ranges[i][0] && point <= ranges[i][1])
            return true;
    return false;
}

#endif
