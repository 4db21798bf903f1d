#include "result.h"

#include <inttypes.h>
#include <jansson.h>

#include "base/text.h"

static void add_columns(struct bytes *to, const struct ticket_result *result)
{
    for (size_t i = 0; i < result->column_count; i++) {
        bytes_add_text(to, i ? ",{\"name\":" : "{\"name\":");
        text_add_json(to, view_of(result->columns[i].name));
        bytes_add_text(to, ",\"type\":");
        text_add_json(to, view_of(result->columns[i].type));
        bytes_add_format(to, ",\"oid\":%u}", result->columns[i].type_oid);
    }
}

void result_write(const struct ticket_result *results, size_t count, struct bytes *to)
{
    bytes_add_char(to, '[');
    for (size_t i = 0; i < count; i++) {
        bytes_add_text(to, i ? ",{\"tag\":" : "{\"tag\":");
        text_add_json(to, view_of(results[i].tag));
        bytes_add_format(to, ",\"rows\":%" PRIu64 ",\"dropped\":%s,\"columns\":[", results[i].row_count,
                         results[i].dropped ? "true" : "false");
        add_columns(to, &results[i]);
        bytes_add_text(to, "]}");
    }
    bytes_add_char(to, ']');
}

static const char *copy(const json_t *json, struct arena *arena)
{
    return json_is_string(json) ? arena_copy(arena, view_of(json_string_value(json))) : NULL;
}

static bool read_columns(const json_t *json, struct arena *arena, struct ticket_result *to)
{
    size_t count = json_array_size(json);
    struct ticket_column *columns = arena_alloc(arena, count * sizeof *columns);
    for (size_t i = 0; i < count; i++) {
        const json_t *one = json_array_get(json, i), *oid = json_object_get(one, "oid");
        columns[i].name = copy(json_object_get(one, "name"), arena);
        columns[i].type = copy(json_object_get(one, "type"), arena);
        columns[i].type_oid = (uint32_t)json_integer_value(oid);
        if (columns[i].name == NULL || columns[i].type == NULL || !json_is_integer(oid))
            return false;
    }
    to->columns = count ? columns : NULL;
    to->column_count = count;
    return json_is_array(json);
}

static bool read_results(const json_t *json, struct arena *arena, struct ticket_result **results, size_t *count)
{
    *count = json_array_size(json);
    *results = arena_alloc(arena, *count * sizeof **results);
    for (size_t i = 0; i < *count; i++) {
        const json_t *one = json_array_get(json, i), *rows = json_object_get(one, "rows");
        struct ticket_result *to = &(*results)[i];
        to->tag = copy(json_object_get(one, "tag"), arena);
        to->row_count = (uint64_t)json_integer_value(rows);
        to->dropped = json_is_true(json_object_get(one, "dropped"));
        if (to->tag == NULL || !json_is_integer(rows) || !read_columns(json_object_get(one, "columns"), arena, to))
            return false;
    }
    return json_is_array(json);
}

bool result_read(struct view text, struct arena *arena, struct ticket_result **results, size_t *count)
{
    json_t *json = text.len ? json_loadb(text.data, text.len, 0, NULL) : NULL;
    bool good = json != NULL && read_results(json, arena, results, count);
    json_decref(json);
    return good;
}
