"""The console with real drivers, which bring transactions, prepared statements and cursors with them; its
logins, its records, and what a decision is bound to."""
import asyncio
import contextlib
import json
import subprocess

import asyncpg
import psycopg
import psycopg2
import pytest
from house import APPROVER_PASSWORD, scram_verifier
from servers import wait_until


@pytest.fixture
def ticket(house, agent, request):
    return house.parked(agent, f"UPDATE customers SET name = '{request.node.name}' WHERE id = 2")


def words_of(house, **more):
    return {"host": "127.0.0.1", "port": house.console_port, "user": "alice", "password": APPROVER_PASSWORD, **more}


def item(house, ticket, name):
    return next(row["value"] for row in house.ask_console(f"SHOW TICKET {ticket}") if row["item"] == name)


# ---- drivers


def test_psycopg2_with_its_transactions(house, ticket):
    with contextlib.closing(psycopg2.connect(dbname="sallyport", **words_of(house))) as connection:
        cursor = connection.cursor()
        cursor.execute("SHOW QUEUE")
        assert cursor.description[0].name == "ticket"
        assert ticket in [row[0] for row in cursor.fetchall()]
        cursor.execute(f"REJECT {ticket} 'no'")
        assert cursor.statusmessage == "REJECT"
        assert "ROLLBACK won't undo it" in "".join(connection.notices)
        connection.rollback()
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == ("1",)
        with pytest.raises(psycopg2.Error) as caught:
            cursor.execute("DROP TABLE customers")
        assert caught.value.pgcode == "42601"
        with pytest.raises(psycopg2.Error) as caught:
            cursor.execute("SHOW QUEUE")
        assert caught.value.pgcode == "25P02"
        connection.rollback()
        cursor.execute("SHOW QUEUE")
    assert house.state(ticket) == "rejected"


def test_psycopg_prepared_and_in_a_pipeline(house, ticket):
    with psycopg.connect(dbname="sallyport", **words_of(house)) as connection:
        for _ in range(7):
            assert connection.execute("SHOW QUEUE", prepare=True).fetchall()
        with pytest.raises(psycopg.errors.UndefinedObject):
            connection.execute("SHOW TICKET t999999", prepare=True)
        connection.rollback()
        with connection.pipeline():
            first, second = connection.execute("SHOW VERSION"), connection.execute(f"SHOW TICKET {ticket}")
            assert first.fetchone()[0].startswith("sallyport ")
            assert ("ticket", ticket) in second.fetchall()
        with pytest.raises(psycopg.Error) as caught:
            connection.execute("SHOW TICKET %s", [ticket])
        assert caught.value.sqlstate in ("42601", "08P01")


def test_asyncpg_with_a_cursor(house, ticket):
    async def talk():
        connection = await asyncpg.connect(database="sallyport", **words_of(house))
        rows = await connection.fetch("SHOW QUEUE")
        assert ticket in [row["ticket"] for row in rows]
        async with connection.transaction():
            names = [record["command"] async for record in connection.cursor("HELP", prefetch=2)]
        assert len(names) > 10 and any(name.startswith("APPROVE") for name in names)
        assert await connection.execute(f"REJECT {ticket} 'by asyncpg'") == "REJECT"
        with pytest.raises(asyncpg.PostgresError) as caught:
            await connection.fetch(f"REJECT {ticket} 'again'")
        assert caught.value.sqlstate == "55000"
        await connection.reset()
        assert await connection.fetchval("SHOW VERSION")
        await connection.close()

    asyncio.run(asyncio.wait_for(talk(), 30))


