# SPDX-License-Identifier: MIT
"""Deadlines: of a client that is slow to send or to take, and of a call that does not return."""

import time

import pytest

from harness.client import Cut
from harness.waiting import Background, eventually

pytestmark = pytest.mark.slow


def test_head_that_does_not_come_is_answered_408(serve):
    server = serve("echo:app", "--header-timeout", 1)
    with server.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
        assert client.read_response().status == 408
        assert client.is_closed()


def test_head_that_trickles_is_answered_408(serve):
    """The deadline counts from the first byte of the head: bytes in between do not extend it."""
    server = serve("echo:app", "--header-timeout", 1)
    with server.connect() as client:
        sending = Background(trickle, client, b"GET / HTTP/1.1\r\nX-Slow: " + b"x" * 1000)
        started = time.monotonic()
        assert client.read_response().status == 408
        assert time.monotonic() - started < 10
        client.close()
        sending.result()


def trickle(client, data):
    try:
        client.send_bytewise(data, pause=0.1)
    except OSError:
        return "cut"


def test_connection_without_a_byte_is_closed_silently(serve):
    server = serve("echo:app", "--header-timeout", 1)
    with server.connect() as client:
        assert client.is_closed()


def test_body_that_does_not_come_is_answered_408(serve):
    server = serve("echo:app", "--body-timeout", 1)
    with server.connect() as client:
        client.send_request("POST", fields=[("Content-Length", "10")])
        client.send(b"12345")
        assert client.read_response().status == 408
        assert client.is_closed()


def test_body_that_trickles_arrives(serve):
    """The deadline of a body counts from its last byte: a slow upload is no error."""
    server = serve("echo:app", "--body-timeout", 1)
    with server.connect() as client:
        client.send_request("POST", fields=[("Content-Length", "15")])
        client.send_bytewise(b"x" * 15, pause=0.1)
        assert client.read_response().body == b"x" * 15


def test_client_that_takes_nothing_is_cut(serve):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "50000000")])
        return [b"x" * 50_000_000]

    server = serve(app, "--send-timeout", 1)
    with server.connect(receive_buffer=4096) as client:
        client.send_request()
        client.read_head()
        server.log.expect("send_timeout", level="INFO")
        with pytest.raises(Cut):
            client.read_exactly(50_000_000)


# --- --timeout: a call that takes too long -------------------------------------------------------

STUCK = """
    import os
    import time

    def app(environ, start_response):
        if environ["PATH_INFO"] == "/stuck":
            for _ in range(1000):
                time.sleep(0.01)
        elif environ["PATH_INFO"] == "/slow":
            time.sleep(1.5)
        start_response("200 OK", [])
        return [str(os.getpid()).encode()]
"""


def test_call_over_the_timeout_is_answered_504_and_the_worker_is_replaced(serve):
    server = serve(STUCK, "--timeout", 1, "--graceful-timeout", 2)
    first = int(server.get().body)
    server.log.ignore(rf"\(pid:{first}\)")
    started = time.monotonic()
    assert server.get("/stuck").status == 504
    assert time.monotonic() - started < 8  # the call itself takes ten
    server.log.expect(r"WORKER TIMEOUT \(pid:\d+\).*/stuck", level="CRITICAL")
    second = int(server.get().body)
    assert second != first
    eventually(lambda: server.workers() == [second], "the old worker to leave")


def test_call_in_c_over_the_timeout_is_answered_too(serve):
    """Answering needs no GIL: the stuck call may hold it."""

    def app(environ, start_response):
        import ctypes

        if environ["PATH_INFO"] == "/stuck":
            ctypes.PyDLL(None).sleep(20)  # PyDLL keeps the GIL
        start_response("200 OK", [])
        return [b"fine"]

    server = serve(app, "--timeout", 1, "--graceful-timeout", 1)
    server.get()
    server.log.ignore(r"\(pid:")
    started = time.monotonic()
    assert server.get("/stuck").status == 504
    assert time.monotonic() - started < 15
    assert server.get().body == b"fine"


def test_other_requests_of_the_worker_finish(serve):
    server = serve(STUCK, "--timeout", 2, "--threads", 2, "--graceful-timeout", 5)
    server.get()
    server.log.ignore(r"\(pid:")
    stuck = Background(server.get, "/stuck")
    time.sleep(1)
    slow = Background(server.get, "/slow")  # still runs when the other one is over its time
    assert stuck.result().status == 504
    assert slow.result().status == 200


def test_waiting_for_a_thread_is_not_part_of_the_timeout(serve):
    server = serve(STUCK, "--timeout", 2)
    asked = [Background(server.get, "/slow") for _ in range(3)]
    assert [one.result().status for one in asked] == [200] * 3


def test_timeout_0_is_without_end(serve):
    server = serve(STUCK, "--timeout", 0)
    assert server.get("/slow").status == 200


def test_slow_body_and_slow_reader_do_not_count_against_the_timeout(serve):
    def app(environ, start_response):
        environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Length", "20000000")])
        return [b"x" * 20_000_000]

    server = serve(app, "--timeout", 1)
    with server.connect(receive_buffer=4096) as client:
        client.send_request("POST", fields=[("Content-Length", "15")])
        client.send_bytewise(b"x" * 15, pause=0.1)
        client.read_head()
        time.sleep(2)
        assert client.read_exactly(20_000_000) == b"x" * 20_000_000


def test_call_that_hangs_is_noticed_although_its_client_left(serve):
    def app(environ, start_response):
        import time

        while environ["PATH_INFO"] == "/stuck":
            time.sleep(0.1)
        start_response("200 OK", [])
        return [b"fine"]

    server = serve(app, "--timeout", 1, "--graceful-timeout", 1)
    first = server.workers()
    with server.connect() as client:
        client.send_request("GET", "/stuck")
        time.sleep(0.3)  # the call has begun
        client.reset()
    server.log.expect(r"WORKER TIMEOUT \(pid:\d+\): GET /stuck", level="CRITICAL")
    server.log.expect("did not leave within graceful_timeout", level="ERROR")
    eventually(lambda: server.workers() and server.workers() != first, "another worker")
    assert server.get().text == "fine"
