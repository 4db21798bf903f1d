/* Comments replaced by blanks, for the few places where libpg_query refuses a comment that the server takes,
 * because its lexer returns comments as tokens: in NOT IN, NULLS FIRST, WITH TIME, between the parts of a
 * continued literal, before UESCAPE. */
#ifndef PARSER_BLANK_H
#define PARSER_BLANK_H

#include "base/bytes.h"

/* Overwrites each comment in place with blanks, so that byte offsets stay; how many there were. */
size_t blank_comments(char *text, size_t len);

#endif
