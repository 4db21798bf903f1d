/* Writing messages: the bytes of each, written out by hand from the manual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/wire.h"

/* Whatever stands in the buffer before must stay, so every test writes behind a mark. */
static struct bytes to;

static int set_up(void **state)
{
    bytes_add_text(&to, "mark");
    return 0;
}

static int tear_down(void **state)
{
    bytes_fini(&to);
    return 0;
}

static void assert_bytes(const char *expected, size_t len)
{
    assert_int_equal(to.len, 4 + len);
    assert_memory_equal(to.data, "mark", 4);
    assert_memory_equal(to.data + 4, expected, len);
    bytes_clear(&to);
    bytes_add_text(&to, "mark");
}

#define ASSERT_BYTES(text) assert_bytes(text, sizeof text - 1)

static void either_side(void **state)
{
    message_add_empty(&to, 'S');
    ASSERT_BYTES("S\0\0\0\4");
    message_add_raw(&to, 'd', view_of("line\n"));
    ASSERT_BYTES("d\0\0\0\x09line\n");
    message_add_empty(&to, '1');
    message_add_empty(&to, '2');
    ASSERT_BYTES("1\0\0\0\4"
                 "2\0\0\0\4");
}

static void to_the_server(void **state)
{
    message_add_query(&to, view_of("SELECT 1"));
    ASSERT_BYTES("Q\0\0\0\x0dSELECT 1\0");
    message_add_parse(&to, view_of("s"), view_of("SELECT $1"), (const uint32_t[]){23, 0x01020304}, 2);
    ASSERT_BYTES("P\0\0\0\x1as\0SELECT $1\0\0\2\0\0\0\x17\1\2\3\4");
    message_add_parse(&to, view_of(""), view_of("x"), NULL, 0);
    ASSERT_BYTES("P\0\0\0\x09\0x\0\0\0");
    message_add_name(&to, 'D', 'S', view_of("s"));
    message_add_name(&to, 'C', 'P', view_of(""));
    ASSERT_BYTES("D\0\0\0\7Ss\0C\0\0\0\6P\0");
    message_add_execute(&to, view_of("p"), 100);
    ASSERT_BYTES("E\0\0\0\x0ap\0\0\0\0\x64");
    message_add_function_call(&to, 0);
    ASSERT_BYTES("F\0\0\0\x0e\0\0\0\0\0\0\0\0\0\0");
    message_add_cancel(&to, 258, view_of("key!"));
    ASSERT_BYTES("\0\0\0\x10\x04\xd2\x16\x2e\0\0\1\2key!");
}

static void bind(void **state)
{
    const struct view values[] = {view_of("ab"), {NULL, 0}, view_of("")};
    message_add_bind(&to, view_of("p"), view_of("s"), values, 3, (const uint16_t[]){0, 1}, 2);
    ASSERT_BYTES("B\0\0\0\x20p\0s\0\0\0\0\3\0\0\0\2ab\xff\xff\xff\xff\0\0\0\0\0\2\0\0\0\1");
    message_add_bind(&to, view_of(""), view_of(""), NULL, 0, NULL, 0);
    ASSERT_BYTES("B\0\0\0\x0c\0\0\0\0\0\0\0\0");
}

static void startup(void **state)
{
    const struct startup_parameter parameters[] = {{view_of("user"), view_of("bot")},
                                                   {view_of("database"), view_of("")}};
    message_add_startup(&to, 2, parameters, 2);
    ASSERT_BYTES("\0\0\0\x1c\0\3\0\2user\0bot\0database\0\0\0");
}

static void to_an_agent(void **state)
{
    message_add_authentication(&to, 0, (struct view){0});
    ASSERT_BYTES("R\0\0\0\x08\0\0\0\0");
    message_add_authentication(&to, 11, view_of("r=x"));
    ASSERT_BYTES("R\0\0\0\x0b\0\0\0\x0br=x");
    message_add_negotiate(&to, 2, (const struct view[]){view_of("_pq_.a")}, 1);
    ASSERT_BYTES("v\0\0\0\x13\0\3\0\2\0\0\0\1_pq_.a\0");
    message_add_key(&to, 258, view_of("key!"));
    ASSERT_BYTES("K\0\0\0\x0c\0\0\1\2key!");
    message_add_parameter(&to, view_of("a"), view_of("b"));
    ASSERT_BYTES("S\0\0\0\x08"
                 "a\0b\0");
    message_add_ready(&to, 'T');
    ASSERT_BYTES("Z\0\0\0\5T");
    message_add_complete(&to, view_of("SELECT 1"));
    ASSERT_BYTES("C\0\0\0\x0dSELECT 1\0");
    message_add_types(&to, (const uint32_t[]){23}, 1);
    ASSERT_BYTES("t\0\0\0\x0a\0\1\0\0\0\x17");
    message_add_row(&to, (const struct view[]){view_of("x"), {NULL, 0}, view_of("")}, 3);
    ASSERT_BYTES("D\0\0\0\x13\0\3\0\0\0\1x\xff\xff\xff\xff\0\0\0\0");
}

static void columns(void **state)
{
    const struct message_column column = {.name = view_of("id"),
                                          .table = 0x4001,
                                          .attribute = 2,
                                          .type = 23,
                                          .type_size = -1,
                                          .type_modifier = -1,
                                          .format = 1};
    message_add_columns(&to, &column, 1);
    ASSERT_BYTES("T\0\0\0\x1b\0\1id\0\0\0\x40\1\0\2\0\0\0\x17\xff\xff\xff\xff\xff\xff\0\1");
}

static void words(void **state)
{
    const struct message_words all = {"ERROR", "42501", "no", "{}", "ask", 7};
    message_add_words(&to, 'E', &all);
    ASSERT_BYTES("E\0\0\0\x2aSERROR\0VERROR\0C42501\0Mno\0D{}\0Hask\0P7\0\0");
    const struct message_words few = {.severity = "NOTICE", .sqlstate = "00000", .message = "hi"};
    message_add_words(&to, 'N', &few);
    ASSERT_BYTES("N\0\0\0\x20SNOTICE\0VNOTICE\0C00000\0Mhi\0\0");
}

static void large_length(void **state)
{
    static char text[70000];
    memset(text, 'x', sizeof text);
    message_add_raw(&to, 'd', (struct view){text, sizeof text});
    assert_int_equal(to.len, 4 + 5 + sizeof text);
    assert_memory_equal(to.data + 4, "d\0\1\x11\x74", 5);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(either_side), TEST(to_the_server), TEST(bind),  TEST(startup),
        TEST(to_an_agent), TEST(columns),       TEST(words), TEST(large_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
