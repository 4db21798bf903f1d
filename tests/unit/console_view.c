/* Tickets as approvers read them: all of it is there, and nothing hides in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "view.h"

static const char *const items[] = {"item", "value", NULL};

/* The answer's rows as "item=value" lines. */
static struct bytes lines_of(const struct answer *answer)
{
    struct bytes lines = {0};
    for (size_t i = 0; i < answer->row_count; i++) {
        bytes_add_view(&lines, answer->cells[2 * i]);
        bytes_add_char(&lines, '=');
        bytes_add_view(&lines, answer->cells[2 * i + 1]);
        bytes_add_char(&lines, '\n');
    }
    return lines;
}

static void test_a_ticket(void **state)
{
    static const uint32_t types[] = {25, 23};
    static const char two[] = {0, 0, 0, 2};
    const struct ticket_value first[] = {{.data = {"Eve\xe2\x80\xae", 6}}, {.data = {two, 4}, .format = 1}};
    const struct ticket_value second[] = {{.is_null = true}, {.data = {"3", 1}}};
    const struct ticket_statement statement = {view_of("UPDATE t SET a = $1\nWHERE id = $2 --\x1b[2K"), types, 2};
    const struct ticket_run runs[] = {{0, first, 2}, {0, second, 2}};
    const struct ticket_setting setting = {"search_path", "public"};
    const struct queue_ticket ticket = {
        .id = "t42",
        .state = TICKET_STATE_PARKED,
        .approver = "alice",
        .approvals = 1,
        .approvals_wanted = 2,
        .created = "2026-11-23T15:45:00.000000Z",
        .expires = "2026-11-24T15:45:00.000000Z",
        .content = {"bot", "app", "app_write", &setting, 1, &statement, 1, runs, 2},
        .digest = "abcdef",
        .reason = "the shop asked",
        .operations = "[\"UPDATE\"]",
        .relations = "[\"t\",\"u\"]",
        .record = 7,
    };
    struct answer answer;
    answer_init(&answer, items);
    view_ticket(&answer, &ticket);
    struct bytes lines = lines_of(&answer);
    assert_string_equal(
        bytes_text(&lines),
        "ticket=t42\nstate=parked\napprovals=1 of 2 (alice)\nagent=bot\ndatabase=app\nruns as=app_write\n"
        "statement=UPDATE t SET a = $1\nWHERE id = $2 --<U+001B>[2K\n"
        "runs, in one transaction=2\n"
        "run 1=statement 1\n"
        "run 1, parameter 1 (text)='Eve<U+202E>'\n"
        "run 1, parameter 2 (int4)=2\n"
        "run 2=statement 1\n"
        "run 2, parameter 1 (text)=NULL\n"
        "run 2, parameter 2 (int4)=3\n"
        "operations=UPDATE\nrelations=t, u\n"
        "reason (agent's claim)=the shop asked\n"
        "created=2026-11-23T15:45:00.000000Z\n"
        "expires=2026-11-24T15:45:00.000000Z\n"
        "setting search_path=public\ndigest=abcdef\naudit record=7\ndecided by=alice\n");
    bytes_fini(&lines);
    answer_fini(&answer);
}

static struct bytes shown(const struct ticket_content *content)
{
    const struct queue_ticket ticket = {.id = "t1", .content = *content};
    struct answer answer;
    answer_init(&answer, items);
    view_ticket(&answer, &ticket);
    struct bytes lines = lines_of(&answer);
    answer_fini(&answer);
    return lines;
}

static void test_each_run_names_its_statement(void **state)
{
    const struct ticket_statement statements[] = {{view_of("DELETE FROM a"), NULL, 0},
                                                  {view_of("UPDATE b SET c = $1"), NULL, 0}};
    const struct ticket_value one = {.data = {"1", 1}};
    const struct ticket_run forward[] = {{0, NULL, 0}, {1, &one, 1}}, backward[] = {{1, &one, 1}, {0, NULL, 0}};
    struct ticket_content content = {.statements = statements, .statement_count = 2, .runs = forward, .run_count = 2};
    struct bytes there = shown(&content);
    content.runs = backward;
    struct bytes back = shown(&content);
    assert_non_null(strstr(bytes_text(&there), "runs, in one transaction=2\nrun 1=statement 1\nrun 2=statement 2\n"
                                               "run 2, parameter 1 (type 0)='1'\n"));
    assert_non_null(strstr(bytes_text(&back), "run 1=statement 2\nrun 1, parameter 1 (type 0)='1'\n"
                                              "run 2=statement 1\n"));
    bytes_fini(&there);
    bytes_fini(&back);
}

