#include "record.h"

#include <string.h>

#include "base/text.h"

static const int64_t second_us = 1000000, day_us = 86400 * 1000000LL;

void record_add_decimal(struct bytes *to, uint64_t value, size_t least)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0 || sizeof digits - at < least);
    bytes_add(to, digits + at, sizeof digits - at);
}

static void add_key(struct bytes *to, const char *key)
{
    bytes_add_text(to, ",\"");
    bytes_add_text(to, key);
    bytes_add_text(to, "\":");
}

void audit_add_text(struct bytes *to, const char *key, struct view value)
{
    add_key(to, key);
    text_add_json(to, value);
}

void audit_add_number(struct bytes *to, const char *key, int64_t value)
{
    add_key(to, key);
    if (value < 0)
        bytes_add_char(to, '-');
    record_add_decimal(to, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);
}

void audit_add_raw(struct bytes *to, const char *key, struct view json)
{
    add_key(to, key);
    bytes_add_view(to, json);
}

/* The calendar in whole 400-year cycles with years that begin in March, so that the leap day is a year's
 * last (Howard Hinnant, "chrono-compatible low-level date algorithms"). gmtime and strftime would cost
 * more than all the rest of a record. */
int64_t record_days(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t cycle = (y >= 0 ? y : y - 399) / 400;
    int64_t of_cycle = y - cycle * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return cycle * 146097 + of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year - 719468;
}

void record_date(int64_t days, int *year, int *month, int *day)
{
    days += 719468;
    int64_t cycle = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_cycle = days - cycle * 146097;
    int64_t y = (of_cycle - of_cycle / 1460 + of_cycle / 36524 - of_cycle / 146096) / 365;
    int64_t of_year = of_cycle - (365 * y + y / 4 - y / 100);
    int64_t m = (5 * of_year + 2) / 153;
    *day = (int)(of_year - (153 * m + 2) / 5 + 1);
    *month = (int)(m < 10 ? m + 3 : m - 9);
    *year = (int)(y + cycle * 400 + (*month <= 2 ? 1 : 0));
}

void record_add_time(struct bytes *to, int64_t time)
{
    int64_t days = (time >= 0 ? time : time - (day_us - 1)) / day_us;
    int64_t rest = time - days * day_us;
    int64_t seconds = rest / second_us;
    int year, month, day;
    record_date(days, &year, &month, &day);
    record_add_decimal(to, (uint64_t)year, 4);
    bytes_add_char(to, '-');
    record_add_decimal(to, (uint64_t)month, 2);
    bytes_add_char(to, '-');
    record_add_decimal(to, (uint64_t)day, 2);
    bytes_add_char(to, 'T');
    record_add_decimal(to, (uint64_t)(seconds / 3600), 2);
    bytes_add_char(to, ':');
    record_add_decimal(to, (uint64_t)(seconds / 60 % 60), 2);
    bytes_add_char(to, ':');
    record_add_decimal(to, (uint64_t)(seconds % 60), 2);
    bytes_add_char(to, '.');
    record_add_decimal(to, (uint64_t)(rest % second_us), 6);
    bytes_add_char(to, 'Z');
}

void record_add_hash(struct bytes *to, const struct sha256 *hash)
{
    crypto_hex(hash->byte, sizeof hash->byte, bytes_room(to, RECORD_HASH_LEN + 1));
    to->len += RECORD_HASH_LEN;
}

/* ---- reading ---------------------------------------------------------------------------------------- */

static bool skip(struct reader *r, const char *literal)
{
    return view_is(reader_take(r, strlen(literal)), literal);
}

static bool read_digits(struct reader *r, size_t count, int *value)
{
    *value = 0;
    for (size_t i = 0; i < count; i++) {
        uint8_t c = reader_u8(r);
        if (c < '0' || c > '9')
            return false;
        *value = *value * 10 + (c - '0');
    }
    return true;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

bool record_read_time(struct view text, int64_t *time)
{
    int year, month, day, hour, minute, second, fraction;
    struct reader r = reader_of(text);
    bool form = read_digits(&r, 4, &year) && skip(&r, "-") && read_digits(&r, 2, &month) && skip(&r, "-") &&
                read_digits(&r, 2, &day) && skip(&r, "T") && read_digits(&r, 2, &hour) && skip(&r, ":") &&
                read_digits(&r, 2, &minute) && skip(&r, ":") && read_digits(&r, 2, &second) && skip(&r, ".") &&
                read_digits(&r, 6, &fraction) && skip(&r, "Z") && reader_done(&r);
    if (!form || month < 1 || month > 12 || day < 1 || day > days_of(year, month) || hour > 23 || minute > 59 ||
        second > 59)
        return false;
    *time = record_days(year, month, day) * day_us + (hour * 3600LL + minute * 60 + second) * second_us + fraction;
    return true;
}

static bool read_seq(struct reader *r, uint64_t *seq)
{
    *seq = 0;
    size_t digits = 0;
    for (; reader_left(r) > 0 && *r->at >= '0' && *r->at <= '9'; digits++) {
        uint64_t digit = (uint64_t)(reader_u8(r) - '0');
        if (*seq > (UINT64_MAX - digit) / 10 || (digits > 0 && *seq == 0))
            return false;
        *seq = *seq * 10 + digit;
    }
    return *seq > 0;
}

static bool read_hash(struct reader *r, struct view *hash)
{
    *hash = reader_take(r, RECORD_HASH_LEN);
    for (size_t i = 0; i < hash->len; i++) {
        char c = hash->data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
    }
    return hash->len == RECORD_HASH_LEN;
}

static bool read_event(struct reader *r, struct view *event)
{
    const char *from = r->at;
    size_t left = reader_left(r);
    const char *quote = left > 0 ? memchr(from, '"', left) : NULL;
    if (quote == NULL || memchr(from, '\\', (size_t)(quote - from)) != NULL)
        return false;
    *event = reader_take(r, (size_t)(quote - from));
    return event->len > 0 && skip(r, "\"");
}

/* The tail has a fixed length, so it is taken from the end; the body is what is left between. */
static bool read_tail(struct view line, struct record *record)
{
    enum { KEY = sizeof ",\"hash\":\"" - 1, TAIL = KEY + RECORD_HASH_LEN + 2 };
    if (line.len < TAIL)
        return false;
    record->hashed = (struct view){line.data, line.len - TAIL};
    struct reader r = reader_of((struct view){line.data + line.len - TAIL, TAIL});
    return skip(&r, ",\"hash\":\"") && read_hash(&r, &record->hash) && skip(&r, "\"}");
}

const char *record_read(struct view line, struct record *record)
{
    *record = (struct record){0};
    if (!read_tail(line, record))
        return "it does not end with a hash";
    struct reader r = reader_of(record->hashed);
    if (!skip(&r, "{\"seq\":") || !read_seq(&r, &record->seq))
        return "it does not begin with a number";
    if (!skip(&r, ",\"time\":\"") || !record_read_time(reader_take(&r, RECORD_TIME_LEN), &record->time))
        return "its time has a wrong form";
    if (!skip(&r, "\",\"prev\":\"") || !read_hash(&r, &record->prev))
        return "the hash of the record before it has a wrong form";
    if (!skip(&r, "\","))
        return "its event has a wrong form";
    record->body = (struct view){r.at, reader_left(&r)};
    if (record->body.len > 0 && memchr(record->body.data, '\r', record->body.len) != NULL)
        return "it holds a line break";
    if (!skip(&r, "\"event\":\"") || !read_event(&r, &record->event))
        return "its event has a wrong form";
    return NULL;
}
