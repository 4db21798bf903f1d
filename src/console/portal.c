#include "portal.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"

void prepared_drop(struct prepared *prepared)
{
    if (prepared == NULL || --prepared->holders > 0)
        return;
    arena_fini(&prepared->arena);
    free(prepared);
}

void portal_free(struct portal *portal)
{
    if (portal == NULL)
        return;
    prepared_drop(portal->prepared);
    answer_fini(&portal->answer);
    free(portal->formats);
    free(portal);
}

struct portal *portal_new(struct prepared *prepared, const struct message_bind *bind)
{
    struct portal *portal = check_calloc(1, sizeof *portal);
    portal->prepared = prepared;
    prepared->holders++;
    portal->format_count = bind->result_format_count;
    portal->formats = check_calloc((size_t)bind->result_format_count + 1, sizeof *portal->formats);
    if (bind->result_format_count > 0)
        memcpy(portal->formats, bind->result_formats, bind->result_format_count * sizeof *portal->formats);
    return portal;
}

const char *const *prepared_columns(const struct prepared *prepared)
{
    return prepared->count > 0 ? prepared->calls[0].command->columns : NULL;
}
