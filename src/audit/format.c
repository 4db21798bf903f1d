#include "format.h"

#include <jansson.h>
#include <string.h>

#include "base/text.h"
#include "record.h"

static json_t *read_json(struct view text)
{
    return json_loadb(text.data, text.len, JSON_ALLOW_NUL, NULL);
}

static struct view string_of(const json_t *value)
{
    return (struct view){json_string_value(value), json_string_length(value)};
}

static void add_compact(struct bytes *to, const json_t *value)
{
    size_t len = json_dumpb(value, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
    json_dumpb(value, bytes_room(to, len), len, JSON_COMPACT | JSON_ENCODE_ANY);
    to->len += len;
}

/* {"chain":"proxy","seq":7,…} */
static void add_line(struct bytes *to, const char *chain, struct view line, struct view more)
{
    bytes_add_text(to, "{\"chain\":");
    text_add_json(to, view_of(chain));
    bytes_add_char(to, ',');
    bytes_add(to, line.data + 1, line.len - 2);
    bytes_add_view(to, more);
    bytes_add_text(to, "}\n");
}

/* ---- CSV (RFC 4180) --------------------------------------------------------------------------------- */

/* Columns have the members' names. What has no column is in "more", as JSON, so that nothing is left out
 * and the table stays the same when records learn new members. */
static const char *const columns[] = {
    "chain",       "seq",       "time",        "event",      "agent", "approver", "session", "client",  "database",
    "verdict",     "rule",      "reason",      "ticket",     "state", "decision", "words",   "outcome", "operation",
    "operations",  "relations", "sql",         "parameters", "claim", "tag",      "rows",    "bytes",   "sqlstate",
    "duration_us", "policy",    "policy_hash", "of",         "prev",  "hash",
};

enum { COLUMN_COUNT = sizeof columns / sizeof *columns };

static bool has_column(const char *key)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++)
        if (strcmp(columns[i], key) == 0)
            return true;
    return false;
}

static void add_cell(struct bytes *to, struct view text)
{
    bytes_add_char(to, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] == '"')
            bytes_add_char(to, '"');
        bytes_add_char(to, text.data[i]);
    }
    bytes_add_char(to, '"');
}

/* Spreadsheets run cells that begin like these as formulas, even from a file. What an agent wrote must
 * stay text: an apostrophe in front says so. Numbers are ours and stay numbers. */
static void add_text_cell(struct bytes *to, struct view text)
{
    struct bytes safe = {0};
    if (text.len > 0 && memchr("=+-@\t\r", text.data[0], 6) != NULL)
        bytes_add_char(&safe, '\'');
    bytes_add_view(&safe, text);
    add_cell(to, bytes_view(&safe));
    bytes_fini(&safe);
}

static void add_value_cell(struct bytes *to, const json_t *value)
{
    struct bytes text = {0};
    if (json_is_string(value)) {
        add_text_cell(to, string_of(value));
    } else if (value != NULL && !json_is_null(value)) {
        add_compact(&text, value);
        if (json_is_number(value) || json_is_boolean(value))
            bytes_add_view(to, bytes_view(&text));
        else
            add_cell(to, bytes_view(&text));
    }
    bytes_fini(&text);
}

static void add_more_cell(struct bytes *to, json_t *record)
{
    json_t *more = json_object(), *value;
    const char *key;
    json_object_foreach(record, key, value) if (!has_column(key)) json_object_set(more, key, value);
    if (json_object_size(more) > 0)
        add_value_cell(to, more);
    json_decref(more);
}

static void add_row(struct bytes *to, json_t *record)
{
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        add_value_cell(to, json_object_get(record, columns[i]));
        bytes_add_char(to, ',');
    }
    add_more_cell(to, record);
    bytes_add_text(to, "\r\n");
}

void format_header(enum audit_format format, struct bytes *to)
{
    if (format != AUDIT_FORMAT_CSV)
        return;
    for (size_t i = 0; i < COLUMN_COUNT; i++) {
        bytes_add_text(to, columns[i]);
        bytes_add_char(to, ',');
    }
    bytes_add_text(to, "more\r\n");
}

/* ---- a line for people ------------------------------------------------------------------------------ */

static void add_shown(struct bytes *to, const char *key, const json_t *value)
{
    struct bytes text = {0};
    if (json_is_string(value))
        bytes_add_view(&text, string_of(value));
    else
        add_compact(&text, value);
    bool quoted = text.len == 0 || memchr(text.data, ' ', text.len) != NULL;
    bytes_add_format(to, " %s=%s", key, quoted ? "\"" : "");
    text_add_visible(to, bytes_view(&text), false);
    bytes_add_text(to, quoted ? "\"" : "");
    bytes_fini(&text);
}

/* A statement of many lines is one line here. Their ends stay to be seen: a comment could else seem to go on. */
static void add_one_line(struct bytes *to, struct view text)
{
    struct bytes line = {0};
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        if (c == '\n')
            bytes_add_text(&line, "⏎");
        else if (c != '\r' || i + 1 == text.len || text.data[i + 1] != '\n')
            bytes_add_char(&line, c == '\t' ? ' ' : c);
    }
    text_add_visible(to, bytes_view(&line), false);
    bytes_fini(&line);
}

static void add_summary(struct bytes *to, json_t *record)
{
    static const char *const shown[] = {
        "agent",    "approver", "client",  "database", "verdict", "rule",     "ticket", "state",
        "decision", "outcome",  "tag",     "rows",     "bytes",   "sqlstate", "of",     "duration_us",
        "reason",   "words",    "message", "ok",       "why",     "refused",
    };
    bytes_add_view(to, string_of(json_object_get(record, "time")));
    bytes_add_char(to, ' ');
    text_add_visible(to, string_of(json_object_get(record, "chain")), false);
    bytes_add_format(to, " %lld ", (long long)json_integer_value(json_object_get(record, "seq")));
    text_add_visible(to, string_of(json_object_get(record, "event")), false);
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++) {
        const json_t *value = json_object_get(record, shown[i]);
        if (value != NULL)
            add_shown(to, shown[i], value);
    }
    const json_t *sql = json_object_get(record, "sql");
    if (sql != NULL) {
        bytes_add_text(to, ": ");
        add_one_line(to, string_of(sql));
    }
    bytes_add_char(to, '\n');
}

bool format_record(enum audit_format format, const char *chain, struct view line, struct view more, struct bytes *to)
{
    struct bytes whole = {0};
    add_line(&whole, chain, line, more);
    json_t *record = read_json(bytes_view(&whole));
    if (record != NULL && format == AUDIT_FORMAT_JSONL)
        bytes_add_view(to, bytes_view(&whole));
    else if (record != NULL && format == AUDIT_FORMAT_CSV)
        add_row(to, record);
    else if (record != NULL)
        add_summary(to, record);
    bytes_fini(&whole);
    bool good = record != NULL;
    json_decref(record);
    return good;
}
