#!/bin/bash
# sallyport to try out, in one command on a bare Debian 12: installs what is missing, builds, starts a private
# PostgreSQL and Redis and sallyport itself in a folder of their own, and shows what it does. It is all left
# running; run it again for another round, and with --down to end and remove it.
#
#   docker/quickstart.sh [--down]
#
# The folder is $SALLYPORT_HOME, else ~/.sallyport-quickstart (for root /var/lib/sallyport-quickstart, since
# PostgreSQL doesn't run as root and its user must reach the folder).
# shellcheck disable=SC2153,SC2154 # ports and passwords come from $folder/settings, AGENT and CONSOLE from $folder/env
set -euo pipefail
umask 022

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(dirname "$here")
if [ "$(id -u)" -eq 0 ]; then
    folder=${SALLYPORT_HOME:-/var/lib/sallyport-quickstart}
    owner=postgres
else
    folder=${SALLYPORT_HOME:-$HOME/.sallyport-quickstart}
    owner=$(id -un)
fi
bin=/usr/lib/postgresql/15/bin
program=$top/build/release/sallyport
export LC_ALL=C.UTF-8

# ---- words

say()
{
    printf '\n\033[1m%s\033[0m\n' "$*"
}

die()
{
    echo "quickstart: $*" >&2
    exit 1
}

