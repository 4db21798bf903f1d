/* How the tables of node kinds are written. Only for nodes.c and statements.c, after the library's headers.
 *
 *   PLAIN(type, field…)                       walk these fields
 *   VISIT(type, visit, field…)                the same after calling visit
 *   LEAF(type)                                nothing inside
 *   STATEMENT(type, operation, visit, field…) a statement
 *   NAMED(type, operation, naming, field, field…)
 *                                             a statement about the object in the first field
 *
 * Each row must mention every pointer to nodes that the struct has: the ones that hold nothing but names in a
 * comment that begins with "names:", the ones that visit pushes by itself after "visit:"; those that the
 * grammar never fills in after "later:". A unit test holds the rows against the library's headers. */
#ifndef PARSER_ROWS_H
#define PARSER_ROWS_H

#include "nodes.h"

#define OFFSETS_0(type)
#define OFFSETS_1(type, f)                                          offsetof(type, f)
#define OFFSETS_2(type, f, ...)                                     offsetof(type, f), OFFSETS_1(type, __VA_ARGS__)
#define OFFSETS_3(type, f, ...)                                     offsetof(type, f), OFFSETS_2(type, __VA_ARGS__)
#define OFFSETS_4(type, f, ...)                                     offsetof(type, f), OFFSETS_3(type, __VA_ARGS__)
#define OFFSETS_5(type, f, ...)                                     offsetof(type, f), OFFSETS_4(type, __VA_ARGS__)
#define OFFSETS_6(type, f, ...)                                     offsetof(type, f), OFFSETS_5(type, __VA_ARGS__)
#define OFFSETS_7(type, f, ...)                                     offsetof(type, f), OFFSETS_6(type, __VA_ARGS__)
#define OFFSETS_8(type, f, ...)                                     offsetof(type, f), OFFSETS_7(type, __VA_ARGS__)
#define OFFSETS_PICK(_0, _1, _2, _3, _4, _5, _6, _7, _8, pick, ...) pick
#define OFFSETS(...)                                                                                                   \
    OFFSETS_PICK(__VA_ARGS__, OFFSETS_8, OFFSETS_7, OFFSETS_6, OFFSETS_5, OFFSETS_4, OFFSETS_3, OFFSETS_2, OFFSETS_1,  \
                 OFFSETS_0, )                                                                                          \
    (__VA_ARGS__)

#define LEAF(type)       [T_##type] = {.name = #type}
#define PLAIN(type, ...) [T_##type] = {.name = #type, .children = {OFFSETS(type, __VA_ARGS__)}}
#define VISIT(type, function, ...)                                                                                     \
    [T_##type] = {.name = #type, .visit = function, .children = {OFFSETS(type __VA_OPT__(, ) __VA_ARGS__)}}
#define FROM_ITEM(type, function, ...)                                                                                 \
    [T_##type] = {.name = #type,                                                                                       \
                  .is_from_item = true,                                                                                \
                  .visit = function,                                                                                   \
                  .children = {OFFSETS(type __VA_OPT__(, ) __VA_ARGS__)}}
#define STATEMENT(type, what, function, ...)                                                                           \
    [T_##type] = {.name = #type,                                                                                       \
                  .operation = OPERATION_##what,                                                                       \
                  .visit = function,                                                                                   \
                  .children = {OFFSETS(type __VA_OPT__(, ) __VA_ARGS__)}}
#define NAMED(type, what, how, field, ...)                                                                             \
    [T_##type] = {.name = #type,                                                                                       \
                  .operation = OPERATION_##what,                                                                       \
                  .naming = NAMING_##how,                                                                              \
                  .named = offsetof(type, field),                                                                      \
                  .children = {OFFSETS(type __VA_OPT__(, ) __VA_ARGS__)}}

#endif
