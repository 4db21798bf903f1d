"""The console in psql's protocol, the queue command on top of it, and the kill switch."""
import json
import os
import re
import socket
import subprocess
import time

import psycopg
import pytest
from house import AGENT_PASSWORD, APPROVER_PASSWORD, DEFAULT_POLICY, detail_of
from servers import wait_until


def psql(house, command, user="alice", password=APPROVER_PASSWORD):
    return subprocess.run(["psql", "-X", "-h", "127.0.0.1", "-p", str(house.console_port), "-U", user, "-d", "sallyport", "-c", command],
                          capture_output=True, text=True, timeout=30, env={**os.environ, "PGPASSWORD": password, "PGOPTIONS": ""})


@pytest.fixture
def ticket(house, agent, request):
    return house.parked(agent, f"UPDATE customers SET name = '{request.node.name}' WHERE id = 1")


def test_the_queue_in_psql(house, ticket, request):
    done = psql(house, "show queue")
    assert done.returncode == 0, done.stderr
    row = next(line for line in done.stdout.splitlines() if line.split("|")[0].strip() == ticket)
    assert "bot" in row and "UPDATE" in row and request.node.name in row


def test_keywords_in_any_case_with_or_without_semicolon(house, ticket):
    assert house.ask_console("SHOW QUEUE")
    for command in ("show queue;", "Show  Queue ;", "SHOW\nQUEUE"):
        assert ticket in str(house.ask_console(command))


def test_show_ticket_shows_exactly_what_will_run(house, agent):
    sql = "UPDATE customers SET name = %s, city = 'A\u202eB' WHERE id = %s"
    ticket = house.parked(agent, sql, ["Eve\nnever", 2])
    words = str(house.ask_console(f"SHOW TICKET {ticket}"))
    assert "Eve" in words and "parked" in words and "bot" in words
    assert "\u202e" not in psql(house, f"SHOW TICKET {ticket}").stdout


def test_approve_in_psql(house, ticket, look, request):
    done = psql(house, f"approve {ticket}")
    assert done.returncode == 0, done.stderr
    wait_until(lambda: look("SELECT name FROM customers WHERE id = 1") == request.node.name, "it has run")
    record = house.wait_record(event="decision", ticket=ticket)
    assert record["approver"] == "alice"


def test_reject_in_psql(house, ticket, agent, request):
    done = psql(house, f"REJECT {ticket} 'no; it''s wrong'")
    assert done.returncode == 0, done.stderr
    with pytest.raises(psycopg.Error) as caught:
        agent.execute(f"UPDATE customers SET name = '{request.node.name}' WHERE id = 1")
    assert "no; it's wrong" in f"{caught.value} {caught.value.diag.message_detail}"


@pytest.mark.parametrize("command, word", [("APPROVE", "APPROVE"), ("APPROVE t999999", "t999999"), ("REJECT t1", "why"), ("DROP TABLE x", ""),
                                           ("SHOW TICKET x", "x"), ("APPROVE t1; APPROVE t2", ""), ("PAUSE nobody-at-all", "nobody-at-all")])
def test_wrong_commands_say_what_is_wrong(house, command, word):
    done = psql(house, command)
    assert done.returncode == 1
    assert "ERROR" in done.stderr and word in done.stderr


def test_help_lists_every_command(house):
    words = str(house.ask_console("HELP"))
    for command in ("SHOW QUEUE", "SHOW TICKET", "APPROVE", "REJECT", "SHOW SESSIONS", "PAUSE", "RESUME", "RELOAD"):
        assert command in words


def test_only_approvers_come_in(house):
    for user, password in (("alice", "wrong"), ("bot", AGENT_PASSWORD), ("nobody", "x")):
        assert psql(house, "SHOW QUEUE", user, password).returncode == 2
    with pytest.raises(psycopg.OperationalError):
        house.agent("alice", password=APPROVER_PASSWORD)


def test_sessions(house, agent):
    agent.execute("SET application_name = 'my tool'")
    wait_until(lambda: "bot" in str(house.ask_console("SHOW SESSIONS")), "the session is shown")


def test_pause_and_resume(house):
    with house.agent("other") as other, house.agent() as bot:
        other.execute("SELECT 1")
        house.ask_console("PAUSE other")

        def is_refused():
            try:
                other.execute("SELECT 1")
                return None
            except psycopg.Error as error:
                return error

        error = wait_until(is_refused, "the agent is paused")
        assert "paused" in str(error)
        assert bot.execute("SELECT 1").fetchone() == (1,)
        assert "other" in str(house.ask_console("SHOW PAUSED"))
        house.ask_console("RESUME other")

    def works():
        try:
            with house.agent("other") as again:
                return again.execute("SELECT 1").fetchone() == (1,)
        except psycopg.Error:
            return False

    wait_until(works, "the agent may go on")


def reloads(house, role):
    lines = [line for path in house.audit_files() if path.parent.name == role for line in path.read_text().splitlines()]
    return [record for record in map(json.loads, lines) if record["event"] == "reload"]


