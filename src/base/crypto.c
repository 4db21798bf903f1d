#include "base/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

struct sha256 crypto_sha256(struct view data)
{
    struct sha256 hash;
    SHA256((const unsigned char *)(data.data ? data.data : ""), data.len, hash.byte);
    return hash;
}

struct sha256 crypto_hmac_sha256(struct view key, struct view data)
{
    struct sha256 mac;
    unsigned len = sizeof mac.byte;
    CHECK(key.len <= INT32_MAX);
    CHECK(HMAC(EVP_sha256(), key.data ? key.data : "", (int)key.len,
               (const unsigned char *)(data.data ? data.data : ""), data.len, mac.byte, &len) != NULL);
    return mac;
}

struct sha256 crypto_pbkdf2_sha256(struct view password, struct view salt, unsigned iterations)
{
    struct sha256 key;
    CHECK(password.len <= INT32_MAX && salt.len <= INT32_MAX && iterations >= 1 && iterations <= INT32_MAX);
    CHECK(PKCS5_PBKDF2_HMAC(password.data ? password.data : "", (int)password.len, (const unsigned char *)salt.data,
                            (int)salt.len, (int)iterations, EVP_sha256(), sizeof key.byte, key.byte) == 1);
    return key;
}

struct crypto_hash {
    EVP_MD_CTX *context;
};

struct crypto_hash *crypto_hash_new(void)
{
    struct crypto_hash *hash = check_alloc(sizeof *hash);
    hash->context = EVP_MD_CTX_new();
    CHECK(hash->context != NULL);
    CHECK(EVP_DigestInit_ex(hash->context, EVP_sha256(), NULL) == 1);
    return hash;
}

void crypto_hash_add(struct crypto_hash *hash, struct view data)
{
    CHECK(EVP_DigestUpdate(hash->context, data.data, data.len) == 1);
}

struct sha256 crypto_hash_end(struct crypto_hash *hash)
{
    struct sha256 result;
    CHECK(EVP_DigestFinal_ex(hash->context, result.byte, NULL) == 1);
    EVP_MD_CTX_free(hash->context);
    free(hash);
    return result;
}

void crypto_random(void *to, size_t len)
{
    CHECK(len <= INT32_MAX);
    CHECK(RAND_bytes(to, (int)len) == 1);
}

bool crypto_same(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}

void crypto_wipe(void *secret, size_t len)
{
    OPENSSL_cleanse(secret, len);
}

void crypto_hex(const void *data, size_t len, char *to)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *from = data;
    for (size_t i = 0; i < len; i++) {
        *to++ = digits[from[i] >> 4];
        *to++ = digits[from[i] & 15];
    }
    *to = '\0';
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool crypto_unhex(struct view text, void *to, size_t len)
{
    uint8_t *byte = to;
    if (text.len % 2 != 0 || text.len / 2 != len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = digit_value(text.data[2 * i]), low = digit_value(text.data[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        byte[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void crypto_base64(struct view data, struct bytes *to)
{
    const uint8_t *in = (const uint8_t *)data.data;
    for (size_t i = 0; i < data.len; i += 3) {
        size_t left = data.len - i;
        uint32_t group = (uint32_t)in[i] << 16 | (left > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (left > 2 ? in[i + 2] : 0);
        bytes_add_char(to, base64_alphabet[group >> 18]);
        bytes_add_char(to, base64_alphabet[group >> 12 & 63]);
        bytes_add_char(to, left > 1 ? base64_alphabet[group >> 6 & 63] : '=');
        bytes_add_char(to, left > 2 ? base64_alphabet[group & 63] : '=');
    }
}

/* The value of four characters in `group`; false if they are not base64. *count: bytes they stand for. */
static bool base64_group(const char *text, bool last, uint32_t *group, int *count)
{
    *group = 0;
    *count = 3;
    for (int i = 0; i < 4; i++) {
        const char *at = text[i] ? memchr(base64_alphabet, text[i], 64) : NULL;
        if (at == NULL) {
            bool padded = last && i >= 2 && text[i] == '=' && text[3] == '=';
            if (!padded)
                return false;
            *count = *count == 3 ? i - 1 : *count;
            *group <<= 6;
            continue;
        }
        *group = *group << 6 | (uint32_t)(at - base64_alphabet);
    }
    /* The bits behind the last whole byte must be zero, or one value would have several spellings. */
    return (*group & ((1u << (8 * (3 - *count))) - 1)) == 0;
}

bool crypto_unbase64(struct view text, struct bytes *to)
{
    if (text.len % 4 != 0)
        return false;
    size_t before = to->len;
    for (size_t i = 0; i < text.len; i += 4) {
        uint32_t group;
        int count;
        if (!base64_group(text.data + i, i + 4 == text.len, &group, &count)) {
            to->len = before;
            return false;
        }
        for (int k = 0; k < count; k++)
            bytes_add_char(to, (char)(group >> (16 - 8 * k)));
    }
    return true;
}
