# SPDX-License-Identifier: MIT
"""A server under test: start, first answer, what its processes cost, stop."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TICK_US = 1_000_000 // os.sysconf("SC_CLK_TCK")
PATIENCE_S = 20


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stat(pid):
    """The fields of /proc/PID/stat from the state on; empty when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return []
    return text.rpartition(b")")[2].split()


def family(pid):
    """The process and all below it, the eldest first."""
    children = {}
    for entry in Path("/proc").iterdir():
        fields = stat(entry.name) if entry.name.isdigit() else []
        if fields:
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for parent in found:
        found += sorted(children.get(parent, []))
    return found


def cpu_us(pid):
    """User and system time of a process tree, of its threads and of children that have ended."""
    return sum(int(ticks) for one in family(pid) for ticks in stat(one)[11:15]) * TICK_US


def pss_kib(pid):
    """Proportional set size: shared pages count by the share that the process has in them."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


class Running:
    """A server that runs for a scenario, as a context."""

    def __init__(self, server, scenario):
        self.port = free_port()
        self.path = scenario.path
        program, *options = server.command
        self.command = [ROOT / server.venv / "bin" / program, *options, *scenario.options]
        self.command += ["--bind", f"127.0.0.1:{self.port}", scenario.application]
        self.folder = ROOT / scenario.folder
        self.start_s = None

    def __enter__(self):
        self.log = tempfile.TemporaryFile()
        began = time.monotonic()
        self.process = subprocess.Popen(
            list(map(str, self.command)),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            start_new_session=True,
        )
        try:
            self._wait_for_answer(began + PATIENCE_S)
        except BaseException:
            self._stop()
            raise
        self.start_s = time.monotonic() - began
        return self

    def __exit__(self, *_):
        self._stop()

    @property
    def pid(self):
        return self.process.pid

    @property
    def workers(self):
        return family(self.pid)[1:]

    def _wait_for_answer(self, deadline):
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
                connection.request("GET", self.path)
                status = connection.getresponse().status
                connection.close()
                if status == 200:
                    return
            time.sleep(0.002)
        self.log.seek(0)
        text = self.log.read().decode(errors="replace")
        raise RuntimeError(f"{self.command[0]} does not answer:\n{text}")

    def _stop(self):
        """Asks first; what remains of its session is killed."""
        self.process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()
        self.log.close()
