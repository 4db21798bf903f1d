/* The server's side of SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, 7677, and 5929 for the binding), with
 * the choices of PostgreSQL's auth-scram.c:
 *
 *   client-first   n,,n=user,r=<c-nonce>
 *   server-first   r=<c-nonce><s-nonce>,s=<salt>,i=<iterations>
 *   client-final   c=<cbind-input>,r=<both nonces>,p=<ClientProof>
 *   server-final   v=<ServerSignature>
 *
 * The name in the messages is ignored: who logs in was said in the start-up packet. A doomed exchange (a
 * name that nobody has) takes every step with a verifier made up for it and fails at the end, where a wrong
 * password fails: no step, word or duration tells the two apart.
 *
 * Stricter than PostgreSQL in what no client sends: an empty nonce, a comma with nothing behind it, and "m="
 * anywhere are refused. */
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "scram_verifier.h"

enum scram_state { SCRAM_STATE_NEW, SCRAM_STATE_CHALLENGED, SCRAM_STATE_OVER };

enum { SERVER_NONCE_LEN = 18 }; /* raw; PostgreSQL's SCRAM_RAW_NONCE_LEN */

struct scram {
    enum scram_state state;
    struct scram_verifier verifier;
    bool doomed;
    struct bytes binding;      /* what PLUS is bound to; empty: PLUS is not offered */
    bool plus;                 /* chosen */
    struct bytes header;       /* gs2-header, for the echo in c= */
    struct bytes nonce;        /* both halves */
    struct bytes auth_message; /* grows with each message of the exchange */
};

/* ---- the grammar ------------------------------------------------------------------------------------ */

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

/* printable = %x21-2B / %x2D-7E   ;; Printable ASCII except ",". */
static bool is_printable(struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        if (v.data[i] < 0x21 || v.data[i] > 0x7e || v.data[i] == ',')
            return false;
    return v.len > 0;
}

/* attr-val = ALPHA "=" value, up to a comma or the end. `rest` starts behind the comma; its data is NULL
 * when there was none, so that a comma with nothing behind it is an attribute that is missing. */
static bool take_attribute(struct view *rest, char *name, struct view *value)
{
    if (rest->len < 2 || !is_letter(rest->data[0]) || rest->data[1] != '=')
        return false;
    *name = rest->data[0];
    const char *comma = memchr(rest->data, ',', rest->len);
    size_t size = comma ? (size_t)(comma - rest->data) : rest->len;
    *value = (struct view){rest->data + 2, size - 2};
    *rest = comma ? (struct view){comma + 1, rest->len - size - 1} : (struct view){NULL, 0};
    return true;
}

static bool take_named(struct view *rest, char name, struct view *value)
{
    char found;
    return take_attribute(rest, &found, value) && found == name;
}

/* extensions = attr-val *("," attr-val)   ;; all of them optional, so they are ignored; but
 * reserved-mext = "m=" 1*(value-char)     ;; is one that must be understood */
static bool skip_extensions(struct view *rest)
{
    char name;
    struct view value;
    while (rest->data != NULL)
        if (!take_attribute(rest, &name, &value) || name == 'm')
            return false;
    return true;
}

/* gs2-cbind-flag = ("p=" cb-name) / "n" / "y"
 *                  ;; "n" -> client doesn't support channel binding.
 *                  ;; "y" -> client does support channel binding but thinks the server does not.
 *                  ;; "p" -> client requires channel binding.
 *
 * Whoever says "y" to a server that offered PLUS has had the offer taken out on the way. */
static bool flag_is_good(const struct scram *scram, struct view flag)
{
    if (view_is(flag, "n"))
        return !scram->plus;
    if (view_is(flag, "y"))
        return !scram->plus && scram->binding.len == 0;
    return view_is(flag, "p=tls-server-end-point") && scram->plus;
}

/* gs2-header = gs2-cbind-flag "," [ authzid ] ","
 *
 * An authzid ("a=…": act as somebody else) is not supported. */
static bool read_header(struct scram *scram, struct view message, struct view *bare)
{
    const char *comma = message.len ? memchr(message.data, ',', message.len) : NULL;
    if (comma == NULL)
        return false;
    size_t len = (size_t)(comma - message.data);
    if (!flag_is_good(scram, (struct view){message.data, len}) || message.len < len + 2 || comma[1] != ',')
        return false;
    bytes_add(&scram->header, message.data, len + 2);
    *bare = (struct view){comma + 2, message.len - len - 2};
    return true;
}

/* client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
 * username = "n=" saslname, nonce = "r=" c-nonce */
static bool read_first(struct view bare, struct view *nonce)
{
    struct view username;
    return take_named(&bare, 'n', &username) && take_named(&bare, 'r', nonce) && is_printable(*nonce) &&
           skip_extensions(&bare);
}

/* client-final-message = client-final-message-without-proof "," proof
 * client-final-message-without-proof = channel-binding "," nonce ["," extensions]
 * channel-binding = "c=" base64, proof = "p=" base64 */
struct final {
    struct view binding, nonce, proof, without_proof;
};

static bool read_final(struct view message, struct final *final)
{
    struct view rest = message;
    if (!take_named(&rest, 'c', &final->binding) || !take_named(&rest, 'r', &final->nonce))
        return false;
    for (;;) {
        char name;
        if (rest.data == NULL)
            return false;
        size_t before = (size_t)(rest.data - message.data) - 1; /* without the comma */
        if (!take_attribute(&rest, &name, &final->proof) || name == 'm')
            return false;
        if (name == 'p') {
            final->without_proof = (struct view){message.data, before};
            return rest.data == NULL;
        }
    }
}

