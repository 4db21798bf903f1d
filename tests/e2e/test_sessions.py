"""What a session must not be brought to by the order in which things are sent, or by what changes under it."""
import copy
import re
import socket
import threading

import psycopg
import pytest
from house import House, detail_of
from servers import wait_until
from wire import ServerError, Wire, fields_of

INSERT = "INSERT INTO customers (id, name, city) VALUES ($1, 'Batch', 'Bern')"
UPDATE = "UPDATE customers SET city = $1 WHERE id = 1"


def ticket_in(error):
    return re.search(r"ticket (t\d+)", str(error)).group(1)


def prepared(wire, **statements):
    for name, sql in statements.items():
        wire.ask(wire.parse(sql, name), wire.sync())


def parked(wire, *messages):
    with pytest.raises(ServerError) as caught:
        wire.ask(*messages)
    assert caught.value.fields["C"] == "SP001", caught.value.fields
    return ticket_in(caught.value.fields["M"])


def tags(found):
    return [body.rstrip(b"\0").decode() for kind, body in found if kind == "C"]


def test_a_ticket_names_all_that_its_batch_does(house, look):
    """Approvers and the record see every execution, not only the first."""
    with Wire(house) as wire:
        prepared(wire, i=INSERT, u=UPDATE)
        batch = [wire.bind(["9001"], "i", "p1"), wire.execute("p1"), wire.bind(["Everywhere"], "u", "p2"),
                 wire.execute("p2"), wire.sync()]
        ticket = parked(wire, *batch)
        row = next(row for row in house.queue() if row["ticket"] == ticket)
        assert "INSERT" in row["operations"] and "UPDATE" in row["operations"]
        wait_until(lambda: house.records(event="statement", parameters=["Everywhere"]), "the second run is on the record")
        assert house.records(event="statement", parameters=["9001"])
        house.approve(ticket)
        assert tags(wire.ask(*batch)) == ["INSERT 0 1", "UPDATE 1"]
    assert look("SELECT city FROM customers WHERE id = 1") == "Everywhere"


def test_a_portal_runs_once(house):
    with Wire(house) as wire:
        prepared(wire, i=INSERT)
        with pytest.raises(ServerError) as caught:
            wire.ask(wire.bind(["9002"], "i", "p"), wire.execute("p"), wire.execute("p"), wire.sync())
        assert "second Execute" in caught.value.fields["M"]


def test_pipelined_results_are_each_delivered_once(house, look):
    """The second result must not make the first one look undelivered: its next asker would be told of a
    write that never ran."""
    with Wire(house) as wire:
        prepared(wire, a="UPDATE customers SET visits = visits + 1 WHERE id = 60", b="UPDATE customers SET visits = visits + 1 WHERE id = 61")
        once = {name: [wire.bind([], name), wire.execute(), wire.sync()] for name in "ab"}
        for name in "ab":
            house.approve(parked(wire, *once[name]))
        wire.send(*once["a"], *once["b"])
        assert tags(wire.until_ready() + wire.until_ready()) == ["UPDATE 1", "UPDATE 1"]
        wire.rows("SELECT 1")
        parked(wire, *once["a"])
    assert look("SELECT visits FROM customers WHERE id = 60") == look("SELECT visits FROM customers WHERE id = 61")


def test_result_formats_are_counted(house):
    """The server can't count them against the inert text that it holds."""
    with Wire(house) as wire:
        wire.ask(wire.parse(UPDATE + " RETURNING id, name, city", "r"), wire.sync())
        with pytest.raises(ServerError) as caught:
            wire.ask(wire.bind(["x"], "r", "", [0, 1]), wire.describe("P"), wire.sync())
        assert caught.value.fields["C"] == "08P01"
        assert wire.rows("SELECT 1") == [["1"]]


def test_a_name_taken_by_sql_on_its_way_is_recorded_as_what_it_is(house):
    with Wire(house) as wire:
        prepared(wire, s9="SELECT 1")
        wire.send(wire.query("DEALLOCATE s9; PREPARE s9 AS SELECT 4711"), wire.bind([], "s9"), wire.execute(), wire.sync())
        found = wire.until_ready() + wire.until_ready()
        assert [kind for kind, _ in found if kind == "D"] == ["D"]
    named = lambda: {record["seq"] for record in house.records(event="statement") if "4711" in record.get("sql", "")}
    wait_until(lambda: [r for r in house.records(event="result", rows=1) if r["of"] in named()], "the row is filed under what gave it")


def test_claims_end_with_the_session_state_that_held_them(house, agent):
    agent.execute("SET sallyport.reason = 'first task'")
    agent.execute("SELECT 'with a reason'")
    agent.execute("DISCARD ALL")
    agent.execute("SELECT 'without a reason'")
    assert house.wait_record(event="statement", sql="SELECT 'with a reason'")["claim"]["reason"] == "first task"
    assert "reason" not in house.wait_record(event="statement", sql="SELECT 'without a reason'").get("claim", {})


