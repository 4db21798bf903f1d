/* TLS: our server side against OpenSSL's client in a thread, and a client's SSL that we borrow as the proxy
 * borrows libpq's. Certificates are made here. */
#include "net_help.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

/* ---- certificates --------------------------------------------------------------------------------- */

struct files {
    char folder[64], certificate[96], key[96], other_key[96], locked_key[96], nonsense[96];
};

static FILE *create(char path[96], const char *folder, const char *name)
{
    snprintf(path, 96, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    CHECK(file != NULL);
    return file;
}

static void write_key(EVP_PKEY *key, FILE *to, const char *pass_phrase)
{
    CHECK(PEM_write_PrivateKey(to, key, pass_phrase ? EVP_aes_128_cbc() : NULL, (const unsigned char *)pass_phrase,
                               pass_phrase ? (int)strlen(pass_phrase) : 0, NULL, NULL) == 1);
    fclose(to);
}

static void write_certificate(EVP_PKEY *key, FILE *to)
{
    X509 *certificate = X509_new();
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    CHECK(X509_sign(certificate, key, EVP_sha256()) > 0);
    CHECK(PEM_write_X509(to, certificate) == 1);
    X509_free(certificate);
    fclose(to);
}

static int make_files(void **state)
{
    struct files *f = check_calloc(1, sizeof *f);
    strcpy(f->folder, "/tmp/net_tls_XXXXXX");
    CHECK(mkdtemp(f->folder) != NULL);
    EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");
    write_key(key, create(f->key, f->folder, "server.key"), NULL);
    write_key(key, create(f->locked_key, f->folder, "locked.key"), "secret");
    write_key(other, create(f->other_key, f->folder, "other.key"), NULL);
    write_certificate(key, create(f->certificate, f->folder, "server.crt"));
    FILE *nonsense = create(f->nonsense, f->folder, "nonsense");
    fputs("nonsense", nonsense);
    fclose(nonsense);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    *state = f;
    return 0;
}

static int remove_files(void **state)
{
    struct files *f = *state;
    const char *const paths[] = {f->certificate, f->key, f->other_key, f->locked_key, f->nonsense};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        unlink(paths[i]);
    rmdir(f->folder);
    free(f);
    return 0;
}

static struct net_tls *tls_of(void **state)
{
    struct files *f = *state;
    struct fault fault = {0};
    struct net_tls *tls = net_tls_new(f->certificate, f->key, &fault);
    assert_non_null(tls);
    return tls;
}

static void expect_fault(const char *certificate, const char *key, const char *file)
{
    struct fault fault = {0};
    assert_null(net_tls_new(certificate, key, &fault));
    assert_string_equal(fault.file, file);
    assert_true(strlen(fault.message) > 20);
    assert_int_equal(ERR_peek_error(), 0);
}

static void test_bad_files_are_named(void **state)
{
    struct files *f = *state;
    expect_fault("/nonexistent/crt", f->key, "/nonexistent/crt");
    expect_fault(f->certificate, "/nonexistent/key", "/nonexistent/key");
    expect_fault(f->nonsense, f->key, f->nonsense);
    expect_fault(f->certificate, f->nonsense, f->nonsense);
    expect_fault(f->certificate, f->other_key, f->other_key);
    expect_fault(f->certificate, f->locked_key, f->locked_key); /* and nobody is asked on the terminal */
}

/* ---- both ends ------------------------------------------------------------------------------------ */

/* The server's owner. Echoes after the handshake; answers the plain-text request for TLS before. */
struct server {
    struct net_loop *loop;
    struct net_conn *conn;
    struct net_tls *tls;
    bool has_started, was_accepted, is_congestible;
    int ended, drained;
    enum net_end why;
    char detail[128], version[16];
    size_t taken;
};

static const char REQUEST[] = "TLS?";

static void start(struct server *s)
{
    net_conn_consume(s->conn, strlen(REQUEST));
    net_conn_send(s->conn, view_of("S"));
    s->has_started = true;
    s->was_accepted = net_conn_start_tls(s->conn, s->tls);
    if (s->was_accepted) {
        assert_true(net_conn_has_tls(s->conn));
        assert_null(net_conn_tls_version(s->conn)); /* not yet */
        return;
    }
    net_conn_close(s->conn, false);
    net_loop_stop(s->loop);
}

static void server_received(void *owner)
{
    struct server *s = owner;
    struct view v = net_conn_input(s->conn);
    if (!s->has_started) {
        if (v.len >= strlen(REQUEST))
            start(s);
        return;
    }
    if (s->version[0] == '\0')
        snprintf(s->version, sizeof s->version, "%s", net_conn_tls_version(s->conn));
    assert_true(pattern_is(v.data, s->taken, v.len));
    s->taken += v.len;
    net_conn_send(s->conn, v);
    net_conn_consume(s->conn, v.len);
    if (net_conn_is_congested(s->conn))
        net_conn_pause(s->conn);
}

static void server_drained(void *owner)
{
    struct server *s = owner;
    s->drained++;
    net_conn_resume(s->conn);
}

static void server_ended(void *owner, enum net_end why, const char *detail)
{
    struct server *s = owner;
    s->ended++;
    s->why = why;
    snprintf(s->detail, sizeof s->detail, "%s", detail);
    net_conn_close(s->conn, why == NET_END_PEER);
    net_loop_stop(s->loop);
}

static const struct net_events server_events = {server_received, server_drained, server_ended};

static void server_open(struct server *s, void **state, int fd)
{
    s->loop = net_loop_new();
    s->tls = tls_of(state);
    s->conn = net_conn_new(s->loop, fd, &server_events, s);
}

static void server_close(struct server *s)
{
    net_loop_free(s->loop);
    net_tls_drop(s->tls);
}

/* The client: a thread that asks for TLS, shakes hands, and then does what the test wants. */
struct client {
    int fd, version; /* 0: any */
    SSL_CTX *context;
    SSL *ssl;
    bool is_connected;
    void (*then)(struct client *c);
    size_t size;
    struct transfer in, out;
    pthread_t thread;
};

static void *client_run(void *arg)
{
    struct client *c = arg;
    char answer = 0;
    CHECK(send(c->fd, REQUEST, strlen(REQUEST), MSG_NOSIGNAL) == (ssize_t)strlen(REQUEST));
    CHECK(recv(c->fd, &answer, 1, 0) == 1 && answer == 'S');
    c->context = SSL_CTX_new(TLS_client_method());
    if (c->version) {
        SSL_CTX_set_security_level(c->context, 0); /* or the old versions would be refused here already */
        SSL_CTX_set_min_proto_version(c->context, c->version);
        SSL_CTX_set_max_proto_version(c->context, c->version);
    }
    c->ssl = SSL_new(c->context);
    SSL_set_fd(c->ssl, c->fd);
    c->is_connected = SSL_connect(c->ssl) == 1;
    c->then(c);
    return NULL;
}

static void client_start(struct client *c, int fd, void (*then)(struct client *c))
{
    c->fd = fd;
    c->then = then;
    CHECK(pthread_create(&c->thread, NULL, client_run, c) == 0);
}

static void client_end(struct client *c)
{
    pthread_join(c->thread, NULL);
    SSL_free(c->ssl);
    SSL_CTX_free(c->context);
    if (c->fd >= 0)
        close(c->fd);
}

static void leave_in_order(struct client *c)
{
    SSL_shutdown(c->ssl);
    shutdown(c->fd, SHUT_WR);
}

static void leave_rudely(struct client *c)
{
    shutdown(c->fd, SHUT_WR);
}

static void reset(struct client *c)
{
    struct linger at_once = {.l_onoff = 1};
    CHECK(setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    close(c->fd);
    c->fd = -1;
}

static struct server meet(void **state, struct client *c, void (*then)(struct client *c), int buffers)
{
    int fds[2];
    pair_tcp(fds, buffers);
    struct server s = {0};
    server_open(&s, state, fds[0]);
    client_start(c, fds[1], then);
    net_loop_run(s.loop);
    server_close(&s);
    client_end(c);
    return s;
}

/* ---- handshakes and ends -------------------------------------------------------------------------- */

static void ask_and_leave(struct client *c)
{
    char text[5];
    pattern_fill(text, 0, sizeof text);
    CHECK(SSL_write(c->ssl, text, sizeof text) == sizeof text);
    CHECK(SSL_read(c->ssl, text, sizeof text) == sizeof text);
    CHECK(pattern_is(text, 0, sizeof text));
    leave_in_order(c);
    CHECK(SSL_read(c->ssl, text, 1) == 0); /* the server says goodbye too */
    CHECK(SSL_get_error(c->ssl, 0) == SSL_ERROR_ZERO_RETURN);
}

static void test_versions(void **state)
{
    struct client new_client = {.version = TLS1_3_VERSION};
    struct server s = meet(state, &new_client, ask_and_leave, 0);
    assert_true(new_client.is_connected);
    assert_string_equal(s.version, "TLSv1.3");
    assert_int_equal(s.taken, 5);
    assert_int_equal(s.why, NET_END_PEER);

    struct client old_client = {.version = TLS1_2_VERSION};
    s = meet(state, &old_client, ask_and_leave, 0);
    assert_true(old_client.is_connected);
    assert_string_equal(s.version, "TLSv1.2");
    assert_int_equal(s.taken, 5);
}

static void just_leave(struct client *c)
{
    shutdown(c->fd, SHUT_WR);
}

static void test_old_versions_are_refused(void **state)
{
    struct client client = {.version = TLS1_1_VERSION};
    struct server s = meet(state, &client, just_leave, 0);
    assert_false(client.is_connected);
    assert_int_equal(s.ended, 1);
    assert_int_equal(s.why, NET_END_ERROR);
    assert_non_null(strstr(s.detail, "protocol"));
}

static void test_ends(void **state)
{
    struct client polite = {0}, rude = {0}, gone = {0};
    struct server s = meet(state, &polite, leave_in_order, 0);
    assert_int_equal(s.ended, 1);
    assert_int_equal(s.why, NET_END_PEER);
    s = meet(state, &rude, leave_rudely, 0);
    assert_int_equal(s.ended, 1);
    assert_int_equal(s.why, NET_END_PEER);
    s = meet(state, &gone, reset, 0);
    assert_int_equal(s.ended, 1);
    assert_int_equal(s.why, NET_END_ERROR);
    assert_string_equal(s.detail, "Connection reset by peer");
}

/* Renegotiation lets a client make us work without end; TLS 1.3 has none. */
static void try_to_renegotiate(struct client *c)
{
    CHECK(SSL_renegotiate(c->ssl) == 1);
    CHECK(SSL_do_handshake(c->ssl) != 1);
    ERR_clear_error();
    shutdown(c->fd, SHUT_WR);
}

static void test_no_renegotiation(void **state)
{
    struct client client = {.version = TLS1_2_VERSION};
    meet(state, &client, try_to_renegotiate, 0);
    assert_true(client.is_connected);
}

static void test_nonsense_instead_of_a_handshake(void **state)
{
    int fds[2];
    pair_tcp(fds, 0);
    struct server s = {0};
    server_open(&s, state, fds[0]);
    net_conn_set_events(s.conn, &server_events, &s);
    s.has_started = s.was_accepted = true;
    assert_true(net_conn_start_tls(s.conn, s.tls));
    assert_int_equal(send(fds[1], "SELECT 1; SELECT 2;", 19, 0), 19);
    net_loop_run(s.loop);
    assert_int_equal(s.ended, 1);
    assert_int_equal(s.why, NET_END_ERROR);
    assert_int_equal(s.taken, 0);
    server_close(&s);
    close(fds[1]);
}

static void test_gone_during_the_handshake(void **state)
{
    int fds[2];
    pair_tcp(fds, 0);
    struct server s = {0};
    server_open(&s, state, fds[0]);
    assert_true(net_conn_start_tls(s.conn, s.tls));
    bytes_add_text(net_conn_output(s.conn), "not to be seen in the clear");
    net_conn_flush(s.conn);
    net_conn_send(s.conn, view_of("nor this"));
    assert_int_equal(net_conn_backlog(s.conn), 35);
    shutdown(fds[1], SHUT_WR);
    net_loop_run(s.loop);
    assert_int_equal(s.ended, 1);
    assert_int_equal(s.why, NET_END_ERROR);
    char text[100];
    ssize_t len = recv(fds[1], text, sizeof text, 0);
    assert_true(len <= 7); /* an alert at most */
    server_close(&s);
    close(fds[1]);
}

/* Bytes that came in the clear behind the request are not taken for what came under TLS (CVE-2021-23214). */
static void test_plain_text_before_tls_is_refused(void **state)
{
    int fds[2];
    pair_tcp(fds, 0);
    struct server s = {0};
    server_open(&s, state, fds[0]);
    assert_int_equal(send(fds[1], "TLS?Q", 5, 0), 5);
    net_loop_run(s.loop);
    assert_true(s.has_started);
    assert_false(s.was_accepted);
    assert_int_equal(s.taken, 0);
    server_close(&s);
    close(fds[1]);
}

/* ---- big transfers -------------------------------------------------------------------------------- */

static bool is_later(SSL *ssl, int result)
{
    int error = SSL_get_error(ssl, result);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* An SSL is one thread's at a time, so this client takes turns: writes what it may, reads what there is. */
static void client_echo(struct client *c)
{
    enum { PIECE = 60000 };
    char *data = check_alloc(PIECE);
    set_nonblocking(c->fd);
    SSL_set_mode(c->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    size_t sent = 0, got = 0;
    while (got < c->size) {
        size_t len = c->size - sent < PIECE ? c->size - sent : PIECE;
        pattern_fill(data, sent, len);
        int n = len > 0 ? SSL_write(c->ssl, data, (int)len) : 0;
        sent += n > 0 ? (size_t)n : 0;
        CHECK(n > 0 || len == 0 || is_later(c->ssl, n));
        n = SSL_read(c->ssl, data, PIECE);
        CHECK(n > 0 ? pattern_is(data, got, (size_t)n) : is_later(c->ssl, n));
        got += n > 0 ? (size_t)n : 0;
        if (got % (3 * MiB) < (size_t)(n > 0 ? n : 0))
            SSL_key_update(c->ssl, SSL_KEY_UPDATE_REQUESTED); /* now and then; in TLS 1.2 there is none */
        ERR_clear_error();
    }
    free(data);
    leave_in_order(c);
}

static void check_big(void **state, int version, size_t size, int buffers)
{
    struct client client = {.version = version, .size = size};
    struct server s = meet(state, &client, client_echo, buffers);
    assert_int_equal(s.taken, size);
    assert_int_equal(s.ended, 1);
    assert_int_equal(s.why, NET_END_PEER);
}

static void test_big_transfers(void **state)
{
    check_big(state, TLS1_3_VERSION, 20 * MiB, 0);
    check_big(state, TLS1_2_VERSION, 20 * MiB, 0);
}

static void test_big_transfers_through_tiny_buffers(void **state)
{
    check_big(state, TLS1_3_VERSION, 4 * MiB, 4096);
    check_big(state, TLS1_2_VERSION, 4 * MiB, 4096);
}

/* ---- borrowed ------------------------------------------------------------------------------------- */

/* The client's side, handed over to the loop after the handshake, as libpq's is: sends the pattern, reads
 * the echo. */
struct borrower {
    struct net_loop *loop;
    struct net_conn *conn;
    struct client *client;
    struct server *server;
    size_t size, sent, got;
    bool has_ended;
};

static void borrower_fill(struct borrower *b)
{
    char piece[30000];
    while (b->sent < b->size && !net_conn_is_congested(b->conn)) {
        size_t len = b->size - b->sent < sizeof piece ? b->size - b->sent : sizeof piece;
        pattern_fill(piece, b->sent, len);
        net_conn_send(b->conn, (struct view){piece, len});
        b->sent += len;
    }
}

static void borrower_received(void *owner)
{
    struct borrower *b = owner;
    struct view v = net_conn_input(b->conn);
    assert_true(pattern_is(v.data, b->got, v.len));
    b->got += v.len;
    net_conn_consume(b->conn, v.len);
    borrower_fill(b);
    if (b->got < b->size)
        return;
    /* Given back: its lender may still use it, and ends the connection. */
    net_conn_close(b->conn, true);
    b->conn = NULL;
    CHECK(SSL_shutdown(b->client->ssl) >= 0);
    shutdown(b->client->fd, SHUT_WR);
}

static void borrower_drained(void *owner)
{
    borrower_fill(owner);
}

static void borrower_ended(void *owner, enum net_end why, const char *detail)
{
    fail_msg("the server has ended: %s", detail);
}

static const struct net_events borrower_events = {borrower_received, borrower_drained, borrower_ended};

static void borrow(void *arg)
{
    struct borrower *b = arg;
    b->conn = net_conn_borrow(b->loop, b->client->fd, b->client->ssl, &borrower_events, b);
    assert_true(net_conn_has_tls(b->conn));
    assert_non_null(net_conn_tls_version(b->conn));
    borrower_fill(b);
}

/* Found again by the thread, which knows only its client. */
struct lender {
    struct client client; /* first, so that one is the other */
    struct borrower borrower;
};

static void hand_over(struct client *c)
{
    struct lender *l = (struct lender *)c;
    set_nonblocking(c->fd);
    net_loop_post(l->borrower.loop, borrow, &l->borrower);
}

static void check_borrowed(void **state, int version, int buffers, size_t size)
{
    int fds[2];
    pair_tcp(fds, buffers);
    struct server s = {0};
    server_open(&s, state, fds[0]);
    struct lender l = {.client = {.version = version}, .borrower = {.loop = s.loop, .size = size}};
    l.borrower.client = &l.client;
    client_start(&l.client, fds[1], hand_over);
    net_loop_run(s.loop); /* until the server sees the end */
    assert_int_equal(l.borrower.got, size);
    assert_int_equal(s.taken, size);
    assert_int_equal(s.why, NET_END_PEER);
    assert_int_not_equal(fcntl(fds[1], F_GETFD), -1);
    server_close(&s);
    client_end(&l.client);
}

static void test_borrowed_ssl(void **state)
{
    check_borrowed(state, TLS1_3_VERSION, 0, 20 * MiB);
    check_borrowed(state, TLS1_2_VERSION, 0, 20 * MiB);
    check_borrowed(state, TLS1_3_VERSION, 4096, 2 * MiB);
}

/* ---- reload --------------------------------------------------------------------------------------- */

/* A connection keeps the certificate it was made with, though its owner has dropped it. */
static void test_tls_outlives_its_owner(void **state)
{
    int fds[2];
    pair_tcp(fds, 0);
    struct server s = {0};
    server_open(&s, state, fds[0]);
    net_tls_drop(net_tls_hold(s.tls));
    assert_true(net_conn_start_tls(s.conn, s.tls));
    s.has_started = true;
    net_tls_drop(s.tls);
    s.tls = NULL;
    shutdown(fds[1], SHUT_WR);
    net_loop_run(s.loop);
    assert_int_equal(s.ended, 1);
    server_close(&s);
    close(fds[1]);
}

int main(void)
{
    alarm(HELP_LIMIT_SECONDS);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_files_are_named),
        cmocka_unit_test(test_versions),
        cmocka_unit_test(test_old_versions_are_refused),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_no_renegotiation),
        cmocka_unit_test(test_nonsense_instead_of_a_handshake),
        cmocka_unit_test(test_gone_during_the_handshake),
        cmocka_unit_test(test_plain_text_before_tls_is_refused),
        cmocka_unit_test(test_big_transfers),
        cmocka_unit_test(test_big_transfers_through_tiny_buffers),
        cmocka_unit_test(test_borrowed_ssl),
        cmocka_unit_test(test_tls_outlives_its_owner),
    };
    return cmocka_run_group_tests(tests, make_files, remove_files);
}
