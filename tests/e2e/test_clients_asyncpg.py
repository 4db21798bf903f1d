"""asyncpg: binary results, prepared statements throughout, its own start-up questions."""
import asyncio

import asyncpg
import pytest
from house import detail_of


@pytest.fixture
def asked(house):
    """asked(coroutine function): runs it with a connection."""
    def run(work, **more):
        async def main():
            words = house.agent_words()
            connection = await asyncpg.connect(host=words["host"], port=words["port"], user=words["user"], password=words["password"],
                                               database=words["dbname"], **more)
            try:
                return await work(connection)
            finally:
                await connection.close()
        return asyncio.run(main())
    return run


def ticket_of(error):
    assert error.sqlstate == "SP001", error
    return detail_of(error)["ticket"]


def test_reads(asked):
    async def work(connection):
        assert await connection.fetchval("SELECT count(*) FROM customers") == 100
        row = await connection.fetchrow("SELECT id, name, total, created, notes FROM customers JOIN orders USING (id) WHERE id = $1", 5)
        assert row["name"] == "customer 5" and row["notes"] == '{"gift": true}'
        assert len(await connection.fetch("SELECT * FROM orders")) == 1000
    asked(work)


def test_refused_and_still_usable(asked):
    async def work(connection):
        for sql in ("DELETE FROM customers", "DROP TABLE customers"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError) as caught:
                await connection.fetch(sql)
            assert detail_of(caught.value)["verdict"] == "deny"
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(sql)
        assert await connection.fetchval("SELECT 1") == 1
    asked(work)


def test_refused_in_a_transaction(asked):
    async def work(connection):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with connection.transaction():
                await connection.fetchval("SELECT 1")
                await connection.execute("DELETE FROM customers WHERE id = $1", 1)
        assert await connection.fetchval("SELECT 1") == 1
    asked(work)


def test_parked_approved_delivered(asked, house, look):
    sql = "UPDATE customers SET city = $1 WHERE id = $2 RETURNING id, city"

    async def ask(connection):
        return await connection.fetchrow(sql, "Chur", 50)

    with pytest.raises(asyncpg.PostgresError) as caught:
        asked(ask)
    house.approve(ticket_of(caught.value))
    assert tuple(asked(ask)) == (50, "Chur")
    assert look("SELECT city FROM customers WHERE id = 50") == "Chur"


def test_execute_without_arguments(asked, house):
    async def ask(connection):
        return await connection.execute("UPDATE customers SET visits = 9 WHERE id = 51")

    with pytest.raises(asyncpg.PostgresError) as caught:
        asked(ask)
    house.approve(ticket_of(caught.value))
    assert asked(ask) == "UPDATE 1"


def test_executemany_is_one_ticket(asked, house, look):
    async def ask(connection):
        await connection.executemany("INSERT INTO customers (id, name) VALUES ($1, $2)", [(401, "Ulla"), (402, "Veit")])

    with pytest.raises(asyncpg.PostgresError) as caught:
        asked(ask)
    house.approve(ticket_of(caught.value))
    assert look("SELECT count(*) FROM customers WHERE id > 400") == 2
    asked(ask)
    assert look("SELECT count(*) FROM customers WHERE id > 400") == 2


def test_rejected(asked, house):
    async def ask(connection):
        await connection.execute("UPDATE customers SET visits = 10 WHERE id = 52")

    with pytest.raises(asyncpg.PostgresError) as caught:
        asked(ask)
    house.reject(ticket_of(caught.value), "no, thanks")
    with pytest.raises(asyncpg.PostgresError) as caught:
        asked(ask)
    assert caught.value.sqlstate == "SP002"


def test_prepared_and_cursor(asked):
    async def work(connection):
        statement = await connection.prepare("SELECT id FROM orders WHERE id > $1 ORDER BY id")
        assert [record["id"] for record in await statement.fetch(998)] == [999, 1000]
        async with connection.transaction():
            assert [record["id"] async for record in statement.cursor(995, prefetch=2)] == [996, 997, 998, 999, 1000]
            cursor = await connection.cursor("SELECT id FROM orders ORDER BY id")
            assert len(await cursor.fetch(10)) == 10
    asked(work)


def test_copy_out(asked, tmp_path):
    async def work(connection):
        assert await connection.copy_from_query("SELECT id FROM customers WHERE id < $1", 4, output=tmp_path / "out") == "COPY 3"
        await connection.copy_from_table("orders", output=tmp_path / "orders", format="csv")
    asked(work)


def test_reset_and_pool(house):
    async def main():
        words = house.agent_words()
        async with asyncpg.create_pool(host=words["host"], port=words["port"], user=words["user"], password=words["password"],
                                       database=words["dbname"], min_size=2, max_size=4) as pool:
            for _ in range(10):
                assert await pool.fetchval("SELECT 1") == 1  # gives the connection back with RESET ALL and the like
    asyncio.run(main())


def test_introspection_of_types(asked):
    async def work(connection):
        row = await connection.fetchrow("SELECT ARRAY['a']::text[] AS tags, ROW(1, 'x') AS both, '{1,2}'::int4[] AS numbers, 'p'::\"char\" AS c")
        assert row["tags"] == ["a"] and row["numbers"] == [1, 2]
    asked(work)


def test_a_time_out_cancels(asked):
    async def work(connection):
        with pytest.raises(asyncio.TimeoutError):
            await connection.fetchval("SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b", timeout=0.5)
        assert await connection.fetchval("SELECT 1") == 1
    asked(work)


def test_application_name_and_settings(asked):
    async def work(connection):
        assert "my tool" in await connection.fetchval("SHOW application_name")
        assert await connection.fetchval("SHOW timezone") == "UTC"
    asked(work, server_settings={"application_name": "my tool", "timezone": "UTC"})
