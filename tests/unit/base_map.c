/* Maps against a model that can not be wrong: an array with one place per key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/map.h"
#include "base_support.h"

enum { KEYS = 3000 };

static struct view key_of(int number, char *text)
{
    /* Lengths around SipHash's words of eight bytes; the number makes it unique. */
    int len = snprintf(text, 64, "%d%.*s", number, number % 23, ":abcdefghijklmnopqrstuvw");
    return (struct view){text, (size_t)len};
}

static void expect_model(const struct map *m, void *const model[KEYS])
{
    size_t count = 0, walked = 0, at = 0;
    char text[64];
    struct view key;
    void *value;
    for (int i = 0; i < KEYS; i++) {
        assert_ptr_equal(map_get(m, key_of(i, text)), model[i]);
        count += model[i] != NULL;
    }
    assert_int_equal(m->count, count);
    while (map_next(m, &at, &key, &value)) {
        int number = atoi(key.data);
        assert_true(number >= 0 && number < KEYS);
        assert_true(view_equals(key, key_of(number, text)));
        assert_ptr_equal(value, model[number]);
        walked++;
    }
    assert_int_equal(walked, count);
    assert_false(map_next(m, &at, &key, &value));
}

static void test_against_a_model(void **state)
{
    static char values[7];
    static void *model[KEYS];
    struct map m = {0};
    uint64_t numbers = 99;
    char text[64];
    memset(model, 0, sizeof model);
    expect_model(&m, model);
    for (int round = 0; round < 60000; round++) {
        /* The map fills and empties in waves, so that it grows, is full of graves, and shrinks. */
        bool put = next_number(&numbers) % 10 < (round / 10000 % 2 ? 2u : 8u);
        int number = (int)(next_number(&numbers) % KEYS);
        struct view key = key_of(number, text);
        void *value = put ? &values[next_number(&numbers) % 7] : NULL;
        assert_ptr_equal(put ? map_put(&m, key, value) : map_remove(&m, key), model[number]);
        model[number] = value;
        assert_true(m.used >= m.count && m.used <= m.cap / 4 * 3);
        if (round % 5000 == 0)
            expect_model(&m, model);
    }
    expect_model(&m, model);
    map_clear(&m);
    memset(model, 0, sizeof model);
    expect_model(&m, model);
    map_fini(&m);
}

/* A few live entries and an endless stream of others: graves are swept, or the map would grow for ever. */
static void test_graves_do_not_pile_up(void **state)
{
    struct map m = {0};
    char text[64], live;
    for (int i = 0; i < 5; i++)
        map_put(&m, key_of(i, text), &live);
    for (int i = 100; i < 200000; i++) {
        assert_null(map_put(&m, key_of(i, text), &live));
        assert_ptr_equal(map_remove(&m, key_of(i, text)), &live);
        assert_null(map_get(&m, key_of(i, text)));
        assert_true(m.cap <= 32);
    }
    for (int i = 0; i < 5; i++)
        assert_ptr_equal(map_get(&m, key_of(i, text)), &live);
    assert_int_equal(m.count, 5);
    map_fini(&m);
}

static void test_shrinks_after_a_crowd(void **state)
{
    struct map m = {0};
    char text[64], live;
    for (int i = 0; i < 100000; i++)
        map_put(&m, key_of(i, text), &live);
    assert_int_equal(m.count, 100000);
    for (int i = 0; i < 100000; i++)
        assert_ptr_equal(map_remove(&m, key_of(i, text)), &live);
    assert_int_equal(m.count, 0);
    assert_null(map_get(&m, key_of(1, text)));
    for (int i = 100000; i < 300000; i++) {
        map_put(&m, key_of(i, text), &live);
        map_remove(&m, key_of(i, text));
    }
    assert_true(m.cap <= 32);
    map_fini(&m);
}

static void test_grave_is_used_again(void **state)
{
    struct map m = {0};
    char one, other;
    for (int i = 0; i < 1000; i++) {
        assert_null(map_put(&m, view_of("same"), &one));
        assert_ptr_equal(map_put(&m, view_of("same"), &other), &one);
        assert_int_equal(m.used, 1);
        assert_ptr_equal(map_remove(&m, view_of("same")), &other);
        assert_null(map_remove(&m, view_of("same")));
    }
    assert_int_equal(m.used, 1);
    map_fini(&m);
}

static void test_keys_are_bytes_and_copied(void **state)
{
    struct map m = {0};
    char values[6], text[] = "abc";
    static const struct view keys[] = {{NULL, 0}, {"\0", 1}, {"\0\0", 2}, {"a", 1}, {"a\0", 2}, {"\xff", 1}};
    for (size_t i = 0; i < 6; i++)
        assert_null(map_put(&m, keys[i], &values[i]));
    for (size_t i = 0; i < 6; i++)
        assert_ptr_equal(map_get(&m, keys[i]), &values[i]);
    assert_ptr_equal(map_get(&m, view_of("")), &values[0]);
    map_put(&m, view_of(text), &values[1]);
    text[0] = 'X';
    assert_ptr_equal(map_get(&m, view_of("abc")), &values[1]);
    assert_null(map_get(&m, view_of(text)));
    map_fini(&m);
}

static void test_key_behind_a_guard_page(void **state)
{
    struct map m = {0};
    char value, text[64];
    for (size_t len = 0; len < 40; len++) {
        memset(text, 'k', len);
        struct guarded g = guarded_new((struct view){text, len});
        map_put(&m, g.view, &value);
        assert_ptr_equal(map_get(&m, g.view), &value);
        guarded_free(&g);
    }
    assert_int_equal(m.count, 40);
    map_fini(&m);
}

static void test_walk_may_remove_its_entry(void **state)
{
    struct map m = {0};
    char text[64], value;
    for (int i = 0; i < 1000; i++)
        map_put(&m, key_of(i, text), &value);
    size_t at = 0, seen = 0;
    struct view key;
    void *found;
    while (map_next(&m, &at, &key, &found)) {
        if (++seen % 2 == 0)
            assert_ptr_equal(map_remove(&m, key), &value);
    }
    assert_int_equal(seen, 1000);
    assert_int_equal(m.count, 500);
    map_fini(&m);
}

static void test_empty_map(void **state)
{
    struct map m = {0};
    size_t at = 0;
    struct view key;
    void *value;
    assert_null(map_get(&m, view_of("x")));
    assert_null(map_remove(&m, view_of("x")));
    assert_false(map_next(&m, &at, &key, &value));
    map_clear(&m);
    map_fini(&m);
    map_fini(&m);
}

static void put_nothing(void)
{
    struct map m = {0};
    map_put(&m, view_of("x"), NULL);
}

static void test_null_is_no_value(void **state)
{
    assert_true(fails_check(put_nothing));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_against_a_model),           cmocka_unit_test(test_graves_do_not_pile_up),
        cmocka_unit_test(test_shrinks_after_a_crowd),     cmocka_unit_test(test_grave_is_used_again),
        cmocka_unit_test(test_keys_are_bytes_and_copied), cmocka_unit_test(test_key_behind_a_guard_page),
        cmocka_unit_test(test_walk_may_remove_its_entry), cmocka_unit_test(test_empty_map),
        cmocka_unit_test(test_null_is_no_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