static void test_very_many_runs(void **state)
{
    static struct ticket_run runs[1500];
    const struct ticket_statement statement = {view_of("INSERT INTO t DEFAULT VALUES"), NULL, 0};
    struct ticket_content content = {.statements = &statement, .statement_count = 1, .runs = runs, .run_count = 1500};
    struct bytes lines = shown(&content);
    assert_non_null(strstr(bytes_text(&lines), "runs, in one transaction=1500\n"));
    assert_non_null(strstr(bytes_text(&lines),
                           "run 1000=statement 1\n"
                           "runs that are NOT SHOWN=500 more; approving this ticket approves them"));
    assert_null(strstr(bytes_text(&lines), "run 1001="));
    bytes_fini(&lines);
    content.run_count = 1000;
    lines = shown(&content);
    assert_null(strstr(bytes_text(&lines), "NOT SHOWN"));
    bytes_fini(&lines);
}

static void check_line(const char *sql, size_t statements, size_t runs, const char *shown)
{
    const struct queue_ticket ticket = {.sql = sql, .statement_count = statements, .run_count = runs};
    struct answer answer;
    answer_init(&answer, items);
    struct view line = view_statement(&answer, &ticket);
    assert_true(view_is(line, shown));
    answer_fini(&answer);
}

static void test_a_statement_on_one_line(void **state)
{
    check_line("UPDATE t", 1, 1, "UPDATE t");
    check_line("  UPDATE\n\n\t t   SET a = 1  ", 1, 1, "UPDATE t SET a = 1");
    check_line("UPDATE t", 2, 2, "UPDATE t (and 1 more)");
    check_line("UPDATE t", 1, 500, "UPDATE t (500 times)");
    check_line("UPDATE \xe2\x80\x8b t", 1, 1, "UPDATE <U+200B> t");
    check_line("0123456789012345678901234567890123456789012345678901234567890123456789012345678\xc3\xa4"
               "b",
               1, 1,
               "0123456789012345678901234567890123456789012345678901234567890123456789012345678\xc3\xa4\xe2\x80\xa6");
    check_line("", 0, 0, "");
    check_line(NULL, 0, 0, "");
}

static void test_lists(void **state)
{
    struct answer answer;
    answer_init(&answer, items);
    assert_true(view_is(view_list(&answer, "[\"a\",\"b.c\"]"), "a, b.c"));
    assert_true(view_is(view_list(&answer, "[]"), ""));
    assert_true(view_is(view_list(&answer, "[1]"), "?"));
    assert_true(view_is(view_list(&answer, "no JSON"), "no JSON"));
    assert_null(view_list(&answer, NULL).data);
    answer_fini(&answer);
}

static void test_an_answer_as_messages(void **state)
{
    struct answer answer;
    struct bytes out = {0};
    answer_init(&answer, items);
    for (int i = 0; i < 40; i++)
        answer_row(&answer)[0] = answer_text(&answer, i % 2 ? "odd" : NULL);
    assert_int_equal(answer_add_rows(&out, &answer, 0, 15), 15);
    assert_int_equal(answer_add_rows(&out, &answer, 15, 0), 40);
    answer_add_tag(&out, &answer);
    struct frame frame;
    struct frame_error error;
    struct view rest = bytes_view(&out);
    size_t rows = 0;
    while (frame_peek_server(rest, &frame, &error) == FRAME_RESULT_ONE && frame.type == 'D') {
        rows++;
        rest = (struct view){rest.data + frame.size, rest.len - frame.size};
    }
    assert_int_equal(rows, 40);
    assert_int_equal(frame.type, 'C');
    assert_true(view_starts(frame.body, "SELECT 40"));

    answer_fail(&answer, "42704", NULL, "there is no ticket %s", "t\x1b");
    assert_true(answer.is_failed);
    assert_int_equal(answer.row_count, 0);
    assert_string_equal(answer.error.message, "there is no ticket t<U+001B>");
    bytes_fini(&out);
    answer_fini(&answer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_ticket),       cmocka_unit_test(test_each_run_names_its_statement),
        cmocka_unit_test(test_very_many_runs), cmocka_unit_test(test_a_statement_on_one_line),
        cmocka_unit_test(test_lists),          cmocka_unit_test(test_an_answer_as_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
