# SPDX-License-Identifier: MIT
"""Other users than root: workers that become one, and a server that is one."""

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from harness import processes
from harness.server import APPS, PROGRAM_VARIABLE
from harness.waiting import eventually

NOBODY = 65534  # user and group "nobody", "nogroup"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")


@pytest.fixture
def tmp_path():
    """Other users may not look into pytest's own folders."""
    with tempfile.TemporaryDirectory(prefix="galley-e2e-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def may_run(python, package):
    """Whether another user may run galley and the applications of the tests with this interpreter."""
    script = f"exec {python} -c 'import galley, json, traceback, where'"
    env = {"PYTHONPATH": f"{package}{os.pathsep}{APPS}"}
    run = subprocess.run(["/bin/sh", "-c", script], env=env, user=NOBODY, capture_output=True, check=False)
    return run.returncode == 0


@pytest.fixture(autouse=True)
def public_program(monkeypatch):
    """An interpreter that other users may read, since the one that runs the tests may live in root's home."""
    package = Path(importlib.util.find_spec("galley").origin).parent.parent
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for python in filter(None, [sys.executable, shutil.which(version, path="/usr/bin:/usr/local/bin")]):
        if may_run(python, package):
            monkeypatch.setenv("PYTHONPATH", str(package))
            monkeypatch.setenv(PROGRAM_VARIABLE, f"{python} -m galley")
            return
    pytest.skip("no interpreter that another user may run")


def who(server):
    return json.loads(server.get().body)


# --- workers that become another user ------------------------------------------------------------


def test_user_and_group(serve):
    server = serve("where:app", "--user", "nobody", "--group", "nogroup")
    said = who(server)
    assert (said["user"], said["group"]) == (NOBODY, NOBODY)
    assert 0 not in said["groups"]
    for field in "Uid", "Gid":
        assert processes.status(said["pid"])[field].split() == [str(NOBODY)] * 4
    assert processes.status(server.pid)["Uid"].split() == ["0"] * 4


def test_user_by_number(serve):
    said = who(serve("where:app", "--user", 12345, "--group", 23456))
    assert (said["user"], said["group"]) == (12345, 23456)


def test_logs_of_a_user_can_be_reopened(serve, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    os.chown(logs, NOBODY, NOBODY)
    options = ["--error-logfile", "logs/error.log", "--access-logfile", "logs/access.log"]
    server = serve("where:app", "--user", NOBODY, *options, log="logs/error.log")
    server.get()
    for name in "error.log", "access.log":
        (logs / name).unlink()
    server.send_signal(signal.SIGUSR1)
    for name in "error.log", "access.log":
        eventually((logs / name).exists, f"{name} to be there again")
    eventually(lambda: server.get() and (logs / "access.log").read_text(), "a line of the access log")


def test_unix_socket_belongs_to_the_user(serve, tmp_path):
    server = serve("where:app", "--user", 12345, "--group", 23456, bind=["unix:x.sock"])
    assert who(server)["user"] == 12345
    owner = (tmp_path / "x.sock").stat()
    assert (owner.st_uid, owner.st_gid) == (12345, 23456)


# --- a server that is not root -------------------------------------------------------------------


@pytest.fixture
def fails(galley):
    """Runs the program as nobody; it must end with 1, and its last line must hold these words."""

    def check(words, *args, bind="127.0.0.1:0"):
        done = galley(*args, "--bind", bind, "where:app", user=NOBODY, group=NOBODY, extra_groups=[])
        assert done.code == 1, done.err
        for word in words:
            assert word in done.last_line, done.err

    return check


def test_server_of_another_user(serve):
    server = serve("where:app", user=NOBODY, group=NOBODY, extra_groups=[])
    assert who(server)["user"] == NOBODY


def test_configuration_that_may_not_be_read(fails, tmp_path):
    (tmp_path / "gunicorn.conf.py").write_text("workers = 2\n")
    (tmp_path / "gunicorn.conf.py").chmod(0o600)
    fails(["gunicorn.conf.py", "Permission denied"])


def test_socket_in_a_folder_that_may_not_be_written(fails):
    fails(["bind", "unix:x.sock", "Permission denied"], bind="unix:x.sock")


def test_port_that_is_privileged(fails):
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) < 1024:
        pytest.skip("no port is privileged here")
    fails(["bind", "127.0.0.1:1", "Permission denied"], bind="127.0.0.1:1")


def test_user_that_one_may_not_become(galley):
    done = galley("--user", "root", "--bind", "127.0.0.1:0", "where:app", user=NOBODY, group=NOBODY)
    assert done.code == 3
    assert "cannot become user 0" in done.err and "Operation not permitted" in done.err


def test_log_that_may_not_be_written(fails):
    fails(["errorlog", "x.log", "Permission denied"], "--error-logfile", "x.log")


def test_folder_that_may_not_be_entered(fails, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o700)
    fails(["chdir", "closed", "Permission denied"], "--chdir", "closed")


def test_folder_of_the_pid_file_that_may_not_be_written(fails):
    fails(["pidfile", "x.pid", "Permission denied"], "--pid", "x.pid")
