"""A write waits for a person, runs exactly once, and the same statement sent again gets the real result."""
import datetime
import decimal
import json

import psycopg
import pytest
from house import detail_of
from psycopg.types.json import Jsonb
from servers import wait_until
from wire import ServerError, Wire, row_of


def error_of(connection, sql, values=None, **more):
    with pytest.raises(psycopg.Error) as caught:
        connection.execute(sql, values, **more)
    return caught.value


def test_park_approve_and_the_result_on_resend(house, agent, look):
    sql = "UPDATE customers SET city = 'Uri' WHERE id IN (1, 2, 3)"
    error = error_of(agent, sql)
    assert error.sqlstate == "SP001"
    detail = detail_of(error)
    assert detail["verdict"] == "park"
    assert detail["rule"] and detail["reason"] and detail["expires"]
    assert detail["retryable"] is True
    assert detail["ticket"] in error.diag.message_primary + (error.diag.message_hint or "")
    assert look("SELECT count(*) FROM customers WHERE city = 'Uri'") == 0

    assert house.approve(detail["ticket"]) == "executed"
    assert look("SELECT count(*) FROM customers WHERE city = 'Uri'") == 3
    cursor = agent.execute(sql)
    assert (cursor.statusmessage, cursor.rowcount) == ("UPDATE 3", 3)
    assert look("SELECT count(*) FROM customers WHERE city = 'Uri'") == 3


def test_the_same_statement_attaches_to_its_ticket(house, agent):
    sql = "UPDATE customers SET city = 'Zug' WHERE id = 4"
    first = house.parked(agent, sql)
    assert house.parked(agent, sql) == first
    with house.agent() as again:
        assert house.parked(again, sql) == first
    assert house.parked(agent, sql + " ") != first
    with house.agent("other") as other:
        assert house.parked(other, sql) != first


def test_a_delivered_result_is_not_delivered_twice(house, agent, look):
    sql = "UPDATE customers SET visits = visits + 1 WHERE id = 5"
    ticket = house.parked(agent, sql)
    house.approve(ticket)
    assert agent.execute(sql).rowcount == 1
    agent.execute("SELECT 1")
    second = wait_until(lambda: (found := house.parked(agent, sql)) != ticket and found, "it is a new request")
    assert second != ticket
    assert look("SELECT visits FROM customers WHERE id = 5") == 1


def test_an_agent_that_went_away_loses_nothing(house, look):
    sql = "UPDATE customers SET visits = 77 WHERE id = 6"
    with house.agent() as agent:
        ticket = house.parked(agent, sql)
    house.approve(ticket)
    assert look("SELECT visits FROM customers WHERE id = 6") == 77
    with house.agent() as agent:
        assert agent.execute(sql).rowcount == 1


def test_returning_gives_real_types(house, agent):
    sql = "INSERT INTO notes (body, tags, raw) VALUES ('it''s – ü', '{a,b}', '\\x00ff') RETURNING id, body, tags, raw, now() - now() AS none, NULL::numeric AS nothing"
    ticket = house.parked(agent, sql)
    assert house.approve(ticket) == "executed"
    cursor = agent.execute(sql)
    assert cursor.statusmessage == "INSERT 0 1"
    assert [column.name for column in cursor.description] == ["id", "body", "tags", "raw", "none", "nothing"]
    row = cursor.fetchone()
    assert row == (row[0], "it's – ü", ["a", "b"], b"\x00\xff", datetime.timedelta(0), None)
    assert isinstance(row[0], int)


def test_returning_over_the_extended_protocol(house, agent):
    sql = "UPDATE orders SET total = total + %s, notes = %s WHERE id = %s RETURNING id, total, created, notes"
    values = [decimal.Decimal("0.50"), Jsonb({"by": "bot"}), 7]
    ticket = house.parked(agent, sql, values)
    assert house.approve(ticket) == "executed"
    row = agent.execute(sql, values).fetchone()
    assert row[:2] == (7, decimal.Decimal("11.00"))
    assert row[2] == datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    assert row[3] == {"by": "bot"}


def test_results_in_binary(house, agent):
    sql = "UPDATE orders SET status = 'sent' WHERE id = %s RETURNING id, total, created"
    ticket = house.parked(agent, sql, [8], binary=True)
    house.approve(ticket)
    row = agent.execute(sql, [8], binary=True).fetchone()
    assert row == (8, decimal.Decimal("12.00"), datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc))


