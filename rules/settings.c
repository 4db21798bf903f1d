/* The settings that agents may change, in one table for SET, RESET, set_config and start-up options. What
 * is not in it can't be changed, and custom settings (app.tenant) aren't: row security rests on them.
 *
 * Three kinds of settings are out of reach for good reason: those that change how the server reads text
 * (client_encoding, standard_conforming_strings, backslash_quote: the parser here and the server would
 * see different statements), those that change who the agent is or what stops it (role, row_security,
 * read-only), and those that reach beyond the session (logging, replication). role and session_authorization
 * are not in the table at all: a DBA may have set a role for the login, and SET ROLE NONE would undo it.
 *
 * A RESET goes back to what the session began with: sallyport's own start-up packet, or what the DBA has
 * set for the role. So it is harmless where the setting is known, except for transaction_read_only: the
 * server starts that one afresh with each transaction and knows no start-up value of it, so its RESET is
 * "off". The same goes for transaction_isolation and transaction_deferrable, where it does no harm.
 * RESET ALL in a block leaves those three and role as they are (GUC_NO_RESET_ALL in guc.c), and DISCARD ALL,
 * which can't stand in a block, goes back to the DBA's role (both seen on PostgreSQL 15.20): they may stay.
 *
 * To add a setting: a row in the table below. ANY where each value is harmless, RANGE for numbers; else a
 * check_function of its own, and a few words on what it accepts. Then lines in tests/unit/rules_settings.c. */
#include "settings.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

enum { VALUE_MOST = 8192 };

struct setting_row;

/* A value on its way into a setting. */
struct change {
    const struct rules *rules;
    const struct setting_row *row;
    const struct view *values;
    size_t count;
};

typedef bool check_function(const struct change *change);

struct setting_row {
    const char *name;      /* lower case */
    check_function *check; /* of a value */
    const char *what;      /* what a value may be: "… may only be set to WHAT"; NULL: any */
    double least, most;    /* of a number, in `units` */
    const char *units;     /* which table of units */
    bool is_never_reset;   /* its RESET doesn't go back to our pin */
};

/* ---- values ----------------------------------------------------------------------------------------- */

static bool is_any(const struct change *change)
{
    return true;
}

static bool is_one_of(struct view value, const char *const *words)
{
    for (; *words != NULL; words++)
        if (text_same_folded(value, view_of(*words)))
            return true;
    return false;
}

static bool is_on(const struct change *change)
{
    static const char *const on[] = {"on", "true", "yes", "1", NULL};
    return change->count == 1 && is_one_of(change->values[0], on);
}

