/* What a stream needs of a net_tls. */
#ifndef NET_TLS_H
#define NET_TLS_H

#include "net/net.h"

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */
struct ssl_ctx_st *tls_context(struct net_tls *tls);

#endif
