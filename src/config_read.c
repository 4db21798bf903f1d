#include "config_read.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/place.h"
#include "base/text.h"

enum { SECRET_BYTES = 64 * 1024 };

/* ---- files ------------------------------------------------------------------------------------------ */

static bool read_open(int fd, size_t limit, struct arena *arena, struct view *text, const char **why)
{
    struct stat status;
    if (fstat(fd, &status) != 0 || S_ISDIR(status.st_mode)) {
        *why = "it is not a file";
        return false;
    }
    struct bytes content = {0};
    ssize_t got;
    do {
        got = read(fd, bytes_room(&content, 8192), 8192);
        if (got > 0)
            content.len += (size_t)got;
    } while ((got > 0 && content.len <= limit) || (got < 0 && errno == EINTR));
    if (got == 0)
        *text = arena_view(arena, bytes_view(&content));
    else
        *why = got < 0 ? strerror(errno) : "it is too long";
    bytes_fini(&content);
    return got == 0;
}

bool read_whole(const char *path, size_t limit, struct arena *arena, struct view *text, const char **why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        *why = strerror(errno);
        return false;
    }
    bool done = read_open(fd, limit, arena, text, why);
    close(fd);
    return done;
}

const char *path_beside(const struct reading *reading, const char *path)
{
    const char *slash = strrchr(reading->file, '/');
    if (path[0] == '/' || slash == NULL)
        return arena_copy(reading->arena, view_of(path));
    struct bytes joined = {0};
    bytes_add(&joined, reading->file, (size_t)(slash - reading->file) + 1);
    bytes_add_text(&joined, path);
    const char *result = arena_copy(reading->arena, bytes_view(&joined));
    bytes_fini(&joined);
    return result;
}

/* ---- nodes ------------------------------------------------------------------------------------------ */

bool node_read(const struct reading *reading, struct node *root)
{
    json_error_t error;
    *root = (struct node){.reading = reading};
    size_t wrong = text_utf8_valid(reading->text);
    if (wrong < reading->text.len)
        return fault_at(reading->fault, reading->file, 0, 0, NULL, "byte %zu is not UTF-8", wrong);
    root->value = json_loadb(reading->text.data, reading->text.len, JSON_REJECT_DUPLICATES, &error);
    if (root->value == NULL)
        return fault_at(reading->fault, reading->file, error.line, error.column, NULL, "%s", error.text);
    return true;
}

void node_free(struct node *root)
{
    json_decref(root->value);
    root->value = NULL;
}

bool node_fault(const struct node *node, const char *message, ...)
{
    const struct reading *reading = node->reading;
    char words[sizeof reading->fault->message];
    va_list args;
    va_start(args, message);
    vsnprintf(words, sizeof words, message, args);
    va_end(args);

    struct bytes key = {0};
    for (unsigned i = 0; i < node->depth; i++)
        bytes_add_format(&key, "%s%s", i > 0 ? "." : "", node->keys[i]);
    /* What is missing has no place: its nearest relative that is there stands in for it. */
    struct node nearest = *node;
    struct place place = place_find(reading->text, nearest.keys);
    while (place.line == 0 && nearest.depth > 0) {
        nearest.keys[--nearest.depth] = NULL;
        place = place_find(reading->text, nearest.keys);
    }
    fault_at(reading->fault, reading->file, place.line, place.column, bytes_text(&key), "%s", words);
    bytes_fini(&key);
    return false;
}

bool node_is_there(const struct node *node)
{
    return node->value != NULL;
}

static struct node child(const struct node *node, const char *key, json_t *value)
{
    CHECK(node->depth < NODE_DEPTH);
    struct node made = *node;
    made.value = value;
    made.keys[made.depth++] = key;
    made.keys[made.depth] = NULL;
    return made;
}

struct node node_member(const struct node *node, const char *name)
{
    return child(node, name, json_object_get(node->value, name));
}

size_t node_count(const struct node *node)
{
    return json_is_array(node->value) ? json_array_size(node->value) : json_object_size(node->value);
}

struct node node_at(const struct node *node, size_t index)
{
    if (json_is_array(node->value)) {
        char number[24];
        snprintf(number, sizeof number, "%zu", index);
        return child(node, arena_copy(node->reading->arena, view_of(number)), json_array_get(node->value, index));
    }
    void *at = json_object_iter(node->value);
    for (size_t i = 0; i < index; i++)
        at = json_object_iter_next(node->value, at);
    CHECK(at != NULL);
    const char *key = arena_copy(node->reading->arena, view_of(json_object_iter_key(at)));
    return child(node, key, json_object_iter_value(at));
}

const char *node_name(const struct node *node)
{
    return node->depth > 0 ? node->keys[node->depth - 1] : "";
}

const char *node_text(const struct node *node)
{
    if (node->value == NULL)
        return NULL;
    return arena_copy(node->reading->arena,
                      (struct view){json_string_value(node->value), json_string_length(node->value)});
}

int64_t node_number(const struct node *node, int64_t otherwise)
{
    return node->value != NULL ? json_integer_value(node->value) : otherwise;
}