/* As pg_char_to_encoding does: letters and digits, case folded. */
static bool is_utf8(const struct change *change)
{
    if (change->count != 1)
        return false;
    char name[16];
    size_t len = 0;
    for (size_t i = 0; i < change->values[0].len; i++) {
        char c = change->values[0].data[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if ((unsigned char)c >= 0x80 || len == sizeof name)
            return false;
        if (is_letter || (c >= '0' && c <= '9'))
            name[len++] = is_letter ? (char)(c | 0x20) : c;
    }
    struct view clean = {name, len};
    return view_is(clean, "utf8") || view_is(clean, "unicode");
}

/* The unit that a number has, in the setting's own; 0: no such unit. Units are as in the server's guc.c,
 * where they are case-sensitive. */
static double unit_factor(const char *units, struct view unit)
{
    static const struct {
        const char *units, *name;
        double factor;
    } table[] = {
        {"ms", "us", 0.001},  {"ms", "ms", 1},       {"ms", "s", 1000},        {"ms", "min", 60000},
        {"ms", "h", 3600000}, {"ms", "d", 86400000}, {"kB", "B", 1.0 / 1024},  {"kB", "kB", 1},
        {"kB", "MB", 1024},   {"kB", "GB", 1048576}, {"kB", "TB", 1073741824},
    };
    if (unit.len == 0)
        return 1;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (units != NULL && strcmp(table[i].units, units) == 0 && view_is(unit, table[i].name))
            return table[i].factor;
    return 0;
}

/* Decimal only: what the server would read otherwise (hexadecimal, exponents) is refused. */
static bool is_in_range(const struct change *change)
{
    if (change->count != 1)
        return false;
    struct view value = change->values[0];
    char number[32];
    size_t len = 0;
    while (len < value.len &&
           (memchr("0123456789.", value.data[len], 11) != NULL || (len == 0 && value.data[0] == '-')))
        len++;
    if (len == 0 || len >= sizeof number)
        return false;
    memcpy(number, value.data, len);
    number[len] = '\0';
    char *end;
    double quantity = strtod(number, &end);
    if (*end != '\0')
        return false;
    while (len < value.len && value.data[len] == ' ')
        len++;
    double factor = unit_factor(change->row->units, (struct view){value.data + len, value.len - len});
    quantity *= factor;
    return factor > 0 && quantity >= change->row->least && quantity <= change->row->most;
}

/* ---- search_path ------------------------------------------------------------------------------------ */

static struct view trim(struct view v)
{
    while (v.len > 0 && (v.data[0] == ' ' || v.data[0] == '\t' || v.data[0] == '\n'))
        v = (struct view){v.data + 1, v.len - 1};
    while (v.len > 0 && (v.data[v.len - 1] == ' ' || v.data[v.len - 1] == '\t' || v.data[v.len - 1] == '\n'))
        v.len--;
    return v;
}

static struct view unquote(struct view v)
{
    if (v.len >= 2 && v.data[0] == '"' && v.data[v.len - 1] == '"')
        return (struct view){v.data + 1, v.len - 2};
    return v;
}

/* A schema of the policy's, exactly as written there; "$user", which is the reading role's own; or the
 * catalog, but only in front: behind another schema, that one's functions would win over PostgreSQL's. */
static bool is_schema(const struct rules *rules, struct view name, bool is_first)
{
    if (name.len == 0 || view_is(name, "$user") || (is_first && view_is(name, "pg_catalog")))
        return true;
    for (size_t i = 0; i < rules->search_path.count; i++)
        if (view_is(name, rules->search_path.at[i]))
            return true;
    return false;
}

static bool is_search_path(const struct change *change)
{
    bool is_first = true;
    for (size_t i = 0; i < change->count; i++) {
        struct view rest = change->values[i];
        while (true) {
            const char *comma = rest.len > 0 ? memchr(rest.data, ',', rest.len) : NULL;
            size_t len = comma != NULL ? (size_t)(comma - rest.data) : rest.len;
            if (!is_schema(change->rules, unquote(trim((struct view){rest.data, len})), is_first))
                return false;
            is_first = false;
            if (comma == NULL)
                break;
            rest = (struct view){comma + 1, rest.len - len - 1};
        }
    }
    return true;
}

/* ---- the table -------------------------------------------------------------------------------------- */

#define ANY(name)                                                                                                      \
    {                                                                                                                  \
        name, is_any, NULL, 0, 0, NULL, false                                                                          \
    }
#define RANGE(name, least, most, units, what)                                                                          \
    {                                                                                                                  \
        name, is_in_range, what, least, most, units, false                                                             \
    }

/* clang-format off */
static const struct setting_row settings[] = {
    /* how values look */
    ANY("application_name"),
    ANY("array_nulls"),
    ANY("bytea_output"),
    ANY("datestyle"),
    ANY("default_text_search_config"),
    ANY("extra_float_digits"),
    ANY("intervalstyle"),
    ANY("lc_monetary"),
    ANY("lc_numeric"),
    ANY("lc_time"),
    ANY("quote_all_identifiers"),
    ANY("timezone"),
    ANY("xmlbinary"),
    ANY("xmloption"),
    ANY("client_min_messages"),
    ANY("escape_string_warning"),

    /* how text is read: only what it is already */
    {"client_encoding", is_utf8, "UTF8", 0, 0, NULL, false},
    {"standard_conforming_strings", is_on, "on", 0, 0, NULL, false},
    {"search_path", is_search_path, "schemas that the policy's search_path lists", 0, 0, NULL, false},

    /* what stops the agent: only back to where it was */
    {"row_security", is_on, "on", 0, 0, NULL, false},
    {"default_transaction_read_only", is_on, "on", 0, 0, NULL, false},
    {"transaction_read_only", is_on, "on", 0, 0, NULL, true},

    /* transactions */
    ANY("default_transaction_deferrable"),
    ANY("default_transaction_isolation"),
    ANY("transaction_deferrable"),
    ANY("transaction_isolation"),

    /* Limits: never none (waiting for a lock counts for statement_timeout too). What the DBA has set for the
     * role isn't known here, so a time-out may be raised to the bound. */
    RANGE("statement_timeout", 1, 3600000, "ms", "a time from 1 ms to 1 h"),
    RANGE("idle_in_transaction_session_timeout", 1, 3600000, "ms", "a time from 1 ms to 1 h"),
    RANGE("idle_session_timeout", 1, 86400000, "ms", "a time from 1 ms to 1 d"),
    RANGE("lock_timeout", 0, 3600000, "ms", "a time of 1 h at most"),
    RANGE("work_mem", 64, 262144, "kB", "64kB to 256MB"),
    RANGE("max_parallel_workers_per_gather", 0, 8, NULL, "0 to 8"),
    RANGE("geqo_effort", 1, 10, NULL, "1 to 10"),
    RANGE("geqo_pool_size", 0, 1000, NULL, "0 to 1000"),
    RANGE("geqo_generations", 0, 1000, NULL, "0 to 1000"),
    RANGE("geqo_threshold", 2, 16, NULL, "2 to 16"),
    RANGE("join_collapse_limit", 1, 16, NULL, "1 to 16"),
    RANGE("from_collapse_limit", 1, 16, NULL, "1 to 16"),

    /* the planner's */
    ANY("constraint_exclusion"),
    ANY("cpu_index_tuple_cost"),
    ANY("cpu_operator_cost"),
    ANY("cpu_tuple_cost"),
    ANY("cursor_tuple_fraction"),
    ANY("effective_cache_size"),
    ANY("enable_async_append"),
    ANY("enable_bitmapscan"),
    ANY("enable_gathermerge"),
    ANY("enable_hashagg"),
    ANY("enable_hashjoin"),
    ANY("enable_incremental_sort"),
    ANY("enable_indexonlyscan"),
    ANY("enable_indexscan"),
    ANY("enable_material"),
    ANY("enable_memoize"),
    ANY("enable_mergejoin"),
    ANY("enable_nestloop"),
    ANY("enable_parallel_append"),
    ANY("enable_parallel_hash"),
    ANY("enable_partition_pruning"),
    ANY("enable_partitionwise_aggregate"),
    ANY("enable_partitionwise_join"),
    ANY("enable_seqscan"),
    ANY("enable_sort"),
    ANY("enable_tidscan"),
    ANY("geqo"),
    ANY("geqo_seed"),
    ANY("geqo_selection_bias"),
    ANY("gin_fuzzy_search_limit"),
    ANY("jit"),
    ANY("jit_above_cost"),
    ANY("jit_inline_above_cost"),
    ANY("jit_optimize_above_cost"),
    ANY("min_parallel_index_scan_size"),
    ANY("min_parallel_table_scan_size"),
    ANY("parallel_leader_participation"),
    ANY("parallel_setup_cost"),
    ANY("parallel_tuple_cost"),
    ANY("plan_cache_mode"),
    ANY("random_page_cost"),
    ANY("recursive_worktable_factor"),
    ANY("seq_page_cost"),
    ANY("stats_fetch_consistency"),
    ANY("synchronize_seqscans"),

    /* what the agent says of itself, for the record */
    ANY("sallyport.reason"),
    ANY("sallyport.trace"),
};
/* clang-format on */

static const struct setting_row *find(struct view name)
{
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (text_same_folded(name, view_of(settings[i].name)))
            return &settings[i];
    return NULL;
}

static const char *say(struct arena *arena, const char *before, struct view name, const char *after, const char *what)
{
    struct bytes text = {0};
    bytes_add_text(&text, before);
    text_add_visible(&text, name.len > 64 ? (struct view){name.data, 64} : name, false);
    bytes_add_text(&text, after);
    bytes_add_text(&text, what);
    const char *reason = arena_copy(arena, bytes_view(&text));
    bytes_fini(&text);
    return reason;
}

static bool is_short(const struct view *values, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        if (values[i].len > VALUE_MOST)
            return false;
        len += values[i].len;
    }
    return len <= VALUE_MOST;
}

const char *rules_setting(const struct rules *rules, struct view name, const struct view *values, size_t count,
                          struct arena *arena)
{
    const struct setting_row *row = find(name);
    if (row == NULL)
        return say(arena, "setting ", name, " is not among those that agents may change", "");
    if (count == 0 && row->is_never_reset)
        return say(arena, "setting ", name, " can't be reset, since that would not go back to ", row->what);
    if (count == 0)
        return NULL;
    if (!is_short(values, count))
        return say(arena, "the value for setting ", name, " is longer than 8 kB", "");
    struct change change = {rules, row, values, count};
    if (!row->check(&change))
        return say(arena, "setting ", name, " may only be set to ", row->what);
    return NULL;
}

const char *settings_computed(const struct rules *rules, struct view name, struct arena *arena)
{
    const struct setting_row *row = find(name);
    if (row != NULL && row->check != is_any)
        return say(arena, "a value for setting ", name, " must be written in the statement", "");
    return rules_setting(rules, name, NULL, 0, arena);
}
