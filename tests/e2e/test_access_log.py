# SPDX-License-Identifier: MIT
"""The access log: every atom of gunicorn's, and where the lines go."""

import re
import time
from datetime import datetime

import pytest

from harness.waiting import eventually, in_parallel


@pytest.fixture
def logged(serve, tmp_path):
    """Starts a server with this format; then returns the line that a request leaves."""

    def start(format, app="environ:app", **more):
        server = serve(app, "--access-logfile", "access.log", "--access-logformat", format, **more)
        seen = []

        def line(*args, **kwargs):
            server.response = server.request(*args, **kwargs)
            lines = eventually(lambda: len(lines_of(tmp_path)) > len(seen) and lines_of(tmp_path))
            seen[:] = lines
            return lines[-1]

        line.server = server
        return line

    return start


def lines_of(folder, name="access.log"):
    path = folder / name
    text = path.read_text(encoding="latin-1") if path.exists() else ""
    assert text == "" or text.endswith("\n")
    return text.splitlines()


APP = """
    def app(environ, start_response):
        start_response("203 Fine", [("Content-Type", "text/plain"), ("X-Answer", "forty two")])
        return [b"x" * 1234]
"""

FIELDS = [
    ("Host", "example.org"),
    ("User-Agent", "agent/1.0"),
    ("Referer", "http://from.example/"),
    ("Authorization", "Basic dXNlcjpwYXNz"),
    ("X-Custom", "some value"),
]

ATOMS = {
    "%(h)s": "127.0.0.1",
    "%(l)s": "-",
    "%(u)s": "user",
    "%(r)s": "POST /a%20b?q=%41&r HTTP/1.1",
    "%(m)s": "POST",
    "%(U)s": "/a b",
    "%(q)s": "q=%41&r",
    "%(H)s": "HTTP/1.1",
    "%(s)s": "203",
    "%(B)s": "1234",
    "%(b)s": "1234",
    "%(f)s": "http://from.example/",
    "%(a)s": "agent/1.0",
    "%(T)s": "0",
    "%(T)d": "0",
    "%({X-Custom}i)s": "some value",
    "%({x-custom}i)s": "some value",
    "%({x-answer}o)s": "forty two",
    "%({Content-Type}o)s": "text/plain",
    "%({REQUEST_METHOD}e)s": "POST",
    "%({path_info}e)s": "/a b",
    "%({wsgi.url_scheme}e)s": "http",
    "%({X-None}i)s": "-",
    "%({X-None}o)s": "-",
    "%({NONE}e)s": "-",
    "%(unknown)s": "-",
    "%%": "%",
    "plain text": "plain text",
}


def test_atoms(logged):
    line = logged("|".join(ATOMS), APP)("POST", "/a%20b?q=%41&r", FIELDS, b"body")
    assert dict(zip(ATOMS, line.split("|"))) == ATOMS


def test_atoms_of_a_bare_request(logged):
    line = logged("%(u)s|%(f)s|%(a)s|%(q)s|%(H)s|%(r)s")(version="HTTP/1.0")
    assert line == "-|-|-||HTTP/1.0|GET / HTTP/1.0"


@pytest.mark.parametrize(
    "format, pattern",
    [
        ("%(D)08d", r"000\d{5}"),
        ("[%(s)5s]", r"\[  200\]"),
        ("[%(s)-5s]", r"\[200  \]"),
        ("[%(m)10s]", r"\[       GET\]"),
        ("[%(m).2s]", r"\[GE\]"),
        ("%(B)d", r"\d+"),
        ("%(T)03d", r"000"),
        ("%(M)d", r"\d{1,4}"),
        ("%(L)s", r"0\.\d{6}"),
    ],
)
def test_specifiers(logged, format, pattern):
    assert re.fullmatch(pattern, logged(format)())


def test_time_is_the_local_time_of_the_line(logged):
    line = logged("%(t)s")()
    assert re.fullmatch(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\]", line)
    when = datetime.strptime(line, "[%d/%b/%Y:%H:%M:%S %z]")
    assert abs(when.timestamp() - time.time()) < 10


def test_durations_agree(logged):
    def app(environ, start_response):
        import time

        time.sleep(1.05)
        start_response("200 OK", [])
        return [b""]

    line = logged("%(T)s %(M)s %(D)s %(L)s", app)()
    seconds, milliseconds, microseconds, fraction = line.split()
    assert seconds == "1"
    assert 1050 <= int(milliseconds) < 1900
    assert int(microseconds) // 1000 == int(milliseconds)
    assert fraction == f"{int(microseconds) / 1e6:.6f}"


