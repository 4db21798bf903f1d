/* Where a key stands in a JSON text. jansson tells where a text stops being JSON, not where a well-formed
 * member is; operators want "file:line:column" for a misspelt key too. The text must be JSON already. */
#ifndef BASE_PLACE_H
#define BASE_PLACE_H

#include "base/bytes.h"

struct place {
    int line, column; /* 1-based, of the member's key (or of the array element); 0 when it isn't there */
};

/* path: NULL-terminated array of keys from the root; an array's element is named by its index in decimal:
 * {"agents", "bot", "password", NULL}, {"rules", "3", "id", NULL}. */
struct place place_find(struct view json, const char *const *path);

#endif
