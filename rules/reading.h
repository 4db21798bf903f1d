/* Reading JSON that an operator wrote: a table says which members an object may have, and everything else
 * is a fault with file, line, column and key. */
#ifndef RULES_READING_H
#define RULES_READING_H

#include "base/arena.h"
#include "base/fault.h"

struct json_t;

struct reading {
    const char *file;
    struct view text;
    struct fault *fault;
    struct arena *arena; /* of what is read */
};

/* A place in the text: a key, or an index, under its parent. The root has no parent. */
struct spot {
    const struct spot *parent;
    const char *key;
    char index[24];
};

struct spot spot_member(const struct spot *parent, const char *key);
struct spot spot_element(const struct spot *parent, size_t index);

/* Says what is wrong there; always false. */
bool reading_fault(const struct reading *reading, const struct spot *spot, const char *message, ...)
    __attribute__((format(printf, 3, 4)));

typedef bool member_function(const struct reading *reading, const struct spot *spot, const struct json_t *value,
                             void *into);

struct member {
    const char *name;
    member_function *read;
    bool is_required;
};

/* Each member of the object goes to its row's function. */
bool reading_object(const struct reading *reading, const struct spot *spot, const struct json_t *value,
                    const struct member *members, size_t count, void *into);

/* Each element of the array goes to `element`. */
bool reading_array(const struct reading *reading, const struct spot *spot, const struct json_t *value,
                   const char *of_what, member_function *element, void *into);

/* A string of 1 to `most` bytes without control characters, copied into the arena. */
bool reading_text(const struct reading *reading, const struct spot *spot, const struct json_t *value, size_t most,
                  const char **text);
bool reading_number(const struct reading *reading, const struct spot *spot, const struct json_t *value, long least,
                    long most, unsigned *number);

#endif