const char *const *node_texts(const struct node *node)
{
    size_t count = json_array_size(node->value);
    const char **texts = arena_alloc(node->reading->arena, (count + 1) * sizeof *texts);
    for (size_t i = 0; i < count; i++) {
        struct node item = node_at(node, i);
        texts[i] = node_text(&item);
    }
    return texts;
}

/* ---- objects against their tables -------------------------------------------------------------------- */

static const struct member *member_find(const struct member *members, const char *name)
{
    for (; members->name != NULL; members++)
        if (strcmp(members->name, name) == 0)
            return members;
    return NULL;
}

static bool unknown_key(const struct node *node, const struct member *members)
{
    struct bytes known = {0};
    for (const struct member *m = members; m->name != NULL; m++)
        bytes_add_format(&known, "%s%s", m == members ? "" : ", ", m->name);
    node_fault(node, "there is no such key here; there are %s", bytes_text(&known));
    bytes_fini(&known);
    return false;
}

static bool check_texts(const struct node *node)
{
    if (!json_is_array(node->value))
        return node_fault(node, "this must be a list of strings in brackets");
    for (size_t i = 0; i < json_array_size(node->value); i++) {
        struct node item = node_at(node, i);
        if (!json_is_string(item.value))
            return node_fault(&item, "this must be a string in quotes");
    }
    return true;
}

static bool check_secret(const struct node *node)
{
    static const struct member forms[] = {
        {.name = "file", .type = MEMBER_TYPE_TEXT}, {.name = "env", .type = MEMBER_TYPE_TEXT}, {.name = NULL}};
    if (json_is_string(node->value))
        return true;
    if (!json_is_object(node->value) || json_object_size(node->value) != 1)
        return node_fault(node, "this must be a string, {\"file\": \"PATH\"} or {\"env\": \"NAME\"}");
    return node_check(node, forms);
}

static bool check_number(const struct node *node, const struct member *member)
{
    if (!json_is_integer(node->value) || json_integer_value(node->value) < member->least ||
        json_integer_value(node->value) > member->most)
        return node_fault(node, "this must be a whole number from %lld to %lld", (long long)member->least,
                          (long long)member->most);
    return true;
}

static bool check_type(const struct node *node, const struct member *member)
{
    switch (member->type) {
    case MEMBER_TYPE_TEXT:
        return json_is_string(node->value) || node_fault(node, "this must be a string in quotes");
    case MEMBER_TYPE_NUMBER:
        return check_number(node, member);
    case MEMBER_TYPE_OBJECT:
        return json_is_object(node->value) || node_fault(node, "this must be an object in braces");
    case MEMBER_TYPE_TEXTS:
        return check_texts(node);
    case MEMBER_TYPE_SECRET:
        return check_secret(node);
    }
    return false;
}

bool node_check(const struct node *node, const struct member *members)
{
    if (!json_is_object(node->value))
        return node_fault(node, "this must be an object in braces");
    for (size_t i = 0; i < node_count(node); i++) {
        struct node item = node_at(node, i);
        const struct member *member = member_find(members, node_name(&item));
        if (member == NULL)
            return unknown_key(&item, members);
        if (!check_type(&item, member))
            return false;
    }
    for (const struct member *m = members; m->name != NULL; m++) {
        struct node item = node_member(node, m->name);
        if (m->is_required && !node_is_there(&item))
            return node_fault(&item, "this key is missing");
    }
    return true;
}

/* ---- secrets ----------------------------------------------------------------------------------------- */

bool node_is_plain(const struct node *node)
{
    return json_is_string(node->value);
}

static struct view without_line_end(struct view text)
{
    while (text.len > 0 && (text.data[text.len - 1] == '\n' || text.data[text.len - 1] == '\r'))
        text.len--;
    return text;
}

static bool secret_from_file(const struct node *file, const char **value)
{
    const char *path = path_beside(file->reading, node_text(file)), *why;
    struct view text;
    if (!read_whole(path, SECRET_BYTES, file->reading->arena, &text, &why))
        return node_fault(file, "%s can't be read: %s", path, why);
    text = without_line_end(text);
    if (text.len == 0 || memchr(text.data, 0, text.len) != NULL)
        return node_fault(file, "%s must hold one line of text", path);
    *value = arena_copy(file->reading->arena, text);
    return true;
}

static bool secret_from_environment(const struct node *name, const char **value)
{
    const char *variable = node_text(name);
    /* The roles unset all of these, so that libpq takes nothing from its surroundings. */
    if (strncmp(variable, "PG", 2) == 0)
        return node_fault(name, "names that begin with PG are libpq's own; give the variable another name");
    const char *text = getenv(variable);
    if (text == NULL || text[0] == '\0')
        return node_fault(name, "the environment variable %s is not set", variable);
    *value = arena_copy(name->reading->arena, view_of(text));
    return true;
}

bool node_secret(const struct node *node, bool is_wanted, const char **value)
{
    *value = NULL;
    if (node->value == NULL || !is_wanted)
        return true;
    if (node_is_plain(node)) {
        *value = node_text(node);
        return true;
    }
    struct node file = node_member(node, "file"), name = node_member(node, "env");
    return node_is_there(&file) ? secret_from_file(&file, value) : secret_from_environment(&name, value);
}
