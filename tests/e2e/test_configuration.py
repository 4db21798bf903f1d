"""A wrong configuration is refused with the file, the line, the column and the key; never guessed."""
import json
import re
import stat

import pytest
from house import DEFAULT_POLICY, House, scram_verifier


@pytest.fixture
def house(postgres, redis, database):
    house = House(postgres, redis, database)
    yield house
    house.remove()


def complaint(house, role="proxy"):
    done = house.command(role, "--config", house.config_file, timeout=20)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stderr


def line_of(path, text):
    return 1 + path.read_text()[:path.read_text().index(text)].count("\n")


def wrong_config(house, change):
    change(house.config)
    house.write_files()
    return complaint(house)


@pytest.mark.parametrize("change, key", [
    (lambda c: c.update(listne=["127.0.0.1:1"]), "listne"),
    (lambda c: c["console"].update(ssh="127.0.0.1:22"), "ssh"),
    (lambda c: c.update(workers="many"), "workers"),
    (lambda c: c.update(listen=["127.0.0.1:99999"]), "99999"),
    (lambda c: c["agents"]["bot"].update(policy="nowhere"), "nowhere"),
    (lambda c: c["agents"]["bot"].update(databases=["elsewhere"]), "elsewhere"),
    (lambda c: c["agents"]["bot"].update(password="plain text"), "password"),
    (lambda c: c["agents"]["bot"].pop("password"), "bot"),
    (lambda c: c["databases"]["app"].update(read="host=127.0.0.1 nonsense=1"), "nonsense"),
    (lambda c: c["databases"]["app"].update(reed="x"), "reed"),
    (lambda c: c.update(redis={"url": "http://127.0.0.1"}), "url"),
    (lambda c: c["approvers"].update(bot={"password": scram_verifier("x")}), "bot"),
    (lambda c: c.update(tls={"certificate": "nothing.crt", "key": "nothing.key", "mode": "sometimes"}), "mode"),
    (lambda c: c["databases"]["app"].pop("direct"), "direct"),
    (lambda c: c.update(approval_key="short"), "approval_key"),
])
def test_a_wrong_key_is_named_with_its_place(house, change, key):
    role = "console" if key in ("approval_key",) else "proxy"
    change(house.config)
    house.write_files()
    words = complaint(house, role)
    assert key in words
    assert re.search(r"sallyport\.json:\d+:\d+", words) or key in ("nonsense",), words


def test_the_line_is_the_right_one(house):
    words = wrong_config(house, lambda config: config["agents"]["other"].update(polizy="default"))
    assert f"sallyport.json:{line_of(house.config_file, 'polizy')}:" in words


def test_broken_json(house):
    house.config_file.write_text('{\n  "listen": ["127.0.0.1:1"],,\n}')
    assert re.search(r"sallyport\.json:2:\d+", complaint(house))


def test_a_missing_file(house):
    house.config_file.unlink()
    assert str(house.config_file) in complaint(house)


def test_keys_given_twice(house):
    house.config_file.write_text(house.config_file.read_text().replace('"workers": 2', '"workers": 2,\n  "workers": 3', 1))
    assert "workers" in complaint(house)


@pytest.mark.parametrize("change, word", [
    (lambda p: p.update(rulez=[]), "rulez"),
    (lambda p: p["database"].update(allowed_operations=["SELEKT"]), "SELEKT"),
    (lambda p: p.update(mode="sleep"), "sleep"),
    (lambda p: p["rules"].append({"id": "x", "verdict": "maybe"}), "maybe"),
    (lambda p: p["rules"].append({"verdict": "deny"}), "id"),
    (lambda p: p["approval"].update(expires="soon"), "soon"),
])
def test_a_wrong_policy_is_named_with_its_place(house, change, word):
    policy = json.loads(json.dumps(DEFAULT_POLICY))
    change(policy)
    house.write_policy("default", policy)
    words = complaint(house)
    assert word in words and re.search(r"default\.json:\d+:\d+", words), words


def test_secrets_from_files_and_the_environment(house):
    (house.folder / "verifier").write_text(scram_verifier("agent-pw") + "\n")
    house.config["agents"]["bot"]["password"] = {"file": "verifier"}
    (house.folder / "read").write_text(house.config["databases"]["app"]["read"])
    house.config["databases"]["app"]["read"] = {"file": str(house.folder / "read")}
    house.write_files()
    house.start()
    with house.agent() as agent:
        assert agent.execute("SELECT 1").fetchone() == (1,)
    house.stop()
    house.config["agents"]["bot"]["password"] = {"env": "NO_SUCH_VARIABLE_HERE"}
    house.write_files()
    assert "NO_SUCH_VARIABLE_HERE" in complaint(house)


def test_a_missing_approval_key_is_made(house):
    del house.config["approval_key"]
    house.write_files()
    house.start()
    made = [path for path in house.folder.iterdir() if "key" in path.name]
    assert len(made) == 1 and stat.S_IMODE(made[0].stat().st_mode) == 0o600
    with house.agent() as agent:
        assert house.approve(house.parked(agent, "UPDATE customers SET visits = 1 WHERE id = 90")) == "executed"


def test_one_redis_login_for_all_is_said_at_start_up(house, redis):
    for role in ("proxy", "executor", "console"):
        house.config["redis"].pop(role)
    house.config["redis"]["url"] = f"redis://sp_proxy:{redis.password('proxy')}@127.0.0.1:{redis.port}/0"
    house.write_files()
    house.start(["proxy"])
    assert "share" in house.log_text().lower()


def test_passwd_makes_a_verifier_that_lets_in(house):
    done = house.command("passwd", "bot", stdin="s3cret – ü\n", check=True)
    verifier = done.stdout.strip()
    assert verifier.startswith("SCRAM-SHA-256$")
    assert verifier != house.command("passwd", "bot", stdin="s3cret – ü\n").stdout.strip()
    house.config["agents"]["bot"]["password"] = verifier
    house.write_files()
    house.start(["proxy"])
    with house.agent(password="s3cret – ü") as agent:
        assert agent.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.parametrize("command", ["run", "proxy", "executor", "console", "check", "audit", "queue", "passwd"])
def test_every_command_explains_itself(house, command):
    done = house.command(command, "--help")
    assert done.returncode == 0 and "Usage" in done.stdout and "sallyport " + command in done.stdout


def test_unknown_commands(house):
    for arguments in ([], ["dance"], ["proxy", "--dance"], ["check", "--dance"]):
        done = house.command(*arguments)
        assert done.returncode != 0 and done.stderr.strip()


def test_a_role_holds_only_its_own_secrets(house):
    """The executor's and console's secrets may be missing for the proxy, and the other way round."""
    missing = {"file": "/nowhere/secret"}
    house.config["databases"]["app"]["write"] = missing
    house.config["approval_key"] = missing
    house.config["approvers"]["alice"]["password"] = missing
    house.config["redis"]["executor"]["password"] = house.config["redis"]["console"]["password"] = missing
    house.write_files()
    house.start(["proxy"])
    with house.agent() as agent:
        assert agent.execute("SELECT 1").fetchone() == (1,)
    house.stop()
    assert "/nowhere/secret" in complaint(house, "executor")
