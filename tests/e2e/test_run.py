"""`sallyport run`: roles that end are started again, and none outlives the supervisor; and prompts."""
import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest
from house import APPROVER_PASSWORD, PROGRAM, House
from servers import accepts, wait_until


@pytest.fixture
def house(postgres, redis, database):
    house = House(postgres, redis, database)
    yield house
    house.remove()


def children(house):
    """{role: pid}, of the supervisor's children."""
    pid = house.processes[0].pid
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    words = {int(child): Path(f"/proc/{child}/cmdline").read_text().split("\0") for child in found}
    return {word[1]: child for child, word in words.items() if len(word) > 1}  # one that has ended has none


def ends(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(")")[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_role_that_ends_is_started_again(house):
    house.start()
    before = children(house)
    assert set(before) == {"proxy", "executor", "console"}
    os.kill(before["console"], signal.SIGKILL)
    wait_until(lambda: children(house).get("console", before["console"]) != before["console"] and accepts(house.console_port),
               "the console is back", check=house.must_live)
    assert house.log_contains("the console was ended by signal 9")
    after = children(house)
    assert after["proxy"] == before["proxy"] and after["executor"] == before["executor"]
    assert house.ask_console("SHOW VERSION")


def test_no_role_outlives_the_supervisor(house):
    house.start()
    pids = children(house).values()
    house.stop(kill=True)
    wait_until(lambda: all(ends(pid) for pid in pids), "all roles have ended")


def test_a_role_that_hangs_is_killed(house):
    house.start()
    pids = children(house)
    supervisor = house.processes[0]
    os.kill(pids["executor"], signal.SIGSTOP)  # SIGTERM can't reach it now
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(60) == 0
    assert all(ends(pid) for pid in pids.values())
    assert house.log_contains("the executor has not ended within 15 s, and is killed")


def test_a_key_that_was_handed_over_leaves_the_environment(house, monkeypatch):
    del house.config["approval_key"]
    house.write_files()
    key = house.folder / "approval.key"
    key.write_text("another key, which this role may not read")
    monkeypatch.setenv("SALLYPORT_APPROVAL_KEY", "handed-by-a-supervisor-0123456789abcdef")
    house.start(roles=["console"])
    pid = house.processes[0].pid
    assert b"handed-by" not in Path(f"/proc/{pid}/environ").read_bytes()
    key.write_text("too short to be one")  # so that it can't have been read
    os.kill(pid, signal.SIGHUP)
    wait_until(lambda: house.log_contains("the configuration was read again"), "it was read again", check=house.must_live)
    assert house.ask_console("SHOW VERSION")


def test_a_wrong_configuration_ends_it(house):
    house.config["agents"]["bot"]["policy"] = "nowhere"
    house.write_files()
    done = house.command("run", "--config", house.config_file)
    assert done.returncode == 1 and "sallyport run: " in done.stderr and "nowhere" in done.stderr


def at_a_terminal(arguments, answers, environment):
    """Runs the program on a terminal of its own; returns what was shown there, and the exit status."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(PROGRAM, [str(PROGRAM), *arguments], {**os.environ, **environment})
    shown, answers = b"", list(answers)
    while True:
        try:
            part = os.read(terminal, 1024)
        except OSError:
            break
        if not part:
            break
        shown += part
        if answers and shown.endswith(b": "):
            os.write(terminal, answers.pop(0).encode() + b"\n")
    os.close(terminal)
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_passwd_asks_twice_and_shows_nothing():
    shown, status = at_a_terminal(["passwd", "alice"], ["s3cret", "s3cret"], {})
    assert status == 0 and "SCRAM-SHA-256$4096:" in shown and "s3cret" not in shown
    shown, status = at_a_terminal(["passwd", "alice"], ["s3cret", "other"], {})
    assert status == 1 and "differ" in shown and "SCRAM" not in shown


def test_passwd_wants_a_password():
    for stdin in ("", "\n", "a\0b\n"):
        done = subprocess.run([PROGRAM, "passwd", "alice"], input=stdin, capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and done.stderr and not done.stdout


def test_queue_asks_for_the_password(house):
    house.start()
    environment = {"SALLYPORT_CONFIG": str(house.config_file), "PGPASSFILE": "/nowhere"}
    shown, status = at_a_terminal(["queue", "list", "--user", "alice"], [APPROVER_PASSWORD], environment)
    assert status == 0 and "Nothing waits" in shown, shown
    shown, status = at_a_terminal(["queue", "list", "--user", "alice"], ["wrong"], environment)
    assert status == 1 and "password authentication failed" in shown