def test_psql_with_what_it_sends_unasked(house, ticket):
    done = subprocess.run(["psql", "-X", "-v", "ON_ERROR_ROLLBACK=on", "-At", f"host=127.0.0.1 port={house.console_port} dbname=sallyport user=alice password={APPROVER_PASSWORD}"],
                          input=f"BEGIN;\nSHOW QUEUE;\nNONSENSE;\nSHOW TICKET {ticket};\nCOMMIT;\n\\conninfo\n", capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert f"ticket|{ticket}" in done.stdout and "NONSENSE" not in done.stdout
    assert "not a command of the console" in done.stderr


# ---- decisions


def test_a_decision_is_bound_to_the_digest(house, ticket):
    digest = item(house, ticket, "digest")
    wrong = ("0" if digest[0] != "0" else "1") + digest[1:12]
    for text, sqlstate in ((f"APPROVE {ticket} DIGEST {wrong}", "55000"), (f"APPROVE {ticket} DIGEST {digest[:4]}", "22023"),
                           (f"APPROVE {ticket} please", "42601"), (f"REJECT {ticket} ''", "42601")):
        with pytest.raises(psycopg.Error) as caught:
            house.ask_console(text)
        assert caught.value.sqlstate == sqlstate, text
    assert house.state(ticket) == "parked"
    assert house.ask_console(f"approve {ticket} digest {digest[:12].upper()} 'it''s fine'") == "APPROVE"
    record = house.wait_record(event="decision", ticket=ticket)
    assert record["digest"] == digest and record["decision"] == "approve" and record["words"] == "it's fine"
    assert record["agent"] == "bot" and record["client"].startswith("127.0.0.1")
    assert house.records(event="decision-refused", ticket=ticket)[0]["refused"] == "another digest"


def test_one_decision_at_a_time(house, ticket):
    with pytest.raises(psycopg.Error) as caught:
        house.ask_console(f"SHOW QUEUE; APPROVE {ticket}")
    assert caught.value.sqlstate == "42601"
    assert house.state(ticket) == "parked"


# ---- logins


def test_logins_are_on_the_record(house):
    for user, password in (("alice", "wrong"), ("nobody", "wrong")):
        with pytest.raises(psycopg.OperationalError, match=f'password authentication failed for user "{user}"'):
            psycopg.connect(dbname="sallyport", **words_of(house, user=user, password=password))
        assert house.wait_record(event="login", approver=user, outcome="refused")
    house.ask_console("SHOW VERSION")
    assert house.wait_record(event="login", approver="alice", outcome="accepted")


def test_the_only_database(house):
    with pytest.raises(psycopg.OperationalError, match='"sallyport"'):
        psycopg.connect(dbname="app", **words_of(house))


def test_an_approver_who_is_none_any_more(house):
    house.config["approvers"]["carol"] = {"password": scram_verifier("carol-pw")}
    house.write_files()
    house.hang_up()

    def comes_in():
        with contextlib.suppress(psycopg.OperationalError):
            return psycopg.connect(dbname="sallyport", autocommit=True, **words_of(house, user="carol", password="carol-pw"))

    carol = wait_until(comes_in, "carol is let in", check=house.must_live)
    carol.execute("SHOW QUEUE")
    del house.config["approvers"]["carol"]
    house.write_files()
    assert house.ask_console("RELOAD") == "RELOAD"
    with pytest.raises(psycopg.OperationalError, match="not an approver any more"):
        carol.execute("SHOW QUEUE")
    carol.close()


# ---- the queue command


def test_exit_statuses(house, ticket):
    assert house.queue_command("show", "t999999").returncode == 2
    assert house.queue_command("show", "x'; APPROVE t1").returncode == 1
    assert house.queue_command("list", password="wrong").returncode == 1
    assert house.queue_command("approve", ticket, "--digest", "00000000").returncode == 2
    assert house.queue_command("reject", ticket, "it's a 'test'", "--json").stdout == f'{{"ticket":"{ticket}","decision":"rejected"}}\n'
    assert item(house, ticket, "words") == "it's a 'test'"
    assert house.queue_command("approve", ticket).returncode == 2


def test_show_as_json(house, ticket):
    shown = json.loads(house.queue_command("show", ticket, "--json").stdout)
    assert shown["ticket"] == ticket and shown["state"] == "parked" and shown["agent"] == "bot"


def test_host_and_port_need_no_configuration(house, ticket):
    done = house.command("queue", "list", "--user", "alice", "--host", "127.0.0.1", "--port", house.console_port,
                         env={"PGPASSWORD": APPROVER_PASSWORD, "SALLYPORT_CONFIG": "/nowhere", "PGHOSTADDR": "192.0.2.1"})
    assert done.returncode == 0 and ticket in done.stdout, done.stderr
