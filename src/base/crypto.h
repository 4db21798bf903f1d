/* Hashes, keyed hashes, random bytes and their text forms: a thin door to OpenSSL's EVP (libcrypto), so
 * that no other quiet room includes it. Any thread. A failure inside OpenSSL ends the process. */
#ifndef BASE_CRYPTO_H
#define BASE_CRYPTO_H

#include "base/bytes.h"

enum { CRYPTO_SHA256_SIZE = 32 };

struct sha256 {
    uint8_t byte[CRYPTO_SHA256_SIZE];
};

struct sha256 crypto_sha256(struct view data);
struct sha256 crypto_hmac_sha256(struct view key, struct view data);

/* PBKDF2 with HMAC-SHA-256 (RFC 8018), SCRAM's Hi() (RFC 5802, section 2.2). iterations >= 1. */
struct sha256 crypto_pbkdf2_sha256(struct view password, struct view salt, unsigned iterations);

/* A running SHA-256, for things that come in pieces. crypto_hash_end frees it. */
struct crypto_hash;
struct crypto_hash *crypto_hash_new(void);
void crypto_hash_add(struct crypto_hash *hash, struct view data);
struct sha256 crypto_hash_end(struct crypto_hash *hash);

void crypto_random(void *to, size_t len);
bool crypto_same(const void *a, const void *b, size_t len); /* in constant time */
void crypto_wipe(void *secret, size_t len);

void crypto_hex(const void *data, size_t len, char *to);   /* 2 * len characters and a NUL */
bool crypto_unhex(struct view text, void *to, size_t len); /* exactly 2 * len hex digits, either case */
void crypto_base64(struct view data, struct bytes *to);    /* appended; RFC 4648 with padding */
bool crypto_unbase64(struct view text, struct bytes *to);  /* appended; strict: false on anything else */

#endif
