"""A refused statement never reaches the database, says why in words and JSON, and leaves the session usable."""
import psycopg
import pytest
from house import detail_of
from wire import ServerError, Wire, fields_of


def refused(connection, sql, values=None, **more):
    with pytest.raises(psycopg.errors.InsufficientPrivilege) as caught:
        connection.execute(sql, values, **more)
    return caught.value


@pytest.mark.parametrize("sql", [
    "DROP TABLE customers",
    "DELETE FROM customers",
    "TRUNCATE orders",
    "ALTER TABLE customers ADD COLUMN x int",
    "CREATE TABLE x (y int)",
    "SELECT * INTO copied FROM customers",
    "WITH gone AS (DELETE FROM orders RETURNING *) SELECT count(*) FROM gone",
    "EXPLAIN ANALYZE DELETE FROM orders",
    "COPY customers TO '/tmp/customers'",
    "COPY customers FROM STDIN",
    "COPY customers TO PROGRAM 'cat'",
    "GRANT ALL ON customers TO PUBLIC",
    "DO $$ BEGIN PERFORM 1; END $$",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT * FROM pg_ls_dir('.')",
    "SELECT pg_sleep(10)",
    "SELECT pg_terminate_backend(1)",
    "SELECT lo_create(0)",
    "SELECT ('orders_seq'::regclass).nextval",
    "SELECT x.pg_read_file FROM CAST('f' AS text) x",
    "SELECT set_config('default_transaction_read_only', 'off', false)",
    "SET default_transaction_read_only = off",
    "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
    "SET ROLE boss",
    "SET client_encoding = 'SJIS'",
    "SET standard_conforming_strings = off",
    "PREPARE TRANSACTION 'x'",
    "LISTEN news",
    "VACUUM",
    "SELECT * FROM vault.secrets",
])
def test_refused_and_the_connection_stays_usable(house, agent, postgres, sql):
    error = refused(agent, sql)
    detail = detail_of(error)
    assert detail["verdict"] == "deny"
    assert detail["rule"] and detail["reason"]
    assert detail["retryable"] is False
    assert error.diag.severity == "ERROR"
    assert "\n" not in error.diag.message_primary
    assert agent.execute("SELECT count(*) FROM customers").fetchone() == (100,)
    assert not postgres.log_contains(f"statement: {sql}")


def test_the_rule_and_its_reason_are_named(agent):
    error = refused(agent, "SELECT secret FROM vault.secrets")
    assert detail_of(error)["rule"] == "no-secrets"
    assert "secrets are not for agents" in detail_of(error)["reason"]


def test_the_database_is_told_why(house, agent, postgres):
    refused(agent, "DROP TABLE orders")
    record = house.wait_record(event="statement", sql="DROP TABLE orders", verdict="deny")
    assert postgres.log_contains("sallyport refused")
    assert postgres.log_contains(f"record {record['seq']}")


def test_with_parameters(agent):
    refused(agent, "DELETE FROM customers WHERE id = %s", [1])
    assert agent.execute("SELECT %s::int + 1", [1]).fetchone() == (2,)


def test_prepared(agent):
    refused(agent, "DELETE FROM customers WHERE id = %s", [1], prepare=True)
    for number in range(3):
        assert agent.execute("SELECT %s::int + 1", [number], prepare=True).fetchone() == (number + 1,)


def test_in_a_transaction_block_the_server_aborts_it(house):
    with house.agent(autocommit=False) as agent:
        assert agent.execute("SELECT 1").fetchone() == (1,)
        refused(agent, "DROP TABLE customers")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            agent.execute("SELECT 1")
        agent.rollback()
        assert agent.execute("SELECT 2").fetchone() == (2,)


def test_a_savepoint_brings_the_transaction_back(house):
    with house.agent(autocommit=False) as agent:
        agent.execute("SELECT 1")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), agent.transaction():
            agent.execute("DROP TABLE customers")
        assert agent.execute("SELECT 3").fetchone() == (3,)


def test_in_a_pipeline_the_rest_is_skipped_until_sync(agent):
    with pytest.raises(psycopg.errors.InsufficientPrivilege), agent.pipeline():
        first = agent.execute("SELECT 1")
        agent.execute("DELETE FROM customers")
        later = agent.execute("SELECT 2")
        assert first.fetchone() == (1,)
        later.fetchone()
    assert agent.execute("SELECT 4").fetchone() == (4,)


def test_a_string_of_statements_is_judged_as_a_whole(agent, look):
    before = look("SELECT count(*) FROM orders")
    refused(agent, "SELECT 1; SELECT 2; DROP TABLE orders; SELECT 3")
    assert look("SELECT count(*) FROM orders") == before
    cursor = agent.execute("SELECT 1; SELECT 2")
    assert cursor.fetchone() == (1,)
    assert cursor.nextset() and cursor.fetchone() == (2,)


