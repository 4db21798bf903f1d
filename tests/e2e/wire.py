"""PostgreSQL's protocol by hand, for what no driver will send: a client that says exactly the bytes it is told.

    with Wire(house) as wire:
        wire.send(wire.query("SELECT 1"))
        messages = wire.until_ready()       # [("T", …), ("D", …), ("C", …), ("Z", b"I")]
"""
import base64
import hashlib
import hmac
import os
import socket
import struct

PROTOCOL = 196608
SSL_REQUEST, GSSENC_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102


class Closed(Exception):
    """The peer ended the connection."""


class ServerError(Exception):
    def __init__(self, fields):
        super().__init__(fields.get("M"))
        self.fields = fields
        self.sqlstate = fields.get("C")


def fields_of(body):
    """ErrorResponse and NoticeResponse: {"C": "42501", "M": "…"}."""
    return {part[:1].decode(): part[1:].decode() for part in body.rstrip(b"\0").split(b"\0") if part}


def message(kind, body=b""):
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def text(value):
    return value.encode() + b"\0" if isinstance(value, str) else value + b"\0"


class Wire:
    def __init__(self, house, agent="bot", password="agent-pw", login=True, **parameters):
        self.socket = socket.create_connection(("127.0.0.1", house.port), 20)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""
        self.parameters, self.key = {}, None
        if login:
            self.send(self.startup(user=agent, database="app", **parameters))
            self.log_in(password)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    # ---- what can be said

    @staticmethod
    def startup(**parameters):
        body = struct.pack("!I", PROTOCOL) + b"".join(text(key) + text(value) for key, value in parameters.items()) + b"\0"
        return struct.pack("!I", len(body) + 4) + body

    @staticmethod
    def request(code, more=b""):
        return struct.pack("!II", 8 + len(more), code) + more

    @staticmethod
    def query(sql):
        return message("Q", text(sql))

    @staticmethod
    def parse(sql, name="", types=()):
        return message("P", text(name) + text(sql) + struct.pack(f"!H{len(types)}I", len(types), *types))

    @staticmethod
    def bind(values=(), statement="", portal="", result_formats=()):
        body = text(portal) + text(statement) + struct.pack("!HH", 0, len(values))
        for value in values:
            body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value.encode())) + value.encode()
        return message("B", body + struct.pack(f"!H{len(result_formats)}H", len(result_formats), *result_formats))

    @staticmethod
    def describe(kind, name=""):
        return message("D", kind.encode() + text(name))

    @staticmethod
    def execute(portal="", limit=0):
        return message("E", text(portal) + struct.pack("!I", limit))

    @staticmethod
    def close(kind, name=""):
        return message("C", kind.encode() + text(name))

    @staticmethod
    def sync():
        return message("S")

    @staticmethod
    def flush():
        return message("H")

    def send(self, *messages):
        self.socket.sendall(b"".join(messages))

    # ---- what comes back

    def take(self, count):
        while len(self.pending) < count:
            block = self.socket.recv(65536)
            if not block:
                raise Closed
            self.pending += block
        taken, self.pending = self.pending[:count], self.pending[count:]
        return taken

    def receive(self):
        kind, length = struct.unpack("!cI", self.take(5))
        return kind.decode(), self.take(length - 4)

    def until(self, last):
        found = []
        while not found or found[-1][0] not in last:
            found.append(self.receive())
        return found

    def until_ready(self):
        return self.until("Z")

    def ask(self, *messages):
        """Sends, and returns what came up to ReadyForQuery; an ErrorResponse is raised after that."""
        self.send(*messages)
        found = self.until_ready()
        for kind, body in found:
            if kind == "E":
                raise ServerError(fields_of(body))
        return found

    def rows(self, sql):
        """The rows of a simple query, as lists of text."""
        return [row_of(body) for kind, body in self.ask(self.query(sql)) if kind == "D"]

    def is_closed(self):
        try:
            while True:
                self.receive()
        except (Closed, ConnectionError):
            return True

    # ---- logging in

    def log_in(self, password):
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n=,r={nonce}"
        while True:
            kind, body = self.receive()
            if kind == "E":
                raise ServerError(fields_of(body))
            if kind == "S":
                key, value = body[:-1].split(b"\0")
                self.parameters[key.decode()] = value.decode()
            elif kind == "K":
                self.key = struct.unpack("!II", body)
            elif kind == "Z":
                return
            elif kind == "R":
                code = struct.unpack("!I", body[:4])[0]
                if code == 10:
                    data = b"n,," + first.encode()
                    self.send(message("p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(data)) + data))
                elif code == 11:
                    server_first = body[4:].decode()
                    part = dict(item.split("=", 1) for item in server_first.split(","))
                    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(part["s"]), int(part["i"]))
                    client_key = hmac.digest(salted, b"Client Key", "sha256")
                    last = f"c=biws,r={part['r']}"
                    signed = f"{first},{server_first},{last}".encode()
                    signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
                    proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()
                    self.send(message("p", f"{last},p={proof}".encode()))


def row_of(body):
    count, at, row = struct.unpack("!H", body[:2])[0], 2, []
    for _ in range(count):
        size = struct.unpack("!i", body[at:at + 4])[0]
        at += 4
        row.append(None if size < 0 else body[at:at + size].decode())
        at += max(size, 0)
    return row
