#include "judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "record.h"

static void prepared_free(struct thing *thing)
{
    struct prepared *prepared = (struct prepared *)thing;
    *prepared->account -= prepared->charged;
    for (size_t i = 0; i < prepared->effect_count; i++)
        thing_drop(prepared->effects[i].judged);
    free(prepared->sql);
    free(prepared->types);
    free(prepared->rule);
    free(prepared->reason);
    free(prepared->hint);
    free(prepared->operations);
    free(prepared->relations);
    bytes_fini(&prepared->record);
    arena_fini(&prepared->arena);
    free(prepared);
}

static size_t length_of(const char *text)
{
    return text ? strlen(text) + 1 : 0;
}

void judge_charge(struct prepared *prepared)
{
    /* An arena takes a block at the least; NAME is about what a name's slot costs. */
    enum { BLOCK = 8192, NAME = 192 };
    size_t bytes = sizeof *prepared + NAME + prepared->sql_len + prepared->record.cap +
                   prepared->type_count * sizeof *prepared->types + length_of(prepared->operations) +
                   length_of(prepared->relations);
    if (prepared->arena.blocks != NULL)
        bytes += prepared->arena.used + BLOCK;
    *prepared->account += bytes - prepared->charged;
    prepared->charged = bytes;
}

static struct prepared *prepared_new(struct session *session, struct view text)
{
    struct prepared *prepared = check_calloc(1, sizeof *prepared);
    prepared->thing.references = 1;
    prepared->thing.free = prepared_free;
    prepared->sql = check_strndup(text.data, text.len);
    prepared->sql_len = text.len;
    prepared->account = &session->kept;
    judge_charge(prepared);
    return prepared;
}

static void replace(char **old, const char *fresh)
{
    char *copy = fresh ? check_strdup(fresh) : NULL;
    free(*old);
    *old = copy;
}

/* Names that begin with "sallyport" are ours, in SQL as in the protocol. */
static bool has_reserved_name(const struct facts *facts)
{
    for (size_t i = 0; i < facts->count; i++)
        if (view_starts(facts->statements[i].name, "sallyport"))
            return true;
    return false;
}

/* What EXECUTE and FETCH run was judged under its name: as it was then, and again if the rules have changed.
 * NULL: it may run; else what is wrong. The server holds an inert text for what was parked, which EXECUTE
 * would only run into. */
static const struct judgement *named_trouble(struct session *session, const struct statement *statement)
{
    static const struct judgement parked = {
        .verdict = VERDICT_DENY,
        .rule = "execute-parked",
        .reason = "this prepared statement is a write that waits for approval, and can't be run by SQL's EXECUTE",
        .hint = "Send the write itself, or execute it by the protocol.",
        .position = -1,
    };
    static const struct judgement changed = {
        .verdict = VERDICT_DENY,
        .rule = "policy-changed",
        .reason = "the policy has changed since this statement or cursor was named, and no longer lets it run",
        .hint = "Prepare or declare it again.",
        .position = -1,
    };
    bool is_execute = statement->operation == OPERATION_EXECUTE || statement->inner == OPERATION_EXECUTE;
    bool is_fetch = statement->operation == OPERATION_FETCH;
    bool is_uncertain;
    if (!is_execute && !is_fetch)
        return NULL;
    struct prepared *named = NULL;
    if (is_execute) {
        named = names_find(&session->statements, statement->name, &is_uncertain);
    } else {
        const struct portal *portal = names_find(&session->portals, statement->name, &is_uncertain);
        named = portal ? portal->prepared : NULL;
    }
    if (named == NULL)
        return session->options.generation == session->first_generation ? NULL : &changed;
    judge_again(session, named);
    if (named->verdict == VERDICT_DENY)
        return &changed;
    return is_execute && named->verdict == VERDICT_PARK ? &parked : NULL;
}

static void overrule_named(struct session *session, const struct facts *facts, struct judgement *judgement)
{
    for (size_t i = 0; i < facts->count && judgement->verdict != VERDICT_DENY; i++) {
        const struct judgement *trouble = named_trouble(session, &facts->statements[i]);
        if (trouble != NULL)
            *judgement = *trouble;
    }
}

static bool is_all_rollback(const struct facts *facts)
{
    for (size_t i = 0; i < facts->count; i++)
        if (facts->statements[i].operation != OPERATION_ROLLBACK)
            return false;
    return facts->count > 0;
}

