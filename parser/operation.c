/* Operations: their names and what a policy can say about them (the list is in parser.h). */
#include "parser/parser.h"

#include <stddef.h>

#include "base/check.h"
#include "base/text.h"

static const struct {
    const char *name;
    char class;
} operations[OPERATION_COUNT] = {
#define X(name, class) [OPERATION_##name] = {#name, class},
    OPERATION_LIST(X)
#undef X
};

const char *operation_name(enum operation operation)
{
    CHECK((unsigned)operation < OPERATION_COUNT);
    return operations[operation].name;
}

bool operation_find(struct view name, enum operation *operation)
{
    for (int i = 0; i < OPERATION_COUNT; i++)
        if (text_same_folded(name, view_of(operations[i].name))) {
            *operation = (enum operation)i;
            return true;
        }
    return false;
}

char operation_class(enum operation operation)
{
    CHECK((unsigned)operation < OPERATION_COUNT);
    return operations[operation].class;
}
