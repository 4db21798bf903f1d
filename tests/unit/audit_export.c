/* Exports: joined, filtered, in order of time, harmless in a spreadsheet; and tail. */
#include "audit_support.h"

#include <pthread.h>
#include <signal.h>

#include "record.h"

static const struct audit_filter all = {0};

/* What the export prints; to be freed. */
static char *export(const struct folder *folder, const struct audit_filter *filter, enum audit_format format,
                    bool *good, struct fault *fault)
{
    FILE *to = capture_begin();
    *good = audit_export(folder->path, filter, format, to, fault);
    return capture_end(to);
}

static char *export_whole(const struct folder *folder, const struct audit_filter *filter, enum audit_format format)
{
    bool good;
    struct fault fault;
    char *text = export(folder, filter, format, &good, &fault);
    if (!good)
        fault_print(&fault, stderr);
    assert_true(good);
    return text;
}

static int count(const char *text, const char *what)
{
    int found = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
        found++;
    return found;
}

static void assert_has(const char *text, const char *what)
{
    if (strstr(text, what) == NULL)
        print_error("expected %s in: %s\n", what, text);
    assert_non_null(strstr(text, what));
}

/* Two statements of two agents, results in the other order, a ticket and its decision in another chain. */
static void make_house(const struct folder *folder)
{
    struct audit *proxy = log_open_for(folder, "proxy", 0), *console = log_open_for(folder, "console", 0);
    assert_int_equal(
        log_add(proxy, "\"event\":\"statement\",\"agent\":\"bot\",\"sql\":\"SELECT 1\",\"verdict\":\"allow\""), 2);
    assert_int_equal(
        log_add(proxy, "\"event\":\"statement\",\"agent\":\"eve\",\"sql\":\"UPDATE t\",\"verdict\":\"park\""), 3);
    log_add(proxy, "\"event\":\"ticket\",\"agent\":\"eve\",\"of\":3,\"ticket\":\"t42\",\"state\":\"parked\"");
    log_add(proxy, "\"event\":\"result\",\"agent\":\"eve\",\"of\":3,\"sqlstate\":\"SP001\",\"rows\":0,\"bytes\":0,"
                   "\"duration_us\":99");
    log_add(proxy, "\"event\":\"result\",\"agent\":\"bot\",\"of\":2,\"rows\":1,\"tag\":\"SELECT 1\",\"bytes\":10,"
                   "\"duration_us\":1234,\"masked\":0");
    log_add(console, "\"event\":\"decision\",\"approver\":\"alice\",\"ticket\":\"t42\",\"decision\":\"approve\"");
    audit_close(proxy);
    audit_close(console);
}

static void test_statements_and_results_are_one(void **state)
{
    struct folder *folder = *state;
    make_house(folder);
    char *text = export_whole(folder, &all, AUDIT_FORMAT_JSONL);
    assert_has(text, ",\"tag\":\"SELECT 1\",\"rows\":1,\"bytes\":10,\"duration_us\":1234,\"masked\":0}\n");
    assert_has(text, ",\"rows\":0,\"bytes\":0,\"sqlstate\":\"SP001\",\"duration_us\":99,\"ticket\":\"t42\"}\n");
    assert_int_equal(count(text, "\"event\":\"result\""), 0);
    assert_int_equal(count(text, "\"event\":\"ticket\""), 1);
    assert_int_equal(count(text, "{\"chain\":\"proxy\",\"seq\":"), 4);
    assert_int_equal(count(text, "{\"chain\":\"console\",\"seq\":"), 2);
    free(text);
}

