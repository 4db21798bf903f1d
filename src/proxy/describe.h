/* The catalog connection: says what Describe would say of a statement, outside of any agent's session and
 * transaction, as the reading role. One per database and worker, opened when it is first needed; questions
 * are answered one after another in the thread pool. */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include "session.h"

struct net_loop;
struct describer;

struct describer *describer_new(struct net_loop *loop, const char *conninfo);
/* Questions under way are still answered to nobody. */
void describer_free(struct describer *describer);

/* Copies the request; done exactly once, on the loop's thread, unless forgotten. */
typedef void describe_done(void *arg, const struct described *described);
uint64_t describer_ask(struct describer *describer, const struct describe_request *request, describe_done *done,
                       void *arg);
void describer_forget(struct describer *describer, uint64_t token);

#endif