def test_a_prepared_statement(house, agent, look):
    sql = "UPDATE customers SET name = %s WHERE id = %s"
    ticket = house.parked(agent, sql, ["Nora", 9], prepare=True)
    house.approve(ticket)
    assert agent.execute(sql, ["Nora", 9], prepare=True).statusmessage == "UPDATE 1"
    assert look("SELECT name FROM customers WHERE id = 9") == "Nora"
    assert house.parked(agent, sql, ["Nils", 9], prepare=True) != ticket


def test_other_values_are_another_ticket(house, agent):
    sql = "UPDATE customers SET name = %s WHERE id = 10"
    assert house.parked(agent, sql, ["A"]) != house.parked(agent, sql, ["B"])


def test_reject(house, agent, look):
    sql = "UPDATE customers SET city = 'Genf' WHERE id = 11"
    ticket = house.parked(agent, sql)
    house.reject(ticket, "not without a backup, it's Friday")
    error = error_of(agent, sql)
    assert error.sqlstate == "SP002"
    assert "not without a backup, it's Friday" in f"{error} {error.diag.message_detail} {error.diag.message_hint}"
    assert detail_of(error)["ticket"] == ticket
    assert detail_of(error)["retryable"] is False
    assert look("SELECT count(*) FROM customers WHERE city = 'Genf'") == 0
    assert agent.execute("SELECT 1").fetchone() == (1,)


def test_an_approved_statement_that_fails_gives_the_databases_error(house, agent):
    sql = "INSERT INTO customers (id, name) VALUES (1, 'again')"
    ticket = house.parked(agent, sql)
    assert house.approve(ticket) == "failed"
    error = error_of(agent, sql)
    assert error.sqlstate == "23505"
    assert "customers_pkey" in error.diag.message_primary
    assert "(id)=(1)" in error.diag.message_detail


def test_a_decision_is_made_once(house, agent, look):
    sql = "UPDATE customers SET visits = visits + 1 WHERE id = 12"
    ticket = house.parked(agent, sql)
    house.approve(ticket)
    for command in (f"APPROVE {ticket}", f"REJECT {ticket} 'too late'"):
        with pytest.raises(psycopg.Error):
            house.ask_console(command)
    assert look("SELECT visits FROM customers WHERE id = 12") == 1


def test_executemany_is_one_ticket(house, agent, look):
    sql = "INSERT INTO customers (id, name) VALUES (%s, %s)"
    people = [(201, "Pia"), (202, "Quentin"), (203, "Rea")]

    def insert():
        with agent.cursor() as cursor:
            cursor.executemany(sql, people)
            return cursor.rowcount

    with pytest.raises(psycopg.Error) as caught:
        insert()
    assert caught.value.sqlstate == "SP001", caught.value
    ticket = detail_of(caught.value)["ticket"]
    assert house.approve(ticket) == "executed"
    assert look("SELECT string_agg(name, ' ' ORDER BY id) FROM customers WHERE id > 200") == "Pia Quentin Rea"
    assert insert() == 3
    assert look("SELECT count(*) FROM customers WHERE id > 200") == 3


def test_two_writes_in_one_string_are_one_ticket(house, agent, look):
    sql = "UPDATE customers SET visits = 5 WHERE id = 13; UPDATE orders SET status = 'held' WHERE id = 13"
    ticket = house.parked(agent, sql)
    assert house.approve(ticket) == "executed"
    cursor = agent.execute(sql)
    assert cursor.statusmessage == "UPDATE 1"
    assert cursor.nextset()
    assert cursor.statusmessage == "UPDATE 1"
    assert look("SELECT visits FROM customers WHERE id = 13") == 5


def test_in_a_transaction_block(house, look):
    sql = "UPDATE customers SET city = 'Thun' WHERE id = 14"
    with house.agent(autocommit=False) as agent:
        agent.execute("SELECT count(*) FROM customers")
        ticket = house.parked(agent, sql)
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            agent.execute("SELECT 1")
        agent.rollback()
        house.approve(ticket)
        notices = []
        agent.add_notice_handler(lambda notice: notices.append(notice.message_primary))
        agent.execute("SELECT count(*) FROM customers")
        assert agent.execute(sql).statusmessage == "UPDATE 1"
        assert any("ROLLBACK" in words for words in notices), notices
        agent.commit()
    assert look("SELECT city FROM customers WHERE id = 14") == "Thun"


