"""What the README shows is so: its configuration and policy load, its SQL gets the verdicts it says, its programs run."""
import json
import os
import re
import subprocess
import sys

import pytest
from house import House, detail_of, scram_verifier, sqlstate_of
from servers import REPOSITORY

README = (REPOSITORY / "README.md").read_text()


def blocks(language):
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.M | re.S)


def json_block(member):
    return next(json.loads(block) for block in blocks("json") if member in json.loads(block))


EXAMPLES = [re.fullmatch(r"(.*;)\s+-- (\w+)", line).groups() for line in blocks("sql")[0].splitlines()]


def test_the_two_commands_come_first():
    assert re.match(r"# sallyport\n\n```sh\n\./docker/quickstart\.sh .*\n\./tests/run\.sh ", README)


@pytest.fixture(scope="module")
def as_documented(postgres, redis, database, tmp_path_factory):
    """A house with the README's own configuration; only ports and secrets are this test's."""
    house = House(postgres, redis, database)
    config = json_block("agents")
    usual = house.config
    folder = house.folder
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-keyout", folder / "server.key", "-out", folder / "server.crt"], check=True, capture_output=True)
    for role in ("proxy", "executor", "console"):
        (folder / f"redis-{role}").write_text(redis.password(role) + "\n")
    (folder / "approval.key").write_text("0123456789abcdef0123456789abcdef\n")
    (folder / "support-bot.verifier").write_text(scram_verifier("agent-pw"))
    (folder / "alice.verifier").write_text(scram_verifier("approver-pw"))
    config["listen"], config["console"], config["redis"]["url"] = usual["listen"], usual["console"], usual["redis"]["url"]
    for name in ("read", "write"):
        passfile = folder / f"pgpass-{name}"
        passfile.write_text(f"127.0.0.1:{postgres.port}:*:*:{name}-pw\n")
        passfile.chmod(0o600)
        config["databases"]["app"][name] = (config["databases"]["app"][name].replace("dbname=app", f"port={postgres.port} dbname={database}")
                                            .replace(f"/etc/sallyport/pgpass-{name}", str(passfile)))
    house.config = config
    house.policies = {"policy": json_block("rules")}
    house.write_files()
    house.start()
    yield house
    house.remove()


def test_the_configuration_and_the_policy_load(as_documented):
    done = as_documented.command("check", "--agent", "support-bot", "DELETE FROM customers")
    assert done.returncode == 4, done.stderr
    with as_documented.agent("support-bot") as agent:
        assert agent.execute("SELECT 1").fetchone() == (1,)


def test_the_policy_for_direct_lets_that_write_through(house):
    policy = next(block for block in blocks("json") if '"name": "scratch"' in block)
    house.write_policy("scratch", policy)
    for sql, status in (("INSERT INTO agent_scratch.jottings VALUES (1)", 0), ("UPDATE orders SET total = 1", 3), ("DELETE FROM orders", 4)):
        assert house.command("check", "--agent", "scribe", sql).returncode == status, sql


@pytest.fixture(scope="module")
def changes():
    return {}


@pytest.fixture(scope="module")
def by_default(house):
    """The usual house, with the policy that comes with the program."""
    house.write_policy("default", (REPOSITORY / "rules/default.json").read_text())
    house.stop()
    house.start()
    return house


@pytest.mark.parametrize("sql, verdict", EXAMPLES)
def test_the_examples_get_the_verdicts_that_are_printed(by_default, sql, verdict):
    done = by_default.command("check", "--agent", "bot", sql)
    assert json.loads(done.stdout)["verdict"] == verdict, done.stdout


@pytest.mark.parametrize("sql, verdict", EXAMPLES)
def test_and_an_agent_sees_them(by_default, sql, verdict):
    with by_default.agent() as agent:
        try:
            if sql.startswith("COPY"):
                with agent.cursor().copy(sql) as copy:
                    seen = "allow" if list(copy) else "nothing"
            else:
                agent.execute(sql)
                seen = "allow"
        except Exception as error:  # noqa: BLE001 - whatever it is, it must be one of ours
            assert sqlstate_of(error) in ("42501", "SP001"), error
            seen = detail_of(error)["verdict"]
    assert seen == verdict


@pytest.mark.parametrize("text", blocks("python"), ids=lambda text: re.search(r"import (psycopg|asyncpg|sqlalchemy)", text)[1])
def test_the_python_examples_run(by_default, text):
    words = by_default.agent_words()
    url = f"postgresql://{words['user']}:{words['password']}@{words['host']}:{words['port']}/{words['dbname']}"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, timeout=60, env={**os.environ, "AGENT": url})
    assert done.returncode == 0 and done.stdout, done.stderr


def test_the_node_example_runs(by_default):
    words = by_default.agent_words()
    url = f"postgresql://{words['user']}:{words['password']}@{words['host']}:{words['port']}/{words['dbname']}"
    done = subprocess.run(["node", "-e", blocks("js")[0]], capture_output=True, text=True, timeout=60, env={**os.environ, "AGENT": url},
                          cwd=REPOSITORY / "tests/clients")
    assert done.returncode == 0 and "customer 1" in done.stdout, done.stderr


def test_every_file_that_is_named_is_there():
    for name in set(re.findall(r"`((?:src|docker|tests|rules|parser)/[\w./-]+)`", README)):
        assert (REPOSITORY / name).exists(), name


def test_every_command_that_is_named_is_there(house):
    known = house.command("help").stdout
    for name in set(re.findall(r"\bsallyport (run|proxy|executor|console|queue|check|audit|passwd|replay|doctor|setup-sql)\b", README)):
        assert re.search(rf"^ +{name} ", known, re.M), name
