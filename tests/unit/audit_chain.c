/* The chain in memory: what chain_add makes, chain_check takes; anything else it refuses. */
#include "audit_support.h"

#include "record.h"

static const int64_t monday = 1795448700123456; /* 2026-11-23T15:45:00.123456Z */

static struct bytes three_lines(struct chain *chain)
{
    struct bytes lines = {0};
    chain_add(chain, monday, view_of("\"event\":\"login\",\"agent\":\"bot\""), &lines);
    chain_add(chain, monday + 1, view_of("\"event\":\"statement\",\"sql\":\"select 1\""), &lines);
    chain_add(chain, monday + 2, view_of("\"event\":\"end\""), &lines);
    return lines;
}

/* NULL, or what chain_check says of the first line that is wrong. */
static const char *check_lines(struct view text)
{
    struct chain chain = {0};
    while (text.len > 0) {
        const char *end = memchr(text.data, '\n', text.len);
        if (end == NULL)
            return "torn";
        struct view line = {text.data, (size_t)(end - text.data)};
        const char *wrong = chain_check(&chain, line);
        if (wrong != NULL)
            return wrong;
        text.data += line.len + 1;
        text.len -= line.len + 1;
    }
    return chain.seq == 3 ? NULL : "not three";
}

static void test_line_has_the_documented_form(void **state)
{
    struct chain chain = {0};
    struct bytes line = {0};
    chain_add(&chain, monday, view_of("\"event\":\"login\",\"agent\":\"bot\""), &line);
    const char *start = "{\"seq\":1,\"time\":\"2026-11-23T15:45:00.123456Z\",\"prev\":\"0000000000000000000000000000000"
                        "000000000000000000000000000000000\",\"event\":\"login\",\"agent\":\"bot\"";
    assert_true(view_starts(bytes_view(&line), start));
    /* The hash is over what stands before `,"hash":`. */
    struct sha256 hash = crypto_sha256(view_of(start));
    struct bytes whole = {0};
    bytes_add_text(&whole, start);
    bytes_add_text(&whole, ",\"hash\":\"");
    record_add_hash(&whole, &hash);
    bytes_add_text(&whole, "\"}\n");
    assert_string_equal(bytes_text(&line), bytes_text(&whole));
    bytes_fini(&whole);
    bytes_fini(&line);
}

static void test_what_was_added_checks(void **state)
{
    struct chain chain = {0};
    struct bytes lines = three_lines(&chain);
    assert_null(check_lines(bytes_view(&lines)));
    assert_int_equal(chain.seq, 3);
    bytes_fini(&lines);
}

static void test_every_changed_byte_is_seen(void **state)
{
    struct chain chain = {0};
    struct bytes lines = three_lines(&chain);
    for (size_t at = 0; at < lines.len; at++) {
        for (int bit = 0; bit < 8; bit++) {
            lines.data[at] ^= (char)(1 << bit);
            assert_non_null(check_lines(bytes_view(&lines)));
            lines.data[at] ^= (char)(1 << bit);
        }
    }
    bytes_fini(&lines);
}

static void test_every_byte_left_out_or_doubled_is_seen(void **state)
{
    struct chain chain = {0};
    struct bytes lines = three_lines(&chain);
    for (size_t at = 0; at < lines.len; at++) {
        struct bytes less = {0}, more = {0};
        bytes_add(&less, lines.data, at);
        bytes_add(&less, lines.data + at + 1, lines.len - at - 1);
        assert_non_null(check_lines(bytes_view(&less)));
        bytes_add(&more, lines.data, at + 1);
        bytes_add(&more, lines.data + at, lines.len - at);
        assert_non_null(check_lines(bytes_view(&more)));
        bytes_fini(&less);
        bytes_fini(&more);
    }
    bytes_fini(&lines);
}

static struct view line_of(const struct bytes *lines, int number)
{
    const char *at = lines->data;
    for (; number > 1; number--)
        at = strchr(at, '\n') + 1;
    return (struct view){at, (size_t)(strchr(at, '\n') - at)};
}

static void test_order_is_checked(void **state)
{
    struct chain chain = {0}, at = {0};
    struct bytes lines = three_lines(&chain);
    bytes_text(&lines);
    assert_null(chain_check(&at, line_of(&lines, 1)));
    struct chain before = at;
    assert_string_equal(chain_check(&at, line_of(&lines, 3)), "its number does not follow the one before");
    assert_string_equal(chain_check(&at, line_of(&lines, 1)), "its number does not follow the one before");
    assert_memory_equal(&at, &before, sizeof at);
    assert_null(chain_check(&at, line_of(&lines, 2)));
    bytes_fini(&lines);
}

