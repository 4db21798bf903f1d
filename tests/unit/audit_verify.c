/* verify on a folder of logs: whatever is done to them, it says where. */
#include "audit_support.h"

static void test_a_line_per_chain(void **state)
{
    struct folder *folder = *state, below;
    bool whole;
    assert_true(snprintf(below.path, sizeof below.path, "%s/proxy", folder->path) > 0);
    log_make(&below, "proxy", 1000, 6);
    log_make(folder, "console", 0, 1);
    char *report = log_verify(folder, &whole);
    assert_true(whole);
    assert_non_null(strstr(report, "console: 2 records in 1 segment, whole, last 2:"));
    assert_non_null(strstr(report, "\nproxy: 9 records in 3 segments, whole, last 9:"));
    free(report);
}

static void test_nothing_is_not_whole(void **state)
{
    struct folder *folder = *state, missing;
    assert_damaged(folder, "there is no audit chain in this directory");
    assert_true(snprintf(missing.path, sizeof missing.path, "%s/missing", folder->path) > 0);
    assert_damaged(&missing, "missing: the audit directory can't be read: No such file or directory");
}

static void test_every_changed_byte_is_seen(void **state)
{
    struct folder *folder = *state;
    bool whole;
    log_make(folder, "proxy", 0, 2);
    struct bytes content = file_read(folder, "proxy-000001.jsonl");
    for (size_t at = 0; at < content.len; at++) {
        static const char changes[] = {1, 2, 32, (char)128};
        for (size_t i = 0; i < sizeof changes; i++) {
            content.data[at] ^= changes[i];
            file_write(folder, "proxy-000001.jsonl", bytes_view(&content));
            content.data[at] ^= changes[i];
            char *report = log_verify(folder, &whole);
            assert_false(whole);
            assert_non_null(strstr(report, "proxy-000001.jsonl:"));
            free(report);
        }
    }
    bytes_fini(&content);
}

/* Cut at a line's end, a chain looks whole: that is what `expect` is for. */
static void test_every_cut_but_whole_lines_is_seen(void **state)
{
    struct folder *folder = *state;
    bool whole;
    log_make(folder, "proxy", 0, 2);
    struct bytes content = file_read(folder, "proxy-000001.jsonl");
    for (size_t len = 0; len < content.len; len++) {
        file_write(folder, "proxy-000001.jsonl", (struct view){content.data, len});
        free(log_verify(folder, &whole));
        assert_int_equal(whole, len > 0 && content.data[len - 1] == '\n');
    }
    bytes_fini(&content);
}

static bool verify_expecting(const struct folder *folder, const struct chain *expect, struct fault *fault)
{
    const struct audit_verify_options options = {.expect = expect, .json = true};
    FILE *null = fopen("/dev/null", "w");
    bool whole = audit_verify_with(folder->path, &options, null, fault);
    fclose(null);
    return whole;
}

static void test_a_cut_end_is_seen_by_who_kept_a_record(void **state)
{
    struct folder *folder = *state;
    struct fault fault;
    struct chain kept = {0};
    log_make(folder, "proxy", 0, 2);
    struct bytes content = file_read(folder, "proxy-000001.jsonl");
    const char *last = content.data;
    for (const char *at = last; (at = strchr(at, '\n')) != NULL && at[1] != '\0';)
        last = ++at;
    for (const char *at = content.data; at < content.data + content.len; at = strchr(at, '\n') + 1)
        assert_null(chain_check(&kept, (struct view){at, (size_t)(strchr(at, '\n') - at)}));
    assert_true(verify_expecting(folder, &kept, &fault));
    file_write(folder, "proxy-000001.jsonl", (struct view){content.data, (size_t)(last - content.data)});
    assert_whole(folder);
    assert_false(verify_expecting(folder, &kept, &fault));
    assert_non_null(strstr(fault.message, "the expected record 3 is in none of the chains"));
    kept.seq = 1;
    assert_false(verify_expecting(folder, &kept, &fault));
    bytes_fini(&content);
}

static void test_missing_segments(void **state)
{
    struct folder *folder = *state;
    log_make(folder, "proxy", 1000, 12);
    struct bytes second = file_read(folder, "proxy-000002.jsonl"), first = file_read(folder, "proxy-000001.jsonl");
    file_remove(folder, "proxy-000002.jsonl");
    assert_damaged(folder, "proxy-000002.jsonl: the segment is missing");
    file_write(folder, "proxy-000002.jsonl", bytes_view(&first));
    assert_damaged(folder, "proxy-000002.jsonl:1: its number does not follow the one before");
    file_write(folder, "proxy-000002.jsonl", bytes_view(&second));
    assert_whole(folder);
    file_remove(folder, "proxy-000001.jsonl");
    assert_damaged(folder, "proxy-000001.jsonl: the segment is missing");
    bytes_fini(&first);
    bytes_fini(&second);
}