static void keep_verdict(struct session *session, struct prepared *prepared, const struct facts *facts,
                         const struct judgement *judgement)
{
    prepared->judged_in = session->options.generation;
    prepared->verdict = judgement->verdict;
    replace(&prepared->rule, judgement->rule);
    replace(&prepared->reason, judgement->reason);
    replace(&prepared->hint, judgement->hint);
    snprintf(prepared->sqlstate, sizeof prepared->sqlstate, "%s", judgement->sqlstate ? judgement->sqlstate : "42501");
    prepared->position = judgement->position;
    record_text(session, prepared, facts, judgement);
    judge_charge(prepared);
}

static void keep_for_ticket(struct prepared *prepared, const struct facts *facts)
{
    struct bytes json = {0};
    rules_add_operations(&json, facts->statements, facts->count);
    replace(&prepared->operations, bytes_text(&json));
    bytes_clear(&json);
    rules_add_relations(&json, facts->statements, facts->count);
    replace(&prepared->relations, bytes_text(&json));
    bytes_fini(&json);

    /* One statement is its message to the last byte; of several, each is its part. */
    struct view *texts = arena_alloc(&prepared->arena, facts->count * sizeof *texts);
    for (size_t i = 0; i < facts->count; i++)
        texts[i] = arena_view(&prepared->arena, facts->count == 1 ? facts->text : facts->statements[i].text);
    prepared->texts = texts;
    prepared->statement_count = facts->count;
}

/* The agent's claims travel as settings, which the server keeps without knowing them. */
static struct effect claim_of(const struct statement *statement)
{
    if (statement->setting_count == 0)
        return (struct effect){0};
    const struct setting_use *use = &statement->settings[0];
    struct effect effect = {.kind = view_is(use->name, "sallyport.reason")   ? EFFECT_REASON
                                    : view_is(use->name, "application_name") ? EFFECT_APPLICATION
                                                                             : EFFECT_NONE};
    if (use->how == SETTING_HOW_RESET_ALL)
        effect.kind = EFFECT_RESET_ALL;
    if (use->value_count > 0)
        effect.name = use->values[0];
    return effect;
}

static struct effect effect_of(const struct statement *statement)
{
    bool all = (statement->flags & STATEMENT_ALL) != 0;
    struct effect effect = {.name = statement->name};
    if (statement->operation == OPERATION_SET || statement->operation == OPERATION_RESET)
        effect = claim_of(statement);
    else if (statement->operation == OPERATION_PREPARE)
        effect.kind = EFFECT_PREPARE;
    else if (statement->operation == OPERATION_DEALLOCATE)
        effect.kind = all ? EFFECT_DEALLOCATE_ALL : EFFECT_DEALLOCATE;
    else if (statement->operation == OPERATION_DECLARE)
        effect.kind = EFFECT_DECLARE;
    else if (statement->operation == OPERATION_CLOSE)
        effect.kind = all ? EFFECT_CLOSE_ALL : EFFECT_CLOSE;
    else if (statement->operation == OPERATION_DISCARD && all)
        effect.kind = EFFECT_DISCARD_ALL;
    else if (statement->operation == OPERATION_COMMIT)
        effect.kind = EFFECT_COMMIT;
    else if (statement->operation == OPERATION_ROLLBACK && !(statement->flags & STATEMENT_TO_SAVEPOINT))
        effect.kind = EFFECT_ROLLBACK;
    effect.chains = (statement->flags & STATEMENT_CHAIN) != 0;
    return effect;
}

/* What PREPARE or DECLARE names is judged and recorded as that one statement, not as the string it came in. */
static struct prepared *judge_alone(struct session *session, const struct statement *statement)
{
    struct asker asker = {session->options.agent, session->options.database};
    struct facts alone = {statement, 1, statement->text};
    struct prepared *named = prepared_new(session, statement->text);
    struct judgement judgement = {0};
    rules_judge(session->options.rules, &asker, statement, &session->desk->statement, &judgement);
    keep_verdict(session, named, &alone, &judgement);
    named->is_named_by_sql = true;
    return named;
}

static void keep_effects(struct session *session, struct prepared *prepared, const struct facts *facts)
{
    bool any = false;
    for (size_t i = 0; i < facts->count && !any; i++)
        any = effect_of(&facts->statements[i]).kind != EFFECT_NONE;
    if (!any || prepared->effects != NULL || prepared->is_named_by_sql)
        return;
    struct effect *effects = arena_alloc(&prepared->arena, facts->count * sizeof *effects);
    for (size_t i = 0; i < facts->count; i++) {
        effects[i] = effect_of(&facts->statements[i]);
        effects[i].name = arena_view(&prepared->arena, effects[i].name);
        if (effects[i].kind == EFFECT_PREPARE || effects[i].kind == EFFECT_DECLARE)
            effects[i].judged = judge_alone(session, &facts->statements[i]);
        prepared->changes_names |= effects[i].kind >= EFFECT_PREPARE && effects[i].kind <= EFFECT_DISCARD_ALL;
    }
    prepared->effects = effects;
    prepared->effect_count = facts->count;
}

