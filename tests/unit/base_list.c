/* Lists: order of arrival, removal anywhere, and removal of what is not linked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/list.h"

struct guest {
    int number;
    struct list link;
};

/* The numbers in order, as digits; walked backwards too, which must say the same. */
static void expect_guests(const struct list *head, const char *digits)
{
    char forward[16] = "", backward[16] = "";
    size_t len = 0;
    list_each(at, head) forward[len++] = (char)('0' + list_entry(at, struct guest, link)->number);
    size_t back = len;
    for (const struct list *at = head->prev; at != head; at = at->prev) {
        assert_true(back > 0);
        backward[--back] = (char)('0' + list_entry(at, struct guest, link)->number);
    }
    assert_int_equal(back, 0);
    assert_string_equal(forward, digits);
    assert_string_equal(backward, digits);
    assert_int_equal(list_is_empty(head), digits[0] == '\0');
}

static void test_order_and_removal(void **state)
{
    struct list head;
    struct guest guests[4] = {{1, {0}}, {2, {0}}, {3, {0}}, {4, {0}}};
    list_init(&head);
    expect_guests(&head, "");
    for (int i = 0; i < 4; i++)
        list_append(&head, &guests[i].link);
    expect_guests(&head, "1234");
    list_remove(&guests[1].link);
    expect_guests(&head, "134");
    list_remove(&guests[0].link);
    expect_guests(&head, "34");
    list_remove(&guests[3].link);
    expect_guests(&head, "3");
    list_append(&head, &guests[0].link);
    expect_guests(&head, "31");
    list_remove(&guests[2].link);
    list_remove(&guests[0].link);
    expect_guests(&head, "");
}

static void test_unlinked_may_be_removed(void **state)
{
    struct list head, initialised;
    struct guest stranger = {9, {0}}, guest = {1, {0}};
    list_init(&head);
    list_init(&initialised);
    list_append(&head, &guest.link);
    list_remove(&stranger.link);
    list_remove(&initialised);
    assert_true(list_is_empty(&initialised));
    expect_guests(&head, "1");
    list_remove(&guest.link);
    list_remove(&guest.link);
    assert_true(list_is_empty(&guest.link));
    expect_guests(&head, "");
}

static void test_move_to_another_list(void **state)
{
    struct list waiting, served;
    struct guest guests[2] = {{1, {0}}, {2, {0}}};
    list_init(&waiting);
    list_init(&served);
    for (int i = 0; i < 2; i++)
        list_append(&waiting, &guests[i].link);
    while (!list_is_empty(&waiting)) {
        struct list *first = waiting.next;
        list_remove(first);
        list_append(&served, first);
    }
    expect_guests(&waiting, "");
    expect_guests(&served, "12");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_removal),
        cmocka_unit_test(test_unlinked_may_be_removed),
        cmocka_unit_test(test_move_to_another_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
