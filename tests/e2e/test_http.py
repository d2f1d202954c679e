# SPDX-License-Identifier: MIT
"""HTTP/1.0 and HTTP/1.1 on the wire: connections, framing, limits, and what is refused."""

import socket
import time
from email.utils import parsedate_to_datetime

import pytest

from harness.client import Cut, chunked, request_bytes
from harness.waiting import Background


@pytest.fixture(scope="module")
def echo(serve_module):
    return serve_module("echo:app")


@pytest.fixture
def client(echo):
    with echo.connect() as client:
        yield client


def is_served(server):
    return server.request("POST", "/next", body=b"still here").body == b"still here"


# --- connections ---------------------------------------------------------------------------------


def test_connection_stays_open(client):
    for body in b"first", b"second", b"":
        response = client.request("POST", body=body)
        assert (response.status, response.body) == (200, body)
        assert "close" not in response.all("Connection")


@pytest.mark.parametrize("value", ["close", "Close", "x-hop, close", "close , x-hop"])
def test_connection_closes_when_the_client_says_so(client, value):
    response = client.request("POST", fields=[("Connection", value)], body=b"last")
    assert response.body == b"last"
    assert response["Connection"] == "close"
    assert client.is_closed()


def test_http_1_0_closes(client):
    response = client.request("POST", version="HTTP/1.0", body=b"old")
    assert (response.status, response.body) == (200, b"old")
    assert client.is_closed()


def test_http_1_0_with_keep_alive_stays_open(client):
    for body in b"one", b"two":
        response = client.request(
            "POST", version="HTTP/1.0", fields=[("Connection", "Keep-Alive")], body=body
        )
        assert response.body == body
        assert response["Connection"].lower() == "keep-alive"


def test_idle_connection_ends_silently(serve):
    server = serve("echo:app", "--keep-alive", 1)
    with server.connect() as client:
        client.request()
        assert client.is_quiet(0.3)
        assert client.is_closed()


def test_keep_alive_0_closes_after_each_response(serve):
    server = serve("echo:app", "--keep-alive", 0)
    with server.connect() as client:
        assert client.request()["Connection"] == "close"
        assert client.is_closed()


def test_body_that_the_application_leaves_alone_does_not_become_a_request(serve):
    def app(environ, start_response):
        start_response("200 OK", [("X-Path", environ["PATH_INFO"])])
        return [b"unread"]

    with serve(app).connect() as client:
        for path in "/a", "/b":
            response = client.request("POST", path, body=b"GET /smuggled HTTP/1.1\r\n\r\n" * 1000)
            assert response["X-Path"] == path


def test_half_closed_client_gets_its_answer(client):
    client.send_request("POST", body=b"over and out")
    client.shut()
    assert client.read_response().body == b"over and out"
    assert client.is_closed()


def test_half_closed_client_gets_all_its_answers(client):
    client.send(b"".join(request_bytes("POST", body=b"%d" % n) for n in range(5)))
    client.shut()
    assert [client.read_response().body for _ in range(5)] == [b"0", b"1", b"2", b"3", b"4"]
    assert client.is_closed()


def test_half_closed_client_waits_for_a_slow_answer(serve):
    def app(environ, start_response):
        import time

        time.sleep(0.5)
        start_response("200 OK", [])
        return [b"at last"]

    with serve(app).connect() as client:
        client.send_request()
        client.shut()
        assert client.read_response().body == b"at last"


def test_client_that_goes_away_early_does_no_harm(echo):
    for data in b"", b"GET", b"GET / HTTP/1.1\r\nHost: x\r\n", request_bytes("POST", body=b"12345")[:-2]:
        with echo.connect() as client:
            client.send(data)
            client.shut()
            client.read_all()
        with echo.connect() as client:
            client.send(data)
            client.reset()
    assert is_served(echo)


# --- pipelining ----------------------------------------------------------------------------------


