/* The digest tells any two contents apart; JSON brings a content back byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "content.h"

#define VIEW(text)                                                                                                     \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

static const uint32_t types[] = {23, 25, 17};
static const struct ticket_setting settings[] = {{"DateStyle", "ISO, MDY"}, {"search_path", "\"$user\", public"}};
static const struct ticket_value values[] = {
    {.data = VIEW("7")},
    {.data = VIEW("it's \xe2\x80\xae \"ünï\"\n\\")},
    {.data = VIEW("\x00\xff\x01"), .format = 1},
    {.is_null = true},
    {.is_null = true, .format = 1},
    {.data = VIEW("")},
    {.data = VIEW("\xff not UTF-8")},
};
static const struct ticket_statement statements[] = {
    {.sql = VIEW("UPDATE t SET a = $1 WHERE b = $2 -- \xc3\xa4"), .types = types, .type_count = 3},
    {.sql = VIEW("DELETE FROM t WHERE c = '\xe9'")},
};
static const struct ticket_run runs[] = {
    {.statement = 0, .values = values, .value_count = 7},
    {.statement = 1},
    {.statement = 0, .values = values + 2, .value_count = 2},
};

static struct ticket_content sample(void)
{
    return (struct ticket_content){
        .agent = "support-bot",
        .database = "app",
        .role = "app_write",
        .settings = settings,
        .setting_count = 2,
        .statements = statements,
        .statement_count = 2,
        .runs = runs,
        .run_count = 3,
    };
}

static void same_digest(const struct ticket_content *a, const struct ticket_content *b)
{
    struct sha256 one = ticket_digest(a), other = ticket_digest(b);
    assert_memory_equal(one.byte, other.byte, sizeof one.byte);
}

static void other_digest(const struct ticket_content *changed, const char *what)
{
    struct ticket_content content = sample();
    struct sha256 one = ticket_digest(&content), other = ticket_digest(changed);
    if (memcmp(one.byte, other.byte, sizeof one.byte) == 0)
        fail_msg("%s isn't in the digest", what);
}

static void test_digest_covers_everything(void **state)
{
    struct ticket_content c;
    c = sample(), c.agent = "support-bo", other_digest(&c, "agent");
    c = sample(), c.database = "ap", other_digest(&c, "database");
    c = sample(), c.role = "postgres", other_digest(&c, "role");
    /* "ab" + "c" is not "a" + "bc" */
    c = sample(), c.agent = "support-botapp", c.database = "", other_digest(&c, "the border of two texts");

    struct ticket_setting setting[] = {settings[0], settings[1]};
    c = sample(), c.settings = setting, setting[1].value = "evil", other_digest(&c, "a setting's value");
    setting[1] = settings[1], setting[1].name = "search_pathx", other_digest(&c, "a setting's name");
    c = sample(), c.setting_count = 1, other_digest(&c, "the number of settings");

    struct ticket_statement statement[] = {statements[0], statements[1]};
    uint32_t type[] = {23, 25, 18};
    c = sample(), c.statements = statement;
    statement[0].sql.len--, other_digest(&c, "the end of the SQL");
    statement[0] = statements[0], statement[0].types = type, other_digest(&c, "a type");
    statement[0] = statements[0], statement[0].type_count = 2, other_digest(&c, "the number of types");
    c = sample(), c.statement_count = 1, other_digest(&c, "the number of statements");

    struct ticket_run run[] = {runs[0], runs[1], runs[2]};
    c = sample(), c.runs = run;
    run[1].statement = 0, other_digest(&c, "which statement is run");
    run[1] = runs[0], run[0] = runs[1], other_digest(&c, "the order of the runs");
    c = sample(), c.run_count = 2, other_digest(&c, "the number of runs");

    for (size_t i = 0; i < 7; i++) {
        struct ticket_value value[7];
        memcpy(value, values, sizeof value);
        struct ticket_run first[] = {runs[0], runs[1], runs[2]};
        c = sample(), c.runs = first;
        first[0].values = value;
        same_digest(&c,
                    &(struct ticket_content){"support-bot", "app", "app_write", settings, 2, statements, 2, runs, 3});
        value[i].format ^= 1, other_digest(&c, "a value's format");
        value[i] = values[i], value[i].is_null = !value[i].is_null, other_digest(&c, "whether a value is NULL");
        value[i] = values[i], value[i].data = (struct view)VIEW("8"), value[i].is_null = false;
        other_digest(&c, "a value");
    }
}

