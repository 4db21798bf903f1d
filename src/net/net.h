/* net: the event loop, connections, timers, and work that may block. The only room that knows libuv and
 * OpenSSL's SSL; neither shows in this header, so the hot sockets can move to another engine.
 *
 * A loop belongs to the thread that runs it. Everything here is called on that thread, but for
 * net_loop_post and net_loop_stop, which any thread may call. Callbacks run on the loop's thread, never
 * from inside the call that caused them. */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/bytes.h"
#include "base/fault.h"

struct net_loop;
struct uv_loop_s;

struct net_loop *net_loop_new(void);
void net_loop_run(struct net_loop *loop);             /* returns after net_loop_stop */
void net_loop_stop(struct net_loop *loop);            /* any thread */
void net_loop_free(struct net_loop *loop);            /* connections, timers and listeners are closed; waits
                                                       * for those that linger, and for work in the pool;
                                                       * what takes too long is logged, and its memory left */
int64_t net_loop_now(struct net_loop *loop);          /* microseconds since 1970; read once per turn */
struct uv_loop_s *net_loop_uv(struct net_loop *loop); /* for libraries with an adapter of their own (hiredis) */

/* Runs call(arg) on the loop's thread, in the order posted. Any thread. */
void net_loop_post(struct net_loop *loop, void (*call)(void *arg), void *arg);

/* Runs call(arg) at the end of this turn, after all readable connections were served. Used to write once
 * what many messages produced. */
void net_loop_defer(struct net_loop *loop, void (*call)(void *arg), void *arg);

/* Runs work(arg) in the thread pool, then done(arg) on the loop's thread. */
void net_work(struct net_loop *loop, void (*work)(void *arg), void (*done)(void *arg), void *arg);

struct net_timer;
struct net_timer *net_timer_new(struct net_loop *loop, void (*fired)(void *arg), void *arg);
void net_timer_start(struct net_timer *timer, uint64_t after_ms, uint64_t every_ms); /* every 0: once */
void net_timer_stop(struct net_timer *timer);
void net_timer_free(struct net_timer *timer); /* NULL is allowed */

/* Signals: call(arg, signal number) on the loop's thread. Lives as long as the loop. */
void net_signal(struct net_loop *loop, int signal, void (*call)(void *arg, int signal), void *arg);

/* Child processes: ended(arg, exit status, signal) once. uid -1: as we are. Returns the pid, or -errno. */
int net_spawn(struct net_loop *loop, const char *const *argv, int uid, int gid,
              void (*ended)(void *arg, int64_t status, int signal), void *arg);

/* ---- TLS ------------------------------------------------------------------------------------------ */

/* What a listener needs to speak TLS: certificate chain and key (PEM files). TLS 1.2 at least. Immutable;
 * counted, so that connections made with an old one keep it across a reload. */
struct net_tls;
struct net_tls *net_tls_new(const char *certificate_file, const char *key_file, struct fault *fault);
struct net_tls *net_tls_hold(struct net_tls *tls);
void net_tls_drop(struct net_tls *tls);

/* ---- connections ---------------------------------------------------------------------------------- */

enum net_end {
    NET_END_PEER,  /* the other side closed in order */
    NET_END_ERROR, /* reset, time-out, TLS failure; `detail` says what */
};

struct net_conn;

struct net_events {
    /* New bytes stand in net_conn_input. Whatever is not consumed when this returns is kept and offered
     * again together with what arrives next. */
    void (*received)(void *owner);
    /* The backlog of unsent bytes has fallen below the low-water mark after having been over the high one. May
     * be NULL. */
    void (*drained)(void *owner);
    /* At most once; the owner then calls net_conn_close. In the first turn, when the descriptor can't be watched. */
    void (*ended)(void *owner, enum net_end why, const char *detail);
};

/* Takes a connected, non-blocking socket. With `borrowed_ssl` (an SSL *, of a libpq connection) bytes go
 * through it, and neither it nor the descriptor is closed by net_conn_close: libpq owns them. */
struct net_conn *net_conn_new(struct net_loop *loop, int fd, const struct net_events *events, void *owner);
struct net_conn *net_conn_borrow(struct net_loop *loop, int fd, void *borrowed_ssl, const struct net_events *events,
                                 void *owner);
void net_conn_set_events(struct net_conn *conn, const struct net_events *events, void *owner);

/* Starts TLS as the server. Refused (false) when unread bytes are buffered already: they came before the
 * handshake and may be another's (CVE-2021-23214); or when what was said in plain text can't be sent at
 * once, which one byte on a new connection can. The handshake then goes on by itself; a failure is an
 * `ended`. */
bool net_conn_start_tls(struct net_conn *conn, struct net_tls *tls);
bool net_conn_has_tls(const struct net_conn *conn);
const char *net_conn_tls_version(const struct net_conn *conn); /* "TLSv1.3", or NULL */
const char *net_conn_peer(const struct net_conn *conn);        /* "127.0.0.1:40112", "unix" */

/* Input. The view is valid until the next consume, or until `received` returns. */
struct view net_conn_input(const struct net_conn *conn);
void net_conn_consume(struct net_conn *conn, size_t len);
void net_conn_pause(struct net_conn *conn);  /* read no more from the socket (back-pressure) */
void net_conn_resume(struct net_conn *conn); /* offers what is buffered again, even if nothing new arrives */

/* Output. Append to net_conn_output and call net_conn_flush, or hand over bytes with net_conn_send, which
 * writes them straight from where they are when nothing is waiting before them. Neither blocks or fails:
 * errors come as `ended`. */
struct bytes *net_conn_output(struct net_conn *conn);
void net_conn_send(struct net_conn *conn, struct view v);
void net_conn_flush(struct net_conn *conn);
size_t net_conn_backlog(const struct net_conn *conn);
bool net_conn_is_congested(const struct net_conn *conn); /* over the high-water mark: pause whoever feeds it */
void net_conn_set_water(struct net_conn *conn, size_t low, size_t high);

/* No callback comes after this. With `linger`, what is still unsent is sent in the background for a few
 * seconds first (a last error message), then the socket is closed. A borrowed descriptor is never waited
 * for; when this returns, its lender may close it. The memory stays until the turn ends, so a callback may
 * close its own connection. */
void net_conn_close(struct net_conn *conn, bool linger);

/* ---- listeners ------------------------------------------------------------------------------------ */

struct net_listener;

/* address: "127.0.0.1:6432", "[::1]:6432", "localhost:0", or "unix:/path/.s.PGSQL.6432". Opens and binds
 * at once, so that a process can bind before it drops privileges; accepts once started on a loop. Several
 * loops may start on descriptors of the same address (`shared`: SO_REUSEPORT). */
struct net_listener *net_listen(const char *address, bool shared, struct fault *fault);
void net_listener_start(struct net_listener *listener, struct net_loop *loop,
                        void (*accepted)(void *owner, int fd, const char *peer), void *owner);
/* Another listener on the same address (also when its port was given for 0), for another loop. `first` was
 * opened as `shared` and outlives the call, not more. */
struct net_listener *net_listener_twin(const struct net_listener *first, struct fault *fault);
const char *net_listener_address(const struct net_listener *listener); /* with the port that was given for 0 */
void net_listener_close(struct net_listener *listener);

#endif
