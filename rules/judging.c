#include "judging.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

static void set(struct judging *judging, enum verdict verdict, const char *rule, const char *reason, const char *hint,
                int position)
{
    judging->is_settled = true;
    *judging->judgement = (struct judgement){
        .verdict = verdict,
        .rule = rule,
        .reason = reason,
        .hint = hint,
        .sqlstate = verdict == VERDICT_DENY ? "42501" : NULL,
        .position = position,
    };
}

void judging_settle(struct judging *judging, enum verdict verdict, const char *rule, const char *reason,
                    const char *hint, int position)
{
    if (!judging->is_settled || verdict > judging->judgement->verdict)
        set(judging, verdict, rule, reason, hint, position);
}

void judging_refuse_firmly(struct judging *judging, const char *rule, const char *reason, const char *hint,
                           int position)
{
    if (!judging->is_firm)
        set(judging, VERDICT_DENY, rule, reason, hint, position);
    judging->is_firm = true;
}

const char *judging_say(const struct judging *judging, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): va_start is the line above */
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return arena_copy(judging->arena, view_of(text));
}

const char *judging_name(const struct judging *judging, struct view schema, struct view name)
{
    struct bytes text = {0};
    if (schema.len > 0) {
        text_add_visible(&text, schema, false);
        bytes_add_char(&text, '.');
    }
    text_add_visible(&text, name, false);
    const char *copy = arena_copy(judging->arena, bytes_view(&text));
    bytes_fini(&text);
    return copy;
}
