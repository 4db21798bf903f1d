/* Parameters as approvers read them. The binary forms are those of PostgreSQL's send functions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/check.h"
#include "value.h"

struct example {
    uint32_t type;
    const char *hex; /* of the binary form; NULL: SQL NULL */
    const char *shown;
};

static void check_shown(uint32_t type, const struct ticket_value *value, const char *shown)
{
    struct bytes seen = {0};
    value_add(&seen, type, value);
    assert_string_equal(bytes_text(&seen), shown);
    bytes_fini(&seen);
}

static void test_binary(void **state)
{
    static const struct example examples[] = {
        {23, NULL, "NULL"},
        {21, "ffff", "-1"},
        {23, "0000002a", "42"},
        {20, "8000000000000000", "-9223372036854775808"},
        {23, "2a", "\\x2a"}, /* the wrong size */
        {26, "ffffffff", "4294967295"},
        {16, "01", "true"},
        {16, "00", "false"},
        {700, "3fc00000", "1.5"},
        {701, "400921fb54442d18", "3.1415926535897931"},
        {25, "49742773", "'It''s'"},
        {25, "", "''"},
        {25, "4e554c4c", "'NULL'"},
        {17, "00ff", "'\\x00ff'"},
        {114, "7b7d", "'{}'"},
        {3802, "017b7d", "'{}'"},
        {3802, "027b7d", "'\\x027b7d'"},
        {2950, "a0eebc999c0b4ef8bb6d6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
        {1082, "00000000", "2000-01-01"},
        {1082, "fffffffe", "1999-12-30"},
        {1082, "7fffffff", "infinity"},
        {1114, "0000000000000001", "2000-01-01 00:00:00.000001"},
        {1114, "ffffffffffffffff", "1999-12-31 23:59:59.999999"},
        {1184, "00000000000f4240", "2000-01-01 00:00:01+00"},
        {1184, "8000000000000000", "-infinity+00"},
        {1700, "0000000000000000", "0"},
        {1700, "0000000000000002", "0.00"},
        {1700, "0001000000000000002a", "42"},
        {1700, "0002000000000002007b162e", "123.56"},
        {1700, "00020001400000000001162e", "-15678"},
        {1700, "0001ffff000000041388", "0.5000"},
        {1700, "0001fffe00000006000a", "0.000000"},
        {1700, "0001000100000000000c", "120000"},
        {1700, "00000000c0000000", "NaN"},
        {1700, "0001", "\\x0001"},
        {1700, "0001000012340000002a", "\\x0001000012340000002a"}, /* no such sign */
        {99999, "0102", "'\\x0102'"},
    };
    for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
        const struct example *e = &examples[i];
        char data[64];
        struct ticket_value value = {.format = 1, .is_null = e->hex == NULL};
        if (e->hex != NULL) {
            value.data = (struct view){data, strlen(e->hex) / 2};
            assert_true(crypto_unhex(view_of(e->hex), data, value.data.len));
        }
        check_shown(e->type, &value, e->shown);
    }
}

static void test_text(void **state)
{
    check_shown(23, &(struct ticket_value){.data = view_of("42")}, "42");
    check_shown(25, &(struct ticket_value){.data = view_of("it's")}, "'it''s'");
    check_shown(0, &(struct ticket_value){.data = view_of("NULL")}, "'NULL'");
    check_shown(25, &(struct ticket_value){.is_null = true}, "NULL");
}

static void test_types(void **state)
{
    struct bytes seen = {0};
    value_add_type(&seen, 1184);
    bytes_add_char(&seen, ' ');
    value_add_type(&seen, 16999);
    assert_string_equal(bytes_text(&seen), "timestamptz type 16999");
    bytes_fini(&seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
