/* rules: a policy, and facts -> verdict. Quiet: a policy is read once from JSON text into an immutable
 * set; judging looks at nothing but the policy, the facts and who asks. The first rule that matches an
 * (operation, object) decides; else the three lists; else no. The strictest verdict over all that a
 * statement touches is the statement's.
 *
 * Any thread: a policy never changes after it was read. rules_free ends it. */
#ifndef RULES_RULES_H
#define RULES_RULES_H

#include "base/arena.h"
#include "base/crypto.h"
#include "base/fault.h"
#include "parser/parser.h"

/* From mild to strict. */
enum verdict { VERDICT_ALLOW, VERDICT_FLAG, VERDICT_PARK, VERDICT_DENY };

const char *verdict_name(enum verdict verdict); /* "allow", "flag", "park", "deny" */

struct rules;

/* file is for messages; text is the file's content. NULL and a fault if it is wrong in any way. */
struct rules *rules_read(const char *file, struct view text, struct fault *fault);
void rules_free(struct rules *rules);
const char *rules_name(const struct rules *rules);
struct sha256 rules_hash(const struct rules *rules); /* over the text: the policy's version */
/* Could any statement be let through, or parked, that is not a read? (Decides what agents are told of
 * read-only.) Could one be parked? Could one be let through without approval, so that the agent's own
 * session needs the `direct` credential? */
bool rules_can_write(const struct rules *rules);
bool rules_can_park(const struct rules *rules);
bool rules_needs_direct(const struct rules *rules);

struct rules_approval {
    unsigned hold_seconds;    /* 20 */
    uint64_t expires_seconds; /* 24 h */
    unsigned approvals;       /* 1 */
};

struct rules_approval rules_approval(const struct rules *rules);

/* The schemas that SET search_path may name; also the pin. As one value: "public" or "a, b", quoted as
 * SQL identifiers where they need it. */
const char *rules_search_path(const struct rules *rules);

/* Who asks, and in what state: everything of the session that a verdict depends on. */
struct asker {
    const char *agent, *database;
};

struct judgement {
    enum verdict verdict;
    const char *rule;     /* the rule's id, or the built-in one's: "allowed_operations", "function-not-listed" … */
    const char *reason;   /* one sentence without a full stop; arena or constant */
    const char *hint;     /* what to do next, or NULL */
    const char *sqlstate; /* of a refusal: 42501; 42601, 22021, 54000 … when it was not parsed */
    int position;         /* byte offset in the message; -1 none */
    bool would;           /* mode observe: this is what enforce would have done; verdict is allow */
    enum verdict would_verdict;
};

/* One statement. */
void rules_judge(const struct rules *rules, const struct asker *asker, const struct statement *statement,
                 struct arena *arena, struct judgement *judgement);

/* A whole message: judges each statement (each[i] is filled in when not NULL, facts->count long) and
 * gives the strictest; adds what only the whole can show (writes mixed with reads in one string can't be
 * parked, …). */
void rules_judge_message(const struct rules *rules, const struct asker *asker, const struct facts *facts,
                         struct arena *arena, struct judgement *each, struct judgement *whole);

/* The verdict for what could not be parsed: deny, with the parser's words and a hint. */
void rules_judge_error(enum parser_result result, const struct parser_error *error, struct arena *arena,
                       struct judgement *judgement);

/* ---- settings: one table for SET, RESET, set_config and start-up options ---------------------------- */

/* May this session's `name` be set to these values? One for each element of a SET with a list; lists in
 * one string (set_config, start-up options) are taken apart. count 0: a RESET, or SET … TO DEFAULT. The
 * values are literals: a computed one has none, and is the caller's to refuse. NULL: yes; else the reason,
 * one sentence without a full stop, in the arena or constant. */
const char *rules_setting(const struct rules *rules, struct view name, const struct view *values, size_t count,
                          struct arena *arena);

/* May a parameter of this built-in type (OID) be declared in Parse? The catalog of a later issue vouches
 * for more. */
bool rules_type_is_base(uint32_t oid);

/* ---- checks that help an operator ------------------------------------------------------------------- */

/* As JSON arrays, appended: ["SELECT","UPDATE"], ["public.t"], ["lower","pg_catalog.now"]; each once, in
 * order of appearance. */
void rules_add_operations(struct bytes *to, const struct statement *statements, size_t count);
void rules_add_relations(struct bytes *to, const struct statement *statements, size_t count);
void rules_add_functions(struct bytes *to, const struct statement *statements, size_t count);

#endif
