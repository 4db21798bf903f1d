/* What a statement does to what: the policy's rules in order, then its lists, then no.
 *
 * Two things come between. Some relations of PostgreSQL's own hold secrets (password hashes, connection
 * strings) or values of other relations, past the rules for those (pg_stats shows the most common ones of
 * each column): lists and rules with a * don't reach them. And what EXPLAIN only plans is a read, of the
 * plan. */
#include "parts.h"

#include <string.h>

#include "match.h"

/* ---- relations that hold secrets -------------------------------------------------------------------- */

/* The pg_stat_… and pg_statio_… views hold counters, and pg_statistic_ext definitions only. A new one is a
 * name here, and a line in tests/unit/rules_judge.c. */
static const char *const secret_catalogs[] = {
    "pg_authid",       "pg_file_settings", "pg_hba_file_rules",  "pg_ident_file_mappings",
    "pg_largeobject",  "pg_shadow",        "pg_statistic",       "pg_statistic_ext_data",
    "pg_stats",        "pg_stats_ext",     "pg_stats_ext_exprs", "pg_subscription",
    "pg_user_mapping", "pg_user_mappings",
};

static bool is_secret(const struct touch *touch)
{
    if (view_starts(touch->schema, "pg_toast"))
        return true;
    if (touch->schema.len > 0 && !view_is(touch->schema, "pg_catalog"))
        return false;
    for (size_t i = 0; i < sizeof secret_catalogs / sizeof *secret_catalogs; i++)
        if (view_is(touch->name, secret_catalogs[i]))
            return true;
    return false;
}

static void refuse_secret(struct judging *judging, const struct touch *touch)
{
    const char *name = judging_name(judging, touch->schema, touch->name);
    judging_settle(judging, VERDICT_DENY, "sensitive-catalog",
                   judging_say(judging, "%s holds secrets of the server, or values of other relations", name),
                   judging_say(judging,
                               "Read pg_roles, pg_class (reltuples) or the information_schema instead. A DBA can allow "
                               "it with a rule that names \"pg_catalog.%s\" in \"relations\".",
                               judging_name(judging, view_of(""), touch->name)),
                   touch->position);
}

/* ---- rules ------------------------------------------------------------------------------------------ */

static bool names_secret(const struct rule *rule, const struct touch *touch)
{
    for (size_t i = 0; i < rule->relations.count; i++)
        if (strchr(rule->relations.at[i].text, '*') == NULL && view_is(touch->name, rule->relations.at[i].name))
            return true;
    return false;
}

static enum match match_rule(const struct judging *judging, const struct rule *rule, const struct touch *touch)
{
    bool is_mild = rule->verdict < VERDICT_PARK;
    if (!match_text(&rule->agents, judging->asker->agent) || !match_text(&rule->databases, judging->asker->database))
        return MATCH_NO;
    if (rule->has_operations && !rule->operations[touch->operation])
        return MATCH_NO;
    if (is_mild && is_secret(touch) && !names_secret(rule, touch))
        return MATCH_NO;
    if (!rule->has_relations)
        return MATCH_YES;
    /* What lets through names relations, and means them: not a function or schema of such a name. */
    if (is_mild && touch->kind != OBJECT_KIND_RELATION)
        return MATCH_NO;
    return match_touch(judging->rules, &rule->relations, touch);
}

/* "UPDATE on public.t", or "DO". */
static const char *deed(const struct judging *judging, const struct touch *touch)
{
    const char *operation = operation_name(touch->operation);
    if (touch->name.len == 0)
        return operation;
    return judging_say(judging, "%s on %s", operation, judging_name(judging, touch->schema, touch->name));
}

static void settle_rule(struct judging *judging, const struct rule *rule, const struct touch *touch)
{
    static const char *const hints[] = {
        [VERDICT_ALLOW] = NULL,
        [VERDICT_FLAG] = NULL,
        [VERDICT_PARK] = "Send the identical statement again after a DBA has approved it.",
        [VERDICT_DENY] = "A DBA can change this rule of the policy; sending the statement again won't help.",
    };
    const char *reason = rule->reason;
    if (reason == NULL)
        reason = judging_say(judging, "rule %s covers %s", rule->id, deed(judging, touch));
    judging_settle(judging, rule->verdict, rule->id, reason, hints[rule->verdict], touch->position);
}

/* ---- lists ------------------------------------------------------------------------------------------ */

