/* The log as its users see it: open, append, close, open again; rotation, torn ends, locks, many threads,
 * and a disk that is full for a while. */
#include "audit_support.h"
#include "base/log.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

static int count_lines(const struct folder *folder, const char *name)
{
    struct bytes content = file_read(folder, name);
    int lines = 0;
    for (size_t i = 0; i < content.len; i++)
        lines += content.data[i] == '\n';
    bytes_fini(&content);
    return lines;
}

static void assert_holds(const struct folder *folder, const char *name, const char *text)
{
    struct bytes content = file_read(folder, name);
    assert_non_null(strstr(content.data, text));
    bytes_fini(&content);
}

static void test_a_new_log(void **state)
{
    struct folder *folder = *state;
    struct audit *audit = log_open_for(folder, "proxy", 0);
    assert_true(audit_is_writable(audit));
    assert_int_equal(log_add(audit, "\"event\":\"a\""), 2);
    assert_int_equal(log_add(audit, "\"event\":\"b\""), 3);
    audit_close(audit);
    assert_int_equal(count_lines(folder, "proxy-000001.jsonl"), 3);
    assert_holds(folder, "proxy-000001.jsonl", "\"event\":\"segment\",\"chain\":\"proxy\",\"segment\":1,");
    assert_whole(folder);
}

