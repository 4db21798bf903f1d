/* Commands that look. */
#include <jansson.h>

#include "command.h"
#include "view.h"

enum { QUEUE_MOST = 1000, TICKETS_MOST = 200 };

static void fail_redis(struct answer *answer, const struct fault *fault)
{
    answer_fail(answer, "58000", "Nothing was decided. Is Redis running?", "the queue can't be read: %s",
                fault->message);
}

/* What the limit cut off is said: nobody should take a part for the whole. */
static bool list(struct desk *desk, unsigned states, size_t limit, struct answer *answer, struct queue_ticket **tickets,
                 size_t *count)
{
    struct fault fault = {0};
    size_t more = 0;
    pthread_mutex_lock(&desk->queue_lock);
    bool done = queue_list(desk->queue, states, limit, &answer->arena, tickets, count, &more, &fault);
    pthread_mutex_unlock(&desk->queue_lock);
    if (!done)
        fail_redis(answer, &fault);
    if (more > 0) {
        char notice[96];
        snprintf(notice, sizeof notice, "and %zu more, older than these, which are not shown", more);
        answer->notice = arena_copy(&answer->arena, view_of(notice));
    }
    return done;
}

/* A row with the columns that every list of tickets begins with, five of them. */
static struct view *ticket_row(struct answer *answer, const struct queue_ticket *t)
{
    struct view *row = answer_row(answer);
    row[0] = answer_text(answer, t->id);
    row[1] = view_state(answer, t);
    row[2] = answer_text(answer, t->content.agent);
    row[3] = answer_text(answer, t->content.database);
    row[4] = view_minute(answer, t->created);
    return row;
}

COMMAND_HANDLER(show_queue)
{
    struct queue_ticket *tickets;
    size_t count;
    if (!list(desk, 1u << TICKET_STATE_PARKED, QUEUE_MOST, answer, &tickets, &count))
        return;
    for (size_t i = 0; i < count; i++) {
        const struct queue_ticket *t = &tickets[i];
        struct view *row = ticket_row(answer, t);
        row[5] = view_minute(answer, t->expires);
        row[6] = view_list(answer, t->operations);
        row[7] = view_list(answer, t->relations);
        row[8] = view_statement(answer, t);
        row[9] = answer_visible(answer, view_of(t->reason), false);
    }
}

COMMAND_HANDLER(show_tickets)
{
    struct queue_ticket *tickets;
    size_t count;
    if (!list(desk, 0, TICKETS_MOST, answer, &tickets, &count))
        return;
    for (size_t i = 0; i < count; i++) {
        const struct queue_ticket *t = &tickets[i];
        struct view *row = ticket_row(answer, t);
        row[5] = view_list(answer, t->operations);
        row[6] = view_list(answer, t->relations);
        row[7] = view_statement(answer, t);
        row[8] = answer_text(answer, t->approver);
        row[9] = answer_visible(answer, view_of(t->words), false);
        row[10] = answer_visible(answer, view_of(t->outcome), false);
    }
}

COMMAND_HANDLER(show_ticket)
{
    const char *id = arena_copy(&answer->arena, words->word[0].text);
    struct queue_ticket ticket;
    struct fault fault = {0};
    bool found = false;
    pthread_mutex_lock(&desk->queue_lock);
    bool done = queue_show(desk->queue, id, &answer->arena, &ticket, &found, &fault);
    pthread_mutex_unlock(&desk->queue_lock);
    if (!done)
        fail_redis(answer, &fault);
    else if (!found)
        answer_fail(answer, "42704", NULL, "there is no ticket %s", id);
    else
        view_ticket(answer, &ticket);
}

/* Proxies of another version may lack some. */
static struct view member(struct answer *answer, const json_t *session, const char *name)
{
    const json_t *value = json_object_get(session, name);
    char number[32];
    if (json_is_string(value))
        return answer_visible(answer, view_of(json_string_value(value)), false);
    if (!json_is_integer(value))
        return (struct view){NULL, 0};
    snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    return answer_text(answer, number);
}

COMMAND_HANDLER(show_sessions)
{
    const char *text = NULL;
    struct fault fault = {0};
    pthread_mutex_lock(&desk->queue_lock);
    bool done = queue_sessions(desk->queue, &answer->arena, &text, &fault);
    pthread_mutex_unlock(&desk->queue_lock);
    if (!done) {
        fail_redis(answer, &fault);
        return;
    }
    json_t *sessions = json_loads(text, 0, NULL), *session;
    size_t i;
    if (!json_is_array(sessions))
        answer_fail(answer, "XX000", NULL, "what the proxies publish about their sessions can't be read");
    json_array_foreach(sessions, i, session)
    {
        struct view *row = answer_row(answer);
        for (size_t column = 0; column < answer->column_count; column++)
            row[column] = member(answer, session, answer->columns[column]);
    }
    json_decref(sessions);
}

COMMAND_HANDLER(show_paused)
{
    const char **agents = NULL;
    size_t count = 0;
    struct fault fault = {0};
    pthread_mutex_lock(&desk->queue_lock);
    bool done = queue_paused(desk->queue, &answer->arena, &agents, &count, &fault);
    pthread_mutex_unlock(&desk->queue_lock);
    if (!done)
        fail_redis(answer, &fault);
    for (size_t i = 0; i < count; i++)
        answer_row(answer)[0] = answer_visible(answer, view_of(agents[i]), false);
}

COMMAND_HANDLER(show_version)
{
    answer_row(answer)[0] = answer_text(answer, "sallyport " SALLYPORT_VERSION);
}
