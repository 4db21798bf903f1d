#!/bin/bash
# Prints Redis's ACL lines for sallyport's three roles: each may write the keys of its own prefix and read the
# others', so that only the console can approve.
#
#   docker/redis-users.sh PROXY_PASSWORD EXECUTOR_PASSWORD CONSOLE_PASSWORD
set -euo pipefail
[ $# -eq 3 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }

cat <<END
user default off
user sp_proxy on >$1 ~* &* +@all
user sp_executor on >$2 ~* &* +@all
user sp_console on >$3 ~* &* +@all
END