def test_strangers_may_send_little(house):
    with Wire(house, login=False) as wire:
        wire.send(wire.startup(user="bot", database="app"))
        kind, _ = wire.receive()
        assert kind == "R"
        wire.send(b"B" + (16 * 1024 * 1024).to_bytes(4, "big"))
        kind, body = wire.receive()
        assert kind == "E" and fields_of(body)["C"] in ("08P01", "54000")
        assert wire.is_closed()


def test_memory_of_sql_prepare_is_counted(house, agent):
    big = "x" * 900_000
    with pytest.raises(psycopg.Error) as caught:
        for i in range(120):
            agent.execute(f"PREPARE many{i} AS SELECT '{big}'")
    assert detail_of(caught.value)["rule"] == "session-memory"
    agent.execute("DEALLOCATE ALL")
    assert agent.execute("SELECT 1").fetchone() == (1,)


@pytest.fixture
def silent():
    """A database host that accepts and never says a word."""
    listener = socket.create_server(("127.0.0.1", 0))
    yield listener.getsockname()[1]
    listener.close()


def test_a_database_that_never_answers_hurts_nobody_else(postgres, redis, database, silent):
    house = House(postgres, redis, database, limits={"login_seconds": 2})
    house.config["databases"]["mute"] = {"read": f"host=127.0.0.1 port={silent} dbname=x user=x connect_timeout=4",
                                         "write": "host=127.0.0.1 dbname=x user=x", "direct": "host=127.0.0.1 dbname=x user=x"}
    house.config["agents"]["bot"]["databases"] = ["app", "mute"]
    house.write_files()
    house.start()
    try:
        wire = Wire(house, login=False)
        wire.send(wire.startup(user="bot", database="mute"))
        thread = threading.Thread(target=lambda: pytest.raises(Exception, wire.log_in, "agent-pw"))
        thread.start()
        wait_until(lambda: house.records(event="login", ok=True), "it is logged in and waits")
        wire.socket.shutdown(socket.SHUT_RDWR)  # gone long before its time is over
        thread.join(20)
        with house.agent() as agent:
            assert agent.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError) as caught:
            house.agent(dbname="mute")
        assert "took too long" in str(caught.value) or "can't be reached" in str(caught.value)
        with house.agent() as agent:
            assert agent.execute("SELECT 1").fetchone() == (1,)
    finally:
        house.remove()


def test_a_reload_reaches_what_was_named_before_it(postgres, redis, database):
    house = House(postgres, redis, database).start()
    try:
        with house.agent(autocommit=False) as agent:
            agent.execute("PREPARE sp AS SELECT name FROM customers WHERE id = 1")
            agent.execute("DECLARE c CURSOR FOR SELECT name FROM customers ORDER BY id")
            assert agent.execute("EXECUTE sp").fetchall() and agent.execute("FETCH 1 FROM c").fetchall()
            policy = copy.deepcopy(house.policies["default"])
            policy["rules"] = [{"id": "closed", "relations": ["customers", "public.customers"], "verdict": "deny", "reason": "closed"}]
            house.write_policy("default", policy)
            house.hang_up()
            wait_until(lambda: house.records(event="reload"), "the policy is in force")
            for sql in ("EXECUTE sp", "FETCH 1 FROM c", "SELECT name FROM customers"):
                agent.execute("SAVEPOINT s")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    agent.execute(sql)
                agent.execute("ROLLBACK TO SAVEPOINT s")
    finally:
        house.remove()


def test_a_reload_during_a_login_is_not_missed(postgres, redis, database):
    house = House(postgres, redis, database).start()
    try:
        wire = Wire(house, login=False)
        wire.send(wire.request(80877104))  # GSSENCRequest: the socket is accepted, the name not yet said
        assert wire.take(1) == b"N"
        del house.config["agents"]["bot"]
        house.write_files()
        house.hang_up()
        wait_until(lambda: house.records(event="reload"), "the agent is gone from the configuration")
        wire.send(wire.startup(user="bot", database="app"))
        with pytest.raises(ServerError) as caught:
            wire.log_in("agent-pw")
        assert caught.value.fields["C"] == "28P01"
    finally:
        house.remove()


def test_nobody_logs_in_before_it_is_known_who_is_paused(postgres, redis, database):
    """The kill switch lives in Redis: a proxy that starts without it must not forget that somebody is paused."""
    house = House(postgres, redis, database, roles=["proxy"]).start()
    try:
        redis.stop()
        house.stop()
        house.start()
        with pytest.raises(psycopg.OperationalError) as caught:
            house.agent()
        assert "paused" in str(caught.value)
        redis.start()
        wait_until(lambda: logs_in(house), "it is known, and agents are welcome", check=house.must_live)
    finally:
        if redis.process.poll() is not None:
            redis.start()
        house.remove()


def logs_in(house):
    try:
        house.agent().close()
    except psycopg.OperationalError:
        return False
    return True


