"""A whole sallyport for a test: configuration, policies, the program itself, its DBA and its records.

    house.agent()                         a psycopg connection through the proxy
    ticket = house.parked(agent, "UPDATE ...")
    house.approve(ticket)
    house.records(event="statement")      the audit records, parsed
"""
import base64
import contextlib
import copy
import hashlib
import hmac
import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import psycopg
from psycopg.rows import dict_row

from servers import REPOSITORY, accepts, die_with_us, end_process, ports, wait_until

PROGRAM = Path(os.environ.get("SALLYPORT_PROGRAM", REPOSITORY / "build/release/sallyport")).resolve()
AGENT_PASSWORD = "agent-pw"
APPROVER_PASSWORD = "approver-pw"

DEFAULT_POLICY = {
    "name": "default",
    "mode": "enforce",
    "database": {
        "allowed_operations": ["SELECT"],
        "denied_operations": ["DROP", "DELETE", "TRUNCATE", "ALTER"],
        "requires_approval_for": ["UPDATE", "INSERT"],
    },
    "rules": [
        {"id": "watch-payroll", "operations": ["SELECT"], "relations": ["hr.*"], "verdict": "flag", "reason": "people data"},
        {"id": "no-secrets", "relations": ["vault.*"], "verdict": "deny", "reason": "secrets are not for agents"},
    ],
    "search_path": ["public"],
    "approval": {"hold_seconds": 0, "expires": "24h", "approvals": 1},
}

# Lets every read and pgbench's own tables be; and lets one agent do all that a policy can say no to, except what it never allows.
READER_POLICY = {"name": "reader", "database": {"allowed_operations": ["SELECT"]}}
SCRATCH_POLICY = {
    "name": "scratch",
    "database": {"allowed_operations": ["SELECT"], "requires_approval_for": ["UPDATE", "INSERT", "DELETE"]},
    "rules": [{"id": "scratch", "operations": ["INSERT", "UPDATE"], "relations": ["agent_scratch.*"], "verdict": "allow"}],
    "approval": {"hold_seconds": 0},
}


