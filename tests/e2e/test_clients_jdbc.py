"""The JDBC driver, by way of tests/clients/Agent.java: metadata, server-prepared statements, portions, batches."""
import json
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlencode

import pytest
from house import REPOSITORY

DRIVER = Path("/usr/share/java/postgresql.jar")
pytestmark = [pytest.mark.skipif(not DRIVER.exists(), reason="the JDBC driver is not installed (libpostgresql-jdbc-java)"),
              pytest.mark.skipif(not shutil.which("javac"), reason="javac is not installed (default-jdk-headless)")]


@pytest.fixture(scope="module")
def classes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    subprocess.run(["javac", "-d", folder, "-cp", DRIVER, REPOSITORY / "tests/clients/Agent.java"], check=True)
    return folder


class Jdbc:
    """An Agent.java that runs: jdbc("query", "SELECT …", value, …) gives what its line says, or raises."""

    class Error(Exception):
        def __init__(self, sqlstate, detail, message):
            super().__init__(message)
            self.sqlstate, self.detail = sqlstate, json.loads(detail) if detail.startswith("{") else {}

    def __init__(self, house, classes, **options):
        words = house.agent_words()
        query = urlencode({"user": words["user"], "password": words["password"], **options})
        url = f"jdbc:postgresql://{words['host']}:{words['port']}/{words['dbname']}?{query}"
        self.process = subprocess.Popen(["java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", f"{DRIVER}:{classes}", "Agent", url],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8")

    def __call__(self, *words):
        self.process.stdin.write("\t".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        kind, *answer = self.process.stdout.readline().rstrip("\n").split("\t")
        if kind == "error":
            raise Jdbc.Error(*answer)
        assert kind == "ok", (words, kind, answer)
        return answer[0]

    def end(self):
        self.process.stdin.close()
        self.process.stdout.close()
        assert self.process.wait(20) == 0


@pytest.fixture(scope="module")
def shared(house, classes):
    jdbc = Jdbc(house, classes)
    yield jdbc
    jdbc.end()


@pytest.fixture
def jdbc(shared):
    """One virtual machine for the whole file; a test that failed inside a transaction leaves none behind."""
    yield shared
    try:
        shared("rollback")
    except Jdbc.Error:
        pass  # there was none


def parked(jdbc, *words):
    with pytest.raises(Jdbc.Error) as caught:
        jdbc(*words)
    assert caught.value.sqlstate == "SP001", caught.value
    return caught.value.detail["ticket"]


@pytest.mark.parametrize("method, expected", [("tables", ",orders,TABLE,"), ("columns", ",orders,customer_id,4,int4,"), ("keys", ",orders,id,1,orders_pkey"),
                                              ("indexes", ",orders_pkey,"), ("foreign", ",customers,id,")])
def test_metadata(jdbc, method, expected):
    assert expected in jdbc("metadata", method, "orders")


def test_prepared_on_the_server_after_five(jdbc):
    names = [jdbc("query", "SELECT name FROM customers WHERE id = ?", i) for i in range(1, 10)]
    assert names == [f"customer {i};" for i in range(1, 10)]


def test_rows_in_portions(jdbc):
    assert jdbc("fetch", "SELECT id FROM orders", 30) == "1000"


def test_copy_out(jdbc):
    assert jdbc("copy", "COPY customers TO STDOUT") == "100"


def test_a_query_timeout_cancels(jdbc):
    with pytest.raises(Jdbc.Error) as caught:
        jdbc("timeout", "SELECT count(*) FROM orders a, orders b, orders c WHERE a.total + b.total + c.total < 0")
    assert caught.value.sqlstate == "57014"
    assert jdbc("query", "SELECT 1") == "1;"


@pytest.mark.parametrize("words", [("update", "DELETE FROM orders WHERE id = ?", 1), ("update", "LISTEN news"), ("copy", "COPY orders TO '/tmp/orders'")])
def test_refused_and_still_usable(jdbc, words):
    for _ in range(6):
        with pytest.raises(Jdbc.Error) as caught:
            jdbc(*words)
        assert (caught.value.sqlstate, caught.value.detail["verdict"]) == ("42501", "deny")
    assert jdbc("query", "SELECT 1") == "1;"


def test_savepoints(jdbc):
    jdbc("begin")
    jdbc("query", "SELECT 1")
    jdbc("savepoint")
    for words, sqlstate in (("update", "DROP TABLE orders"), "42501"), (("query", "SELECT 1"), "25P02"):
        with pytest.raises(Jdbc.Error) as caught:
            jdbc(*words)
        assert caught.value.sqlstate == sqlstate
    jdbc("back")
    assert jdbc("query", "SELECT 2") == "2;"
    jdbc("commit")


def test_parked_with_returning(jdbc, house):
    words = "query", "UPDATE orders SET total = total + ? WHERE id = ? RETURNING id, total, created", 1, 21
    house.approve(parked(jdbc, *words))
    assert jdbc(*words) == "21,32.50,2026-01-02 03:04:05+00;"


def test_parked_again_and_again_by_one_prepared_statement(jdbc, house, look):
    for visits in range(1, 8):
        words = "update", "UPDATE customers SET visits = ? WHERE id = ?", visits, 22
        house.approve(parked(jdbc, *words))
        assert jdbc(*words) == "1"
    assert look("SELECT visits FROM customers WHERE id = 22") == 7


def test_parked_in_a_transaction(jdbc, house, look):
    def work():
        jdbc("begin")
        try:
            jdbc("query", "SELECT 1")
            count = jdbc("update", "UPDATE customers SET city = ? WHERE id = ?", "Stans", 23)
            jdbc("commit")
            return count
        except Jdbc.Error:
            jdbc("rollback")
            raise

    with pytest.raises(Jdbc.Error) as caught:
        work()
    house.approve(caught.value.detail["ticket"])
    assert work() == "1"
    assert look("SELECT city FROM customers WHERE id = 23") == "Stans"


def test_a_batch_is_one_ticket(jdbc, house, look):
    words = "batch", "INSERT INTO customers (id, name) VALUES (?, ?)", *(f"batch {i}" for i in range(10))
    house.approve(parked(jdbc, *words))
    assert jdbc(*words) == "10"
    assert look("SELECT count(*) FROM customers WHERE name LIKE 'batch %'") == 10


def test_generated_keys(jdbc, house, look):
    words = "keys", "INSERT INTO notes (body) VALUES (?)", "from Java"
    house.approve(parked(jdbc, *words))
    assert look(f"SELECT body FROM notes WHERE id = {jdbc(*words).rstrip(';')}") == "from Java"
