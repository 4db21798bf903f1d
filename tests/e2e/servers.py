"""Private servers for tests: PostgreSQL and Redis in folders of their own, on free loopback ports.

PostgreSQL refuses to run as root, so under root it runs as the packaged user `postgres`; everything else
runs as whoever runs the tests. Every server started here is ended here, by its process id.
"""
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import psycopg

REPOSITORY = Path(__file__).resolve().parents[2]
POSTGRES_BIN = Path("/usr/lib/postgresql/15/bin")
PASSWORDS = {"app_read": "read-pw", "app_write": "write-pw", "app_direct": "direct-pw", "boss": "boss-pw"}


def wait_until(condition, what, seconds=20, check=None):
    """Returns the first true value of condition(); `check` may raise to end the waiting early."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while True:
        value = condition()
        if value:
            return value
        if check:
            check()
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain until {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def die_with_us():
    """In a child before exec: the kernel ends it when the test runner is gone, however that came."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM, 0, 0, 0)  # PR_SET_PDEATHSIG


class Ports:
    """Free ports from a range that belongs to this test worker alone, below the range that the kernel
    takes for outgoing connections; so two workers never race for one."""

    def __init__(self, worker):
        number = int(worker[2:]) if worker.startswith("gw") else 9
        self.first = 20000 + number * 1200
        self.next = self.first + os.getpid() % 600

    def take(self):
        for _ in range(1200):
            self.next = self.first + (self.next + 1 - self.first) % 1200
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", self.next))
                except OSError:
                    continue
                return self.next
        raise RuntimeError("no free port")


ports = Ports(os.environ.get("PYTEST_XDIST_WORKER", "main"))


def accepts(port):
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def end_process(process, kill=False, seconds=20):
    """Ends a process that we started; returns its exit status."""
    if process.poll() is None:
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise AssertionError(f"{process.args[0]} did not end within {seconds} s of SIGTERM")


class Postgres:
    """A cluster of its own: SCRAM logins, roles app_read (may only read), app_write, app_direct, boss (superuser)."""

    def __init__(self, settings=None):
        self.folder = Path(tempfile.mkdtemp(prefix="sallyport-pg-"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.port = ports.take()
        self.process = None
        self.user = None
        if os.geteuid() == 0:
            self.user = "postgres"
            shutil.chown(self.folder, self.user)
        self.folder.chmod(0o755)
        self._initdb(settings or {})
        self.start()
        self._make_roles()

    def _as_owner(self, command):
        if not self.user:
            return command
        entry = pwd.getpwnam(self.user)
        return ["setpriv", f"--reuid={entry.pw_uid}", f"--regid={entry.pw_gid}", "--clear-groups", "--pdeathsig=INT", "--", *command]

    def _initdb(self, settings):
        command = [POSTGRES_BIN / "initdb", "-D", self.data, "-U", "owner", "-A", "trust", "-N", "-E", "UTF8",
                   "--locale=C.UTF-8"]
        subprocess.run(self._as_owner([str(word) for word in command]), check=True, capture_output=True,
                       cwd=self.folder, env=self._environment())
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            base = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.folder,
                    "fsync": "off", "max_connections": 200, "shared_buffers": "32MB", "autovacuum": "off",
                    "log_statement": "all", "log_line_prefix": "%m [%p] %q%u %a "}
            for name, value in {**base, **settings}.items():
                conf.write(f"{name} = '{value}'\n")
        (self.data / "pg_hba.conf").write_text(
            "local all owner trust\nhost all all 127.0.0.1/32 scram-sha-256\n", encoding="utf-8")

    @staticmethod
    def _environment():
        return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def start(self):
        command = self._as_owner([str(POSTGRES_BIN / "postgres"), "-D", str(self.data)])
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder, env=self._environment(),
                                            preexec_fn=die_with_us)
        wait_until(self._is_ready, "PostgreSQL accepts connections", check=self._must_live)

    def _must_live(self):
        assert self.process.poll() is None, self.log.read_text(errors="replace")[-2000:]

    def _is_ready(self):
        try:
            self.connect("postgres").close()
            return True
        except psycopg.OperationalError:
            return False

    def stop(self, immediate=False):
        """immediate: as a crash. Otherwise sessions are ended and a checkpoint is made."""
        self.process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
        self.process.wait(30)

    def remove(self):
        if self.process.poll() is None:
            self.stop(immediate=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def connect(self, database="postgres", autocommit=True):
        """As the cluster's owner, past everything: to set the scene and to look at the effect."""
        return psycopg.connect(host=str(self.folder), port=self.port, user="owner", dbname=database,
                               autocommit=autocommit)

    def run(self, sql, database="postgres"):
        with self.connect(database) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else None

    def value(self, sql, database="postgres"):
        return self.run(sql, database)[0][0]

    def _make_roles(self):
        for role, password in PASSWORDS.items():
            more = "SUPERUSER" if role == "boss" else ""
            self.run(f"CREATE ROLE {role} LOGIN {more} PASSWORD '{password}'", "postgres")
        self.run("ALTER ROLE app_read SET default_transaction_read_only = on", "postgres")

    def make_database(self, name, script):
        """A database with a shop in it, as the README's GRANTs would set it up."""
        self.run(f"CREATE DATABASE {name}", "postgres")
        self.run(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC; "
                 f"GRANT CONNECT ON DATABASE {name} TO app_read, app_write, app_direct", "postgres")
        self.run(script, name)

    def drop_database(self, name):
        self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", "postgres")

    def dsn(self, role, database="app", **more):
        words = {"host": "127.0.0.1", "port": self.port, "dbname": database, "user": role,
                 "password": PASSWORDS[role], **more}
        return " ".join(f"{key}={value}" for key, value in words.items())

    def log_contains(self, text):
        return text in self.log.read_text(errors="replace")


class Redis:
    """A Redis of its own, with a user for each of sallyport's roles as docker/redis-users.sh makes them."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="sallyport-redis-"))
        self.port = ports.take()
        users = subprocess.run([REPOSITORY / "docker/redis-users.sh", *(self.password(role) for role in ("proxy", "executor", "console"))],
                               check=True, capture_output=True).stdout
        (self.folder / "users.acl").write_bytes(users)
        self.process = None
        self.start()

    def start(self):
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes",
                   "--dir", str(self.folder), "--aclfile", str(self.folder / "users.acl"), "--daemonize", "no"]
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, preexec_fn=die_with_us)
        wait_until(lambda: self._says(b"PING\r\n"), "Redis answers", check=self._must_live)

    @staticmethod
    def password(role):
        return f"{role}-redis-pw"

    def _must_live(self):
        assert self.process.poll() is None, (self.folder / "log").read_text(errors="replace")[-2000:]

    def _says(self, command):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as peer:
                peer.sendall(command)
                return peer.recv(100)[:1] in (b"+", b"-")
        except OSError:
            return False

    def stop(self):
        end_process(self.process)

    def remove(self):
        if self.process.poll() is None:
            end_process(self.process, kill=True)
        shutil.rmtree(self.folder, ignore_errors=True)
