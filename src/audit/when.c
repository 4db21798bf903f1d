/* Times as people write them: ISO 8601's extended form, or with a space for the T.
 *
 *   when = date [ ("T" | " ") hh ":" mm [ ":" ss [ "." fraction ] ] [ "Z" | ("+" | "-") hh ":" mm ] ] */
#include "record.h"

#include <stdio.h>
#include <string.h>

enum { MINUTE_US = 60 * 1000000 };

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

bool audit_read_time(const char *text, bool is_end, int64_t *microseconds)
{
    int hour, minute, second = 0, zone;
    char whole[RECORD_TIME_LEN + 1];
    size_t len = strlen(text);
    if (len < 10)
        return false;
    const char *at = text + 10;
    if (*at == '\0') {
        snprintf(whole, sizeof whole, "%.10sT00:00:00.000000Z", text);
        bool good = record_read_time(view_of(whole), microseconds);
        if (good && is_end)
            *microseconds += 1440LL * MINUTE_US;
        return good;
    }
    if (!read_two(&at, *at == ' ' ? ' ' : 'T', &hour) || !read_two(&at, ':', &minute))
        return false;
    if (*at == ':' && !read_two(&at, ':', &second))
        return false;
    int fraction = read_fraction(&at);
    if (!read_zone(&at, &zone))
        return false;
    snprintf(whole, sizeof whole, "%.10sT%02d:%02d:%02d.%06dZ", text, hour, minute, second, fraction);
    if (!record_read_time(view_of(whole), microseconds))
        return false;
    *microseconds += zone * (int64_t)MINUTE_US;
    return true;
}
