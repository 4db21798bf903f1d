/* Published vectors: FIPS 180-2, RFC 4231 (HMAC), RFC 7914 and RFC 7677 (PBKDF2), RFC 4648 (base64). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/crypto.h"
#include "base_support.h"

static void expect_hash(struct sha256 hash, const char *hex)
{
    char text[2 * CRYPTO_SHA256_SIZE + 1];
    crypto_hex(hash.byte, sizeof hash.byte, text);
    assert_string_equal(text, hex);
}

static struct view filled(char *to, int byte, size_t len)
{
    memset(to, byte, len);
    return (struct view){to, len};
}

#define EMPTY_HASH   "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define MILLION_HASH "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static void test_sha256(void **state)
{
    expect_hash(crypto_sha256((struct view){0}), EMPTY_HASH);
    expect_hash(crypto_sha256(view_of("")), EMPTY_HASH);
    expect_hash(crypto_sha256(view_of("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect_hash(crypto_sha256(view_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    char *million = check_alloc(1000000);
    expect_hash(crypto_sha256(filled(million, 'a', 1000000)), MILLION_HASH);
    free(million);
}

static void test_running_hash(void **state)
{
    struct crypto_hash *hash = crypto_hash_new();
    expect_hash(crypto_hash_end(hash), EMPTY_HASH);
    /* Pieces of all sizes, nothing among them. */
    char piece[200];
    hash = crypto_hash_new();
    crypto_hash_add(hash, (struct view){0});
    for (size_t left = 1000000, size = 0; left > 0; size = (size + 1) % sizeof piece) {
        size_t take = size < left ? size : left;
        crypto_hash_add(hash, filled(piece, 'a', take));
        left -= take;
    }
    expect_hash(crypto_hash_end(hash), MILLION_HASH);
}

