#include "call.h"

#include <inttypes.h>
#include <stdio.h>

void call_write_head(size_t count, struct bytes *to)
{
    bytes_add_format(to, "*%zu\r\n", count);
}

void call_write_part(struct view part, struct bytes *to)
{
    bytes_add_format(to, "$%zu\r\n", part.len);
    bytes_add_view(to, part);
    bytes_add_text(to, "\r\n");
    bytes_text(to); /* hiredis looks for line ends with strchr: a NUL has to stand behind a command */
}

void call_init(struct call *call, const struct script *script, const char *key)
{
    *call = (struct call){.script = script};
    call_text(call, key ? "1" : "0");
    if (key != NULL)
        call_text(call, key);
}

void call_fini(struct call *call)
{
    bytes_fini(&call->arguments);
}

void call_add(struct call *call, struct view argument)
{
    call_write_part(argument, &call->arguments);
    call->count++;
}

void call_text(struct call *call, const char *argument)
{
    call_add(call, view_of(argument));
}

void call_number(struct call *call, uint64_t argument)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, argument);
    call_text(call, text);
}

void call_field(struct call *call, const char *name, struct view value)
{
    call_text(call, name);
    call_add(call, value);
}

void call_write(const struct call *call, bool whole, struct bytes *to)
{
    call_write_head(call->count + 2, to);
    call_write_part(view_of(whole ? "EVAL" : "EVALSHA"), to);
    call_write_part(whole ? (struct view){call->script->text, call->script->len} : view_of(call->script->sha), to);
    bytes_add_view(to, bytes_view(&call->arguments));
    bytes_text(to);
}
