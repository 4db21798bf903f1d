/* Faults: "file:line:column: key: message", without what is unknown, and cut where it does not fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/fault.h"

struct fault_case {
    const char *file;
    int line, column;
    const char *key, *message, *text;
};

static void test_only_what_is_known(void **state)
{
    static const struct fault_case cases[] = {
        {"a.json", 3, 7, "agents.bot", "no such database", "a.json:3:7: agents.bot: no such database"},
        {"a.json", 3, 0, "agents.bot", "wrong", "a.json:3: agents.bot: wrong"},
        {"a.json", 0, 0, "k", "wrong", "a.json: k: wrong"},
        {"a.json", 0, 9, "k", "wrong", "a.json: k: wrong"},
        {"a.json", 3, 7, NULL, "wrong", "a.json:3:7: wrong"},
        {"a.json", 0, 0, "", "wrong", "a.json: wrong"},
        {NULL, 3, 7, NULL, "wrong", "line 3:7: wrong"},
        {"", 3, 0, "k", "wrong", "line 3: k: wrong"},
        {NULL, 0, 0, "k", "wrong", "k: wrong"},
        {NULL, 0, 0, NULL, "wrong", "wrong"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct fault_case *c = &cases[i];
        struct fault fault;
        char text[256];
        memset(&fault, 'x', sizeof fault);
        assert_false(fault_at(&fault, c->file, c->line, c->column, c->key, "%s", c->message));
        fault_text(&fault, text, sizeof text);
        assert_string_equal(text, c->text);
    }
}

static void test_set_forgets_the_place(void **state)
{
    struct fault fault;
    char text[64];
    fault_at(&fault, "f", 1, 2, "k", "old");
    assert_false(fault_set(&fault, "new %d%%", 5));
    fault_text(&fault, text, sizeof text);
    assert_string_equal(text, "new 5%");
    assert_int_equal(fault.line, 0);
    assert_string_equal(fault.file, "");
}

static void fill(char *text, size_t size)
{
    memset(text, 'w', size - 1);
    text[size - 1] = '\0';
}

static void test_long_parts_are_cut(void **state)
{
    char word[5000], text[10];
    fill(word, sizeof word);
    struct fault fault;
    fault_at(&fault, word, 1, 1, word, "%s", word);
    assert_int_equal(strlen(fault.file), sizeof fault.file - 1);
    assert_int_equal(strlen(fault.key), sizeof fault.key - 1);
    assert_int_equal(strlen(fault.message), sizeof fault.message - 1);
    fault_set(&fault, "%s", word);
    assert_int_equal(strlen(fault.message), sizeof fault.message - 1);
    memset(text, '?', sizeof text);
    fault_text(&fault, text, 5);
    assert_string_equal(text, "wwww");
    assert_int_equal(text[5], '?');
}

static void test_print_shows_all_of_it(void **state)
{
    struct fault fault;
    char word[5000], *printed = NULL;
    size_t len = 0;
    fill(word, sizeof word);
    fault_at(&fault, word, 2147483647, 2147483647, word, "%s", word);
    FILE *to = open_memstream(&printed, &len);
    fault_print(&fault, to);
    fclose(to);
    assert_int_equal(len, 511 + strlen(":2147483647:2147483647: ") + 255 + strlen(": ") + 1023 + 1);
    assert_int_equal(printed[len - 1], '\n');
    free(printed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_what_is_known),
        cmocka_unit_test(test_set_forgets_the_place),
        cmocka_unit_test(test_long_parts_are_cut),
        cmocka_unit_test(test_print_shows_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
