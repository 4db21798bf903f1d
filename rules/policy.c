/* From the JSON text of a policy to `struct rules`. The tables near the end of this file are the format:
 * one row per key. Whatever they don't know, whatever has the wrong type, and whatever contradicts itself
 * is a fault, since a policy that is misread guards nothing. schema.json says the same to editors.
 *
 * To add a key: a field in policy.h, its default in rules_new, a read_… function and a row in the table of
 * the object that has it; the same in schema.json; then a good and a wrong one in tests/unit/rules_policy.c,
 * and the README's example, if operators need it. */
#include "policy.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "functions.h"
#include "reading.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum {
    NAME_MOST = 63,     /* an SQL name: NAMEDATALEN - 1 */
    PATTERN_MOST = 127, /* schema.name */
    REASON_MOST = 500,
    RULES_MOST = 10000,
};

/* ---- small values ----------------------------------------------------------------------------------- */

static bool read_operation(const struct reading *reading, const struct spot *spot, const json_t *value,
                           enum operation *operation)
{
    const char *text;
    if (!reading_text(reading, spot, value, NAME_MOST, &text))
        return false;
    if (operation_find(view_of(text), operation) && *operation != OPERATION_UNKNOWN)
        return true;
    struct bytes known = {0};
    for (int i = 0; i < OPERATION_COUNT; i++)
        if (operation_class((enum operation)i) == 'p')
            bytes_add_format(&known, "%s%s", known.len > 0 ? ", " : "", operation_name((enum operation)i));
    reading_fault(reading, spot, "\"%s\" is no operation; the operations are %s", text, bytes_text(&known));
    bytes_fini(&known);
    return false;
}

/* Faults that keep a policy from promising what no policy can: `verdict` for this operation. */
static bool check_promise(const struct reading *reading, const struct spot *spot, enum operation operation,
                          enum verdict verdict)
{
    const char *name = operation_name(operation);
    char class = operation_class(operation);
    if (class == 'n' && verdict != VERDICT_DENY)
        return reading_fault(reading, spot, "%s is never allowed, whatever a policy says: take it out", name);
    if (class == 'f' && verdict == VERDICT_PARK)
        return reading_fault(reading, spot, "%s acts on the agent's session and can't wait for approval: take it out",
                             name);
    return true;
}

static bool is_glob_text(const char *text)
{
    return strpbrk(text, "?[]\"'") == NULL;
}

static bool read_glob(const struct reading *reading, const struct spot *spot, const json_t *value, const char **glob)
{
    if (!reading_text(reading, spot, value, PATTERN_MOST, glob))
        return false;
    if (!is_glob_text(*glob))
        return reading_fault(reading, spot, "\"%s\": names are written without quotes, and only * stands for others",
                             *glob);
    return true;
}

/* "schema.name", or "name" where a schema isn't needed. */
static bool read_pattern(const struct reading *reading, const struct spot *spot, const json_t *value, bool needs_schema,
                         struct pattern *pattern)
{
    if (!read_glob(reading, spot, value, &pattern->text))
        return false;
    pattern->name = pattern->text;
    const char *dot = strchr(pattern->text, '.');
    if (dot == NULL)
        return !needs_schema || reading_fault(reading, spot, "\"%s\" needs its schema, for example \"public.%s\"",
                                              pattern->text, pattern->text);
    if (dot == pattern->text || dot[1] == '\0' || strchr(dot + 1, '.') != NULL)
        return reading_fault(reading, spot, "\"%s\" must be \"schema.name\", where * may stand for any part of either",
                             pattern->text);
    pattern->schema = arena_copy(reading->arena, (struct view){pattern->text, (size_t)(dot - pattern->text)});
    pattern->name = dot + 1;
    return true;
}

