/* The text of console commands: statements, words, and which command they call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "call.h"
#include "words.h"

static struct arena arena;

static int forget(void **state)
{
    arena_fini(&arena);
    return 0;
}

/* Words joined by '|', texts in (), names in []; statements end with ';'. "BAD: why" when it is. */
static const char *cut(const char *sql)
{
    struct view rest = view_of(sql);
    struct words words;
    struct bytes seen = {0};
    const char *why = NULL;
    enum words_result result;
    while ((result = words_take(&rest, &arena, &words, &why)) == WORDS_RESULT_ONE) {
        for (size_t i = 0; i < words.count && i < WORDS_MOST; i++) {
            enum word_kind kind = words.word[i].kind;
            bytes_add_text(&seen, i > 0 ? "|" : "");
            bytes_add_text(&seen, kind == WORD_KIND_TEXT ? "(" : kind == WORD_KIND_NAME ? "[" : "");
            bytes_add_view(&seen, words.word[i].text);
            bytes_add_text(&seen, kind == WORD_KIND_TEXT ? ")" : kind == WORD_KIND_NAME ? "]" : "");
        }
        bytes_add_char(&seen, ';');
    }
    if (result == WORDS_RESULT_BAD)
        bytes_add_format(&seen, "BAD: %s", why);
    const char *text = arena_copy(&arena, bytes_view(&seen));
    bytes_fini(&seen);
    return text;
}

static void test_words(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {" ;; \n;", ""},
        {"SHOW QUEUE", "SHOW|QUEUE;"},
        {"show\tqueue ;", "show|queue;"},
        {"REJECT t42 'it''s wrong'", "REJECT|t42|(it's wrong);"},
        {"REJECT t42 ''", "REJECT|t42|();"},
        {"REJECT t42 ''''", "REJECT|t42|(');"},
        {"REJECT t1 'a;b'; SHOW QUEUE", "REJECT|t1|(a;b);SHOW|QUEUE;"},
        {"PAUSE \"my\"\"bot\"", "PAUSE|[my\"bot];"},
        {"PAUSE support-bot@eu.1", "PAUSE|support-bot@eu.1;"},
        {"HELP -- me\n;", "HELP;"},
        {"HELP--me", "HELP;"},
        {"/* why /* nested */ not */ HELP /*x*/", "HELP;"},
        {"SELECT version()", "SELECT|version|(|);"},
        {"REJECT t42 'open", "BAD: a quoted text has no closing quote"},
        {"SHOW QUEUE; REJECT \"open", "SHOW|QUEUE;BAD: a quoted text has no closing quote"},
        {"HELP /* open", "BAD: a comment has no end"},
        {"HELP /* open /* */", "BAD: a comment has no end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(cut(cases[i][0]), cases[i][1]);
}

static void test_many_words_are_counted(void **state)
{
    struct bytes sql = {0};
    struct words words;
    const char *why;
    for (int i = 0; i < 1000; i++)
        bytes_add_text(&sql, "a ");
    struct view rest = bytes_view(&sql);
    assert_int_equal(words_take(&rest, &arena, &words, &why), WORDS_RESULT_ONE);
    assert_int_equal(words.count, 1000);
    bytes_fini(&sql);
}

/* "NAME argument argument", or "SQLSTATE message". */
static const char *call(const char *sql)
{
    struct call *calls;
    struct call_fault fault;
    struct bytes seen = {0};
    size_t count;
    if (!call_read(view_of(sql), &arena, &calls, &count, &fault)) {
        bytes_add_format(&seen, "%s %s", fault.sqlstate, fault.message);
        count = 0;
    }
    for (size_t i = 0; i < count; i++) {
        bytes_add_format(&seen, "%s%s", i > 0 ? "; " : "", calls[i].command->name);
        for (size_t j = 0; j < calls[i].words.count && j < WORDS_MOST; j++) {
            bytes_add_char(&seen, ' ');
            bytes_add_view(&seen, calls[i].words.word[j].text);
        }
    }
    const char *text = arena_copy(&arena, bytes_view(&seen));
    bytes_fini(&seen);
    return text;
}

static void test_calls(void **state)
{
    static const char *const cases[][2] = {
        {"", ""},
        {"show queue", "SHOW QUEUE"},
        {"Show  Ticket T42;", "SHOW TICKET T42"},
        {"approve t42", "APPROVE t42"},
        {"APPROVE t42 DIGEST 0123456789 'fine'", "APPROVE t42 DIGEST 0123456789 fine"},
        {"reject t42 'no'", "REJECT t42 no"},
        {"SHOW TRANSACTION ISOLATION LEVEL", "SHOW TRANSACTION ISOLATION LEVEL"},
        {"BEGIN ISOLATION LEVEL READ COMMITTED", "BEGIN ISOLATION LEVEL READ COMMITTED"},
        {"ROLLBACK", "ROLLBACK"},
        {"ROLLBACK TO SAVEPOINT a", "ROLLBACK TO SAVEPOINT a"},
        {"SET application_name = 'x, y'", "SET application_name = x, y"},
        {"select 1", "SELECT 1"},
        {"BEGIN; SHOW QUEUE; COMMIT", "BEGIN; SHOW QUEUE; COMMIT"},
        {"APPROVE", "42601 write APPROVE t42 [DIGEST abc123…] ['words']"},
        {"REJECT t42", "42601 write REJECT t42 'why'"},
        {"SHOW QUEUE now", "42601 write SHOW QUEUE"},
        {"'SHOW' QUEUE", "42601 this is not a command of the console"},
        {"DROP TABLE x", "42601 this is not a command of the console"},
        {"SELECT 2", "42601 this is not a command of the console"},
        {"SELECT * FROM t", "42601 this is not a command of the console"},
        {"SHOW QUEUE; DROP TABLE x", "42601 this is not a command of the console"},
        {"APPROVE t1; APPROVE t2", "42601 a decision stands alone: send one command at a time"},
        {"SHOW QUEUE; REJECT t1 'x'", "42601 a decision stands alone: send one command at a time"},
        {"REJECT t1 '\xff'", "22021 the text is not UTF-8"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(call(cases[i][0]), cases[i][1]);
}

static void test_too_many_calls(void **state)
{
    struct bytes sql = {0};
    for (int i = 0; i <= CALLS_MOST; i++)
        bytes_add_text(&sql, "HELP;");
    assert_string_equal(call(bytes_text(&sql)), "54000 these are too many commands at once");
    bytes_fini(&sql);
}

/* Every command that people see says what it is for, and its own name calls it. */
static void test_the_table(void **state)
{
    for (const struct command *c = command_table(); c->name != NULL; c++) {
        assert_non_null(c->run);
        assert_true(c->least <= c->most);
        assert_true(c->help != NULL || c->tag != NULL);
        struct words words;
        struct view name = view_of(c->name);
        const char *why = NULL, *hint;
        assert_int_equal(words_take(&name, &arena, &words, &why), WORDS_RESULT_ONE);
        for (unsigned i = 0; i < c->least; i++)
            words.word[words.count++] = (struct word){WORD_KIND_PLAIN, view_of("x")};
        assert_ptr_equal(command_find(&words, &arena, &why, &hint), c);
        assert_int_equal(words.count, c->least);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_words, forget),
        cmocka_unit_test_teardown(test_many_words_are_counted, forget),
        cmocka_unit_test_teardown(test_calls, forget),
        cmocka_unit_test_teardown(test_too_many_calls, forget),
        cmocka_unit_test_teardown(test_the_table, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