/* A string of several statements is one ticket only if every one of them waits. */
static void refuse_mixture(struct session *session, const struct asker *asker, const struct facts *facts,
                           struct judgement *whole)
{
    if (whole->verdict != VERDICT_PARK || facts->count < 2)
        return;
    for (size_t i = 0; i < facts->count; i++) {
        struct judgement one = {0};
        rules_judge(session->options.rules, asker, &facts->statements[i], &session->desk->statement, &one);
        if (one.verdict == VERDICT_PARK)
            continue;
        *whole = (struct judgement){
            .verdict = VERDICT_DENY,
            .rule = "mixed-string",
            .reason = "a string that mixes writes that wait for approval with other statements can't be sent as one",
            .hint = "Send the writes by themselves; BEGIN and COMMIT around a single write are not needed.",
            .position = -1,
        };
        return;
    }
}

static void judge(struct session *session, struct prepared *prepared, struct facts *facts)
{
    struct view text = {prepared->sql, prepared->sql_len};
    struct asker asker = {session->options.agent, session->options.database};
    struct parser_limits limits = {.length = session->options.limits.query};
    struct judgement judgement = {0};
    struct parser_error error;
    enum parser_result result = parser_read(text, &limits, &session->desk->statement, facts, &error);
    if (result != PARSER_RESULT_OK) {
        *facts = (struct facts){.text = text};
        rules_judge_error(result, &error, &session->desk->statement, &judgement);
        keep_verdict(session, prepared, NULL, &judgement);
        return;
    }
    rules_judge_message(session->options.rules, &asker, facts, &session->desk->statement, NULL, &judgement);
    refuse_mixture(session, &asker, facts, &judgement);
    if (judgement.verdict != VERDICT_DENY && has_reserved_name(facts))
        judgement = (struct judgement){
            .verdict = VERDICT_DENY,
            .rule = "reserved-name",
            .reason = "names that begin with \"sallyport\" are taken",
            .hint = "Choose another name.",
            .position = -1,
        };
    overrule_named(session, facts, &judgement);
    keep_verdict(session, prepared, facts, &judgement);
    prepared->is_rollback = is_all_rollback(facts);
    prepared->is_copy_in = false;
    for (size_t i = 0; i < facts->count; i++)
        prepared->is_copy_in |= (facts->statements[i].flags & STATEMENT_COPY_IN) != 0;
    if (prepared->verdict <= VERDICT_FLAG)
        keep_effects(session, prepared, facts);
    if (prepared->verdict == VERDICT_PARK)
        keep_for_ticket(prepared, facts);
    judge_charge(prepared);
}

struct prepared *judge_text(struct session *session, struct view text, struct facts *facts, struct view *sql)
{
    struct prepared *prepared = prepared_new(session, text);
    judge(session, prepared, facts);
    *sql = facts->text;
    session->judged++;
    snprintf(session->current, sizeof session->current, "%.*s", (int)(text.len > 120 ? 120 : text.len), prepared->sql);
    return prepared;
}

void judge_again(struct session *session, struct prepared *prepared)
{
    struct facts facts;
    if (prepared->judged_in == session->options.generation)
        return;
    bool was_parked = prepared->verdict == VERDICT_PARK;
    prepared->judged_in = session->options.generation; /* before: what it names could lead back to it */
    judge(session, prepared, &facts);
    /* The server holds an inert text for what was parked, and the real one for what was not: a verdict
     * may only become stricter here. */
    if (was_parked != (prepared->verdict == VERDICT_PARK))
        judge_overrule(session, prepared, "policy-changed", "the policy changed after this statement was prepared",
                       "Prepare the statement again.");
}

void judge_overrule(struct session *session, struct prepared *prepared, const char *rule, const char *reason,
                    const char *hint)
{
    struct judgement judgement = {
        .verdict = VERDICT_DENY, .rule = rule, .reason = reason, .hint = hint, .position = -1};
    keep_verdict(session, prepared, NULL, &judgement);
}

void judge_words(const struct prepared *prepared, struct judgement *judgement)
{
    *judgement = (struct judgement){
        .verdict = prepared->verdict,
        .rule = prepared->rule,
        .reason = prepared->reason,
        .hint = prepared->hint,
        .sqlstate = prepared->sqlstate,
        .position = prepared->position,
    };
}