def scram_verifier(password, iterations=4096):
    """As PostgreSQL stores one; made here so that the program's own is checked against another maker's."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    salt, stored, server = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${iterations}:{salt}${stored}:{server}"


def detail_of(error):
    """The DETAIL of a refusal is JSON, whichever driver brought it."""
    diag = getattr(error, "diag", None)
    text = diag.message_detail if diag else getattr(error, "detail", None)
    assert text, f"no DETAIL in {error!r}"
    return json.loads(text)


def sqlstate_of(error):
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)


class House:
    def __init__(self, postgres, redis, database="app", roles=None, **changes):
        """roles: None for `sallyport run`, else the commands to start, such as ["proxy", "console"].
        changes: members of the configuration that replace the usual ones; None leaves one out."""
        self.postgres, self.redis, self.database = postgres, redis, database
        self.folder = Path(tempfile.mkdtemp(prefix="sallyport-house-"))
        self.folder.chmod(0o755)
        self.log = self.folder / "log"
        self.port, self.console_port = ports.take(), ports.take()
        self.roles = roles or ["run"]
        self.processes = []
        self.config = self._usual_config()
        self.policies = {"default": copy.deepcopy(DEFAULT_POLICY), "reader": READER_POLICY, "scratch": SCRATCH_POLICY}
        for key, value in changes.items():
            if value is None:
                self.config.pop(key, None)
            else:
                self.config[key] = value
        self.write_files()

    def _usual_config(self):
        dsn = {"read": "app_read", "write": "app_write", "direct": "app_direct"}
        verifier = scram_verifier(AGENT_PASSWORD)
        return {
            "listen": [f"127.0.0.1:{self.port}"],
            "workers": 2,
            "redis": {"url": f"redis://127.0.0.1:{self.redis.port}/0",
                      **{role: {"user": f"sp_{role}", "password": self.redis.password(role)} for role in ("proxy", "executor", "console")}},
            "approval_key": "test-approval-key-0123456789abcdef-0123456789",
            "databases": {"app": {key: self.postgres.dsn(role, self.database) for key, role in dsn.items()}},
            "agents": {
                "bot": {"password": verifier, "databases": ["app"], "policy": "default"},
                "other": {"password": verifier, "databases": ["app"], "policy": "default"},
                "reader": {"password": verifier, "databases": ["app"], "policy": "reader"},
                "scribe": {"password": verifier, "databases": ["app"], "policy": "scratch"},
            },
            "approvers": {"alice": {"password": scram_verifier(APPROVER_PASSWORD)}},
            "policies": ["default.json", "reader.json", "scratch.json"],
            "audit": {"directory": "audit"},
            "console": {"psql": f"127.0.0.1:{self.console_port}"},
        }

    @property
    def config_file(self):
        return self.folder / "sallyport.json"

    def write_files(self):
        self.config_file.write_text(json.dumps(self.config, indent=2, ensure_ascii=False))
        self.config_file.chmod(0o600)
        for name, policy in self.policies.items():
            self.write_policy(name, policy)

    def write_policy(self, name, policy):
        text = policy if isinstance(policy, str) else json.dumps(policy, indent=2)
        (self.folder / f"{name}.json").write_text(text)

    # ---- the program

    def command(self, *arguments, stdin=None, check=False, timeout=60, env=None):
        """Runs `sallyport ARGUMENTS` with this house's configuration to its end."""
        return subprocess.run([str(PROGRAM), *map(str, arguments)], input=stdin, capture_output=True, check=check,
                              text=not isinstance(stdin, bytes), timeout=timeout,
                              env={**os.environ, "SALLYPORT_CONFIG": str(self.config_file), **(env or {})})

    def start(self, roles=None, wait=True):
        for role in roles or self.roles:
            with open(self.log, "ab") as log:
                process = subprocess.Popen([str(PROGRAM), role, "--config", str(self.config_file)], stdout=log, stderr=log,
                                           env={**os.environ, "PGTZ": "Pacific/Chatham"}, start_new_session=True,
                                           preexec_fn=die_with_us)
            process.role = role
            self.processes.append(process)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        if any(process.role in ("run", "proxy") for process in self.processes):
            wait_until(lambda: accepts(self.port), "the proxy accepts connections", check=self.must_live)
        if any(process.role in ("run", "console") for process in self.processes):
            wait_until(lambda: accepts(self.console_port), "the console accepts connections", check=self.must_live)

    def must_live(self):
        for process in self.processes:
            assert process.poll() is None, f"sallyport {process.role} ended with {process.returncode}:\n{self.log_text()[-4000:]}"

    def stop(self, kill=False):
        """Ends the program; a clean end is status 0, which under sanitizers also means: no leak."""
        statuses = {process.role: end_process(process, kill) for process in reversed(self.processes)}
        self.processes = []
        if not kill:
            bad = {role: status for role, status in statuses.items() if status != 0}
            assert not bad, f"exit status of {bad}:\n{self.log_text()[-6000:]}"

    def hang_up(self):
        """SIGHUP: read the configuration again."""
        for process in self.processes:
            process.send_signal(signal.SIGHUP)

    def remove(self):
        try:
            self.stop()
            assert not self.log_contains("AddressSanitizer") and not self.log_contains("runtime error:"), self.log_text()[-6000:]
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_contains(self, text):
        return text in self.log_text()

    # ---- agents

    def agent_words(self, agent="bot", **more):
        return {"host": "127.0.0.1", "port": self.port, "dbname": "app", "user": agent, "password": AGENT_PASSWORD, **more}

    def agent_dsn(self, agent="bot", **more):
        return psycopg.conninfo.make_conninfo(**self.agent_words(agent, **more))

    def agent_environment(self, agent="bot"):
        """For psql, pgbench and other programs on libpq."""
        return {**os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(self.port), "PGDATABASE": "app", "PGUSER": agent,
                "PGPASSWORD": AGENT_PASSWORD, "PGOPTIONS": "", "PSQLRC": "/dev/null", "PGCONNECT_TIMEOUT": "20"}

    def agent(self, agent="bot", autocommit=True, **more):
        return psycopg.connect(**self.agent_words(agent, **more), autocommit=autocommit)

    def psql(self, *arguments, agent="bot", stdin=None):
        return subprocess.run(["psql", "-X", "-v", "VERBOSITY=verbose", *arguments], input=stdin, capture_output=True, text=True,
                              timeout=60, env=self.agent_environment(agent))

    def parked(self, connection, sql, values=None, **more):
        """Executes a statement that must be parked; returns its ticket."""
        try:
            connection.execute(sql, values, **more)
        except psycopg.Error as error:
            assert sqlstate_of(error) == "SP001", error
            return detail_of(error)["ticket"]
        raise AssertionError(f"not parked: {sql}")

    # ---- the approver

    @contextlib.contextmanager
    def console(self, user="alice", password=APPROVER_PASSWORD):
        connection = psycopg.connect(host="127.0.0.1", port=self.console_port, dbname="sallyport", user=user,
                                     password=password, autocommit=True, row_factory=dict_row)
        with contextlib.closing(connection):
            yield connection

    def ask_console(self, command):
        with self.console() as console:
            cursor = console.execute(command)
            return cursor.fetchall() if cursor.description else cursor.statusmessage

    def queue(self):
        return self.ask_console("SHOW QUEUE")

    def state(self, ticket):
        """What SHOW TICKET says of its state; the console may give it as a column or as a row of its own."""
        for row in self.ask_console(f"SHOW TICKET {ticket}"):
            values = [str(value) for value in row.values()]
            if "state" in row:
                return row["state"]
            if values[0] == "state":
                return values[1]
        raise AssertionError("SHOW TICKET says no state")

    def approve(self, ticket, wait=True):
        """Approves, and waits until the executor is through with it."""
        self.ask_console(f"APPROVE {ticket}")
        if wait:
            return wait_until(lambda: self.state(ticket) in ("executed", "failed", "unknown") and self.state(ticket),
                              f"{ticket} has run", check=self.must_live)
        return None

    def reject(self, ticket, words):
        self.ask_console("REJECT {} '{}'".format(ticket, words.replace("'", "''")))

    def queue_command(self, *arguments, user="alice", password=APPROVER_PASSWORD):
        return self.command("queue", *arguments, "--user", user, env={"PGPASSWORD": password})

    # ---- the record

    def audit_files(self):
        return sorted(path for path in (self.folder / "audit").rglob("*.jsonl"))

    def records(self, **wanted):
        """Every audit record whose members are as wanted, oldest first within each chain."""
        found = []
        for path in self.audit_files():
            for line in path.read_text(errors="strict").split("\n")[:-1]:
                record = json.loads(line)
                if all(record.get(key) == value for key, value in wanted.items()):
                    found.append(record)
        return found

    def wait_record(self, **wanted):
        return wait_until(lambda: self.records(**wanted), f"there is a record with {wanted}", check=self.must_live)[-1]

    def verify_audit(self):
        done = self.command("audit", "verify")
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout
