#include "batch.h"

#include <string.h>

#include "judge.h"

/* A Bind (or Close) that was read ahead: not known to the server yet, so not among session->portals. */
struct bound {
    struct prepared *prepared; /* NULL: closed */
    bool is_executed;
    const struct ticket_value *values;
    uint16_t value_count;
};

struct run {
    struct run *next;
    struct prepared *prepared;
    const struct ticket_value *values;
    uint16_t value_count;
};

struct batch {
    struct session *session;
    struct map bound; /* portal's name -> struct bound */
    bool has_closed;  /* a statement: what its name stands for behind it is not looked into */
    struct run *first, **last;
    size_t count;
};

/* Is Sync, Flush or Terminate there? Goes from header to header, and on from where it stopped last time. */
static bool is_whole(struct session *session, struct view rest)
{
    while (session->park.scanned < rest.len) {
        struct frame frame;
        struct frame_error error;
        struct view in = {rest.data + session->park.scanned, rest.len - session->park.scanned};
        enum frame_result result = frame_take_agent(in, &session->options.limits, &frame, &error);
        if (result == FRAME_RESULT_MORE)
            return false;
        if (result == FRAME_RESULT_BAD || strchr("SHX", frame.type) != NULL)
            return true;
        session->park.scanned += frame.size;
    }
    return false;
}

static void add_run(struct batch *batch, struct prepared *prepared, const struct ticket_value *values, uint16_t count)
{
    struct run *run = arena_alloc(&batch->session->park.arena, sizeof *run);
    *run = (struct run){NULL, prepared, values, count};
    *batch->last = run;
    batch->last = &run->next;
    batch->count++;
}

static const char *take_bind(struct batch *batch, struct view body)
{
    struct session *session = batch->session;
    struct arena *arena = &session->park.arena;
    struct message_bind bind;
    bool uncertain;
    if (!message_read_bind(body, arena, &bind))
        return "a malformed Bind";
    struct prepared *prepared = names_find(&session->statements, bind.statement, &uncertain);
    if (prepared == NULL || batch->has_closed)
        return "a Bind of what does not exist";
    struct ticket_value *values = arena_alloc(arena, bind.value_count * sizeof *values);
    for (uint16_t i = 0; i < bind.value_count; i++)
        values[i] = (struct ticket_value){arena_view(arena, bind.values[i].data), bind.values[i].data.data == NULL,
                                          bind.values[i].format};
    struct bound *bound = arena_alloc(arena, sizeof *bound);
    *bound = (struct bound){prepared, false, values, bind.value_count};
    map_put(&batch->bound, bind.portal, bound);
    return NULL;
}

static const char *take_close(struct batch *batch, struct view body)
{
    struct message_name message;
    if (!message_read_name(body, &message))
        return "a malformed Close";
    if (message.kind == 'S')
        batch->has_closed = true;
    else
        map_put(&batch->bound, message.name, arena_alloc(&batch->session->park.arena, sizeof(struct bound)));
    return NULL;
}

/* Portals of before the batch come into the map when they are first executed. */
static struct bound *find_bound(struct batch *batch, struct view name)
{
    bool uncertain;
    struct bound *bound = map_get(&batch->bound, name);
    if (bound != NULL)
        return bound;
    const struct portal *portal = names_find(&batch->session->portals, name, &uncertain);
    bound = arena_alloc(&batch->session->park.arena, sizeof *bound);
    if (portal != NULL)
        *bound = (struct bound){portal->prepared, false, portal->values, portal->value_count};
    map_put(&batch->bound, name, bound);
    return bound;
}

/* A portal runs once: a second Execute would only fetch on, and never run the write again. */
static const char *run_portal(struct batch *batch, struct view name)
{
    struct bound *bound = find_bound(batch, name);
    if (bound->prepared == NULL)
        return "an Execute of what does not exist";
    judge_again(batch->session, bound->prepared);
    if (bound->prepared->verdict != VERDICT_PARK)
        return "a statement that does not wait for approval";
    if (bound->is_executed)
        return "a second Execute of the same portal";
    bound->is_executed = true;
    add_run(batch, bound->prepared, bound->values, bound->value_count);
    return NULL;
}

static const char *take_execute(struct batch *batch, struct view body)
{
    struct message_execute execute;
    if (!message_read_execute(body, &execute))
        return "a malformed Execute";
    return run_portal(batch, execute.portal);
}

static const char *take(struct batch *batch, const struct frame *frame)
{
    switch (frame->type) {
    case 'B':
        return take_bind(batch, frame->body);
    case 'E':
        return take_execute(batch, frame->body);
    case 'C':
        return take_close(batch, frame->body);
    case 'D':
        return NULL;
    case 'P':
        return "another Parse";
    default:
        return "another kind of message";
    }
}

/* The index of a statement of this batch, which it gets when it is first run. */
static uint32_t index_of(struct park *park, struct prepared *prepared, uint32_t batch)
{
    if (prepared->batch == batch)
        return prepared->batch_at;
    uint32_t at = (uint32_t)park->statement_count++;
    prepared->batch = batch;
    prepared->batch_at = at;
    park->judged[at] = prepared;
    park->statements[at] = (struct ticket_statement){prepared->texts[0], prepared->types, prepared->type_count};
    return at;
}

/* From the list of runs to statements, each once, and runs that point at them. */
static void fill_in(struct batch *batch)
{
    struct park *park = &batch->session->park;
    uint32_t number = ++batch->session->batches;
    park->judged = arena_alloc(&park->arena, batch->count * sizeof *park->judged);
    park->statements = arena_alloc(&park->arena, batch->count * sizeof *park->statements);
    park->runs = arena_alloc(&park->arena, batch->count * sizeof *park->runs);
    park->statement_count = park->run_count = 0;
    for (const struct run *run = batch->first; run != NULL; run = run->next)
        park->runs[park->run_count++] =
            (struct ticket_run){index_of(park, run->prepared, number), run->values, run->value_count};
}

/* NULL, or what doesn't belong into the batch. */
static const char *take_all(struct batch *batch, struct view rest)
{
    const struct session *session = batch->session;
    for (size_t at = 0; at < session->park.scanned;) {
        struct frame frame;
        struct frame_error error;
        struct view in = {rest.data + at, session->park.scanned - at};
        if (frame_take_agent(in, &session->options.limits, &frame, &error) != FRAME_RESULT_ONE)
            break;
        const char *why = take(batch, &frame);
        if (why != NULL)
            return why;
        at += frame.size;
    }
    return NULL;
}

enum batch_result batch_read(struct session *session, struct view rest, const char **why)
{
    struct batch batch = {.session = session, .last = &batch.first};
    if (!is_whole(session, rest))
        return BATCH_RESULT_MORE;
    *why = run_portal(&batch, session->park.portal_name);
    if (*why == NULL)
        *why = take_all(&batch, rest);
    map_fini(&batch.bound);
    if (*why != NULL)
        return BATCH_RESULT_MIXED;
    fill_in(&batch);
    return BATCH_RESULT_READY;
}
