# SPDX-License-Identifier: MIT
"""Master and workers: how they start, what they are, and how they end."""

import json
import os
import shlex
import signal
import socket
import stat
import sys
import time

import pytest

from harness import processes
from harness.client import Client, Cut
from harness.server import PROGRAM_VARIABLE, program
from harness.waiting import Background, eventually, in_parallel


def who(server, target="/"):
    return json.loads(server.get(target).body)


class Load:
    """Clients that ask all the time, each time over a new connection."""

    def __init__(self, server, target="/", clients=4):
        self.server = server
        self.target = target
        self.is_over = False
        self.answers = []
        self.failures = []
        self.running = [Background(self._ask) for _ in range(clients)]

    def _ask(self):
        while not self.is_over:
            try:
                self.answers.append(self.server.get(self.target))
            except (Cut, OSError) as failure:
                self.failures.append(failure)

    def wait_for(self, n):
        """Until so many more requests were answered."""
        goal = len(self.answers) + n
        eventually(lambda: len(self.answers) >= goal, f"{n} answers under load")

    def stop(self):
        """Returns what went wrong: connections that were cut, and answers that were not 200."""
        self.is_over = True
        for one in self.running:
            one.result()
        return self.failures + [answer for answer in self.answers if answer.status != 200]


# --- the end -------------------------------------------------------------------------------------


def test_term_finishes_what_runs(serve):
    server = serve("where:app")
    server.get()
    running = Background(server.get, "/?1")
    time.sleep(0.3)
    assert server.stop(signal.SIGTERM) == 0
    assert running.result().status == 200


def test_term_finishes_what_is_being_sent(serve):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "20000000")])
        return [b"x" * 20_000_000]

    server = serve(app)
    with server.connect(receive_buffer=4096) as client:
        client.send_request()
        client.read_head()
        server.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert client.read_exactly(20_000_000) == b"x" * 20_000_000
        assert client.is_closed()
    assert server.stop() == 0


def test_term_closes_idle_connections(serve):
    server = serve("where:app", "--keep-alive", 60)
    with server.connect() as client:
        client.request()
        started = time.monotonic()
        assert server.stop(signal.SIGTERM) == 0
        assert time.monotonic() - started < 10
        assert client.is_closed()


def test_term_refuses_new_connections(serve):
    server = serve("where:app")
    server.get()
    running = Background(server.get, "/?1")
    time.sleep(0.3)
    server.send_signal(signal.SIGTERM)

    def is_refused():
        try:
            server.connect().close()
        except ConnectionError:  # refused, or reset where it had been queued already
            return True

    eventually(is_refused)
    assert not running.is_done()
    assert running.result().status == 200


def test_last_response_says_close(serve):
    server = serve("where:app", "--keep-alive", 60)
    with server.connect() as client:
        client.request()
        client.send_request("GET", "/?0.5")
        time.sleep(0.2)
        server.send_signal(signal.SIGTERM)
        assert client.read_response()["Connection"] == "close"
        assert client.is_closed()


def test_call_that_outlives_the_graceful_timeout_is_killed(serve):
    server = serve("where:app", "--graceful-timeout", 1)
    server.get()
    server.log.ignore(r"\(pid:")
    running = Background(server.get, "/?20")
    time.sleep(0.3)
    started = time.monotonic()
    assert server.stop(signal.SIGTERM) == 0
    assert time.monotonic() - started < 10
    with pytest.raises(Cut):
        running.result()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT])
def test_int_and_quit_are_quick(serve, number):
    server = serve("where:app", "--workers", 2)
    server.get()
    running = Background(server.get, "/?20")
    time.sleep(0.3)
    started = time.monotonic()
    assert server.stop(number) == 0
    assert time.monotonic() - started < 10
    with pytest.raises(Cut):
        running.result()


def test_second_int_makes_a_graceful_stop_quick(serve):
    server = serve("where:app")
    server.get()
    running = Background(server.get, "/?20")
    time.sleep(0.3)
    server.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    started = time.monotonic()
    assert server.stop(signal.SIGINT) == 0
    assert time.monotonic() - started < 10
    server.log.ignore("")
    with pytest.raises(Cut):
        running.result()


