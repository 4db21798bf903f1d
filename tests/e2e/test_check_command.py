"""`sallyport check`: a line of JSON per statement, and exit codes that scripts can use."""
import json

import pytest
from house import House
from servers import Redis


@pytest.fixture(scope="module")
def house(postgres, redis, database):
    """Nothing is started: check needs no server."""
    house = House(postgres, redis, database)
    yield house
    house.remove()


def check(house, *arguments, stdin=None):
    done = house.command("check", "--agent", "bot", *arguments, stdin=stdin)
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.parametrize("sql, status, verdict", [
    ("SELECT 1", 0, "allow"),
    ("SELECT salary FROM hr.payroll", 0, "flag"),
    ("UPDATE customers SET visits = 1", 3, "park"),
    ("INSERT INTO customers VALUES (1)", 3, "park"),
    ("DELETE FROM customers", 4, "deny"),
    ("SELECT * FROM vault.secrets", 4, "deny"),
    ("SELEC 1", 4, "deny"),
    ("SELECT pg_read_file('x')", 4, "deny"),
])
def test_verdict_and_exit_status(house, sql, status, verdict):
    code, lines, words = check(house, sql)
    assert (code, [line["verdict"] for line in lines]) == (status, [verdict]), words


def test_the_members(house):
    _, lines, _ = check(house, "SELECT lower(name) FROM public.customers JOIN vault.secrets USING (id)")
    line = lines[0]
    assert (line["verdict"], line["rule"]) == ("deny", "no-secrets")
    assert line["reason"] and line["operations"] == ["SELECT"]
    assert set(line["relations"]) >= {"public.customers", "vault.secrets"} and "lower" in line["functions"]


def test_several_statements(house):
    code, lines, _ = check(house, "SELECT 1; UPDATE customers SET visits = 1; DROP TABLE customers")
    assert code == 4 and [line["verdict"] for line in lines] == ["allow", "park", "deny"]


def test_standard_input_and_files_are_taken_byte_for_byte(house, tmp_path):
    assert check(house, stdin="SELECT 1\n")[0] == 0
    (tmp_path / "a.sql").write_text("DELETE FROM customers;\n")
    assert check(house, "-f", tmp_path / "a.sql")[0] == 4
    done = house.command("check", "--agent", "bot", stdin=b"SELECT '\xff'")
    assert done.returncode == 4
    assert json.loads(done.stdout)["verdict"] == "deny"
    done = house.command("check", "--agent", "bot", stdin=b"SELECT 1\0; DROP TABLE x")
    assert done.returncode == 4


def test_the_agents_own_policy(house):
    assert house.command("check", "--agent", "reader", "UPDATE customers SET visits = 1").returncode == 4
    assert house.command("check", "--agent", "scribe", "INSERT INTO agent_scratch.jottings VALUES (1)").returncode == 0


def test_unusable_input(house, tmp_path):
    for arguments in (["--agent", "nobody", "SELECT 1"], ["SELECT 1"], ["--agent", "bot", "-f", tmp_path / "nothing.sql"],
                      ["--agent", "bot", "--database", "elsewhere", "SELECT 1"], ["--agent", "bot", "--config", tmp_path / "no.json", "SELECT 1"]):
        done = house.command("check", *arguments)
        assert done.returncode == 1 and done.stderr.strip() and not done.stdout, arguments


def test_it_needs_no_redis(house):
    server = Redis()
    server.remove()
    assert check(house, "SELECT 1")[0] == 0
