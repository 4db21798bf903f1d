"""Fixtures: one PostgreSQL cluster per test worker, a fresh database, Redis and sallyport per test file."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from house import PROGRAM, House  # noqa: E402
from servers import Postgres, Redis  # noqa: E402

SHOP = (Path(__file__).parent / "shop.sql").read_text()


def pytest_collection_modifyitems(items):
    if not PROGRAM.exists():
        raise pytest.UsageError(f"{PROGRAM} is not there: build it first, or set SALLYPORT_PROGRAM")
    for item in items:
        item.add_marker(pytest.mark.xdist_group(item.module.__name__))


@pytest.fixture(scope="session")
def postgres():
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def database(postgres, request):
    """The name of a fresh copy of the shop."""
    name = request.module.__name__.removeprefix("test_")
    postgres.make_database(name, SHOP)
    yield name
    postgres.drop_database(name)


@pytest.fixture(scope="module")
def redis():
    server = Redis()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def changes():
    """A test file overrides this to change the configuration of its house."""
    return {}


@pytest.fixture(scope="module")
def house(postgres, redis, database, changes):
    house = House(postgres, redis, database, **changes).start()
    yield house
    house.remove()


@pytest.fixture
def agent(house):
    with house.agent() as connection:
        yield connection


@pytest.fixture
def look(postgres, database):
    """look(sql): a value as the database's owner sees it, past sallyport."""
    return lambda sql: postgres.value(sql, database)
