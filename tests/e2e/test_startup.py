"""Logging in: SCRAM, TLS, start-up parameters, and what is not a start-up at all."""
import subprocess

import psycopg
import pytest
from servers import accepts
from wire import GSSENC_REQUEST, SSL_REQUEST, ServerError, Wire, fields_of


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                    "-keyout", folder / "server.key", "-out", folder / "server.crt"], check=True, capture_output=True)
    return folder


@pytest.fixture(scope="module")
def changes(certificate):
    return {"tls": {"certificate": str(certificate / "server.crt"), "key": str(certificate / "server.key"), "mode": "prefer"}}


def failure(house, agent="bot", **more):
    with pytest.raises(psycopg.OperationalError) as caught:
        house.agent(agent, **more)
    return str(caught.value)


def test_tls_with_a_verified_certificate(house, certificate):
    with house.agent(sslmode="verify-full", sslrootcert=str(certificate / "server.crt")) as agent:
        assert agent.pgconn.ssl_in_use
        assert agent.execute("SELECT 1").fetchone() == (1,)
        rows = agent.execute("SELECT repeat('x', 1000) FROM generate_series(1, 5000)").fetchall()
        assert len(rows) == 5000


def test_without_tls_where_it_is_preferred(house):
    with house.agent(sslmode="disable") as agent:
        assert not agent.pgconn.ssl_in_use


def test_bytes_before_the_handshake_are_not_taken_for_encrypted_ones(house):
    """CVE-2021-23214: what came in the same segment as the SSLRequest must not count afterwards."""
    with Wire(house, login=False) as wire:
        wire.send(wire.request(SSL_REQUEST) + wire.startup(user="bot", database="app"))
        assert wire.take(1) in (b"S", b"E")
        assert wire.is_closed()


def test_channel_binding_or_a_clear_no(house):
    """SCRAM-SHA-256-PLUS where it is offered; else libpq's own words, and no login."""
    try:
        with house.agent(sslmode="require", channel_binding="require") as agent:
            assert agent.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError as error:
        assert "channel binding" in str(error)


def test_a_wrong_password_and_an_unknown_agent_get_the_same_words(house):
    wrong = failure(house, password="not this")
    unknown = failure(house, agent="nobody", password="not this")
    assert wrong.replace('"bot"', "X") == unknown.replace('"nobody"', "X")
    assert "bot" in wrong or "password" in wrong


def test_an_unknown_agent_is_asked_in_the_same_way(house):
    """Down to the salt, which stays the same for a name from one attempt to the next."""
    def challenge(name):
        with Wire(house, login=False) as wire:
            wire.send(wire.startup(user=name, database="app"))
            offered = wire.receive()
            data = b"n,,n=,r=abcdefgh"
            wire.send(b"p" + (4 + 14 + 4 + len(data)).to_bytes(4, "big") + b"SCRAM-SHA-256\0" + len(data).to_bytes(4, "big") + data)
            kind, body = wire.receive()
            assert kind == "R", fields_of(body)
            return offered, dict(part.split("=", 1) for part in body[4:].decode().split(","))

    known, unknown, again = challenge("bot"), challenge("nobody"), challenge("nobody")
    assert known[0] == unknown[0]
    assert known[1]["i"] == unknown[1]["i"] and len(known[1]["s"]) == len(unknown[1]["s"])
    assert unknown[1]["s"] == again[1]["s"]


def test_a_database_that_is_not_the_agents(house):
    words = failure(house, dbname="postgres")
    assert "database" in words
    assert words.split("FATAL")[1] == failure(house, dbname="no-such-thing").split("FATAL")[1]


def test_logins_are_on_the_record(house):
    failure(house, password="not this")
    house.agent().close()
    assert house.wait_record(event="login", agent="bot")
    assert len(house.records(event="login")) >= 2


@pytest.mark.parametrize("option, shown", [
    ({"application_name": "my tool"}, ("application_name", "my tool")),
    ({"options": "-c TimeZone=Asia/Tokyo"}, ("TimeZone", "Asia/Tokyo")),
    ({"options": "-c DateStyle=German"}, ("DateStyle", "German")),
    ({"client_encoding": "UTF8"}, ("client_encoding", "UTF8")),
])
def test_harmless_start_up_settings(house, option, shown):
    with house.agent(**option) as agent:
        assert shown[1] in agent.execute(f"SHOW {shown[0]}").fetchone()[0]


