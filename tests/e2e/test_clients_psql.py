"""psql and pgbench, which are the plainest and the busiest of clients."""
import re
import subprocess

import pytest


@pytest.fixture(scope="module")
def pgbench_tables(postgres, database):
    subprocess.run(["pgbench", "-i", "-q", "-s", "1", "-h", str(postgres.folder), "-p", str(postgres.port), "-U", "owner", database],
                   check=True, capture_output=True)
    postgres.run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO app_read", database)


def test_reads(house):
    done = house.psql("-At", "-c", "SELECT name FROM customers WHERE id = 1")
    assert (done.returncode, done.stdout) == (0, "customer 1\n"), done.stderr


def test_a_refusal_in_words_and_json(house):
    done = house.psql("-c", "DROP TABLE customers")
    assert done.returncode == 1
    assert re.search(r"^ERROR:  42501: ", done.stderr, re.M)
    assert re.search(r'^DETAIL:  \{.*"verdict":"deny".*\}$', done.stderr, re.M)
    assert re.search(r"^HINT:  ", done.stderr, re.M)


def test_a_refusal_leaves_the_session_usable(house):
    done = house.psql("-At", stdin="DROP TABLE customers;\nSELECT 'still here';\n")
    assert done.stdout == "still here\n"


def test_parked_approved_and_delivered(house, look):
    sql = "UPDATE customers SET city = 'Glarus' WHERE id = 30"
    done = house.psql("-c", sql)
    ticket = re.search(r'"ticket":"(t\d+)"', done.stderr)[1]
    assert "SP001" in done.stderr
    house.approve(ticket)
    done = house.psql("-c", sql)
    assert (done.returncode, done.stdout) == (0, "UPDATE 1\n"), done.stderr
    assert look("SELECT city FROM customers WHERE id = 30") == "Glarus"


def test_a_rejection_brings_the_approvers_words(house):
    sql = "UPDATE customers SET city = 'Altdorf' WHERE id = 31"
    house.reject(re.search(r'"ticket":"(t\d+)"', house.psql("-c", sql).stderr)[1], "ask Nora first")
    done = house.psql("-c", sql)
    assert "SP002" in done.stderr and "ask Nora first" in done.stderr


@pytest.mark.parametrize("command", [r"\d", r"\d customers", r"\d+ orders", r"\dn", r"\dt *.*", r"\df", r"\du", r"\l", r"\dp", r"\di", r"\dT",
                                     r"\dv", r"\ds", r"\conninfo", r"\encoding"])
def test_backslash_commands(house, command):
    done = house.psql("-c", command)
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr


def test_copy_out(house):
    done = house.psql("-c", r"\copy (SELECT id, name FROM customers ORDER BY id LIMIT 2) TO STDOUT")
    assert done.stdout == "1\tcustomer 1\n2\tcustomer 2\n", done.stderr
    done = house.psql("-c", "COPY orders TO STDOUT")
    assert done.stdout.count("\n") == 1000, done.stderr


def test_several_statements_and_transactions_in_a_script(house):
    done = house.psql("-At", "-v", "ON_ERROR_STOP=1", stdin="""
        BEGIN;
        SELECT count(*) FROM customers;
        SAVEPOINT a;
        SELECT 1 \\; SELECT 2;
        ROLLBACK TO a;
        DECLARE c CURSOR FOR SELECT id FROM customers ORDER BY id;
        FETCH 2 FROM c;
        COMMIT;
        SHOW TimeZone;
        EXPLAIN (COSTS OFF) SELECT * FROM customers WHERE id = 1;
    """)
    assert done.returncode == 0, done.stderr
    assert "1\n2" in done.stdout


def test_single_transaction_mode_and_variables(house):
    done = house.psql("-At", "-1", "-v", "who=3", stdin="SELECT name FROM customers WHERE id = :who;\n")
    assert done.stdout == "customer 3\n", done.stderr


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench(house, pgbench_tables, mode):
    done = subprocess.run(["pgbench", "-n", "-S", "-M", mode, "-c", "4", "-j", "2", "-t", "300"], env=house.agent_environment("reader"),
                          capture_output=True, text=True, timeout=120)
    out = done.stdout + done.stderr
    assert done.returncode == 0, out
    assert "number of transactions actually processed: 1200/1200" in out
    assert "number of failed transactions: 0 (0.000%)" in out


def test_pgbench_with_pipelines(house, pgbench_tables, tmp_path):
    script = tmp_path / "pipeline.sql"
    script.write_text("\\set aid random(1, 100000)\n\\startpipeline\n" + "SELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n" * 5 + "\\endpipeline\n")
    done = subprocess.run(["pgbench", "-n", "-f", script, "-M", "extended", "-c", "2", "-t", "100"], env=house.agent_environment("reader"),
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "processed: 200/200" in done.stdout, done.stdout + done.stderr


def test_pgbench_that_connects_each_time(house, pgbench_tables):
    done = subprocess.run(["pgbench", "-n", "-S", "-C", "-c", "2", "-t", "10"], env=house.agent_environment("reader"),
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and "processed: 20/20" in done.stdout, done.stdout + done.stderr