static void test_filters(void **state)
{
    static const struct {
        struct audit_filter filter;
        int lines;
        const char *has;
    } cases[] = {
        {{.agent = "bot"}, 1, "SELECT 1"},
        {{.agent = "eve"}, 2, "UPDATE t"},
        {{.agent = "nobody"}, 0, ""},
        {{.verdict = "park"}, 1, "UPDATE t"},
        {{.ticket = "t42"}, 3, "alice"},
        {{.event = "statement"}, 2, "\"duration_us\":1234"},
        {{.event = "result"}, 2, "\"of\":2"},
        {{.agent = "eve", .event = "statement"}, 1, "UPDATE t"},
        {{.text = "update T"}, 1, "UPDATE t"},
        {{.text = "SP001"}, 1, "UPDATE t"},
        {{.text = "\"sql\""}, 0, ""},
        {{.since = 1}, 6, ""},
        {{.until = 1}, 0, ""},
        {{.since = 4102444800000000}, 0, ""},
        {{.until = 4102444800000000}, 6, ""},
    };
    struct folder *folder = *state;
    make_house(folder);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t matched = 0;
        struct audit_filter filter = cases[i].filter;
        filter.matched = &matched;
        char *text = export_whole(folder, &filter, AUDIT_FORMAT_JSONL);
        assert_int_equal(count(text, "\n"), cases[i].lines);
        assert_int_equal(matched, cases[i].lines);
        assert_has(text, cases[i].has);
        free(text);
    }
}

static void test_a_second_result_stays_a_record(void **state)
{
    struct folder *folder = *state;
    struct audit *audit = log_open_for(folder, "proxy", 0);
    log_add(audit, "\"event\":\"statement\",\"sql\":\"SELECT 1\"");
    log_add(audit, "\"event\":\"result\",\"of\":2,\"rows\":10");
    log_add(audit, "\"event\":\"result\",\"of\":2,\"rows\":20");
    log_add(audit, "\"event\":\"result\",\"of\":9,\"rows\":30"); /* of nothing */
    audit_close(audit);
    char *text = export_whole(folder, &all, AUDIT_FORMAT_JSONL);
    assert_int_equal(count(text, "\n"), 4);
    assert_has(text, "\"sql\":\"SELECT 1\",\"hash\"");
    assert_has(text, ",\"rows\":10}\n");
    assert_has(text, "\"event\":\"result\",\"of\":2,\"rows\":20,\"hash\"");
    assert_has(text, "\"event\":\"result\",\"of\":9,\"rows\":30,\"hash\"");
    free(text);
}

static void test_joins_cross_segments(void **state)
{
    struct folder *folder = *state;
    struct audit *audit = log_open_for(folder, "proxy", 1500);
    uint64_t of[20];
    char body[100];
    for (int i = 0; i < 20; i++) {
        snprintf(body, sizeof body, "\"event\":\"statement\",\"sql\":\"SELECT %d\"", i);
        of[i] = log_add(audit, body);
    }
    for (int i = 19; i >= 0; i--) {
        snprintf(body, sizeof body, "\"event\":\"result\",\"of\":%d,\"rows\":%d", (int)of[i], 100 + i);
        log_add(audit, body);
    }
    audit_close(audit);
    assert_true(file_exists(folder, "proxy-000005.jsonl"));
    struct audit_filter filter = {.event = "statement"};
    char *text = export_whole(folder, &filter, AUDIT_FORMAT_CSV);
    assert_int_equal(count(text, "\r\n"), 21);
    for (int i = 0; i < 20; i++) {
        char *line, row[40];
        snprintf(row, sizeof row, "\"SELECT %d\",,,,%d,", i, 100 + i);
        line = strstr(text, row);
        assert_non_null(line);
    }
    free(text);
}

/* Lines of a chain, written by hand so that the times are known. */
static void write_chain(const struct folder *folder, const char *name, const int64_t *times, int number)
{
    struct chain chain = {0};
    struct bytes lines = {0}, body = {0}, file = {0};
    for (int i = 0; i < number; i++) {
        bytes_clear(&body);
        bytes_add_text(&body, i == 0 ? "\"event\":\"segment\"" : "\"event\":\"test\"");
        audit_add_text(&body, "chain", view_of(name));
        audit_add_number(&body, "segment", 1);
        chain_add(&chain, times[i], bytes_view(&body), &lines);
    }
    bytes_add_format(&file, "%s-000001.jsonl", name);
    file_write(folder, bytes_text(&file), bytes_view(&lines));
    bytes_fini(&file);
    bytes_fini(&body);
    bytes_fini(&lines);
}

