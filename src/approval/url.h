/* redis://[user[:password]@]host[:port][/database] or unix:/path[?db=N], taken apart. %XX in user and
 * password. Whatever else is written there is a fault, rediss:// too: hiredis 0.14 has no TLS, and a
 * connection that only looks encrypted would be worse than none. */
#ifndef APPROVAL_URL_H
#define APPROVAL_URL_H

#include "approval.h"

struct redis_url {
    char host[256], path[108]; /* one of them is empty */
    char user[128], password[512];
    int port, database;
};

/* `user` and `password` of `redis` win over those in the url. */
bool redis_url_parse(struct redis_url *to, const struct approval_redis *redis, struct fault *fault);

/* The commands that open a connection, in wire format; nothing and false where none is needed. */
bool redis_url_auth(const struct redis_url *url, struct bytes *to);
bool redis_url_select(const struct redis_url *url, struct bytes *to);

#endif