/* "24h" -> seconds. */
static bool read_duration(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    static const struct {
        char unit;
        unsigned seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    enum { MOST = 30 * 86400 };
    const char *text;
    if (!reading_text(reading, spot, value, 16, &text))
        return false;
    char *unit;
    unsigned long number = strtoul(text, &unit, 10);
    for (size_t i = 0; i < COUNT(units) && text[0] >= '0' && text[0] <= '9'; i++) {
        if (unit[0] != units[i].unit || unit[1] != '\0' || number < 1 || number > MOST / units[i].seconds)
            continue;
        ((struct rules *)into)->approval.expires_seconds = (uint64_t)number * units[i].seconds;
        return true;
    }
    return reading_fault(reading, spot,
                         "\"%s\" must be a time such as \"90s\", \"15m\", \"24h\" or \"7d\", 30 days at most", text);
}

/* ---- lists of names --------------------------------------------------------------------------------- */

/* An array while it is read: `at` has room for all. */
struct filling {
    void *at;
    size_t count;
};

static struct filling filling_of(const struct reading *reading, const json_t *value, size_t size)
{
    return (struct filling){.at = arena_alloc(reading->arena, (json_array_size(value) + 1) * size)};
}

static bool add_relation(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    struct filling *filling = into;
    return read_pattern(reading, spot, value, false, (struct pattern *)filling->at + filling->count++);
}

static bool add_function(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    struct filling *filling = into;
    return read_pattern(reading, spot, value, true, (struct pattern *)filling->at + filling->count++);
}

static bool add_glob(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    struct filling *filling = into;
    return read_glob(reading, spot, value, (const char **)filling->at + filling->count++);
}

static bool add_extension(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    struct filling *filling = into;
    const char **name = (const char **)filling->at + filling->count++;
    if (!reading_text(reading, spot, value, NAME_MOST, name))
        return false;
    if (functions_extension(view_of(*name)) == EXTENSION_STATE_REFUSED)
        return reading_fault(reading, spot,
                             "no function of %s is safe enough to trust it as a whole; "
                             "name the ones that agents need in functions.allow",
                             *name);
    return true;
}

static bool add_schema(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    struct filling *filling = into;
    const char **name = (const char **)filling->at + filling->count++;
    if (!reading_text(reading, spot, value, NAME_MOST, name))
        return false;
    if (strpbrk(*name, "*,\"") != NULL)
        return reading_fault(reading, spot, "\"%s\" must be the name of one schema, without quotes", *name);
    if (strcmp(*name, "$user") == 0 || strncmp(*name, "pg_temp", 7) == 0 || strncmp(*name, "pg_toast", 8) == 0)
        return reading_fault(reading, spot, "\"%s\" can't be in the search path of agents", *name);
    if (strcmp(*name, "pg_catalog") == 0 && filling->count > 1)
        return reading_fault(reading, spot,
                             "pg_catalog must come first or be left out: behind another schema, that "
                             "one's functions would win over PostgreSQL's own");
    return true;
}

static bool read_patterns(const struct reading *reading, const struct spot *spot, const json_t *value,
                          const char *of_what, member_function *element, struct patterns *patterns)
{
    struct filling filling = filling_of(reading, value, sizeof(struct pattern));
    if (!reading_array(reading, spot, value, of_what, element, &filling))
        return false;
    *patterns = (struct patterns){filling.at, filling.count};
    return true;
}

static bool read_names(const struct reading *reading, const struct spot *spot, const json_t *value, const char *of_what,
                       member_function *element, struct names *names)
{
    struct filling filling = filling_of(reading, value, sizeof(char *));
    if (!reading_array(reading, spot, value, of_what, element, &filling))
        return false;
    *names = (struct names){filling.at, filling.count};
    return true;
}

/* ---- the three lists -------------------------------------------------------------------------------- */

struct listed {
    struct rules *rules;
    enum listing listing;
};

static const struct {
    const char *key;
    enum verdict verdict;
} listings[] = {
    [LISTING_NONE] = {"", VERDICT_DENY},
    [LISTING_ALLOWED] = {"allowed_operations", VERDICT_ALLOW},
    [LISTING_APPROVAL] = {"requires_approval_for", VERDICT_PARK},
    [LISTING_DENIED] = {"denied_operations", VERDICT_DENY},
};

static bool add_listed(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    struct listed *listed = into;
    enum operation operation;
    if (!read_operation(reading, spot, value, &operation) ||
        !check_promise(reading, spot, operation, listings[listed->listing].verdict))
        return false;
    enum listing *before = &listed->rules->listings[operation];
    if (*before == listed->listing)
        return reading_fault(reading, spot, "%s is listed twice: take one out", operation_name(operation));
    if (*before != LISTING_NONE)
        return reading_fault(reading, spot, "%s is in %s too: an operation can be in one list only",
                             operation_name(operation), listings[*before].key);
    *before = listed->listing;
    return true;
}

static bool read_list(const struct reading *reading, const struct spot *spot, const json_t *value, void *into,
                      enum listing listing)
{
    struct listed listed = {into, listing};
    return reading_array(reading, spot, value, "operations", add_listed, &listed);
}

static bool read_allowed(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    return read_list(reading, spot, value, into, LISTING_ALLOWED);
}

static bool read_denied(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    return read_list(reading, spot, value, into, LISTING_DENIED);
}

static bool read_approval_list(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    return read_list(reading, spot, value, into, LISTING_APPROVAL);
}

/* ---- rules ------------------------------------------------------------------------------------------ */

static bool read_rule_id(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    struct rule *rule = into;
    if (!reading_text(reading, spot, value, NAME_MOST, &rule->id))
        return false;
    if (rule->id[strspn(rule->id, allowed)] != '\0')
        return reading_fault(reading, spot, "must be made of letters, digits, dots, dashes and underscores");
    return true;
}

static bool add_rule_operation(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    struct rule *rule = into;
    enum operation operation;
    if (!read_operation(reading, spot, value, &operation))
        return false;
    rule->operations[operation] = true;
    return true;
}

static bool read_rule_operations(const struct reading *reading, const struct spot *spot, const json_t *value,
                                 void *into)
{
    ((struct rule *)into)->has_operations = true;
    if (json_is_array(value) && json_array_size(value) == 0)
        return reading_fault(reading, spot,
                             "an empty list matches nothing; leave the key out to match every operation");
    return reading_array(reading, spot, value, "operations", add_rule_operation, into);
}

static bool read_rule_relations(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    struct rule *rule = into;
    rule->has_relations = true;
    if (json_is_array(value) && json_array_size(value) == 0)
        return reading_fault(reading, spot, "an empty list matches nothing; leave the key out to match everything");
    return read_patterns(reading, spot, value, "relations", add_relation, &rule->relations);
}

static bool read_rule_agents(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    if (json_is_array(value) && json_array_size(value) == 0)
        return reading_fault(reading, spot, "an empty list matches nobody; leave the key out to match every agent");
    return read_names(reading, spot, value, "agents", add_glob, &((struct rule *)into)->agents);
}

static bool read_rule_databases(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    if (json_is_array(value) && json_array_size(value) == 0)
        return reading_fault(reading, spot, "an empty list matches nothing; leave the key out to match every database");
    return read_names(reading, spot, value, "databases", add_glob, &((struct rule *)into)->databases);
}

static bool read_rule_verdict(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    const char *text;
    if (!reading_text(reading, spot, value, NAME_MOST, &text))
        return false;
    for (int i = VERDICT_ALLOW; i <= VERDICT_DENY; i++) {
        if (strcmp(text, verdict_name((enum verdict)i)) != 0)
            continue;
        ((struct rule *)into)->verdict = (enum verdict)i;
        return true;
    }
    return reading_fault(reading, spot, "\"%s\" must be allow, flag, park or deny", text);
}

static bool read_rule_reason(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    return reading_text(reading, spot, value, REASON_MOST, &((struct rule *)into)->reason);
}

static const struct member rule_members[] = {
    {"id", read_rule_id, true},
    {"operations", read_rule_operations, false},
    {"relations", read_rule_relations, false},
    {"agents", read_rule_agents, false},
    {"databases", read_rule_databases, false},
    {"verdict", read_rule_verdict, true},
    {"reason", read_rule_reason, false},
};

/* Rules that would surprise whoever wrote them. */
static bool check_rule(const struct reading *reading, const struct spot *spot, const struct rules *rules,
                       const struct rule *rule)
{
    for (size_t i = 0; i < rules->rule_count; i++) {
        struct spot id = spot_member(spot, "id");
        if (strcmp(rules->rules[i].id, rule->id) == 0)
            return reading_fault(reading, &id, "rule %zu is called \"%s\" too: each rule needs an id of its own", i,
                                 rule->id);
    }
    if (!rule->has_operations && rule->verdict < VERDICT_PARK)
        return reading_fault(reading, spot,
                             "\"operations\" is missing: a rule with the verdict %s must say which operations it lets "
                             "through, else it would let through DROP too",
                             verdict_name(rule->verdict));
    struct spot operations = spot_member(spot, "operations");
    for (int i = 0; i < OPERATION_COUNT; i++)
        if (rule->operations[i] && !check_promise(reading, &operations, (enum operation)i, rule->verdict))
            return false;
    return true;
}

static bool add_rule(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    struct rules *rules = into;
    struct rule *rule = (struct rule *)rules->rules + rules->rule_count;
    if (!reading_object(reading, spot, value, rule_members, COUNT(rule_members), rule) ||
        !check_rule(reading, spot, rules, rule))
        return false;
    rules->rule_count++;
    return true;
}

/* ---- the policy ------------------------------------------------------------------------------------- */

static bool read_schema(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    return json_is_string(value) || reading_fault(reading, spot, "must be a text: where schema.json is");
}

static bool read_name(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    return reading_text(reading, spot, value, NAME_MOST, &((struct rules *)into)->name);
}

static bool read_mode(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    const char *text;
    if (!reading_text(reading, spot, value, NAME_MOST, &text))
        return false;
    ((struct rules *)into)->is_observing = strcmp(text, "observe") == 0;
    if (strcmp(text, "observe") != 0 && strcmp(text, "enforce") != 0)
        return reading_fault(reading, spot, "\"%s\" must be enforce or observe", text);
    return true;
}

static bool read_database(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    static const struct member members[] = {
        {"allowed_operations", read_allowed, false},
        {"denied_operations", read_denied, false},
        {"requires_approval_for", read_approval_list, false},
    };
    return reading_object(reading, spot, value, members, COUNT(members), into);
}

static bool read_rules(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    struct rules *rules = into;
    if (json_array_size(value) > RULES_MOST)
        return reading_fault(reading, spot, "there may be %d rules at most", RULES_MOST);
    rules->rules = arena_alloc(reading->arena, (json_array_size(value) + 1) * sizeof(struct rule));
    return reading_array(reading, spot, value, "rules", add_rule, rules);
}

static bool read_extensions(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    struct rules *rules = into;
    rules->has_extensions = true;
    return read_names(reading, spot, value, "extensions", add_extension, &rules->extensions);
}

static bool read_function_allow(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    return read_patterns(reading, spot, value, "functions", add_function, &((struct rules *)into)->functions);
}

static bool read_functions(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    static const struct member members[] = {
        {"extensions", read_extensions, false},
        {"allow", read_function_allow, false},
    };
    return reading_object(reading, spot, value, members, COUNT(members), into);
}

static bool read_search_path(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    return read_names(reading, spot, value, "schemas", add_schema, &((struct rules *)into)->search_path);
}

static bool read_hold(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    return reading_number(reading, spot, value, 0, 3600, &((struct rules *)into)->approval.hold_seconds);
}

static bool read_approvals(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    return reading_number(reading, spot, value, 1, 9, &((struct rules *)into)->approval.approvals);
}

static bool read_approval(const struct reading *reading, const struct spot *spot, const json_t *value, void *into)
{
    static const struct member members[] = {
        {"hold_seconds", read_hold, false},
        {"expires", read_duration, false},
        {"approvals", read_approvals, false},
    };
    return reading_object(reading, spot, value, members, COUNT(members), into);
}

static const struct member policy_members[] = {
    {"$schema", read_schema, false},          {"name", read_name, true},          {"mode", read_mode, false},
    {"database", read_database, false},       {"rules", read_rules, false},       {"functions", read_functions, false},
    {"search_path", read_search_path, false}, {"approval", read_approval, false},
};

/* As one value of the setting: SplitIdentifierString in the server takes it apart again. */
static const char *search_path_text(struct arena *arena, const struct names *schemas)
{
    struct bytes text = {0};
    for (size_t i = 0; i < schemas->count; i++) {
        const char *name = schemas->at[i];
        bytes_add_text(&text, i > 0 ? ", " : "");
        bool is_plain = (name[0] == '_' || (name[0] >= 'a' && name[0] <= 'z')) &&
                        name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
        if (is_plain)
            bytes_add_text(&text, name);
        else
            text_add_identifier(&text, view_of(name));
    }
    const char *copy = arena_copy(arena, bytes_view(&text));
    bytes_fini(&text);
    return copy;
}

/* Why an operation is let through, where no rule decides. */
static void fill_reasons(struct rules *rules)
{
    for (int i = 0; i < OPERATION_COUNT; i++) {
        const char *name = operation_name((enum operation)i);
        struct bytes text = {0};
        if (operation_class((enum operation)i) == 'f')
            bytes_add_format(&text, "%s needs no permission", name);
        else
            bytes_add_format(&text, "policy %s allows %s", rules->name, name);
        rules->allowed_because[i] = arena_copy(&rules->arena, bytes_view(&text));
        bytes_fini(&text);
    }
}

static struct rules *rules_new(void)
{
    static const char *const public_only[] = {"public"};
    struct rules *rules = check_calloc(1, sizeof *rules);
    rules->search_path = (struct names){public_only, 1};
    rules->approval = (struct rules_approval){.hold_seconds = 20, .expires_seconds = 24 * 3600, .approvals = 1};
    return rules;
}

struct rules *rules_read(const char *file, struct view text, struct fault *fault)
{
    json_error_t error;
    json_t *root = json_loadb(text.data != NULL ? text.data : "", text.len, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        fault_at(fault, file, error.line, error.column, NULL, "this is not JSON: %s", error.text);
        return NULL;
    }
    struct rules *rules = rules_new();
    struct reading reading = {file, text, fault, &rules->arena};
    struct spot top = {0};
    bool is_read = reading_object(&reading, &top, root, policy_members, COUNT(policy_members), rules);
    json_decref(root);
    if (!is_read) {
        rules_free(rules);
        return NULL;
    }
    rules->hash = crypto_sha256(text);
    fill_reasons(rules);
    rules->search_path_text = search_path_text(&rules->arena, &rules->search_path);
    return rules;
}

void rules_free(struct rules *rules)
{
    if (rules == NULL)
        return;
    arena_fini(&rules->arena);
    free(rules);
}
