/* Listeners: sockets that accept. Bound before they have a loop, so that a process can bind and then drop
 * its privileges. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <uv.h>

#include "address.h"
#include "base/check.h"
#include "base/log.h"
#include "net/net.h"

enum {
    LISTENER_BACKLOG = 4096,
    LISTENER_ROUNDS = 64,   /* accepts per turn */
    LISTENER_REST_MS = 100, /* when descriptors or memory have run out */
};

static const char UNIX_PREFIX[] = "unix:";

/* `loop` is NULL until started. `path` is the Unix socket's file, which this listener removes when it is
 * still the one that it made (device, inode); NULL for TCP and for a twin. `rest` exists from the first
 * time that accepting had to rest. */
struct net_listener {
    uv_poll_t poll;
    struct net_loop *loop;
    int fd;
    bool is_shared, is_closed;
    char *address, *path;
    dev_t device;
    ino_t inode;
    struct net_timer *rest;
    void (*accepted)(void *owner, int fd, const char *peer);
    void *owner;
};

static bool os_fault(struct fault *fault, const char *address, const char *what)
{
    return fault_set(fault, "cannot listen on %s: %s: %s", address, what, strerrordesc_np(errno));
}

/* ---- opening -------------------------------------------------------------------------------------- */

static int open_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

/* Only a twin binds with SO_REUSEPORT: the first takes it on once the address is its own. So another process
 * that has the address is found, and two never share one without knowing. */
