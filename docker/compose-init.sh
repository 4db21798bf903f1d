#!/bin/bash
# Runs once inside the database's container: the demo and its two roles.
set -euo pipefail
psql -v ON_ERROR_STOP=1 -v "read_password=$(cat /run/secrets/read_password)" \
    -v "write_password=$(cat /run/secrets/write_password)" -U postgres -d app -f /demo/demo.sql
