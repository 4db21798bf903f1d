/* Facts -> verdict. Each part of the judge (parts.h) settles what it finds; the strictest stays. Then what
 * concerns the statement or the message as a whole. */
#include "judging.h"
#include "parts.h"

#include "base/check.h"
#include "match.h"

/* ---- one statement ---------------------------------------------------------------------------------- */

static bool is_understood(struct judging *judging)
{
    const struct statement *statement = judging->statement;
    if (statement->unknown == NULL && statement->operation != OPERATION_UNKNOWN)
        return true;
    judging_refuse_firmly(judging, "not-understood",
                          judging_say(judging, "sallyport does not understand this statement (%s)",
                                      statement->unknown != NULL ? statement->unknown : "unknown"),
                          "What isn't understood isn't let through; say the same in simpler SQL.",
                          statement->unknown_position);
    return false;
}

/* The statement's own operation, where it needs no permission: only a policy that names it can stop it. */
static void judge_free(struct judging *judging)
{
    enum operation operation = judging->statement->operation;
    const char *name = operation_name(operation);
    for (size_t i = 0; i < judging->rules->rule_count; i++) {
        const struct rule *rule = &judging->rules->rules[i];
        if (!rule->operations[operation] || rule->has_relations || !match_text(&rule->agents, judging->asker->agent) ||
            !match_text(&rule->databases, judging->asker->database))
            continue;
        judging_settle(judging, rule->verdict, rule->id,
                       rule->reason != NULL ? rule->reason : judging_say(judging, "rule %s covers %s", rule->id, name),
                       NULL, -1);
        return;
    }
    if (judging->rules->listings[operation] == LISTING_DENIED)
        judging_settle(judging, VERDICT_DENY, "denied_operations",
                       judging_say(judging, "%s is denied by policy %s", name, judging->rules->name),
                       "Sending it again won't help. If it must be done, ask a DBA to do it.", -1);
    else
        judging_settle(judging, VERDICT_ALLOW, "session-command", judging->rules->allowed_because[operation], NULL, -1);
}

/* A parked statement runs later, elsewhere and by itself. */
static void judge_parking(struct judging *judging)
{
    const struct statement *statement = judging->statement;
    if (judging->judgement->verdict != VERDICT_PARK)
        return;
    const char *alone = statement->alone;
    if (alone == NULL && (statement->flags & STATEMENT_COPY_IN) != 0)
        alone = "its rows come after it";
    if (alone != NULL)
        judging_settle(
            judging, VERDICT_DENY, "cannot-wait",
            judging_say(judging, "this %s can't wait for approval: %s", operation_name(statement->operation), alone),
            "Send one INSERT, UPDATE or other write that stands by itself.", -1);
}

static void observe(struct judging *judging)
{
    struct judgement *judgement = judging->judgement;
    if (!judging->rules->is_observing || judging->is_firm)
        return;
    judgement->would = true;
    judgement->would_verdict = judgement->verdict;
    judgement->verdict = VERDICT_ALLOW;
}

void rules_judge(const struct rules *rules, const struct asker *asker, const struct statement *statement,
                 struct arena *arena, struct judgement *judgement)
{
    *judgement = (struct judgement){.verdict = VERDICT_DENY, .position = -1};
    struct judging judging = {rules, asker, statement, arena, judgement, false, false};
    if (is_understood(&judging)) {
        session_judge(&judging);
        touches_judge(&judging);
        calls_judge(&judging);
        if (operation_class(statement->operation) == 'f')
            judge_free(&judging);
        judge_parking(&judging);
    }
    CHECK(judging.is_settled);
    observe(&judging);
}

/* ---- a message -------------------------------------------------------------------------------------- */

/* Does it act on the session, so that it can't be in one message with what runs elsewhere and later? */
static bool acts_on_session(const struct statement *statement)
{
    return operation_class(statement->operation) == 'f' && statement->operation != OPERATION_SHOW &&
           statement->operation != OPERATION_EXPLAIN;
}

static const struct statement *find_session_command(const struct facts *facts)
{
    for (size_t i = 0; i < facts->count; i++)
        if (acts_on_session(&facts->statements[i]))
            return &facts->statements[i];
    return NULL;
}

/* A write that would be parked beside BEGIN, SET and the like: it would run outside of what they mean. */
static void judge_company(const struct judging *judging, const struct statement *company)
{
    struct judging again = *judging;
    judging_settle(&again, VERDICT_DENY, "cannot-wait",
                   judging_say(judging, "this %s waits for approval, so it can't be in one message with %s",
                               operation_name(judging->statement->operation), operation_name(company->operation)),
                   "Send the write in a message of its own.", -1);
}

static const struct judgement nothing_to_do = {
    .verdict = VERDICT_ALLOW, .rule = "empty", .reason = "there is nothing to run", .position = -1};

void rules_judge_message(const struct rules *rules, const struct asker *asker, const struct facts *facts,
                         struct arena *arena, struct judgement *each, struct judgement *whole)
{
    const struct statement *company = find_session_command(facts);
    *whole = nothing_to_do;
    for (size_t i = 0; i < facts->count; i++) {
        const struct statement *statement = &facts->statements[i];
        struct judgement judgement;
        rules_judge(rules, asker, statement, arena, &judgement);
        if (judgement.verdict == VERDICT_PARK && company != NULL) {
            struct judging judging = {rules, asker, statement, arena, &judgement, true, false};
            judge_company(&judging, company);
        }
        bool is_stricter =
            judgement.verdict > whole->verdict || (judgement.verdict == whole->verdict && judgement.would &&
                                                   (!whole->would || judgement.would_verdict > whole->would_verdict));
        if (i == 0 || is_stricter)
            *whole = judgement;
        if (each != NULL)
            each[i] = judgement;
    }
}

/* ---- what could not be parsed ----------------------------------------------------------------------- */

void rules_judge_error(enum parser_result result, const struct parser_error *error, struct arena *arena,
                       struct judgement *judgement)
{
    static const struct {
        const char *rule, *hint;
    } words[] = {
        [PARSER_RESULT_OK] = {"not-understood", NULL},
        [PARSER_RESULT_SYNTAX] = {"syntax", "Correct the SQL; sallyport reads it with PostgreSQL 15's own grammar."},
        [PARSER_RESULT_ENCODING] = {"encoding", "Send UTF-8 without NUL bytes; this is what client_encoding says too."},
        [PARSER_RESULT_LIMIT] = {"limit", "Send a shorter or simpler statement."},
    };
    *judgement = (struct judgement){
        .verdict = VERDICT_DENY,
        .rule = words[result].rule,
        .reason = arena_copy(arena, view_of(error->message)),
        .hint = words[result].hint,
        .sqlstate = error->sqlstate,
        .position = error->position,
    };
}
