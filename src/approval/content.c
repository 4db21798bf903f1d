#include "content.h"

#include <jansson.h>

#include "base/text.h"

/* ---- the digest --------------------------------------------------------------------------------------- */

/* Every piece is preceded by its length or is of a fixed size, so that no two contents serialise alike. */
static void hash_number(struct crypto_hash *hash, uint64_t number)
{
    uint8_t raw[8];
    for (size_t i = 0; i < sizeof raw; i++)
        raw[i] = (uint8_t)(number >> (56 - 8 * i));
    crypto_hash_add(hash, (struct view){(const char *)raw, sizeof raw});
}

static void hash_view(struct crypto_hash *hash, struct view v)
{
    hash_number(hash, v.len);
    if (v.len > 0)
        crypto_hash_add(hash, v);
}

static void hash_statement(struct crypto_hash *hash, const struct ticket_statement *statement)
{
    hash_view(hash, statement->sql);
    hash_number(hash, statement->type_count);
    for (size_t i = 0; i < statement->type_count; i++)
        hash_number(hash, statement->types[i]);
}

static void hash_run(struct crypto_hash *hash, const struct ticket_run *run)
{
    hash_number(hash, run->statement);
    hash_number(hash, run->value_count);
    for (size_t i = 0; i < run->value_count; i++) {
        const struct ticket_value *value = &run->values[i];
        hash_number(hash, value->format);
        hash_number(hash, value->is_null);
        if (!value->is_null)
            hash_view(hash, value->data);
    }
}

struct sha256 ticket_digest(const struct ticket_content *content)
{
    struct crypto_hash *hash = crypto_hash_new();
    hash_view(hash, view_of("sallyport ticket 1"));
    hash_view(hash, view_of(content->agent));
    hash_view(hash, view_of(content->database));
    hash_view(hash, view_of(content->role));
    hash_number(hash, content->setting_count);
    for (size_t i = 0; i < content->setting_count; i++) {
        hash_view(hash, view_of(content->settings[i].name));
        hash_view(hash, view_of(content->settings[i].value));
    }
    hash_number(hash, content->statement_count);
    for (size_t i = 0; i < content->statement_count; i++)
        hash_statement(hash, &content->statements[i]);
    hash_number(hash, content->run_count);
    for (size_t i = 0; i < content->run_count; i++)
        hash_run(hash, &content->runs[i]);
    return crypto_hash_end(hash);
}

/* ---- writing ------------------------------------------------------------------------------------------ */

static void add_text(struct bytes *to, const char *text)
{
    text_add_json(to, view_of(text));
}

static void add_base64(struct bytes *to, struct view data)
{
    bytes_add_text(to, "{\"base64\":\"");
    crypto_base64(data, to);
    bytes_add_char(to, '"');
}

/* text_add_json keeps UTF-8 as it is, and would replace anything else. */
static bool is_text(struct view data)
{
    return text_utf8_valid(data) == data.len;
}

static void add_sql(struct bytes *to, struct view sql)
{
    if (is_text(sql)) {
        text_add_json(to, sql);
        return;
    }
    add_base64(to, sql);
    bytes_add_char(to, '}');
}

static void add_value(struct bytes *to, const struct ticket_value *value)
{
    if (value->is_null && value->format == 0) {
        bytes_add_text(to, "null");
    } else if (value->is_null) {
        bytes_add_format(to, "{\"null\":true,\"format\":%u}", value->format);
    } else if (value->format == 0) {
        add_sql(to, value->data);
    } else {
        add_base64(to, value->data);
        bytes_add_format(to, ",\"format\":%u}", value->format);
    }
}

static void add_statements(struct bytes *to, const struct ticket_content *content)
{
    for (size_t i = 0; i < content->statement_count; i++) {
        const struct ticket_statement *statement = &content->statements[i];
        bytes_add_text(to, i ? ",{\"sql\":" : "{\"sql\":");
        add_sql(to, statement->sql);
        bytes_add_text(to, ",\"types\":[");
        for (size_t j = 0; j < statement->type_count; j++)
            bytes_add_format(to, j ? ",%u" : "%u", statement->types[j]);
        bytes_add_text(to, "]}");
    }
}

static void add_runs(struct bytes *to, const struct ticket_content *content)
{
    for (size_t i = 0; i < content->run_count; i++) {
        const struct ticket_run *run = &content->runs[i];
        bytes_add_format(to, "%s{\"statement\":%u,\"values\":[", i ? "," : "", run->statement);
        for (size_t j = 0; j < run->value_count; j++) {
            if (j > 0)
                bytes_add_char(to, ',');
            add_value(to, &run->values[j]);
        }
        bytes_add_text(to, "]}");
    }
}

