/* What names stand for while the server has not answered yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "names.h"

static int alive; /* things that nobody has let go of */

struct item {
    struct thing thing;
    int number;
};

static void item_free(struct thing *thing)
{
    alive--;
    test_free(thing);
}

static struct item *item_new(int number)
{
    struct item *item = test_malloc(sizeof *item);
    *item = (struct item){{1, item_free}, number};
    alive++;
    return item;
}

/* Announces a new item and lets go of it: the names keep it. 0 announces that the name will stand for nothing. */
static void announce(struct names *names, const char *name, int number, struct name_change *change)
{
    struct item *item = number ? item_new(number) : NULL;
    names_announce(names, view_of(name), item, change);
    thing_drop(item);
}

/* The number found, 0 for nothing; negative when it is uncertain. */
static int found(struct names *names, const char *name)
{
    bool is_uncertain;
    const struct item *item = names_find(names, view_of(name), &is_uncertain);
    int number = item ? item->number : 0;
    return is_uncertain ? -number - 1000 : number;
}

static void announced_then_confirmed(void **state)
{
    struct names names = {0};
    struct name_change change = {0};
    assert_int_equal(found(&names, "a"), 0);
    announce(&names, "a", 1, &change);
    assert_int_equal(found(&names, "a"), 1);
    names_confirm(&names, &change);
    assert_int_equal(found(&names, "a"), 1);
    assert_int_equal(alive, 1);
    names_confirm(&names, &change); /* once only */
    names_withdraw(&names, &change, true);
    assert_int_equal(found(&names, "a"), 1);
    names_fini(&names);
    assert_int_equal(alive, 0);
}

static void a_failed_duplicate_keeps_the_old(void **state)
{
    struct names names = {0};
    struct name_change first = {0}, second = {0};
    announce(&names, "a", 1, &first);
    names_confirm(&names, &first);
    announce(&names, "a", 2, &second);
    assert_int_equal(found(&names, "a"), -1002);
    names_withdraw(&names, &second, true);
    assert_int_equal(found(&names, "a"), 1);
    assert_int_equal(alive, 1);
    names_fini(&names);
}

static void a_failure_destroys_the_unnamed_and_a_skip_does_not(void **state)
{
    struct names names = {0};
    struct name_change first = {0}, second = {0};
    announce(&names, "", 1, &first);
    names_confirm(&names, &first);
    announce(&names, "", 2, &second);
    assert_int_equal(found(&names, ""), 2);
    names_withdraw(&names, &second, false);
    assert_int_equal(found(&names, ""), 1);
    announce(&names, "", 3, &second);
    names_withdraw(&names, &second, true);
    assert_int_equal(found(&names, ""), 0);
    names_fini(&names);
    assert_int_equal(alive, 0);
}

static void the_unnamed_is_uncertain_over_a_sync(void **state)
{
    struct names names = {0};
    struct name_change first = {0}, second = {0};
    announce(&names, "", 1, &first);
    names_sync(&names);
    assert_int_equal(found(&names, ""), 1); /* there is nothing else that it could be */
    announce(&names, "", 2, &second);
    assert_int_equal(found(&names, ""), 2);
    names_sync(&names);
    assert_int_equal(found(&names, ""), -1002); /* either, if the second is skipped */
    names_confirm(&names, &first);
    assert_int_equal(found(&names, ""), -1002);
    names_confirm(&names, &second);
    assert_int_equal(found(&names, ""), 2);
    names_fini(&names);
}

static void closed_and_made_anew(void **state)
{
    struct names names = {0};
    struct name_change first = {0}, closed = {0}, second = {0};
    announce(&names, "a", 1, &first);
    names_confirm(&names, &first);
    announce(&names, "a", 0, &closed);
    assert_int_equal(found(&names, "a"), -1000);
    announce(&names, "a", 2, &second);
    names_confirm(&names, &closed);
    assert_int_equal(found(&names, "a"), 2); /* nothing older is left */
    names_withdraw(&names, &second, true);
    assert_int_equal(found(&names, "a"), 0);
    assert_int_equal(alive, 0);
    names_fini(&names);
}

static void learnt_and_forgotten(void **state)
{
    struct names names = {0};
    struct item *item = item_new(7);
    names_learn(&names, view_of("a"), item);
    names_learn(&names, view_of(""), item);
    names_learn(&names, view_of("b"), item);
    thing_drop(item);
    assert_int_equal(found(&names, "a"), 7);
    names_forget(&names, view_of("a"));
    names_forget(&names, view_of("nobody"));
    assert_int_equal(found(&names, "a"), 0);
    assert_int_equal(found(&names, "b"), 7);
    names_forget_all(&names);
    assert_int_equal(found(&names, "b"), 0);
    assert_int_equal(found(&names, ""), 0);
    assert_int_equal(alive, 0);
    names_fini(&names);
}

/* What the server forgets now may have been announced anew behind it. */
static void forgetting_leaves_what_is_announced(void **state)
{
    struct names names = {0};
    struct name_change change = {0};
    announce(&names, "a", 1, &change);
    names_forget_all(&names);
    assert_int_equal(found(&names, "a"), 1);
    names_confirm(&names, &change);
    assert_int_equal(found(&names, "a"), 1);
    names_fini(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(announced_then_confirmed),
        cmocka_unit_test(a_failed_duplicate_keeps_the_old),
        cmocka_unit_test(a_failure_destroys_the_unnamed_and_a_skip_does_not),
        cmocka_unit_test(the_unnamed_is_uncertain_over_a_sync),
        cmocka_unit_test(closed_and_made_anew),
        cmocka_unit_test(learnt_and_forgotten),
        cmocka_unit_test(forgetting_leaves_what_is_announced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
