#!/bin/bash
# Installs what sallyport needs from Debian's packages: only what is missing, nothing is started, no
# database cluster is made. Nothing is assumed but Debian 12, apt and bash.
#
#   docker/install.sh [--build] [--demo] [--tests] [--bench]     (none: --build)
#
# --build  compiler and libraries         --demo   PostgreSQL and Redis, for docker/quickstart.sh
# --tests  clients, checkers, test tools  --bench  the other proxies to measure against
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

build=(gcc libc6-dev binutils cmake ninja-build pkg-config libuv1-dev libssl-dev libjansson-dev libpq-dev
    libhiredis-dev libidn-dev libpg-query-dev postgresql-server-dev-15)
demo=(postgresql-15 redis-server openssl)
tests=(libcmocka-dev ccache python3 python3-pytest python3-pytest-timeout python3-pytest-xdist python3-psycopg python3-psycopg2
    python3-asyncpg python3-sqlalchemy python3-greenlet python3-django libpostgresql-jdbc-java default-jdk-headless
    python3-jsonschema python3-yaml nodejs npm psmisc clang clang-format
    clang-tidy libclang-rt-14-dev shellcheck git)
bench=(pgbouncer haproxy python3 python3-psycopg)

# Services that these packages bring along; they are neither started now nor at the next boot.
services=(postgresql redis-server pgbouncer haproxy)

usage()
{
    sed -n '2,9s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit "$1"
}

is_installed()
{
    # node, npm and a JDK are often there from elsewhere; Debian's npm alone would bring 400 packages
    case $1 in
    nodejs) command -v node >/dev/null && return ;;
    npm) command -v npm >/dev/null && return ;;
    default-jdk-headless) command -v javac >/dev/null && return ;;
    esac
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Runs as root: keeps packaged services from starting while apt works, then puts everything back.
apt_quietly()
{
    local policy=/usr/sbin/policy-rc.d name absent=()
    export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
    cluster=/etc/postgresql-common/createcluster.d/sallyport-install.conf
    ours=
    trap 'rm -f "$cluster" $ours' EXIT
    mkdir -p "${cluster%/*}"
    echo "create_main_cluster = false" >"$cluster"
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        ours=$policy
    fi
    for name in "${services[@]}"; do
        is_installed "$name" || is_installed "$name-15" || absent+=("$name")
    done
    apt-get -q -o DPkg::Lock::Timeout=600 update
    apt-get -q -y -o DPkg::Lock::Timeout=600 install --no-install-recommends "$@"
    if [ -d /run/systemd/system ]; then
        for name in "${absent[@]}"; do
            systemctl disable --quiet "$name" 2>/dev/null || true
        done
    fi
}

if [ "${1:-}" = --as-root ]; then
    shift
    apt_quietly "$@"
    exit
fi

wanted=()
what=()
[ $# -gt 0 ] || set -- --build
for group in "$@"; do
    case $group in
    --build) wanted+=("${build[@]}") ;;
    --demo) wanted+=("${demo[@]}") ;;
    --tests) wanted+=("${tests[@]}") ;;
    --bench) wanted+=("${bench[@]}") ;;
    -h | --help) usage 0 ;;
    *) echo "install.sh: unknown option $group" >&2; usage 2 >&2 ;;
    esac
    what+=("${group#--}")
done

missing=()
for package in "${wanted[@]}"; do
    [[ " ${missing[*]} " = *" $package "* ]] || is_installed "$package" || missing+=("$package")
done

if [ ${#missing[@]} -gt 0 ]; then
    as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        if ! command -v sudo >/dev/null; then
            echo "install.sh: these packages are missing, and there is neither root nor sudo to install them:" >&2
            echo "  apt-get install --no-install-recommends ${missing[*]}" >&2
            exit 1
        fi
        as_root=(sudo)
    fi
    echo "installing packages (${#missing[@]}) for ${what[*]}: ${missing[*]}"
    log=$(mktemp "${TMPDIR:-/tmp}/sallyport-install.XXXXXX")
    began=$SECONDS
    if ! "${as_root[@]}" bash "$here/install.sh" --as-root "${missing[@]}" >"$log" 2>&1; then
        echo "install.sh: apt failed; the end of $log:" >&2
        tail -n 20 "$log" >&2
        exit 1
    fi
    rm -f "$log"
    echo "installed in $((SECONDS - began)) s"
fi

# Clients from npm, kept inside the tests' folder.
if [[ " ${what[*]} " = *" tests "* ]]; then
    clients=$here/../tests/clients
    if [ ! -e "$clients/node_modules/.package-lock.json" ] ||
        [ "$clients/package-lock.json" -nt "$clients/node_modules/.package-lock.json" ]; then
        echo "installing the node clients of the tests"
        (cd "$clients" && npm ci --loglevel=error --no-audit --no-fund --no-update-notifier >/dev/null)
        touch "$clients/node_modules/.package-lock.json"
    fi
fi
