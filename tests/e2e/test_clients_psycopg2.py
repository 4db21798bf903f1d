"""psycopg2, which opens a transaction around everything, and SQLAlchemy on top of it."""
import decimal

import psycopg2
import psycopg2.extras
import pytest
import sqlalchemy
from house import detail_of


@pytest.fixture
def agent2(house):
    connection = psycopg2.connect(house.agent_dsn())
    yield connection
    connection.close()


def run(connection, sql, values=None):
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchall() if cursor.description else cursor.statusmessage


def parked(connection, sql, values=None):
    with pytest.raises(psycopg2.Error) as caught:
        run(connection, sql, values)
    assert caught.value.pgcode == "SP001", caught.value
    connection.rollback()
    return detail_of(caught.value)["ticket"]


def test_reads(agent2):
    assert run(agent2, "SELECT id, total FROM orders WHERE id = %s", [2]) == [(2, decimal.Decimal("3.00"))]
    agent2.commit()


def test_refused_in_its_transaction(agent2):
    assert run(agent2, "SELECT 1") == [(1,)]
    with pytest.raises(psycopg2.errors.InsufficientPrivilege) as caught:
        run(agent2, "DELETE FROM orders")
    assert detail_of(caught.value)["verdict"] == "deny"
    with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
        run(agent2, "SELECT 1")
    agent2.rollback()
    assert run(agent2, "SELECT 1") == [(1,)]


def test_parked_in_its_transaction(house, agent2, look):
    sql, values = "UPDATE orders SET status = %s WHERE id = %s RETURNING id, status", ["paid", 2]
    ticket = parked(agent2, sql, values)
    house.approve(ticket)
    assert run(agent2, sql, values) == [(2, "paid")]
    agent2.commit()
    assert look("SELECT status FROM orders WHERE id = 2") == "paid"
    assert any("ROLLBACK" in notice for notice in agent2.notices)


def test_rejected(house, agent2):
    sql = "UPDATE orders SET status = 'gone' WHERE id = 3"
    house.reject(parked(agent2, sql), "no")
    with pytest.raises(psycopg2.Error) as caught:
        run(agent2, sql)
    assert caught.value.pgcode == "SP002"
    agent2.rollback()


def test_execute_values(house, agent2, look):
    def insert():
        with agent2.cursor() as cursor:
            psycopg2.extras.execute_values(cursor, "INSERT INTO customers (id, name) VALUES %s", [(301, "Sara"), (302, "Timo")])
            return cursor.statusmessage

    with pytest.raises(psycopg2.Error) as caught:
        insert()
    assert caught.value.pgcode == "SP001"
    agent2.rollback()
    house.approve(detail_of(caught.value)["ticket"])
    assert insert() == "INSERT 0 2"
    agent2.commit()
    assert look("SELECT count(*) FROM customers WHERE id IN (301, 302)") == 2


def test_a_named_cursor(agent2):
    with agent2.cursor("walk") as cursor:
        cursor.itersize = 50
        cursor.execute("SELECT id FROM orders ORDER BY id")
        assert sum(1 for _ in cursor) == 1000
    agent2.rollback()


def test_copy_expert(agent2, tmp_path):
    with open(tmp_path / "out", "w+") as out, agent2.cursor() as cursor:
        cursor.copy_expert("COPY customers (id, name) TO STDOUT", out)
        out.seek(0)
        assert out.readline() == "1\tcustomer 1\n"


def test_autocommit_and_isolation(agent2):
    agent2.set_session(autocommit=True)
    assert run(agent2, "SELECT 1") == [(1,)]
    agent2.set_session(isolation_level="REPEATABLE READ", readonly=True, autocommit=False)
    assert run(agent2, "SHOW transaction_isolation") == [("repeatable read",)]
    agent2.rollback()


def test_sqlalchemy(house, look):
    words = house.agent_words()
    url = sqlalchemy.engine.URL.create("postgresql+psycopg2", words["user"], words["password"], words["host"], words["port"], words["dbname"])
    engine = sqlalchemy.create_engine(url)
    update = sqlalchemy.text("UPDATE customers SET city = :city WHERE id = :id")
    with engine.connect() as connection:
        assert connection.execute(sqlalchemy.text("SELECT count(*) FROM customers WHERE id <= :n"), {"n": 10}).scalar() == 10
    assert {"customers", "orders"} <= set(sqlalchemy.inspect(engine).get_table_names())
    assert [column["name"] for column in sqlalchemy.inspect(engine).get_columns("orders")][0] == "id"
    with engine.connect() as connection:
        with pytest.raises(sqlalchemy.exc.DBAPIError) as caught, connection.begin():
            connection.execute(update, {"city": "Sion", "id": 40})
    assert caught.value.orig.pgcode == "SP001"
    house.approve(detail_of(caught.value.orig)["ticket"])
    with engine.begin() as connection:
        assert connection.execute(update, {"city": "Sion", "id": 40}).rowcount == 1
    engine.dispose()
    assert look("SELECT city FROM customers WHERE id = 40") == "Sion"
