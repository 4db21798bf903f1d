/* Any text as a policy: it is read, or there is a fault that says why; what was read can judge. */
#include <stdlib.h>

#include "base/check.h"
#include "rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void judge_some(const struct rules *rules)
{
    static const struct asker asker = {"agent", "app"};
    static const char sql[] = "WITH d AS (DELETE FROM hr.t RETURNING *) SELECT f(a), public.g(b) FROM d, x; "
                              "SET search_path = app; DROP SCHEMA hr; SELECT set_config('search_path', 'a', true)";
    struct arena arena = {0};
    struct facts facts;
    struct parser_error error;
    struct judgement each[8], whole;
    CHECK(parser_read(view_of(sql), NULL, &arena, &facts, &error) == PARSER_RESULT_OK);
    rules_judge_message(rules, &asker, &facts, &arena, each, &whole);
    CHECK(whole.rule != NULL && whole.reason != NULL);
    arena_fini(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fault fault = {0};
    struct rules *rules = rules_read("p.json", (struct view){(const char *)data, size}, &fault);
    if (rules == NULL) {
        CHECK(fault.message[0] != '\0');
        return 0;
    }
    CHECK(rules_name(rules) != NULL && rules_search_path(rules) != NULL);
    CHECK(rules_approval(rules).approvals >= 1 && rules_approval(rules).expires_seconds >= 1);
    CHECK(!rules_needs_direct(rules) || rules_can_write(rules));
    judge_some(rules);
    rules_free(rules);
    return 0;
}
