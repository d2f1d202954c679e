# SPDX-License-Identifier: MIT
"""galley.run(app, …): the server started from Python."""

import shlex

import pytest

from harness.server import PROGRAM_VARIABLE, program

SCRIPT = """
import os
import galley

def app(environ, start_response):
    start_response("200 OK", [])
    return [str(os.getpid()).encode()]

if __name__ == "__main__":
    raise SystemExit(galley.run(app, bind="127.0.0.1:0", workers=2))
"""


def script_command():
    """What starts the program starts a script as well."""
    *interpreter, option, module = program()
    assert (option, module) == ("-m", "galley")
    return [*interpreter, "script.py"]


@pytest.fixture
def serve_script(serve, tmp_path, monkeypatch):
    """Runs a script that starts the server itself."""

    def start(text):
        (tmp_path / "script.py").write_text(text)
        monkeypatch.setenv(PROGRAM_VARIABLE, shlex.join(script_command()))
        return serve(None, bind=())

    return start


def test_run_serves_with_its_settings(serve_script):
    server = serve_script(SCRIPT)
    workers = server.wait_for_workers(2)
    pids = {int(server.get().body) for _ in range(20)}
    assert pids <= set(workers)
    assert server.stop() == 0


def test_run_takes_a_name(serve_script):
    server = serve_script("import galley; raise SystemExit(galley.run('echo:app', bind='127.0.0.1:0'))")
    assert server.request("POST", body=b"by name").body == b"by name"


def test_run_reads_no_configuration_file(serve_script, tmp_path):
    (tmp_path / "gunicorn.conf.py").write_text("workers = 3\nraise SystemExit('read')")
    assert serve_script(SCRIPT).wait_for_workers(2)


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"workers": "many"}, ["workers", "many", "galley.run()"]),
        ({"workers": -1}, ["workers", "-1", "galley.run()"]),
        ({"wokers": 2}, ["wokers", "workers"]),
        ({"keyfile": "key.pem"}, ["keyfile", "not supported yet"]),
    ],
    ids=str,
)
def test_bad_settings_raise_value_error(galley, tmp_path, monkeypatch, settings, words):
    (tmp_path / "script.py").write_text(f"import galley; galley.run('echo:app', **{settings!r})")
    monkeypatch.setenv(PROGRAM_VARIABLE, shlex.join(script_command()))
    done = galley()
    assert done.code == 1
    assert done.last_line.startswith("ValueError: ")
    for word in words:
        assert word in done.last_line
