/* What needs no permission but has checks of its own: transactions, settings, names of statements and
 * cursors. These protect sallyport's hold on the session, so most stand in mode observe too. */
#include "parts.h"

#include "base/text.h"
#include "settings.h"

static void judge_transaction(struct judging *judging)
{
    unsigned flags = judging->statement->flags;
    if ((flags & STATEMENT_READ_WRITE) != 0 && !rules_needs_direct(judging->rules))
        judging_refuse_firmly(judging, "read-write",
                              "sessions of agents are read-only, and READ WRITE would be refused by the database too",
                              "Plain BEGIN is enough: reads run in the session, and a write is parked and runs in a "
                              "transaction of its own once it is approved.",
                              -1);
    if ((flags & STATEMENT_SNAPSHOT) != 0)
        judging_refuse_firmly(judging, "snapshot", "agents can't adopt another session's snapshot",
                              "BEGIN ISOLATION LEVEL REPEATABLE READ gives a snapshot of its own.", -1);
}

static void judge_copy(struct judging *judging)
{
    if ((judging->statement->flags & STATEMENT_COPY_SERVER) != 0)
        judging_refuse_firmly(judging, "copy-server", "COPY with a file or a program runs on the database server",
                              "Use COPY … TO STDOUT; no policy can allow the server's files and programs.", -1);
}

static const char setting_hint[] = "Agents can set TimeZone, DateStyle, statement_timeout and other harmless settings; "
                                   "a DBA can pin more for this agent.";

static void judge_setting(struct judging *judging, const struct setting_use *use)
{
    const char *reason = NULL;
    switch (use->how) {
    case SETTING_HOW_SHOW:
    case SETTING_HOW_RESET_ALL:
        return;
    case SETTING_HOW_RESET:
        reason = rules_setting(judging->rules, use->name, NULL, 0, judging->arena);
        break;
    case SETTING_HOW_SET:
    case SETTING_HOW_SET_LOCAL:
        if (use->name.len == 0)
            reason = "the name of a setting must be written in the statement";
        else if (!use->is_computed && use->value_count > 0)
            reason = rules_setting(judging->rules, use->name, use->values, use->value_count, judging->arena);
        else
            reason = settings_computed(judging->rules, use->name, judging->arena);
        break;
    }
    if (reason != NULL)
        judging_refuse_firmly(judging, "setting-not-allowed", reason, setting_hint, use->position);
}

/* CREATE FUNCTION … SET and ALTER ROLE … SET keep a setting for later; whether that may be done is a matter
 * of the operation. (A set_config in them is a call, and judged as one.) */
static bool sets_own_session(const struct statement *statement)
{
    return statement->operation != OPERATION_CREATE && statement->operation != OPERATION_ALTER;
}

static bool is_reserved(struct view name)
{
    static const char prefix[] = "sallyport";
    size_t len = sizeof prefix - 1;
    return name.len >= len && text_same_folded((struct view){name.data, len}, view_of(prefix));
}

void session_judge(struct judging *judging)
{
    judge_transaction(judging);
    judge_copy(judging);
    for (size_t i = 0; i < judging->statement->setting_count && sets_own_session(judging->statement); i++)
        judge_setting(judging, &judging->statement->settings[i]);
    if (is_reserved(judging->statement->name))
        judging_refuse_firmly(judging, "reserved-name", "names that begin with \"sallyport\" are taken",
                              "Choose another name.", -1);
}