/* RFC 4231, sections 4.2 to 4.8 (4.6 is about a truncated result). */
static void test_hmac(void **state)
{
    char key[200], data[200];
    expect_hash(crypto_hmac_sha256(filled(key, 0x0b, 20), view_of("Hi There")),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    expect_hash(crypto_hmac_sha256(view_of("Jefe"), view_of("what do ya want for nothing?")),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    expect_hash(crypto_hmac_sha256(filled(key, 0xaa, 20), filled(data, 0xdd, 50)),
                "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    for (int i = 0; i < 25; i++)
        key[i] = (char)(i + 1);
    expect_hash(crypto_hmac_sha256((struct view){key, 25}, filled(data, 0xcd, 50)),
                "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
    struct view long_key = filled(key, 0xaa, 131);
    expect_hash(crypto_hmac_sha256(long_key, view_of("Test Using Larger Than Block-Size Key - Hash Key First")),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    expect_hash(crypto_hmac_sha256(long_key, view_of("This is a test using a larger than block-size key and a larger "
                                                     "than block-size data. The key needs to be hashed before being "
                                                     "used by the HMAC algorithm.")),
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
    expect_hash(crypto_hmac_sha256((struct view){0}, (struct view){0}),
                "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_pbkdf2(void **state)
{
    /* RFC 7914, section 11: the first half of its 64 bytes, which is the first block. */
    expect_hash(crypto_pbkdf2_sha256(view_of("passwd"), view_of("salt"), 1),
                "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
    expect_hash(crypto_pbkdf2_sha256(view_of("Password"), view_of("NaCl"), 80000),
                "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56");
    expect_hash(crypto_pbkdf2_sha256(view_of("password"), view_of("salt"), 4096),
                "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
    /* A NUL is a byte like others. */
    struct sha256 whole = crypto_pbkdf2_sha256((struct view){"pass\0word", 9}, (struct view){"sa\0lt", 5}, 2);
    struct sha256 cut = crypto_pbkdf2_sha256(view_of("pass"), (struct view){"sa\0lt", 5}, 2);
    assert_memory_not_equal(whole.byte, cut.byte, sizeof cut.byte);
}

/* One iteration is HMAC(password, salt || 1): holds for empty ones too. */
static void test_pbkdf2_of_nothing(void **state)
{
    static const struct view views[] = {{NULL, 0}, {"", 0}, {"x", 1}};
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 3; k++) {
            struct bytes salted = {0};
            bytes_add_view(&salted, views[k]);
            bytes_add_u32(&salted, 1);
            struct sha256 expected = crypto_hmac_sha256(views[i], bytes_view(&salted));
            struct sha256 key = crypto_pbkdf2_sha256(views[i], views[k], 1);
            assert_memory_equal(key.byte, expected.byte, sizeof key.byte);
            bytes_fini(&salted);
        }
    }
}

/* RFC 7677, section 3: the whole SCRAM-SHA-256 exchange, out of these parts. */
static void test_scram_vector(void **state)
{
    struct bytes salt = {0}, proof = {0};
    assert_true(crypto_unbase64(view_of("W22ZaJ0SNY7soEsUEjb6gQ=="), &salt));
    struct sha256 salted = crypto_pbkdf2_sha256(view_of("pencil"), bytes_view(&salt), 4096);
    struct view salted_view = {(char *)salted.byte, sizeof salted.byte};
    struct sha256 client = crypto_hmac_sha256(salted_view, view_of("Client Key"));
    struct sha256 stored = crypto_sha256((struct view){(char *)client.byte, sizeof client.byte});
    struct sha256 signature =
        crypto_hmac_sha256((struct view){(char *)stored.byte, sizeof stored.byte},
                           view_of("n=user,r=rOprNGfwEbeRWgbNEkqO,"
                                   "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,"
                                   "i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"));
    for (size_t i = 0; i < sizeof client.byte; i++)
        client.byte[i] ^= signature.byte[i];
    crypto_base64((struct view){(char *)client.byte, sizeof client.byte}, &proof);
    assert_string_equal(bytes_text(&proof), "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    bytes_fini(&salt);
    bytes_fini(&proof);
}

static void test_random(void **state)
{
    unsigned char one[64] = {0}, other[64] = {0};
    crypto_random(one, 0);
    for (size_t i = 0; i < sizeof one; i++)
        assert_int_equal(one[i], 0);
    crypto_random(one, 32);
    crypto_random(other, 32);
    assert_memory_not_equal(one, other, 32);
    /* Not a byte more than asked for. */
    for (size_t i = 32; i < sizeof one; i++)
        assert_int_equal(one[i] | other[i], 0);
}

static void test_same_and_wipe(void **state)
{
    char a[32], b[32];
    memset(a, 7, sizeof a);
    memset(b, 7, sizeof b);
    assert_true(crypto_same(a, b, sizeof a));
    for (size_t i = 0; i < sizeof a; i++) {
        for (int bit = 0; bit < 8; bit++) {
            b[i] ^= (char)(1 << bit);
            assert_false(crypto_same(a, b, sizeof a));
            assert_true(crypto_same(a, b, i));
            b[i] ^= (char)(1 << bit);
        }
    }
    assert_true(crypto_same(a, "", 0));
    crypto_wipe(a, 16);
    for (size_t i = 0; i < sizeof a; i++)
        assert_int_equal(a[i], i < 16 ? 0 : 7);
}

static void test_hex(void **state)
{
    uint8_t all[256], back[256];
    char text[2 * sizeof all + 1];
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    crypto_hex(all, sizeof all, text);
    assert_int_equal(strlen(text), 512);
    assert_memory_equal(text, "000102", 6);
    assert_string_equal(text + 506, "fdfeff");
    assert_true(crypto_unhex(view_of(text), back, sizeof back));
    assert_memory_equal(all, back, sizeof all);
    crypto_hex(all, 0, text);
    assert_string_equal(text, "");
    assert_true(crypto_unhex((struct view){0}, back, 0));
    assert_true(crypto_unhex(view_of("aBCdEf"), back, 3));
    assert_memory_equal(back, "\xab\xcd\xef", 3);
}

static void test_unhex_is_strict(void **state)
{
    uint8_t to[4];
    static const char *const wrong[] = {"",     "0",    "000",  "00000", "0g00", "00:0",
                                        "/000", "000@", "00 0", "`000",  "0x00"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(crypto_unhex(view_of(wrong[i]), to, 2));
    assert_false(crypto_unhex((struct view){"00\0\0", 4}, to, 2));
    assert_false(crypto_unhex(view_of("00"), to, SIZE_MAX / 2 + 2));
}

struct base64_case {
    const char *plain, *text;
};

static void test_base64_vectors(void **state)
{
    /* RFC 4648, section 10. */
    static const struct base64_case cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xfb\xff\xbf", "+/+/"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes b = {0};
        bytes_add_text(&b, "before ");
        crypto_base64(view_of(cases[i].plain), &b);
        assert_string_equal(bytes_text(&b) + 7, cases[i].text);
        b.len = 7;
        assert_true(crypto_unbase64(view_of(cases[i].text), &b));
        assert_string_equal(bytes_text(&b) + 7, cases[i].plain);
        bytes_fini(&b);
    }
}

static void test_unbase64_is_strict(void **state)
{
    static const char *const wrong[] = {
        "Z",    "Zg",   "Zg=",      "Zg===",    "=",        "==",       "====",     "Z===",     "Zg=v",
        "=g==", "Z=g=", "Zg==Zg==", "Zm8=Zm9v", "Zm9v\n",   "Zm9v====", " Zm9v",    "Zm 9",     "Zm9\n",
        "Zm9-", "Zm9_", "Zm9.",     "Zm\xc3v",  "Zm9v Zm9", "Zh==",     "Zm9=",     "Z/==",     "Zm//Zm9=",
        "A===", "AB==", "AAB=",     "Zm9v=",    "Zm9v==",   "Zm9vZ===", "Zm9v===Z", "Zm9v=Zg=",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct bytes b = {0};
        bytes_add_text(&b, "kept");
        if (crypto_unbase64(view_of(wrong[i]), &b))
            fail_msg("taken for base64: %s", wrong[i]);
        assert_string_equal(bytes_text(&b), "kept");
        bytes_fini(&b);
    }
    struct bytes b = {0};
    assert_false(crypto_unbase64((struct view){"Zm\0v", 4}, &b));
    assert_false(crypto_unbase64((struct view){"Zg\0\0", 4}, &b));
    assert_false(crypto_unbase64((struct view){"Zg=\0", 4}, &b));
    assert_int_equal(b.len, 0);
    bytes_fini(&b);
}

/* One value, one spelling: a group of four characters is taken only if encoding gives it back. */
static void test_base64_has_one_spelling(void **state)
{
    static const char characters[] = "ABQgwxz059+/=-_ \n";
    size_t count = sizeof characters, taken = 0; /* the NUL is one of them */
    struct bytes plain = {0}, again = {0};
    for (size_t i = 0; i < count * count * count * count; i++) {
        char text[4] = {characters[i % count], characters[i / count % count], characters[i / count / count % count],
                        characters[i / count / count / count]};
        bytes_clear(&plain);
        if (!crypto_unbase64((struct view){text, 4}, &plain))
            continue;
        taken++;
        bytes_clear(&again);
        crypto_base64(bytes_view(&plain), &again);
        assert_int_equal(again.len, 4);
        assert_memory_equal(again.data, text, 4);
    }
    assert_true(taken > 12 * 12 * 12 * 12);
    bytes_fini(&plain);
    bytes_fini(&again);
}

static void test_base64_round_trip(void **state)
{
    uint64_t numbers = 5;
    for (size_t len = 0; len < 200; len++) {
        char data[200];
        for (size_t i = 0; i < len; i++)
            data[i] = (char)next_number(&numbers);
        struct guarded g = guarded_new((struct view){data, len});
        struct bytes text = {0}, back = {0};
        crypto_base64(g.view, &text);
        assert_int_equal(text.len, (len + 2) / 3 * 4);
        assert_true(crypto_unbase64(bytes_view(&text), &back));
        assert_true(view_equals(bytes_view(&back), g.view));
        bytes_fini(&text);
        bytes_fini(&back);
        guarded_free(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_running_hash),
        cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_pbkdf2),
        cmocka_unit_test(test_pbkdf2_of_nothing),
        cmocka_unit_test(test_scram_vector),
        cmocka_unit_test(test_random),
        cmocka_unit_test(test_same_and_wipe),
        cmocka_unit_test(test_hex),
        cmocka_unit_test(test_unhex_is_strict),
        cmocka_unit_test(test_base64_vectors),
        cmocka_unit_test(test_unbase64_is_strict),
        cmocka_unit_test(test_base64_has_one_spelling),
        cmocka_unit_test(test_base64_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
