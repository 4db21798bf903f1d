"""What approvers are told: who has approved what, and how it goes on."""
import os
import re
import subprocess

import pytest
from house import APPROVER_PASSWORD, DEFAULT_POLICY, House, scram_verifier
from servers import wait_until

def psql(house, command):
    return subprocess.run(["psql", "-X", "-h", "127.0.0.1", "-p", str(house.console_port), "-U", "alice", "-d", "sallyport", "-c", command],
                          capture_output=True, text=True, timeout=30, env={**os.environ, "PGPASSWORD": APPROVER_PASSWORD})


TWO_POLICY = {**DEFAULT_POLICY, "name": "default", "approval": {"hold_seconds": 0, "approvals": 2}}


@pytest.fixture(scope="module")
def two(postgres, redis, database):
    """A house where two approvers must agree, and a policy file that no agent uses."""
    house = House(postgres, redis, database, policies=["default.json", "reader.json", "scratch.json", "idle.json"],
                  approvers={name: {"password": scram_verifier(APPROVER_PASSWORD)} for name in ("alice", "bob")})
    house.policies.update(default=TWO_POLICY, idle={"name": "idle", "database": {"allowed_operations": ["SELECT"]}})
    house.write_files()
    house.start()
    yield house
    house.remove()


def test_two_approvals_are_two_peoples(two):
    with two.agent() as agent:
        ticket = two.parked(agent, "UPDATE customers SET visits = 2 WHERE id = 22")
    first = two.queue_command("approve", ticket)
    assert first.returncode == 0 and first.stdout == f"{ticket} has 1 of 2 approvals; another approver has to approve it too\n"
    again = two.queue_command("approve", ticket)
    assert again.returncode == 2 and "already" in again.stderr
    row = next(row for row in two.queue() if row["ticket"] == ticket)
    assert row["state"] == "parked, 1 of 2"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", row["created"])
    assert {"item": "approvals", "value": "1 of 2 (alice)"} in two.ask_console(f"SHOW TICKET {ticket}")
    last = two.queue_command("approve", ticket, user="bob")
    assert last.stdout == f"{ticket} is approved and will run once; SHOW TICKET {ticket} says how it went\n", last.stderr
    wait_until(lambda: two.state(ticket) == "executed", "it has run", check=two.must_live)
    late = two.queue_command("approve", ticket)
    assert late.returncode == 2 and "it was executed" in late.stderr


def test_a_policy_that_nobody_uses_is_said(two):
    wait_until(lambda: two.log_contains('policy "idle"'), "the log says so", check=two.must_live)
    assert not two.log_contains('policy "reader"')


def test_a_reload_that_fails_says_why(two):
    two.write_policy("default", '{"name": "default", "database": {"allowed_operations": ["SELEKT"]}}')
    done = psql(two, "RELOAD")
    two.write_policy("default", TWO_POLICY)
    assert "SELEKT" in done.stderr and "stays as it was" in done.stderr


def test_psql_is_told_what_to_write(two):
    done = psql(two, "NONSENSE")
    for command in ("SHOW QUEUE", "SHOW TICKET t1", "APPROVE t1", "REJECT t1 'why'", "SHOW HELP lists"):
        assert command in done.stderr
