/* What may be asked of a policy besides a verdict. */
#include "policy.h"

const char *verdict_name(enum verdict verdict)
{
    static const char *const names[] = {
        [VERDICT_ALLOW] = "allow",
        [VERDICT_FLAG] = "flag",
        [VERDICT_PARK] = "park",
        [VERDICT_DENY] = "deny",
    };
    return names[verdict];
}

const char *rules_name(const struct rules *rules)
{
    return rules->name;
}

struct sha256 rules_hash(const struct rules *rules)
{
    return rules->hash;
}

struct rules_approval rules_approval(const struct rules *rules)
{
    return rules->approval;
}

const char *rules_search_path(const struct rules *rules)
{
    return rules->search_path_text;
}

/* What a read-only session refuses. (Notifications it doesn't.) */
static bool is_write(enum operation operation)
{
    return operation_class(operation) == 'p' && operation != OPERATION_SELECT && operation != OPERATION_LISTEN &&
           operation != OPERATION_NOTIFY;
}

/* Could some write get a verdict from `mildest` to
 * `strictest`? A rule behind another that always matches first counts too: better one yes too many. */
static bool can_get(const struct rules *rules, enum verdict mildest, enum verdict strictest)
{
    static const enum verdict of_listing[] = {
        [LISTING_NONE] = VERDICT_DENY,
        [LISTING_ALLOWED] = VERDICT_ALLOW,
        [LISTING_APPROVAL] = VERDICT_PARK,
        [LISTING_DENIED] = VERDICT_DENY,
    };
    for (int i = 0; i < OPERATION_COUNT; i++) {
        if (!is_write((enum operation)i))
            continue;
        enum verdict listed = of_listing[rules->listings[i]];
        if (listed >= mildest && listed <= strictest)
            return true;
        for (size_t at = 0; at < rules->rule_count; at++) {
            const struct rule *rule = &rules->rules[at];
            bool is_matching = !rule->has_operations || rule->operations[i];
            if (is_matching && rule->verdict >= mildest && rule->verdict <= strictest)
                return true;
        }
    }
    return false;
}

bool rules_can_write(const struct rules *rules)
{
    return can_get(rules, VERDICT_ALLOW, VERDICT_PARK);
}

bool rules_needs_direct(const struct rules *rules)
{
    return can_get(rules, VERDICT_ALLOW, VERDICT_FLAG);
}

bool rules_can_park(const struct rules *rules)
{
    return can_get(rules, VERDICT_PARK, VERDICT_PARK);
}