void content_write(const struct ticket_content *content, struct bytes *to)
{
    bytes_add_text(to, "{\"agent\":");
    add_text(to, content->agent);
    bytes_add_text(to, ",\"database\":");
    add_text(to, content->database);
    bytes_add_text(to, ",\"role\":");
    add_text(to, content->role);
    bytes_add_text(to, ",\"settings\":[");
    for (size_t i = 0; i < content->setting_count; i++) {
        bytes_add_text(to, i ? ",[" : "[");
        add_text(to, content->settings[i].name);
        bytes_add_char(to, ',');
        add_text(to, content->settings[i].value);
        bytes_add_char(to, ']');
    }
    bytes_add_text(to, "],\"statements\":[");
    add_statements(to, content);
    bytes_add_text(to, "],\"runs\":[");
    add_runs(to, content);
    bytes_add_text(to, "]}");
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static bool read_text(const json_t *json, struct arena *arena, const char **to)
{
    if (!json_is_string(json))
        return false;
    *to = arena_copy(arena, (struct view){json_string_value(json), json_string_length(json)});
    return true;
}

static bool read_number(const json_t *json, uint64_t most, uint64_t *to)
{
    if (!json_is_integer(json) || json_integer_value(json) < 0 || (uint64_t)json_integer_value(json) > most)
        return false;
    *to = (uint64_t)json_integer_value(json);
    return true;
}

static bool read_data(const json_t *json, struct arena *arena, struct view *to)
{
    if (json_is_string(json)) {
        *to = arena_view(arena, (struct view){json_string_value(json), json_string_length(json)});
        return true;
    }
    const json_t *base64 = json_object_get(json, "base64");
    struct bytes raw = {0};
    bool good = json_is_string(base64) &&
                crypto_unbase64((struct view){json_string_value(base64), json_string_length(base64)}, &raw);
    *to = good ? arena_view(arena, bytes_view(&raw)) : (struct view){0};
    bytes_fini(&raw);
    return good;
}

static bool read_value(const json_t *json, struct arena *arena, struct ticket_value *to)
{
    if (json_is_null(json)) {
        to->is_null = true;
        return true;
    }
    const json_t *format = json_object_get(json, "format");
    if (format != NULL) {
        uint64_t number;
        if (!read_number(format, UINT16_MAX, &number))
            return false;
        to->format = (uint16_t)number;
    }
    to->is_null = json_is_true(json_object_get(json, "null"));
    return to->is_null || read_data(json, arena, &to->data);
}

static bool read_statement(const json_t *json, struct arena *arena, struct ticket_statement *to)
{
    const json_t *types = json_object_get(json, "types");
    size_t count = json_array_size(types);
    if (!json_is_array(types) || count > UINT16_MAX || !read_data(json_object_get(json, "sql"), arena, &to->sql))
        return false;
    uint32_t *oids = arena_alloc(arena, count * sizeof *oids);
    for (size_t i = 0; i < count; i++) {
        uint64_t oid;
        if (!read_number(json_array_get(types, i), UINT32_MAX, &oid))
            return false;
        oids[i] = (uint32_t)oid;
    }
    to->types = oids;
    to->type_count = (uint16_t)count;
    return true;
}

static bool read_run(const json_t *json, struct arena *arena, size_t statements, struct ticket_run *to)
{
    const json_t *values = json_object_get(json, "values");
    size_t count = json_array_size(values);
    uint64_t statement;
    if (!json_is_array(values) || count > UINT16_MAX || statements == 0 ||
        !read_number(json_object_get(json, "statement"), statements - 1, &statement))
        return false;
    struct ticket_value *all = arena_alloc(arena, count * sizeof *all);
    for (size_t i = 0; i < count; i++)
        if (!read_value(json_array_get(values, i), arena, &all[i]))
            return false;
    *to = (struct ticket_run){(uint32_t)statement, all, (uint16_t)count};
    return true;
}

static bool read_settings(const json_t *json, struct arena *arena, struct ticket_content *content)
{
    size_t count = json_array_size(json);
    struct ticket_setting *all = arena_alloc(arena, count * sizeof *all);
    for (size_t i = 0; i < count; i++) {
        const json_t *pair = json_array_get(json, i);
        if (!read_text(json_array_get(pair, 0), arena, &all[i].name) ||
            !read_text(json_array_get(pair, 1), arena, &all[i].value))
            return false;
    }
    content->settings = all;
    content->setting_count = count;
    return json_is_array(json);
}

static bool read_statements(const json_t *json, struct arena *arena, struct ticket_content *content)
{
    size_t count = json_array_size(json);
    struct ticket_statement *all = arena_alloc(arena, count * sizeof *all);
    for (size_t i = 0; i < count; i++)
        if (!read_statement(json_array_get(json, i), arena, &all[i]))
            return false;
    content->statements = all;
    content->statement_count = count;
    return json_is_array(json);
}

static bool read_runs(const json_t *json, struct arena *arena, struct ticket_content *content)
{
    size_t count = json_array_size(json);
    struct ticket_run *all = arena_alloc(arena, count * sizeof *all);
    for (size_t i = 0; i < count; i++)
        if (!read_run(json_array_get(json, i), arena, content->statement_count, &all[i]))
            return false;
    content->runs = all;
    content->run_count = count;
    return json_is_array(json);
}

bool content_read(struct view text, struct arena *arena, struct ticket_content *content)
{
    *content = (struct ticket_content){0};
    json_t *json = text.len ? json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL) : NULL;
    bool good = json != NULL && read_text(json_object_get(json, "agent"), arena, &content->agent) &&
                read_text(json_object_get(json, "database"), arena, &content->database) &&
                read_text(json_object_get(json, "role"), arena, &content->role) &&
                read_settings(json_object_get(json, "settings"), arena, content) &&
                read_statements(json_object_get(json, "statements"), arena, content) &&
                read_runs(json_object_get(json, "runs"), arena, content);
    json_decref(json);
    return good;
}
