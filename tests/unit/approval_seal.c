/* A decision's signature covers all of it, and holds for one ticket and one key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "result.h"
#include "seal.h"
#include "state.h"

static const char key[] = "0123456789abcdef0123456789abcdef";

static struct seal sample(void)
{
    return (struct seal){
        .id = view_of("42"),
        .digest = {{1, 2, 3}},
        .created = 1700000000000000,
        .expires = 1700086400000000,
        .approvals = 1,
        .approve = true,
        .approver = "alice",
        .words = "fine \"by\" me\n",
        .time = 1700000001000000,
    };
}

static struct sha256 signature(const struct seal *seal, const char *with)
{
    struct bytes record = {0};
    struct arena arena = {0};
    struct seal back = *seal;
    struct sha256 mac;
    seal_write(seal, view_of(with), &record);
    assert_true(seal_read(bytes_view(&record), &arena, &back, &mac));
    assert_int_equal(back.approve, seal->approve);
    assert_string_equal(back.approver, seal->approver);
    if (seal->words != NULL)
        assert_string_equal(back.words, seal->words);
    else
        assert_null(back.words);
    assert_true(back.time == seal->time);
    assert_true(seal_is_good(&back, view_of(with), &mac));
    bytes_fini(&record);
    arena_fini(&arena);
    return mac;
}

static void not_covered(const struct seal *changed, const char *what)
{
    struct seal seal = sample();
    struct sha256 mac = signature(&seal, key);
    if (seal_is_good(changed, view_of(key), &mac))
        fail_msg("%s isn't signed", what);
}

static void test_everything_is_signed(void **state)
{
    struct seal s;
    s = sample(), s.id = view_of("43"), not_covered(&s, "the number");
    s = sample(), s.digest.byte[31] ^= 1, not_covered(&s, "the digest");
    s = sample(), s.created++, not_covered(&s, "when it was opened");
    s = sample(), s.expires++, not_covered(&s, "when it expires");
    s = sample(), s.approvals = 0, not_covered(&s, "how many approvals it takes");
    s = sample(), s.approve = false, not_covered(&s, "the decision");
    s = sample(), s.approver = "bob", not_covered(&s, "the approver");
    s = sample(), s.words = NULL, not_covered(&s, "the words");
    s = sample(), s.words = "", not_covered(&s, "the words");
    s = sample(), s.time++, not_covered(&s, "when it was decided");
}

static void test_one_key(void **state)
{
    struct seal seal = sample();
    struct sha256 mac = signature(&seal, "another key of at least 32 characters");
    assert_false(seal_is_good(&seal, view_of(key), &mac));
    seal.words = NULL;
    signature(&seal, key);
}

static void test_what_is_no_record(void **state)
{
    static const char *const wrong[] = {
        "",
        "1",
        "{}",
        "{\"decision\":\"approve\",\"approver\":\"a\",\"time\":1,\"words\":null}",
        "{\"decision\":\"approve\",\"approver\":\"a\",\"time\":1,\"words\":null,\"mac\":\"00\"}",
        "{\"decision\":\"yes\",\"approver\":\"a\",\"time\":1,\"words\":null,"
        "\"mac\":\"0000000000000000000000000000000000000000000000000000000000000000\"}",
    };
    struct arena arena = {0};
    struct seal seal = sample();
    struct sha256 mac;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(seal_read(view_of(wrong[i]), &arena, &seal, &mac));
    arena_fini(&arena);
}

static void test_results_come_back(void **state)
{
    struct ticket_column columns[] = {{"id", "integer", 23}, {"we\"ird", "app.\"Mood\"", 16400}};
    struct ticket_result all[] = {
        {.tag = "INSERT 0 2", .columns = columns, .column_count = 2, .rows = "[…]", .row_count = 2},
        {.tag = "UPDATE 5000000000", .row_count = 5000000000, .dropped = true},
    };
    struct bytes json = {0};
    struct arena arena = {0};
    struct ticket_result *back;
    size_t count;
    result_write(all, 2, &json);
    assert_true(result_read(bytes_view(&json), &arena, &back, &count));
    assert_int_equal(count, 2);
    assert_string_equal(back[0].tag, "INSERT 0 2");
    assert_int_equal(back[0].column_count, 2);
    assert_string_equal(back[0].columns[1].name, "we\"ird");
    assert_string_equal(back[0].columns[1].type, "app.\"Mood\"");
    assert_int_equal(back[0].columns[1].type_oid, 16400);
    assert_null(back[0].rows); /* they lie elsewhere */
    assert_true(back[1].row_count == 5000000000 && back[1].dropped && back[1].columns == NULL);
    assert_false(result_read(view_of("[{}]"), &arena, &back, &count));
    assert_false(result_read(view_of("{}"), &arena, &back, &count));
    assert_false(result_read((struct view){0}, &arena, &back, &count));
    bytes_fini(&json);
    arena_fini(&arena);
}

static void test_ticket_names(void **state)
{
    assert_true(view_is(ticket_number("t42"), "42"));
    assert_true(view_is(ticket_number("T7"), "7"));
    static const char *const wrong[] = {"", "t", "42", "t042", "t0", "t-1", "t4 2", "t42;", "t1234567890123456", "x1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (ticket_number(wrong[i]).len > 0)
            fail_msg("%s was taken", wrong[i]);
    enum ticket_state found;
    for (int i = TICKET_STATE_PARKED; i <= TICKET_STATE_UNKNOWN; i++) {
        assert_true(state_of_name(view_of(ticket_state_name((enum ticket_state)i)), &found));
        assert_int_equal(found, i);
    }
    assert_false(state_of_name(view_of("Parked"), &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_everything_is_signed), cmocka_unit_test(test_one_key),
        cmocka_unit_test(test_what_is_no_record),    cmocka_unit_test(test_results_come_back),
        cmocka_unit_test(test_ticket_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