static void test_json_brings_it_back(void **state)
{
    struct ticket_content content = sample(), back;
    struct bytes json = {0};
    struct arena arena = {0};
    content_write(&content, &json);
    assert_null(memchr(json.data, '\n', json.len));
    assert_true(content_read(bytes_view(&json), &arena, &back));
    same_digest(&content, &back);
    assert_string_equal(back.settings[1].value, "\"$user\", public");
    assert_int_equal(back.statements[0].types[2], 17);
    assert_true(view_equals(back.statements[1].sql, statements[1].sql));
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(back.runs[0].values[i].is_null, values[i].is_null);
        assert_int_equal(back.runs[0].values[i].format, values[i].format);
        assert_true(view_equals(back.runs[0].values[i].data, values[i].data));
    }
    bytes_fini(&json);
    arena_fini(&arena);
}

static void test_empty(void **state)
{
    struct ticket_content content = {.agent = "", .database = "", .role = ""}, back;
    struct bytes json = {0};
    struct arena arena = {0};
    content_write(&content, &json);
    assert_true(content_read(bytes_view(&json), &arena, &back));
    same_digest(&content, &back);
    bytes_fini(&json);
    arena_fini(&arena);
}

static void test_text_that_is_no_utf8_never_passes_for_another(void **state)
{
    struct ticket_content content = sample(), back;
    struct bytes json = {0};
    struct arena arena = {0};
    content.agent = "b\xffot"; /* can't be kept as it is: then the digest must not fit */
    content_write(&content, &json);
    assert_true(content_read(bytes_view(&json), &arena, &back));
    struct sha256 one = ticket_digest(&content), other = ticket_digest(&back);
    assert_memory_not_equal(one.byte, other.byte, sizeof one.byte);
    bytes_fini(&json);
    arena_fini(&arena);
}

/* Cut anywhere, it is no content; and nothing that Redis could hold breaks the reader. */
static void test_broken_json(void **state)
{
    static const char *const wrong[] = {
        "",
        "null",
        "[]",
        "{}",
        "{\"agent\":1}",
        "{\"agent\":\"a\",\"database\":\"d\",\"role\":\"r\",\"settings\":{},\"statements\":[],\"runs\":[]}",
        "{\"agent\":\"a\",\"database\":\"d\",\"role\":\"r\",\"settings\":[[1,2]],\"statements\":[],\"runs\":[]}",
        "{\"agent\":\"a\",\"database\":\"d\",\"role\":\"r\",\"settings\":[],\"statements\":[{}],\"runs\":[]}",
        "{\"agent\":\"a\",\"database\":\"d\",\"role\":\"r\",\"settings\":[],\"statements\":[],"
        "\"runs\":[{\"statement\":0,\"values\":[]}]}",
        "{\"agent\":\"a\",\"database\":\"d\",\"role\":\"r\",\"settings\":[],"
        "\"statements\":[{\"sql\":\"x\",\"types\":[-1]}],\"runs\":[]}",
        "{\"agent\":\"a\",\"database\":\"d\",\"role\":\"r\",\"settings\":[],"
        "\"statements\":[{\"sql\":\"x\",\"types\":[]}],\"runs\":[{\"statement\":1,\"values\":[]}]}",
        "{\"agent\":\"a\",\"database\":\"d\",\"role\":\"r\",\"settings\":[],"
        "\"statements\":[{\"sql\":{\"base64\":\"?\"},\"types\":[]}],\"runs\":[]}",
        "{\"agent\":\"a\",\"agent\":\"b\",\"database\":\"d\",\"role\":\"r\",\"settings\":[],\"statements\":[],\"runs\":"
        "[]}",
    };
    struct arena arena = {0};
    struct ticket_content back;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (content_read(view_of(wrong[i]), &arena, &back))
            fail_msg("was taken: %s", wrong[i]);
    struct ticket_content content = sample();
    struct bytes json = {0};
    content_write(&content, &json);
    for (size_t len = 0; len < json.len; len++) {
        char *cut = malloc(len + 1); /* exactly so long, for the sanitizer */
        memcpy(cut, json.data, len);
        assert_false(content_read((struct view){cut, len}, &arena, &back));
        free(cut);
    }
    bytes_fini(&json);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digest_covers_everything),
        cmocka_unit_test(test_json_brings_it_back),
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_text_that_is_no_utf8_never_passes_for_another),
        cmocka_unit_test(test_broken_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
