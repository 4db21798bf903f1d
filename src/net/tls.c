/* TLS as the server: one context for certificate chain and key. Only what PostgreSQL's drivers of the last
 * ten years speak: TLS 1.3, and TLS 1.2 with forward secrecy and authenticated encryption. No session
 * tickets or cache (PostgreSQL's server has none either), no compression, no renegotiation. */
#include "tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"

/* Counted from several threads: each worker's listener holds it for its new connections, and each
 * connection holds the context through its SSL. */
struct net_tls {
    atomic_uint holders;
    SSL_CTX *context;
};

/* A key with a pass phrase would make OpenSSL ask on the terminal. */
static int no_pass_phrase(char *to, int size, int is_writing, void *arg)
{
    (void)to, (void)size, (void)is_writing, (void)arg;
    return 0;
}

static SSL_CTX *context_new(void)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    CHECK(context != NULL);
    CHECK(SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1);
    CHECK(SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM") == 1);
    CHECK(SSL_CTX_set_num_tickets(context, 0) == 1);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_default_passwd_cb(context, no_pass_phrase);
    return context;
}

static bool tls_fault(struct fault *fault, const char *file, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return fault_at(fault, file, 0, 0, NULL, "%s: %s", what, reason ? reason : "unknown reason");
}

static bool load(SSL_CTX *context, const char *certificate_file, const char *key_file, struct fault *fault)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, certificate_file) != 1)
        return tls_fault(fault, certificate_file, "cannot use it as a TLS certificate chain (PEM)");
    if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1)
        return tls_fault(fault, key_file, "cannot use it as the certificate's private key (PEM, no pass phrase)");
    if (SSL_CTX_check_private_key(context) != 1)
        return tls_fault(fault, key_file, "the private key does not belong to the certificate");
    return true;
}

struct net_tls *net_tls_new(const char *certificate_file, const char *key_file, struct fault *fault)
{
    SSL_CTX *context = context_new();
    if (!load(context, certificate_file, key_file, fault)) {
        SSL_CTX_free(context);
        return NULL;
    }
    struct net_tls *tls = check_calloc(1, sizeof *tls);
    atomic_init(&tls->holders, 1);
    tls->context = context;
    return tls;
}

struct net_tls *net_tls_hold(struct net_tls *tls)
{
    atomic_fetch_add(&tls->holders, 1);
    return tls;
}

void net_tls_drop(struct net_tls *tls)
{
    if (tls == NULL || atomic_fetch_sub(&tls->holders, 1) > 1)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

struct ssl_ctx_st *tls_context(struct net_tls *tls)
{
    return tls->context;
}
