# SPDX-License-Identifier: MIT
"""Who waits for whom: a slow client for nobody, a slow call only for a free thread."""

import json
import os
import signal
import time

import pytest

from harness.client import request_bytes
from harness.waiting import Background, eventually, in_parallel

GATE = """
    # Each path waits for a file of its name, so that a test says when a call ends.
    import os
    import threading
    import time

    def app(environ, start_response):
        name = environ["PATH_INFO"].strip("/")
        if name:
            open(name + ".begun", "w").close()
            while not os.path.exists(name):
                time.sleep(0.005)
        start_response("200 OK", [("X-Pid", str(os.getpid())), ("X-Thread", str(threading.get_ident()))])
        return [environ["wsgi.input"].read()]
"""


class Gate:
    """Calls that last until the test lets them go."""

    def __init__(self, server):
        self.server = server

    def begin(self, name):
        call = Background(self.server.get, f"/{name}")
        eventually((self.server.folder / f"{name}.begun").exists, f"call {name} to begin")
        return call

    def has_begun(self, name):
        return (self.server.folder / f"{name}.begun").exists()

    def end(self, *names):
        for name in names:
            (self.server.folder / name).touch()


@pytest.fixture
def gate(serve):
    return lambda *options: Gate(serve(GATE, *options))


# --- slow clients --------------------------------------------------------------------------------


def test_clients_that_send_a_byte_a_second_delay_nobody(serve):
    server = serve("echo:app")  # one worker, one thread
    slow_request = request_bytes("POST", body=b"0123456789")
    slow = [server.connect() for _ in range(50)]
    for at in range(3):
        for client in slow:
            client.send(slow_request[at : at + 1])
        for _ in range(20):
            started = time.monotonic()
            assert server.request("POST", body=b"quick").body == b"quick"
            assert time.monotonic() - started < 3  # a second of sleep a byte would show
        time.sleep(1)
    for client in slow:
        client.send(slow_request[3:-1])
    assert server.request("POST", body=b"quick").body == b"quick"
    for client in slow:
        client.send(slow_request[-1:])
        assert client.read_response().body == b"0123456789"
        client.close()


def test_upload_that_stalls_delays_nobody(serve):
    server = serve("echo:app")
    with server.connect() as client:
        client.send_request("POST", fields=[("Content-Length", "1000000")])
        client.send(b"x" * 500_000)
        for _ in range(5):
            assert server.request("POST", body=b"quick").body == b"quick"
        client.send(b"x" * 500_000)
        assert client.read_response().body == b"x" * 1_000_000


@pytest.mark.parametrize("threads", [1, 2])
def test_reader_that_stalls_delays_nobody(serve, threads):
    """With one thread as long as the response fits the output buffer, with two in any case."""
    size = 500_000 if threads == 1 else 30_000_000
    text = f"""
        def app(environ, start_response):
            start_response("200 OK", [("Content-Length", "{size}")])
            return [b"x" * {size}] if environ["PATH_INFO"] == "/" else [b"y"] * {size}
    """
    server = serve(text, "--threads", threads, "--output-buffer-size", 1_000_000)
    with server.connect(receive_buffer=4096) as client:
        client.send_request()
        client.read_head()
        for _ in range(3):
            assert len(server.get().body) == size
        assert client.read_exactly(size) == b"x" * size


def test_idle_connections_delay_nobody(serve):
    server = serve("echo:app", "--keep-alive", 30)
    idle = [server.connect() for _ in range(200)]
    for client in idle:
        client.request()
    assert server.request("POST", body=b"quick").body == b"quick"
    for client in idle:
        assert client.request("POST", body=b"again").body == b"again"
        client.close()


# --- the only thread is busy ---------------------------------------------------------------------


def test_worker_reads_and_buffers_while_its_only_thread_is_busy(gate):
    gate = gate("--worker-connections", 100)
    others = [gate.server.connect() for _ in range(5)]
    for client in others:
        client.request()  # these connections are the worker's already
    busy = gate.begin("busy")
    body = b"x" * 3_000_000  # more than the kernel would hold
    for client in others:
        client.send_request("POST", body=body)  # returns only when the server has read most of it
    gate.end("busy")
    assert busy.result().status == 200
    for client in others:
        assert client.read_response().body == body
        client.close()


def test_timeouts_are_answered_while_the_only_thread_is_busy(gate):
    gate = gate("--header-timeout", 1, "--keep-alive", 30)
    late = gate.server.connect()
    late.request()
    busy = gate.begin("busy")
    late.send(b"GET / HTTP/1.1\r\nHost: x\r\n")
    assert late.read_response().status == 408
    assert not busy.is_done()
    gate.end("busy")
    assert busy.result().status == 200
    late.close()


