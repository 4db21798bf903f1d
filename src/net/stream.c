#include "stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "tls.h"

static const char *error_text(int error)
{
    const char *text = strerrordesc_np(error);
    return text ? text : "unknown error";
}

static struct stream_io failed(int error, size_t len)
{
    return (struct stream_io){STREAM_STATE_FAILED, len, error_text(error)};
}

/* ---- plain ---------------------------------------------------------------------------------------- */

static struct stream_io plain_read(int fd, char *to, size_t size)
{
    ssize_t len;
    do
        len = recv(fd, to, size, 0);
    while (len < 0 && errno == EINTR);
    if (len > 0) /* a short read has emptied the socket: asking again would be answered with EAGAIN */
        return (struct stream_io){(size_t)len == size ? STREAM_STATE_MORE : STREAM_STATE_WANT_READ, (size_t)len, NULL};
    if (len == 0)
        return (struct stream_io){STREAM_STATE_END, 0, NULL};
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return (struct stream_io){STREAM_STATE_WANT_READ, 0, NULL};
    return failed(errno, 0);
}

static struct stream_io plain_write(int fd, struct view v)
{
    ssize_t len;
    do
        len = send(fd, v.data, v.len, MSG_NOSIGNAL);
    while (len < 0 && errno == EINTR);
    if (len >= 0) /* a short write has filled the socket */
        return (struct stream_io){(size_t)len == v.len ? STREAM_STATE_MORE : STREAM_STATE_WANT_WRITE, (size_t)len,
                                  NULL};
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return (struct stream_io){STREAM_STATE_WANT_WRITE, 0, NULL};
    return failed(errno, 0);
}

/* ---- TLS ------------------------------------------------------------------------------------------ */

/* OpenSSL judges a failure by what lies in the thread's error queue, so it must be empty beforehand. */
static void before_ssl(void)
{
    ERR_clear_error();
    errno = 0;
}

/* What the last call meant that returned `result`, which was no success. */
static struct stream_io ssl_answer(SSL *ssl, int result, size_t len)
{
    int error = errno;
    struct stream_io io = {STREAM_STATE_FAILED, len, "TLS failure"};
    switch (SSL_get_error(ssl, result)) {
    case SSL_ERROR_WANT_READ:
        io.state = STREAM_STATE_WANT_READ;
        break;
    case SSL_ERROR_WANT_WRITE:
        io.state = STREAM_STATE_WANT_WRITE;
        break;
    case SSL_ERROR_ZERO_RETURN:
        io.state = STREAM_STATE_END;
        break;
    case SSL_ERROR_SYSCALL:
        if (error == 0)
            io.state = STREAM_STATE_END;
        else
            io.detail = error_text(error);
        break;
    default: {
        const char *reason = ERR_reason_error_string(ERR_peek_error());
        if (reason != NULL)
            io.detail = reason;
    }
    }
    ERR_clear_error();
    return io;
}

/* A record holds 16 KiB at most, so filling the buffer takes several calls. With read-ahead, OpenSSL takes
 * all that the socket has; when it has nothing left over, asking again would be answered with EAGAIN. */
static struct stream_io ssl_read(SSL *ssl, char *to, size_t size)
{
    size_t len = 0;
    do {
        size_t got = 0;
        before_ssl();
        int result = SSL_read_ex(ssl, to + len, size - len, &got);
        if (result != 1)
            return ssl_answer(ssl, result, len);
        len += got;
        if (len == size)
            return (struct stream_io){STREAM_STATE_MORE, len, NULL};
    } while (SSL_has_pending(ssl));
    return (struct stream_io){STREAM_STATE_WANT_READ, len, NULL};
}

static struct stream_io ssl_write(SSL *ssl, struct view v)
{
    size_t len = 0;
    while (len < v.len) {
        size_t sent = 0;
        before_ssl();
        int result = SSL_write_ex(ssl, v.data + len, v.len - len, &sent);
        if (result != 1)
            return ssl_answer(ssl, result, len);
        len += sent;
    }
    return (struct stream_io){STREAM_STATE_MORE, len, NULL};
}

/* Partial writes and a buffer that may move let us retry from wherever the bytes stand by then. An end
 * without TLS's own goodbye is an end: many drivers just close, and PostgreSQL's messages carry their
 * lengths, so nothing can be cut short unnoticed. */
static void ssl_prepare(SSL *ssl)
{
    SSL_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_set_options(ssl, SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
    SSL_set_read_ahead(ssl, 1);
}

void stream_adopt_ssl(struct stream *s, struct ssl_st *ssl)
{
    s->ssl = ssl;
    if (ssl != NULL)
        ssl_prepare(ssl);
}

void stream_start_tls(struct stream *s, struct net_tls *tls)
{
    s->ssl = SSL_new(tls_context(tls));
    CHECK(s->ssl != NULL);
    CHECK(SSL_set_fd(s->ssl, s->fd) == 1);
    SSL_set_accept_state(s->ssl);
    ssl_prepare(s->ssl);
}

struct stream_io stream_handshake(struct stream *s)
{
    before_ssl();
    int result = SSL_do_handshake(s->ssl);
    if (result == 1)
        return (struct stream_io){STREAM_STATE_MORE, 0, NULL};
    return ssl_answer(s->ssl, result, 0);
}

const char *stream_tls_version(const struct stream *s)
{
    return s->ssl != NULL && SSL_is_init_finished(s->ssl) ? SSL_get_version(s->ssl) : NULL;
}

/* ---- either --------------------------------------------------------------------------------------- */

struct stream_io stream_read(struct stream *s, char *to, size_t size)
{
    return s->ssl != NULL ? ssl_read(s->ssl, to, size) : plain_read(s->fd, to, size);
}

struct stream_io stream_write(struct stream *s, struct view v)
{
    return s->ssl != NULL ? ssl_write(s->ssl, v) : plain_write(s->fd, v);
}

bool stream_has_buffered(const struct stream *s)
{
    return s->ssl != NULL && SSL_has_pending(s->ssl);
}

const char *stream_error(const struct stream *s)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    return error != 0 ? error_text(error) : "the connection failed";
}

void stream_shut(struct stream *s)
{
    if (stream_tls_version(s) != NULL) {
        before_ssl();
        /* If the goodbye doesn't fit, the end of the connection says the same. */
        if (SSL_shutdown(s->ssl) < 0)
            ERR_clear_error();
    }
    shutdown(s->fd, SHUT_WR);
}

void stream_close(struct stream *s)
{
    if (!s->is_borrowed) {
        SSL_free(s->ssl);
        close(s->fd);
    }
    s->ssl = NULL;
    s->fd = -1;
}
