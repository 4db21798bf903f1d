/* SASLprep: the examples of RFC 4013, section 3, and PostgreSQL's ways with what the RFC would refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "saslprep.h"

static void prepared(void **state)
{
    static const struct {
        const char *password, *expected;
    } cases[] = {
        /* ASCII stays, control characters too */
        {"", ""},
        {"pencil", "pencil"},
        {"USER", "USER"},
        {"a\007b \177", "a\007b \177"},
        /* RFC 4013: soft hyphen away, a-ordinal and roman nine by NFKC */
        {"I\302\255X", "IX"},
        {"\302\252", "a"},
        {"\342\205\250", "IX"},
        /* RFC 4013 refuses a control character and mixed direction: PostgreSQL takes them raw */
        {"\302\205\303\244", "\302\205\303\244"},
        {"\330\2471", "\330\2471"},
        /* spaces */
        {"a\302\240b", "a b"},
        {"a\343\200\200b", "a b"},
        {"a\342\200\213b", "a b"},
        /* mapped to nothing: zero-width joiner, byte order mark, variation selector */
        {"a\342\200\215\357\273\277\357\270\217b", "ab"},
        /* composed and decomposed become the same */
        {"p\303\244ss", "p\303\244ss"},
        {"pa\314\210ss", "p\303\244ss"},
        /* width and ligatures */
        {"\357\274\241\357\254\201", "Afi"},
        /* right to left with right-to-left ends */
        {"\330\247\330\250", "\330\247\330\250"},
        /* private use, non-character, tag, unassigned in Unicode 3.2: raw */
        {"\357\274\241\356\200\200", "\357\274\241\356\200\200"},
        {"\357\274\241\357\277\277", "\357\274\241\357\277\277"},
        {"\357\274\241\363\240\201\201", "\357\274\241\363\240\201\201"},
        {"\357\274\241\360\237\230\200", "\357\274\241\360\237\230\200"},
        /* nothing left: raw */
        {"\302\255", "\302\255"},
        /* not UTF-8: raw */
        {"\344\302\255", "\344\302\255"},
        {"\355\240\200\302\255", "\355\240\200\302\255"},
        /* prohibited is what stands there before normalisation: U+2100 becomes a/c, U+0340 is prohibited
         * itself, and U+1FEF becomes U+0060 */
        {"\342\204\200", "a/c"},
        {"a\315\200", "a\315\200"},
        {"\341\277\257", "`"},
        /* the longest growth there is: U+FDFA */
        {"\357\267\272\357\267\272",
         "\330\265\331\204\331\211 \330\247\331\204\331\204\331\207 \330\271\331\204\331\212\331\207 "
         "\331\210\330\263\331\204\331\205\330\265\331\204\331\211 \330\247\331\204\331\204\331\207 "
         "\330\271\331\204\331\212\331\207 \331\210\330\263\331\204\331\205"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes to = {0};
        saslprep(view_of(cases[i].password), &to);
        assert_string_equal(bytes_text(&to), cases[i].expected);
        bytes_fini(&to);
    }
}

static void nul_is_taken_raw(void **state)
{
    struct bytes to = {0};
    struct view password = {"\302\255\0x", 4};
    saslprep(password, &to);
    assert_true(view_equals(bytes_view(&to), password));
    bytes_fini(&to);
}

static void what_was_there_stays(void **state)
{
    struct bytes to = {0};
    bytes_add_text(&to, "before ");
    saslprep(view_of("\302\252"), &to);
    assert_string_equal(bytes_text(&to), "before a");
    bytes_fini(&to);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prepared),
        cmocka_unit_test(nul_is_taken_raw),
        cmocka_unit_test(what_was_there_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