def test_bad_requests_are_answered_while_the_only_thread_is_busy(gate):
    gate = gate("--keep-alive", 30)
    bad = gate.server.connect()
    bad.request()
    busy = gate.begin("busy")
    bad.send(b"rubbish\r\n\r\n")
    assert bad.read_response().status == 400
    assert not busy.is_done()
    gate.end("busy")
    assert busy.result().status == 200
    bad.close()


def test_waiting_requests_run_when_the_thread_is_free(gate):
    gate = gate("--keep-alive", 30)
    clients = [gate.server.connect() for _ in range(10)]
    for client in clients:
        client.request()
    busy = gate.begin("busy")
    for n, client in enumerate(clients):
        client.send_request("POST", body=b"%d" % n)
    time.sleep(0.2)
    gate.end("busy")
    assert busy.result().status == 200
    assert [client.read_response().body for client in clients] == [b"%d" % n for n in range(10)]
    for client in clients:
        client.close()


def test_client_that_gives_up_waiting_is_not_served(gate):
    gate = gate("--keep-alive", 30)
    gone = gate.server.connect()
    gone.request()
    busy = gate.begin("busy")
    gone.send_request("GET", "/gone")
    gone.reset()
    time.sleep(0.3)
    gate.end("busy")
    assert busy.result().status == 200
    assert gate.server.get().status == 200
    assert not gate.has_begun("gone")


# --- several threads, several workers ------------------------------------------------------------


def test_threads_of_a_worker_run_at_the_same_time(serve):
    """Four calls that wait for each other: any three would wait for ever."""

    def app(environ, start_response):
        import threading

        barrier = app.__dict__.setdefault("barrier", threading.Barrier(4))
        barrier.wait(20)
        start_response("200 OK", [])
        return [str(threading.get_ident()).encode()]

    server = serve(app, "--threads", 4)
    for _ in range(10):
        threads = in_parallel(lambda _: server.get().body, range(4))
        assert len(set(threads)) == 4


def test_calls_beyond_the_threads_wait(gate):
    gate = gate("--threads", 2, "--keep-alive", 30)
    third = gate.server.connect()
    third.request()
    calls = [gate.begin("a"), gate.begin("b")]
    third.send_request("GET", "/c")
    time.sleep(0.3)
    assert not gate.has_begun("c")
    gate.end("a")
    eventually(lambda: gate.has_begun("c"), "the third call to begin")
    gate.end("b", "c")
    assert [call.result().status for call in calls] == [200, 200]
    assert third.read_response().status == 200
    third.close()


def test_idle_thread_takes_what_waits_behind_a_busy_one(gate):
    gate = gate("--threads", 2)
    busy = gate.begin("busy")
    with gate.server.connect() as client:
        for _ in range(50):
            assert client.request("POST", body=b"quick").body == b"quick"
    assert not busy.is_done()
    gate.end("busy")
    busy.result()


PIDS = """
    import os
    import time

    def app(environ, start_response):
        time.sleep(float(environ["QUERY_STRING"] or 0))
        start_response("200 OK", [])
        return [str(os.getpid()).encode()]
"""


def wait_until_all_serve(server, n):
    seen = set()

    def all_seen():
        seen.update(in_parallel(lambda _: server.get("/?0.05").body, range(n)))
        return len(seen) == n

    eventually(all_seen, f"{n} workers to serve")


def test_slow_requests_spread_over_the_workers(serve):
    server = serve(PIDS, "--workers", 4)
    wait_until_all_serve(server, 4)
    for round in range(15):
        pids = in_parallel(lambda _: server.get("/?0.3").body, range(4))
        assert len(set(pids)) == 4, f"round {round}: {pids}"


def test_busy_worker_does_not_accept(gate):
    gate = gate("--workers", 2)
    server = gate.server
    eventually(lambda: len({server.get()["X-Pid"] for _ in range(10)}) == 2 or server.get(), "both workers")
    busy = gate.begin("busy")
    pids = [server.get()["X-Pid"] for _ in range(40)]
    assert len(set(pids)) == 1  # nobody ever waited for the busy one
    gate.end("busy")
    assert busy.result()["X-Pid"] != pids[0]


# --- what an application can rely on -------------------------------------------------------------


