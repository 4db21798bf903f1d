/* Private servers for the approval room's tests: a Redis and a PostgreSQL, each on a socket in a folder of its
 * own that is removed at the end, so that tests can run side by side. And patience: tests wait for a condition,
 * up to a limit that only a broken program reaches. */
#ifndef TESTS_APPROVAL_SERVERS_H
#define TESTS_APPROVAL_SERVERS_H

#include <stdbool.h>
#include <sys/types.h>

struct pg_conn;
struct pg_result;
struct redisReply;

struct server {
    char folder[64];
    char address[160]; /* Redis: the url. PostgreSQL: a connection string of the superuser, without dbname */
    pid_t pid;
};

void redis_start(struct server *server);
void redis_begin(struct server *server); /* again, in the same folder, after server_kill */
struct redisReply *redis_do(const struct server *server, const char *format, ...);
void redis_must(const struct server *server, const char *format, ...);

void postgres_start(struct server *server);
void postgres_begin(struct server *server);
struct pg_conn *postgres_connect(const struct server *server, const char *more);
/* First value of the first row, or "" where there is none; the caller frees it. */
char *postgres_do(const struct server *server, const char *sql);

void server_kill(struct server *server); /* SIGKILL (PostgreSQL: SIGQUIT, an immediate stop), and waits */
void server_stop(struct server *server); /* … and removes the folder */

typedef bool condition(void *arg);
void wait_until(condition *is, void *arg, const char *what); /* up to 60 s */

#endif