def test_requests_in_one_segment_are_answered_in_order(client):
    client.send(b"".join(request_bytes("POST", f"/{n}", body=b"x" * n) for n in range(20)))
    for n in range(20):
        response = client.read_response()
        assert (response["X-Path"], len(response.body)) == (f"/{n}", n)


def test_chunked_and_plain_requests_mix_in_one_segment(client):
    client.send(
        request_bytes("POST", "/1", [("Transfer-Encoding", "chunked")], chunked(b"ab", b"c"))
        + request_bytes("GET", "/2")
        + request_bytes("POST", "/3", body=b"def")
    )
    assert [client.read_response().body for _ in range(3)] == [b"abc", b"", b"def"]


def test_nothing_is_answered_behind_a_close(client):
    client.send(request_bytes("GET", "/1", [("Connection", "close")]) + request_bytes("GET", "/2"))
    assert client.read_response()["X-Path"] == "/1"
    assert client.is_closed()


def test_bad_request_in_the_pipeline_is_answered_in_its_turn(client):
    client.send(request_bytes("GET", "/1") + b"rubbish\r\n\r\n" + request_bytes("GET", "/3"))
    assert client.read_response()["X-Path"] == "/1"
    assert client.read_response().status == 400
    assert client.is_closed()


def test_client_that_sends_much_before_it_reads(echo):
    body = b"0123456789" * 400
    with echo.connect() as client:
        sending = Background(client.send, request_bytes("POST", body=body) * 2000)
        time.sleep(0.3)
        for _ in range(2000):
            assert client.read_response().body == body
        sending.result()


# --- bytes arrive as they like -------------------------------------------------------------------


def test_request_arrives_byte_by_byte(client):
    client.send_bytewise(request_bytes("POST", "/slowly", [("X-A", "b")], b"body"))
    response = client.read_response()
    assert (response["X-Path"], response.body) == ("/slowly", b"body")


PIPELINE = (
    request_bytes("POST", "/1", body=b"one")
    + request_bytes("POST", "/2", [("Transfer-Encoding", "chunked")], chunked(b"t", b"wo"))
    + request_bytes("GET", "/3")
)


def test_request_may_be_split_anywhere(echo):
    for at in range(1, len(PIPELINE)):
        with echo.connect() as client:
            client.send(PIPELINE[:at])
            client.send(PIPELINE[at:])
            assert [client.read_response().body for _ in range(3)] == [b"one", b"two", b""], at


def test_empty_lines_before_a_request_are_skipped(client):
    client.send(b"\r\n" + request_bytes("GET", "/1"))
    assert client.read_response()["X-Path"] == "/1"


# --- HEAD, 204, 304 ------------------------------------------------------------------------------


def test_head_has_the_fields_of_get_and_no_body(serve):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "5")])
        return [b"hello"]

    with serve(app).connect() as client:
        head = client.request("HEAD")
        get = client.request("GET")
    assert (head.body, get.body) == (b"", b"hello")
    unchanging = [[field for field in response.fields if field[0] != "Date"] for response in (head, get)]
    assert unchanging[0] == unchanging[1]


def test_head_of_a_stream_has_no_body(serve):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        yield b"not "
        yield b"for HEAD"

    with serve(app).connect() as client:
        assert client.request("HEAD").status == 200
        assert client.request("GET").body == b"not for HEAD"


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_status_without_body_has_none(serve, status):
    def app(environ, start_response):
        start_response(environ["HTTP_X_STATUS"], [("ETag", '"x"')])
        return [b"must not be sent"]

    with serve(app).connect() as client:
        for _ in range(2):
            response = client.request("GET", "/", [("X-Status", status)])
            assert f"{response.status} {response.reason}" == status
            assert response["ETag"] == '"x"'
            assert "Transfer-Encoding" not in response
            if response.status == 204:
                assert "Content-Length" not in response


# --- Expect: 100-continue ------------------------------------------------------------------------

EXPECT = ("Expect", "100-continue")


