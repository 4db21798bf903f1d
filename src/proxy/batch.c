#include "batch.h"

#include <string.h>

/* A Bind that was read ahead: not known to the server yet, so not among session->portals. */
struct bound {
    struct bound *older;
    struct view portal;
    struct prepared *prepared;
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
    struct bound *bound;
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
    if (prepared == NULL)
        return NULL; /* the server will say that it doesn't exist, and skip the rest */
    struct ticket_value *values = arena_alloc(arena, bind.value_count * sizeof *values);
    for (uint16_t i = 0; i < bind.value_count; i++)
        values[i] = (struct ticket_value){arena_view(arena, bind.values[i].data), bind.values[i].data.data == NULL,
                                          bind.values[i].format};
    struct bound *bound = arena_alloc(arena, sizeof *bound);
    *bound = (struct bound){batch->bound, arena_view(arena, bind.portal), prepared, values, bind.value_count};
    batch->bound = bound;
    return NULL;
}

static const char *take_execute(struct batch *batch, struct view body)
{
    struct message_execute execute;
    bool uncertain;
    if (!message_read_execute(body, &execute))
        return "a malformed Execute";
    for (const struct bound *bound = batch->bound; bound != NULL; bound = bound->older) {
        if (!view_equals(bound->portal, execute.portal))
            continue;
        if (bound->prepared->verdict != VERDICT_PARK)
            return "a statement that does not wait for approval";
        add_run(batch, bound->prepared, bound->values, bound->value_count);
        return NULL;
    }
    struct portal *portal = names_find(&batch->session->portals, execute.portal, &uncertain);
    if (portal == NULL)
        return NULL;
    if (portal->prepared->verdict != VERDICT_PARK)
        return "a statement that does not wait for approval";
    add_run(batch, portal->prepared, portal->values, portal->value_count);
    return NULL;
}

static const char *take(struct batch *batch, const struct frame *frame)
{
    switch (frame->type) {
    case 'B':
        return take_bind(batch, frame->body);
    case 'E':
        return take_execute(batch, frame->body);
    case 'D':
    case 'C':
        return NULL;
    case 'P':
        return "another Parse";
    default:
        return "another kind of message";
    }
}

/* From the list of runs to statements, each once, and runs that point at them. */
static void fill_in(struct batch *batch)
{
    struct park *park = &batch->session->park;
    const struct prepared **seen = arena_alloc(&park->arena, batch->count * sizeof *seen);
    park->statements = arena_alloc(&park->arena, batch->count * sizeof *park->statements);
    park->runs = arena_alloc(&park->arena, batch->count * sizeof *park->runs);
    park->statement_count = park->run_count = 0;
    for (const struct run *run = batch->first; run != NULL; run = run->next) {
        uint32_t at = 0;
        while (at < park->statement_count && seen[at] != run->prepared)
            at++;
        if (at == park->statement_count) {
            const struct prepared *p = run->prepared;
            seen[at] = p;
            park->statements[at] = (struct ticket_statement){p->texts[0], p->types, p->type_count};
            park->statement_count++;
        }
        park->runs[park->run_count++] = (struct ticket_run){at, run->values, run->value_count};
    }
}

enum batch_result batch_read(struct session *session, struct view rest, const char **why)
{
    struct park *park = &session->park;
    struct batch batch = {.session = session, .last = &batch.first};
    if (!is_whole(session, rest))
        return BATCH_RESULT_MORE;
    add_run(&batch, park->portal->prepared, park->portal->values, park->portal->value_count);
    for (size_t at = 0; at < park->scanned;) {
        struct frame frame;
        struct frame_error error;
        struct view in = {rest.data + at, park->scanned - at};
        if (frame_take_agent(in, &session->options.limits, &frame, &error) != FRAME_RESULT_ONE)
            break;
        *why = take(&batch, &frame);
        if (*why != NULL)
            return BATCH_RESULT_MIXED;
        at += frame.size;
    }
    fill_in(&batch);
    return BATCH_RESULT_READY;
}
