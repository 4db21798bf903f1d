#!/bin/bash
# Makes the passwords and verifiers for docker/compose.yml in docker/secrets, once; prints what to log in with.
# The verifiers are made by the program itself, in its image.
set -euo pipefail
umask 077
cd "$(dirname "${BASH_SOURCE[0]}")"

[ ! -e secrets ] || { echo "compose-secrets: docker/secrets is there already" >&2; exit 1; }
docker build -q -t sallyport -f Dockerfile .. >/dev/null
mkdir secrets

secret()
{
    od -An -N 18 -tx1 /dev/urandom | tr -d ' \n'
}

for name in owner_password read_password write_password proxy_redis executor_redis console_redis approval_key; do
    secret >"secrets/$name"
done
echo "host=postgres dbname=app user=app_read password=$(cat secrets/read_password)" >secrets/read_dsn
echo "host=postgres dbname=app user=app_write password=$(cat secrets/write_password)" >secrets/write_dsn
./redis-users.sh "$(cat secrets/proxy_redis)" "$(cat secrets/executor_redis)" "$(cat secrets/console_redis)" >secrets/redis_users
agent=$(secret)
alice=$(secret)
docker run --rm -i sallyport passwd support-bot <<<"$agent" >secrets/agent_verifier
docker run --rm -i sallyport passwd alice <<<"$alice" >secrets/alice_verifier
chmod 644 secrets/* # the containers' users read them; the folder itself is closed
chmod 700 secrets

echo "agent:    postgresql://support-bot:$agent@127.0.0.1:6432/app"
echo "approver: postgresql://alice:$alice@127.0.0.1:6433/sallyport"
