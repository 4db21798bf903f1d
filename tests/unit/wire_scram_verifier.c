/* Verifiers: made, written, read, and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "scram_verifier.h"

/* Password "pencil", as PostgreSQL would write it with the salt of RFC 7677's example. */
#define SALT   "W22ZaJ0SNY7soEsUEjb6gQ=="
#define STORED "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="
#define SERVER "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define PENCIL "SCRAM-SHA-256$4096:" SALT "$" STORED ":" SERVER

static void derived_as_postgresql_does(void **state)
{
    struct scram_verifier verifier;
    struct bytes text = {0};
    assert_true(scram_verifier_read(view_of(PENCIL), &verifier));
    memset(&verifier.stored_key, 0, sizeof verifier.stored_key);
    memset(&verifier.server_key, 0, sizeof verifier.server_key);
    scram_verifier_derive(view_of("pencil"), &verifier);
    scram_verifier_write(&verifier, &text);
    assert_string_equal(bytes_text(&text), PENCIL);
    bytes_fini(&text);
}

static void what_is_written_can_be_read(void **state)
{
    struct scram_verifier made, read;
    struct bytes text = {0};
    scram_verifier_make(view_of("p\303\244ssword"), &made);
    assert_int_equal(made.iterations, 4096);
    assert_int_equal(made.salt_len, 16);
    scram_verifier_write(&made, &text);
    assert_true(scram_verifier_read(bytes_view(&text), &read));
    assert_int_equal(read.iterations, made.iterations);
    assert_int_equal(read.salt_len, made.salt_len);
    assert_memory_equal(read.salt, made.salt, sizeof made.salt);
    assert_memory_equal(&read.stored_key, &made.stored_key, sizeof made.stored_key);
    assert_memory_equal(&read.server_key, &made.server_key, sizeof made.server_key);
    bytes_fini(&text);
}

static void same_password_twice_differs(void **state)
{
    struct scram_verifier one, two;
    scram_verifier_make(view_of("pencil"), &one);
    scram_verifier_make(view_of("pencil"), &two);
    assert_memory_not_equal(one.salt, two.salt, 16);
    assert_memory_not_equal(&one.stored_key, &two.stored_key, sizeof one.stored_key);
}

static void malformed_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        "pencil",
        "md5a3556571e93b0d20722ba62be61e8c2d",
        "SCRAM-SHA-1$4096:" SALT "$" STORED ":" SERVER,
        "scram-sha-256$4096:" SALT "$" STORED ":" SERVER,
        "SCRAM-SHA-256$",
        "SCRAM-SHA-256$4096",
        "SCRAM-SHA-256$4096:" SALT,
        "SCRAM-SHA-256$4096:" SALT "$" STORED,
        "SCRAM-SHA-256$:" SALT "$" STORED ":" SERVER,
        "SCRAM-SHA-256$0:" SALT "$" STORED ":" SERVER,
        "SCRAM-SHA-256$-1:" SALT "$" STORED ":" SERVER,
        "SCRAM-SHA-256$+1:" SALT "$" STORED ":" SERVER,
        "SCRAM-SHA-256$04096:" SALT "$" STORED ":" SERVER,
        "SCRAM-SHA-256$4096 :" SALT "$" STORED ":" SERVER,
        "SCRAM-SHA-256$2147483648:" SALT "$" STORED ":" SERVER,
        "SCRAM-SHA-256$99999999999:" SALT "$" STORED ":" SERVER,
        "SCRAM-SHA-256$4096:$" STORED ":" SERVER,
        "SCRAM-SHA-256$4096:!!!!$" STORED ":" SERVER,
        "SCRAM-SHA-256$4096:" SALT "$AAAA:" SERVER,
        "SCRAM-SHA-256$4096:" SALT "$" STORED ":AAAA",
        "SCRAM-SHA-256$4096:" SALT "$" STORED ":",
        "SCRAM-SHA-256$4096:" SALT "$" STORED ":" SERVER "\n",
        "SCRAM-SHA-256$4096:" SALT "$" STORED ":" SERVER "AAAA",
        "SCRAM-SHA-256$4096:" SALT "$" STORED ":" STORED ":" SERVER,
        /* 66 bytes of salt */
        "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
        "$" STORED ":" SERVER,
    };
    struct scram_verifier verifier;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (scram_verifier_read(view_of(cases[i]), &verifier))
            fail_msg("read: %s", cases[i]);
}

static void doomed_salt_belongs_to_the_name(void **state)
{
    struct scram_verifier one, again, other, elsewhere;
    scram_verifier_doomed(view_of("nobody"), view_of("secret"), &one);
    scram_verifier_doomed(view_of("nobody"), view_of("secret"), &again);
    scram_verifier_doomed(view_of("noone"), view_of("secret"), &other);
    scram_verifier_doomed(view_of("nobody"), view_of("another secret"), &elsewhere);
    assert_int_equal(one.iterations, 4096);
    assert_int_equal(one.salt_len, 16);
    assert_memory_equal(one.salt, again.salt, 16);
    assert_memory_not_equal(one.salt, other.salt, 16);
    assert_memory_not_equal(one.salt, elsewhere.salt, 16);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derived_as_postgresql_does),      cmocka_unit_test(what_is_written_can_be_read),
        cmocka_unit_test(same_password_twice_differs),     cmocka_unit_test(malformed_is_refused),
        cmocka_unit_test(doomed_salt_belongs_to_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
