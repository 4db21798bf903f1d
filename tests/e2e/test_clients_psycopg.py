"""psycopg 3: prepared, binary, pipelines, cursors on the server, COPY, cancelling."""
import os
import socket
import threading

import psycopg
import pytest
from house import detail_of
from servers import wait_until

HEAVY = "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b"


def test_reads_with_and_without_parameters(agent):
    assert agent.execute("SELECT name FROM customers WHERE id = 1").fetchone() == ("customer 1",)
    assert agent.execute("SELECT name FROM customers WHERE id = %s", [2]).fetchone() == ("customer 2",)
    assert agent.execute("SELECT name FROM customers WHERE id = %b", [3]).fetchone() == ("customer 3",)


def test_prepared_and_binary(agent):
    for number in range(1, 8):
        row = agent.execute("SELECT id, total, notes FROM orders WHERE id = %s", [number], prepare=True, binary=True).fetchone()
        assert row[0] == number and row[2] == {"gift": True}


def test_it_is_prepared_by_itself_after_five_times(agent):
    agent.prepare_threshold = 2
    for number in range(1, 10):
        assert agent.execute("SELECT id FROM orders WHERE id = %s", [number]).fetchone() == (number,)
    agent.prepared_max = 1
    for number in range(1, 10):
        agent.execute("SELECT id, status FROM orders WHERE id = %s", [number])
        agent.execute("SELECT status FROM orders WHERE id = %s", [number])


def test_pipeline(agent):
    with agent.pipeline():
        cursors = [agent.execute("SELECT id FROM orders WHERE id = %s", [number]) for number in range(1, 51)]
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(1, 51))


def test_pipeline_with_syncs(agent):
    with agent.pipeline() as pipeline:
        first = agent.execute("SELECT 1")
        pipeline.sync()
        second = agent.execute("SELECT 2")
        pipeline.sync()
        assert (first.fetchone(), second.fetchone()) == ((1,), (2,))


def test_a_parked_write_in_a_pipeline(house, agent, look):
    sql = "UPDATE customers SET city = 'Aarau' WHERE id = %s"

    def ask():
        with agent.pipeline() as pipeline:
            agent.execute("SELECT 1")
            pipeline.sync()
            cursor = agent.execute(sql, [1])
            pipeline.sync()
            return cursor.statusmessage if cursor.rowcount >= 0 else None

    with pytest.raises(psycopg.Error) as caught:
        ask()
    assert caught.value.sqlstate == "SP001", caught.value
    house.approve(detail_of(caught.value)["ticket"])
    ask()
    assert look("SELECT city FROM customers WHERE id = 1") == "Aarau"


def test_a_cursor_on_the_server(house):
    with house.agent(autocommit=False) as agent, agent.cursor("walk") as cursor:
        cursor.execute("SELECT id FROM orders ORDER BY id")
        assert cursor.fetchmany(3) == [(1,), (2,), (3,)]
        cursor.itersize = 100
        assert sum(1 for _ in cursor) == 997


def test_copy_out(agent):
    with agent.cursor().copy("COPY (SELECT id, name FROM customers WHERE id <= 3 ORDER BY id) TO STDOUT") as copy:
        assert list(copy.rows()) == [(str(n), f"customer {n}") for n in (1, 2, 3)]
    with agent.cursor().copy("COPY orders TO STDOUT (FORMAT binary)") as copy:
        assert bytes(next(iter(copy))).startswith(b"PGCOPY")
        for _ in copy:
            pass
    assert agent.execute("SELECT 1").fetchone() == (1,)


def test_a_large_result(agent):
    rows = agent.execute("SELECT g, repeat('x', 1000) FROM generate_series(1, 20000) g").fetchall()
    assert len(rows) == 20000 and len(rows[-1][1]) == 1000


def test_large_values(agent):
    text = "ü" * 400_000
    assert agent.execute("SELECT %s::text", [text]).fetchone() == (text,)


def test_cancel(house, agent, postgres):
    done = []

    def heavy():
        try:
            agent.execute(HEAVY)
        except psycopg.errors.QueryCanceled as error:
            done.append(error)

    thread = threading.Thread(target=heavy, daemon=True)
    thread.start()
    wait_until(lambda: postgres.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT count(*) FROM generate_series(1, 100000)%'"),
               "it runs")
    agent.cancel()
    thread.join(20)
    assert not thread.is_alive() and done
    assert agent.execute("SELECT 1").fetchone() == (1,)


def test_an_agent_that_hangs_up_ends_its_statement(house, postgres):
    agent = house.agent()
    thread = threading.Thread(target=lambda: pytest.raises(psycopg.Error, agent.execute, HEAVY + " -- hang up"), daemon=True)
    thread.start()
    running = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%-- hang up' AND pid <> pg_backend_pid()"
    wait_until(lambda: postgres.value(running), "it runs")
    socket.socket(fileno=os.dup(agent.fileno())).shutdown(socket.SHUT_RDWR)
    thread.join(20)
    wait_until(lambda: not postgres.value(running), "the server's session has ended")


def test_types_come_through(agent):
    row = agent.execute("SELECT 1::int2, 2::int8, 3.5::numeric, 'x'::text, true, '2026-01-02'::date, ARRAY[1,2], '{\"a\":1}'::jsonb, "
                        "'\\x01'::bytea, NULL, '1 day'::interval, gen_random_uuid() IS NOT NULL").fetchone()
    assert row[:2] == (1, 2) and row[6] == [1, 2] and row[7] == {"a": 1} and row[8] == b"\x01" and row[9] is None and row[11] is True


def test_errors_do_not_end_the_session(agent):
    for _ in range(3):
        with pytest.raises(psycopg.errors.DivisionByZero):
            agent.execute("SELECT 1/0")
        with pytest.raises(psycopg.errors.UndefinedTable):
            agent.execute("SELECT * FROM nowhere WHERE id = %s", [1])
    assert agent.execute("SELECT 1").fetchone() == (1,)


def test_many_sessions_at_once(house):
    failures = []

    def work(number):
        try:
            with house.agent() as agent:
                for round_ in range(20):
                    assert agent.execute("SELECT %s::int", [number * 100 + round_]).fetchone() == (number * 100 + round_,)
        except Exception as error:  # noqa: BLE001 - reported below
            failures.append(error)

    threads = [threading.Thread(target=work, args=[number], daemon=True) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures
