/* Listeners: addresses as people write them, the port that was given for 0, Unix sockets and what is left
 * of them, several listeners on one address. */
#include "net_help.h"

#include <sys/stat.h>
#include <sys/un.h>

#include "address.h"

struct host {
    struct net_loop *loop;
    struct net_listener *listener;
    int count, wanted;
    char peer[ADDRESS_SIZE];
    bool closes; /* the listener, from inside the callback */
};

static void accepted(void *owner, int fd, const char *peer)
{
    struct host *h = owner;
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    snprintf(h->peer, sizeof h->peer, "%s", peer);
    close(fd);
    if (h->closes)
        net_listener_close(h->listener);
    if (++h->count == h->wanted)
        net_loop_stop(h->loop);
}

static int connect_tcp(const char *address)
{
    struct sockaddr_storage to = {0};
    socklen_t len;
    struct fault fault;
    assert_true(address_parse(address, &to, &len, &fault));
    int fd = socket(to.ss_family, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, len) == 0)
        return fd;
    close(fd);
    return -1;
}

static int connect_unix(const char *path)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    snprintf(to.sun_path, sizeof to.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return fd;
    close(fd);
    return -1;
}

static void open_host(struct host *h, const char *address, bool shared)
{
    struct fault fault = {0};
    h->loop = net_loop_new();
    h->listener = net_listen(address, shared, &fault);
    if (h->listener == NULL)
        fault_print(&fault, stderr);
    assert_non_null(h->listener);
}

static void close_host(struct host *h)
{
    net_listener_close(h->listener);
    net_loop_free(h->loop);
}

static void check_tcp(const char *address, const char *begins)
{
    struct host h = {.wanted = 3};
    open_host(&h, address, false);
    const char *real = net_listener_address(h.listener);
    assert_true(view_starts(view_of(real), begins));
    assert_false(view_equals(view_of(real), view_of(address))); /* not port 0 */
    int early = connect_tcp(real);                              /* before it was started: waits in the queue */
    assert_true(early >= 0);
    net_listener_start(h.listener, h.loop, accepted, &h);
    int fds[2] = {connect_tcp(real), connect_tcp(real)};
    net_loop_run(h.loop);
    assert_int_equal(h.count, 3);
    assert_true(view_starts(view_of(h.peer), begins));
    close(early);
    close(fds[0]);
    close(fds[1]);
    char *gone = check_strdup(real);
    close_host(&h);
    assert_int_equal(connect_tcp(gone), -1);
    free(gone);
}

static void test_ipv4(void **state)
{
    check_tcp("127.0.0.1:0", "127.0.0.1:");
}

static void test_names_mean_ipv4_first(void **state)
{
    check_tcp("localhost:0", "127.0.0.1:");
}

static void test_ipv6(void **state)
{
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    bool has_ipv6 = fd >= 0 && bind(fd, (struct sockaddr *)&loopback, sizeof loopback) == 0;
    close(fd);
    if (!has_ipv6)
        skip();
    check_tcp("[::1]:0", "[::1]:");
}

static void test_closed_from_its_callback(void **state)
{
    struct host h = {.wanted = 1, .closes = true};
    open_host(&h, "127.0.0.1:0", false);
    net_listener_start(h.listener, h.loop, accepted, &h);
    int first = connect_tcp(net_listener_address(h.listener)), second = connect_tcp(net_listener_address(h.listener));
    net_loop_run(h.loop);
    net_loop_free(h.loop);
    assert_int_equal(h.count, 1);
    close(first);
    close(second);
}

static void test_bad_addresses(void **state)
{
    static const char *const bad[] = {
        "",         "127.0.0.1",        "127.0.0.1:",       ":6432",       "127.0.0.1:65536",
        "::1:6432", "127.0.0.1:-1",     "127.0.0.1:123456", "[]:1",        "unix:",
        "[::1]",    "nosuch.invalid:1", "127.0.0.1: 1",     "192.0.2.1:0", "unix:/nonexistent/s"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct fault fault = {0};
        assert_null(net_listen(bad[i], false, &fault));
        assert_true(strlen(fault.message) > 20);
    }
    char long_path[200] = "unix:/tmp/";
    memset(long_path + strlen(long_path), 'x', 150);
    struct fault fault = {0};
    assert_null(net_listen(long_path, false, &fault));
}

static void test_taken_port(void **state)
{
    struct fault fault = {0};
    struct net_listener *first = net_listen("127.0.0.1:0", false, &fault);
    assert_null(net_listen(net_listener_address(first), false, &fault));
    assert_non_null(strstr(fault.message, net_listener_address(first)));
    assert_non_null(strstr(fault.message, "in use"));
    net_listener_close(first);
}

/* ---- Unix sockets --------------------------------------------------------------------------------- */

struct place {
    char folder[64], path[96], address[112];
};