def test_exit_handlers_of_the_application_run(serve, tmp_path):
    text = """
        import atexit

        atexit.register(lambda: open("left", "w").close())

        def app(environ, start_response):
            start_response("200 OK", [])
            return [b""]
    """
    server = serve(text)
    server.get()
    server.stop()
    assert (tmp_path / "left").exists()


def test_workers_leave_when_the_master_is_killed(serve):
    server = serve("where:app", "--workers", 2)
    workers = server.wait_for_workers(2)
    for _ in range(4):
        server.get()
    server.send_signal(signal.SIGKILL)
    server.expect_exit(-signal.SIGKILL)
    server.expect_survivors()
    eventually(lambda: not any(map(processes.is_running, workers)), "the workers to leave")


# --- workers that die ----------------------------------------------------------------------------


def test_killed_worker_is_replaced(serve):
    server = serve("where:app")
    first = who(server)["pid"]
    os.kill(first, signal.SIGKILL)
    server.log.expect(rf"Worker \(pid:{first}\) was sent SIGKILL! Perhaps out of memory\?", level="ERROR")
    second = who(server)["pid"]
    assert second != first
    assert server.workers() == [second]


def test_kill_under_load_loses_only_what_ran(serve):
    server = serve("where:app", "--workers", 4)
    workers = server.wait_for_workers(4)
    server.log.ignore("died early")  # as these did; it only means that the next one starts a little later
    load = Load(server, "/?0.02", clients=6)
    load.wait_for(50)
    for victim in workers[:3]:
        os.kill(victim, signal.SIGKILL)
        server.log.expect(rf"Worker \(pid:{victim}\) was sent SIGKILL!")
        load.wait_for(50)
    assert len(load.stop()) <= 3  # a worker of one thread has one request


def test_worker_that_exits_is_replaced(serve):
    def app(environ, start_response):
        import os

        if environ["PATH_INFO"] == "/exit":
            os._exit(9)
        start_response("200 OK", [])
        return [b"alive"]

    server = serve(app)
    with pytest.raises(Cut):
        server.get("/exit")
    server.log.expect(r"Worker \(pid:\d+\) exited with code 9", level="ERROR")
    assert server.get().body == b"alive"


def test_max_requests_recycles_and_loses_nothing(serve):
    server = serve("where:app", "--max-requests", 20, "--workers", 2)
    load = Load(server, "/?0.01")
    eventually(lambda: len({json.loads(answer.body)["pid"] for answer in load.answers}) >= 6, "new workers")
    assert load.stop() == []
    server.log.expect("Autorestarting worker after current request", level="INFO")


def test_max_requests_jitter(serve):
    """Two workers that started together do not leave together."""
    server = serve("where:app", "--max-requests", 1, "--max-requests-jitter", 100)
    served = {}  # requests until the worker said that it leaves, by pid

    def has_left(pid):
        records = server.log.records()
        return any(record.pid == pid and "Autorestarting" in record.message for record in records)

    while len(served) < 6:
        pid = who(server)["pid"]
        served[pid] = served.get(pid, 0) + 1
        while has_left(pid) and who(server)["pid"] == pid:
            pass
    assert max(served.values()) - min(list(served.values())[:-1]) > 3


# --- reload --------------------------------------------------------------------------------------


def test_hup_serves_the_new_code(serve, tmp_path):
    old = """
        def app(environ, start_response):
            start_response("200 OK", [])
            return [b"old"]
    """
    server = serve(old, "--workers", 2)
    workers = server.wait_for_workers(2)
    assert server.get().body == b"old"
    (tmp_path / "app.py").write_text((tmp_path / "app.py").read_text().replace("old", "new"))
    server.send_signal(signal.SIGHUP)
    eventually(lambda: not set(workers) & set(server.workers()), "the old workers to leave")
    assert {server.get().body for _ in range(10)} == {b"new"}
    assert len(server.workers()) == 2