# long NAME COMMAND…: a progress line; the command's output goes to a log, shown if it fails.
long()
{
    local name=$1 began=$SECONDS log=$folder/log/${1// /-}
    shift
    printf '  %-44s' "$name …"
    # in the background, since bash forgets `set -e` within a condition
    "$@" >"$log" 2>&1 </dev/null &
    if ! wait $!; then
        echo "failed; the end of $log:"
        tail -n 20 "$log"
        exit 1
    fi
    echo "$((SECONDS - began)) s"
}

# until_true SECONDS COMMAND…
until_true()
{
    local deadline=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.1
    done
}

# ---- processes that are ours: a pid file holds the pid and when that process began

# Nothing for a process that has ended and only waits for its parent (Z).
began_at()
{
    sed -n 's/.*) \([^Z].*\)/\1/p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
}

remember()
{
    echo "$2 $(began_at "$2")" >"$folder/run/$1"
}

# Prints the pid if what was remembered still runs; a pid that now belongs to another process is not it.
running()
{
    local pid start
    [ -r "$folder/run/$1" ] || return 1
    read -r pid start <"$folder/run/$1" || return 1
    [ -n "$start" ] && [ "$(began_at "$pid")" = "$start" ] && echo "$pid"
}

not_running()
{
    ! running "$1"
}

end()
{
    local pid
    pid=$(running "$1") || return 0
    echo "  ending $1 (pid $pid)"
    kill -"${2:-TERM}" "$pid"
    if ! until_true 20 not_running "$1"; then
        kill -KILL "$pid"
        until_true 5 not_running "$1" || die "process $pid can't be ended"
    fi
    rm -f "$folder/run/$1"
}

as_owner()
{
    if [ "$(id -u)" -eq 0 ]; then
        setpriv --reuid="$owner" --regid="$(id -g "$owner")" --init-groups -- "$@"
    else
        "$@"
    fi
}

# free_port WISH: the first one from WISH on where nobody listens and that we haven't given out.
free_port()
{
    local port=$1
    while [[ " $given " = *" $port "* ]] || (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do
        port=$((port + 1))
    done
    given="$given $port"
    chosen=$port
}

secret()
{
    od -An -N 18 -tx1 /dev/urandom | tr -d ' \n'
}

listens()
{
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# move_port SETTING: to the next free port, in the settings and in what was made from them.
move_port()
{
    local old=${!1} file
    given="$agents_port $console_port $postgres_port $redis_port"
    free_port "$((old + 1))"
    echo "port $old is taken, going on with $chosen"
    printf -v "$1" %s "$chosen"
    sed -i "s/^$1=.*/$1=$chosen/" "$folder/settings"
    for file in sallyport.json env pgpass; do
        [ ! -e "$folder/$file" ] || sed -i "s/\(127\.0\.0\.1:\|port=\)$old\b/\1$chosen/g" "$folder/$file"
    done
}

# serve NAME PORT-SETTINGS: starts it by launch_NAME and waits for is_NAME_up. Ports that somebody else took
# since they were chosen are given up for the next ones.
serve()
{
    local name=$1 log=$folder/log/$1 port before pid
    for _ in 1 2 3 4 5; do
        for port in $2; do
            ! listens "${!port}" || move_port "$port"
        done
        touch "$log"
        before=$(stat -c %s "$log")
        "launch_$name" >>"$log" 2>&1 </dev/null &
        pid=$!
        remember "$name" "$pid"
        until_true 60 has_settled || true
        if ! finds_port_taken; then
            "is_${name}_up" && return
            tail "$log"
            return 1
        fi
        end "$name"
    done
    echo "every port that was tried was taken meanwhile"
    return 1
}

has_settled()
{
    "is_${name}_up" || finds_port_taken || ! kill -0 "$pid"
}

finds_port_taken()
{
    tail -c "+$((before + 1))" "$log" | grep -q 'Address already in use'
}

# ---- the parts

down()
{
    [ -e "$folder/.sallyport-quickstart" ] || die "nothing to end: $folder is not a quickstart's folder"
    end sallyport
    end redis
    end postgres INT
    rm -rf "$folder"
    echo "  removed $folder"
}

# Passwords and ports are chosen once and kept in $folder/settings.
make_settings()
{
    given=
    free_port 6432; local agents=$chosen
    free_port 6433; local console=$chosen
    free_port 15432; local postgres=$chosen
    free_port 16379; local redis=$chosen
    (
        umask 077
        cat >"$folder/settings" <<END
agents_port=$agents
console_port=$console
postgres_port=$postgres
redis_port=$redis
agent_password=$(secret)
alice_password=$(secret)
read_password=$(secret)
write_password=$(secret)
proxy_redis_password=$(secret)
executor_redis_password=$(secret)
console_redis_password=$(secret)
END
    )
}

make_cluster()
{
    install -d -m 700 -o "$owner" "$folder/postgres" "$folder/socket"
    as_owner "$bin/initdb" -D "$folder/postgres" -U owner --auth=reject --encoding=UTF8 --locale=C.UTF-8 --no-sync
    # owner comes in by the socket in a folder that only its user can enter; sallyport's roles with passwords
    as_owner tee "$folder/postgres/pg_hba.conf" >/dev/null <<END
local all owner trust
host all app_read,app_write 127.0.0.1/32 scram-sha-256
END
    as_owner tee -a "$folder/postgres/postgresql.conf" >/dev/null <<END
listen_addresses = '127.0.0.1'
unix_socket_directories = '$folder/socket'
shared_buffers = 32MB
END
}

is_postgres_up()
{
    as_owner "$bin/pg_isready" -q -h "$folder/socket" -p "$postgres_port"
}

launch_postgres()
{
    as_owner setsid "$bin/postgres" -D "$folder/postgres" -p "$postgres_port"
}

start_postgres()
{
    [ -e "$folder/postgres/pg_hba.conf" ] || make_cluster
    serve postgres postgres_port
    remember postgres "$(as_owner head -n 1 "$folder/postgres/postmaster.pid")"
}

owner_psql()
{
    as_owner psql -X -q -h "$folder/socket" -p "$postgres_port" -U owner "$@"
}

make_demo()
{
    owner_psql -d postgres -c 'CREATE DATABASE app'
    owner_psql -d app -v "read_password=$read_password" -v "write_password=$write_password" -f - <"$here/demo.sql"
    touch "$folder/run/demo"
}

start_redis()
{
    (
        umask 077
        "$here/redis-users.sh" "$proxy_redis_password" "$executor_redis_password" "$console_redis_password" \
            >"$folder/redis/users.acl"
    )
    serve redis redis_port
}

launch_redis()
{
    exec setsid redis-server --port "$redis_port" --bind 127.0.0.1 --dir "$folder/redis" --appendonly yes \
        --appendfsync always --save '' --aclfile "$folder/redis/users.acl"
}

# With the password, so that it is our own.
is_redis_up()
{
    REDISCLI_AUTH=$proxy_redis_password timeout 5 redis-cli -p "$redis_port" --user sp_proxy ping | grep -qx PONG
}

build()
{
    local launcher=()
    if command -v ccache >/dev/null; then
        launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    fi
    cd "$top"
    cmake --preset release -DSALLYPORT_TESTS=OFF "${launcher[@]}"
    cmake --build --preset release --target sallyport
}

make_configuration()
{
    local agent alice
    agent=$("$program" passwd support-bot <<<"$agent_password")
    alice=$("$program" passwd alice <<<"$alice_password")
    cp "$top/rules/default.json" "$folder/policy.json"
    cp "$top/rules/schema.json" "$folder/schema.json"
    (
        umask 077
        cat >"$folder/sallyport.json" <<END
{
  "listen": ["127.0.0.1:$agents_port"],
  "redis": {
    "url": "redis://127.0.0.1:$redis_port/0",
    "proxy": {"user": "sp_proxy", "password": "$proxy_redis_password"},
    "executor": {"user": "sp_executor", "password": "$executor_redis_password"},
    "console": {"user": "sp_console", "password": "$console_redis_password"}
  },
  "databases": {
    "app": {
      "read": "host=127.0.0.1 port=$postgres_port dbname=app user=app_read password=$read_password",
      "write": "host=127.0.0.1 port=$postgres_port dbname=app user=app_write password=$write_password"
    }
  },
  "agents": {
    "support-bot": {"password": "$agent", "databases": ["app"], "policy": "default"}
  },
  "approvers": {"alice": {"password": "$alice"}},
  "policies": ["policy.json"],
  "audit": {"directory": "audit"},
  "console": {"psql": "127.0.0.1:$console_port"}
}
END
        echo "127.0.0.1:$console_port:*:alice:$alice_password" >"$folder/pgpass"
        cat >"$folder/env" <<END
export PATH=${program%/*}:\$PATH
export SALLYPORT_CONFIG=$folder/sallyport.json
export PGPASSFILE=$folder/pgpass
export AGENT='postgresql://support-bot:$agent_password@127.0.0.1:$agents_port/app'
export CONSOLE='postgresql://alice@127.0.0.1:$console_port/sallyport'
END
    )
}

start_sallyport()
{
    [ -e "$folder/sallyport.json" ] || make_configuration
    serve sallyport "agents_port console_port"
}

launch_sallyport()
{
    exec setsid "$program" run --config "$folder/sallyport.json"
}

# With the passwords, so that it is our own.
is_sallyport_up()
{
    # shellcheck source=/dev/null
    . "$folder/env"
    PGCONNECT_TIMEOUT=5 psql -X "$AGENT" -c 'SELECT 1' && PGCONNECT_TIMEOUT=5 psql -X "$CONSOLE" -c 'SHOW VERSION'
}

# A newer build or configuration is a reason to start again.
is_sallyport_old()
{
    [ "$program" -nt "$folder/run/sallyport" ] || [ "$folder/sallyport.json" -nt "$folder/run/sallyport" ]
}

# ---- the show

# show COMMAND: prints it as it would be typed, then runs it. A refusal is part of the show.
show()
{
    printf '\n\033[36m$ %s\033[0m\n' "$1"
    bash -c "$1" 2>&1 || true
}

ticket_has_run()
{
    sallyport queue show "$1" --user alice | grep -Eqw 'executed|failed|unknown'
}

transcript()
{
    local round update
    round=$(($(cat "$folder/run/round" 2>/dev/null || echo 0) + 1))
    echo "$round" >"$folder/run/round"
    update="UPDATE products SET price = price + $round WHERE id = 2 RETURNING name, price"
    # shellcheck source=/dev/null
    . "$folder/env"
    export PAGER='' PSQLRC=/dev/null

    say "1. An agent reads: straight through."
    # shellcheck disable=SC2016 # $AGENT is shown as it would be typed
    show 'psql "$AGENT" -c "SELECT id, name, price FROM products ORDER BY id"'
    say "2. It tries to destroy: refused, and the database has not seen the statement."
    # shellcheck disable=SC2016
    show 'psql "$AGENT" -c "DROP TABLE products"'
    say "3. It writes: parked, with a ticket. Nothing has changed yet, and no lock is held."
    show "psql \"\$AGENT\" -v VERBOSITY=verbose -c \"$update\"" | tee "$folder/run/parked"
    # the agent's own ticket, whatever else waits
    ticket=$(grep -Eo '"ticket":"t[0-9]+"' "$folder/run/parked" | grep -Eo 't[0-9]+' | tail -n 1) ||
        die "the UPDATE was not parked; has $folder/policy.json been changed?"
    say "4. Whoever may decide looks at the queue …"
    show "sallyport queue list --user alice"
    show "sallyport queue show $ticket --user alice"
    say "5. … and approves. The executor runs it, exactly once."
    show "sallyport queue approve $ticket --user alice"
    until_true 30 ticket_has_run "$ticket" || die "$ticket has not run within 30 s; see $folder/log/sallyport"
    say "6. The agent sends the same statement again, and gets the real result."
    show "psql \"\$AGENT\" -c \"$update\""
    say "7. The row has changed."
    # shellcheck disable=SC2016
    show 'psql "$AGENT" -c "SELECT id, name, price FROM products WHERE id = 2"'
    say "8. All of it is on the record, which can't be quietly changed."
    show "sallyport audit search $ticket --ticket $ticket"
    show "sallyport audit verify"
}

goodbye()
{
    # shellcheck source=/dev/null
    . "$folder/env"
    say "It is all running. In a shell of yours:"
    cat <<END

  . $folder/env
  psql "\$AGENT"                          as the agent
  psql "\$CONSOLE"                        as the approver: SHOW QUEUE; SHOW TICKET $ticket; SHOW HELP
                                         (psql answers a bare HELP itself)
  sallyport queue list --user alice      the same from a script
  sallyport check --agent support-bot 'DELETE FROM orders'
  psql -h $folder/socket -p $postgres_port -U owner app
                                         as the database's owner, past sallyport

  agents connect to  $AGENT
  approvers to       postgresql://alice:$alice_password@127.0.0.1:$console_port/sallyport

  configuration      $folder/sallyport.json
  policy             $folder/policy.json
  logs               $folder/log
  to end it          $here/quickstart.sh --down
END
}

# started NAME TITLE COMMAND: unless it runs already. The ports may have changed after that.
started()
{
    if running "$1" >/dev/null; then
        echo "  $2 runs already"
        return
    fi
    long "starting $2" "$3"
    # shellcheck source=/dev/null
    . "$folder/settings"
}

main()
{
    case ${1:-} in
    "") ;;
    --down) down; return ;;
    --help) sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; return ;;
    *) echo "quickstart: unknown option $1; there are --down and --help" >&2; exit 2 ;;
    esac
    echo "sallyport quickstart, in $folder"
    "$here/install.sh" --build --demo
    if [ -e "$folder" ] && [ ! -e "$folder/.sallyport-quickstart" ]; then
        [ -z "$(ls -A "$folder")" ] || die "$folder exists and is not a quickstart's folder"
    fi
    mkdir -p "$folder"/{log,run,redis}
    touch "$folder/.sallyport-quickstart"
    as_owner test -x "$folder" || die "PostgreSQL runs as user $owner, who can't enter $folder: choose another SALLYPORT_HOME"
    [ -e "$folder/settings" ] || make_settings
    # shellcheck source=/dev/null
    . "$folder/settings"

    long "building sallyport" build
    started postgres "PostgreSQL" start_postgres
    [ -e "$folder/run/demo" ] || long "loading the demo database" make_demo
    started redis "Redis" start_redis
    if running sallyport >/dev/null && is_sallyport_old; then end sallyport; fi
    started sallyport "sallyport" start_sallyport
    transcript
    goodbye
}

main "$@"
