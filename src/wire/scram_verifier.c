/* SCRAM verifiers: what is kept instead of a password. RFC 5802, section 3:
 *
 *   SaltedPassword  := Hi(Normalize(password), salt, i)
 *   ClientKey       := HMAC(SaltedPassword, "Client Key")
 *   StoredKey       := H(ClientKey)
 *   ClientSignature := HMAC(StoredKey, AuthMessage)
 *   ClientProof     := ClientKey XOR ClientSignature
 *   ServerKey       := HMAC(SaltedPassword, "Server Key")
 *   ServerSignature := HMAC(ServerKey, AuthMessage)
 *
 * The text form is PostgreSQL's (pg_authid.rolpassword), so verifiers can be carried over in both
 * directions:
 *
 *   SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey> */
#include "scram_verifier.h"

#include <string.h>

#include "saslprep.h"

enum {
    ITERATIONS = 4096, /* PostgreSQL's default: its clients pay for it at each login */
    SALT_LEN = 16,
};

static const char scheme[] = "SCRAM-SHA-256$";

static struct view hash_view(const struct sha256 *hash)
{
    return (struct view){(const char *)hash->byte, sizeof hash->byte};
}

/* ---- making ----------------------------------------------------------------------------------------- */

void scram_verifier_derive(struct view password, struct scram_verifier *verifier)
{
    struct bytes prepared = {0};
    saslprep(password, &prepared);
    struct view salt = {(const char *)verifier->salt, verifier->salt_len};
    struct sha256 salted = crypto_pbkdf2_sha256(bytes_view(&prepared), salt, verifier->iterations);
    struct sha256 client_key = crypto_hmac_sha256(hash_view(&salted), view_of("Client Key"));
    verifier->stored_key = crypto_sha256(hash_view(&client_key));
    verifier->server_key = crypto_hmac_sha256(hash_view(&salted), view_of("Server Key"));
    if (prepared.len > 0)
        crypto_wipe(prepared.data, prepared.len);
    bytes_fini(&prepared);
    crypto_wipe(&salted, sizeof salted);
    crypto_wipe(&client_key, sizeof client_key);
}

void scram_verifier_make(struct view password, struct scram_verifier *verifier)
{
    *verifier = (struct scram_verifier){.iterations = ITERATIONS, .salt_len = SALT_LEN};
    crypto_random(verifier->salt, SALT_LEN);
    scram_verifier_derive(password, verifier);
}

void scram_verifier_doomed(struct view name, struct view process_secret, struct scram_verifier *verifier)
{
    *verifier = (struct scram_verifier){.iterations = ITERATIONS, .salt_len = SALT_LEN};
    struct sha256 salt = crypto_hmac_sha256(process_secret, name);
    memcpy(verifier->salt, salt.byte, SALT_LEN);
    /* Keys that nobody can have a proof for, in case somebody forgets to doom the exchange. */
    crypto_random(&verifier->stored_key, sizeof verifier->stored_key);
    crypto_random(&verifier->server_key, sizeof verifier->server_key);
}

/* ---- reading and writing ---------------------------------------------------------------------------- */

/* What stands before `mark`, which is skipped too. False: there is no such mark. */
static bool split(struct view *rest, char mark, struct view *part)
{
    const char *at = rest->len ? memchr(rest->data, mark, rest->len) : NULL;
    if (at == NULL)
        return false;
    *part = (struct view){rest->data, (size_t)(at - rest->data)};
    *rest = (struct view){at + 1, rest->len - part->len - 1};
    return true;
}

/* 1 to INT32_MAX, decimal, without a sign or leading zeros */
static bool read_iterations(struct view text, unsigned *iterations)
{
    uint64_t value = 0;
    if (text.len == 0 || text.len > 10 || text.data[0] == '0')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(text.data[i] - '0');
    }
    *iterations = (unsigned)value;
    return value <= INT32_MAX;
}

/* Base64 of `least` to `most` bytes. */
static bool read_base64(struct view text, void *to, size_t least, size_t most, size_t *len)
{
    struct bytes plain = {0};
    bool good = crypto_unbase64(text, &plain) && plain.len >= least && plain.len <= most;
    if (good) {
        memcpy(to, plain.data, plain.len);
        *len = plain.len;
    }
    bytes_fini(&plain);
    return good;
}

static bool read_key(struct view text, struct sha256 *key)
{
    size_t len;
    return read_base64(text, key->byte, sizeof key->byte, sizeof key->byte, &len);
}

bool scram_verifier_read(struct view text, struct scram_verifier *verifier)
{
    *verifier = (struct scram_verifier){0};
    if (!view_starts(text, scheme))
        return false;
    struct view rest = {text.data + strlen(scheme), text.len - strlen(scheme)};
    struct view iterations, salt, stored;
    if (!split(&rest, ':', &iterations) || !split(&rest, '$', &salt) || !split(&rest, ':', &stored))
        return false;
    return read_iterations(iterations, &verifier->iterations) &&
           read_base64(salt, verifier->salt, 1, sizeof verifier->salt, &verifier->salt_len) &&
           read_key(stored, &verifier->stored_key) && read_key(rest, &verifier->server_key);
}

void scram_verifier_write(const struct scram_verifier *verifier, struct bytes *to)
{
    bytes_add_format(to, "%s%u:", scheme, verifier->iterations);
    crypto_base64((struct view){(const char *)verifier->salt, verifier->salt_len}, to);
    bytes_add_char(to, '$');
    crypto_base64(hash_view(&verifier->stored_key), to);
    bytes_add_char(to, ':');
    crypto_base64(hash_view(&verifier->server_key), to);
}

/* ---- in an exchange --------------------------------------------------------------------------------- */

bool scram_verifier_accepts(const struct scram_verifier *verifier, struct view auth_message, const struct sha256 *proof)
{
    struct sha256 key = crypto_hmac_sha256(hash_view(&verifier->stored_key), auth_message);
    for (size_t i = 0; i < sizeof key.byte; i++)
        key.byte[i] ^= proof->byte[i];
    struct sha256 stored = crypto_sha256(hash_view(&key));
    crypto_wipe(&key, sizeof key); /* the client's key is as good as its password */
    return crypto_same(&stored, &verifier->stored_key, sizeof stored);
}

struct sha256 scram_verifier_sign(const struct scram_verifier *verifier, struct view auth_message)
{
    return crypto_hmac_sha256(hash_view(&verifier->server_key), auth_message);
}
