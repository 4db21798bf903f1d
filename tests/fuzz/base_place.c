/* place_find on any bytes: on what is no JSON it must come to an end within the text. In what jansson reads,
 * each member must be found where its key stands. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/place.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { DEPTH = 8, MEMBERS = 200 };

/* Where the walk over jansson's tree is. Keys with escapes are spelt otherwise in the text than in the tree,
 * so a text with a backslash need not show its members. */
struct visit {
    struct view text;
    const char *path[DEPTH + 1];
    int depth, members;
    bool has_escapes;
};

/* The text from the place on; NULL if the text has no such place. */
static const char *text_at(struct view text, struct place place)
{
    const char *at = text.data, *end = text.data + text.len;
    for (int line = 1; line < place.line && at != NULL; line++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    for (int column = 1; at != NULL && at < end; at++) {
        /* Bytes that go on with a character are in no column. */
        if (((uint8_t)*at & 0xc0) == 0x80)
            continue;
        if (column++ == place.column)
            return at;
    }
    return NULL;
}

static void check_key(struct visit *visit, const char *key, bool is_element)
{
    visit->path[visit->depth] = key;
    visit->path[visit->depth + 1] = NULL;
    struct place place = place_find(visit->text, visit->path);
    CHECK(place.line > 0 || visit->has_escapes);
    if (place.line == 0)
        return;
    const char *at = text_at(visit->text, place);
    CHECK(at != NULL);
    size_t left = (size_t)(visit->text.data + visit->text.len - at), len = strlen(key);
    if (is_element)
        CHECK(strchr("{[\"-0123456789tfn", *at) != NULL && *at != '\0');
    else
        CHECK(left >= len + 2 && at[0] == '"' && memcmp(at + 1, key, len) == 0 && at[len + 1] == '"');
}

static void check_members(struct visit *visit, const json_t *value);

static void check_member(struct visit *visit, const char *key, const json_t *value, bool is_element)
{
    if (visit->depth >= DEPTH || ++visit->members > MEMBERS)
        return;
    check_key(visit, key, is_element);
    visit->depth++;
    check_members(visit, value);
    visit->path[--visit->depth] = NULL;
}

static void check_absent(struct visit *visit, const char *key)
{
    if (visit->depth >= DEPTH || visit->has_escapes)
        return;
    visit->path[visit->depth] = key;
    visit->path[visit->depth + 1] = NULL;
    CHECK(place_find(visit->text, visit->path).line == 0);
    visit->path[visit->depth] = NULL;
}

static void check_members(struct visit *visit, const json_t *value)
{
    const char *key;
    json_t *member;
    char index[24];
    size_t i;
    json_object_foreach((json_t *)value, key, member) check_member(visit, key, member, false);
    json_array_foreach(value, i, member)
    {
        snprintf(index, sizeof index, "%zu", i);
        check_member(visit, index, member, true);
    }
    if (json_is_array(value)) {
        snprintf(index, sizeof index, "%zu", json_array_size(value));
        check_absent(visit, index);
        check_absent(visit, "x");
    } else if (json_object_get(value, "no such key") == NULL) {
        check_absent(visit, "no such key");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[][3] = {{"a", NULL}, {"0", "1", NULL}, {"a", "0", NULL}, {NULL}};
    struct visit visit = {.text = {(const char *)data, size}};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct place place = place_find(visit.text, paths[i]);
        CHECK((place.line > 0) == (place.column > 0));
    }
    visit.has_escapes = size > 0 && memchr(data, '\\', size) != NULL;
    json_t *json = json_loadb(visit.text.data, size, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
    if (json != NULL)
        check_members(&visit, json);
    json_decref(json);
    return 0;
}
