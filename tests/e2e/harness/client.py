# SPDX-License-Identifier: MIT
"""HTTP/1 over a raw socket. It believes nothing: what the server sends is read to the letter."""

import re
import socket
import struct
import time
from dataclasses import dataclass, field

from .waiting import PATIENCE

STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) (\d{3}) ([^\r\n]*)")


class Cut(Exception):
    """The connection ended inside a message. `response` is what had arrived, None without a head."""

    def __init__(self, response=None):
        super().__init__("the connection ended inside a response")
        self.response = response


@dataclass
class Response:
    version: str
    status: int
    reason: str
    fields: list  # (name, value) as received
    head: bytes  # as received, with its empty line
    body: bytes = b""
    chunks: list = field(default_factory=list)

    def __contains__(self, name):
        return bool(self.all(name))

    def __getitem__(self, name):
        values = self.all(name)
        assert len(values) == 1, f"{len(values)} fields {name} in {self.head!r}"
        return values[0]

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    @property
    def text(self):
        return self.body.decode()

    @property
    def is_chunked(self):
        return self.all("Transfer-Encoding") == ["chunked"]


def request_bytes(method="GET", target="/", fields=(), body=b"", version="HTTP/1.1"):
    """A request as bytes; Host and Content-Length are added where they belong and are not given."""
    fields = list(fields)
    names = {name.lower() for name, _ in fields}
    if "host" not in names and version == "HTTP/1.1":
        fields.insert(0, ("Host", "localhost"))
    if body and not names & {"content-length", "transfer-encoding"}:
        fields.append(("Content-Length", str(len(body))))
    lines = [f"{method} {target} {version}", *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def chunked(*pieces):
    """The pieces in the chunked transfer coding, complete."""
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


class Client:
    def __init__(self, address, timeout=PATIENCE, receive_buffer=None):
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        if not isinstance(address, str) and ":" in address[0]:
            family = socket.AF_INET6
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.connect(address)
        if family != socket.AF_UNIX:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    @property
    def port(self):
        return self.socket.getsockname()[1]

    # Out

    def send(self, data):
        self.socket.sendall(data)

    def send_bytewise(self, data, pause=0.0):
        """One byte a packet; `pause` in seconds."""
        for at in range(len(data)):
            self.socket.sendall(data[at : at + 1])
            time.sleep(pause)

    def send_request(self, *args, **kwargs):
        self.send(request_bytes(*args, **kwargs))

    def shut(self):
        """Says that nothing more comes, and goes on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        self.socket.close()

    def reset(self):
        """Goes away the hard way: the server gets a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    # In

    def _more(self):
        try:
            data = self.socket.recv(1 << 16)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def _take(self, n):
        taken, self.buffer = self.buffer[:n], self.buffer[n:]
        return taken

    def read_exactly(self, n):
        pieces, missing = [], n
        while missing:
            if not self.buffer and not self._more():
                self.buffer = b"".join(pieces)
                raise Cut
            piece = self._take(missing)
            pieces.append(piece)
            missing -= len(piece)
        return b"".join(pieces)

    def read_until(self, mark):
        """Up to the mark and with it."""
        while mark not in self.buffer:
            if not self._more():
                raise Cut
        return self._take(self.buffer.index(mark) + len(mark))

    def read_all(self):
        """Everything up to the end of the connection."""
        pieces = [self.buffer]
        while True:
            self.buffer = b""
            if not self._more():
                return b"".join(pieces)
            pieces.append(self.buffer)

    def read_head(self):
        """A response without its body."""
        head = self.read_until(b"\r\n\r\n")
        first, *lines = head[:-4].split(b"\r\n")
        match = STATUS_LINE.fullmatch(first)
        assert match, f"not a status line: {first!r}"
        fields = []
        for line in lines:
            name, colon, value = line.decode("latin-1").partition(": ")
            assert colon, f"not a field: {line!r}"
            fields.append((name, value))
        return Response(match[1].decode(), int(match[2]), match[3].decode("latin-1"), fields, head)

    def read_chunk(self):
        """The data of the next chunk; empty for the last one."""
        line = self.read_until(b"\r\n")
        assert re.fullmatch(rb"[0-9a-fA-F]+\r\n", line), f"not a chunk head: {line!r}"
        data = self.read_exactly(int(line, 16))
        assert self.read_exactly(2) == b"\r\n"
        return data

    def _read_chunks(self, response):
        while True:
            data = self.read_chunk()
            if not data:
                return
            response.chunks.append(data)
            response.body += data

    def _read_body(self, response, method):
        if method == "HEAD" or response.status in (204, 304) or response.status < 200:
            return
        if response.is_chunked:
            self._read_chunks(response)
        elif "Content-Length" in response:
            response.body = self.read_exactly(int(response["Content-Length"]))
        else:
            response.body = self.read_all()

    def read_response(self, method="GET"):
        """The next response as a whole; raises Cut when the connection ends before the response does."""
        response = self.read_head()
        try:
            self._read_body(response, method)
        except Cut:
            response.body += self.buffer
            raise Cut(response) from None
        return response

    def request(self, method="GET", *args, **kwargs):
        self.send_request(method, *args, **kwargs)
        return self.read_response(method)

    def is_closed(self):
        """Waits for the end of the connection; nothing more may come before it."""
        assert not self.buffer, f"more than expected: {self.buffer!r}"
        more = self._more()
        assert not more, f"more than expected: {self.buffer!r}"
        return True

    def is_quiet(self, seconds):
        """Whether neither a byte nor the end of the connection comes for so long."""
        timeout = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self.socket.recv(1, socket.MSG_PEEK)
            return False
        except socket.timeout:
            return not self.buffer
        finally:
            self.socket.settimeout(timeout)