def test_no_lock_is_held_while_a_person_thinks(house, agent, postgres, database):
    house.parked(agent, "UPDATE customers SET city = 'Olten' WHERE id = 15")
    with postgres.connect(database) as owner:
        owner.execute("SET lock_timeout = '2s'")
        owner.execute("ALTER TABLE customers ADD COLUMN nothing int")
        owner.execute("ALTER TABLE customers DROP COLUMN nothing")


def test_after_an_error_in_the_pipeline_no_ticket_is_opened(house):
    """The server would have skipped it, so there is nothing to ask a person."""
    before = {row["ticket"] for row in house.queue()}
    with Wire(house) as wire:
        with pytest.raises(ServerError) as caught:
            wire.ask(wire.parse("SELECT 1/0"), wire.bind(), wire.execute(),
                     wire.parse("UPDATE customers SET visits = 1 WHERE id = 16"), wire.bind(), wire.execute(), wire.sync())
        assert caught.value.sqlstate == "22012"
    assert {row["ticket"] for row in house.queue()} == before


def test_by_hand_with_flush_and_describe(house):
    sql = "UPDATE customers SET visits = visits + 1 WHERE id = $1 RETURNING id, visits"
    with Wire(house) as wire:
        def ask():
            wire.send(wire.parse(sql, "w"), wire.describe("S", "w"), wire.flush())
            described = wire.until("TnE")
            assert described[-1][0] == "T", described
            found = wire.ask(wire.bind(["17"], "w"), wire.execute(), wire.sync())
            wire.ask(wire.close("S", "w"), wire.sync())
            return [row_of(body) for kind, body in found if kind == "D"]

        with pytest.raises(ServerError) as caught:
            ask()
        assert caught.value.sqlstate == "SP001"
        wire.ask(wire.close("S", "w"), wire.sync())
        house.approve(json.loads(caught.value.fields["D"])["ticket"])
        assert ask() == [["17", "1"]]


@pytest.mark.parametrize("sql", [
    "SET sallyport.reason = 'fixing ticket 17'",
    "SELECT 1 /*traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/",
])
def test_the_agents_reason_is_taken(agent, sql):
    agent.execute(sql)


def test_the_reason_is_shown_to_the_approver_as_a_claim(house, agent):
    agent.execute("SET sallyport.reason = 'customer moved house'")
    ticket = house.parked(agent, "UPDATE customers SET city = 'Wil' WHERE id = 18")
    assert "customer moved house" in str(house.ask_console(f"SHOW TICKET {ticket}"))
    opened = house.wait_record(event="ticket", ticket=ticket)
    assert "customer moved house" in str(house.wait_record(event="statement", seq=opened["of"])["claim"])


def test_statements_that_can_not_wait_say_so(house, agent):
    for sql in ("UPDATE customers SET visits = 1 WHERE CURRENT OF c", "SELECT 1; UPDATE customers SET visits = 1 WHERE id = 1",
                "BEGIN; UPDATE customers SET visits = 1 WHERE id = 1; COMMIT"):
        error = error_of(agent, sql)
        assert error.sqlstate in ("42501", "SP001"), error
        assert error.sqlstate == "42501", f"{sql} was parked"
        assert detail_of(error)["reason"]
        agent.rollback()


def test_what_a_policy_allows_directly_runs_at_once(house, look):
    with house.agent("scribe") as scribe:
        assert scribe.execute("INSERT INTO agent_scratch.jottings VALUES (1, 'hello')").statusmessage == "INSERT 0 1"
        assert scribe.execute("UPDATE agent_scratch.jottings SET body = 'hi' WHERE id = 1").rowcount == 1
    assert look("SELECT body FROM agent_scratch.jottings") == "hi"


def test_two_agents_with_two_policies(house, agent):
    sql = "UPDATE customers SET visits = 3 WHERE id = 19"
    house.parked(agent, sql)
    with house.agent("reader") as reader:
        assert error_of(reader, sql).sqlstate == "42501"
