/* What a text must be like before the library's lexer may see it. Linear in the text. */
#ifndef PARSER_PRECHECK_H
#define PARSER_PRECHECK_H

#include "parser/parser.h"

enum parser_result precheck(struct view sql, size_t length_limit, struct parser_error *error);

/* Fills in an error; the message is cut to fit. Returns `result`. */
enum parser_result precheck_error(struct parser_error *error, enum parser_result result, const char *sqlstate,
                                  int position, const char *message);

#endif