static void place_new(struct place *p)
{
    strcpy(p->folder, "/tmp/net_listener_XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof p->path, "%s/.s.PGSQL.6432", p->folder);
    snprintf(p->address, sizeof p->address, "unix:%s", p->path);
}

static void place_remove(struct place *p)
{
    unlink(p->path);
    assert_int_equal(rmdir(p->folder), 0);
}

static void test_unix(void **state)
{
    struct place p;
    place_new(&p);
    struct host h = {.wanted = 1};
    open_host(&h, p.address, false);
    assert_string_equal(net_listener_address(h.listener), p.address);
    struct stat st;
    assert_int_equal(stat(p.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0777);
    net_listener_start(h.listener, h.loop, accepted, &h);
    int fd = connect_unix(p.path);
    net_loop_run(h.loop);
    assert_string_equal(h.peer, "unix");
    close(fd);
    close_host(&h);
    assert_int_equal(stat(p.path, &st), -1); /* removed on close */
    place_remove(&p);
}

static void test_stale_unix_socket_is_replaced(void **state)
{
    struct place p;
    place_new(&p);
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strcpy(to.sun_path, p.path);
    int left = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(left, (struct sockaddr *)&to, sizeof to), 0);
    close(left); /* the file stays */
    struct host h = {0};
    open_host(&h, p.address, false);
    int fd = connect_unix(p.path);
    assert_true(fd >= 0);
    close(fd);

    /* But one that is listened on is left alone, and so is the successor of ours. */
    struct fault fault = {0};
    assert_null(net_listen(p.address, false, &fault));
    assert_non_null(strstr(fault.message, "somebody else"));
    assert_int_equal(unlink(p.path), 0);
    struct net_listener *successor = net_listen(p.address, false, &fault);
    assert_non_null(successor);
    close_host(&h);
    fd = connect_unix(p.path);
    assert_true(fd >= 0);
    close(fd);
    net_listener_close(successor);
    place_remove(&p);
}

static void test_a_file_is_not_replaced(void **state)
{
    struct place p;
    place_new(&p);
    FILE *file = fopen(p.path, "w");
    fputs("precious", file);
    fclose(file);
    struct fault fault = {0};
    assert_null(net_listen(p.address, false, &fault));
    struct stat st;
    assert_int_equal(stat(p.path, &st), 0);
    assert_int_equal(st.st_size, 8);
    place_remove(&p);
}

/* ---- several listeners on one address --------------------------------------------------------------- */

static void *run_loop(void *loop)
{
    net_loop_run(loop);
    return NULL;
}

/* Every connection is accepted by one of two loops; when the first listener is gone, all by the other. */
static void check_twins(const char *address, int (*connect_to)(const char *), const char *to)
{
    struct host a = {0}, b = {0};
    open_host(&a, address, true);
    struct fault fault = {0};
    b.loop = net_loop_new();
    b.listener = net_listener_twin(a.listener, &fault);
    assert_non_null(b.listener);
    assert_string_equal(net_listener_address(a.listener), net_listener_address(b.listener));
    char *real = check_strdup(to ? to : net_listener_address(a.listener));
    net_listener_start(a.listener, a.loop, accepted, &a);
    net_listener_start(b.listener, b.loop, accepted, &b);
    int fds[40];
    for (int i = 0; i < 40; i++)
        fds[i] = connect_to(real);
    pthread_t threads[2];
    struct host *hosts[2] = {&a, &b};
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_loop, hosts[i]->loop), 0);
    for (int i = 0; i < 40; i++) { /* accepted ones are closed by the host */
        char c;
        assert_int_equal(read(fds[i], &c, 1), 0);
        close(fds[i]);
    }
    net_loop_stop(a.loop);
    net_loop_stop(b.loop);
    pthread_join(threads[0], NULL);
    pthread_join(threads[1], NULL);
    assert_int_equal(a.count + b.count, 40);
    close_host(&a);
    if (to == NULL) { /* a Unix socket's name goes with the first */
        b.count = 0;
        b.wanted = 1;
        int fd = connect_to(real);
        net_loop_run(b.loop);
        assert_int_equal(b.count, 1);
        close(fd);
    }
    close_host(&b);
    free(real);
}

static void test_tcp_twins(void **state)
{
    check_twins("127.0.0.1:0", connect_tcp, NULL);
}

/* A second process must not share the port without knowing, shared or not. */
static void test_a_shared_port_is_taken_for_strangers(void **state)
{
    struct host h = {0};
    struct fault fault = {0};
    open_host(&h, "127.0.0.1:0", true);
    assert_null(net_listen(net_listener_address(h.listener), true, &fault));
    assert_null(net_listen(net_listener_address(h.listener), false, &fault));
    close_host(&h);
}

static void test_unix_twins(void **state)
{
    struct place p;
    place_new(&p);
    check_twins(p.address, connect_unix, p.path);
    place_remove(&p);
}

int main(void)
{
    alarm(HELP_LIMIT_SECONDS);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ipv4),
        cmocka_unit_test(test_names_mean_ipv4_first),
        cmocka_unit_test(test_ipv6),
        cmocka_unit_test(test_closed_from_its_callback),
        cmocka_unit_test(test_bad_addresses),
        cmocka_unit_test(test_taken_port),
        cmocka_unit_test(test_unix),
        cmocka_unit_test(test_stale_unix_socket_is_replaced),
        cmocka_unit_test(test_a_file_is_not_replaced),
        cmocka_unit_test(test_tcp_twins),
        cmocka_unit_test(test_a_shared_port_is_taken_for_strangers),
        cmocka_unit_test(test_unix_twins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
