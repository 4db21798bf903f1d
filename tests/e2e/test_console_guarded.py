"""The console behind TLS; and where its record can't be written, nothing is decided."""
import contextlib
import os
import subprocess

import psycopg
import pytest
from house import APPROVER_PASSWORD, House
from servers import wait_until


@pytest.fixture(scope="module")
def changes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "server.key",
                    "-out", folder / "server.crt"], check=True, capture_output=True)
    return {"tls": {"certificate": str(folder / "server.crt"), "key": str(folder / "server.key"), "mode": "require"}}


def connect(house, **more):
    return psycopg.connect(host="127.0.0.1", port=house.console_port, dbname="sallyport", user="alice", password=APPROVER_PASSWORD,
                           autocommit=True, **more)


def test_tls_is_required(house):
    with pytest.raises(psycopg.OperationalError, match="TLS only"):
        connect(house, sslmode="disable")
    with connect(house, sslmode="verify-full", sslrootcert=house.config["tls"]["certificate"]) as console:
        assert console.pgconn.ssl_in_use
        assert console.execute("SHOW QUEUE").fetchall() == []
        assert len(console.execute("HELP").fetchall()) > 10
    assert house.wait_record(event="login", approver="alice", tls="TLSv1.3")
    done = house.queue_command("list")
    assert done.returncode == 0, done.stderr


def fill(disk):
    """A file that takes all the room; returns it."""
    file = os.open(disk / "filler", os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        while os.write(file, b"x" * 4096):
            pass
    os.close(file)
    return disk / "filler"


def test_nothing_is_decided_off_the_record(postgres, redis, database, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True).returncode != 0:
        pytest.skip("no small disk can be mounted here")
    try:
        # The proxy's and executor's records are elsewhere: only the console's disk is full.
        house = House(postgres, redis, database)
        (house.folder / "audit").mkdir()
        (house.folder / "audit/console").symlink_to(disk)
        house.start()
        with house.agent() as agent, connect(house) as console:
            ticket = house.parked(agent, "UPDATE customers SET visits = 5 WHERE id = 5")
            filler = fill(disk)

            def refusal():
                """What is left of the last page has room for some more refused attempts."""
                with pytest.raises(psycopg.Error) as caught:
                    console.execute(f"APPROVE {ticket} DIGEST 00000000")
                return caught.value.sqlstate == "58030" and caught.value

            assert "audit log" in str(wait_until(refusal, "the log can't be written", check=house.must_live))
            with pytest.raises(psycopg.Error) as caught:
                console.execute(f"APPROVE {ticket}")
            assert caught.value.sqlstate == "58030"
            assert ("state", "parked") in console.execute(f"SHOW TICKET {ticket}").fetchall()
            with pytest.raises(psycopg.OperationalError, match="audit log"):
                connect(house)
            filler.unlink()

            def approves():
                try:
                    return console.execute(f"APPROVE {ticket}").statusmessage
                except psycopg.Error:
                    return None

            assert wait_until(approves, "the log can be written again", check=house.must_live) == "APPROVE"
        house.remove()
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
