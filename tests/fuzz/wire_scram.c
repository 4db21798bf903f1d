/* SCRAM: hostile messages, verifiers and passwords. The first byte chooses.
 *
 * An exchange is two messages with a line feed between them. So that the last message can get anywhere,
 * "%n" in it stands for the nonce of the challenge, and "%p" at its end for the proof that belongs to it.
 * What must hold: nobody is let in without "%p", nobody at all when the exchange is doomed, and whoever is
 * let in has echoed nonce and channel binding exactly. */
#include <stdint.h>
#include <string.h>

#include "base/check.h"
#include "base/text.h"
#include "saslprep.h"
#include "wire/wire.h"

#define CERTIFICATE "hash of the certificate"

static struct view hash_view(const struct sha256 *hash)
{
    return (struct view){(const char *)hash->byte, sizeof hash->byte};
}

/* A verifier whose ClientKey is known, so that no password and no rounds are needed. */
static struct sha256 known_key(struct scram_verifier *verifier)
{
    struct sha256 key = crypto_sha256(view_of("client key"));
    *verifier = (struct scram_verifier){.iterations = 4096, .salt = "salt", .salt_len = 4};
    verifier->stored_key = crypto_sha256(hash_view(&key));
    verifier->server_key = crypto_sha256(view_of("server key"));
    return key;
}

struct last {
    struct bytes text;
    bool proven; /* "%p" stood at its end */
};

static void add_proof(struct last *last, const struct sha256 *key, struct view bare, struct view challenge)
{
    struct bytes auth_message = {0};
    bytes_add_view(&auth_message, bare);
    bytes_add_char(&auth_message, ',');
    bytes_add_view(&auth_message, challenge);
    bytes_add_char(&auth_message, ',');
    bytes_add_view(&auth_message, bytes_view(&last->text));
    struct sha256 stored = crypto_sha256(hash_view(key));
    struct sha256 proof = crypto_hmac_sha256(hash_view(&stored), bytes_view(&auth_message));
    for (size_t i = 0; i < sizeof proof.byte; i++)
        proof.byte[i] ^= key->byte[i];
    bytes_add_text(&last->text, ",p=");
    crypto_base64(hash_view(&proof), &last->text);
    bytes_fini(&auth_message);
    last->proven = true;
}

static void expand(struct view input, const struct sha256 *key, struct view bare, struct view challenge,
                   struct last *last)
{
    static const char end[] = ",p=%p";
    size_t end_len = sizeof end - 1;
    bool proof = input.len >= end_len && memcmp(input.data + input.len - end_len, end, end_len) == 0;
    size_t len = proof ? input.len - end_len : input.len;
    const char *comma = memchr(challenge.data, ',', challenge.len);
    for (size_t i = 0; i < len; i++) {
        if (input.data[i] == '%' && i + 1 < len && input.data[i + 1] == 'n') {
            bytes_add(&last->text, challenge.data + 2, (size_t)(comma - challenge.data) - 2);
            i++;
        } else {
            bytes_add_char(&last->text, input.data[i]);
        }
    }
    if (proof)
        add_proof(last, key, bare, challenge);
}

static void check_let_in(struct view first, struct view bare, struct view challenge, const struct last *last, bool plus)
{
    struct bytes input = {0}, start = {0};
    CHECK(last->proven);
    bytes_add(&input, first.data, first.len - bare.len);
    bytes_add_text(&input, plus ? CERTIFICATE : "");
    bytes_add_text(&start, "c=");
    crypto_base64(bytes_view(&input), &start);
    bytes_add_char(&start, ',');
    const char *comma = memchr(challenge.data, ',', challenge.len);
    bytes_add(&start, challenge.data, (size_t)(comma - challenge.data) + 1);
    CHECK(last->text.len > start.len && memcmp(last->text.data, start.data, start.len) == 0);
    bytes_fini(&input);
    bytes_fini(&start);
}

/* choice: bits for doomed, certificate, PLUS */
static void try_exchange(uint8_t choice, struct view input)
{
    struct scram_verifier verifier;
    struct sha256 key = known_key(&verifier);
    bool doomed = choice & 1, certificate = choice & 2, plus = choice & 4;
    const char *cut = input.len ? memchr(input.data, '\n', input.len) : NULL;
    struct view first = {input.data, cut ? (size_t)(cut - input.data) : input.len};
    struct view rest = cut ? (struct view){cut + 1, input.len - first.len - 1} : (struct view){0};

    struct scram *scram = scram_new(&verifier, doomed, view_of(certificate ? CERTIFICATE : NULL));
    struct bytes challenge = {0}, reply = {0};
    struct view mechanism = view_of(plus ? "SCRAM-SHA-256-PLUS" : "SCRAM-SHA-256");
    enum scram_step step = scram_start(scram, mechanism, first, &challenge);
    CHECK(step == SCRAM_STEP_FAILED || (step == SCRAM_STEP_CONTINUE && challenge.len > 0));
    if (step == SCRAM_STEP_CONTINUE) {
        CHECK(!plus || certificate);
        /* The flag is "n", "y" or "p=tls-server-end-point", and two commas are behind it. */
        size_t header = plus ? strlen("p=tls-server-end-point,,") : 3;
        struct view bare = {first.data + header, first.len - header};
        struct last last = {0};
        expand(rest, &key, bare, bytes_view(&challenge), &last);
        step = scram_finish(scram, bytes_view(&last.text), &reply);
        CHECK(step == SCRAM_STEP_FAILED || (step == SCRAM_STEP_DONE && !doomed));
        if (step == SCRAM_STEP_DONE)
            check_let_in(first, bare, bytes_view(&challenge), &last, plus);
        bytes_fini(&last.text);
    }
    CHECK((step == SCRAM_STEP_DONE) == (reply.len > 0));
    CHECK(scram_finish(scram, rest, &reply) == SCRAM_STEP_FAILED);
    scram_free(scram);
    bytes_fini(&challenge);
    bytes_fini(&reply);
}

static void try_verifier(struct view text)
{
    struct scram_verifier verifier;
    if (!scram_verifier_read(text, &verifier))
        return;
    struct bytes again = {0};
    CHECK(verifier.iterations >= 1 && verifier.salt_len >= 1 && verifier.salt_len <= sizeof verifier.salt);
    scram_verifier_write(&verifier, &again);
    CHECK(view_equals(bytes_view(&again), text));
    bytes_fini(&again);
}

static void try_password(struct view password)
{
    struct bytes once = {0};
    saslprep(password, &once);
    bool good = text_utf8_valid(password) == password.len;
    CHECK(good == (text_utf8_valid(bytes_view(&once)) == once.len));
    CHECK(good || view_equals(bytes_view(&once), password));
    CHECK(password.len == 0 || once.len > 0);
    bytes_fini(&once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct view input = {(const char *)data + 1, size - 1};
    if (data[0] % 16 < 8)
        try_exchange(data[0] % 8, input);
    else if (data[0] % 16 < 12)
        try_verifier(input);
    else
        try_password(input);
    return 0;
}
