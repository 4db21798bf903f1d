/* Bytes in and out of a non-blocking descriptor, plain or through TLS. The one place that knows how either
 * says "later", "the end" and "broken"; everything above sees one kind of answer. Keeps no bytes itself
 * (OpenSSL may). Not one system call that is bound to fail. */
#ifndef NET_STREAM_H
#define NET_STREAM_H

#include "base/bytes.h"

struct ssl_st; /* OpenSSL's SSL */
struct net_tls;

struct stream {
    int fd;
    struct ssl_st *ssl; /* NULL: plain */
    bool is_borrowed;   /* libpq owns the descriptor and `ssl` */
};

enum stream_state {
    STREAM_STATE_MORE,       /* read: more may be there at once. write: all was taken */
    STREAM_STATE_WANT_READ,  /* go on when the descriptor is readable */
    STREAM_STATE_WANT_WRITE, /* go on when the descriptor is writable */
    STREAM_STATE_END,        /* the other side closed in order */
    STREAM_STATE_FAILED,     /* `detail` says why */
};

/* `len` bytes went through, and then it was as `state` says. */
struct stream_io {
    enum stream_state state;
    size_t len;
    const char *detail; /* text that is never freed */
};

struct stream_io stream_read(struct stream *s, char *to, size_t size);
struct stream_io stream_write(struct stream *s, struct view v);

/* Bytes that were taken from the descriptor already: no readiness will announce them. */
bool stream_has_buffered(const struct stream *s);

/* Prepares a borrowed SSL for the way we read and write. */
void stream_adopt_ssl(struct stream *s, struct ssl_st *ssl);

/* TLS as the server: start once, then shake hands until it says MORE. */
void stream_start_tls(struct stream *s, struct net_tls *tls);
struct stream_io stream_handshake(struct stream *s);
const char *stream_tls_version(const struct stream *s); /* NULL: not (yet) */

/* What the kernel has against the descriptor; never NULL. */
const char *stream_error(const struct stream *s);

/* Says that nothing more will be sent, in TLS's words and in TCP's. */
void stream_shut(struct stream *s);

/* Closes what isn't borrowed. */
void stream_close(struct stream *s);

#endif
