# SPDX-License-Identifier: MIT
"""Starts the real program, watches it, stops it, and says what was wrong with the run.

The program is `python -m galley` of the interpreter that runs the tests; GALLEY_E2E_PROGRAM names another
one, such as a build elsewhere or a gunicorn to compare with.
"""

import contextlib
import inspect
import os
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from . import processes
from .client import Client, Response
from .log import Log
from .waiting import PATIENCE, eventually

APPS = Path(__file__).parent.parent / "apps"
PROGRAM_VARIABLE = "GALLEY_E2E_PROGRAM"
LISTENING = re.compile(r"Listening at: (.*) \((\d+)\)")
# Variables by which the surroundings of a test run could change what is tested.
FOREIGN = (
    "FORWARDED_ALLOW_IPS GALLEY_CMD_ARGS GUNICORN_CMD_ARGS LISTEN_FDS LISTEN_PID NOTIFY_SOCKET PORT "
    "SCRIPT_NAME SENDFILE WEB_CONCURRENCY"
).split()


def program():
    return shlex.split(os.environ.get(PROGRAM_VARIABLE, "")) or [sys.executable, "-m", "galley"]


def environment(mark, extra):
    env = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    path = [str(APPS), *filter(None, [env.get("PYTHONPATH")])]
    env.update(PYTHONPATH=os.pathsep.join(path), PYTHONDONTWRITEBYTECODE="1", GALLEY_E2E_MARK=mark)
    env.update(extra or {})
    return env


def write_app(app, folder):
    """Makes an application of what a test gives, and returns its name for the command line: a function called
    `app` (only its text counts: it sees nothing outside itself), a module as a text of several lines, or the
    name of a module in tests/e2e/apps."""
    if isinstance(app, str) and "\n" not in app:
        return app
    text = app if isinstance(app, str) else inspect.getsource(app)
    (folder / "app.py").write_text(textwrap.dedent(text))
    return "app:app"


def address_of(url, folder):
    if url.startswith("unix:"):
        return str(folder / url[len("unix:") :])
    host, _, port = url.partition("://")[2].rpartition(":")
    return host.strip("[]"), int(port)


@dataclass
class Run:
    """What a program did that has ended."""

    code: int
    out: str
    err: str

    @property
    def last_line(self):
        return self.err.rstrip("\n").rpartition("\n")[2]


def run(folder, *args, env=None, timeout=PATIENCE, **options):
    """Runs the program to its end. A server that it leaves behind is the caller's to find."""
    mark = uuid.uuid4().hex
    process = subprocess.Popen(
        [*program(), *map(str, args)],
        cwd=folder,
        env=environment(mark, env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    )
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        kill(processes.family(mark, process.pid))
        out, err = process.communicate()
        raise AssertionError(f"the program did not end:\n{out}\n{err}") from None
    return Run(process.returncode, out, err)


def kill(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class Server:
    """A running server. Options are those of the command line, but for the addresses to bind. `log` names the
    file of the error log when the options send it to one."""

    def __init__(self, folder, app, *options, env=None, bind=("127.0.0.1:0",), log="stderr", **popen):
        self.folder = folder
        self.mark = uuid.uuid4().hex
        self.log = Log(folder / log)
        self.stderr = folder / "stderr"
        self.stdout = folder / "stdout"
        self.exit_code = None
        self._expected_exit = 0
        self._survivors_expected = False
        self._is_closed = False
        binds = [word for one in bind for word in ("--bind", one)]
        words = [*options, *binds, *([write_app(app, folder)] if app else [])]
        command = [*program(), *map(str, words)]
        with self.stderr.open("wb") as err, self.stdout.open("wb") as out:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=environment(self.mark, env),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                **popen,
            )

    # Start

    def wait_until_listening(self):
        self.urls = eventually(self._listening, "the server to listen")
        self.addresses = [address_of(url, self.folder) for url in self.urls]
        return self

    def _listening(self):
        matches = [LISTENING.fullmatch(message) for message in self.log.messages("INFO")]
        urls = [url for match in matches if match for url in match[1].split(",")]
        if not urls and self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.log.read()}")
        return urls

    @property
    def pid(self):
        return self.process.pid

    @property
    def address(self):
        return self.addresses[0]

    @property
    def port(self):
        return self.address[1]

    def workers(self):
        """The pids of the worker processes, oldest first."""
        return processes.children(self.pid)

    def wait_for_workers(self, n):
        return eventually(lambda: len(self.workers()) == n and self.workers(), f"{n} workers")

    # Use

    def connect(self, **options):
        return Client(self.address, **options)

    def request(self, *args, **kwargs) -> Response:
        """One request over a connection of its own."""
        with self.connect() as client:
            return client.request(*args, **kwargs)

    def get(self, target="/", *args, **kwargs) -> Response:
        return self.request("GET", target, *args, **kwargs)

    def send_signal(self, number):
        self.process.send_signal(number)

    # End

    def expect_exit(self, code):
        """The server will end, or has ended, by itself and with this code; waits for that."""
        self._expected_exit = code
        assert self._wait() == code, self.log.read()

    def expect_survivors(self):
        """Processes may outlive the master: the test itself sees to their end."""
        self._survivors_expected = True

    def stop(self, number=signal.SIGTERM):
        """Asks the server to end and returns its exit code."""
        self.send_signal(number)
        return self._wait()

    def _wait(self, timeout=PATIENCE):
        self.exit_code = self.process.wait(timeout)
        return self.exit_code

    def _end(self):
        """Ends what still runs; returns what was wrong with that."""
        if self.process.poll() is None:
            self.send_signal(signal.SIGTERM)
        try:
            self._wait()
        except subprocess.TimeoutExpired:
            return ["the server did not stop"]
        if self.exit_code != self._expected_exit:
            return [f"exit code {self.exit_code} instead of {self._expected_exit}"]
        return []

    def _survivors(self):
        """Processes that are still there a moment after the master has gone."""
        deadline = time.monotonic() + (PATIENCE if self._survivors_expected else 1)
        while True:
            left = processes.family(self.mark, self.pid)
            if not left or time.monotonic() > deadline:
                return left
            time.sleep(0.02)

    def close(self):
        """Stops the server and fails, once, if anything about its run was not as it should be."""
        if self._is_closed:
            return
        self._is_closed = True
        complaints = self._end()
        left = self._survivors()
        kill([*left, self.pid] if self.process.poll() is None else left)
        self.process.wait()
        if left:
            complaints.append(f"processes left behind: {left}")
        complaints += self.log.complaints()
        assert not complaints, "\n".join([*complaints, "", "The whole log:", self.log.read()])


class Servers:
    """All servers of a test or of a test module."""

    def __init__(self, folder):
        self.folder = folder
        self.started = []

    def __call__(self, app, *options, **more):
        folder = self.folder / str(len(self.started)) if self.started else self.folder
        folder.mkdir(exist_ok=True)
        server = Server(folder, app, *options, **more)
        self.started.append(server)
        return server.wait_until_listening()

    def close(self):
        failures = []
        for server in self.started:
            try:
                server.close()
            except AssertionError as failure:
                failures.append(str(failure))
        assert not failures, "\n".join(failures)
