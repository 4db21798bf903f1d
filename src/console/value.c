/* The binary forms are those of PostgreSQL's send functions (src/backend/utils/adt). A value of the wrong
 * size is shown as bytes: what the server would do with it is not for us to guess. */
#include "value.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Appends the value and returns true, or leaves `to` alone. */
typedef bool value_reader(struct bytes *to, struct view data);

static int64_t integer(struct view data)
{
    uint64_t value = data.len > 0 && (data.data[0] & 0x80) ? UINT64_MAX : 0;
    for (size_t i = 0; i < data.len; i++)
        value = value << 8 | (uint8_t)data.data[i];
    return (int64_t)value;
}

static bool read_integer(struct bytes *to, struct view data)
{
    if (data.len != 2 && data.len != 4 && data.len != 8)
        return false;
    bytes_add_format(to, "%lld", (long long)integer(data));
    return true;
}

static bool read_oid(struct bytes *to, struct view data)
{
    if (data.len != 4)
        return false;
    bytes_add_format(to, "%u", (unsigned)integer(data));
    return true;
}

static bool read_bool(struct bytes *to, struct view data)
{
    if (data.len != 1)
        return false;
    bytes_add_text(to, data.data[0] ? "true" : "false");
    return true;
}

static bool read_float4(struct bytes *to, struct view data)
{
    if (data.len != 4)
        return false;
    uint32_t bits = (uint32_t)integer(data);
    float value;
    memcpy(&value, &bits, sizeof value);
    bytes_add_format(to, "%.9g", (double)value);
    return true;
}

static bool read_float8(struct bytes *to, struct view data)
{
    if (data.len != 8)
        return false;
    int64_t bits = integer(data);
    double value;
    memcpy(&value, &bits, sizeof value);
    bytes_add_format(to, "%.17g", value);
    return true;
}

static bool read_text(struct bytes *to, struct view data)
{
    bytes_add_view(to, data);
    return true;
}

static bool read_jsonb(struct bytes *to, struct view data)
{
    if (data.len < 1 || data.data[0] != 1) /* the version of its form */
        return false;
    bytes_add_view(to, (struct view){data.data + 1, data.len - 1});
    return true;
}