static void test_order_of_time_over_all_chains(void **state)
{
    struct folder *folder = *state;
    write_chain(folder, "a", (const int64_t[]){1, 4, 5}, 3);
    write_chain(folder, "b", (const int64_t[]){2, 3, 6}, 3);
    assert_whole(folder);
    struct audit_filter filter = {.since = 2, .until = 6};
    char *text = export_whole(folder, &filter, AUDIT_FORMAT_JSONL);
    const char *last = text;
    for (int i = 2; i < 6; i++) {
        char time[20];
        snprintf(time, sizeof time, ".%06dZ", i);
        last = strstr(last, time);
        assert_non_null(last);
    }
    assert_int_equal(count(text, "\n"), 4);
    free(text);
}

static void test_csv_cells(void **state)
{
    static const struct {
        const char *member, *cell;
    } cases[] = {
        {"\"sql\":\"=1+1\"", ",\"'=1+1\","},
        {"\"sql\":\"+1\"", ",\"'+1\","},
        {"\"sql\":\"-1\"", ",\"'-1\","},
        {"\"sql\":\"@SUM(A1)\"", ",\"'@SUM(A1)\","},
        {"\"sql\":\"\\t=1\"", ",\"'\t=1\","},
        {"\"sql\":\"\\r=1\"", ",\"'\r=1\","},
        {"\"sql\":\"say \\\"hi\\\", all\\nof you\"", ",\"say \"\"hi\"\", all\nof you\","},
        {"\"sql\":\"\"", ",\"\","},
        {"\"rows\":-5", ",-5,"},
        {"\"parameters\":[\"=1\",null]", ",\"[\"\"=1\"\",null]\","},
        {"\"tls\":true,\"unknown\":\"=x\"", ",\"{\"\"tls\"\":true,\"\"unknown\"\":\"\"=x\"\"}\"\r\n"},
    };
    struct folder *folder = *state;
    struct audit *audit = log_open_for(folder, "proxy", 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char body[200];
        snprintf(body, sizeof body, "\"event\":\"statement\",%s", cases[i].member);
        assert_true(log_add(audit, body) > 0);
    }
    audit_close(audit);
    char *text = export_whole(folder, &all, AUDIT_FORMAT_CSV);
    assert_int_equal(strncmp(text, "chain,seq,time,event,agent,", 27), 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_has(text, cases[i].cell);
    free(text);
}

/* Every row has as many cells as the header, whatever is in them. */
static void test_csv_is_rectangular(void **state)
{
    struct folder *folder = *state;
    make_house(folder);
    char *text = export_whole(folder, &all, AUDIT_FORMAT_CSV);
    int commas = 0, expected = 0;
    bool quoted = false;
    for (const char *at = text; *at != '\0'; at++) {
        quoted = quoted != (*at == '"');
        commas += !quoted && *at == ',';
        if (quoted || *at != '\n')
            continue;
        expected = expected ? expected : commas;
        assert_int_equal(commas, expected);
        commas = 0;
    }
    assert_int_equal(expected, 33);
    free(text);
}

static void test_lines_for_people_hide_nothing(void **state)
{
    struct folder *folder = *state;
    struct audit *audit = log_open_for(folder, "proxy", 0);
    log_add(audit,
            "\"event\":\"statement\",\"agent\":\"bot\",\"rule\":\"a b\",\"sql\":\"SELECT \\u001b[2J\\u202e 1\\n\"");
    log_add(audit, "\"event\":\"login\",\"agent\":\"bot\",\"ok\":false,\"why\":\"the password is wrong\"");
    audit_close(audit);
    char *text = export_whole(folder, &all, AUDIT_FORMAT_LINES);
    assert_has(text, "Z proxy 2 statement agent=bot rule=\"a b\": SELECT <U+001B>[2J<U+202E> 1⏎\n");
    assert_has(text, " login agent=bot ok=false why=\"the password is wrong\"\n");
    free(text);
}

static void test_nul_in_a_record(void **state)
{
    struct folder *folder = *state;
    struct audit *audit = log_open_for(folder, "proxy", 0);
    struct bytes body = {0};
    bytes_add_text(&body, "\"event\":\"statement\"");
    audit_add_text(&body, "sql", (struct view){"a\0b", 3});
    audit_append(audit, bytes_view(&body));
    bytes_fini(&body);
    audit_close(audit);
    assert_whole(folder);
    char *text = export_whole(folder, &all, AUDIT_FORMAT_JSONL);
    assert_has(text, "\"sql\":\"a\\u0000b\"");
    free(text);
    text = export_whole(folder, &all, AUDIT_FORMAT_LINES);
    assert_has(text, ": a<U+0000>b\n");
    free(text);
}

static void test_a_damaged_log_is_exported_and_said(void **state)
{
    struct folder *folder = *state;
    make_house(folder);
    struct bytes content = file_read(folder, "proxy-000001.jsonl");
    strstr(content.data, "SELECT 1")[7] = '2';
    file_write(folder, "proxy-000001.jsonl", bytes_view(&content));
    bytes_fini(&content);
    bool good;
    struct fault fault;
    char *text = export(folder, &all, AUDIT_FORMAT_JSONL, &good, &fault), where[2048];
    assert_false(good);
    fault_text(&fault, where, sizeof where);
    assert_has(where, "proxy-000001.jsonl:2: its hash differs");
    assert_has(text, "SELECT 2");
    assert_has(text, "UPDATE t");
    assert_has(text, "alice");
    free(text);
}

static void test_no_log_is_a_fault(void **state)
{
    struct folder *folder = *state, missing;
    bool good;
    struct fault fault;
    free(export(folder, &all, AUDIT_FORMAT_JSONL, &good, &fault));
    assert_false(good);
    assert_has(fault.message, "there is no audit chain");
    assert_true(snprintf(missing.path, sizeof missing.path, "%s/missing", folder->path) > 0);
    free(export(&missing, &all, AUDIT_FORMAT_JSONL, &good, &fault));
    assert_false(good);
    assert_has(fault.message, "No such file");
}

static void test_an_export_that_cannot_be_written(void **state)
{
    struct folder *folder = *state;
    struct fault fault;
    make_house(folder);
    FILE *full = fopen("/dev/full", "w");
    assert_non_null(full);
    assert_false(audit_export(folder->path, &all, AUDIT_FORMAT_JSONL, full, &fault));
    assert_has(fault.message, "can't be written: No space left on device");
    fclose(full);
}

static char *tail(const struct folder *folder, size_t number)
{
    FILE *to = capture_begin();
    struct fault fault;
    assert_true(audit_tail(folder->path, number, false, AUDIT_FORMAT_JSONL, to, &fault));
    return capture_end(to);
}

static void test_tail(void **state)
{
    struct folder *folder = *state;
    make_house(folder);
    char *text = tail(folder, 2);
    assert_int_equal(count(text, "\n"), 2);
    assert_has(text, "\"masked\":0");
    assert_has(text, "alice");
    free(text);
    text = tail(folder, 100);
    assert_int_equal(count(text, "\n"), 8);
    free(text);
    text = tail(folder, 0);
    assert_string_equal(text, "");
    free(text);
}

static void test_tail_over_segments(void **state)
{
    struct folder *folder = *state;
    log_make(folder, "proxy", 1000, 30);
    char *text = tail(folder, 20);
    assert_int_equal(count(text, "\n"), 20);
    free(text);
}

struct following {
    const struct folder *folder;
    FILE *to;
    bool result;
    struct fault fault;
};

static void *follow(void *arg)
{
    struct following *following = arg;
    following->result =
        audit_tail(following->folder->path, 1, true, AUDIT_FORMAT_JSONL, following->to, &following->fault);
    return NULL;
}

static void assert_next(FILE *from, const char *what)
{
    char line[2048];
    do
        assert_non_null(fgets(line, sizeof line, from));
    while (strstr(line, "\"event\":\"segment\"") != NULL);
    assert_has(line, what);
}

/* The last record, what comes later, in segments and chains that didn't exist before; the end when nobody
 * reads any more. */
static void test_tail_follows(void **state)
{
    struct folder *folder = *state;
    struct following following = {.folder = folder};
    int ends[2];
    pthread_t thread;
    log_make(folder, "proxy", 0, 3);
    assert_int_equal(pipe(ends), 0);
    following.to = fdopen(ends[1], "w");
    FILE *from = fdopen(ends[0], "r");
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pthread_create(&thread, NULL, follow, &following), 0);
    assert_next(from, "\"seq\":4,");
    struct audit *proxy = log_open_for(folder, "proxy", 1000), *console = log_open_for(folder, "console", 0);
    for (int i = 0; i < 10; i++) {
        char body[40], expected[40];
        snprintf(body, sizeof body, "\"event\":\"new\",\"i\":%d", i);
        snprintf(expected, sizeof expected, "\"i\":%d,", i);
        log_add(proxy, body);
        assert_next(from, expected);
    }
    assert_true(file_exists(folder, "proxy-000003.jsonl"));
    log_add(console, "\"event\":\"decision\"");
    assert_next(from, "\"event\":\"decision\"");
    fclose(from);
    log_add(proxy, "\"event\":\"unread\"");
    pthread_join(thread, NULL);
    assert_false(following.result);
    assert_has(following.fault.message, "can't be printed");
    fclose(following.to);
    audit_close(proxy);
    audit_close(console);
}