static void test_a_segment_cut_before_its_end_is_seen_by_the_next(void **state)
{
    struct folder *folder = *state;
    log_make(folder, "proxy", 1000, 12);
    struct bytes first = file_read(folder, "proxy-000001.jsonl");
    size_t len = first.len - 1;
    while (first.data[len - 1] != '\n')
        len--;
    file_write(folder, "proxy-000001.jsonl", (struct view){first.data, len});
    assert_damaged(folder, "proxy-000002.jsonl:1: its number does not follow the one before");
    file_write(folder, "proxy-000001.jsonl", view_of(""));
    assert_damaged(folder, "proxy-000001.jsonl: the segment is empty");
    file_write(folder, "proxy-000001.jsonl", (struct view){first.data, first.len - 1});
    assert_damaged(folder, "its end is torn");
    bytes_fini(&first);
}

static void test_only_the_lock_is_left(void **state)
{
    struct folder *folder = *state;
    log_make(folder, "proxy", 0, 1);
    file_remove(folder, "proxy-000001.jsonl");
    assert_damaged(folder, "proxy-000001.jsonl: the segment is missing: of this chain only the lock file is left");
}

static void test_one_chain_as_another(void **state)
{
    struct folder *folder = *state;
    log_make(folder, "console", 0, 1);
    struct bytes content = file_read(folder, "console-000001.jsonl");
    file_write(folder, "executor-000001.jsonl", bytes_view(&content));
    assert_damaged(folder, "executor-000001.jsonl:1: it does not say that this is segment 1 of the chain \"executor\"");
    bytes_fini(&content);
}

static void test_a_chain_that_begins_later(void **state)
{
    struct folder *folder = *state;
    struct chain chain = {.seq = 4};
    struct bytes line = {0};
    chain_add(&chain, 0, view_of("\"event\":\"segment\",\"chain\":\"proxy\",\"segment\":1"), &line);
    file_write(folder, "proxy-000001.jsonl", bytes_view(&line));
    assert_damaged(folder, "proxy-000001.jsonl:1: the chain does not begin with record 1");
    bytes_fini(&line);
}

/* Well hashed, but not JSON, or JSON that two readers read differently. */
static void test_lines_that_are_not_json(void **state)
{
    static const char *const bodies[] = {"\"event\":\"a\",oops", "\"event\":\"a\",\"b\":1,\"b\":2",
                                         "\"event\":\"a\",\"seq\":2"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct folder *folder = *state;
        struct chain chain = {0};
        struct bytes lines = {0};
        chain_add(&chain, 0, view_of("\"event\":\"segment\",\"chain\":\"proxy\",\"segment\":1"), &lines);
        chain_add(&chain, 0, view_of(bodies[i]), &lines);
        file_write(folder, "proxy-000001.jsonl", bytes_view(&lines));
        assert_damaged(folder, "proxy-000001.jsonl:2: it is not JSON: ");
        bytes_fini(&lines);
    }
}

static void test_other_files_are_left_alone(void **state)
{
    struct folder *folder = *state;
    log_make(folder, "proxy", 0, 1);
    static const char *const names[] = {"README",
                                        "proxy.jsonl",
                                        "proxy-1.jsonl",
                                        "proxy-0000001.jsonl",
                                        "-000001.jsonl",
                                        "proxy-000001.jsonl~",
                                        ".lock",
                                        "proxy-00000x.jsonl",
                                        "proxy-000000.jsonl"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        file_write(folder, names[i], view_of("x"));
    char *link = file_path(folder, "proxy-000002.jsonl");
    assert_int_equal(symlink("/etc/passwd", link), 0);
    free(link);
    assert_whole(folder);
}

static void test_json(void **state)
{
    struct folder *folder = *state;
    const struct audit_verify_options options = {.json = true};
    struct fault fault;
    log_make(folder, "proxy", 0, 1);
    file_append(folder, "proxy-000001.jsonl", "x\n");
    FILE *to = capture_begin();
    assert_false(audit_verify_with(folder->path, &options, to, &fault));
    char *text = capture_end(to);
    assert_true(view_starts(view_of(text), "{\"chain\":\"proxy\",\"records\":2,\"segments\":1,\"whole\":false,"
                                           "\"seq\":2,\"hash\":\""));
    assert_non_null(strstr(text, "\"line\":3,\"wrong\":\"it is not JSON: "));
    free(text);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_line_per_chain),
        TEST(test_nothing_is_not_whole),
        TEST(test_every_changed_byte_is_seen),
        TEST(test_every_cut_but_whole_lines_is_seen),
        TEST(test_a_cut_end_is_seen_by_who_kept_a_record),
        TEST(test_missing_segments),
        TEST(test_a_segment_cut_before_its_end_is_seen_by_the_next),
        TEST(test_only_the_lock_is_left),
        TEST(test_one_chain_as_another),
        TEST(test_a_chain_that_begins_later),
        TEST(test_lines_that_are_not_json),
        TEST(test_other_files_are_left_alone),
        TEST(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
