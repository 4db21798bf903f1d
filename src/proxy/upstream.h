/* The connection to the database: asked for and authenticated by libpq, which knows every method, TLS mode
 * and host list that PostgreSQL users know, then handed over for raw relaying. The only file that knows how
 * the two fit together:
 *
 * - libpq connects and logs in, blocking, in the thread pool, with a start-up packet built from nothing.
 * - One query reads every pin back: a pooler that ignores `options` logs in without them.
 * - From then on libpq doesn't touch the socket any more. Bytes that it has read past ReadyForQuery are out
 *   of reach; only asynchronous notices could be there, and strict framing ends a session out of step. */
#ifndef UPSTREAM_H
#define UPSTREAM_H

#include "base/bytes.h"
#include "base/fault.h"

struct net_loop;

struct upstream_setting {
    const char *name, *value;
};

struct upstream_options {
    const char *conninfo;
    const char *application_name;
    bool is_read_only;                       /* the reading credential: sessions are pinned read-only */
    const char *search_path;                 /* the pin, unless the settings name one */
    const struct upstream_setting *settings; /* pinned for the agent, and what it asked for at start-up */
    size_t setting_count;
};

struct upstream;

/* Copies the options; done(arg, upstream, …) on the loop's thread, exactly once. upstream NULL: error holds
 * one sentence. */
typedef void upstream_done(void *arg, struct upstream *upstream, const char *error);
void upstream_open(struct net_loop *loop, const struct upstream_options *options, upstream_done *done, void *arg);

/* The same, blocking, for a thread that may wait. NULL: error (size bytes) says why. */
struct upstream *upstream_connect(const struct upstream_options *options, char *error, size_t size);

void upstream_close(struct upstream *upstream);

int upstream_socket(const struct upstream *upstream);
void *upstream_tls(const struct upstream *upstream); /* SSL *, or NULL */
uint32_t upstream_pid(const struct upstream *upstream);
struct pg_conn *upstream_libpq(struct upstream *upstream); /* for blocking use, instead of handing over */

/* What the server reported at login; NULL: it doesn't have that parameter. */
const char *upstream_parameter(const struct upstream *upstream, const char *name);
/* The names worth asking for, NULL-terminated. */
extern const char *const upstream_parameters[];

/* A handle for cancelling from any thread, also after the upstream is closed. Counted. */
struct upstream_cancel;
struct upstream_cancel *upstream_cancel_new(const struct upstream *upstream);
struct upstream_cancel *upstream_cancel_hold(struct upstream_cancel *cancel);
void upstream_cancel_drop(struct upstream_cancel *cancel);
/* Sends it from the thread pool; takes over the reference. */
void upstream_cancel_send(struct net_loop *loop, struct upstream_cancel *cancel);

#endif