static void test_the_directory_is_made_and_private(void **state)
{
    struct folder *folder = *state, deep;
    struct stat status;
    assert_true(snprintf(deep.path, sizeof deep.path, "%s/a/b", folder->path) < (int)sizeof deep.path);
    log_make(&deep, "proxy", 0, 1);
    assert_int_equal(stat(deep.path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0700);
    char *path = file_path(&deep, "proxy-000001.jsonl");
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    free(path);
    assert_whole(folder);
}

static void test_a_chain_goes_on_after_a_restart(void **state)
{
    struct folder *folder = *state;
    log_make(folder, "proxy", 0, 2);
    struct audit *audit = log_open_for(folder, "proxy", 0);
    assert_int_equal(log_add(audit, "\"event\":\"c\""), 4);
    audit_close(audit);
    audit_close(log_open_for(folder, "proxy", 0));
    assert_int_equal(count_lines(folder, "proxy-000001.jsonl"), 4);
    assert_whole(folder);
}

static void test_segments_follow_each_other(void **state)
{
    struct folder *folder = *state;
    log_make(folder, "proxy", 2000, 30);
    assert_holds(folder, "proxy-000002.jsonl",
                 "\"event\":\"segment\",\"chain\":\"proxy\",\"segment\":2,\"follows\":\"proxy-000001.jsonl\"");
    assert_true(file_exists(folder, "proxy-000004.jsonl"));
    assert_whole(folder);
    log_make(folder, "proxy", 2000, 30);
    assert_whole(folder);
    struct bytes first = file_read(folder, "proxy-000001.jsonl");
    assert_true(first.len <= 2000);
    bytes_fini(&first);
}

static void test_a_record_larger_than_a_segment(void **state)
{
    struct folder *folder = *state;
    struct audit *audit = log_open_for(folder, "proxy", 1000);
    struct bytes body = {0};
    bytes_add_text(&body, "\"event\":\"big\",\"text\":\"");
    for (int i = 0; i < 5000; i++)
        bytes_add_char(&body, 'x');
    bytes_add_char(&body, '"');
    for (int i = 0; i < 3; i++)
        assert_true(audit_append(audit, bytes_view(&body)) > 0);
    audit_close(audit);
    bytes_fini(&body);
    assert_true(file_exists(folder, "proxy-000003.jsonl"));
    assert_false(file_exists(folder, "proxy-000004.jsonl"));
    assert_whole(folder);
}

static void test_a_torn_end_is_cut_and_recorded(void **state)
{
    struct folder *folder = *state;
    log_make(folder, "proxy", 0, 2);
    file_append(folder, "proxy-000001.jsonl", "{\"seq\":4,\"time\":\"2026");
    assert_damaged(folder, "proxy-000001.jsonl:4: its end is torn: 21 bytes");
    struct audit *audit = log_open_for(folder, "proxy", 0);
    assert_int_equal(log_add(audit, "\"event\":\"after\""), 5);
    audit_close(audit);
    assert_holds(folder, "proxy-000001.jsonl", "\"event\":\"recovered\",\"cut_bytes\":21");
    assert_whole(folder);
}

/* Whatever a power loss leaves of the last record, the chain goes on and is whole. */
static void test_an_end_torn_anywhere(void **state)
{
    struct folder *folder = *state;
    log_make(folder, "proxy", 0, 1);
    struct bytes all = file_read(folder, "proxy-000001.jsonl");
    for (size_t len = 0; len <= all.len; len++) {
        file_write(folder, "proxy-000001.jsonl", (struct view){all.data, len});
        log_make(folder, "proxy", 0, 1);
        assert_whole(folder);
    }
    bytes_fini(&all);
}

static void test_a_segment_without_its_first_record(void **state)
{
    struct folder *folder = *state;
    log_make(folder, "proxy", 0, 2);
    file_write(folder, "proxy-000002.jsonl", view_of("{\"seq\""));
    struct audit *audit = log_open_for(folder, "proxy", 0);
    assert_int_equal(log_add(audit, "\"event\":\"after\""), 6);
    audit_close(audit);
    assert_int_equal(count_lines(folder, "proxy-000002.jsonl"), 3);
    assert_whole(folder);
}

static void assert_not_opened(const struct folder *folder, const char *why)
{
    struct fault fault = {0};
    char text[2048];
    assert_null(log_try(folder, "proxy", 0, &fault));
    fault_text(&fault, text, sizeof text);
    if (strstr(text, why) == NULL)
        print_error("expected \"%s\" in: %s\n", why, text);
    assert_non_null(strstr(text, why));
}

static void test_a_broken_chain_is_not_continued(void **state)
{
    struct folder *folder = *state;
    log_make(folder, "proxy", 0, 3);
    struct bytes content = file_read(folder, "proxy-000001.jsonl");
    *strstr(strstr(content.data, "\"seq\":3"), "\"x\"") = ' ';
    file_write(folder, "proxy-000001.jsonl", bytes_view(&content));
    bytes_fini(&content);
    assert_not_opened(folder, "proxy-000001.jsonl:3: the audit chain is broken: its hash differs");
}

static void test_an_empty_segment_after_a_missing_one(void **state)
{
    struct folder *folder = *state;
    file_write(folder, "proxy-000003.jsonl", view_of(""));
    assert_not_opened(folder, "proxy-000002.jsonl: the audit chain is broken: this segment is missing");
}

static void test_one_process_per_chain(void **state)
{
    struct folder *folder = *state;
    struct audit *audit = log_open_for(folder, "proxy", 0), *other;
    assert_not_opened(folder, "another process");
    other = log_open_for(folder, "console", 0);
    audit_close(other);
    audit_close(audit);
    audit_close(log_open_for(folder, "proxy", 0));
}

static void test_directories_that_cannot_be_used(void **state)
{
    struct folder *folder = *state;
    struct fault fault;
    file_write(folder, "file", view_of("x"));
    char *path = file_path(folder, "file");
    struct audit_options options = {.directory = path, .chain = "proxy"};
    assert_null(audit_open(&options, &fault));
    assert_non_null(strstr(fault.message, "can't be"));
    options.directory = folder->path;
    options.chain = "../proxy";
    assert_null(audit_open(&options, &fault));
    assert_non_null(strstr(fault.message, "name"));
    free(path);
}

static void test_sync_means_on_disk(void **state)
{
    struct folder *folder = *state;
    struct audit *audit = log_open_for(folder, "proxy", 0);
    for (int i = 0; i < 20; i++) {
        char body[64], line[80];
        snprintf(body, sizeof body, "\"event\":\"decision\",\"i\":%d", i);
        uint64_t seq = log_add(audit, body);
        assert_true(audit_sync(audit, seq));
        snprintf(line, sizeof line, "%s,\"hash\"", body);
        assert_holds(folder, "proxy-000001.jsonl", line);
    }
    assert_false(audit_sync(audit, 0));
    assert_false(audit_sync(audit, 1000));
    audit_close(audit);
}

/* Nobody waits in audit_sync: the records come to disk by themselves. */
static void test_records_are_written_unasked(void **state)
{
    struct folder *folder = *state;
    struct audit *audit = log_open_for(folder, "proxy", 0);
    log_add(audit, "\"event\":\"a\"");
    while (count_lines(folder, "proxy-000001.jsonl") < 2)
        sched_yield();
    assert_whole(folder); /* in use: no torn end */
    audit_close(audit);
}

enum { THREADS = 8, EACH = 5000 };

struct appender {
    struct audit *audit;
    uint64_t seqs[EACH];
};

static void *append_many(void *arg)
{
    struct appender *appender = arg;
    char body[80];
    for (int i = 0; i < EACH; i++) {
        snprintf(body, sizeof body, "\"event\":\"test\",\"thread\":\"%p\",\"i\":%d", arg, i);
        appender->seqs[i] = log_add(appender->audit, body);
        if (i % 1000 == 0 && !audit_sync(appender->audit, appender->seqs[i]))
            return NULL;
    }
    return arg;
}

static void test_many_threads_make_one_dense_chain(void **state)
{
    struct folder *folder = *state;
    struct audit *audit = log_open_for(folder, "proxy", 1 << 20);
    struct appender *appenders = calloc(THREADS, sizeof *appenders);
    pthread_t threads[THREADS];
    for (int t = 0; t < THREADS; t++) {
        appenders[t].audit = audit;
        assert_int_equal(pthread_create(&threads[t], NULL, append_many, &appenders[t]), 0);
    }
    for (int t = 0; t < THREADS; t++) {
        void *result;
        pthread_join(threads[t], &result);
        assert_non_null(result);
    }
    uint64_t last = log_add(audit, "\"event\":\"last\"");
    audit_close(audit);
    char *seen = calloc(last + 1, 1);
    size_t distinct = 0;
    for (int t = 0; t < THREADS; t++) {
        for (int i = 0; i < EACH; i++) {
            uint64_t seq = appenders[t].seqs[i];
            assert_true(seq > 0 && seq < last && (i == 0 || seq > appenders[t].seqs[i - 1]));
            distinct += seen[seq]++ == 0;
        }
    }
    assert_int_equal(distinct, THREADS * EACH);
    /* What is not a thread's is a segment's first record, or the last. */
    size_t segments = 0;
    for (char name[32]; snprintf(name, sizeof name, "proxy-%06zu.jsonl", segments + 1) && file_exists(folder, name);)
        segments++;
    assert_int_equal(last, THREADS * EACH + segments + 1);
    free(seen);
    free(appenders);
    assert_whole(folder);
}

static void test_a_full_queue_refuses(void **state)
{
    struct folder *folder = *state;
    struct fault fault;
    struct audit_options options = {.directory = folder->path, .chain = "proxy", .queue_bytes = 4000};
    struct audit *audit = audit_open(&options, &fault);
    assert_non_null(audit);
    char body[3000];
    snprintf(body, sizeof body, "\"event\":\"a\",\"b\":\"%2000s\"", "");
    uint64_t seq, last = 0;
    while ((seq = log_add(audit, body)) > 0)
        last = seq;
    assert_true(last > 0);
    /* What was accepted is written, then there is room again. */
    assert_true(audit_sync(audit, last));
    while ((seq = log_add(audit, "\"event\":\"b\"")) == 0)
        sched_yield();
    assert_true(seq > last);
    audit_close(audit);
    assert_holds(folder, "proxy-000001.jsonl", "\"event\":\"audit_gap\",\"reason\":\"more was to be recorded");
    assert_whole(folder);
}

/* ---- a process that is killed ------------------------------------------------------------------------ */

static uint64_t file_size(const struct folder *folder, const char *name)
{
    char *path = file_path(folder, name);
    struct stat status;
    uint64_t size = stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
    free(path);
    return size;
}

static void test_a_killed_process_leaves_a_chain_that_goes_on(void **state)
{
    struct folder *folder = *state;
    for (uint64_t round = 1; round <= 5; round++) {
        fflush(NULL);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            struct audit *audit = log_open_for(folder, "proxy", 0);
            for (;;)
                log_add(audit, "\"event\":\"test\",\"text\":\"until the end\"");
        }
        while (file_size(folder, "proxy-000001.jsonl") < round * 1000000)
            sched_yield();
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
    }
    log_make(folder, "proxy", 0, 1);
    assert_whole(folder);
}

