#include "portal.h"

#include <stdlib.h>

#include "base/check.h"

enum { PORTAL_BLOCK = 8192 };

static void portal_free(struct thing *thing)
{
    struct portal *portal = (struct portal *)thing;
    *portal->account -= portal->charged;
    thing_drop(portal->prepared);
    arena_fini(&portal->arena);
    free(portal);
}

struct portal *portal_open(struct session *session, struct prepared *prepared)
{
    struct portal *portal = check_calloc(1, sizeof *portal);
    portal->thing.references = 1;
    portal->thing.free = portal_free;
    portal->prepared = thing_hold(prepared);
    portal->account = &session->kept;
    portal->charged = sizeof *portal;
    session->kept += portal->charged;
    return portal;
}

void portal_keep(struct session *session, struct portal *portal, const struct message_bind *bind,
                 const struct ticket_value *values)
{
    struct ticket_value *kept = arena_alloc(&portal->arena, bind->value_count * sizeof *kept);
    uint16_t *formats = arena_alloc(&portal->arena, bind->result_format_count * sizeof *formats);
    for (uint16_t i = 0; i < bind->value_count; i++) {
        kept[i] = values[i];
        kept[i].data = arena_view(&portal->arena, values[i].data);
    }
    for (uint16_t i = 0; i < bind->result_format_count; i++)
        formats[i] = bind->result_formats[i];
    portal->values = kept;
    portal->value_count = bind->value_count;
    portal->formats = formats;
    portal->format_count = bind->result_format_count;
    /* An arena takes a block at the least. */
    size_t more = portal->arena.used + PORTAL_BLOCK;
    portal->charged += more;
    session->kept += more;
}
