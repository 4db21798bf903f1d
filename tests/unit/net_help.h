/* What the tests of the net room share: text whose every byte is known by its place, peers that run in
 * threads with blocking sockets, and a limit on the whole program's time. Tests wait for what they expect
 * by running the loop until a callback stops it; if it never comes, the limit ends the program. */
#ifndef NET_HELP_H
#define NET_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "net/net.h"

#define UNTIL_THE_END SIZE_MAX

enum { HELP_LIMIT_SECONDS = 120, MiB = 1024 * 1024 };

/* A period that no buffer size is a multiple of. */
static inline char pattern_at(size_t place)
{
    return (char)(place % 251 ^ place / 65521 % 249);
}

static inline void pattern_fill(char *to, size_t place, size_t len)
{
    for (size_t i = 0; i < len; i++)
        to[i] = pattern_at(place + i);
}

static inline bool pattern_is(const char *data, size_t place, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (data[i] != pattern_at(place + i))
            return false;
    return true;
}

static inline void set_nonblocking(int fd)
{
    CHECK(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0);
}

static inline void set_buffers(int fd, int size)
{
    CHECK(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size) == 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) == 0);
}

/* ours[0] is ours and doesn't block, ours[1] is the peer's and does. `buffers` 0: as they are. */
static inline void pair_unix(int fds[2], int buffers)
{
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    for (int i = 0; i < 2 && buffers > 0; i++)
        set_buffers(fds[i], buffers);
    set_nonblocking(fds[0]);
}

static inline void pair_tcp(int fds[2], int buffers)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof to;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (buffers > 0) {
        set_buffers(listener, buffers);
        set_buffers(fds[1], buffers);
    }
    CHECK(bind(listener, (struct sockaddr *)&to, sizeof to) == 0 && listen(listener, 1) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&to, &len) == 0);
    CHECK(connect(fds[1], (struct sockaddr *)&to, sizeof to) == 0);
    fds[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    CHECK(fds[0] >= 0);
    close(listener);
}

/* A peer's thread that writes, or reads and compares, `size` bytes of the pattern (or all that come). Through `write`
 * and `read`, so that a TLS peer needs no other. */
struct transfer {
    size_t size, done;
    void *peer;
    ssize_t (*io)(void *peer, char *data, size_t len);
    void (*finish)(void *peer); /* after the last byte; or NULL */
    pthread_t thread;
};

static inline void *transfer_write(void *arg)
{
    struct transfer *t = arg;
    static const size_t sizes[] = {1, 7, 100, 4096, 70000, 200000};
    char *data = check_alloc(200000);
    for (size_t turn = 0; t->done < t->size; turn++) {
        size_t len = sizes[turn % 6] < t->size - t->done ? sizes[turn % 6] : t->size - t->done;
        pattern_fill(data, t->done, len);
        for (size_t sent = 0; sent < len;) {
            ssize_t n = t->io(t->peer, data + sent, len - sent);
            CHECK(n > 0);
            sent += (size_t)n;
            t->done += (size_t)n;
        }
    }
    if (t->finish)
        t->finish(t->peer);
    free(data);
    return NULL;
}

static inline void *transfer_read(void *arg)
{
    struct transfer *t = arg;
    char *data = check_alloc(50000);
    while (t->done < t->size) {
        ssize_t n = t->io(t->peer, data, 50000);
        if (n == 0 && t->size == UNTIL_THE_END)
            break;
        CHECK(n > 0 && pattern_is(data, t->done, (size_t)n)); /* the other end would wait for ever */
        t->done += (size_t)n;
    }
    if (t->finish)
        t->finish(t->peer);
    free(data);
    return NULL;
}

static inline ssize_t fd_write(void *fd, char *data, size_t len)
{
    return send(*(int *)fd, data, len, MSG_NOSIGNAL);
}

static inline ssize_t fd_read(void *fd, char *data, size_t len)
{
    return recv(*(int *)fd, data, len, 0);
}

static inline void fd_finish(void *fd)
{
    shutdown(*(int *)fd, SHUT_WR);
}

static inline void transfer_start(struct transfer *t, void *(*run)(void *))
{
    CHECK(pthread_create(&t->thread, NULL, run, t) == 0);
}

static inline void transfer_end(struct transfer *t)
{
    CHECK(pthread_join(t->thread, NULL) == 0);
}

#endif
