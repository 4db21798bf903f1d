/* Any text through parser and rules, under the shipped policy. Whatever it is, it gets a verdict with its
 * reason; the message's is the strictest of its statements'; and a DROP behind it is never let through. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rules *default_rules(void)
{
    static struct rules *rules;
    if (rules != NULL)
        return rules;
    static char text[65536];
    FILE *file = fopen(SOURCE_DIR "/rules/default.json", "rb");
    CHECK(file != NULL);
    size_t len = fread(text, 1, sizeof text, file);
    fclose(file);
    struct fault fault;
    rules = rules_read("default.json", (struct view){text, len}, &fault);
    CHECK(rules != NULL);
    return rules;
}

static void check_judgement(const struct judgement *judgement)
{
    CHECK(judgement->rule != NULL && judgement->reason != NULL && judgement->reason[0] != '\0');
    CHECK(judgement->verdict != VERDICT_DENY || judgement->sqlstate != NULL);
    CHECK(!judgement->would);
}

static bool judge(struct view sql, struct arena *arena, struct judgement *whole)
{
    static const struct asker asker = {"agent", "app"};
    struct facts facts;
    struct parser_error error = {0};
    enum parser_result result = parser_read(sql, NULL, arena, &facts, &error);
    if (result != PARSER_RESULT_OK) {
        rules_judge_error(result, &error, arena, whole);
        CHECK(whole->verdict == VERDICT_DENY);
        check_judgement(whole);
        return false;
    }
    struct judgement *each = arena_alloc(arena, (facts.count + 1) * sizeof *each);
    rules_judge_message(default_rules(), &asker, &facts, arena, each, whole);
    enum verdict strictest = VERDICT_ALLOW;
    for (size_t i = 0; i < facts.count; i++) {
        check_judgement(&each[i]);
        strictest = each[i].verdict > strictest ? each[i].verdict : strictest;
    }
    CHECK(whole->verdict == strictest);
    check_judgement(whole);
    struct bytes names = {0};
    rules_add_operations(&names, facts.statements, facts.count);
    rules_add_relations(&names, facts.statements, facts.count);
    rules_add_functions(&names, facts.statements, facts.count);
    bytes_fini(&names);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct judgement whole;
    struct view sql = {(const char *)data, size};
    if (judge(sql, &arena, &whole)) {
        struct bytes more = {0};
        bytes_add_view(&more, sql);
        bytes_add_text(&more, "\n;DROP TABLE x");
        judge(bytes_view(&more), &arena, &whole);
        CHECK(whole.verdict == VERDICT_DENY);
        bytes_fini(&more);
    }
    arena_fini(&arena);
    return 0;
}
