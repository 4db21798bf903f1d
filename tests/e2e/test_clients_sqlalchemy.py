"""SQLAlchemy: reflection, the ORM, and a unit of work whose one write waits, on psycopg2 and on asyncpg."""
import asyncio

import pytest
from house import detail_of

sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed (python3-sqlalchemy)")
from sqlalchemy import orm  # noqa: E402


def url_of(house, driver):
    words = house.agent_words()
    return sqlalchemy.engine.URL.create(f"postgresql+{driver}", words["user"], words["password"], words["host"], words["port"], words["dbname"])


@pytest.fixture
def engine(house):
    engine = sqlalchemy.create_engine(url_of(house, "psycopg2"))
    yield engine
    engine.dispose()


@pytest.fixture
def mapped(engine):
    """Classes mapped by reflection of all tables, as `automap` or sqlacodegen would."""
    metadata = sqlalchemy.MetaData()
    metadata.reflect(engine)
    base = orm.declarative_base(metadata=metadata)

    class Customer(base):
        __table__ = metadata.tables["customers"]
        orders = orm.relationship("Order", back_populates="customer", order_by="Order.id")

    class Order(base):
        __table__ = metadata.tables["orders"]
        customer = orm.relationship("Customer", back_populates="orders")

    return Customer, Order


def parked(work):
    """Does the work, which must be parked; returns its ticket."""
    with pytest.raises(sqlalchemy.exc.DBAPIError) as caught:
        work()
    assert caught.value.orig.pgcode == "SP001", caught.value
    return detail_of(caught.value.orig)["ticket"]


def test_inspection(engine):
    inspector = sqlalchemy.inspect(engine)
    assert {"public", "hr", "vault"} <= set(inspector.get_schema_names())
    assert {"customers", "orders", "notes"} <= set(inspector.get_table_names())
    assert inspector.get_view_names() == []
    assert inspector.get_pk_constraint("orders")["constrained_columns"] == ["id"]
    assert inspector.get_foreign_keys("orders")[0]["referred_table"] == "customers"
    assert inspector.get_indexes("orders") == [] and inspector.get_unique_constraints("orders") == []
    assert inspector.get_check_constraints("orders") == []
    assert inspector.get_table_comment("orders") == {"text": None}
    assert inspector.get_enums() == []
    assert inspector.has_table("orders") and not inspector.has_table("nothing")


def test_reads_through_the_orm(engine, mapped):
    customer, order = mapped
    with orm.Session(engine) as session:
        found = session.get(customer, 7)
        assert (found.name, [o.id for o in found.orders][:2]) == ("customer 7", [6, 106])
        rows = session.query(customer.city, sqlalchemy.func.count()).join(order).group_by(customer.city).order_by(customer.city).all()
        assert [city for city, _ in rows] == ["Basel", "Bern", "Chur"]
        loaded = session.query(customer).options(orm.selectinload(customer.orders)).filter(customer.id.in_([1, 2])).all()
        assert sum(len(one.orders) for one in loaded) == 20


def test_a_streamed_result(engine):
    with engine.connect().execution_options(stream_results=True, max_row_buffer=100) as connection:
        assert sum(1 for _ in connection.execute(sqlalchemy.text("SELECT id FROM orders"))) == 1000


def test_refused_inside_a_savepoint(engine):
    with engine.begin() as connection:
        with pytest.raises(sqlalchemy.exc.ProgrammingError) as caught, connection.begin_nested():
            connection.execute(sqlalchemy.text("DELETE FROM orders"))
        assert caught.value.orig.pgcode == "42501"
        assert connection.execute(sqlalchemy.text("SELECT 1")).scalar() == 1


def test_a_changed_object_is_flushed_after_approval(house, engine, mapped, look):
    def work():
        with orm.Session(engine) as session, session.begin():
            session.get(mapped[0], 41).city = "Arbon"

    house.approve(parked(work))
    work()
    assert look("SELECT city FROM customers WHERE id = 41") == "Arbon"


def test_a_new_object_gets_the_key_that_the_database_made(house, engine, look):
    notes = sqlalchemy.Table("notes", sqlalchemy.MetaData(), autoload_with=engine)
    mapper = orm.registry()
    note = type("Note", (), {})
    mapper.map_imperatively(note, notes)

    def work():
        with orm.Session(engine, expire_on_commit=False) as session, session.begin():
            new = note()
            new.body, new.tags = "from the ORM", ["a", "b c"]
            session.add(new)
        return new.id

    house.approve(parked(work))
    assert look(f"SELECT tags::text FROM notes WHERE id = {work()}") == '{a,"b c"}'


def test_many_rows_in_one_insert(house, engine, look):
    customers = sqlalchemy.Table("customers", sqlalchemy.MetaData(), autoload_with=engine)

    def work():
        with engine.begin() as connection:
            return connection.execute(customers.insert(), [{"id": i, "name": f"bulk {i}"} for i in range(400, 450)])

    house.approve(parked(work))
    work()
    assert look("SELECT count(*) FROM customers WHERE name LIKE 'bulk %'") == 50


def test_on_asyncpg(house, look):
    pytest.importorskip("greenlet", reason="greenlet is not installed (python3-greenlet)")
    pytest.importorskip("asyncpg", reason="asyncpg is not installed (python3-asyncpg)")
    from sqlalchemy.ext.asyncio import create_async_engine

    update = sqlalchemy.text("UPDATE customers SET city = :city WHERE id = :id RETURNING id, city")

    async def talk():
        engine = create_async_engine(url_of(house, "asyncpg"))
        async with engine.connect() as connection:
            tables = await connection.run_sync(lambda sync: sqlalchemy.inspect(sync).get_table_names())
            assert {"customers", "orders"} <= set(tables)

        async def work():
            async with engine.begin() as connection:
                await connection.execute(sqlalchemy.text("SELECT 1"))
                return (await connection.execute(update, {"city": "Visp", "id": 42})).all()

        with pytest.raises(sqlalchemy.exc.DBAPIError) as caught:
            await work()
        error = caught.value.orig.__cause__
        assert error.sqlstate == "SP001", caught.value
        house.approve(detail_of(error)["ticket"])
        assert await work() == [(42, "Visp")]
        await engine.dispose()

    asyncio.run(talk())
    assert look("SELECT city FROM customers WHERE id = 42") == "Visp"