static void test_record_of_another_chain_is_refused(void **state)
{
    struct chain one = {0}, other = {0}, at = {0};
    struct bytes lines = {0}, others = {0};
    chain_add(&one, monday, view_of("\"event\":\"a\""), &lines);
    chain_add(&other, monday, view_of("\"event\":\"b\""), &others);
    chain_add(&other, monday, view_of("\"event\":\"c\""), &others);
    bytes_text(&others);
    assert_null(chain_check(&at, (struct view){lines.data, lines.len - 1}));
    assert_string_equal(chain_check(&at, line_of(&others, 2)), "it does not carry the hash of the record before it");
    bytes_fini(&lines);
    bytes_fini(&others);
}

static void test_chain_may_begin_later_but_not_with_a_false_first(void **state)
{
    struct chain chain = {0}, at = {0};
    struct bytes lines = three_lines(&chain), first = {0};
    bytes_text(&lines);
    assert_null(chain_check(&at, line_of(&lines, 2)));
    assert_int_equal(at.seq, 2);
    assert_null(chain_check(&at, line_of(&lines, 3)));

    struct chain forged = {0};
    forged.hash.byte[0] = 1;
    chain_add(&forged, monday, view_of("\"event\":\"a\""), &first);
    at = (struct chain){0};
    assert_non_null(chain_check(&at, (struct view){first.data, first.len - 1}));
    bytes_fini(&first);
    bytes_fini(&lines);
}

static void test_line_breaks_in_a_body_become_spaces(void **state)
{
    struct chain chain = {0}, at = {0};
    struct bytes line = {0};
    chain_add(&chain, monday, view_of("\"event\":\"a\",\"b\":[1,\n2,\r\n3]"), &line);
    assert_non_null(strstr(bytes_text(&line), "\"b\":[1, 2,  3]"));
    assert_null(chain_check(&at, (struct view){line.data, line.len - 1}));
    bytes_fini(&line);
}

static void test_forms_that_are_no_record(void **state)
{
    static const char *const lines[] = {"", "{}", "{\"seq\":1}", "null", "\"}", "{\"seq\":01,\"time\":\"\"}"};
    struct chain chain = {0};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_non_null(chain_check(&chain, view_of(lines[i])));
    assert_non_null(chain_check(&chain, (struct view){NULL, 0}));
}

static void check_time(int64_t time, const char *text)
{
    struct bytes to = {0};
    int64_t back = -1;
    record_add_time(&to, time);
    assert_string_equal(bytes_text(&to), text);
    assert_true(record_read_time(bytes_view(&to), &back));
    assert_true(back == time);
    bytes_fini(&to);
}

static void test_times(void **state)
{
    check_time(0, "1970-01-01T00:00:00.000000Z");
    check_time(-1, "1969-12-31T23:59:59.999999Z");
    check_time(951782400000000, "2000-02-29T00:00:00.000000Z");
    check_time(monday, "2026-11-23T15:45:00.123456Z");
    check_time(4107542399999999, "2100-02-28T23:59:59.999999Z");
    check_time(4107542400000000, "2100-03-01T00:00:00.000000Z");
    int64_t time;
    assert_false(record_read_time(view_of("2100-02-29T00:00:00.000000Z"), &time));
    assert_false(record_read_time(view_of("2026-13-01T00:00:00.000000Z"), &time));
    assert_false(record_read_time(view_of("2026-01-01T24:00:00.000000Z"), &time));
    assert_false(record_read_time(view_of("2026-01-01 00:00:00.000000Z"), &time));
}

static void test_members(void **state)
{
    struct bytes to = {0};
    audit_add_text(&to, "a", view_of("x\"y\n"));
    audit_add_number(&to, "b", INT64_MIN);
    audit_add_number(&to, "c", 0);
    audit_add_raw(&to, "d", view_of("[1]"));
    assert_string_equal(bytes_text(&to), ",\"a\":\"x\\\"y\\n\",\"b\":-9223372036854775808,\"c\":0,\"d\":[1]");
    bytes_fini(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_has_the_documented_form),
        cmocka_unit_test(test_what_was_added_checks),
        cmocka_unit_test(test_every_changed_byte_is_seen),
        cmocka_unit_test(test_every_byte_left_out_or_doubled_is_seen),
        cmocka_unit_test(test_order_is_checked),
        cmocka_unit_test(test_record_of_another_chain_is_refused),
        cmocka_unit_test(test_chain_may_begin_later_but_not_with_a_false_first),
        cmocka_unit_test(test_line_breaks_in_a_body_become_spaces),
        cmocka_unit_test(test_forms_that_are_no_record),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
