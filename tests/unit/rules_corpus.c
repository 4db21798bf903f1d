/* tests/corpus/statements.jsonl through parser and rules, under the shipped default policy: every line that
 * is one agent's text, with what it sent before. Lines that are dialogues on the wire are the session's; what
 * the text can't show (severity no_effect) is shown end to end. See tests/corpus/README.md.
 *
 * Then tests/corpus/honest.jsonl: what tools and drivers send by themselves, taken from a server's log while
 * they looked around. None of it may be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/crypto.h"
#include "rules.h"

/* Lines that don't pass, and why. One that passes has no place here. */
static const struct {
    const char *id, *why;
} exceptions[] = {
    {"func_notation-015", "x.evil_write_i is a column or a user's function: only the catalog knows"},
    {"func_notation-016", "the same"},
    {"func_notation-017", "the same"},
    {"func_notation-018", "the same"},
    {"func_notation-020", "(c).purge_customer: the same"},
    {"func_notation-022", "customers.purge_customer: the same"},
};

static const struct asker asker = {"agent", "app"};
static struct rules *rules;

static char *read_file(const char *name, size_t *len)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", SOURCE_DIR, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("can't open %s", path);
    struct bytes text = {0};
    while (!feof(file) && !ferror(file)) {
        char *room = bytes_room(&text, 65536);
        text.len += fread(room, 1, 65536, file);
    }
    fclose(file);
    *len = text.len;
    bytes_add_char(&text, '\0');
    return text.data;
}

/* ---- generated statements, as generators.py makes them ---------------------------------------------- */

/* before, `each` n times, between, `back` n times, after; %d counts, from `first`. */
static const struct generator {
    const char *kind, *before, *each, *between, *back, *after;
    int first;
} generators[] = {
    {"paren", "SELECT ", "(", "1", ")", "", 0},
    {"not", "SELECT ", "NOT ", "true", "", "", 0},
    {"case", "SELECT ", "CASE WHEN true THEN ", "1", " END", "", 0},
    {"func", "SELECT ", "f(", "1", ")", "", 0},
    {"plus", "SELECT 1", "+1", "", "", "", 0},
    {"cast", "SELECT 1", "::int", "", "", "", 0},
    {"union", "SELECT 1", " UNION SELECT 1", "", "", "", 0},
    {"join", "SELECT 1 FROM t", " CROSS JOIN (VALUES(1)) t%d", "", "", "", 0},
    {"comma", "SELECT 1", ",1", "", "", "", 0},
    {"semi", "SELECT 1", ";SELECT 1", "", "", "", 0},
    {"with", "WITH ", ",c%d AS (SELECT 1)", " SELECT 1", "", "", 0},
    {"comment", "", "/*", "", "*/", " SELECT 1", 0},
    {"plusminus", "SELECT ", "+-", "1", "", "", 0},
    {"bigstring", "SELECT length('", "a", "')", "", "", 0},
    {"insertrows", "INSERT INTO t VALUES ", ",(%d,'name')", "", "", "", 100000},
    {"values", "VALUES ", ",(1)", "", "", "", 0},
};

static void add_each(struct bytes *sql, const char *each, long count, int first)
{
    const char *number = strstr(each, "%d");
    for (long i = 0; i < count && each[0] != '\0'; i++) {
        /* A comma stands between, not before the first. */
        const char *text = i == 0 && each[0] == ',' && each[1] != '1' ? each + 1 : each;
        if (number == NULL) {
            bytes_add_text(sql, text);
            continue;
        }
        bytes_add(sql, text, (size_t)(number - text));
        bytes_add_format(sql, "%ld%s", first + i, number + 2);
    }
}

static void generate(struct bytes *sql, const char *kind, long count)
{
    for (size_t i = 0; i < sizeof generators / sizeof *generators; i++) {
        const struct generator *g = &generators[i];
        if (strcmp(g->kind, kind) != 0)
            continue;
        bytes_add_text(sql, g->before);
        add_each(sql, g->each, count, g->first);
        bytes_add_text(sql, g->between);
        add_each(sql, g->back, count, 0);
        bytes_add_text(sql, g->after);
        return;
    }
    fail_msg("no generator \"%s\"", kind);
}

/* ---- lines ------------------------------------------------------------------------------------------ */

static const char *member(const json_t *line, const char *name)
{
    const char *text = json_string_value(json_object_get(line, name));
    return text != NULL ? text : "";
}

static void add_sql(struct bytes *sql, const json_t *line)
{
    const json_t *gen = json_object_get(line, "gen"), *hex = json_object_get(line, "sql_hex");
    const json_t *text = json_object_get(line, "sql");
    if (gen != NULL) {
        generate(sql, member(gen, "kind"), (long)json_integer_value(json_object_get(gen, "n")));
    } else if (hex != NULL) {
        size_t len = json_string_length(hex) / 2;
        assert_true(crypto_unhex(view_of(json_string_value(hex)), bytes_room(sql, len), len));
        sql->len += len;
    } else {
        bytes_add(sql, json_string_value(text), json_string_length(text));
    }
}

static enum verdict judge(struct view sql, struct judgement *judgement, struct arena *arena)
{
    struct facts facts;
    struct parser_error error;
    enum parser_result result = parser_read(sql, NULL, arena, &facts, &error);
    if (result == PARSER_RESULT_OK)
        rules_judge_message(rules, &asker, &facts, arena, NULL, judgement);
    else
        rules_judge_error(result, &error, arena, judgement);
    return judgement->verdict;
}

