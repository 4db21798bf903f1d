/* Times as people write them: ISO 8601's extended form, or with a space for the T.
 *
 *   when = date [ ("T" | " ") hh ":" mm [ ":" ss [ "." fraction ] ] [ "Z" | ("+" | "-") hh ":" mm ] ] */
#include "record.h"

#include <string.h>

enum { MINUTE_US = 60 * 1000000, DATE_LEN = sizeof "2026-11-23" - 1 };

static bool read_two(const char **at, char before, int *value)
{
    const char *text = *at;
    if (before != '\0' && *text++ != before)
        return false;
    if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
        return false;
    *value = (text[0] - '0') * 10 + (text[1] - '0');
    *at = text + 2;
    return true;
}

/* Digits after the point: at most six count. */
static int read_fraction(const char **at)
{
    int value = 0, digits = 0;
    if (**at != '.' || (*at)[1] < '0' || (*at)[1] > '9')
        return 0;
    for (++*at; **at >= '0' && **at <= '9'; ++*at, digits++)
        value = digits < 6 ? value * 10 + (**at - '0') : value;
    for (; digits < 6; digits++)
        value *= 10;
    return value;
}

static bool read_zone(const char **at, int *minutes)
{
    int hour, minute, sign = **at == '-' ? 1 : -1;
    *minutes = 0;
    if (**at == '\0')
        return true;
    if (**at == 'Z')
        return *++*at == '\0';
    if (!read_two(at, sign > 0 ? '-' : '+', &hour) || !read_two(at, ':', &minute) || hour > 23 || minute > 59)
        return false;
    *minutes = sign * (hour * 60 + minute);
    return **at == '\0';
}

/* `time` behind the date "2026-11-23…", without a zone: 15:45 or 15:45:00.5, and the date as they stand in a
 * record. */
static bool read_parts(const char *date, const char **time, int64_t *microseconds)
{
    int hour, minute, second = 0;
    struct bytes whole = {0};
    if (!read_two(time, **time == ' ' ? ' ' : 'T', &hour) || !read_two(time, ':', &minute))
        return false;
    if (**time == ':' && !read_two(time, ':', &second))
        return false;
    bytes_add_format(&whole, "%.10sT%02d:%02d:%02d.%06dZ", date, hour, minute, second, read_fraction(time));
    bool good = record_read_time(bytes_view(&whole), microseconds);
    bytes_fini(&whole);
    return good;
}

bool audit_read_time(const char *text, bool is_end, int64_t *microseconds)
{
    int zone = 0;
    size_t len = strlen(text);
    if (len < DATE_LEN)
        return false;
    bool is_date = len == DATE_LEN;
    const char *at = is_date ? "T00:00" : text + DATE_LEN;
    if (!read_parts(text, &at, microseconds) || !read_zone(&at, &zone))
        return false;
    int64_t minutes = zone + (is_date && is_end ? 24 * 60 : 0);
    *microseconds += minutes * MINUTE_US;
    return true;
}
