"""The record: complete, chained, verified offline, exported; and any change to it is found."""
import csv
import io
import json
import shutil

import psycopg
import pytest
from servers import wait_until


@pytest.fixture(scope="module")
def story(house):
    """An agent's day: a read, a refusal, a parked write, its approval, its result. Returns the ticket."""
    with house.agent(application_name="my tool") as agent:
        agent.execute("SET sallyport.reason = 'the customer asked'")
        agent.execute("SELECT name FROM customers WHERE id = %s", [1])
        with pytest.raises(psycopg.Error):
            agent.execute("DROP TABLE customers")
        with pytest.raises(psycopg.Error):
            agent.execute("SELECT 1/0")
        sql = "UPDATE customers SET visits = 2 WHERE id = 1"
        ticket = house.parked(agent, sql)
        house.approve(ticket)
        agent.execute(sql)
        agent.execute("SELECT 'the end'")
    house.wait_record(event="statement", sql="SELECT 'the end'")
    return ticket


def test_a_statement_with_who_what_why_and_what_came_back(house, story):
    record = house.wait_record(event="statement", sql="SELECT name FROM customers WHERE id = $1")
    assert record["agent"] == "bot" and record["verdict"] == "allow"
    assert record["session"] and record["client"].startswith("127.0.0.1") and record["fingerprint"]
    assert record["operations"] == ["SELECT"] if "operations" in record else record["operation"] == "SELECT"
    assert any("customers" in relation for relation in record["relations"])
    result = wait_until(lambda: [r for r in house.records(event="result") if r.get("of") == record["seq"]], "its result is recorded")[0]
    assert result["tag"] == "SELECT 1" and result["rows"] == 1 and result["bytes"] > 0 and result["duration_us"] >= 0


def test_refusals_and_errors_are_recorded(house, story):
    refused = house.wait_record(event="statement", sql="DROP TABLE customers")
    assert refused["verdict"] == "deny" and refused["rule"] and refused["policy_hash" if "policy_hash" in refused else "policy"]
    failed = house.wait_record(event="statement", sql="SELECT 1/0")
    result = wait_until(lambda: [r for r in house.records(event="result") if r.get("of") == failed["seq"]], "its result is recorded")[0]
    assert result["sqlstate"] == "22012"


def test_the_way_of_a_ticket(house, story):
    opened = house.wait_record(event="ticket", ticket=story)
    assert house.wait_record(event="statement", seq=opened["of"])["verdict"] == "park"
    assert house.wait_record(event="decision", ticket=story)["approver"] == "alice"
    assert house.wait_record(event="execution", ticket=story)


def test_the_reason_is_recorded_as_a_claim(house, story):
    assert "the customer asked" in json.dumps(house.wait_record(event="statement", sql="SELECT name FROM customers WHERE id = $1"))


def test_verify(house, story):
    words = house.verify_audit()
    for chain in ("proxy", "executor", "console"):
        assert chain in words


def test_records_are_numbered_without_a_gap(house, story):
    for chain in ("proxy", "executor", "console"):
        numbers = [json.loads(line)["seq"] for path in house.audit_files() if chain in str(path) for line in path.read_text().splitlines()]
        assert numbers == list(range(1, len(numbers) + 1))


@pytest.mark.parametrize("change", ["edit", "delete", "swap", "insert", "cut the end of the chain's middle"])
def test_any_change_is_found(house, story, tmp_path, change):
    copy = tmp_path / "audit"
    shutil.copytree(house.folder / "audit", copy)
    path = max((path for path in copy.rglob("*.jsonl") if "proxy" in str(path)), key=lambda path: path.stat().st_size)
    lines = path.read_text().split("\n")
    if change == "edit":
        lines[1] = lines[1].replace("bot", "bat", 1) if "bot" in lines[1] else lines[1].replace("1", "2", 1)
    elif change == "delete":
        del lines[1]
    elif change == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    elif change == "insert":
        lines.insert(1, lines[1])
    else:
        lines[1] = lines[1][:-20]
    path.write_text("\n".join(lines))
    done = house.command("audit", "verify", copy)
    if "unknown" in done.stderr.lower() or "usage" in done.stderr.lower():
        done = house.command("audit", "verify", "--directory", copy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert path.name in done.stdout + done.stderr


def test_export_as_lines(house, story):
    done = house.command("audit", "export", "--format", "jsonl", "--agent", "bot", "--verdict", "deny")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert records and all(record["agent"] == "bot" and record["verdict"] == "deny" for record in records)


def test_export_joins_statement_and_result(house, story):
    done = house.command("audit", "export", "--format", "jsonl", "--verdict", "allow")
    record = next(json.loads(line) for line in done.stdout.splitlines() if "WHERE id = $1" in line)
    assert record["tag"] == "SELECT 1" and record["rows"] == 1


def test_export_by_ticket(house, story):
    done = house.command("audit", "export", "--format", "jsonl", "--ticket", story)
    events = [json.loads(line)["event"] for line in done.stdout.splitlines()]
    assert {"statement", "decision", "execution"} <= set(events)


def test_export_by_time(house, story):
    assert house.command("audit", "export", "--since", "2001-01-01T00:00:00Z", "--until", "2001-01-02T00:00:00Z").stdout.strip().count("\n") <= 0
    assert house.command("audit", "export", "--since", "2001-01-01T00:00:00Z").stdout.count("\n") > 5


def test_export_as_csv(house, story):
    done = house.command("audit", "export", "--format", "csv")
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    assert any(row["sql"] == "DROP TABLE customers" and row["verdict"] == "deny" for row in rows)


def test_a_cell_is_no_formula(house):
    with house.agent() as agent, pytest.raises(psycopg.Error):
        agent.execute("=cmd|' /C calc'!A0")
    house.wait_record(event="statement", sql="=cmd|' /C calc'!A0")
    rows = list(csv.DictReader(io.StringIO(house.command("audit", "export", "--format", "csv").stdout)))
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values() if cell and not cell.lstrip("-").isdigit())


def test_wrong_arguments(house):
    for arguments in (("audit",), ("audit", "dance"), ("audit", "export", "--format", "xml"), ("audit", "export", "--since", "yesterday-ish")):
        done = house.command(*arguments)
        assert done.returncode != 0 and done.stderr.strip(), arguments
