#include "url.h"

#include <string.h>

#include "call.h"

enum { PORT_DEFAULT = 6379, DATABASE_MAX = 1023 };

static bool copy(char *to, size_t size, struct view v)
{
    if (v.len >= size || (v.len > 0 && memchr(v.data, '\0', v.len) != NULL))
        return false;
    if (v.len > 0)
        memcpy(to, v.data, v.len);
    to[v.len] = '\0';
    return true;
}

static bool copy_decoded(char *to, size_t size, struct view v)
{
    size_t len = 0;
    for (size_t i = 0; i < v.len; i++, len++) {
        char c = v.data[i];
        if (c == '%') {
            if (v.len - i < 3 || !crypto_unhex((struct view){v.data + i + 1, 2}, &c, 1) || c == '\0')
                return false;
            i += 2;
        }
        if (len + 1 >= size)
            return false;
        to[len] = c;
    }
    to[len] = '\0';
    return true;
}

static bool number(struct view v, int least, int most, int *to)
{
    long value = 0;
    if (v.len == 0 || v.len > 6)
        return false;
    for (size_t i = 0; i < v.len; i++) {
        if (v.data[i] < '0' || v.data[i] > '9')
            return false;
        value = value * 10 + (v.data[i] - '0');
    }
    *to = (int)value;
    return value >= least && value <= most;
}

/* Splits v at the first (or last) `at`; without one, all of it is `before` and the answer is false. */
static bool split(struct view v, char at, bool last, struct view *before, struct view *after)
{
    const char *found = v.len == 0 ? NULL : last ? memrchr(v.data, at, v.len) : memchr(v.data, at, v.len);
    *before = v;
    *after = (struct view){0};
    if (found == NULL)
        return false;
    before->len = (size_t)(found - v.data);
    *after = (struct view){found + 1, v.len - before->len - 1};
    return true;
}

static bool parse_host(struct redis_url *to, struct view v, struct fault *fault)
{
    struct view host = v, port = {0};
    bool has_port;
    if (v.len > 0 && v.data[0] == '[') { /* [::1]:6379 */
        struct view rest;
        if (!split((struct view){v.data + 1, v.len - 1}, ']', false, &host, &rest) ||
            (rest.len > 0 && rest.data[0] != ':'))
            return fault_set(fault, "the Redis url's [address] has no closing bracket before its port");
        has_port = rest.len > 0;
        port = has_port ? (struct view){rest.data + 1, rest.len - 1} : rest;
    } else {
        has_port = split(v, ':', false, &host, &port);
    }
    if (host.len == 0 || !copy(to->host, sizeof to->host, host))
        return fault_set(fault, "the Redis url has no host name, or one of over %zu characters", sizeof to->host - 1);
    if (has_port && !number(port, 1, 65535, &to->port))
        return fault_set(fault, "the Redis url's port is no number from 1 to 65535");
    return true;
}

static bool parse_tcp(struct redis_url *to, struct view rest, struct fault *fault)
{
    struct view authority, path, login, host, user, password;
    split(rest, '/', false, &authority, &path);
    if (path.len > 0 && !number(path, 0, DATABASE_MAX, &to->database))
        return fault_set(fault, "the Redis url's path is no database number: redis://host:port/0");
    if (!split(authority, '@', true, &login, &host)) {
        host = login;
        login = (struct view){0};
    }
    split(login, ':', false, &user, &password);
    if (!copy_decoded(to->user, sizeof to->user, user) || !copy_decoded(to->password, sizeof to->password, password))
        return fault_set(fault, "the Redis url's user or password is too long or has a wrong %%XX in it");
    return parse_host(to, host, fault);
}

static bool parse_unix(struct redis_url *to, struct view rest, struct fault *fault)
{
    struct view path, query;
    if (split(rest, '?', false, &path, &query) &&
        (!view_starts(query, "db=") ||
         !number((struct view){query.data + 3, query.len - 3}, 0, DATABASE_MAX, &to->database)))
        return fault_set(fault, "the Redis url may end in ?db=N and nothing else");
    if (view_starts(path, "//"))
        path = (struct view){path.data + 2, path.len - 2};
    if (!view_starts(path, "/") || !copy(to->path, sizeof to->path, path))
        return fault_set(fault, "the Redis url's socket path is not absolute or over %zu characters",
                         sizeof to->path - 1);
    return true;
}

bool redis_url_parse(struct redis_url *to, const struct approval_redis *redis, struct fault *fault)
{
    *to = (struct redis_url){.port = PORT_DEFAULT};
    struct view url = view_of(redis->url);
    bool good;
    if (view_starts(url, "redis://"))
        good = parse_tcp(to, (struct view){url.data + 8, url.len - 8}, fault);
    else if (view_starts(url, "unix:"))
        good = parse_unix(to, (struct view){url.data + 5, url.len - 5}, fault);
    else if (view_starts(url, "rediss://"))
        good = fault_set(fault, "rediss:// needs TLS, which this build's hiredis (0.14) doesn't have: use redis:// "
                                "to a local Redis, a unix: socket or a TLS tunnel");
    else
        good = fault_set(fault, "the Redis url is neither redis://host:port/database nor unix:/path");
    if (!good)
        return false;
    if (redis->user != NULL && !copy(to->user, sizeof to->user, view_of(redis->user)))
        return fault_set(fault, "the Redis user's name has over %zu characters", sizeof to->user - 1);
    if (redis->password != NULL && !copy(to->password, sizeof to->password, view_of(redis->password)))
        return fault_set(fault, "the Redis password has over %zu characters", sizeof to->password - 1);
    if (to->user[0] != '\0' && to->password[0] == '\0')
        return fault_set(fault, "the Redis user %s has no password", to->user);
    return true;
}

bool redis_url_auth(const struct redis_url *url, struct bytes *to)
{
    if (url->password[0] == '\0')
        return false;
    bool named = url->user[0] != '\0';
    call_write_head(named ? 3 : 2, to);
    call_write_part(view_of("AUTH"), to);
    if (named)
        call_write_part(view_of(url->user), to);
    call_write_part(view_of(url->password), to);
    return true;
}

bool redis_url_select(const struct redis_url *url, struct bytes *to)
{
    if (url->database == 0)
        return false;
    char text[16];
    snprintf(text, sizeof text, "%d", url->database);
    call_write_head(2, to);
    call_write_part(view_of("SELECT"), to);
    call_write_part(view_of(text), to);
    return true;
}
