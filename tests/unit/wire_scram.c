/* SCRAM exchanges against a client written here from RFC 5802, section 3, as libpq's fe-auth-scram.c does
 * it: it shares the hashes with the server, and none of its steps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scram_verifier.h"

#define PLAIN "SCRAM-SHA-256"
#define PLUS  "SCRAM-SHA-256-PLUS"
#define NONCE "rOprNGfwEbeRWgbNEkqO"

static struct view hash_view(const struct sha256 *hash)
{
    return (struct view){(const char *)hash->byte, sizeof hash->byte};
}

/* ---- the client ------------------------------------------------------------------------------------- */

struct client {
    const char *header;  /* gs2-header */
    const char *binding; /* what it binds to */
    const char *bare;    /* client-first-message-bare */
    const char *password;
    const char *extension;     /* ",x=…" in the last message, or "" */
    struct bytes auth_message; /* made by client_final */
    struct bytes final;
    struct sha256 salted;
};

/* The value of attribute `name` in a message of the server. */
static struct view attribute(struct view message, char name)
{
    const char *at = message.data, *end = at + message.len;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end;
        if (at[0] == name)
            return (struct view){at + 2, (size_t)(stop - at) - 2};
        at = comma ? comma + 1 : end;
    }
    fail_msg("no attribute %c", name);
    return (struct view){0};
}

static void add_proof(struct client *client)
{
    struct sha256 key = crypto_hmac_sha256(hash_view(&client->salted), view_of("Client Key"));
    struct sha256 stored = crypto_sha256(hash_view(&key));
    struct sha256 signature = crypto_hmac_sha256(hash_view(&stored), bytes_view(&client->auth_message));
    for (size_t i = 0; i < sizeof key.byte; i++)
        key.byte[i] ^= signature.byte[i];
    bytes_add_text(&client->final, ",p=");
    crypto_base64(hash_view(&key), &client->final);
}

static void client_final(struct client *client, struct view challenge)
{
    struct bytes salt = {0}, input = {0};
    assert_true(crypto_unbase64(attribute(challenge, 's'), &salt));
    unsigned iterations = (unsigned)strtoul(attribute(challenge, 'i').data, NULL, 10);
    client->salted = crypto_pbkdf2_sha256(view_of(client->password), bytes_view(&salt), iterations);

    bytes_add_text(&input, client->header);
    bytes_add_text(&input, client->binding ? client->binding : "");
    bytes_add_text(&client->final, "c=");
    crypto_base64(bytes_view(&input), &client->final);
    bytes_add_text(&client->final, ",r=");
    bytes_add_view(&client->final, attribute(challenge, 'r'));
    bytes_add_text(&client->final, client->extension ? client->extension : "");

    bytes_add_text(&client->auth_message, client->bare);
    bytes_add_char(&client->auth_message, ',');
    bytes_add_view(&client->auth_message, challenge);
    bytes_add_char(&client->auth_message, ',');
    bytes_add_view(&client->auth_message, bytes_view(&client->final));
    add_proof(client);
    bytes_fini(&salt);
    bytes_fini(&input);
}

static bool client_trusts(const struct client *client, struct view server_final)
{
    struct sha256 key = crypto_hmac_sha256(hash_view(&client->salted), view_of("Server Key"));
    struct sha256 signature = crypto_hmac_sha256(hash_view(&key), bytes_view(&client->auth_message));
    struct bytes expected = {0};
    bytes_add_text(&expected, "v=");
    crypto_base64(hash_view(&signature), &expected);
    bool same = view_equals(server_final, bytes_view(&expected));
    bytes_fini(&expected);
    return same;
}

static void client_fini(struct client *client)
{
    bytes_fini(&client->auth_message);
    bytes_fini(&client->final);
}

/* ---- the server ------------------------------------------------------------------------------------- */

static struct scram *server(const char *password, const char *binding)
{
    struct scram_verifier verifier;
    scram_verifier_make(view_of(password), &verifier);
    return scram_new(&verifier, false, view_of(binding));
}

static enum scram_step start(struct scram *scram, const char *mechanism, const char *first, struct bytes *reply)
{
    return scram_start(scram, view_of(mechanism), view_of(first), reply);
}