static bool read_uuid(struct bytes *to, struct view data)
{
    char hex[33];
    if (data.len != 16)
        return false;
    crypto_hex(data.data, 16, hex);
    bytes_add_format(to, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
    return true;
}

static const int64_t epoch_2000 = INT64_C(946684800); /* PostgreSQL's times begin at 2000-01-01 */

static bool add_time(struct bytes *to, int64_t seconds, bool with_clock)
{
    struct tm parts;
    time_t moment = (time_t)(seconds + epoch_2000);
    if (gmtime_r(&moment, &parts) == NULL)
        return false;
    bytes_add_format(to, "%04d-%02d-%02d", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
    if (with_clock)
        bytes_add_format(to, " %02d:%02d:%02d", parts.tm_hour, parts.tm_min, parts.tm_sec);
    return true;
}

static bool add_infinity(struct bytes *to, int64_t value, int64_t most)
{
    if (value != most && value != -most - 1)
        return false;
    bytes_add_text(to, value == most ? "infinity" : "-infinity");
    return true;
}

static bool read_date(struct bytes *to, struct view data)
{
    if (data.len != 4)
        return false;
    int64_t days = integer(data);
    return add_infinity(to, days, INT32_MAX) || add_time(to, days * 86400, false);
}

static bool read_timestamp(struct bytes *to, struct view data)
{
    if (data.len != 8)
        return false;
    int64_t value = integer(data), fraction = ((value % 1000000) + 1000000) % 1000000;
    if (add_infinity(to, value, INT64_MAX))
        return true;
    if (!add_time(to, (value - fraction) / 1000000, true))
        return false;
    if (fraction != 0)
        bytes_add_format(to, ".%06lld", (long long)fraction);
    return true;
}

static bool read_timestamptz(struct bytes *to, struct view data)
{
    if (!read_timestamp(to, data))
        return false;
    bytes_add_text(to, "+00");
    return true;
}

/* A group of four decimal digits; those that aren't sent are zero. */
static unsigned numeric_group(struct view groups, int index)
{
    if (index < 0 || (size_t)index >= groups.len / 2)
        return 0;
    const uint8_t *at = (const uint8_t *)groups.data + (size_t)index * 2;
    unsigned value = (unsigned)at[0] << 8 | at[1];
    return value <= 9999 ? value : 0;
}

/* numeric_send: count of digits in base 10,000, weight of the first, sign, places after the point. */
static bool read_numeric(struct bytes *to, struct view data)
{
    struct reader r = reader_of(data);
    int count = reader_u16(&r), weight = (int16_t)reader_u16(&r);
    unsigned sign = reader_u16(&r), scale = reader_u16(&r);
    if (r.bad || reader_left(&r) != (size_t)count * 2 || weight > 4096 || weight < -4096 || scale > 16383)
        return false;
    if (sign == 0xc000) {
        bytes_add_text(to, "NaN");
        return true;
    }
    if (sign != 0 && sign != 0x4000)
        return false;
    struct view groups = {r.at, reader_left(&r)};
    if (sign != 0)
        bytes_add_char(to, '-');
    if (weight < 0)
        bytes_add_char(to, '0');
    for (int i = 0; i <= weight; i++)
        bytes_add_format(to, i == 0 ? "%u" : "%04u", numeric_group(groups, i));
    if (scale > 0)
        bytes_add_char(to, '.');
    for (unsigned places = 0, i = 0; places < scale; places += 4, i++) {
        char four[8];
        snprintf(four, sizeof four, "%04u", numeric_group(groups, weight + 1 + (int)i));
        bytes_add(to, four, scale - places < 4 ? scale - places : 4);
    }
    return true;
}

struct value_type {
    uint32_t oid;
    const char *name;
    value_reader *read; /* NULL: its binary form is shown as bytes */
    bool is_plain;      /* shown without quotes */
};

static const struct value_type types[] = {
    {16, "bool", read_bool, true},
    {17, "bytea", NULL, false},
    {18, "char", read_text, false},
    {19, "name", read_text, false},
    {20, "int8", read_integer, true},
    {21, "int2", read_integer, true},
    {23, "int4", read_integer, true},
    {25, "text", read_text, false},
    {26, "oid", read_oid, true},
    {114, "json", read_text, false},
    {700, "float4", read_float4, true},
    {701, "float8", read_float8, true},
    {705, "unknown", read_text, false},
    {1042, "bpchar", read_text, false},
    {1043, "varchar", read_text, false},
    {1082, "date", read_date, true},
    {1083, "time", NULL, true},
    {1114, "timestamp", read_timestamp, true},
    {1184, "timestamptz", read_timestamptz, true},
    {1186, "interval", NULL, true},
    {1266, "timetz", NULL, true},
    {1700, "numeric", read_numeric, true},
    {2950, "uuid", read_uuid, true},
    {3802, "jsonb", read_jsonb, false},
};

static const struct value_type *type_find(uint32_t oid)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (types[i].oid == oid)
            return &types[i];
    return NULL;
}

static void add_hex(struct bytes *to, struct view data)
{
    static const char digits[] = "0123456789abcdef";
    bytes_add_text(to, "\\x");
    for (size_t i = 0; i < data.len; i++) {
        bytes_add_char(to, digits[(uint8_t)data.data[i] >> 4]);
        bytes_add_char(to, digits[data.data[i] & 15]);
    }
}

static void add_quoted(struct bytes *to, struct view text)
{
    bytes_add_char(to, '\'');
    for (size_t i = 0; i < text.len; i++) {
        bytes_add_char(to, text.data[i]);
        if (text.data[i] == '\'')
            bytes_add_char(to, '\'');
    }
    bytes_add_char(to, '\'');
}

void value_add(struct bytes *to, uint32_t type, const struct ticket_value *value)
{
    const struct value_type *known = type_find(type);
    struct bytes text = {0};
    if (value->is_null) {
        bytes_add_text(to, "NULL");
        return;
    }
    if (value->format == 0)
        bytes_add_view(&text, value->data);
    else if (known == NULL || known->read == NULL || !known->read(&text, value->data))
        add_hex(&text, value->data);
    /* Quotes tell the text NULL from no value, and show where it begins and ends. */
    if (known != NULL && known->is_plain)
        bytes_add_view(to, bytes_view(&text));
    else
        add_quoted(to, bytes_view(&text));
    bytes_fini(&text);
}

void value_add_type(struct bytes *to, uint32_t type)
{
    const struct value_type *known = type_find(type);
    if (known != NULL)
        bytes_add_text(to, known->name);
    else
        bytes_add_format(to, "type %u", type);
}
