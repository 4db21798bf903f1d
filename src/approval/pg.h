/* A connection to PostgreSQL, for the executor: blocking calls that end by a deadline. After a deadline or a
 * loss the connection is closed, and `conn` is NULL. One thread at a time. */
#ifndef APPROVAL_PG_H
#define APPROVAL_PG_H

#include "approval.h"

struct pg_conn;   /* PGconn */
struct pg_result; /* PGresult */

struct pg {
    struct pg_conn *conn;
    uint64_t deadline; /* by pg_clock */
};

uint64_t pg_clock(void); /* monotonic, milliseconds */

/* write: connection string of the configuration. False and `words`, in the arena: why not. */
bool pg_open(struct pg *pg, const char *write, const char *application, struct arena *arena, const char **words);
void pg_close(struct pg *pg);

/* The next result of a query that has been sent; NULL when there are no more. Past the deadline the query is
 * cancelled, and if that doesn't help either, the connection closed. */
struct pg_result *pg_next(struct pg *pg);

/* Sends `sql` with text parameters and gives its last result; NULL: the connection is lost. */
struct pg_result *pg_query(struct pg *pg, const char *sql, size_t count, const char *const *values);
/* Likewise; true if it went well, else why. */
bool pg_do(struct pg *pg, const char *sql, size_t count, const char *const *values, struct arena *arena,
           struct ticket_error *error);

/* What a result (or, without one, the connection) complains of. `sqlstate` is never NULL. */
struct ticket_error pg_error(const struct pg *pg, const struct pg_result *result, struct arena *arena);
bool pg_is_good(const struct pg_result *result);

#endif