/* One exchange from end to end; the client checks the server's signature too. */
static enum scram_step converse(struct scram *scram, const char *mechanism, struct client *client)
{
    struct bytes first = {0}, challenge = {0}, reply = {0};
    bytes_add_text(&first, client->header);
    bytes_add_text(&first, client->bare);
    enum scram_step step = scram_start(scram, view_of(mechanism), bytes_view(&first), &challenge);
    if (step == SCRAM_STEP_CONTINUE) {
        client_final(client, bytes_view(&challenge));
        step = scram_finish(scram, bytes_view(&client->final), &reply);
    }
    if (step == SCRAM_STEP_DONE)
        assert_true(client_trusts(client, bytes_view(&reply)));
    else
        assert_int_equal(reply.len, 0);
    bytes_fini(&first);
    bytes_fini(&challenge);
    bytes_fini(&reply);
    client_fini(client);
    return step;
}

/* ---- who gets in ------------------------------------------------------------------------------------ */

static void right_password_gets_in(void **state)
{
    struct scram *scram = server("pencil", NULL);
    struct client client = {.header = "n,,", .bare = "n=,r=" NONCE, .password = "pencil"};
    assert_int_equal(converse(scram, PLAIN, &client), SCRAM_STEP_DONE);
    scram_free(scram);
}

static void wrong_password_stays_out(void **state)
{
    struct scram *scram = server("pencil", NULL);
    struct client client = {.header = "n,,", .bare = "n=,r=" NONCE, .password = "Pencil"};
    assert_int_equal(converse(scram, PLAIN, &client), SCRAM_STEP_FAILED);
    scram_free(scram);
}

static void name_and_extensions_are_ignored(void **state)
{
    struct scram *scram = server("pencil", NULL);
    struct client client = {
        .header = "n,,", .bare = "n=anybody,r=" NONCE ",x=1,y=", .password = "pencil", .extension = ",z=2"};
    assert_int_equal(converse(scram, PLAIN, &client), SCRAM_STEP_DONE);
    scram_free(scram);
}

static void client_that_knows_binding_takes_plain_where_plus_is_not_offered(void **state)
{
    struct scram *scram = server("pencil", NULL);
    struct client client = {.header = "y,,", .bare = "n=,r=" NONCE, .password = "pencil"};
    assert_int_equal(converse(scram, PLAIN, &client), SCRAM_STEP_DONE);
    scram_free(scram);
}

static void plus_is_bound_to_the_certificate(void **state)
{
    struct scram *scram = server("pencil", "hash of the certificate");
    struct client client = {.header = "p=tls-server-end-point,,",
                            .binding = "hash of the certificate",
                            .bare = "n=,r=" NONCE,
                            .password = "pencil"};
    assert_int_equal(converse(scram, PLUS, &client), SCRAM_STEP_DONE);
    scram_free(scram);
}

static void plus_with_another_certificate_stays_out(void **state)
{
    struct scram *scram = server("pencil", "hash of the certificate");
    struct client client = {.header = "p=tls-server-end-point,,",
                            .binding = "hash of somebody's certificate",
                            .bare = "n=,r=" NONCE,
                            .password = "pencil"};
    assert_int_equal(converse(scram, PLUS, &client), SCRAM_STEP_FAILED);
    scram_free(scram);
}

static void client_without_binding_gets_in_over_tls(void **state)
{
    struct scram *scram = server("pencil", "hash of the certificate");
    struct client client = {.header = "n,,", .bare = "n=,r=" NONCE, .password = "pencil"};
    assert_int_equal(converse(scram, PLAIN, &client), SCRAM_STEP_DONE);
    scram_free(scram);
}

/* ---- the first message ------------------------------------------------------------------------------ */