/* ---- a disk that can't be written: a file size limit, in a process of its own ------------------------ */

static void limit_file_size(rlim_t size)
{
    struct rlimit limit = {size, RLIM_INFINITY};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static uint64_t append_until_refused(struct audit *audit)
{
    uint64_t last = 0, seq;
    while ((seq = log_add(audit, "\"event\":\"test\",\"text\":\"0123456789012345678901234567890123456789\"")) > 0) {
        last = seq;
        audit_sync(audit, seq);
    }
    return last;
}

static void fail_and_recover(const struct folder *folder)
{
    struct audit *audit = log_open_for(folder, "proxy", 0);
    limit_file_size(4096);
    uint64_t last = append_until_refused(audit);
    assert_true(last > 5);
    assert_false(audit_is_writable(audit));
    assert_false(audit_sync(audit, last));
    assert_int_equal(log_add(audit, "\"event\":\"lost\""), 0);
    limit_file_size(RLIM_INFINITY);
    while (!audit_is_writable(audit))
        sched_yield();
    /* The late record, then the record of the gap, then what comes now. */
    assert_true(audit_sync(audit, last));
    assert_int_equal(log_add(audit, "\"event\":\"again\""), last + 2);
    audit_close(audit);
}

static void fail_and_close(const struct folder *folder)
{
    struct audit *audit = log_open_for(folder, "proxy", 0);
    limit_file_size(4096);
    append_until_refused(audit);
    audit_close(audit);
}

/* A failed assert must end the child and not go on with the next test there. */
static void in_child(const struct folder *folder, void (*act)(const struct folder *))
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("CMOCKA_TEST_ABORT", "1", 1);
        signal(SIGXFSZ, SIG_IGN);
        act(folder);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void test_a_full_disk_closes_and_opens_the_log(void **state)
{
    struct folder *folder = *state;
    in_child(folder, fail_and_recover);
    assert_holds(folder, "proxy-000001.jsonl", "\"event\":\"audit_gap\",\"reason\":\"File too large\",\"since\":\"");
    assert_holds(folder, "proxy-000001.jsonl", "\"refused\":2,\"late\":1");
    assert_holds(folder, "proxy-000001.jsonl", "\"event\":\"again\"");
    assert_whole(folder);
}

static void test_closing_on_a_full_disk_ends(void **state)
{
    struct folder *folder = *state;
    in_child(folder, fail_and_close);
    struct audit *audit = log_open_for(folder, "proxy", 0);
    assert_true(log_add(audit, "\"event\":\"again\"") > 0);
    audit_close(audit);
    assert_whole(folder);
}

static void open_on_full_disk(const struct folder *folder)
{
    limit_file_size(0);
    assert_not_opened(folder, "the audit log can't be written: File too large");
}

static void test_a_log_that_cannot_be_written_is_not_opened(void **state)
{
    struct folder *folder = *state;
    in_child(folder, open_on_full_disk);
    log_make(folder, "proxy", 0, 1);
    assert_whole(folder);
}

static void wait_until_refused(struct audit *audit)
{
    uint64_t seq;
    while ((seq = log_add(audit, "\"event\":\"test\"")) > 0)
        audit_sync(audit, seq);
}

static void remove_under_writer(const struct folder *folder)
{
    struct audit *audit = log_open_for(folder, "proxy", 0);
    file_remove(folder, "proxy-000001.jsonl");
    wait_until_refused(audit);
    audit_close(audit);
}

static void shorten_under_writer(const struct folder *folder)
{
    struct audit *audit = log_open_for(folder, "proxy", 0);
    for (int i = 0; i < 10; i++)
        assert_true(audit_sync(audit, log_add(audit, "\"event\":\"test\"")));
    char *path = file_path(folder, "proxy-000001.jsonl");
    assert_int_equal(truncate(path, 100), 0);
    wait_until_refused(audit);
    audit_close(audit);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    free(path);
}

/* A log that nobody will ever be able to read is no log. */
static void test_a_segment_changed_under_its_writer_closes_the_log(void **state)
{
    struct folder *folder = *state;
    in_child(folder, remove_under_writer);
    in_child(folder, shorten_under_writer);
    assert_damaged(folder, "proxy-000001.jsonl:1: ");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

int main(void)
{
    log_open("test", LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        TEST(test_a_new_log),
        TEST(test_the_directory_is_made_and_private),
        TEST(test_a_chain_goes_on_after_a_restart),
        TEST(test_segments_follow_each_other),
        TEST(test_a_record_larger_than_a_segment),
        TEST(test_a_torn_end_is_cut_and_recorded),
        TEST(test_an_end_torn_anywhere),
        TEST(test_a_segment_without_its_first_record),
        TEST(test_a_broken_chain_is_not_continued),
        TEST(test_an_empty_segment_after_a_missing_one),
        TEST(test_one_process_per_chain),
        TEST(test_directories_that_cannot_be_used),
        TEST(test_sync_means_on_disk),
        TEST(test_records_are_written_unasked),
        TEST(test_many_threads_make_one_dense_chain),
        TEST(test_a_full_queue_refuses),
        TEST(test_a_killed_process_leaves_a_chain_that_goes_on),
        TEST(test_a_full_disk_closes_and_opens_the_log),
        TEST(test_closing_on_a_full_disk_ends),
        TEST(test_a_log_that_cannot_be_written_is_not_opened),
        TEST(test_a_segment_changed_under_its_writer_closes_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