static void settle_unlisted(struct judging *judging, const struct touch *touch)
{
    const char *hint = "Only what the policy names is let through; a DBA can add it to one of the policy's lists.";
    if (touch->operation == OPERATION_LOCK)
        hint =
            "Read without FOR UPDATE or FOR SHARE: sallyport holds no locks for agents, and an UPDATE that waits for "
            "approval takes its own.";
    if (touch->operation == OPERATION_COPY)
        hint = "Only COPY … TO STDOUT of what may be read goes through; send rows with INSERT.";
    judging_settle(
        judging, VERDICT_DENY, "not-listed",
        judging_say(judging, "%s is in none of the lists of policy %s", deed(judging, touch), judging->rules->name),
        hint, touch->position);
}

static void settle_listed(struct judging *judging, const struct touch *touch)
{
    switch (judging->rules->listings[touch->operation]) {
    case LISTING_DENIED:
        judging_settle(judging, VERDICT_DENY, "denied_operations",
                       judging_say(judging, "%s is denied by policy %s", deed(judging, touch), judging->rules->name),
                       "Sending it again won't help. If it must be done, ask a DBA to do it.", touch->position);
        return;
    case LISTING_APPROVAL:
        judging_settle(judging, VERDICT_PARK, "requires_approval_for",
                       judging_say(judging, "%s waits until a DBA approves it", deed(judging, touch)),
                       "Send the identical statement again after a DBA has approved it.", touch->position);
        return;
    case LISTING_ALLOWED:
        judging_settle(
            judging, VERDICT_ALLOW, "allowed_operations",
            judging_say(judging, "policy %s allows %s", judging->rules->name, operation_name(touch->operation)), NULL,
            touch->position);
        return;
    case LISTING_NONE:
        settle_unlisted(judging, touch);
        return;
    }
}

/* ---- a touch ---------------------------------------------------------------------------------------- */

/* Tries the rules up to the first that matches for sure. One that may match is settled too, and the search
 * goes on: whichever the name turns out to mean, the strictest of the verdicts stands. True: a rule has
 * decided. */
static bool settle_by_rules(struct judging *judging, const struct touch *touch)
{
    for (size_t i = 0; i < judging->rules->rule_count; i++) {
        const struct rule *rule = &judging->rules->rules[i];
        enum match match = match_rule(judging, rule, touch);
        if (match != MATCH_NO)
            settle_rule(judging, rule, touch);
        if (match == MATCH_YES)
            return true;
    }
    return false;
}

static void settle(struct judging *judging, const struct touch *original)
{
    struct touch touch = *original;
    if (touch.only_planned && operation_class(touch.operation) == 'p')
        touch.operation = OPERATION_SELECT;
    if (settle_by_rules(judging, &touch))
        return;
    if (is_secret(&touch))
        refuse_secret(judging, &touch);
    else
        settle_listed(judging, &touch);
}

static void judge_touch(struct judging *judging, const struct touch *touch)
{
    if (operation_class(touch->operation) == 'n')
        judging_refuse_firmly(judging, "never-allowed",
                              judging_say(judging, "%s is never allowed", operation_name(touch->operation)),
                              "No policy can allow it.", touch->position);
    else if (view_starts(touch->schema, "pg_temp"))
        judging_settle(judging, VERDICT_DENY, "temporary-object",
                       "agents have no temporary tables, which could stand in front of others",
                       "Use WITH queries instead.", touch->position);
    else
        settle(judging, touch);
}

/* The operation that the statement itself is, when no touch says so: nothing goes through unjudged. */
static bool is_touched(const struct statement *statement, enum operation operation)
{
    for (size_t i = 0; i < statement->touch_count; i++)
        if (statement->touches[i].operation == operation)
            return true;
    return false;
}

/* COPY … TO STDOUT is a read of its relations, and judged as one; what a policy says of COPY counts besides. */
static void judge_copy_out(struct judging *judging)
{
    const struct statement *statement = judging->statement;
    static const struct touch nothing = {.operation = OPERATION_SELECT, .position = -1};
    if (statement->touch_count == 0)
        judge_touch(judging, &nothing);
    for (size_t i = 0; i < statement->touch_count; i++) {
        struct touch copied = statement->touches[i];
        copied.operation = OPERATION_COPY;
        if (!settle_by_rules(judging, &copied) && judging->rules->listings[OPERATION_COPY] != LISTING_NONE)
            settle_listed(judging, &copied);
    }
}

void touches_judge(struct judging *judging)
{
    const struct statement *statement = judging->statement;
    if (statement->operation == OPERATION_COPY && (statement->flags & STATEMENT_COPY_OUT) != 0)
        judge_copy_out(judging);
    else if (operation_class(statement->operation) == 'p' && !is_touched(statement, statement->operation))
        judge_touch(judging, &(struct touch){.operation = statement->operation, .position = -1});
    for (size_t i = 0; i < statement->touch_count; i++)
        if (operation_class(statement->touches[i].operation) != 'f')
            judge_touch(judging, &statement->touches[i]);
}