static void first_message_is_judged(void **state)
{
    static const struct {
        const char *mechanism, *binding, *message;
        enum scram_step step;
    } cases[] = {
        {PLAIN, NULL, "n,,n=user,r=abc", SCRAM_STEP_CONTINUE},
        {PLAIN, NULL, "n,,n=,r=abc", SCRAM_STEP_CONTINUE},
        {PLAIN, NULL, "y,,n=,r=abc", SCRAM_STEP_CONTINUE},
        {PLAIN, "cert", "n,,n=,r=abc", SCRAM_STEP_CONTINUE},
        {PLUS, "cert", "p=tls-server-end-point,,n=,r=abc", SCRAM_STEP_CONTINUE},
        /* the offer of PLUS was taken out on the way */
        {PLAIN, "cert", "y,,n=,r=abc", SCRAM_STEP_FAILED},
        /* flag and mechanism don't go together */
        {PLAIN, "cert", "p=tls-server-end-point,,n=,r=abc", SCRAM_STEP_FAILED},
        {PLUS, "cert", "n,,n=,r=abc", SCRAM_STEP_FAILED},
        {PLUS, "cert", "y,,n=,r=abc", SCRAM_STEP_FAILED},
        {PLUS, NULL, "p=tls-server-end-point,,n=,r=abc", SCRAM_STEP_FAILED},
        {PLUS, "cert", "p=tls-unique,,n=,r=abc", SCRAM_STEP_FAILED},
        {PLUS, "cert", "p=tls-server-end-point2,,n=,r=abc", SCRAM_STEP_FAILED},
        {PLUS, "cert", "p=,,n=,r=abc", SCRAM_STEP_FAILED},
        {PLUS, "cert", "p,,n=,r=abc", SCRAM_STEP_FAILED},
        {"SCRAM-SHA-1", NULL, "n,,n=,r=abc", SCRAM_STEP_FAILED},
        {"", NULL, "n,,n=,r=abc", SCRAM_STEP_FAILED},
        /* authzid, mandatory extension */
        {PLAIN, NULL, "n,a=other,n=,r=abc", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "n,,m=1,n=,r=abc", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "n,,n=,r=abc,m=1", SCRAM_STEP_FAILED},
        /* malformed */
        {PLAIN, NULL, "", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "n", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "n,", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "n,,", SCRAM_STEP_FAILED},
        {PLAIN, NULL, ",,n=,r=abc", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "N,,n=,r=abc", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "nn,,n=,r=abc", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "n,,n=", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "n,,r=abc", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "n,,r=abc,n=", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "n,,n=,r=", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "n,,n=,r=a bc", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "n,,n=,r=a\177", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "n,,n=,r=\303\244", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "n,,n=,r=abc,", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "n,,n=,r=abc,,", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "n,,n=,r=abc,1=x", SCRAM_STEP_FAILED},
        {PLAIN, NULL, "n,,n=,r=abc,x", SCRAM_STEP_FAILED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes reply = {0};
        struct scram *scram = server("pencil", cases[i].binding);
        enum scram_step step = start(scram, cases[i].mechanism, cases[i].message, &reply);
        if (step != cases[i].step)
            fail_msg("%s: %s", cases[i].mechanism, cases[i].message);
        assert_int_equal(reply.len > 0, step == SCRAM_STEP_CONTINUE);
        scram_free(scram);
        bytes_fini(&reply);
    }
}

static void nul_is_refused(void **state)
{
    struct bytes reply = {0};
    struct scram *scram = server("pencil", NULL);
    struct view first = {"n,,n=a\0b,r=abc", sizeof "n,,n=a\0b,r=abc" - 1};
    assert_int_equal(scram_start(scram, view_of(PLAIN), first, &reply), SCRAM_STEP_FAILED);
    scram_free(scram);
    bytes_fini(&reply);
}

static void challenge_continues_the_nonce(void **state)
{
    struct bytes one = {0}, two = {0};
    struct scram *scram = server("pencil", NULL), *other = server("pencil", NULL);
    assert_int_equal(start(scram, PLAIN, "n,,n=,r=" NONCE, &one), SCRAM_STEP_CONTINUE);
    assert_int_equal(start(other, PLAIN, "n,,n=,r=" NONCE, &two), SCRAM_STEP_CONTINUE);
    struct view mine = attribute(bytes_view(&one), 'r'), others = attribute(bytes_view(&two), 'r');
    assert_true(view_starts(mine, NONCE));
    assert_int_equal(mine.len, strlen(NONCE) + 24);
    assert_false(view_equals(mine, others));
    assert_true(view_is(attribute(bytes_view(&one), 'i'), "4096"));
    scram_free(scram);
    scram_free(other);
    bytes_fini(&one);
    bytes_fini(&two);
}

/* ---- the last message ------------------------------------------------------------------------------- */

/* What somebody makes of the right last message; gives what the server says. `from` is replaced with `to`
 * once; NULL: `to` is appended. */
static enum scram_step tampered(const char *from, const char *to)
{
    struct scram *scram = server("pencil", NULL);
    struct client client = {.header = "n,,", .bare = "n=,r=" NONCE, .password = "pencil"};
    struct bytes challenge = {0}, reply = {0}, sent = {0};
    assert_int_equal(start(scram, PLAIN, "n,,n=,r=" NONCE, &challenge), SCRAM_STEP_CONTINUE);
    client_final(&client, bytes_view(&challenge));

    const char *text = bytes_text(&client.final);
    const char *at = from ? strstr(text, from) : text + strlen(text);
    assert_non_null(at);
    bytes_add(&sent, text, (size_t)(at - text));
    bytes_add_text(&sent, to);
    bytes_add_text(&sent, at + (from ? strlen(from) : 0));
    enum scram_step step = scram_finish(scram, bytes_view(&sent), &reply);
    bytes_fini(&challenge);
    bytes_fini(&reply);
    bytes_fini(&sent);
    client_fini(&client);
    scram_free(scram);
    return step;
}

static void last_message_is_judged(void **state)
{
    assert_int_equal(tampered(NULL, ""), SCRAM_STEP_DONE);
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"c=biws", "c=eSws"},         /* "y,," where "n,," was said */
        {"c=biws", "c=biwsIA=="},     /* something behind it */
        {"c=biws", "c="},             /* nothing */
        {"c=biws,", ""},              /* missing */
        {"r=" NONCE, "r=" NONCE "x"}, /* another nonce */
        {"r=" NONCE, "r=x" NONCE},
        {",r=" NONCE, ",x=1,r=" NONCE}, /* out of order */
        {",p=", ",m=1,p="},             /* mandatory extension */
        {",p=", ",x=1,p="},             /* an extension that the proof does not cover */
        {",p=", ",p=AAAA"},
        {",p=", ",p="
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=,p="},
        {NULL, ","},
        {NULL, ",x=1"},
        {NULL, "="},
        {"=", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (tampered(cases[i].from, cases[i].to) != SCRAM_STEP_FAILED)
            fail_msg("%s for %s got in", cases[i].to, cases[i].from);
}

static void last_message_without_proof_stays_out(void **state)
{
    static const char *const messages[] = {
        "", "c=biws", "c=biws,r=%s", "c=biws,r=%s,", "c=biws,r=%s,p=", "-c=biws,r=%s", "c=biws,r=%s,x=1"};
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct scram *scram = server("pencil", NULL);
        struct bytes challenge = {0}, reply = {0}, sent = {0};
        assert_int_equal(start(scram, PLAIN, "n,,n=,r=" NONCE, &challenge), SCRAM_STEP_CONTINUE);
        const char *hole = strstr(messages[i], "%s");
        bytes_add(&sent, messages[i], hole ? (size_t)(hole - messages[i]) : strlen(messages[i]));
        if (hole != NULL) {
            bytes_add_view(&sent, attribute(bytes_view(&challenge), 'r'));
            bytes_add_text(&sent, hole + 2);
        }
        assert_int_equal(scram_finish(scram, bytes_view(&sent), &reply), SCRAM_STEP_FAILED);
        assert_int_equal(reply.len, 0);
        bytes_fini(&challenge);
        bytes_fini(&reply);
        bytes_fini(&sent);
        scram_free(scram);
    }
}

/* ---- order ------------------------------------------------------------------------------------------ */

static void steps_can_not_be_left_out_or_repeated(void **state)
{
    struct bytes reply = {0};
    struct scram *scram = server("pencil", NULL);
    assert_int_equal(scram_finish(scram, view_of("c=biws,r=,p="), &reply), SCRAM_STEP_FAILED);
    assert_int_equal(start(scram, PLAIN, "n,,n=,r=abc", &reply), SCRAM_STEP_FAILED);
    scram_free(scram);

    scram = server("pencil", NULL);
    assert_int_equal(start(scram, PLAIN, "n,,n=,r=abc", &reply), SCRAM_STEP_CONTINUE);
    assert_int_equal(start(scram, PLAIN, "n,,n=,r=abc", &reply), SCRAM_STEP_FAILED);
    scram_free(scram);
    bytes_fini(&reply);
}

static void one_try_per_exchange(void **state)
{
    struct scram *scram = server("pencil", NULL);
    struct client client = {.header = "n,,", .bare = "n=,r=" NONCE, .password = "pencil"};
    struct bytes challenge = {0}, reply = {0};
    assert_int_equal(start(scram, PLAIN, "n,,n=,r=" NONCE, &challenge), SCRAM_STEP_CONTINUE);
    client_final(&client, bytes_view(&challenge));
    assert_int_equal(scram_finish(scram, view_of("c=biws"), &reply), SCRAM_STEP_FAILED);
    assert_int_equal(scram_finish(scram, bytes_view(&client.final), &reply), SCRAM_STEP_FAILED);
    bytes_fini(&challenge);
    bytes_fini(&reply);
    client_fini(&client);
    scram_free(scram);
}

/* ---- nobody's name ---------------------------------------------------------------------------------- */

static void doomed_exchange_fails_with_the_right_password_too(void **state)
{
    struct scram_verifier verifier;
    scram_verifier_make(view_of("pencil"), &verifier);
    struct scram *scram = scram_new(&verifier, true, view_of(NULL));
    struct client client = {.header = "n,,", .bare = "n=,r=" NONCE, .password = "pencil"};
    assert_int_equal(converse(scram, PLAIN, &client), SCRAM_STEP_FAILED);
    scram_free(scram);
}

static void doomed_exchange_looks_like_another(void **state)
{
    struct scram_verifier made, doomed;
    scram_verifier_make(view_of("pencil"), &made);
    scram_verifier_doomed(view_of("nobody"), view_of("secret"), &doomed);
    struct scram *one = scram_new(&made, false, view_of(NULL)), *two = scram_new(&doomed, true, view_of(NULL));
    struct bytes first = {0}, second = {0};
    assert_int_equal(start(one, PLAIN, "n,,n=,r=abc", &first), SCRAM_STEP_CONTINUE);
    assert_int_equal(start(two, PLAIN, "n,,n=,r=abc", &second), SCRAM_STEP_CONTINUE);
    assert_int_equal(first.len, second.len);
    assert_true(view_equals(attribute(bytes_view(&first), 'i'), attribute(bytes_view(&second), 'i')));
    scram_free(one);
    scram_free(two);
    bytes_fini(&first);
    bytes_fini(&second);
}

/* ---- RFC 7677, section 3: user "user", password "pencil" -------------------------------------------- */

static void example_of_rfc_7677(void **state)
{
    static const char auth_message[] =
        "n=user,r=rOprNGfwEbeRWgbNEkqO,"
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    struct bytes salt = {0}, proof = {0}, signature = {0};
    struct scram_verifier verifier = {.iterations = 4096};
    assert_true(crypto_unbase64(view_of("W22ZaJ0SNY7soEsUEjb6gQ=="), &salt));
    memcpy(verifier.salt, salt.data, salt.len);
    verifier.salt_len = salt.len;
    scram_verifier_derive(view_of("pencil"), &verifier);

    struct sha256 sent;
    assert_true(crypto_unbase64(view_of("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), &proof));
    assert_int_equal(proof.len, sizeof sent.byte);
    memcpy(sent.byte, proof.data, sizeof sent.byte);
    assert_true(scram_verifier_accepts(&verifier, view_of(auth_message), &sent));
    struct sha256 said = scram_verifier_sign(&verifier, view_of(auth_message));
    crypto_base64(hash_view(&said), &signature);
    assert_string_equal(bytes_text(&signature), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");

    sent.byte[31] ^= 1;
    assert_false(scram_verifier_accepts(&verifier, view_of(auth_message), &sent));
    bytes_fini(&salt);
    bytes_fini(&proof);
    bytes_fini(&signature);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(right_password_gets_in),
        cmocka_unit_test(wrong_password_stays_out),
        cmocka_unit_test(name_and_extensions_are_ignored),
        cmocka_unit_test(client_that_knows_binding_takes_plain_where_plus_is_not_offered),
        cmocka_unit_test(plus_is_bound_to_the_certificate),
        cmocka_unit_test(plus_with_another_certificate_stays_out),
        cmocka_unit_test(client_without_binding_gets_in_over_tls),
        cmocka_unit_test(first_message_is_judged),
        cmocka_unit_test(nul_is_refused),
        cmocka_unit_test(challenge_continues_the_nonce),
        cmocka_unit_test(last_message_is_judged),
        cmocka_unit_test(last_message_without_proof_stays_out),
        cmocka_unit_test(steps_can_not_be_left_out_or_repeated),
        cmocka_unit_test(one_try_per_exchange),
        cmocka_unit_test(doomed_exchange_fails_with_the_right_password_too),
        cmocka_unit_test(doomed_exchange_looks_like_another),
        cmocka_unit_test(example_of_rfc_7677),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
