#include "servers.h"

#include <errno.h>
#include <ftw.h>
#include <grp.h>
#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define POSTGRES "/usr/lib/postgresql/15/bin/"

enum { PATIENCE_MS = 60000, LOOK_AGAIN_MS = 1 };

void wait_until(condition *is, void *arg, const char *what)
{
    struct timespec began, now;
    clock_gettime(CLOCK_MONOTONIC, &began);
    while (!is(arg)) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        if ((now.tv_sec - began.tv_sec) * 1000 > PATIENCE_MS)
            fail_msg("waited too long for: %s", what);
        poll(NULL, 0, LOOK_AGAIN_MS);
    }
}

static void make_folder(struct server *server, const char *kind)
{
    snprintf(server->folder, sizeof server->folder, "/tmp/sallyport-%s-XXXXXX", kind);
    assert_non_null(mkdtemp(server->folder));
}

static int remove_one(const char *path, const struct stat *stat, int type, struct FTW *ftw)
{
    return remove(path);
}

/* In the child: PostgreSQL refuses to run as root. */
static void become_postgres(const char *folder)
{
    const struct passwd *user = getpwnam("postgres");
    if (geteuid() != 0)
        return;
    if (user == NULL || initgroups("postgres", user->pw_gid) != 0 || setgid(user->pw_gid) != 0 ||
        setuid(user->pw_uid) != 0 || chdir(folder) != 0)
        _exit(126);
}

static pid_t spawn(const struct server *server, bool is_postgres, const char *const *command)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    char log[128];
    snprintf(log, sizeof log, "%s/log", server->folder);
    if (is_postgres)
        become_postgres(server->folder);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a changed user would have cleared it */
    if (freopen(log, "a", stdout) == NULL || dup2(fileno(stdout), STDERR_FILENO) < 0)
        _exit(126);
    execvp(command[0], (char *const *)command);
    _exit(127);
}

/* ---- Redis -------------------------------------------------------------------------------------------- */

static redisContext *redis_open(const struct server *server)
{
    struct timeval patience = {.tv_sec = 5};
    redisContext *context = redisConnectUnixWithTimeout(server->address + strlen("unix:"), patience);
    assert_non_null(context);
    if (context->err == 0)
        return context;
    redisFree(context);
    return NULL;
}

static bool redis_answers(void *arg)
{
    redisContext *context = redis_open(arg);
    if (context == NULL)
        return false;
    redisReply *reply = redisCommand(context, "PING");
    bool good = reply != NULL && reply->type == REDIS_REPLY_STATUS;
    freeReplyObject(reply);
    redisFree(context);
    return good;
}

void redis_begin(struct server *server)
{
    const char *const command[] = {"redis-server",
                                   "--port",
                                   "0",
                                   "--unixsocket",
                                   server->address + strlen("unix:"),
                                   "--dir",
                                   server->folder,
                                   "--appendonly",
                                   "yes",
                                   "--appendfsync",
                                   "always",
                                   "--save",
                                   "",
                                   "--logfile",
                                   "",
                                   NULL};
    server->pid = spawn(server, false, command);
    wait_until(redis_answers, server, "Redis to answer");
}

void redis_start(struct server *server)
{
    make_folder(server, "redis");
    snprintf(server->address, sizeof server->address, "unix:%s/s", server->folder);
    redis_begin(server);
}

redisReply *redis_do(const struct server *server, const char *format, ...)
{
    redisContext *context = redis_open(server);
    assert_non_null(context);
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(context, format, args);
    va_end(args);
    redisFree(context);
    assert_non_null(reply);
    return reply;
}

void redis_must(const struct server *server, const char *format, ...)
{
    redisContext *context = redis_open(server);
    assert_non_null(context);
    va_list args;
    va_start(args, format);
    redisReply *reply = redisvCommand(context, format, args);
    va_end(args);
    assert_non_null(reply);
    if (reply->type == REDIS_REPLY_ERROR)
        fail_msg("%s: %s", format, reply->str);
    freeReplyObject(reply);
    redisFree(context);
}

/* ---- PostgreSQL --------------------------------------------------------------------------------------- */

static bool postgres_answers(void *arg)
{
    const struct server *server = arg;
    return PQping(server->address) == PQPING_OK;
}

void postgres_begin(struct server *server)
{
    char data[96], sockets[128];
    snprintf(data, sizeof data, "%s/data", server->folder);
    snprintf(sockets, sizeof sockets, "unix_socket_directories=%s", server->folder);
    const char *const command[] = {POSTGRES "postgres",  "-D", data, "-c", "listen_addresses=", "-c", sockets, "-c",
                                   "max_connections=60", NULL};
    server->pid = spawn(server, true, command);
    wait_until(postgres_answers, server, "PostgreSQL to answer");
}

void postgres_start(struct server *server)
{
    make_folder(server, "pg");
    const struct passwd *user = getpwnam("postgres");
    if (geteuid() == 0)
        assert_true(user != NULL && chown(server->folder, user->pw_uid, user->pw_gid) == 0);
    char data[96];
    int status;
    snprintf(data, sizeof data, "%s/data", server->folder);
    const char *const command[] = {POSTGRES "initdb", "-D", data,   "-U",         "boss", "-A",
                                   "trust",           "-E", "UTF8", "--locale=C", "-N",   NULL};
    pid_t pid = spawn(server, true, command);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    snprintf(server->address, sizeof server->address, "host=%s user=boss dbname=postgres", server->folder);
    postgres_begin(server);
}

PGconn *postgres_connect(const struct server *server, const char *more)
{
    char text[256];
    snprintf(text, sizeof text, "%s %s", server->address, more);
    PGconn *conn = PQconnectdb(text);
    if (PQstatus(conn) != CONNECTION_OK)
        fail_msg("%s", PQerrorMessage(conn));
    return conn;
}

char *postgres_do(const struct server *server, const char *sql)
{
    PGconn *conn = postgres_connect(server, "");
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    char *value = strdup(PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(conn);
    return value;
}

/* ---- both --------------------------------------------------------------------------------------------- */

void server_kill(struct server *server)
{
    int status;
    if (server->pid <= 0)
        return;
    bool is_postgres = strncmp(server->address, "unix:", 5) != 0;
    kill(server->pid, SIGCONT);
    kill(server->pid, is_postgres ? SIGQUIT : SIGKILL);
    waitpid(server->pid, &status, 0);
    server->pid = 0;
}

void server_stop(struct server *server)
{
    server_kill(server);
    nftw(server->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
