#include "call.h"

#include "base/text.h"

static bool fail(struct call_fault *fault, const char *sqlstate, const char *message, const char *hint)
{
    *fault = (struct call_fault){sqlstate, message, hint};
    return false;
}

bool call_read(struct view sql, struct arena *arena, struct call **calls, size_t *count, struct call_fault *fault)
{
    struct words words;
    const char *why, *hint;
    enum words_result result;
    bool has_alone = false;
    *count = 0;
    if (text_utf8_valid(sql) != sql.len)
        return fail(fault, "22021", "the text is not UTF-8", NULL);
    *calls = arena_alloc(arena, CALLS_MOST * sizeof **calls);
    while ((result = words_take(&sql, arena, &words, &why)) == WORDS_RESULT_ONE) {
        if (*count == CALLS_MOST)
            return fail(fault, "54000", "these are too many commands at once", NULL);
        const struct command *command = command_find(&words, arena, &why, &hint);
        if (command == NULL)
            return fail(fault, "42601", why, hint);
        (*calls)[(*count)++] = (struct call){command, words};
        has_alone = has_alone || (command->flags & COMMAND_ALONE) != 0;
    }
    if (result == WORDS_RESULT_BAD)
        return fail(fault, "42601", why, NULL);
    if (has_alone && *count > 1)
        return fail(fault, "42601", "a decision stands alone: send one command at a time", NULL);
    return true;
}
