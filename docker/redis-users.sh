#!/bin/bash
# Prints Redis's users (an ACL file) for sallyport's three roles: each may write the keys of its own prefix and
# read the others', so that only the console can approve. The rules are the program's own (src/approval/acl.c).
#
#   docker/redis-users.sh PROXY_PASSWORD EXECUTOR_PASSWORD CONSOLE_PASSWORD
set -euo pipefail
[ $# -eq 3 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }

basics='+eval +evalsha +select +ping +time +exists +get +hget +hmget +hgetall +hkeys +smembers +sismember +zrange
    +zrangebyscore +zrevrange'
proxy="%RW~ticket:{sallyport}:* %R~ok:{sallyport}:* %R~run:{sallyport}:* &ok:{sallyport}:news &run:{sallyport}:news
    $basics +subscribe +unsubscribe +incr +set +del +hset +hsetnx +pexpire +pexpireat +zadd +zrem +zremrangebyscore"
console="%RW~ok:{sallyport}:* %R~ticket:{sallyport}:* %R~run:{sallyport}:* &ok:{sallyport}:* $basics
    +hset +pexpireat +xadd +publish +sadd +srem +incr"
executor="%RW~run:{sallyport}:* %R~ticket:{sallyport}:* %R~ok:{sallyport}:* &run:{sallyport}:* $basics
    +info +config|get +xrange +set +del +hset +hdel +hincrby +pexpireat +zadd +zrem +publish
    (+subscribe +unsubscribe &ok:{sallyport}:wake)"

# user NAME PASSWORD RULES
user()
{
    echo "user $1 reset on >$2 $3" | tr -s '\n ' ' '
    echo
}

# Nobody can log in as the default user, but Redis reads its append-only file back as that user: without these
# rights it drops every transaction in the file when it restarts, and says so only in its log.
echo "user default off ~* &* +@all"
user sp_proxy "$1" "$proxy"
user sp_executor "$2" "$executor"
user sp_console "$3" "$console"
