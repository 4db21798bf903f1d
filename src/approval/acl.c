/* The rules that keep each role to its prefix, for Redis 7's ACL SETUSER (key permissions by %R~ and %RW~,
 * and a selector where a role listens to one channel and speaks on another). The proxy, which parses
 * hostile bytes, can write ticket:* alone; only the console writes ok:*, only the executor run:*. */
#include "approval.h"

#include <string.h>

#include "base/check.h"

/* What the scripts of all roles are made of, and what opens a connection. */
#define BASICS                                                                                                         \
    "+eval +evalsha +select +ping +time +exists +get +hget +hmget +hgetall +hkeys +smembers +sismember "               \
    "+zrange +zrangebyscore +zrevrange "

#define RESET "reset on "

static const struct {
    const char *role, *rules;
} roles[] = {
    {"proxy", RESET "%RW~ticket:{sallyport}:* %R~ok:{sallyport}:* %R~run:{sallyport}:* "
                    "&ok:{sallyport}:news &run:{sallyport}:news " BASICS
                    "+subscribe +unsubscribe +incr +set +del +hset +hsetnx +pexpire +pexpireat +zadd +zrem "
                    "+zremrangebyscore"},
    {"console", RESET "%RW~ok:{sallyport}:* %R~ticket:{sallyport}:* %R~run:{sallyport}:* &ok:{sallyport}:* " BASICS
                      "+hset +pexpireat +xadd +publish +sadd +srem +incr"},
    {"executor", RESET "%RW~run:{sallyport}:* %R~ticket:{sallyport}:* %R~ok:{sallyport}:* &run:{sallyport}:* " BASICS
                       "+info +config|get +xrange +set +del +hset +hdel +hincrby +pexpireat +zadd +zrem +publish "
                       "(+subscribe +unsubscribe &ok:{sallyport}:wake)"},
};

void approval_acl(const char *role, struct bytes *to)
{
    size_t i = 0, count = sizeof roles / sizeof *roles;
    while (i < count && strcmp(role, roles[i].role) != 0)
        i++;
    CHECK(i < count);
    bytes_add_text(to, roles[i].rules);
}
