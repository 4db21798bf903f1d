"""What happens when the database, Redis or the disk is gone: words, no harm, and recovery by itself."""
import os
import subprocess
import time

import psycopg
import pytest
from house import House, detail_of
from servers import Postgres, Redis, wait_until

WRITE = "UPDATE customers SET visits = visits + 1 WHERE id = 1"


@pytest.fixture(scope="module")
def postgres():
    """A cluster that this file may crash."""
    server = Postgres()
    yield server
    server.remove()


def works(house):
    try:
        with house.agent() as agent:
            return agent.execute("SELECT 1").fetchone() == (1,)
    except psycopg.Error:
        return False


def test_the_database_down_and_back(house, postgres):
    with house.agent() as agent:
        agent.execute("SELECT 1")
        postgres.stop()
        with pytest.raises(psycopg.OperationalError):
            agent.execute("SELECT 1")
    began = time.monotonic()
    with pytest.raises(psycopg.OperationalError) as caught:
        house.agent()
    assert time.monotonic() - began < 15
    assert "app" in str(caught.value) or "database" in str(caught.value)
    assert "read-pw" not in str(caught.value)
    postgres.start()
    wait_until(lambda: works(house), "agents can work again", check=house.must_live)


def test_the_database_crashes_during_a_statement(house, postgres):
    with house.agent() as agent:
        agent.execute("SELECT 1")
        postgres.stop(immediate=True)
        with pytest.raises(psycopg.OperationalError):
            agent.execute("SELECT 1")
    postgres.start()
    wait_until(lambda: works(house), "agents can work again", check=house.must_live)


def test_an_approval_waits_for_the_database(house, postgres, look):
    with house.agent() as agent:
        ticket = house.parked(agent, WRITE)
        before = look("SELECT visits FROM customers WHERE id = 1")
        postgres.stop()
        house.approve(ticket, wait=False)
        postgres.start()
        wait_until(lambda: house.state(ticket) == "executed", "it has run", seconds=60, check=house.must_live)
        assert look("SELECT visits FROM customers WHERE id = 1") == before + 1


def test_redis_down_reads_go_on_and_parks_fail_closed(house, redis, look):
    before = look("SELECT visits FROM customers WHERE id = 1")
    with house.agent() as agent:
        agent.execute("SELECT 1")
        redis.stop()
        assert agent.execute("SELECT count(*) FROM customers").fetchone() == (100,)
        with pytest.raises(psycopg.Error) as caught:
            agent.execute(WRITE)
        assert caught.value.sqlstate not in (None, "SP001", "00000")
        assert not caught.value.sqlstate.startswith("XX")
        detail = detail_of(caught.value)
        assert detail["retryable"] is True and detail["ticket"] is None
        assert agent.execute("SELECT 1").fetchone() == (1,)
        with house.agent() as newcomer:
            assert newcomer.execute("SELECT 1").fetchone() == (1,)
        redis.start()
        parked = wait_until(lambda: sqlstate(agent, WRITE) == "SP001", "parking works again", check=house.must_live)
        assert parked
    assert look("SELECT visits FROM customers WHERE id = 1") == before


def sqlstate(agent, sql):
    try:
        agent.execute(sql)
    except psycopg.Error as error:
        return error.sqlstate
    return "00000"


def test_tickets_outlive_a_restart_of_everything(house, redis, look):
    sql = "UPDATE customers SET visits = 50 WHERE id = 2"
    with house.agent() as agent:
        ticket = house.parked(agent, sql)
    house.stop()
    redis.stop()
    redis.start()
    house.start()
    assert house.approve(ticket) == "executed"
    assert look("SELECT visits FROM customers WHERE id = 2") == 50
    with house.agent() as agent:
        assert agent.execute(sql).rowcount == 1


def test_an_executor_that_is_killed_runs_nothing_twice(postgres, redis, database, look):
    house = House(postgres, redis, database, roles=["proxy", "console", "executor"]).start()
    try:
        sql = "UPDATE customers SET visits = visits + 1 WHERE id = 3"
        with house.agent() as agent:
            ticket = house.parked(agent, sql)
            with postgres.connect(database) as owner:
                owner.autocommit = False
                owner.execute("SELECT * FROM customers WHERE id = 3 FOR UPDATE")
                house.approve(ticket, wait=False)
                wait_until(lambda: house.state(ticket) == "executing", "the executor is at it", check=house.must_live)
                executor = house.processes.pop()
                assert executor.role == "executor"
                executor.kill()
                executor.wait()
                owner.rollback()
            house.start(["executor"])
            final = wait_until(lambda: (state := house.state(ticket)) in ("executed", "unknown") and state, "its fate is known",
                               seconds=120, check=house.must_live)
            visits = look("SELECT visits FROM customers WHERE id = 3")
            assert visits == 1 if final == "executed" else visits <= 1
    finally:
        house.remove()


def test_a_proxy_that_is_killed_leaves_a_whole_record(postgres, redis, database):
    house = House(postgres, redis, database, roles=["proxy"]).start()
    try:
        with house.agent() as agent:
            for number in range(200):
                agent.execute("SELECT %s::int", [number])
            house.stop(kill=True)
        house.verify_audit()
        house.start()
        with house.agent() as agent:
            agent.execute("SELECT 'after'")
        house.wait_record(event="statement", sql="SELECT 'after'")
        house.stop()
        house.verify_audit()
    finally:
        house.remove()


@pytest.mark.skipif(not os.path.ismount("/dev/shm") or os.geteuid() != 0, reason="needs a small file system of its own")
def test_a_full_disk_refuses_statements(postgres, redis, database, tmp_path):
    """The audit's disk fills up: statements are refused and said why, ROLLBACK passes, and it recovers."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", disk], capture_output=True).returncode != 0:
        pytest.skip("can't mount here")
    try:
        house = House(postgres, redis, database, roles=["proxy"], audit={"directory": str(disk / "audit")}).start()
        try:
            with house.agent(autocommit=False) as agent:
                agent.execute("SELECT 1")
                filler = disk / "filler"
                with open(filler, "wb", buffering=0) as out:
                    try:
                        while True:
                            out.write(b"x" * 4096)
                    except OSError:
                        pass

                def refusal():
                    try:
                        agent.execute("SELECT %s", ["x" * 2000])
                        return None
                    except psycopg.errors.InFailedSqlTransaction:
                        agent.rollback()
                        return None
                    except psycopg.Error as error:
                        return error

                error = wait_until(refusal, "statements are refused", check=house.must_live)
                assert "audit" in str(error) or "record" in str(error)
                agent.rollback()
                filler.unlink()
                wait_until(lambda: refusal() is None and agent.info.transaction_status.name != "INERROR", "statements pass again", check=house.must_live)
        finally:
            house.remove()
    finally:
        subprocess.run(["umount", disk], check=True)


def test_the_audit_directory_can_not_be_made(postgres, redis, database, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    house = House(postgres, redis, database, roles=["proxy"], audit={"directory": str(tmp_path / "file" / "audit")})
    done = house.command("proxy", "--config", house.config_file, timeout=20)
    assert done.returncode == 1
    assert str(tmp_path / "file") in done.stderr


def test_a_port_that_is_taken(house):
    done = house.command("proxy", "--config", house.config_file, timeout=20)
    assert done.returncode == 1
    assert str(house.port) in done.stderr or "audit" in done.stderr
