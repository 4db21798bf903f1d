"""postgres.js, which prepares everything and sends statements before the last one's answer is there."""
import json
import subprocess

import pytest
from house import REPOSITORY

CLIENTS = REPOSITORY / "tests/clients"
pytestmark = pytest.mark.skipif(not (CLIENTS / "node_modules/postgres").exists(),
                                reason="postgres.js is not installed (docker/install.sh --tests)")


@pytest.fixture
def node(house):
    """node(step, …): what each step gave; see tests/clients/postgres.js."""
    def run(*steps):
        done = subprocess.run(["node", CLIENTS / "postgres.js"], input=json.dumps(steps), capture_output=True, text=True, timeout=60,
                              cwd=CLIENTS, env=house.agent_environment())
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return run


def statement(sql, *values, **more):
    return {"sql": sql, "values": list(values), **more}


def by_id(number):
    return statement("SELECT name FROM customers WHERE id = $1", number)


def test_a_pipeline_with_refusals_in_it(node):
    answers, after = node([by_id(1), statement("DELETE FROM customers WHERE id = $1", 1), by_id(2), statement("DROP TABLE customers"), by_id(3)], by_id(4))
    assert [answer.get("code") or answer["rows"][0]["name"] for answer in answers] == ["customer 1", "42501", "customer 2", "42501", "customer 3"]
    assert after["rows"] == [{"name": "customer 4"}]


def test_rows_in_portions(node):
    walked, after = node(statement("SELECT id FROM orders", portions=70), by_id(1))
    assert walked["count"] == 1000 and after["rows"] == [{"name": "customer 1"}]


def test_an_array_of_an_enum_is_read(node, postgres, database):
    """The driver asks pg_type for arrays at its first statement."""
    postgres.run("CREATE TYPE mood AS ENUM ('sad', 'happy')", database)
    answer, = node(statement("SELECT '{sad,happy}'::mood[] AS moods"))
    assert answer["rows"] == [{"moods": ["sad", "happy"]}]


def test_parked_approved_delivered(node, house, look):
    write = statement("UPDATE orders SET total = total + $1 WHERE id = $2 RETURNING id, total, notes", "0.50", 61)
    parked, after = node(write, by_id(5))
    assert parked["code"] == "SP001" and after["rows"] == [{"name": "customer 5"}]
    house.approve(json.loads(parked["detail"])["ticket"])
    done, = node(write)
    assert (done["command"], done["count"], done["rows"]) == ("UPDATE", 1, [{"id": 61, "total": "92.00", "notes": {"gift": True}}])
    assert str(look("SELECT total FROM orders WHERE id = 61")) == "92.00"


def test_parked_in_a_transaction_that_is_pipelined(node, house, look):
    work = {"begin": [by_id(6), statement("UPDATE customers SET visits = visits + $1 WHERE id = $2 RETURNING visits", 3, 62)]}
    parked, after = node(work, by_id(5))
    assert parked["code"] == "SP001" and after["rows"] == [{"name": "customer 5"}]
    house.approve(json.loads(parked["detail"])["ticket"])
    (read, write), = node(work)
    assert read["rows"] == [{"name": "customer 6"}] and write["rows"] == [{"visits": 3}]
    assert look("SELECT visits FROM customers WHERE id = 62") == 3