def test_continue_is_sent_before_the_body(client):
    client.send_request("POST", fields=[EXPECT, ("Content-Length", "4")])
    interim = client.read_head()
    assert (interim.status, interim.reason) == (100, "Continue")
    client.send(b"body")
    assert client.read_response().body == b"body"
    assert client.request("POST", body=b"next").body == b"next"


def test_continue_is_sent_before_a_chunked_body(client):
    client.send_request("POST", fields=[("Expect", "100-Continue"), ("Transfer-Encoding", "chunked")])
    assert client.read_head().status == 100
    client.send(chunked(b"bo", b"dy"))
    assert client.read_response().body == b"body"


def test_continue_is_not_sent_when_the_body_is_there(client):
    client.send_request("POST", fields=[EXPECT], body=b"body")
    response = client.read_response()
    assert (response.status, response.body) == (200, b"body")


@pytest.mark.parametrize(
    "request_line",
    [
        {"version": "HTTP/1.0", "fields": [EXPECT, ("Content-Length", "4")]},
        {"version": "HTTP/1.1", "fields": [EXPECT, ("Content-Length", "0")]},
        {"version": "HTTP/1.1", "fields": [EXPECT]},
    ],
    ids=["HTTP/1.0", "empty body", "no body"],
)
def test_continue_is_not_sent_where_it_does_not_belong(client, request_line):
    client.send_request("POST", **request_line)
    if request_line["version"] == "HTTP/1.0":
        client.send(b"body")
    assert client.read_response().status == 200


def test_continue_is_not_sent_for_a_body_that_is_refused(serve):
    server = serve("echo:app", "--limit-request-body", 1000)
    with server.connect() as client:
        client.send_request("POST", fields=[EXPECT, ("Content-Length", "1001")])
        assert client.read_response().status == 413
        assert client.is_closed()


def test_other_expectations_fail(client):
    response = client.request("POST", fields=[("Expect", "a miracle")], body=b"body")
    assert response.status == 417
    assert client.is_closed()


# --- chunked requests ----------------------------------------------------------------------------

CHUNKED = [("Transfer-Encoding", "chunked")]


@pytest.mark.parametrize(
    "coded, body",
    [
        (b"0\r\n\r\n", b""),
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello"),
        (b"1\r\nh\r\n4\r\nello\r\n0\r\n\r\n", b"hello"),
        (b"0005\r\nhello\r\n000\r\n\r\n", b"hello"),
        (b"A\r\n0123456789\r\n0\r\n\r\n", b"0123456789"),
        (b'a;name=value;other="quoted"\r\n0123456789\r\n0;x\r\n\r\n', b"0123456789"),
        (b"2\r\n\r\n\r\n0\r\n\r\n", b"\r\n"),
        (b"5\r\nhello\r\n0\r\nX-Trailer: dropped\r\nX-Two: as well\r\n\r\n", b"hello"),
    ],
)
def test_chunked_body_is_decoded(client, coded, body):
    response = client.request("POST", "/", CHUNKED, coded)
    assert response.body == body
    assert "TRAILER" not in response["X-Fields"]
    assert client.request("POST", body=b"next").body == b"next"


def test_chunked_body_may_be_split_anywhere(echo):
    coded = chunked(b"hello", b"\r\n0\r\n\r\n", b"x" * 17)
    request = request_bytes("POST", "/", CHUNKED, coded)
    head_len = len(request) - len(coded)
    with echo.connect() as client:
        for at in range(head_len, len(request)):
            client.send(request[:at])
            client.send(request[at:])
            assert client.read_response().body == b"hello\r\n0\r\n\r\n" + b"x" * 17, at


def test_chunked_body_arrives_byte_by_byte(client):
    client.send_bytewise(request_bytes("POST", "/", CHUNKED, chunked(b"hello", b" there")))
    assert client.read_response().body == b"hello there"


def test_chunked_body_of_a_million_bytes(client):
    body = bytes(range(256)) * 4096
    pieces = [body[at : at + 5000] for at in range(0, len(body), 5000)]
    assert client.request("POST", "/", CHUNKED, chunked(*pieces)).body == body