def deny_payroll(house):
    policy = copy.deepcopy(house.policies["default"])
    policy["rules"] = [{"id": "closed", "relations": ["hr.*", "notes", "public.notes"], "verdict": "deny", "reason": "closed"}]
    house.write_policy("default", policy)
    before = len(house.records(event="reload"))
    house.hang_up()
    wait_until(lambda: len(house.records(event="reload")) > before, "the policy is in force", check=house.must_live)


def test_a_text_that_names_itself_is_judged_again_once(postgres, redis, database):
    """EXECUTE and FETCH lead to what named them; a string that does both leads back to itself."""
    house = House(postgres, redis, database).start()
    try:
        with Wire(house) as wire, Wire(house, agent="other") as other:
            wire.ask(wire.query("PREPARE x AS SELECT 1; EXECUTE x"))
            wire.ask(wire.query("BEGIN; DECLARE c CURSOR FOR SELECT 1; FETCH c"))
            house.hang_up()
            wait_until(lambda: house.records(event="reload"), "it is judged anew", check=house.must_live)
            assert wire.rows("EXECUTE x") == [["1"]]
            wire.ask(wire.query("FETCH c"))
            assert other.rows("SELECT 1") == [["1"]]
    finally:
        house.remove()


def test_running_what_sql_named_does_not_name_it_again(postgres, redis, database):
    """Executing a prepared statement by the protocol must not repeat what its PREPARE did to names."""
    house = House(postgres, redis, database).start()
    try:
        with Wire(house) as wire:
            wire.ask(wire.query("PREPARE s1 AS SELECT 1"))
            wire.ask(wire.query("BEGIN"))
            wire.ask(wire.bind([], "s1", "k"), wire.sync())
            wire.ask(wire.query("DEALLOCATE s1"))
            wire.ask(wire.parse("SELECT salary FROM hr.payroll", "s1"), wire.sync())
            wire.ask(wire.execute("k"), wire.sync())
            deny_payroll(house)
            with pytest.raises(ServerError) as caught:
                wire.ask(wire.bind([], "s1", "zz"), wire.execute("zz"), wire.sync())
            assert caught.value.fields["C"] == "42501"
    finally:
        house.remove()


def test_a_batch_is_judged_by_the_rules_of_now(postgres, redis, database):
    house = House(postgres, redis, database).start()
    try:
        with Wire(house) as wire:
            prepared(wire, a="UPDATE customers SET visits = 1 WHERE id = 1", b="INSERT INTO notes (body) VALUES ('x')")
            wire.ask(wire.query("BEGIN"))
            wire.ask(wire.bind([], "a", "p1"), wire.bind([], "b", "p2"), wire.sync())
            deny_payroll(house)
            with pytest.raises(ServerError) as caught:
                wire.ask(wire.execute("p1"), wire.execute("p2"), wire.sync())
            assert caught.value.fields["C"] == "42501"
    finally:
        house.remove()


def test_a_portal_gets_the_rows_of_its_own_ticket(house):
    """Fetched in pieces, with another delivery in between: rows of the second are not the first one's."""
    with Wire(house) as wire:
        prepared(wire, a="UPDATE customers SET visits = 70 WHERE id IN (70, 71, 72) RETURNING id",
                 b="INSERT INTO customers (id, name) VALUES (9070, 'a'), (9071, 'b') RETURNING id, name")
        for name in "ab":
            house.approve(parked(wire, wire.bind([], name), wire.execute(), wire.sync()))
        wire.send(wire.bind([], "a", "p1"), wire.execute("p1", 1), wire.flush(),
                  wire.bind([], "b", "p2"), wire.execute("p2", 1), wire.flush(), wire.execute("p1"), wire.sync())
        found = wire.until_ready()
        assert [fields_of(body)["C"] for kind, body in found if kind == "E"] == ["34000"]
        assert len([kind for kind, _ in found if kind == "D"]) == 2


def test_the_same_write_twice_in_a_pipeline_is_two_requests(house, look):
    before = look("SELECT visits FROM customers WHERE id = 80")
    with Wire(house) as wire:
        prepared(wire, a="UPDATE customers SET visits = visits + 1 WHERE id = 80")
        once = [wire.bind([], "a"), wire.execute(), wire.sync()]
        house.approve(parked(wire, *once))
        wire.send(*once, *once)
        assert tags(wire.until_ready()) == ["UPDATE 1"]
        second = wire.until_ready()
        assert [fields_of(body)["C"] for kind, body in second if kind == "E"] == ["SP001"]
    assert look("SELECT visits FROM customers WHERE id = 80") == before + 1


def test_columns_of_parked_statements_are_counted(house):
    """A short text can have as many columns as a row may; what is kept of them is the session's to pay."""
    wide = "UPDATE customers SET visits = 1 WHERE id = 1 RETURNING " + ", ".join(["*"] * 300)
    with Wire(house) as wire:
        for i in range(1500):
            try:
                wire.ask(wire.parse(wide, f"s{i}"), wire.sync())
            except ServerError as error:
                assert "keeps too many" in error.fields["M"]
                break
        else:
            raise AssertionError("1,500 wide statements were kept")
        assert wire.rows("SELECT 1") == [["1"]]
