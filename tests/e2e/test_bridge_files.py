# SPDX-License-Identifier: MIT
"""wsgi.file_wrapper around objects that are files only in part: always the bytes that read() would give."""

import gzip
import os
from pathlib import Path

import pytest

from harness.client import Cut
from harness.waiting import eventually

APP = """
    import bz2, gzip, io, mmap, os, socket, subprocess, tarfile, tempfile, threading, time, zipfile

    class Upper:
        # a read() of its own above a real descriptor
        def __init__(self, file):
            self.file = file
            self.fileno, self.tell, self.close = file.fileno, file.tell, file.close
        def read(self, size=-1):
            return self.file.read(size).upper()

    class UpperFile(io.FileIO):
        def read(self, size=-1):
            return super().read(size).upper()

    class UpperRaw(io.FileIO):
        def readinto(self, to):
            n = super().readinto(to)
            to[:n] = bytes(to[:n]).upper()
            return n

    class Proxy:
        def __init__(self, file):
            self.__dict__["file"] = file
        def __getattr__(self, name):
            return getattr(self.file, name)

    class Odd(Upper):
        # everything but read() misbehaves
        def __init__(self, data, error):
            self.data = io.BytesIO(data)
            self.error = error
        def read(self, size=-1):
            return self.data.read(size)
        def fail(self):
            raise self.error
        fileno = tell = fail
        encoding = property(fail)

    class Readonly:
        __slots__ = ["read"]
        def __init__(self, data):
            self.read = io.BytesIO(data).read

    def pipe(data):
        ends = os.pipe()
        os.write(ends[1], data)
        os.close(ends[1])
        return open(ends[0], "rb")

    def pair(data):
        one, two = socket.socketpair()
        one.sendall(data)
        one.close()
        return two.makefile("rb")

    def temporary(kind, data, **options):
        file = kind(**options)
        file.write(data)
        file.seek(0)
        return file

    def unflushed(name):
        file = open(name, "r+b")
        file.write(b"NEW")
        return file

    def member(archive, name):
        return archive.extractfile(name)

    def app(environ, start_response):
        head = start_response
        result = eval(environ["wsgi.input"].read(), dict(globals(), environ=environ))
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](result)
"""

PLAIN = b"plain text of no particular length\n" * 1000


@pytest.fixture(scope="module")
def server(serve_module):
    server = serve_module(APP)
    (server.folder / "plain").write_bytes(PLAIN)
    (server.folder / "plain.gz").write_bytes(gzip.compress(PLAIN))
    return server


@pytest.mark.parametrize(
    "expression, body",
    [
        ("open('plain', 'rb')", PLAIN),
        ("open('plain', 'rb', 0)", PLAIN),
        ("open('plain', 'r+b')", PLAIN),
        ("open('plain', 'r+b', 0)", PLAIN),
        ("Proxy(open('plain', 'rb'))", PLAIN),
        ("Proxy(Proxy(open('plain', 'rb', 0)))", PLAIN),
        ("io.BufferedReader(io.FileIO('plain'), 100)", PLAIN),
        ("temporary(tempfile.TemporaryFile, b'data')", b"data"),
        ("temporary(tempfile.NamedTemporaryFile, b'data')", b"data"),
        ("temporary(tempfile.SpooledTemporaryFile, b'data')", b"data"),
        ("temporary(tempfile.SpooledTemporaryFile, b'data' * 100, max_size=10)", b"data" * 100),
        ("gzip.open('plain.gz')", PLAIN),
        ("io.BufferedReader(gzip.open('plain.gz'))", PLAIN),
        ("io.BytesIO(b'data')", b"data"),
        ("mmap.mmap(os.open('plain', os.O_RDONLY), 0, prot=mmap.PROT_READ)", PLAIN),
        ("Upper(open('plain', 'rb'))", PLAIN.upper()),
        ("Proxy(Upper(open('plain', 'rb')))", PLAIN.upper()),
        ("UpperFile('plain')", PLAIN.upper()),
        ("io.BufferedReader(UpperRaw('plain'))", PLAIN.upper()),
        ("pipe(b'data')", b"data"),
        ("pair(b'data')", b"data"),
        ("subprocess.Popen(['echo', 'data'], stdout=subprocess.PIPE).stdout", b"data\n"),
        ("Odd(b'data', OSError('no'))", b"data"),
        ("Odd(b'data', TypeError('no'))", b"data"),
        ("Odd(b'data', SystemExit('no'))", b"data"),
        ("Readonly(b'data')", b"data"),
        ("open('/proc/version', 'rb')", Path("/proc/version").read_bytes()),
        ("open('/dev/null', 'rb')", b""),
        ("open(os.open('plain', os.O_RDONLY), 'rb', closefd=False)", PLAIN),
    ],
)
def test_bytes_are_those_of_read(server, expression, body):
    for version in "HTTP/1.1", "HTTP/1.0":
        assert server.request("POST", body=expression.encode(), version=version).body == body