BAD_CHUNKS = {
    "size is no number": b"xyz\r\n",
    "size is empty": b"\r\nhello\r\n0\r\n\r\n",
    "size has a sign": b"+5\r\nhello\r\n0\r\n\r\n",
    "size is negative": b"-5\r\nhello\r\n0\r\n\r\n",
    "size has a prefix": b"0x5\r\nhello\r\n0\r\n\r\n",
    "size has white space before it": b" 5\r\nhello\r\n0\r\n\r\n",
    "size is too large for 64 bits": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "data is longer than its size": b"4\r\nhello\r\n0\r\n\r\n",
    "data is shorter than its size": b"6\r\nhello\r\n0\r\n\r\n",
    "bare LF ends the size": b"5\nhello\r\n0\r\n\r\n",
    "bare LF ends the data": b"5\r\nhello\n0\r\n\r\n",
    "bare CR in an extension": b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    "endless extension": b"5;" + b"a" * 100_000,
    "malformed trailer": b"5\r\nhello\r\n0\r\nno colon\r\n\r\n",
    "white space in a trailer name": b"5\r\nhello\r\n0\r\nX : y\r\n\r\n",
    "folded trailer": b"5\r\nhello\r\n0\r\nX: y\r\n z\r\n\r\n",
    "endless trailers": b"5\r\nhello\r\n0\r\n" + b"X-Trailer: y\r\n" * 10_000,
}


@pytest.mark.parametrize("coded", BAD_CHUNKS.values(), ids=BAD_CHUNKS)
def test_malformed_chunks_are_refused(echo, coded):
    with echo.connect() as client:
        client.send_request("POST", "/", CHUNKED, coded)
        response = client.read_response()
        assert response.status in (400, 413, 431)
        assert response["Connection"] == "close"
        assert client.is_closed()
    assert is_served(echo)


# --- limits --------------------------------------------------------------------------------------


def request_line_of(n):
    """The target that makes the request line `n` bytes long."""
    return "/" + "x" * (n - len("GET / HTTP/1.1"))


def refused(server, status, *args, **kwargs):
    with server.connect() as client:
        client.send_request(*args, **kwargs)
        response = client.read_response()
        assert response.status == status
        assert response["Connection"] == "close"
        assert client.is_closed()
    return is_served(server)


def test_request_line_limit_by_default(echo):
    assert echo.get(request_line_of(4094)).status == 200
    assert refused(echo, 414, "GET", request_line_of(4095))


def test_request_line_limit(serve):
    server = serve("echo:app", "--limit-request-line", 100)
    assert server.get(request_line_of(100)).status == 200
    assert refused(server, 414, "GET", request_line_of(101))


def test_endless_request_line_is_refused(echo):
    with echo.connect() as client:
        client.send(b"GET /" + b"x" * 100_000)
        assert client.read_response().status == 414
        assert client.is_closed()


def fields_of(n):
    return [("Host", "x"), *((f"X-{i}", "y") for i in range(n - 1))]


def test_field_count_limit_by_default(echo):
    assert echo.get("/", fields_of(100)).status == 200
    assert refused(echo, 431, "GET", "/", fields_of(101))


def test_field_count_limit(serve):
    server = serve("echo:app", "--limit-request-fields", 5)
    assert server.get("/", fields_of(5)).status == 200
    assert refused(server, 431, "GET", "/", fields_of(6))


def field_of(n):
    """One field that makes a line of `n` bytes."""
    return [("X-Long", "y" * (n - len("X-Long: ")))]


def test_field_size_limit_by_default(echo):
    assert echo.get("/", field_of(8190)).status == 200
    assert refused(echo, 431, "GET", "/", field_of(8191))


def test_field_size_limit(serve):
    server = serve("echo:app", "--limit-request-field_size", 100)
    assert server.get("/", field_of(100)).status == 200
    assert refused(server, 431, "GET", "/", field_of(101))


