/* What an agent is told: SQLSTATE, one sentence, JSON, and what to do next. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "words.h"

struct told {
    struct bytes message;
    struct message_error error;
    json_t *detail;
};

static void read_told(struct told *told)
{
    struct frame frame;
    struct frame_error wrong;
    assert_int_equal(frame_peek_server(bytes_view(&told->message), &frame, &wrong), FRAME_RESULT_ONE);
    assert_int_equal(frame.size, told->message.len);
    assert_int_equal(frame.type, 'E');
    assert_true(message_read_error(frame.body, &told->error));
    assert_true(view_is(told->error.severity, "ERROR"));
    assert_true(told->error.message.len > 0 && told->error.hint.len > 0);
    assert_null(memchr(told->error.message.data, '\n', told->error.message.len));
    told->detail = json_loadb(told->error.detail.data, told->error.detail.len, 0, NULL);
}

static void told_fini(struct told *told)
{
    json_decref(told->detail);
    bytes_fini(&told->message);
}

static const char *member(const struct told *told, const char *key)
{
    return json_string_value(json_object_get(told->detail, key));
}

static void every_state_of_a_ticket(void **state)
{
    static const struct {
        enum ticket_state state;
        const char *sqlstate;
        bool retryable;
    } rows[] = {
        {TICKET_STATE_PARKED, "SP001", true},    {TICKET_STATE_APPROVED, "SP001", true},
        {TICKET_STATE_EXECUTING, "SP001", true}, {TICKET_STATE_REJECTED, "SP002", false},
        {TICKET_STATE_EXPIRED, "SP003", true},   {TICKET_STATE_CANCELLED, "SP003", true},
        {TICKET_STATE_UNKNOWN, "SP004", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct told told = {0};
        struct ticket_answer answer = {
            .ok = true, .state = rows[i].state, .id = "t42", .expires = "2026-11-24T00:00:00.000000Z"};
        words_add_ticket(&told.message, &answer, "the-rule", "why it waits");
        read_told(&told);
        assert_true(view_is(told.error.sqlstate, rows[i].sqlstate));
        assert_non_null(told.detail);
        assert_string_equal(member(&told, "verdict"), "park");
        assert_string_equal(member(&told, "state"), ticket_state_name(rows[i].state));
        assert_string_equal(member(&told, "ticket"), "t42");
        assert_string_equal(member(&told, "rule"), "the-rule");
        assert_string_equal(member(&told, "expires"), "2026-11-24T00:00:00.000000Z");
        assert_int_equal(json_is_true(json_object_get(told.detail, "retryable")), rows[i].retryable);
        assert_non_null(memmem(told.error.message.data, told.error.message.len, "t42", 3));
        told_fini(&told);
    }
}

/* The approver's words are the approver's: quotes, line breaks and percent signs stay what they are. */
static void the_approvers_words(void **state)
{
    struct told told = {0};
    struct ticket_answer answer = {
        .ok = true, .state = TICKET_STATE_REJECTED, .id = "t1", .approver = "alice", .words = "\"no\" %1$s %n"};
    words_add_ticket(&told.message, &answer, "r", "why");
    read_told(&told);
    assert_true(view_is(told.error.message, "this write was rejected (ticket t1) by alice: \"no\" %1$s %n"));
    assert_string_equal(member(&told, "reason"), "\"no\" %1$s %n");
    assert_true(json_is_null(json_object_get(told.detail, "expires")));
    told_fini(&told);
}

static void a_failure_is_the_databases_own(void **state)
{
    struct told told = {0};
    struct ticket_answer answer = {.ok = true,
                                   .state = TICKET_STATE_FAILED,
                                   .id = "t1",
                                   .error = {"23505", "duplicate key", "Key (id)=(1) already exists.", NULL}};
    words_add_ticket(&told.message, &answer, "r", "why");
    read_told(&told);
    assert_true(view_is(told.error.sqlstate, "23505"));
    assert_true(view_is(told.error.message, "duplicate key"));
    assert_true(view_is(told.error.detail, "Key (id)=(1) already exists."));
    told_fini(&told);
}

static void a_ticket_that_could_not_be_opened(void **state)
{
    struct told told = {0};
    struct ticket_answer answer = {.words = "no answer within 5 s"};
    words_add_ticket(&told.message, &answer, "r", "why");
    read_told(&told);
    assert_true(view_is(told.error.sqlstate, "58000"));
    assert_string_equal(member(&told, "reason"), "no answer within 5 s");
    assert_true(json_is_null(json_object_get(told.detail, "ticket")));
    told_fini(&told);
}

static void assert_position(const char *sql, int offset, const char *position)
{
    struct told told = {0};
    struct judgement judgement = {.rule = "r", .reason = "why", .sqlstate = "42601", .position = offset};
    words_add_refusal(&told.message, &judgement, view_of(sql), 7);
    read_told(&told);
    assert_true(view_is(told.error.position, position));
    told_fini(&told);
}

static void positions_count_characters(void **state)
{
    assert_position("SELECT", 0, "1");
    assert_position("SELECT x", 7, "8");
    assert_position("SELECT 'é', x", 13, "13"); /* é is two bytes */
    assert_position("'😀' x", 7, "5");
    assert_position("SELECT", 6, "7"); /* at the end */
    assert_position("SELECT", -1, "");
    assert_position("SELECT", 7, "");
    assert_position("", 0, "");
}

static void a_refusal(void **state)
{
    struct told told = {0};
    struct judgement judgement = {.rule = "no-\"secrets\"", .reason = "a\nb\\", .position = -1};
    words_add_refusal(&told.message, &judgement, (struct view){0}, 1234);
    struct frame frame;
    struct frame_error wrong;
    assert_int_equal(frame_peek_server(bytes_view(&told.message), &frame, &wrong), FRAME_RESULT_ONE);
    assert_true(message_read_error(frame.body, &told.error));
    told.detail = json_loadb(told.error.detail.data, told.error.detail.len, 0, NULL);
    assert_non_null(told.detail);
    assert_true(view_is(told.error.sqlstate, "42501"));
    assert_string_equal(member(&told, "verdict"), "deny");
    assert_string_equal(member(&told, "rule"), "no-\"secrets\"");
    assert_string_equal(member(&told, "reason"), "a\nb\\");
    assert_int_equal(json_integer_value(json_object_get(told.detail, "record")), 1234);
    assert_true(json_is_false(json_object_get(told.detail, "retryable")));
    assert_true(json_is_null(json_object_get(told.detail, "ticket")));
    told_fini(&told);
}

static void the_stand_in_tells_the_dba(void **state)
{
    struct bytes text = {0};
    words_add_stand_in(&text, "no-secrets", 1234);
    assert_string_equal(bytes_text(&text), "sallyport refused: rule no-secrets, record 1234");
    bytes_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_of_a_ticket),        cmocka_unit_test(the_approvers_words),
        cmocka_unit_test(a_failure_is_the_databases_own), cmocka_unit_test(a_ticket_that_could_not_be_opened),
        cmocka_unit_test(positions_count_characters),     cmocka_unit_test(a_refusal),
        cmocka_unit_test(the_stand_in_tells_the_dba),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
