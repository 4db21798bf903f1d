#include "told.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>

#include "base/text.h"
#include "result.h"
#include "state.h"

static bool is_array(const redisReply *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY;
}

static struct view view_from(const redisReply *reply)
{
    return reply->type == REDIS_REPLY_STRING ? (struct view){reply->str, reply->len} : (struct view){0};
}

static uint64_t number_from(struct view v)
{
    uint64_t number = 0;
    for (size_t i = 0; i < v.len && i < 19 && v.data[i] >= '0' && v.data[i] <= '9'; i++)
        number = number * 10 + (uint64_t)(v.data[i] - '0');
    return number;
}

bool told_read(const redisReply *reply, struct told *told)
{
    if (!is_array(reply) || reply->elements < 6 || !is_array(reply->element[3]) || !is_array(reply->element[4]) ||
        !is_array(reply->element[5]))
        return false;
    *told = (struct told){
        .number = view_from(reply->element[0]),
        .now = number_from(view_from(reply->element[2])),
        .ticket = reply->element[3],
        .ok = reply->element[4],
        .run = reply->element[5],
        .extra = reply->elements > 6 ? reply->element[6] : NULL,
    };
    return told->number.len > 0 && told->number.len < 20 && state_of_name(view_from(reply->element[1]), &told->state);
}

struct view told_field(const redisReply *pairs, const char *name)
{
    for (size_t i = 0; i + 1 < pairs->elements; i += 2)
        if (view_is(view_from(pairs->element[i]), name))
            return view_from(pairs->element[i + 1]);
    return (struct view){0};
}

uint64_t told_number(const redisReply *pairs, const char *name)
{
    return number_from(told_field(pairs, name));
}

uint64_t told_count(const redisReply *reply)
{
    return number_from(view_from(reply));
}

const char *told_text(const redisReply *pairs, const char *name, struct arena *arena)
{
    struct view value = told_field(pairs, name);
    return value.data ? arena_copy(arena, value) : NULL;
}

char *told_time(uint64_t time, struct arena *arena)
{
    char *text = arena_alloc(arena, TEXT_TIME_SIZE);
    text_time((int64_t)time, text);
    return text;
}

bool told_next_seal(const struct told *told, size_t *at, struct arena *arena, struct seal *seal, struct sha256 *mac,
                    bool *is_record)
{
    if (*at + 1 >= told->ok->elements)
        return false;
    *is_record = seal_read(view_from(told->ok->element[*at + 1]), arena, seal, mac);
    *at += 2;
    return true;
}

bool told_decision(const struct told *told, struct arena *arena, struct told_decision *decision)
{
    struct bytes names = {0};
    struct seal seal = {0};
    struct sha256 mac;
    bool is_record, rejected = false;
    *decision = (struct told_decision){0};
    for (size_t at = 0; !rejected && told_next_seal(told, &at, arena, &seal, &mac, &is_record);) {
        if (!is_record)
            continue;
        rejected = !seal.approve;
        if (rejected)
            bytes_clear(&names);
        if (names.len > 0)
            bytes_add_text(&names, ", ");
        bytes_add_text(&names, seal.approver);
        decision->approvals += seal.approve;
        if (rejected || seal.time >= decision->time) {
            decision->time = seal.time;
            decision->words = seal.words;
        }
    }
    bool found = names.len > 0;
    decision->approver = found ? arena_copy(arena, bytes_view(&names)) : NULL;
    bytes_fini(&names);
    return found;
}

const char *told_previous(const struct told *told, struct arena *arena)
{
    struct view number = told_field(told->ticket, "previous");
    if (number.data == NULL)
        return NULL;
    static const struct {
        uint64_t seconds;
        const char *name;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    uint64_t then = told_number(told->ticket, "previous_at");
    uint64_t seconds = told->now > then ? (told->now - then) / 1000000 : 0;
    size_t unit = 0;
    while (unit < 3 && seconds < units[unit].seconds)
        unit++;
    uint64_t count = seconds / units[unit].seconds;
    struct view state = told_field(told->ticket, "previous_state");
    struct bytes text = {0};
    bytes_add_char(&text, 't');
    bytes_add_view(&text, number);
    bytes_add_char(&text, ' ');
    bytes_add_view(&text, state);
    bytes_add_format(&text, " %" PRIu64 " %s%s ago", count, units[unit].name, count == 1 ? "" : "s");
    char *copy = arena_copy(arena, bytes_view(&text));
    bytes_fini(&text);
    return copy;
}

bool told_results(const struct told *told, struct arena *arena, struct ticket_result **results, size_t *count)
{
    if (!result_read(told_field(told->run, "result"), arena, results, count))
        return false;
    for (size_t i = 0; i < *count; i++) {
        char name[32];
        snprintf(name, sizeof name, "rows:%zu", i);
        (*results)[i].rows = told_text(told->run, name, arena);
    }
    return true;
}

struct ticket_error told_error(const struct told *told, struct arena *arena)
{
    return (struct ticket_error){
        .sqlstate = told_text(told->run, "sqlstate", arena),
        .message = told_text(told->run, "message", arena),
        .detail = told_text(told->run, "detail", arena),
        .hint = told_text(told->run, "hint", arena),
    };
}