def test_hup_reads_the_configuration_again(serve, tmp_path):
    configuration = tmp_path / "gunicorn.conf.py"
    configuration.write_text("workers = 1\nraw_env = ['TEST_NAME=old']\n")
    server = serve("where:app")
    assert who(server)["variables"] == {"TEST_NAME": "old"}
    configuration.write_text("workers = 3\nraw_env = ['TEST_NAME=new']\n")
    server.send_signal(signal.SIGHUP)
    server.wait_for_workers(3)
    eventually(lambda: who(server)["variables"] == {"TEST_NAME": "new"}, "the new environment")


def test_hup_fails_no_request(serve):
    server = serve("where:app", "--workers", 2)
    load = Load(server, "/?0.01")
    for _ in range(3):
        load.wait_for(20)
        workers = server.workers()
        server.send_signal(signal.SIGHUP)
        eventually(
            lambda workers=workers: not set(workers) & set(server.workers()), "the old workers to leave"
        )
    load.wait_for(20)
    assert load.stop() == []


def test_hup_finishes_what_runs(serve):
    server = serve("where:app")
    pid = who(server)["pid"]
    running = Background(who, server, "/?1")
    time.sleep(0.3)
    server.send_signal(signal.SIGHUP)
    eventually(lambda: who(server)["pid"] != pid, "a new worker to serve")
    assert running.result()["pid"] == pid


def test_hup_with_a_bad_configuration_changes_nothing(serve, tmp_path):
    server = serve("where:app")
    pid = who(server)["pid"]
    (tmp_path / "gunicorn.conf.py").write_text("workers = 'many'\n")
    server.send_signal(signal.SIGHUP)
    server.log.expect("workers.*'many'", level="ERROR")
    server.log.ignore("Invalid value|Reload failed|Error")
    assert who(server)["pid"] == pid


def test_hup_with_a_broken_application_changes_nothing(serve, tmp_path):
    def app(environ, start_response):
        start_response("200 OK", [])
        return [b"good"]

    server = serve(app, "--workers", 2)
    workers = server.wait_for_workers(2)
    assert server.get().body == b"good"
    (tmp_path / "app.py").write_text("import missing_dependency\n")
    server.send_signal(signal.SIGHUP)
    server.log.expect("missing_dependency", level="ERROR")
    server.log.expect("Reload failed|reload", level="ERROR")
    server.log.ignore("missing_dependency|exited with code 3|Traceback")
    eventually(lambda: server.workers() == workers, "only the old workers")
    assert server.get().body == b"good"


# --- more, fewer ---------------------------------------------------------------------------------


def test_ttin_and_ttou_change_the_number_of_workers(serve):
    server = serve("where:app")
    server.wait_for_workers(1)
    server.send_signal(signal.SIGTTIN)
    server.wait_for_workers(2)
    server.send_signal(signal.SIGTTIN)
    server.wait_for_workers(3)
    server.send_signal(signal.SIGTTOU)
    server.wait_for_workers(2)
    server.send_signal(signal.SIGTTOU)
    server.wait_for_workers(1)
    server.send_signal(signal.SIGTTOU)
    time.sleep(0.5)
    assert len(server.workers()) == 1
    assert server.get().status == 200


def test_ttou_loses_no_request(serve):
    server = serve("where:app", "--workers", 4)
    load = Load(server, "/?0.01")
    for left in 3, 2, 1:
        load.wait_for(20)
        server.send_signal(signal.SIGTTOU)
        server.wait_for_workers(left)
    load.wait_for(20)
    assert load.stop() == []


def test_usr1_reopens_the_logs(serve, tmp_path):
    logs = ["--error-logfile", "own.log", "--access-logfile", "access.log", "--access-logformat", "%(U)s"]
    server = serve("where:app", *logs, "--workers", 2, log="own.log")
    pids = [server.pid, *server.wait_for_workers(2)]
    in_parallel(lambda _: server.get("/before"), range(4))
    for name in "own.log", "access.log":
        (tmp_path / name).rename(tmp_path / f"{name}.1")
    server.send_signal(signal.SIGUSR1)
    for name in "own.log", "access.log":
        eventually((tmp_path / name).exists, f"{name} to be there again")
    old = {str(tmp_path / f"{name}.1") for name in ("own.log", "access.log")}
    eventually(
        lambda: not any(old & set(processes.open_files(pid)) for pid in pids), "the old files to be closed"
    )
    in_parallel(lambda _: server.get("/after"), range(4))
    eventually(lambda: (tmp_path / "access.log").read_text() == "/after\n" * 4, "the lines in the new file")
    assert (tmp_path / "access.log.1").read_text() == "/before\n" * 4


