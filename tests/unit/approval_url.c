/* Redis urls, taken apart or refused with words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "url.h"

static void parsed(struct redis_url *to, const char *url)
{
    struct fault fault;
    struct approval_redis redis = {.url = url};
    if (!redis_url_parse(to, &redis, &fault))
        fail_msg("%s: %s", url, fault.message);
}

static void refused(const char *url, const char *words)
{
    struct redis_url to;
    struct fault fault = {0};
    struct approval_redis redis = {.url = url};
    if (redis_url_parse(&to, &redis, &fault))
        fail_msg("%s was taken", url ? url : "NULL");
    if (strstr(fault.message, words) == NULL)
        fail_msg("%s: \"%s\" doesn't say \"%s\"", url ? url : "NULL", fault.message, words);
}

static void test_good(void **state)
{
    struct redis_url to;
    parsed(&to, "redis://127.0.0.1:6380/3");
    assert_string_equal(to.host, "127.0.0.1");
    assert_int_equal(to.port, 6380);
    assert_int_equal(to.database, 3);
    assert_string_equal(to.password, "");
    parsed(&to, "redis://db");
    assert_string_equal(to.host, "db");
    assert_int_equal(to.port, 6379);
    assert_int_equal(to.database, 0);
    parsed(&to, "redis://u:p%40ss%3a@h/");
    assert_string_equal(to.user, "u");
    assert_string_equal(to.password, "p@ss:");
    parsed(&to, "redis://:secret@[::1]:1");
    assert_string_equal(to.user, "");
    assert_string_equal(to.password, "secret");
    assert_string_equal(to.host, "::1");
    assert_int_equal(to.port, 1);
    parsed(&to, "unix:/run/redis.sock");
    assert_string_equal(to.path, "/run/redis.sock");
    parsed(&to, "unix:///run/redis.sock?db=7");
    assert_string_equal(to.path, "/run/redis.sock");
    assert_int_equal(to.database, 7);
}

static void test_wrong(void **state)
{
    refused(NULL, "neither redis://");
    refused("", "neither redis://");
    refused("localhost:6379", "neither redis://");
    refused("rediss://h:1/0", "needs TLS");
    refused("redis://", "no host");
    refused("redis://:6379", "no host");
    refused("redis://h:", "port");
    refused("redis://h:0", "port");
    refused("redis://h:65536", "port");
    refused("redis://h:6x", "port");
    refused("redis://h:1/x", "database");
    refused("redis://h:1/99999", "database");
    refused("redis://[::1", "bracket");
    refused("redis://[::1]6379", "bracket");
    refused("redis://u:%4@h", "%XX");
    refused("redis://u:%00@h", "%XX");
    refused("redis://u@h", "no password");
    refused("unix:relative.sock", "absolute");
    refused("unix:/s?database=1", "?db=N");
}

static void test_role_wins(void **state)
{
    struct redis_url to;
    struct fault fault;
    struct approval_redis redis = {.url = "redis://a:b@h", .user = "sp_proxy", .password = "secret"};
    assert_true(redis_url_parse(&to, &redis, &fault));
    assert_string_equal(to.user, "sp_proxy");
    assert_string_equal(to.password, "secret");
}

static void test_greeting(void **state)
{
    struct redis_url to;
    struct bytes command = {0};
    parsed(&to, "redis://h");
    assert_false(redis_url_auth(&to, &command));
    assert_false(redis_url_select(&to, &command));
    assert_int_equal(command.len, 0);
    parsed(&to, "redis://u:p@h/5");
    assert_true(redis_url_auth(&to, &command));
    assert_string_equal(bytes_text(&command), "*3\r\n$4\r\nAUTH\r\n$1\r\nu\r\n$1\r\np\r\n");
    bytes_clear(&command);
    assert_true(redis_url_select(&to, &command));
    assert_string_equal(bytes_text(&command), "*2\r\n$6\r\nSELECT\r\n$1\r\n5\r\n");
    bytes_fini(&command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_wrong),
        cmocka_unit_test(test_role_wins),
        cmocka_unit_test(test_greeting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
