"""docker/quickstart.sh as a newcomer runs it, in a folder of its own: twice, then --down."""
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest
from servers import REPOSITORY, wait_until


@pytest.fixture(scope="module")
def home():
    folder = Path(tempfile.mkdtemp(prefix="sallyport-quick-"))
    folder.chmod(0o755)
    yield folder / "home"
    quickstart(folder / "home", "--down")
    shutil.rmtree(folder, ignore_errors=True)


def quickstart(home, *arguments):
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("PG", "SALLYPORT"))}
    return subprocess.run([REPOSITORY / "docker/quickstart.sh", *arguments], capture_output=True, text=True, timeout=300,
                          env={**environment, "SALLYPORT_HOME": str(home)})


@pytest.fixture(scope="module")
def first(home):
    done = quickstart(home)
    assert done.returncode == 0, done.stdout + done.stderr
    return re.sub(r"\x1b\[\d*m", "", done.stdout + done.stderr)


def test_the_transcript_tells_the_whole_story(first):
    story = [r"\(3 rows\)", r"ERROR: .*", r"SP001", r'"ticket":"t1"', r"\bt1\b", r"\$ sallyport queue approve t1", r"UPDATE 1", r"13\.50",
             r"console \d+ decision .*ticket=t1 decision=approve", r"\$ sallyport audit verify", r"It is all running"]
    at = 0
    for part in story:
        found = re.compile(part).search(first, at)
        assert found, f"{part} is missing after:\n{first[:at][-500:]}\n---- in\n{first}"
        at = found.end()


def test_what_it_printed_works(first):
    agent = re.search(r"agents connect to +(\S+)", first)[1]
    with psycopg.connect(agent, autocommit=True) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (40,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM orders")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("CREATE TEMP TABLE x ()")


def in_its_shell(home, command):
    return subprocess.run(["bash", "-c", f'. {home}/env; {command}'], capture_output=True, text=True, timeout=60)


def test_what_the_farewell_says_works(first, home):
    assert "support-bot" in in_its_shell(home, 'psql "$CONSOLE" -c "SHOW TICKET t1"').stdout
    assert "APPROVE" in in_its_shell(home, 'psql "$CONSOLE" -c "SHOW HELP"').stdout
    owner = re.search(r"(psql -h \S+/socket -p \d+ -U owner app)", first)[1]
    assert in_its_shell(home, f"{owner} -Atc 'SELECT count(*) FROM vault.cards'").stdout == "1\n"
    assert (home / "schema.json").exists()


README_SQL = re.search(r"^```sql\n(.*?)^```$", (REPOSITORY / "README.md").read_text(), re.M | re.S)[1]


@pytest.mark.parametrize("line", README_SQL.splitlines())
def test_the_examples_of_the_readme_work_on_the_demo(first, home, line):
    sql, verdict = re.fullmatch(r"(.*;)\s+-- (\w+)", line).groups()
    send = f"psql -v VERBOSITY=verbose \"$AGENT\" -c {shlex.quote(sql)}"
    done = in_its_shell(home, send)
    if verdict == "park":
        ticket = re.search(r'"ticket":"(t\d+)"', done.stderr)[1]
        approved = in_its_shell(home, f"sallyport queue approve {ticket} --user alice")
        assert approved.returncode == 0, approved.stderr
        wait_until(lambda: "SP001" not in (again := in_its_shell(home, send)).stderr and again, f"{ticket} has run")
        done = in_its_shell(home, send + " -c 'SELECT 1'")
        assert "ERROR" not in done.stderr or "SP001" in done.stderr, done.stderr
    elif verdict == "deny":
        assert "42501" in done.stderr
    else:
        assert done.returncode == 0 and done.stdout, done.stderr


def test_a_second_run_decides_its_own_ticket_and_no_other(first, home):
    """Others wait in the queue, before it and behind it; and somebody has taken sallyport's port meanwhile."""
    done = in_its_shell(home, """psql "$AGENT" -c "UPDATE customers SET city = 'Genf'" """)
    foreign = re.search(r'"ticket":"(t\d+)"', done.stderr)[1]
    pid = int((home / "run/sallyport").read_text().split()[0])
    agents = int(re.search(r"agents connect to .*:(\d+)/", first)[1])
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z", "sallyport has ended")
    with socket.socket() as taker:
        taker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taker.bind(("127.0.0.1", agents))
        taker.listen()
        done = quickstart(home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "runs already" in done.stdout and "15.50" in done.stdout
    assert int(re.search(r"agents connect to .*:(\d+)/", done.stdout)[1]) != agents
    assert f"approve {foreign} " not in done.stdout
    assert "| parked" in in_its_shell(home, f"sallyport queue show {foreign} --user alice").stdout


def test_a_policy_that_does_not_park_ends_the_show(first, home):
    policy = home / "policy.json"
    policy.write_text(policy.read_text().replace('"UPDATE", ', ""))
    assert in_its_shell(home, 'psql "$CONSOLE" -c RELOAD').returncode == 0
    done = quickstart(home)
    assert done.returncode != 0 and "the UPDATE was not parked" in done.stderr
    assert "queue approve" not in done.stdout


def test_an_unknown_option_is_one(home):
    done = quickstart(home, "--dwon")
    assert done.returncode == 2 and "unknown option --dwon" in done.stderr


def test_down_ends_and_removes_everything(first, home):
    pids = [int((home / "run" / name).read_text().split()[0]) for name in ("postgres", "redis", "sallyport")]
    done = quickstart(home, "--down")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not home.exists()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"]
    assert quickstart(home, "--down").returncode != 0
