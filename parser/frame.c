#include "frame.h"

#include <string.h>

/* Comparisons of names that one message may cost: some 20 ms. Real statements need a few hundred. */
enum { COMPARISONS = 10000000 };

void frame_init(struct walk *w, struct draft *draft, struct frame *room, size_t cap)
{
    *w = (struct walk){
        .draft = draft, .arena = draft->arena, .frames = room, .cap = cap, .budget = COMPARISONS, .position = -1};
}

void frame_push(struct walk *w, const struct frame *in, const void *node)
{
    if (node == NULL)
        return;
    if (w->count == w->cap) {
        struct frame *frames = arena_alloc(w->arena, 2 * w->cap * sizeof *frames);
        memcpy(frames, w->frames, w->count * sizeof *frames);
        w->frames = frames;
        w->cap *= 2;
    }
    struct frame *frame = &w->frames[w->count++];
    *frame = *in;
    frame->node = node;
    frame->at = 0;
    frame->depth = in->depth + 1;
}

bool frame_pop(struct walk *w, struct frame *frame)
{
    if (w->count == 0)
        return false;
    *frame = w->frames[--w->count];
    return true;
}

bool frame_is_main(const struct frame *in)
{
    return in->role == FRAME_ROLE_ROOT || in->role == FRAME_ROLE_INNER;
}

void frame_set_operation(struct walk *w, struct frame *in, enum operation operation)
{
    in->operation = operation;
    if (in->role == FRAME_ROLE_ROOT)
        w->draft->statement.operation = operation;
    if (frame_is_main(in))
        w->draft->statement.inner = operation;
    draft_shape(w->draft, operation);
}