static bool bind_tcp(struct net_listener *l, const char *address, const struct sockaddr_storage *to, socklen_t len,
                     bool is_twin, struct fault *fault)
{
    int on = 1;
    l->fd = open_socket(to->ss_family);
    if (l->fd < 0)
        return os_fault(fault, address, "socket");
    if (setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        (is_twin && setsockopt(l->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0))
        return os_fault(fault, address, "setsockopt");
    if (bind(l->fd, (const struct sockaddr *)to, len) < 0)
        return os_fault(fault, address, "bind");
    if (l->is_shared && setsockopt(l->fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0)
        return os_fault(fault, address, "setsockopt");
    if (listen(l->fd, LISTENER_BACKLOG) < 0)
        return os_fault(fault, address, "listen");

    struct sockaddr_storage bound = {0};
    socklen_t bound_len = sizeof bound;
    if (getsockname(l->fd, (struct sockaddr *)&bound, &bound_len) < 0)
        return os_fault(fault, address, "getsockname");
    char text[ADDRESS_SIZE];
    address_text(&bound, text);
    l->address = check_strdup(text);
    return true;
}

static bool listen_tcp(struct net_listener *l, const char *address, struct fault *fault)
{
    struct sockaddr_storage to = {0};
    socklen_t len = 0;
    return address_parse(address, &to, &len, fault) && bind_tcp(l, address, &to, len, false, fault);
}

/* A socket file that nobody listens on was left behind by a process that crashed. */
static bool remove_stale(const struct sockaddr_un *to, const char *address, struct fault *fault)
{
    struct stat st;
    if (lstat(to->sun_path, &st) < 0)
        return errno == ENOENT || os_fault(fault, address, "stat");
    if (!S_ISSOCK(st.st_mode))
        return fault_set(fault, "cannot listen on %s: there is a file of that name that is no socket", address);
    int fd = open_socket(AF_UNIX);
    if (fd < 0)
        return os_fault(fault, address, "socket");
    bool is_stale = connect(fd, (const struct sockaddr *)to, sizeof *to) < 0 && errno == ECONNREFUSED;
    close(fd);
    if (!is_stale)
        return fault_set(fault, "cannot listen on %s: somebody else does", address);
    return unlink(to->sun_path) == 0 || os_fault(fault, address, "unlink");
}

static bool listen_unix(struct net_listener *l, const char *address, struct fault *fault)
{
    const char *path = address + strlen(UNIX_PREFIX);
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (path[0] == '\0' || strlen(path) >= sizeof to.sun_path)
        return fault_set(fault, "cannot listen on %s: a socket's path has 1 to %zu characters", address,
                         sizeof to.sun_path - 1);
    strcpy(to.sun_path, path);
    if (!remove_stale(&to, address, fault))
        return false;
    l->fd = open_socket(AF_UNIX);
    if (l->fd < 0)
        return os_fault(fault, address, "socket");
    if (bind(l->fd, (const struct sockaddr *)&to, sizeof to) < 0)
        return os_fault(fault, address, "bind");
    struct stat st;
    if (lstat(path, &st) < 0)
        return os_fault(fault, address, "stat");
    l->path = check_strdup(path);
    l->device = st.st_dev;
    l->inode = st.st_ino;
    l->address = check_strdup(address);
    /* As PostgreSQL's: any local user may connect, and then has to log in. */
    if (chmod(path, 0777) < 0 || listen(l->fd, LISTENER_BACKLOG) < 0)
        return os_fault(fault, address, "listen");
    return true;
}

static void remove_file(const struct net_listener *l)
{
    struct stat st;
    if (l->path != NULL && lstat(l->path, &st) == 0 && st.st_dev == l->device && st.st_ino == l->inode)
        unlink(l->path);
}

static void listener_free(struct net_listener *l)
{
    free(l->address);
    free(l->path);
    free(l);
}

static struct net_listener *listener_new(bool shared)
{
    struct net_listener *l = check_calloc(1, sizeof *l);
    l->fd = -1;
    l->is_shared = shared;
    l->poll.data = l;
    return l;
}

static struct net_listener *opened(struct net_listener *l, bool is_open)
{
    if (is_open)
        return l;
    net_listener_close(l);
    return NULL;
}

struct net_listener *net_listen(const char *address, bool shared, struct fault *fault)
{
    struct net_listener *l = listener_new(shared);
    bool is_unix = strncmp(address, UNIX_PREFIX, strlen(UNIX_PREFIX)) == 0;
    return opened(l, is_unix ? listen_unix(l, address, fault) : listen_tcp(l, address, fault));
}

/* The kernel spreads connections over TCP sockets of one address; Unix sockets have no such thing, there
 * all twins accept from one queue. */
struct net_listener *net_listener_twin(const struct net_listener *first, struct fault *fault)
{
    CHECK(first->is_shared);
    struct net_listener *l = listener_new(true);
    struct sockaddr_storage bound = {0};
    socklen_t len = sizeof bound;
    CHECK(getsockname(first->fd, (struct sockaddr *)&bound, &len) == 0);
    if (bound.ss_family != AF_UNIX)
        return opened(l, bind_tcp(l, first->address, &bound, len, true, fault));
    l->address = check_strdup(first->address);
    l->fd = fcntl(first->fd, F_DUPFD_CLOEXEC, 0);
    return opened(l, l->fd >= 0 || os_fault(fault, first->address, "dup"));
}

const char *net_listener_address(const struct net_listener *listener)
{
    return listener->address;
}

/* ---- accepting ------------------------------------------------------------------------------------ */

static void watch(struct net_listener *l);

static void rested(void *arg)
{
    watch(arg);
}

/* Those who wait stay in the queue; asking again at once would only burn time. */
static void rest(struct net_listener *l)
{
    log_warn("%s: cannot accept: %s; trying again in %d ms", l->address, strerrordesc_np(errno), LISTENER_REST_MS);
    if (l->rest == NULL)
        l->rest = net_timer_new(l->loop, rested, l);
    uv_poll_stop(&l->poll);
    net_timer_start(l->rest, LISTENER_REST_MS, 0);
}

static bool is_exhausted(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void listener_ready(uv_poll_t *poll, int status, int events)
{
    struct net_listener *l = poll->data;
    for (int round = 0; round < LISTENER_ROUNDS && !l->is_closed; round++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof from;
        int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            char peer[ADDRESS_SIZE];
            address_text(&from, peer);
            l->accepted(l->owner, fd, peer);
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        } else if (is_exhausted(errno)) {
            rest(l);
            return;
        }
        /* Anything else befell a connection that was gone before we got to it. */
    }
}

static void watch(struct net_listener *l)
{
    CHECK(uv_poll_start(&l->poll, UV_READABLE, listener_ready) == 0);
}

void net_listener_start(struct net_listener *listener, struct net_loop *loop,
                        void (*accepted)(void *owner, int fd, const char *peer), void *owner)
{
    CHECK(listener->loop == NULL);
    listener->loop = loop;
    listener->accepted = accepted;
    listener->owner = owner;
    CHECK(uv_poll_init(net_loop_uv(loop), &listener->poll, listener->fd) == 0);
    watch(listener);
}

static void poll_closed(uv_handle_t *handle)
{
    listener_free(handle->data);
}

void net_listener_close(struct net_listener *listener)
{
    if (listener == NULL)
        return;
    listener->is_closed = true;
    if (listener->loop != NULL) {
        net_timer_free(listener->rest);
        uv_close((uv_handle_t *)&listener->poll, poll_closed);
    }
    if (listener->fd >= 0)
        close(listener->fd);
    remove_file(listener);
    if (listener->loop == NULL)
        listener_free(listener);
}