def test_written_but_not_flushed(server):
    (server.folder / "old").write_bytes(b"old and more")
    assert server.request("POST", body=b"unflushed('old')").body == b" and more"
    assert (server.folder / "old").read_bytes() == b"NEW and more"


@pytest.mark.parametrize(
    "expression, log",
    [
        ("open('plain')", "must yield bytes, not str"),
        ("io.StringIO('text')", "must yield bytes, not str"),
        ("(lambda file: [file.close(), file][1])(open('plain', 'rb'))", "closed file"),
        ("(lambda file: [os.close(file.fileno()), file][1])(open('plain', 'rb', 0))", "Bad file descriptor"),
        ("open('written', 'wb')", "UnsupportedOperation"),
        ("open('written', 'wb', 0)", "UnsupportedOperation"),
        ("open('.', 'rb')", "IsADirectoryError"),
        ("None", "AttributeError"),
        ("b'text'", "AttributeError"),
    ],
)
def test_what_cannot_be_read_is_an_error(server, expression, log):
    assert server.request("POST", body=expression.encode()).status == 500
    assert log in server.log.expect("Error handling request", level="ERROR").text
    server.log.ignore(r"Error in close\(\)(.|\n)*Bad file descriptor")


def test_file_that_shrinks_while_it_is_sent(serve, tmp_path):
    def app(environ, start_response):
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/ping":
            return [b"pong"]
        return environ["wsgi.file_wrapper"](open("file", "rb"))

    server = serve(app)
    file = tmp_path / "file"
    file.write_bytes(b"x" * 50_000_000)
    with server.connect(receive_buffer=4096) as client:
        client.send_request()
        client.read_head()
        os.truncate(file, 100_000)
        with pytest.raises(Cut):
            client.read_exactly(50_000_000)
    assert server.get("/ping").body == b"pong"
    pid = server.workers()[0]
    eventually(lambda: not [link for link in os.listdir(f"/proc/{pid}/fd") if is_file(pid, link, file)])


def is_file(pid, number, file):
    try:
        return os.readlink(f"/proc/{pid}/fd/{number}") == str(file)
    except OSError:
        return False


def test_file_that_grows_keeps_its_length(serve, tmp_path):
    def app(environ, start_response):
        start_response("200 OK", [])
        return environ["wsgi.file_wrapper"](open("file", "rb"))

    server = serve(app)
    file = tmp_path / "file"
    file.write_bytes(b"x" * 5_000_000)
    with server.connect(receive_buffer=4096) as client:
        client.send_request()
        head = client.read_head()
        with file.open("ab") as more:
            more.write(b"y" * 1000)
        assert client.read_exactly(int(head["Content-Length"])) == b"x" * 5_000_000
        assert client.request().body == b"x" * 5_000_000 + b"y" * 1000


def test_wrapper_that_was_tampered_with(serve):
    def app(environ, start_response):
        start_response("200 OK", [])
        wrapper = environ["wsgi.file_wrapper"]
        path = environ["PATH_INFO"]
        if path == "/subclass":

            class Own(wrapper):
                def __next__(self):
                    return super().__next__().upper()

            return Own(open("file", "rb"))
        wrapped = wrapper(open("file", "rb"))  # noqa: SIM115
        if path == "/begun":
            wrapped.blksize = 3
            assert next(wrapped) == b"one"
        elif path == "/gone":
            del wrapped.filelike
        elif path == "/none":
            wrapped.filelike = None
        elif path == "/close":
            wrapped.close = None
        elif path == "/raises":
            wrapped._file = lambda: 1 / 0
        return wrapped

    server = serve(app)
    (server.folder / "file").write_bytes(b"one two")
    assert server.get("/subclass").body == b"ONE TWO"
    assert server.get("/begun").body == b" two"
    for path in "/gone", "/none":
        assert server.get(path).status == 500
        server.log.expect("AttributeError", level="ERROR")
    assert server.get("/close").body == b"one two"
    server.log.expect("'NoneType' object is not callable", level="ERROR")
    assert server.get("/raises").status == 500
    server.log.expect("ZeroDivisionError", level="ERROR")
