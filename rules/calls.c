/* Functions and operators. A function is called only if it is on the reviewed list, belongs to an
 * extension that the policy trusts, or is named in the policy: what a name does can't be seen from its
 * volatility, and STABLE and IMMUTABLE ones have been made to write.
 *
 * A call without a schema resolves to PostgreSQL's own function of that name, or to one in a schema of the
 * policy's search_path; a call with one means just that schema: "evil.lower" is not "lower".
 *
 * a.b and (x).b call the function b when there is no column b and b takes one argument. Only names of
 * functions that are known and refused can be told from columns by the text. */
#include "parts.h"

#include <string.h>

#include "functions.h"
#include "match.h"
#include "settings.h"

static bool is_trusted(const struct rules *rules, const struct function_row *row)
{
    if (rules->has_extensions)
        return match_names(&rules->extensions, view_of(row->extension));
    return strncmp(row->reason, "trusted ", strlen("trusted ")) == 0;
}

/* Could the call mean this row's function? */
static bool is_meant(const struct rules *rules, const struct function_row *row, struct view schema)
{
    bool is_own = row->extension[0] == '\0';
    if (schema.len == 0)
        return !is_own || strcmp(row->schema, "pg_catalog") == 0;
    if (view_is(schema, row->schema))
        return true;
    /* An extension's functions live where it was installed. */
    return !is_own && match_names(&rules->search_path, schema);
}

/* What the reviewed list says of a call. */
struct finding {
    const struct function_row *denied, *conditional, *untrusted, *allowed;
};

static struct finding look_up(const struct rules *rules, struct view schema, struct view name)
{
    struct finding finding = {0};
    size_t count;
    const struct function_row *rows = functions_find(name, &count);
    for (size_t i = 0; i < count; i++) {
        const struct function_row *row = &rows[i];
        if (!is_meant(rules, row, schema))
            continue;
        if (row->verdict == FUNCTION_VERDICT_CONDITIONAL)
            finding.conditional = row;
        else if (row->verdict == FUNCTION_VERDICT_DENY)
            finding.denied = row;
        else if (row->extension[0] != '\0' && !is_trusted(rules, row))
            finding.untrusted = row;
        else
            finding.allowed = row;
    }
    return finding;
}

static const char *call_name(const struct judging *judging, const struct call *call)
{
    return judging_name(judging, call->schema, call->name);
}

/* A reviewed function that isn't safe. Only a policy that names it in full can allow it. */
static void refuse_denied(struct judging *judging, const struct call *call, const struct function_row *row)
{
    if (match_function(judging->rules, view_of(row->schema), call->name, true))
        return;
    judging_settle(judging, VERDICT_DENY, "function-denied",
                   judging_say(judging, "function %s is not safe for agents: %s", call_name(judging, call),
                               row->reason[0] != '\0' ? row->reason : "it does more than read"),
                   judging_say(judging,
                               "A DBA who accepts the risk can name it: \"functions\": {\"allow\": [\"%s.%s\"]}.",
                               row->schema, row->name),
                   call->position);
}

static void refuse_untrusted(struct judging *judging, const struct call *call, const struct function_row *row)
{
    judging_settle(judging, VERDICT_DENY, "extension-not-listed",
                   judging_say(judging, "function %s belongs to the extension %s, which policy %s does not list",
                               call_name(judging, call), row->extension, judging->rules->name),
                   judging_say(judging, "A DBA can add it: \"functions\": {\"extensions\": [\"%s\"]}.", row->extension),
                   call->position);
}

static void refuse_unknown(struct judging *judging, const struct call *call)
{
    const char *schema = judging->rules->search_path.count > 0 ? judging->rules->search_path.at[0] : "public";
    struct view shown = call->schema.len > 0 ? call->schema : view_of(schema);
    judging_settle(
        judging, VERDICT_DENY, "function-not-listed",
        judging_say(judging, "function %s is not on the list of functions known to be safe", call_name(judging, call)),
        judging_say(judging,
                    "If it only reads, a DBA can allow it in the policy: \"functions\": {\"allow\": [\"%s\"]}.",
                    judging_name(judging, shown, call->name)),
        call->position);
}

/* ---- conditional ones ------------------------------------------------------------------------------- */

