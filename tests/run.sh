#!/bin/bash
# Runs every test: installs what is missing, builds with sanitizers and as shipped, then the unit tests and
# fuzz corpora, the checks of the code, and the end-to-end tests against real servers and clients. Works as
# root (PostgreSQL then runs as an unprivileged user) and as a normal user. The last line sums it up:
# "N passed, N failed". Logs are kept in build/logs.
#
#   tests/run.sh [--no-install] [unit] [check] [e2e]     (none: all of them)
set -uo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1
logs=$PWD/build/logs
mkdir -p "$logs"
passed=0
failed=0
install=yes
parts=()

for argument in "$@"; do
    case $argument in
    --no-install) install= ;;
    unit | check | e2e) parts+=("$argument") ;;
    *) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2 ;;
    esac
done
[ ${#parts[@]} -gt 0 ] || parts=(unit check e2e)

is_wanted()
{
    [[ " ${parts[*]} " = *" $1 "* ]]
}

# step NAME COMMAND…: runs it with its output in a log; prints the end of the log when it fails.
step()
{
    local name=$1 began=$SECONDS
    shift
    printf '%-34s' "$name"
    if "$@" >"$logs/${name// /-}.log" 2>&1; then
        echo "ok, $((SECONDS - began)) s"
        return 0
    fi
    echo "FAILED, $((SECONDS - began)) s"
    return 1
}

show()
{
    echo "---- the end of $logs/${1// /-}.log"
    tail -n "${2:-60}" "$logs/${1// /-}.log"
    echo "----"
}

# must NAME COMMAND…: a step that counts as one test only when it fails; nothing after it makes sense then.
must()
{
    step "$@" && return 0
    show "$1"
    failed=$((failed + 1))
    finish
}

# count FILE: adds a JUnit report's tests; skipped ones count as neither. A report that isn't there is a failure.
count()
{
    local sums
    if ! sums=$(/usr/bin/python3 tests/count.py "$1"); then
        failed=$((failed + 1))
        return
    fi
    passed=$((passed + ${sums% *}))
    failed=$((failed + ${sums#* }))
}

finish()
{
    echo "$passed passed, $failed failed"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit
}

# shellcheck disable=SC2317 # called through must
build()
{
    local launcher=()
    if command -v ccache >/dev/null; then
        launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache)
    fi
    cmake --preset "$1" "${launcher[@]}" && cmake --build --preset "$1"
}

# A step made of tests with a JUnit report; what failed is printed from its log.
tests()
{
    local name=$1 report=$2 before=$failed
    shift 2
    rm -f "$report"
    step "$name" "$@"
    local status=$?
    count "$report"
    if [ $status -ne 0 ]; then
        show "$name" 200
        # a crash of the runner itself is a failure too, even if its report looks well
        [ "$failed" -gt "$before" ] || failed=$((failed + 1))
    fi
}

if [ -n "$install" ]; then
    docker/install.sh --build --demo --tests || { failed=1; finish; }
fi
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
jobs=$(($(nproc) > 2 ? $(nproc) : 2))

must "build with sanitizers" build dev
must "build release" build release
if is_wanted unit; then
    tests "unit tests and fuzz corpora" "$logs/ctest.xml" \
        ctest --test-dir build/dev -j "$jobs" --output-on-failure --timeout 120 --output-junit "$logs/ctest.xml"
fi
if is_wanted check; then
    tests "checks of the code" "$logs/check.xml" \
        /usr/bin/python3 -m pytest -q -n "$jobs" -p no:cacheprovider --junitxml="$logs/check.xml" tests/check
fi
if is_wanted e2e; then
    tests "end-to-end tests" "$logs/e2e.xml" \
        env SALLYPORT_PROGRAM="$PWD/build/dev/sallyport" \
        /usr/bin/python3 -m pytest -q -n "$((jobs * 2))" --dist loadfile -p no:cacheprovider \
        --junitxml="$logs/e2e.xml" tests/e2e
fi
finish