def test_reload(house, agent):
    policy = json.loads(json.dumps(DEFAULT_POLICY))
    policy["rules"].append({"id": "no-orders", "relations": ["public.orders"], "verdict": "deny", "reason": "orders are frozen"})
    agent.execute("SELECT count(*) FROM orders")
    house.write_policy("default", policy)
    house.ask_console("RELOAD")

    def is_refused():
        try:
            agent.execute("SELECT count(*) FROM orders")
            return None
        except psycopg.errors.InsufficientPrivilege as error:
            return error

    assert detail_of(wait_until(is_refused, "the new policy is in force"))["rule"] == "no-orders"

    house.write_policy("default", '{"name": "default", "database": {"allowed_operations": ["SELEKT"]}}')
    house.ask_console("RELOAD")
    wait_until(lambda: house.log_contains("SELEKT"), "the log says what is wrong", check=house.must_live)
    for role in ("proxy", "console"):
        done, refused = wait_until(lambda: (found := reloads(house, role)) and len(found) > 1 and found, "one record per reload")
        assert done["ok"] is True and "why" not in done
        assert refused["ok"] is False and "SELEKT" in refused["why"]
    assert is_refused(), "the old policy is kept"
    assert agent.execute("SELECT 1").fetchone() == (1,)
    house.write_policy("default", DEFAULT_POLICY)
    house.hang_up()
    wait_until(lambda: not is_refused(), "SIGHUP reads it again", check=house.must_live)


def test_the_queue_command(house, ticket, look, request):
    listed = house.queue_command("list")
    assert listed.returncode == 0, listed.stderr
    assert re.search(rf"\b{ticket}\b", listed.stdout)
    shown = house.queue_command("show", ticket)
    assert shown.returncode == 0 and request.node.name in shown.stdout, shown.stderr
    approved = house.queue_command("approve", ticket)
    assert approved.returncode == 0, approved.stderr
    wait_until(lambda: look("SELECT name FROM customers WHERE id = 1") == request.node.name, "it has run")
    assert house.queue_command("approve", ticket).returncode != 0


def test_the_queue_command_rejects(house, ticket):
    done = house.queue_command("reject", ticket, "it's too early")
    assert done.returncode == 0, done.stderr
    assert house.state(ticket) == "rejected"


def test_the_queue_command_fails_clearly(house):
    for arguments, more in ((("show", "t999999"), {}), (("list",), {"password": "wrong"}), (("approve",), {}), (("dance",), {})):
        done = house.queue_command(*arguments, **more)
        assert done.returncode != 0
        assert done.stderr.strip()
        assert "Traceback" not in done.stderr


def test_the_queue_command_as_json(house, ticket):
    done = house.queue_command("list", "--json")
    assert done.returncode == 0, done.stderr
    assert ticket in done.stdout
    try:
        json.loads(done.stdout)
    except json.JSONDecodeError:
        for line in done.stdout.splitlines():
            json.loads(line)


@pytest.fixture
def crowd(redis):
    """More tickets than SHOW QUEUE shows."""
    def run(script):
        subprocess.run(["redis-cli", "-p", str(redis.port), "--no-auth-warning", "--user", "sp_proxy", "--pass", redis.password("proxy"),
                        "-e", "EVAL", "for i = 900000001, 900001005 do local key = 'ticket:{sallyport}:' .. i " + script + " end", "0"],
                       check=True, capture_output=True, timeout=30)
    run("redis.call('HSET', key, 'agent', 'bot', 'created', '1', 'expires', '9000000000000000', 'approvals', '1') "
        "redis.call('ZADD', 'ticket:{sallyport}:all', i, i)")
    yield
    run("redis.call('DEL', key) redis.call('ZREM', 'ticket:{sallyport}:all', i)")


def test_a_queue_that_is_cut_says_so(house, ticket, crowd):
    more = int(re.search(r"NOTICE:  and (\d+) more", psql(house, "SHOW QUEUE").stderr)[1])
    assert more >= 6, "five of the crowd, and the ticket"
    done = house.queue_command("list", "--json")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 1001 and f"and {more} more" in lines[-1]["notice"]
    done = house.queue_command("list")
    assert done.returncode == 0 and f"and {more} more" in done.stderr


def silent(house, address):
    """A connection to the console that says nothing."""
    return socket.create_connection(("127.0.0.1", house.console_port), timeout=20, source_address=(address, 0))


def is_open(connection):
    connection.setblocking(False)
    try:
        return connection.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def close_all(connections):
    for connection in connections:
        connection.close()


def test_silent_connections_lock_nobody_out(house):
    everybody = [silent(house, f"127.0.1.{i}") for i in range(1, 41)]
    try:
        assert house.ask_console("SHOW VERSION")
        assert not any(map(is_open, everybody[:9])), "the oldest made room"
        assert all(map(is_open, everybody[9:]))
    finally:
        close_all(everybody)


def test_one_address_has_few_connections_before_login(house):
    mine = [silent(house, "127.0.2.1") for _ in range(9)]
    other = silent(house, "127.0.2.2")
    try:
        wait_until(lambda: not is_open(mine[0]), "the oldest has made room")
        assert all(map(is_open, mine[1:])) and is_open(other)
    finally:
        close_all([*mine, other])


def test_a_silent_connection_is_told_soon(house):
    start = time.monotonic()
    with silent(house, "127.0.3.1") as connection:
        assert b"took too long" in connection.recv(1000)
    assert time.monotonic() - start < 15