# --- what processes are --------------------------------------------------------------------------


def test_titles(serve):
    server = serve("where:app", "--workers", 2)
    server.get()
    assert processes.title(server.pid) == "galley: master [where:app]"
    for pid in server.wait_for_workers(2):
        eventually(
            lambda pid=pid: processes.title(pid) == "galley: worker [where:app]", "the title of a worker"
        )


def test_name(serve):
    server = serve("where:app", "--name", "kitchen")
    pid = who(server)["pid"]
    assert processes.title(server.pid) == "galley: master [kitchen]"
    assert processes.title(pid) == "galley: worker [kitchen]"


def test_workers_are_children_of_the_master(serve):
    server = serve("where:app", "--workers", 3)
    workers = server.wait_for_workers(3)
    said = who(server)
    assert said["pid"] in workers
    assert said["parent"] == server.pid


def test_pid_file(serve, tmp_path):
    server = serve("where:app", "--pid", "server.pid")
    server.get()
    assert (tmp_path / "server.pid").read_text() == f"{server.pid}\n"
    assert stat.S_IMODE((tmp_path / "server.pid").stat().st_mode) == 0o644
    server.stop()
    assert not (tmp_path / "server.pid").exists()


def test_env(serve):
    server = serve("where:app", "--env", "TEST_A=1", "-e", "TEST_B=two words", "-eTEST_C=a=b")
    assert who(server)["variables"] == {"TEST_A": "1", "TEST_B": "two words", "TEST_C": "a=b"}


def test_pythonpath(serve, tmp_path):
    for name in "first", "second":
        (tmp_path / name).mkdir()
    (tmp_path / "second" / "elsewhere.py").write_text("from where import app\n")
    path = who(serve("elsewhere:app", "--pythonpath", "first,second"))["path"]
    assert {str(tmp_path / "first"), str(tmp_path / "second")} <= set(path)


def test_chdir(serve, tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "here.py").write_text("from where import app\n")
    said = who(serve("here:app", "--chdir", "site"))
    assert said["folder"] == str(tmp_path / "site")
    assert str(tmp_path / "site") in said["path"]


def test_application_is_found_in_the_current_folder(serve, tmp_path):
    (tmp_path / "here.py").write_text("from where import app\n")
    assert who(serve("here:app"))["folder"] == str(tmp_path)


NAMES = {
    "package.module:app": ("package/module.py", "from where import app"),
    "package.6-odd_or_even:app": ("package/6-odd_or_even.py", "from where import app"),
    "factory:make()": ("factory.py", "from where import app\ndef make():\n    return app"),
    'factory:make("a", key=[1, {"b": None}])': (
        "factory.py",
        "from where import app\ndef make(a, key):\n    return {('a', None): app}[a, key[1]['b']]",
    ),
    "holder:site.wsgi": ("holder.py", "import where\nclass site:\n    wsgi = staticmethod(where.app)"),
    "plain": ("plain.py", "from where import app as application"),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_of_applications(serve, tmp_path, name):
    file, text = NAMES[name]
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text + "\n")
    assert who(serve(name))["folder"] == str(tmp_path)


@pytest.mark.parametrize("mask", ["0", "022", "0o077", "63"])
def test_umask(serve, mask):
    wanted = {"0": 0, "022": 0o22, "0o077": 0o77, "63": 0o77}[mask]
    assert who(serve("where:app", "--umask", mask))["umask"] == wanted


# --- listening -----------------------------------------------------------------------------------


def test_several_binds(serve, tmp_path):
    server = serve("where:app", bind=["127.0.0.1:0", "127.0.0.1:0", "unix:x.sock"])
    assert len(server.addresses) == 3
    for address in server.addresses:
        with Client(address) as client:
            assert client.request().status == 200


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
def test_ipv6(serve):
    server = serve("environ:app", bind=["[::1]:0"])
    assert server.urls[0].startswith("http://[::1]:")
    environ = json.loads(server.get().body)
    assert (environ["SERVER_NAME"], environ["REMOTE_ADDR"]) == ("::1", "::1")
    assert environ["SERVER_PORT"] == str(server.port)