def test_endless_field_is_refused(echo):
    with echo.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"y" * 100_000)
        assert client.read_response().status == 431
        assert client.is_closed()


def test_body_limit(serve):
    server = serve("echo:app", "--limit-request-body", 1000)
    assert len(server.request("POST", body=b"x" * 1000).body) == 1000
    assert refused(server, 413, "POST", body=b"x" * 1001)


def test_body_limit_of_chunks(serve):
    server = serve("echo:app", "--limit-request-body", 1000)
    assert len(server.request("POST", "/", CHUNKED, chunked(b"x" * 600, b"y" * 400)).body) == 1000
    assert refused(server, 413, "POST", "/", CHUNKED, chunked(b"x" * 600, b"y" * 401))


def test_client_that_is_still_sending_reads_why_it_was_refused(serve):
    def send(client):
        try:
            client.send_request("POST", body=b"x" * 8_000_000)
        except OSError:
            return "cut"

    server = serve("echo:app", "--limit-request-body", 1000)
    for _ in range(5):
        with server.connect() as client:
            sending = Background(send, client)
            assert client.read_response().status == 413
            client.close()
            sending.result()


# --- what is refused -----------------------------------------------------------------------------

HOST = b"Host: x\r\n"
GET = b"GET / HTTP/1.1\r\n"
POST = b"POST / HTTP/1.1\r\nHost: x\r\n"

