#include "functions.h"

#include <string.h>

static int compare(struct view name, const char *row)
{
    size_t len = strlen(row);
    int order = memcmp(name.data, row, name.len < len ? name.len : len);
    return order != 0 ? order : (name.len > len) - (name.len < len);
}

const struct function_row *functions_find(struct view name, size_t *count)
{
    *count = 0;
    if (name.len == 0)
        return NULL;
    size_t low = 0, high = functions_table_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(name, functions_table[middle].name) > 0)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t at = low; at < functions_table_count && compare(name, functions_table[at].name) == 0; at++)
        ++*count;
    return *count > 0 ? &functions_table[low] : NULL;
}

enum extension_state functions_extension(struct view extension)
{
    enum extension_state state = EXTENSION_STATE_UNKNOWN;
    for (size_t i = 0; i < functions_table_count; i++) {
        const struct function_row *row = &functions_table[i];
        if (row->extension[0] == '\0' || !view_is(extension, row->extension))
            continue;
        enum extension_state seen = row->verdict != FUNCTION_VERDICT_ALLOW ? EXTENSION_STATE_REFUSED
                                    : strncmp(row->reason, "trusted ", strlen("trusted ")) == 0
                                        ? EXTENSION_STATE_TRUSTED
                                        : EXTENSION_STATE_USABLE;
        if (seen > state)
            state = seen;
    }
    return state;
}