@pytest.mark.parametrize("options", ["-c default_transaction_read_only=off", "-c standard_conforming_strings=off", "-c role=boss",
                                     "-c session_replication_role=replica", "-c log_statement=none", "-c row_security=off", "-c app.tenant=8"])
def test_dangerous_start_up_settings(house, options):
    """Refused, or without effect: never in force."""
    name, value = options[3:].split("=")
    try:
        with house.agent(options=options) as agent:
            assert name == "default_transaction_read_only"  # agents that may write by approval are told "off" …
            with pytest.raises(psycopg.Error):
                agent.execute("UPDATE customers SET visits = 1")
    except psycopg.OperationalError as error:
        assert name in str(error) or "option" in str(error)


def test_pins_hold(house, postgres):
    with house.agent() as agent:
        for name, value in (("client_encoding", "UTF8"), ("standard_conforming_strings", "on"), ("row_security", "on")):
            assert agent.execute(f"SHOW {name}").fetchone() == (value,)
        agent.execute("DISCARD ALL")
        agent.execute("RESET ALL")
        assert postgres.value("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app_read' AND application_name LIKE 'sallyport/bot/%'") >= 1


def test_target_session_attrs(house):
    with house.agent(target_session_attrs="read-write") as agent:
        assert agent.execute("SELECT 1").fetchone() == (1,)


def test_replication_is_refused(house):
    for value in ("database", "true"):
        with Wire(house, login=False) as wire:
            wire.send(wire.startup(user="bot", database="app", replication=value))
            with pytest.raises(ServerError) as caught:
                wire.log_in("agent-pw")
            assert "replication" in caught.value.fields["M"]
            assert caught.value.fields["S"] == "FATAL"


def test_gssenc_is_declined_and_the_session_goes_on(house):
    with Wire(house, login=False) as wire:
        wire.send(wire.request(GSSENC_REQUEST))
        assert wire.take(1) == b"N"
        wire.send(wire.startup(user="bot", database="app"))
        wire.log_in("agent-pw")
        assert wire.rows("SELECT 1") == [["1"]]


def test_an_old_protocol_and_a_minor_version(house):
    with Wire(house, login=False) as wire:
        body = (131072).to_bytes(4, "big") + b"user\0bot\0\0"
        wire.send((len(body) + 4).to_bytes(4, "big") + body)
        kind, body = wire.receive()
        assert kind == "E" and fields_of(body)["C"]
    with Wire(house, login=False) as wire:
        body = (196610).to_bytes(4, "big") + b"user\0bot\0database\0app\0_pq_.thing\0x\0\0"
        wire.send((len(body) + 4).to_bytes(4, "big") + body)
        assert wire.receive()[0] == "v"  # NegotiateProtocolVersion
        wire.log_in("agent-pw")
        assert wire.rows("SELECT 1") == [["1"]]


def test_nonsense_and_silence_at_the_door(house, agent):
    for nonsense in (b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 64, b"\0\0\0\x04", b"\0\0\0\x08\0\0\0\0", b"\x7f\xff\xff\xff\0\x03\0\0"):
        with Wire(house, login=False) as wire:
            wire.send(nonsense)
            assert wire.is_closed()
    assert accepts(house.port)
    assert agent.execute("SELECT 1").fetchone() == (1,)


def test_a_second_start_up_message_ends_the_session(house):
    with Wire(house) as wire:
        wire.send(wire.startup(user="reader", database="app"))
        assert wire.is_closed()


def test_a_wrong_cancel_key_cancels_nothing(house):
    with Wire(house) as wire:
        pid, key = wire.key
        with Wire(house, login=False) as other:
            other.send(other.request(80877102, pid.to_bytes(4, "big") + (key ^ 1).to_bytes(4, "big")))
            assert other.is_closed()
        assert wire.rows("SELECT 1") == [["1"]]


def test_the_keys_are_sallyports_own(house, postgres):
    with Wire(house) as wire:
        pids = {row[0] for row in postgres.run("SELECT pid FROM pg_stat_activity", "postgres")}
        assert wire.key[0] not in pids


@pytest.mark.parametrize("blank", [" ", "\t", "\n", "\v", "\f", "\r"], ids=lambda blank: f"{ord(blank):#04x}")
def test_a_value_can_not_bring_settings_of_its_own(house, blank):
    """The server splits `options` at every kind of blank; a value that holds one must stay one value."""
    value = f"because{blank}-c{blank}jit=off"
    with Wire(house, **{"sallyport.reason": value}) as wire:
        assert wire.rows("SELECT current_setting('sallyport.reason'), current_setting('jit')") == [[value, "on"]]