def test_with_one_thread_every_call_is_in_the_main_thread(serve):
    text = """
        import json
        import sqlite3
        import threading
        import time

        # As many small applications have it; sqlite3 refuses to be used from another thread.
        database = sqlite3.connect(":memory:")
        database.execute("CREATE TABLE visits (n)")
        local = threading.local()
        local.is_here = True

        def app(environ, start_response):
            time.sleep(float(environ["QUERY_STRING"] or 0))
            database.execute("INSERT INTO visits VALUES (1)")
            (visits,) = database.execute("SELECT count(*) FROM visits").fetchone()
            body = {
                "visits": visits,
                "is_main": threading.current_thread() is threading.main_thread(),
                "name": threading.current_thread().name,
                "is_local": hasattr(local, "is_here"),
                "threads": threading.active_count(),
            }
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(body).encode()]
    """
    server = serve(text)
    visits = 0
    for seconds in 0, 0.05, 0, 0:  # a long call makes another thread take the loop
        for answer in in_parallel(lambda _, seconds=seconds: server.get(f"/?{seconds}"), range(4)):
            visits += 1
            said = json.loads(answer.body)
            assert said.pop("visits") <= 16
            assert said == {"is_main": True, "name": "MainThread", "is_local": True, "threads": 1}
    assert json.loads(server.get().body)["visits"] == 17


def test_threads_are_pythons(serve):
    """Thread-local values stay with their thread, and threading knows all of them."""

    def app(environ, start_response):
        import json
        import threading

        shared = app.__dict__.setdefault(
            "shared", {"local": threading.local(), "barrier": threading.Barrier(3)}
        )
        shared["barrier"].wait(20)
        local = shared["local"]
        local.ident = getattr(local, "ident", threading.get_ident())
        thread = threading.current_thread()
        body = {
            "same": local.ident == threading.get_ident() == thread.ident,
            "known": thread in threading.enumerate(),
            "daemon": thread.daemon or thread is threading.main_thread(),
        }
        start_response("200 OK", [])
        return [json.dumps(body).encode()]

    server = serve(app, "--threads", 3)
    for _ in range(10):
        for answer in in_parallel(lambda _: server.get(), range(3)):
            assert json.loads(answer.body) == {"same": True, "known": True, "daemon": True}


@pytest.mark.parametrize("threads", [1, 2])
def test_signal_handlers_of_the_application_run(serve, threads):
    text = """
        import os
        import signal
        import time

        seen = []
        signal.signal(signal.SIGUSR2, lambda number, frame: seen.append("USR2"))
        signal.signal(signal.SIGALRM, lambda number, frame: seen.append("ALRM"))

        def app(environ, start_response):
            if environ["PATH_INFO"] == "/alarm":
                signal.setitimer(signal.ITIMER_REAL, 0.05)
            start_response("200 OK", [("X-Pid", str(os.getpid()))])
            return [",".join(seen).encode()]
    """
    server = serve(text, "--threads", threads)
    pid = int(server.get()["X-Pid"])
    os.kill(pid, signal.SIGUSR2)
    eventually(lambda: server.get().body == b"USR2", "the handler of USR2")
    server.get("/alarm")
    eventually(lambda: server.get().body == b"USR2,ALRM", "the handler of ALRM")


def test_signal_handler_runs_while_the_worker_is_idle(serve, tmp_path):
    text = """
        import os
        import signal

        def on_signal(number, frame):
            open("handled", "w").close()

        signal.signal(signal.SIGUSR2, on_signal)

        def app(environ, start_response):
            start_response("200 OK", [("X-Pid", str(os.getpid()))])
            return [b""]
    """
    pid = int(serve(text).get()["X-Pid"])
    time.sleep(0.3)
    os.kill(pid, signal.SIGUSR2)
    eventually((tmp_path / "handled").exists, "the handler")


def test_background_threads_of_the_application_go_on(serve, tmp_path):
    """Between requests nobody holds the GIL."""
    text = """
        import threading
        import time

        def tick():
            n = 0
            while True:
                n += 1
                with open("ticks", "w") as file:
                    file.write(str(n))
                time.sleep(0.01)

        threading.Thread(target=tick, daemon=True).start()

        def app(environ, start_response):
            start_response("200 OK", [])
            return [b"x"]
    """

    def ticks():
        text = (tmp_path / "ticks").read_text()
        return int(text) if text else 0

    serve(text).get()
    eventually((tmp_path / "ticks").exists, "the thread to begin")
    before = ticks()
    eventually(lambda: ticks() > before + 20, "the thread to go on")
