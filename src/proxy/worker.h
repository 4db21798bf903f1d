/* A worker: a thread with an event loop of its own, which owns the logins and sessions that it accepted,
 * both their ends. Workers share nothing but the office. */
#ifndef WORKER_H
#define WORKER_H

#include "office.h"

struct worker;
struct net_listener;

/* number: from 0; the first one also listens to news from the consoles. listeners: taken over. */
struct worker *worker_new(struct office *office, unsigned number, struct net_listener **listeners,
                          size_t listener_count, struct fault *fault);
bool worker_start(struct worker *worker, struct fault *fault);
/* Any thread, from here on. */
void worker_open(struct worker *worker);   /* accepts from now on; until then connections wait in the kernel */
void worker_review(struct worker *worker); /* the set in force or the list of paused agents has changed */
void worker_stop(struct worker *worker);   /* ends every session, then the thread */
void worker_join(struct worker *worker);   /* and frees it */

/* Called on the first worker's thread when a console said RELOAD, or paused or resumed somebody. */
void worker_on_news(struct worker *worker, void (*reload)(void *arg), void (*paused)(void *arg), void *arg);

#endif