/* ---- the exchange ----------------------------------------------------------------------------------- */

struct scram *scram_new(const struct scram_verifier *verifier, bool doomed, struct view binding)
{
    struct scram *scram = check_calloc(1, sizeof *scram);
    scram->verifier = *verifier;
    scram->doomed = doomed;
    bytes_add_view(&scram->binding, binding);
    return scram;
}

void scram_free(struct scram *scram)
{
    if (scram == NULL)
        return;
    bytes_fini(&scram->binding);
    bytes_fini(&scram->header);
    bytes_fini(&scram->nonce);
    bytes_fini(&scram->auth_message);
    crypto_wipe(scram, sizeof *scram);
    free(scram);
}

static bool choose(struct scram *scram, struct view mechanism)
{
    scram->plus = view_is(mechanism, "SCRAM-SHA-256-PLUS");
    return scram->plus ? scram->binding.len > 0 : view_is(mechanism, "SCRAM-SHA-256");
}

static bool has_nul(struct view message)
{
    return message.len > 0 && memchr(message.data, '\0', message.len) != NULL;
}

/* server-first-message = nonce "," salt "," iteration-count
 * AuthMessage := client-first-message-bare + "," + server-first-message + "," + … */
static void challenge(struct scram *scram, struct view bare, struct view nonce, struct bytes *reply)
{
    uint8_t raw[SERVER_NONCE_LEN];
    crypto_random(raw, sizeof raw);
    bytes_add_view(&scram->nonce, nonce);
    crypto_base64((struct view){(const char *)raw, sizeof raw}, &scram->nonce);

    struct bytes first = {0};
    bytes_add_text(&first, "r=");
    bytes_add_view(&first, bytes_view(&scram->nonce));
    bytes_add_text(&first, ",s=");
    crypto_base64((struct view){(const char *)scram->verifier.salt, scram->verifier.salt_len}, &first);
    bytes_add_format(&first, ",i=%u", scram->verifier.iterations);

    bytes_add_view(&scram->auth_message, bare);
    bytes_add_char(&scram->auth_message, ',');
    bytes_add_view(&scram->auth_message, bytes_view(&first));
    bytes_add_view(reply, bytes_view(&first));
    bytes_fini(&first);
}

enum scram_step scram_start(struct scram *scram, struct view mechanism, struct view client_first, struct bytes *reply)
{
    struct view bare, nonce;
    bool good = scram->state == SCRAM_STATE_NEW && choose(scram, mechanism) && !has_nul(client_first) &&
                read_header(scram, client_first, &bare) && read_first(bare, &nonce);
    scram->state = good ? SCRAM_STATE_CHALLENGED : SCRAM_STATE_OVER;
    if (!good)
        return SCRAM_STEP_FAILED;
    challenge(scram, bare, nonce, reply);
    return SCRAM_STEP_CONTINUE;
}

/* cbind-input = gs2-header [ cbind-data ]
 *               ;; cbind-data MUST be present for gs2-cbind-flag of "p" and MUST be absent for "y" or "n". */
static bool binding_is_good(const struct scram *scram, struct view echoed)
{
    struct bytes input = {0}, expected = {0};
    bytes_add_view(&input, bytes_view(&scram->header));
    if (scram->plus)
        bytes_add_view(&input, bytes_view(&scram->binding));
    crypto_base64(bytes_view(&input), &expected);
    bool good = view_equals(echoed, bytes_view(&expected));
    bytes_fini(&input);
    bytes_fini(&expected);
    return good;
}

static bool read_proof(struct view text, struct sha256 *proof)
{
    struct bytes plain = {0};
    bool good = crypto_unbase64(text, &plain) && plain.len == sizeof proof->byte;
    if (good)
        memcpy(proof->byte, plain.data, plain.len);
    bytes_fini(&plain);
    return good;
}

/* Everything is worked out before anything is decided, so a doomed exchange takes as long as another. */
static bool proof_is_good(struct scram *scram, const struct final *final, const struct sha256 *proof,
                          struct sha256 *signature)
{
    bytes_add_char(&scram->auth_message, ',');
    bytes_add_view(&scram->auth_message, final->without_proof);
    bool accepted = scram_verifier_accepts(&scram->verifier, bytes_view(&scram->auth_message), proof);
    *signature = scram_verifier_sign(&scram->verifier, bytes_view(&scram->auth_message));
    return accepted & !scram->doomed;
}

enum scram_step scram_finish(struct scram *scram, struct view client_final, struct bytes *reply)
{
    struct final final;
    struct sha256 proof, signature;
    bool good = scram->state == SCRAM_STATE_CHALLENGED && !has_nul(client_final) && read_final(client_final, &final) &&
                binding_is_good(scram, final.binding) && view_equals(final.nonce, bytes_view(&scram->nonce)) &&
                read_proof(final.proof, &proof) && proof_is_good(scram, &final, &proof, &signature);
    scram->state = SCRAM_STATE_OVER;
    if (!good)
        return SCRAM_STEP_FAILED;
    bytes_add_text(reply, "v=");
    crypto_base64((struct view){(const char *)signature.byte, sizeof signature.byte}, reply);
    return SCRAM_STEP_DONE;
}
