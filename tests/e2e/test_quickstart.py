"""docker/quickstart.sh as a newcomer runs it, in a folder of its own: twice, then --down."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest
from servers import REPOSITORY


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
             r'"event":"decision"', r"\$ sallyport audit verify", r"It is all running"]
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


def test_a_second_run(first, home):
    done = quickstart(home)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "runs already" in done.stdout and '"ticket":"t2"' in done.stdout + done.stderr and "15.50" in done.stdout


def test_down_ends_and_removes_everything(first, home):
    pids = [int((home / "run" / name).read_text().split()[0]) for name in ("postgres", "redis", "sallyport")]
    done = quickstart(home, "--down")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not home.exists()
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"]
    assert quickstart(home, "--down").returncode != 0
