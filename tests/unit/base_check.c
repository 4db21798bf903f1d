/* A failed check says what and where, and ends the process; a good one costs and says nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base_support.h"

static void break_a_promise(void)
{
    int answer = 41;
    CHECK(answer == 42);
}

static void keep_a_promise(void)
{
    CHECK(1 + 1 == 2);
}

static void ask_too_much(void)
{
    volatile size_t size = SIZE_MAX / 2;
    free(check_alloc(size));
}

static void count_too_much(void)
{
    volatile size_t size = SIZE_MAX / 2;
    free(check_calloc(size, size));
}

static void grow_too_much(void)
{
    volatile size_t size = SIZE_MAX / 2;
    free(check_realloc(NULL, size));
}

static void test_failed_check_says_where(void **state)
{
    char said[512];
    assert_int_equal(crash_of(break_a_promise, said, sizeof said), SIGABRT);
    assert_non_null(strstr(said, "base_check.c:"));
    assert_non_null(strstr(said, "break_a_promise: check failed: answer == 42\n"));
}

static void test_good_check_is_silent(void **state)
{
    char said[512];
    assert_int_equal(crash_of(keep_a_promise, said, sizeof said), 0);
    assert_string_equal(said, "");
}

/* CHECK is one expression: it can stand before an else, and evaluates its condition once. */
static void test_check_is_an_expression(void **state)
{
    int count = 0;
    if (state != NULL)
        CHECK(++count == 1);
    else
        CHECK(++count == 1);
    assert_int_equal(count, 1);
}

static void test_no_memory_ends_the_process(void **state)
{
    static void (*const acts[])(void) = {ask_too_much, count_too_much, grow_too_much};
    char said[512];
    /* A sanitizer may end the process before malloc returns; without one it is the check. */
    for (size_t i = 0; i < 3; i++) {
        int signal_number = crash_of(acts[i], said, sizeof said);
        assert_true(signal_number == SIGABRT || strstr(said, "Sanitizer") != NULL);
    }
}

static void test_sizes_of_nothing(void **state)
{
    void *memory = check_alloc(0);
    assert_non_null(memory);
    memory = check_realloc(memory, 0);
    assert_non_null(memory);
    free(memory);
    memory = check_calloc(0, 8);
    assert_non_null(memory);
    free(memory);
    memory = check_calloc(8, 0);
    assert_non_null(memory);
    free(memory);
}

static void test_calloc_is_zeroed(void **state)
{
    char *memory = check_calloc(100, 7);
    for (int i = 0; i < 700; i++)
        assert_int_equal(memory[i], 0);
    free(memory);
}

static void test_copies_of_text(void **state)
{
    char *copy = check_strndup(NULL, 0);
    assert_string_equal(copy, "");
    free(copy);
    copy = check_strndup("abcdef", 3);
    assert_string_equal(copy, "abc");
    free(copy);
    /* Exactly len bytes, also behind a NUL. */
    copy = check_strndup("a\0b", 3);
    assert_memory_equal(copy, "a\0b", 4);
    free(copy);
    copy = check_strdup("");
    assert_string_equal(copy, "");
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failed_check_says_where), cmocka_unit_test(test_good_check_is_silent),
        cmocka_unit_test(test_check_is_an_expression),  cmocka_unit_test(test_no_memory_ends_the_process),
        cmocka_unit_test(test_sizes_of_nothing),        cmocka_unit_test(test_calloc_is_zeroed),
        cmocka_unit_test(test_copies_of_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