/* set_config(name, value, is_local) is SET, with a name that must be in the text. */
static void judge_set_config(struct judging *judging, const struct call *call)
{
    const char *reason;
    if (call->has_named || call->has_star || call->argument_count != 3 || !call->is_literal[0])
        reason = "set_config is judged like SET, so its first argument must be the setting's name in quotes";
    else if (call->is_literal[1])
        reason = rules_setting(judging->rules, call->literal[0], &call->literal[1], 1, judging->arena);
    else
        reason = settings_computed(judging->rules, call->literal[0], judging->arena);
    if (reason != NULL)
        judging_refuse_firmly(
            judging, "setting-not-allowed", reason,
            "Agents can set TimeZone, DateStyle, statement_timeout and other harmless settings; a DBA "
            "can pin more for this agent.",
            call->position);
}

/* ts_rewrite(query, target, substitute) rewrites; ts_rewrite(query, 'SELECT …') runs SQL. */
static void judge_ts_rewrite(struct judging *judging, const struct call *call)
{
    if (call->argument_count != 3 || call->has_star)
        judging_settle(judging, VERDICT_DENY, "function-denied",
                       "ts_rewrite with two arguments runs the SQL that it is given",
                       "Use ts_rewrite with three arguments.", call->position);
}

static void judge_conditional(struct judging *judging, const struct call *call, const struct function_row *row)
{
    if (strcmp(row->name, "set_config") == 0)
        judge_set_config(judging, call);
    else if (strcmp(row->name, "ts_rewrite") == 0)
        judge_ts_rewrite(judging, call);
    else
        refuse_denied(judging, call, row);
}

/* ---- calls ------------------------------------------------------------------------------------------ */

/* The procedure of a CALL: whether it may run is what the policy says of CALL. */
static bool is_procedure(const struct judging *judging, const struct call *call)
{
    for (size_t i = 0; i < judging->statement->touch_count; i++) {
        const struct touch *touch = &judging->statement->touches[i];
        if (touch->operation == OPERATION_CALL && touch->position == call->position &&
            view_equals(touch->schema, call->schema) && view_equals(touch->name, call->name))
            return true;
    }
    return false;
}

static void judge_function(struct judging *judging, const struct call *call)
{
    struct finding finding = look_up(judging->rules, call->schema, call->name);
    if (finding.conditional != NULL)
        judge_conditional(judging, call, finding.conditional);
    else if (finding.denied != NULL)
        refuse_denied(judging, call, finding.denied);
    else if (finding.allowed != NULL || match_function(judging->rules, call->schema, call->name, false))
        return;
    else if (finding.untrusted != NULL)
        refuse_untrusted(judging, call, finding.untrusted);
    else if (!is_procedure(judging, call))
        refuse_unknown(judging, call);
}

static void judge_attribute(struct judging *judging, const struct call *call)
{
    struct finding finding = look_up(judging->rules, view_of(""), call->name);
    const struct function_row *row = finding.denied != NULL ? finding.denied : finding.conditional;
    if (row != NULL)
        refuse_denied(judging, call, row);
}

/* An operator of a schema runs that schema's function. */
static void judge_operator(struct judging *judging, const struct call *call)
{
    if (view_is(call->schema, "pg_catalog") || match_function(judging->rules, call->schema, call->name, true))
        return;
    const char *name = call_name(judging, call);
    judging_settle(
        judging, VERDICT_DENY, "operator-not-listed",
        judging_say(judging, "operator %s is not on the list of operators known to be safe", name),
        judging_say(judging,
                    "If it only reads, a DBA can allow it in the policy: \"functions\": {\"allow\": [\"%s\"]}.", name),
        call->position);
}

void calls_judge(struct judging *judging)
{
    for (size_t i = 0; i < judging->statement->call_count; i++) {
        const struct call *call = &judging->statement->calls[i];
        switch (call->how) {
        case CALL_HOW_FUNCTION:
        case CALL_HOW_SAMPLE:
            judge_function(judging, call);
            break;
        case CALL_HOW_ATTRIBUTE:
            judge_attribute(judging, call);
            break;
        case CALL_HOW_OPERATOR:
            judge_operator(judging, call);
            break;
        }
    }
}
