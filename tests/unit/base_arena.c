/* Arenas: aligned, zeroed, apart from each other, and cheap when empty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdalign.h>

#include "base/arena.h"
#include "base/check.h"
#include "base_support.h"

static void test_memory_is_aligned_and_zeroed(void **state)
{
    struct arena a = {0};
    for (int round = 0; round < 3; round++) {
        for (size_t size = 1; size < 300; size++) {
            char *memory = arena_alloc(&a, size);
            assert_int_equal((uintptr_t)memory % alignof(max_align_t), 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(memory[i], 0);
            /* The kept block must be zeroed again for the next round. */
            memset(memory, 0xa5, size);
        }
        arena_reset(&a);
    }
    arena_fini(&a);
}

static void test_allocations_do_not_overlap(void **state)
{
    enum { COUNT = 2000 };
    static unsigned char *memory[COUNT];
    static size_t sizes[COUNT];
    struct arena a = {0};
    uint64_t numbers = 7;
    for (size_t i = 0; i < COUNT; i++) {
        sizes[i] = next_number(&numbers) % (i % 50 == 0 ? 20000 : 100) + 1;
        memory[i] = arena_alloc(&a, sizes[i]);
        memset(memory[i], (int)(i % 251), sizes[i]);
    }
    for (size_t i = 0; i < COUNT; i++)
        for (size_t k = 0; k < sizes[i]; k++)
            assert_int_equal(memory[i][k], i % 251);
    arena_fini(&a);
}

static void test_used_counts_what_was_handed_out(void **state)
{
    struct arena a = {0};
    assert_int_equal(a.used, 0);
    arena_alloc(&a, 1);
    size_t one = a.used;
    assert_true(one >= 1 && one <= alignof(max_align_t));
    arena_alloc(&a, 100000);
    assert_true(a.used >= 100001 && a.used <= 100000 + 2 * alignof(max_align_t));
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    arena_alloc(&a, 1);
    assert_int_equal(a.used, one);
    arena_fini(&a);
    assert_int_equal(a.used, 0);
}

static void test_empty_arena_owns_nothing(void **state)
{
    struct arena a = {0};
    arena_reset(&a);
    assert_null(a.blocks);
    arena_fini(&a);
    arena_alloc(&a, 10);
    assert_non_null(a.blocks);
    arena_fini(&a);
    assert_null(a.blocks);
    arena_fini(&a);
    /* And it may be used again. */
    assert_string_equal(arena_copy(&a, view_of("again")), "again");
    arena_fini(&a);
}

static void test_reset_keeps_one_ordinary_block(void **state)
{
    struct arena a = {0};
    char *first = arena_alloc(&a, 64);
    arena_reset(&a);
    assert_ptr_equal(arena_alloc(&a, 64), first);
    /* A block made for one large thing is given back. */
    arena_fini(&a);
    arena_alloc(&a, 1 << 20);
    arena_reset(&a);
    assert_null(a.blocks);
    /* Of many, large and ordinary, one stays. */
    for (int i = 0; i < 40; i++)
        arena_alloc(&a, i % 5 == 0 ? 50000 : 3000);
    arena_reset(&a);
    assert_non_null(a.blocks);
    arena_fini(&a);
}

static void test_nothing_is_something(void **state)
{
    struct arena a = {0};
    assert_non_null(arena_alloc(&a, 0));
    assert_string_equal(arena_copy(&a, (struct view){NULL, 0}), "");
    struct view empty = arena_view(&a, (struct view){NULL, 0});
    assert_non_null(empty.data);
    assert_int_equal(empty.len, 0);
    arena_fini(&a);
}

static void test_copies_are_whole(void **state)
{
    struct arena a = {0};
    char original[] = "with\0nul";
    struct view v = {original, sizeof original - 1};
    struct view copy = arena_view(&a, v);
    assert_true(view_equals(copy, v));
    assert_int_equal(copy.data[copy.len], '\0');
    original[0] = 'X';
    assert_int_equal(copy.data[0], 'w');
    /* A block is filled to its last byte. */
    char *big = check_alloc(9000);
    for (size_t len = 8100; len < 8300; len++) {
        memset(big, 'b', len);
        char *text = arena_copy(&a, (struct view){big, len});
        assert_int_equal(strlen(text), len);
    }
    free(big);
    arena_fini(&a);
}

static void ask_too_much(void)
{
    struct arena a = {0};
    arena_alloc(&a, SIZE_MAX - 3);
}

static void test_absurd_size_ends_the_process(void **state)
{
    assert_true(fails_check(ask_too_much));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_memory_is_aligned_and_zeroed),
        cmocka_unit_test(test_allocations_do_not_overlap),
        cmocka_unit_test(test_used_counts_what_was_handed_out),
        cmocka_unit_test(test_empty_arena_owns_nothing),
        cmocka_unit_test(test_reset_keeps_one_ordinary_block),
        cmocka_unit_test(test_nothing_is_something),
        cmocka_unit_test(test_copies_are_whole),
        cmocka_unit_test(test_absurd_size_ends_the_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
