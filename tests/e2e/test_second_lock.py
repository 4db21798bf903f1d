"""The corpus, live: what the agent sends must have no effect, even where the reading credential could do anything.

The upstream role is a superuser here, so nothing but sallyport and the session's read-only pin stands in the
way. Every transaction that writes takes a transaction id, even one that is rolled back, so the next id is a
trip-wire; the scratch folder, the settings file, locks and slots are looked at as well.
"""
import shutil

import psycopg
import pytest
from corpus import CORPUS, chosen, read_steps, say, text_of
from house import House
from servers import wait_until
from wire import Closed, ServerError, Wire, fields_of

ATTACKS = chosen(lambda case: case["expect"] != "allow" and case["severity"] == "must" and "allow" not in case["also_ok"])
QUIET = chosen(lambda case: case["severity"] == "no_effect")
HONEST = chosen(lambda case: case["expect"] == "allow" and case["severity"] == "must" and not case.get("ver") and "sql" in case
                and not case.get("gen"))


@pytest.fixture(scope="module")
def scratch(postgres):
    folder = postgres.folder / "scratch"
    folder.mkdir()
    shutil.chown(folder, postgres.user or None) if postgres.user else None
    return folder


@pytest.fixture(scope="module")
def fill(postgres, scratch):
    """fill(text): with @DIR@ and @PORT@ of this server."""
    return lambda text: text.replace("@DIR@", str(scratch)).replace("@PORT@", str(postgres.port))


@pytest.fixture(scope="module")
def database(postgres, fill):
    postgres.run("CREATE DATABASE corpus", "postgres")
    postgres.run("CREATE ROLE agent_ro; CREATE ROLE postgres SUPERUSER LOGIN")
    postgres.run(fill((CORPUS / "setup.sql").read_text()), "corpus")
    postgres.run("GRANT SELECT ON ALL TABLES IN SCHEMA public TO app_read; GRANT USAGE ON SCHEMA public TO app_read", "corpus")
    # a foreign table that runs a program is a program: no role that reads may have it
    postgres.run("REVOKE SELECT ON ft_prog FROM app_read", "corpus")
    yield "corpus"
    postgres.drop_database("corpus")
    postgres.run("DROP ROLE agent_ro, postgres")


@pytest.fixture(scope="module")
def bold(postgres, redis, database):
    """A house whose reading credential is a superuser's."""
    house = House(postgres, redis, database)
    house.config["databases"]["app"]["read"] = postgres.dsn("boss", database)
    house.write_files()
    house.start()
    yield house
    house.remove()


class TripWire:
    def __init__(self, postgres, database, scratch):
        self.connection = postgres.connect(database)
        self.settings = postgres.data / "postgresql.auto.conf"
        self.scratch = scratch
        self.files = None

    def is_quiet(self):
        """No session of sallyport's is still at work on what was sent."""
        return self.connection.execute("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'sallyport/%' "
                                       "AND state = 'active'").fetchone() == (0,)

    def state(self):
        next_id, prepared, slots, locks = self.connection.execute(
            "SELECT pg_snapshot_xmax(pg_current_snapshot())::text, "
            "(SELECT count(*) FROM pg_prepared_xacts), (SELECT count(*) FROM pg_replication_slots), "
            "(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')").fetchone()
        return next_id, prepared, slots, locks, self.settings.read_bytes(), sorted(path.name for path in self.scratch.iterdir())


@pytest.fixture(scope="module")
def trip(postgres, database, scratch):
    wire = TripWire(postgres, database, scratch)
    yield wire
    wire.connection.close()


def send(house, case, fill, oid_of):
    """Plays a case as an agent; whatever comes back, comes back. Returns the SQLSTATEs of errors."""
    errors = []
    try:
        with Wire(house, **{key: fill(value) for key, value in (case.get("startup") or {}).items()}) as wire:
            for before in case.get("session") or []:
                ask(wire, errors, wire.query(fill(before)))
            text = text_of(case)
            if text is not None:
                ask(wire, errors, wire.query(fill(text.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")), case.get("copydata"))
            for step in read_steps(case) or []:
                wire.send(say(wire, step, oid_of))
                if step["sync"] == "Sync" or step["query"]:
                    ask(wire, errors)
            for after in case.get("after") or []:
                ask(wire, errors, wire.query(fill(after)))
    except (Closed, ConnectionError):
        errors.append("closed")
    except ServerError as error:
        errors.append(error.sqlstate)
    return errors


def ask(wire, errors, message=b"", copydata=None):
    wire.send(message)
    while True:
        kind, body = wire.receive()
        if kind == "E":
            errors.append(fields_of(body)["C"])
        elif kind == "G":
            data = (copydata or "").encode()
            wire.send(b"d" + (len(data) + 4).to_bytes(4, "big") + data, b"c\0\0\0\x04")
        elif kind == "Z":
            return


@pytest.fixture(scope="module")
def oid_of(postgres, database):
    return lambda name: int(postgres.run(f"SELECT '{name}'::regtype::oid", database)[0][0])


def owner_runs(postgres, database, fill, sql):
    with postgres.connect(database) as owner:
        for part in sql if isinstance(sql, list) else [sql]:
            owner.execute(fill(part))


def has_no_effect(house, case, postgres, database, fill, trip, oid_of):
    if case.get("setup"):
        try:
            owner_runs(postgres, database, fill, case["setup"])
        except psycopg.Error as error:
            pytest.skip(f"its setup does not run here: {error}")
    for name, content in (case.get("files") or {}).items():
        path = trip.scratch / fill(name).rsplit("/", 1)[-1]
        path.write_text(content)
        path.chmod(0o644)
    before = trip.state()
    errors = send(house, case, fill, oid_of)
    wait_until(trip.is_quiet, "its server session is quiet")
    assert trip.state() == before, f"{case['id']} had an effect: {case.get('sql') or case['steps']} gave {errors}"
    if case.get("cleanup"):
        owner_runs(postgres, database, fill, case["cleanup"])
    return errors


@pytest.mark.parametrize("case", ATTACKS, ids=lambda case: case["id"])
def test_an_attack_with_a_superusers_credential(bold, case, postgres, database, fill, trip, oid_of):
    errors = has_no_effect(bold, case, postgres, database, fill, trip, oid_of)
    assert errors, f"{case['id']} was let through: {case.get('sql') or case['steps']}"


@pytest.mark.parametrize("case", QUIET, ids=lambda case: case["id"])
def test_what_the_text_can_not_show_has_no_effect_either(house, case, postgres, database, fill, trip, oid_of):
    has_no_effect(house, case, postgres, database, fill, trip, oid_of)


@pytest.mark.parametrize("case", HONEST, ids=lambda case: case["id"])
def test_an_honest_read_gives_what_the_server_gives(bold, case, postgres, database, fill):
    if case.get("startup") or case.get("setup"):
        pytest.skip("needs a scene")

    def outcome(connection):
        found = []
        for sql in [*(case.get("session") or []), case["sql"], *(case.get("after") or [])]:
            try:
                cursor = connection.execute(fill(sql).encode())
                while True:
                    found.append((cursor.statusmessage, cursor.rowcount))
                    if not cursor.nextset():
                        break
            except psycopg.Error as error:
                found.append(error.sqlstate)
        return found

    direct_dsn = postgres.dsn("boss", database)
    with psycopg.connect(direct_dsn, autocommit=True, options="-c default_transaction_read_only=on -c search_path=public") as direct:
        expected = outcome(direct)
    with bold.agent() as agent:
        assert outcome(agent) == expected, case["sql"]