def test_pid(logged):
    line = logged("%(p)s")
    assert line() == f"<{line.server.workers()[0]}>"


def test_default_format(serve, tmp_path):
    server = serve(APP, "--access-logfile", "access.log")
    server.get("/x?y", FIELDS)
    line = eventually(lambda: lines_of(tmp_path))[0]
    client, when, request = re.fullmatch(r"(.*) (\[.*\]) (.*)", line).groups()
    assert client == "127.0.0.1 - user"
    assert datetime.strptime(when, "[%d/%b/%Y:%H:%M:%S %z]")
    assert request == '"GET /x?y HTTP/1.1" 203 1234 "http://from.example/" "agent/1.0"'


def test_quotes_are_escaped(logged):
    line = logged('"%(a)s" "%({X-Odd}i)s"')(fields=[("User-Agent", 'a"b\\c'), ("X-Odd", '""')])
    assert line == r'"a\"b\c" "\"\""'


def test_a_client_cannot_forge_a_line(logged):
    line = logged("%(U)s %(r)s")
    first = line("GET", "/a%0A127.0.0.1%20forged%0d%1b")
    assert "\n" not in first and "\r" not in first and "\x1b" not in first
    assert first.startswith("/a")
    assert line("GET", "/next") == "/next GET /next HTTP/1.1"


def test_body_bytes_are_counted_without_their_coding(logged):
    def app(environ, start_response):
        start_response("200 OK", [])
        return (b"12345" for _ in range(3))

    line = logged("%(m)s %(B)s %(b)s", app)
    assert line() == "GET 15 15"
    assert line.server.response.is_chunked


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_no_body_has_no_bytes(logged, status):
    text = f"""
        def app(environ, start_response):
            start_response("{status}", [])
            return []
    """
    assert logged("%(s)s %(B)s", text)() == f"{status[:3]} 0"


def test_head_has_no_bytes(logged):
    assert logged("%(m)s %(B)s")("HEAD") == "HEAD 0"


def test_error_of_the_application_is_logged(logged):
    def app(environ, start_response):
        raise RuntimeError("kitchen fire")

    line = logged("%(s)s %(r)s", app)
    assert line("GET", "/hot") == "500 GET /hot HTTP/1.1"
    line.server.log.expect("kitchen fire")


def test_refused_request_is_logged(logged, tmp_path):
    line = logged("%(s)s %(h)s")
    with line.server.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n")
        assert client.read_response().status == 400
    assert eventually(lambda: lines_of(tmp_path)) == ["400 127.0.0.1"]


def test_each_request_of_a_connection_has_its_line(serve, tmp_path):
    server = serve("echo:app", "--access-logfile", "access.log", "--access-logformat", "%(U)s")
    with server.connect() as client:
        for n in range(100):
            client.send_request("GET", f"/{n}")
        for _ in range(100):
            client.read_response()
    assert eventually(lambda: len(lines_of(tmp_path)) == 100)
    assert lines_of(tmp_path) == [f"/{n}" for n in range(100)]


def test_lines_of_several_workers_do_not_mix(serve, tmp_path):
    server = serve("echo:app", "-w", 2, "--access-logfile", "access.log", "--access-logformat", "%(q)s")
    text = "x" * 3000

    def ask(i):
        with server.connect() as client:
            for n in range(25):
                client.request("GET", f"/?{i}.{n}.{text}")

    in_parallel(ask, range(8))
    wanted = {f"{i}.{n}.{text}" for i in range(8) for n in range(25)}
    eventually(lambda: len(lines_of(tmp_path)) == 200)
    assert set(lines_of(tmp_path)) == wanted


def test_dash_is_standard_output(serve):
    server = serve("echo:app", "--access-logfile", "-", "--access-logformat", "line %(U)s")
    server.get("/x")
    assert eventually(server.stdout.read_text) == "line /x\n"


def test_off_by_default(serve, tmp_path):
    server = serve("echo:app")
    server.get("/x")
    server.stop()
    assert server.stdout.read_text() == ""
    assert "/x" not in server.log.read()


def test_off_when_empty_in_the_configuration(serve, tmp_path):
    (tmp_path / "gunicorn.conf.py").write_text("accesslog = None\n")
    assert serve("echo:app").get().status == 200