def test_a_syntax_error_says_what_the_server_would(agent):
    with pytest.raises(psycopg.errors.SyntaxError):
        agent.execute("SELEC 1")
    assert agent.execute("SELECT 1").fetchone() == (1,)


def test_the_servers_own_errors_come_through_unchanged(agent, postgres, database):
    with pytest.raises(psycopg.Error) as through:
        agent.execute("SELECT nothing FROM customers")
    with psycopg.connect(postgres.dsn("app_read", database)) as direct, pytest.raises(psycopg.Error) as plain:
        direct.execute("SELECT nothing FROM customers")
    for field in ("sqlstate", "message_primary", "severity", "statement_position", "message_detail", "message_hint", "source_function"):
        assert getattr(through.value.diag, field) == getattr(plain.value.diag, field)


def test_a_copy_into_a_table_is_refused_and_its_data_swallowed(agent, look):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        with agent.cursor().copy("COPY customers (id, name) FROM STDIN") as copy:
            copy.write("999\tsmuggled\n")
    assert agent.execute("SELECT 1").fetchone() == (1,)
    assert look("SELECT count(*) FROM customers WHERE id = 999") == 0


def test_function_call_is_refused(house):
    with Wire(house) as wire:
        with pytest.raises(ServerError) as caught:
            wire.ask(b"F" + (4 + 4 + 2 + 2 + 2).to_bytes(4, "big") + (1316).to_bytes(4, "big") + b"\0\0\0\0\0\0")
        assert caught.value.sqlstate == "42501"
        assert wire.rows("SELECT 1") == [["1"]]


@pytest.mark.parametrize("name", ["sallyport", "sallyport_x", "n" * 64])
def test_names_that_are_ours_or_too_long_are_refused(house, name):
    with Wire(house) as wire:
        with pytest.raises(ServerError) as caught:
            wire.ask(wire.parse("SELECT 1", name), wire.sync())
        assert caught.value.sqlstate == "42501"
        assert wire.rows("SELECT 1") == [["1"]]


def test_a_name_can_not_be_swapped_within_a_pipeline(house, look):
    """Close and a new Parse under the same name: the old verdict doesn't hold for the new text."""
    with Wire(house) as wire:
        wire.ask(wire.parse("SELECT 1", "s"), wire.sync())
        with pytest.raises(ServerError) as caught:
            wire.ask(wire.close("S", "s"), wire.parse("DELETE FROM customers", "s"), wire.bind(statement="s"), wire.execute(), wire.sync())
        assert caught.value.sqlstate == "42501"
        assert look("SELECT count(*) FROM customers") == 100


def test_a_domain_as_parameter_type_is_refused(house, postgres, database):
    """Binding a value of a domain runs the domain's CHECK, even without Execute."""
    with postgres.connect(database) as owner:
        owner.execute("CREATE DOMAIN checked AS int CHECK (VALUE > 0)")
        oid = owner.execute("SELECT 'checked'::regtype::oid").fetchone()[0]
    with Wire(house) as wire:
        with pytest.raises(ServerError) as caught:
            wire.ask(wire.parse("SELECT $1", types=[int(oid)]), wire.bind(["1"]), wire.sync())
        assert caught.value.sqlstate == "42501"


def test_an_oversized_statement(house):
    with Wire(house) as wire:
        wire.send(wire.query("SELECT '" + "x" * (1 << 20) + "'"))
        kind, body = next(item for item in wire.until("EZ") if item[0] == "E")
        assert fields_of(body)["C"].startswith("54"), fields_of(body)
    with house.agent() as agent:
        assert agent.execute("SELECT 1").fetchone() == (1,)


def test_text_that_is_not_utf8(house):
    with Wire(house) as wire:
        with pytest.raises(ServerError) as caught:
            wire.ask(wire.query(b"SELECT '\xff\xfe'"))
        assert caught.value.sqlstate == "22021"
        assert wire.rows("SELECT 1") == [["1"]]


def test_text_that_would_take_too_long_to_lex(house, agent):
    with pytest.raises(psycopg.Error) as caught:
        agent.execute("SELECT " + "+-" * 30000 + "1")
    assert caught.value.sqlstate.startswith("54")
    assert agent.execute("SELECT 1").fetchone() == (1,)


def test_a_message_of_nonsense_ends_only_this_session(house, agent):
    for nonsense in (b"Q\xff\xff\xff\xff", b"Q\0\0\0\x03", b"\0\0\0\0\0", b"Z\0\0\0\x05I"):
        with Wire(house) as wire:
            wire.send(nonsense)
            assert wire.is_closed()
    assert agent.execute("SELECT 1").fetchone() == (1,)
