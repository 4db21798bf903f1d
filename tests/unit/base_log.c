/* One line per event, whatever the text holds, and nothing below the level. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <unistd.h>

#include "base/log.h"
#include "base/text.h"

/* Standard error goes into a file while `say` runs; returns all of it, to be freed. */
static char *said_by(void (*say)(void))
{
    FILE *file = tmpfile();
    assert_non_null(file);
    int old = dup(STDERR_FILENO);
    dup2(fileno(file), STDERR_FILENO);
    say();
    dup2(old, STDERR_FILENO);
    close(old);
    char *text = calloc(1, 1 << 16);
    rewind(file);
    size_t len = fread(text, 1, (1 << 16) - 1, file);
    fclose(file);
    assert_int_equal(strlen(text), len);
    return text;
}

static int lines_of(const char *text)
{
    int count = 0;
    for (; *text != '\0'; text++)
        count += *text == '\n';
    return count;
}

static void say_hello(void)
{
    log_info("hello %d", 5);
}

static void test_time_level_role_text(void **state)
{
    log_open("proxy", LOG_LEVEL_INFO);
    char *said = said_by(say_hello);
    int used = 0, year, month, day, hour, minute, second, micro;
    assert_int_equal(
        sscanf(said, "%4d-%2d-%2dT%2d:%2d:%2d.%6dZ%n", &year, &month, &day, &hour, &minute, &second, &micro, &used), 7);
    assert_int_equal(used, TEXT_TIME_SIZE - 1);
    assert_true(year >= 2024);
    assert_string_equal(said + used, " info proxy: hello 5\n");
    free(said);
}

static void say_all(void)
{
    log_info("two");
    log_warn("three");
    log_error("four");
}

static void test_levels(void **state)
{
    static const char *const lines[] = {"info r: two\n", "warn r: three\n", "error r: four\n"};
    for (int least = LOG_LEVEL_INFO; least <= LOG_LEVEL_ERROR; least++) {
        log_open("r", (enum log_level)least);
        char *said = said_by(say_all);
        assert_int_equal(lines_of(said), 3 - least);
        for (int i = 0; i < 3; i++)
            assert_int_equal(strstr(said, lines[i]) != NULL, i >= least);
        free(said);
    }
}

static void say_forgery(void)
{
    log_warn("agent %s\r\n2026-01-01T00:00:00.000000Z info proxy: all is well\x1b[2K\t\x7f\xff\xe2\x80\xae%c", "x", 0);
}

static void test_nobody_forges_a_line(void **state)
{
    log_open("proxy", LOG_LEVEL_INFO);
    char *said = said_by(say_forgery);
    assert_int_equal(lines_of(said), 1);
    assert_non_null(strstr(said, "agent x<U+000D><U+000A>2026-01-01T00:00:00.000000Z info proxy: all is well"
                                 "<U+001B>[2K<U+0009><U+007F><FF><U+202E><U+0000>\n"));
    free(said);
}

static void say_much(void)
{
    char text[9000];
    memset(text, 'w', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_error("%s", text);
    /* Cut in the middle of a character: its bytes are shown one by one. */
    for (size_t i = 0; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa4", 2);
    log_error("%s", text);
    log_error("end");
}

static void test_long_text_is_cut_and_the_line_ended(void **state)
{
    log_open("proxy", LOG_LEVEL_INFO);
    char *said = said_by(say_much);
    assert_int_equal(lines_of(said), 3);
    assert_int_equal(strspn(strstr(said, ": w") + 2, "w"), 2047);
    assert_int_equal(text_utf8_valid((struct view){said, strlen(said)}), strlen(said));
    assert_non_null(strstr(said, "<C3>\n"));
    assert_non_null(strstr(said, "error proxy: end\n"));
    free(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time_level_role_text),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_nobody_forges_a_line),
        cmocka_unit_test(test_long_text_is_cut_and_the_line_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
