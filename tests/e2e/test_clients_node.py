"""node's pg, by way of tests/clients/agent.js."""
import json
import subprocess

import pytest
from house import REPOSITORY

CLIENTS = REPOSITORY / "tests/clients"


@pytest.fixture
def node(house):
    """node({sql, values, name}, …): what each statement gave, sent in order over one connection."""
    def run(*steps):
        done = subprocess.run(["node", CLIENTS / "agent.js"], input=json.dumps(steps), capture_output=True, text=True, timeout=60,
                              cwd=CLIENTS, env=house.agent_environment())
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)
    return run


def test_reads(node):
    simple, extended, named, again = node(
        {"sql": "SELECT count(*)::int AS n FROM customers"},
        {"sql": "SELECT name FROM customers WHERE id = $1", "values": [7]},
        {"sql": "SELECT name FROM customers WHERE id = $1", "values": [8], "name": "by-id"},
        {"sql": "SELECT name FROM customers WHERE id = $1", "values": [9], "name": "by-id"})
    assert simple["rows"] == [{"n": 100}]
    assert extended["rows"] == [{"name": "customer 7"}]
    assert (named["rows"], again["rows"]) == ([{"name": "customer 8"}], [{"name": "customer 9"}])


def test_refused_and_still_usable(node):
    simple, extended, named, after = node({"sql": "DROP TABLE customers"}, {"sql": "DELETE FROM customers WHERE id = $1", "values": [1]},
                                          {"sql": "DELETE FROM customers WHERE id = $1", "values": [1], "name": "gone"}, {"sql": "SELECT 1 AS one"})
    for refused in (simple, extended, named):
        assert refused["code"] == "42501", refused
        assert json.loads(refused["detail"])["verdict"] == "deny"
    assert after["rows"] == [{"one": 1}]


def test_refused_in_a_transaction(node):
    answers = node({"sql": "BEGIN"}, {"sql": "SELECT 1"}, {"sql": "DROP TABLE customers"}, {"sql": "SELECT 1"}, {"sql": "ROLLBACK"}, {"sql": "SELECT 1"})
    assert [answer.get("code") for answer in answers] == [None, None, "42501", "25P02", None, None]


def test_parked_approved_delivered(node, house, look):
    write = {"sql": "UPDATE customers SET visits = visits + $1 WHERE id = $2 RETURNING id, visits", "values": [2, 60]}
    parked, after = node(write, {"sql": "SELECT 1 AS one"})
    assert parked["code"] == "SP001" and after["rows"] == [{"one": 1}]
    house.approve(json.loads(parked["detail"])["ticket"])
    done, = node(write)
    assert (done["command"], done["count"], done["rows"]) == ("UPDATE", 1, [{"id": 60, "visits": 2}])
    assert look("SELECT visits FROM customers WHERE id = 60") == 2


def test_rejected(node, house):
    write = {"sql": "INSERT INTO customers (id, name) VALUES (501, 'Willi')"}
    parked, = node(write)
    house.reject(json.loads(parked["detail"])["ticket"], "we have enough Willis")
    rejected, = node(write)
    assert rejected["code"] == "SP002" and "we have enough Willis" in json.dumps(rejected)


def test_partial_fetches(node):
    walked, after = node({"sql": "SELECT id FROM orders ORDER BY id", "cursor": 3}, {"sql": "SELECT 1 AS one"})
    assert [row["id"] for row in walked["rows"]] == [1, 2, 3, 4, 5, 6]
    assert after["rows"] == [{"one": 1}]