def test_unix_socket(serve, tmp_path):
    server = serve("environ:app", bind=["unix:x.sock"])
    with server.connect() as client:
        environ = json.loads(client.request(fields=[("Host", "example.org:81")]).body)
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("example.org", "81")
    assert environ["REMOTE_ADDR"] == ""
    assert "REMOTE_PORT" not in environ
    server.stop()
    assert not (tmp_path / "x.sock").exists()


@pytest.mark.parametrize("mask, mode", [("0", 0o777), ("0o027", 0o750), ("0o177", 0o600)])
def test_umask_of_the_unix_socket(serve, tmp_path, mask, mode):
    serve("where:app", "--umask", mask, bind=["unix:x.sock"]).get()
    assert stat.S_IMODE((tmp_path / "x.sock").stat().st_mode) == mode


def test_inherited_descriptor(serve):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        fd = listening.fileno()
        server = serve("where:app", bind=[f"fd://{fd}"], pass_fds=[fd])
        server.addresses = [listening.getsockname()]
        assert who(server)["pid"] in server.workers()
        server.stop()
        listening.settimeout(0)
        with Client(listening.getsockname()):
            pass  # the socket still listens: it is not the server's to close


HAND_OVER = """
import os, sys
os.dup2(int(os.environ["TEST_FD"]), 3)
os.execve(sys.argv[1], sys.argv[1:], {**os.environ, "LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())})
"""


def test_descriptors_by_the_systemd_protocol(serve, tmp_path, monkeypatch):
    """As systemd starts a service: the socket is descriptor 3, and LISTEN_PID the server's own pid."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv(PROGRAM_VARIABLE, shlex.join([sys.executable, "-c", HAND_OVER, *program()]))
        fd = listening.fileno()
        server = serve("where:app", bind=[], pass_fds=[fd], env={"TEST_FD": str(fd)})
        server.addresses = [listening.getsockname()]
        assert who(server)["pid"] in server.workers()


def test_port_of_the_environment(serve):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = serve("where:app", bind=[], env={"PORT": str(port)})
    assert server.address == ("0.0.0.0", port)


# --- daemon --------------------------------------------------------------------------------------


def test_daemon(galley, tmp_path):
    options = [
        "--daemon",
        "--pid",
        "pid",
        "--error-logfile",
        "error.log",
        "--bind",
        "unix:x.sock",
        "where:app",
    ]
    assert galley(*options).code == 0
    master = None
    try:
        eventually((tmp_path / "x.sock").exists, "the socket")
        with Client(str(tmp_path / "x.sock")) as client:
            said = json.loads(client.request().body)
        master = int((tmp_path / "pid").read_text())
        assert said["parent"] == master
        assert said["folder"] == str(tmp_path)
        assert os.getsid(master) not in (os.getsid(0), 0)
        for pid in master, said["pid"]:
            assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
            assert os.readlink(f"/proc/{pid}/fd/1") == "/dev/null"
        os.kill(master, signal.SIGTERM)
        eventually(lambda: not processes.is_running(master), "the daemon to end")
        master = None
        assert not (tmp_path / "pid").exists()
        log = (tmp_path / "error.log").read_text()
        assert "Listening at: unix:" in log
        assert "[ERROR]" not in log and "[WARNING]" not in log
    finally:
        for pid in [master, *processes.children(master)] if master else []:
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stop_while_a_slow_client_takes_a_large_response(serve, number):
    """The response is the application's own bytes object, which the worker lets go of when it ends."""

    def app(environ, start_response):
        start_response("200 OK", [])
        return [b"x" * 20_000_000]

    server = serve(app, "--graceful-timeout", 5)
    with server.connect(receive_buffer=4096) as client:
        client.send_request()
        client.read_head()
        if number == signal.SIGINT:
            assert server.stop(number) == 0
            return
        server.send_signal(number)
        assert client.read_exactly(20_000_000) == b"x" * 20_000_000
        assert server.stop(number) == 0
