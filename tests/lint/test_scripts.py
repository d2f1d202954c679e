# SPDX-License-Identifier: MIT
"""The scripts that decide whether something failed, or what must be installed."""

import os
import shutil
import stat
import subprocess
import sys

import pytest

from run import ROOT

# --- scripts/totals ----------------------------------------------------------------------------------

PASSED = '<testcase name="a"/>'
FAILED = '<testcase name="b"><failure message="no"/></testcase>'
BROKEN = '<testcase name="c"><error message="no"/></testcase>'
SKIPPED = '<testcase name="d"><skipped/></testcase>'


def totals(*args):
    command = [sys.executable, ROOT / "scripts/totals", *args]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()[-1]


@pytest.fixture
def report(tmp_path):
    def write(name, *cases):
        path = tmp_path / name
        path.write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
        return path

    return write


def test_totals_adds_reports(report):
    assert totals(report("x", PASSED, PASSED), report("y", PASSED, SKIPPED)) == (
        0,
        "3 passed, 0 failed, 1 skipped",
    )


@pytest.mark.parametrize("bad", [FAILED, BROKEN])
def test_totals_fails_with_a_failure(report, bad):
    assert totals(report("x", PASSED, bad)) == (1, "1 passed, 1 failed")


def test_totals_fails_without_a_report(report, tmp_path):
    assert totals(report("x", PASSED), tmp_path / "missing") == (1, "1 passed, 1 failed")
    (tmp_path / "half").write_text("<testsuites>")
    assert totals(report("x", PASSED), tmp_path / "half") == (1, "1 passed, 1 failed")


def test_totals_fails_when_nothing_ran(report):
    assert totals(report("x", SKIPPED)) == (1, "0 passed, 0 failed, 1 skipped")


def test_totals_counts_stages_that_failed_without_a_test(report):
    assert totals("--stages-failed", "2", report("x", PASSED)) == (1, "1 passed, 2 failed")
    assert totals("--stages-failed", "1", report("x", FAILED, BROKEN)) == (1, "0 passed, 2 failed")


# --- scripts/bootstrap -------------------------------------------------------------------------------


class Machine:
    """A machine that has only the programs that a test gives it, and notes what apt-get is asked for."""

    def __init__(self, folder):
        self.bin = folder / "bin"
        self.bin.mkdir()
        self.asked = folder / "asked"
        for name in ("sh", "env", "id", "mktemp", "rm", "tail"):
            (self.bin / name).symlink_to(shutil.which(name))

    def add(self, name, script):
        path = self.bin / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IEXEC)

    def add_python(self, answer="3.11 system"):
        self.add("python3", f"echo {answer}")

    def add_tools(self):
        self.add("cc", "exit 0")
        self.add_python()

    def bootstrap(self, *args, **env):
        self.add("apt-get", f'echo "$@" >>{self.asked}')
        return self.run(*args, **env)

    def run(self, *args, **env):
        command = [self.bin / "sh", ROOT / "scripts/bootstrap", *args]
        env = {"PATH": str(self.bin), **env}
        return subprocess.run(command, capture_output=True, text=True, env=env)

    def installed(self):
        lines = self.asked.read_text().splitlines() if self.asked.exists() else []
        return [
            word for line in lines if " install " in line for word in line.partition(" install ")[2].split()
        ]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="apt-get is asked by root, or through sudo")


def test_bootstrap_is_silent_when_nothing_is_missing(machine):
    machine.add_tools()
    done = machine.bootstrap("run")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert not machine.asked.exists()


@as_root
def test_bootstrap_installs_what_is_missing(machine):
    done = machine.bootstrap("run")
    assert done.returncode == 0
    assert machine.installed() == ["gcc", "libc6-dev", "python3", "python3-dev", "python3-venv"]


@as_root
def test_bootstrap_installs_what_the_systems_python_lacks(machine):
    machine.add("cc", "exit 0")
    machine.add_python("3.11 system headers venv")
    assert machine.bootstrap("run").returncode == 0
    assert machine.installed() == ["libpython3.11-dev", "python3.11-venv"]


@as_root
def test_bootstrap_says_why_apt_get_failed(machine):
    machine.add_python()
    machine.add("apt-get", "echo the mirror is on fire; exit 100")
    done = machine.run("run")
    assert done.returncode == 1
    assert "the mirror is on fire" in done.stderr
    assert done.stderr.splitlines()[-1] == "apt-get could not install: gcc libc6-dev"


@pytest.mark.parametrize(
    "answer, complaint",
    [
        ("3.8 system", "needs CPython 3.9 or newer, this one is 3.8"),
        ("2.7 own", "needs CPython 3.9 or newer, this one is 2.7"),
        ("", "this one is broken"),
        ("3.12 own headers", "has no headers: choose another interpreter"),
    ],
)
def test_bootstrap_refuses_what_cannot_be_mended(machine, answer, complaint):
    machine.add("cc", "exit 0")
    machine.add_python(answer)
    done = machine.bootstrap("run")
    assert done.returncode == 1
    assert complaint in done.stderr
    assert not machine.asked.exists()


def test_bootstrap_without_apt_names_the_packages(machine):
    machine.add_python()
    done = machine.run("run")
    assert done.returncode == 1
    assert "apt-get install gcc libc6-dev" in done.stderr


def test_bootstrap_believes_the_compiler_that_is_named(machine):
    machine.add_python()
    machine.add("own-cc", "exit 0")
    assert machine.bootstrap("run", CC="own-cc").returncode == 0
    done = machine.bootstrap("run", CC="broken-cc")
    assert done.returncode == 1
    assert "CC=broken-cc does not compile C" in done.stderr


def test_bootstrap_only_checks_when_told(machine):
    machine.add_python()
    done = machine.bootstrap("--check", "run")
    assert done.returncode == 1
    assert "a C compiler" in done.stderr
    assert not machine.asked.exists()


def test_bootstrap_knows_its_sets(machine):
    done = machine.bootstrap("kitchen")
    assert done.returncode == 2
    assert "no set is called kitchen" in done.stderr