static void test_times_as_people_write_them(void **state)
{
    static const struct {
        const char *text, *time, *end; /* NULL: not a time */
    } cases[] = {
        {"2026-11-23", "2026-11-23T00:00:00.000000Z", "2026-11-24T00:00:00.000000Z"},
        {"2026-12-31", "2026-12-31T00:00:00.000000Z", "2027-01-01T00:00:00.000000Z"},
        {"2026-11-23T15:45", "2026-11-23T15:45:00.000000Z", "2026-11-23T15:45:00.000000Z"},
        {"2026-11-23 15:45:01", "2026-11-23T15:45:01.000000Z", "2026-11-23T15:45:01.000000Z"},
        {"2026-11-23T15:45:01.5Z", "2026-11-23T15:45:01.500000Z", "2026-11-23T15:45:01.500000Z"},
        {"2026-11-23T15:45:01.1234567Z", "2026-11-23T15:45:01.123456Z", "2026-11-23T15:45:01.123456Z"},
        {"2026-11-23T00:30+01:00", "2026-11-22T23:30:00.000000Z", "2026-11-22T23:30:00.000000Z"},
        {"2026-11-23T23:30-01:30", "2026-11-24T01:00:00.000000Z", "2026-11-24T01:00:00.000000Z"},
        {"", NULL, NULL},
        {"yesterday", NULL, NULL},
        {"2026-11-31", NULL, NULL},
        {"2026-11-23T", NULL, NULL},
        {"2026-11-23T25:00", NULL, NULL},
        {"2026-11-23T15:45x", NULL, NULL},
        {"2026-11-23T15:45:01.", NULL, NULL},
        {"2026-11-23T15:45+1", NULL, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int is_end = 0; is_end < 2; is_end++) {
            int64_t time;
            bool good = audit_read_time(cases[i].text, is_end, &time);
            assert_int_equal(good, cases[i].time != NULL);
            struct bytes shown = {0};
            if (good) {
                record_add_time(&shown, time);
                assert_string_equal(bytes_text(&shown), is_end ? cases[i].end : cases[i].time);
            }
            bytes_fini(&shown);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, folder_make, folder_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_statements_and_results_are_one),
        TEST(test_filters),
        TEST(test_a_second_result_stays_a_record),
        TEST(test_joins_cross_segments),
        TEST(test_order_of_time_over_all_chains),
        TEST(test_csv_cells),
        TEST(test_csv_is_rectangular),
        TEST(test_lines_for_people_hide_nothing),
        TEST(test_nul_in_a_record),
        TEST(test_a_damaged_log_is_exported_and_said),
        TEST(test_no_log_is_a_fault),
        TEST(test_an_export_that_cannot_be_written),
        TEST(test_tail),
        TEST(test_tail_over_segments),
        TEST(test_tail_follows),
        cmocka_unit_test(test_times_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