/* What was sent at start-up or before stops the attack when it is refused. */
static bool is_stopped_before(const json_t *line, struct judgement *judgement, struct arena *arena)
{
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(line, "startup"), name, value)
    {
        struct view values[1] = {view_of(json_string_value(value))};
        struct view key = view_of(name);
        if (view_is(key, "options") && view_starts(values[0], "-c ")) {
            const char *equals = strchr(values[0].data, '=');
            assert_non_null(equals);
            key = (struct view){values[0].data + 3, (size_t)(equals - values[0].data - 3)};
            values[0] = view_of(equals + 1);
        }
        judgement->reason = rules_setting(rules, key, values, 1, arena);
        if (judgement->reason != NULL)
            return true;
    }
    size_t index;
    json_array_foreach(json_object_get(line, "session"), index, value)
    {
        struct view sql = {json_string_value(value), json_string_length(value)};
        if (judge(sql, judgement, arena) == VERDICT_DENY)
            return true;
    }
    return false;
}

static const char *verdict_of(const json_t *line, struct judgement *judgement, struct arena *arena)
{
    static const char *const words[] = {
        [VERDICT_ALLOW] = "allow", [VERDICT_FLAG] = "allow", [VERDICT_PARK] = "park", [VERDICT_DENY] = "block"};
    if (is_stopped_before(line, judgement, arena))
        return "block";
    struct bytes sql = {0};
    add_sql(&sql, line);
    const char *word = words[judge(bytes_view(&sql), judgement, arena)];
    bytes_fini(&sql);
    return word;
}

static bool is_fine(const json_t *line, const char *got)
{
    size_t index;
    json_t *other;
    json_array_foreach(json_object_get(line, "also_ok"), index, other)
    {
        if (strcmp(json_string_value(other), got) == 0)
            return true;
    }
    return strcmp(member(line, "expect"), got) == 0;
}

static bool is_exception(const char *id)
{
    for (size_t i = 0; i < sizeof exceptions / sizeof *exceptions; i++)
        if (strcmp(exceptions[i].id, id) == 0)
            return true;
    return false;
}

struct tally {
    unsigned passed, failed, excepted;
};

static void try_line(const json_t *line, struct tally *tally)
{
    const char *id = member(line, "id");
    if (json_object_get(line, "protocol") != NULL || strcmp(member(line, "severity"), "no_effect") == 0)
        return;
    struct arena arena = {0};
    struct judgement judgement = {0};
    const char *got = verdict_of(line, &judgement, &arena);
    bool is_right = is_fine(line, got), is_known = is_exception(id);
    if (is_right && !is_known) {
        tally->passed++;
    } else if (!is_right && is_known) {
        tally->excepted++;
    } else {
        tally->failed++;
        print_error("%s: %s, expected %s (%s, %s)%s: %s\n  %.200s\n", id, got, member(line, "expect"),
                    member(line, "severity"), member(line, "layer"), is_known ? ", but it is an exception" : "",
                    judgement.reason != NULL ? judgement.reason : "", member(line, "sql"));
    }
    arena_fini(&arena);
}

static void each_line(const char *name, void (*try)(const json_t *line, struct tally *tally), struct tally *tally)
{
    size_t len;
    char *text = read_file(name, &len);
    for (char *line = text; *line != '\0';) {
        size_t size = strcspn(line, "\n");
        json_t *json = json_loadb(line, size, JSON_ALLOW_NUL, NULL);
        assert_non_null(json);
        try(json, tally);
        json_decref(json);
        line += size + (line[size] == '\n');
    }
    free(text);
    print_message("%s: %u lines pass, %u fail, %u are exceptions\n", name, tally->passed, tally->failed,
                  tally->excepted);
}

static void the_corpus_gets_the_verdicts_it_must(void **state)
{
    struct tally tally = {0};
    each_line("tests/corpus/statements.jsonl", try_line, &tally);
    assert_int_equal(tally.failed, 0);
    assert_true(tally.passed > 600);
}

static void try_honest(const json_t *line, struct tally *tally)
{
    struct arena arena = {0};
    struct judgement judgement = {0};
    if (judge(view_of(member(line, "sql")), &judgement, &arena) == VERDICT_ALLOW) {
        tally->passed++;
    } else {
        tally->failed++;
        print_error("%s: %s: %s\n  %s\n", member(line, "source"), verdict_name(judgement.verdict), judgement.reason,
                    member(line, "sql"));
    }
    arena_fini(&arena);
}

static void no_honest_read_is_refused(void **state)
{
    struct tally tally = {0};
    each_line("tests/corpus/honest.jsonl", try_honest, &tally);
    assert_int_equal(tally.failed, 0);
    assert_true(tally.passed > 150);
}

static int set_up(void **state)
{
    size_t len;
    char *text = read_file("rules/default.json", &len);
    struct fault fault;
    rules = rules_read("default.json", (struct view){text, len}, &fault);
    free(text);
    return rules == NULL;
}

static int tear_down(void **state)
{
    rules_free(rules);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_corpus_gets_the_verdicts_it_must),
        cmocka_unit_test(no_honest_read_is_refused),
    };
    return cmocka_run_group_tests_name("corpus", tests, set_up, tear_down);
}
