/* One statement's parse tree -> its facts, without recursion. */
#ifndef PARSER_WALK_H
#define PARSER_WALK_H

#include "draft.h"

struct Node;

enum walk_result {
    WALK_RESULT_OK,
    WALK_RESULT_DEEP, /* nested deeper than depth_limit */
    WALK_RESULT_MUCH, /* too many names or facts */
};

/* Fills in draft->statement but for its text. */
enum walk_result walk_statement(struct draft *draft, const struct Node *tree, int depth_limit, int *position);

#endif