MALFORMED = {
    # request line
    "no HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "no target": (b"GET HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "no version": (b"GET /\r\n" + HOST + b"\r\n", 400),
    "two spaces before the target": (b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "space in the target": (b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "tab for a space": (b"GET\t/\tHTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "space before the method": (b" GET / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "control byte in the target": (b"GET /\x01 HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "fragment in the target": (b"GET /#top HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "target without slash": (b"GET index.html HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "asterisk for another method": (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "method is no token": (b"G@T / HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "lower-case version": (b"GET / http/1.1\r\n" + HOST + b"\r\n", 400),
    "another protocol": (b"GET / RTSP/1.0\r\n" + HOST + b"\r\n", 400),
    "version 2": (b"GET / HTTP/2.0\r\n" + HOST + b"\r\n", 505),
    "version with more digits": (b"GET / HTTP/1.10\r\n" + HOST + b"\r\n", 400),
    # line ends
    "bare LF": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "bare LF behind a field": (GET + b"Host: x\nX-A: b\r\n\r\n", 400),
    "bare CR in a field": (GET + HOST + b"X-A: b\rc\r\n\r\n", 400),
    # fields
    "space before the colon": (GET + HOST + b"X-A : b\r\n\r\n", 400),
    "no colon": (GET + HOST + b"X-A\r\n\r\n", 400),
    "empty name": (GET + HOST + b": b\r\n\r\n", 400),
    "folded line": (GET + HOST + b"X-A: b\r\n c\r\n\r\n", 400),
    "folded first line": (GET + b" X-A: b\r\n" + HOST + b"\r\n", 400),
    "name is no token": (GET + HOST + b"X(A): b\r\n\r\n", 400),
    "NUL in a value": (GET + HOST + b"X-A: b\x00c\r\n\r\n", 400),
    "control byte in a value": (GET + HOST + b"X-A: b\x07c\r\n\r\n", 400),
    "non-ASCII name": (GET + HOST + "X-Ä: b\r\n\r\n".encode(), 400),
    # Host
    "no Host": (GET + b"\r\n", 400),
    "two Hosts": (GET + HOST + HOST + b"\r\n", 400),
    "Host with a space": (GET + b"Host: a b\r\n\r\n", 400),
    "Host with a path": (GET + b"Host: a/b\r\n\r\n", 400),
    # length
    "two lengths": (POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", 400),
    "two different lengths": (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 400),
    "list of lengths": (POST + b"Content-Length: 5, 5\r\n\r\nhello", 400),
    "length with a sign": (POST + b"Content-Length: +5\r\n\r\nhello", 400),
    "negative length": (POST + b"Content-Length: -5\r\n\r\nhello", 400),
    "hexadecimal length": (POST + b"Content-Length: 0x5\r\n\r\nhello", 400),
    "empty length": (POST + b"Content-Length: \r\n\r\nhello", 400),
    "length beyond 64 bits": (POST + b"Content-Length: 18446744073709551621\r\n\r\nhello", 400),
    "length and chunked": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked and length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n", 400),
    # transfer codings
    "chunked twice": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked not last": (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n", 400),
    "coding that is unknown": (POST + b"Transfer-Encoding: rot13, chunked\r\n\r\n0\r\n\r\n", 501),
    "coding with a vertical tab": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "empty coding": (POST + b"Transfer-Encoding: \r\n\r\n0\r\n\r\n", 400),
    "chunked in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
}


@pytest.mark.parametrize("data, status", MALFORMED.values(), ids=MALFORMED)
def test_malformed_request_is_refused(echo, data, status):
    with echo.connect() as client:
        client.send(data)
        response = client.read_response()
        assert response.status == status
        assert response["Connection"] == "close"
        assert client.is_closed()
    assert is_served(echo)


def test_what_was_refused_is_in_the_log(serve):
    server = serve("echo:app")
    with server.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\nX-A : b\r\n\r\n")
        client.read_response()
    server.log.expect("white space", level="INFO")


# --- fields of the server, error pages -----------------------------------------------------------


def test_date_and_server(client):
    response = client.request()
    assert response["Server"] == "galley"
    assert response["Date"].endswith(" GMT")
    assert abs(parsedate_to_datetime(response["Date"]).timestamp() - time.time()) < 10


def test_date_moves_on(client):
    first = client.request()["Date"]
    time.sleep(1.1)
    assert parsedate_to_datetime(client.request()["Date"]) > parsedate_to_datetime(first)


def test_error_page(client):
    client.send(b"GET / HTTP/1.1\r\n\r\n")
    response = client.read_response()
    assert (response.status, response.reason) == (400, "Bad Request")
    assert response["Content-Type"].startswith("text/html")
    assert response["Server"] == "galley"
    assert "Date" in response
    assert b"Bad Request" in response.body
    assert response.body.strip().startswith(b"<") and response.body.strip().endswith(b"</html>")


def test_error_page_never_repeats_the_request(client):
    client.send(b"GET /<script>alert(1)</script> HTTP/1.1\r\n\r\n")
    assert b"<script>" not in client.read_response().body


# --- forms of the target -------------------------------------------------------------------------


def test_absolute_target(client):
    response = client.request("GET", "http://example.org:81/there?q", [("Host", "localhost")])
    assert (response.status, response["X-Path"]) == (200, "/there")


def test_asterisk_target(client):
    assert client.request("OPTIONS", "*").status == 200


def test_unusual_method(client):
    assert client.request("PROPFIND", "/").body == b""


def test_response_leaves_in_one_segment(echo):
    """Head and body in two segments would cost each other's delayed acknowledgement: 40 ms."""
    with echo.connect() as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 0)
        client.send_request("POST", body=b"x" * 100)
        first = client.socket.recv(1 << 16)
    assert first.endswith(b"x" * 100)


def test_cut_body_is_no_request(serve, tmp_path):
    """The application never sees a body that did not arrive as a whole."""

    def app(environ, start_response):
        with open("called", "a") as file:
            file.write(environ["PATH_INFO"] + "\n")
        start_response("200 OK", [])
        return [environ["wsgi.input"].read()]

    server = serve(app)
    for fields, body in [([("Content-Length", "10")], b"12345"), (CHUNKED, b"5\r\nhello\r\n")]:
        with server.connect() as client:
            client.send_request("POST", "/cut", fields, body)
            client.shut()
            try:
                assert client.read_response().status == 400
            except Cut as cut:
                assert cut.response is None
    server.get("/whole")
    assert (tmp_path / "called").read_text() == "/whole\n"
