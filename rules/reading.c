#include "reading.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/place.h"

enum { READING_DEPTH = 8 };

struct spot spot_member(const struct spot *parent, const char *key)
{
    return (struct spot){.parent = parent, .key = key};
}

struct spot spot_element(const struct spot *parent, size_t index)
{
    struct spot spot = {.parent = parent};
    snprintf(spot.index, sizeof spot.index, "%zu", index);
    return spot;
}

static const char *spot_key(const struct spot *spot)
{
    return spot->key != NULL ? spot->key : spot->index;
}

/* The keys from the root, NULL-terminated, and joined with dots. */
static void spot_path(const struct spot *spot, const char *path[READING_DEPTH + 1], struct bytes *joined)
{
    const struct spot *way[READING_DEPTH];
    size_t depth = 0;
    for (; spot->parent != NULL; spot = spot->parent) {
        CHECK(depth < READING_DEPTH);
        way[depth++] = spot;
    }
    for (size_t i = 0; i < depth; i++) {
        path[i] = spot_key(way[depth - 1 - i]);
        bytes_add_format(joined, "%s%s", i > 0 ? "." : "", path[i]);
    }
    path[depth] = NULL;
}

bool reading_fault(const struct reading *reading, const struct spot *spot, const char *message, ...)
{
    char text[sizeof reading->fault->message];
    va_list args;
    va_start(args, message);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start is the line above */
    vsnprintf(text, sizeof text, message, args);
    va_end(args);
    const char *path[READING_DEPTH + 1];
    struct bytes joined = {0};
    spot_path(spot, path, &joined);
    struct place place = place_find(reading->text, path);
    fault_at(reading->fault, reading->file, place.line, place.column, bytes_text(&joined), "%s", text);
    bytes_fini(&joined);
    return false;
}

static const struct member *find_member(const struct member *members, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(members[i].name, name) == 0)
            return &members[i];
    return NULL;
}

static bool unknown_member(const struct reading *reading, const struct spot *spot, const struct member *members,
                           size_t count)
{
    struct bytes known = {0};
    for (size_t i = 0; i < count; i++)
        bytes_add_format(&known, "%s%s", i > 0 ? ", " : "", members[i].name);
    reading_fault(reading, spot, "unknown key; what may stand here: %s", bytes_text(&known));
    bytes_fini(&known);
    return false;
}

bool reading_object(const struct reading *reading, const struct spot *spot, const json_t *value,
                    const struct member *members, size_t count, void *into)
{
    if (!json_is_object(value))
        return reading_fault(reading, spot, "must be an object, {…}");
    const char *key;
    json_t *child;
    json_object_foreach((json_t *)value, key, child)
    {
        struct spot below = spot_member(spot, key);
        const struct member *member = find_member(members, count, key);
        if (member == NULL)
            return unknown_member(reading, &below, members, count);
        if (!member->read(reading, &below, child, into))
            return false;
    }
    for (size_t i = 0; i < count; i++)
        if (members[i].is_required && json_object_get(value, members[i].name) == NULL)
            return reading_fault(reading, spot, "\"%s\" is missing", members[i].name);
    return true;
}

bool reading_array(const struct reading *reading, const struct spot *spot, const json_t *value, const char *of_what,
                   member_function *element, void *into)
{
    if (!json_is_array(value))
        return reading_fault(reading, spot, "must be a list of %s, […]", of_what);
    size_t index;
    json_t *child;
    json_array_foreach(value, index, child)
    {
        struct spot below = spot_element(spot, index);
        if (!element(reading, &below, child, into))
            return false;
    }
    return true;
}

bool reading_text(const struct reading *reading, const struct spot *spot, const json_t *value, size_t most,
                  const char **text)
{
    if (!json_is_string(value))
        return reading_fault(reading, spot, "must be a text in quotes");
    size_t len = json_string_length(value);
    const char *data = json_string_value(value);
    if (len == 0 || len > most)
        return reading_fault(reading, spot, "must have 1 to %zu bytes", most);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)data[i] < 0x20 || data[i] == 0x7f)
            return reading_fault(reading, spot, "must be without control characters and line breaks");
    *text = arena_copy(reading->arena, (struct view){data, len});
    return true;
}

bool reading_number(const struct reading *reading, const struct spot *spot, const json_t *value, long least, long most,
                    unsigned *number)
{
    if (!json_is_integer(value) || json_integer_value(value) < least || json_integer_value(value) > most)
        return reading_fault(reading, spot, "must be a whole number from %ld to %ld", least, most);
    *number = (unsigned)json_integer_value(value);
    return true;
}
