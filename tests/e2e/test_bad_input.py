# SPDX-License-Identifier: MIT
"""What goes wrong before the first request: each time a message that says what, and gunicorn's exit code."""

import os
import socket
import subprocess
import textwrap

import pytest


@pytest.fixture
def fails(galley, tmp_path):
    """Runs the program, which must end with this code; its last line must hold these words."""

    def check(code, words, *args, app="echo:app", bind="127.0.0.1:0", **more):
        done = galley(*args, *(["--bind", bind] if bind else []), *([app] if app else []), **more)
        assert done.code == code, done.err
        for word in words:
            assert word in done.last_line, done.err
        return done

    return check


def write(folder, name, text):
    (folder / name).write_text(textwrap.dedent(text))


# --- the application -----------------------------------------------------------------------------


def test_no_application(fails):
    fails(1, ["No application module specified", "module:variable"], app=None)


def test_no_such_module(fails):
    done = fails(3, ["No module named 'nowhere'"], app="nowhere:app")
    assert "Traceback" not in done.err


def test_no_such_module_in_a_package(fails):
    fails(3, ["No module named 'email.nowhere'"], app="email.nowhere:app")


def test_import_error_inside_the_application(fails, tmp_path):
    write(tmp_path, "broken.py", "import os\n\nimport missing_dependency\n")
    done = fails(3, ["broken", "missing_dependency"], app="broken:app")
    assert "Traceback (most recent call last)" in done.err
    assert 'broken.py", line 3' in done.err
    assert "importlib" not in done.err
    assert not done.last_line.startswith(" ")


def test_exception_while_the_application_is_imported(fails, tmp_path):
    write(tmp_path, "broken.py", "def cook():\n    return 1 / 0\n\ncook()\n")
    done = fails(3, ["broken", "ZeroDivisionError"], app="broken:app")
    assert 'broken.py", line 2, in cook' in done.err


def test_syntax_error(fails, tmp_path):
    write(tmp_path, "broken.py", "def app(:\n")
    done = fails(3, ["broken", "SyntaxError"], app="broken:app")
    assert 'broken.py", line 1' in done.err


def test_exit_while_the_application_is_imported(fails, tmp_path):
    write(tmp_path, "broken.py", "import sys\nsys.exit(7)\n")
    fails(3, ["broken", "SystemExit: 7"], app="broken:app")


def test_missing_attribute(fails):
    fails(4, ["Failed to find attribute 'ap' in 'echo'", "Did you mean 'app'?"], app="echo:ap")


def test_default_name_is_application(fails):
    fails(4, ["Failed to find attribute 'application' in 'echo'"], app="echo")


def test_not_callable(fails, tmp_path):
    write(tmp_path, "module.py", "app = 'text'\n")
    fails(4, ["Application object must be callable", "'module:app'", "str"], app="module:app")


def test_none(fails, tmp_path):
    write(tmp_path, "module.py", "app = None\n")
    fails(4, ["Failed to find application object", "'module:app'"], app="module:app")


@pytest.mark.parametrize("expression", ["app(", "1 + 1", "app[0]", "lambda: 0", "app(x)", "app; x", "'app'"])
def test_expression_that_is_no_name_or_call(fails, expression):
    fails(4, ["Failed to parse"], app=f"echo:{expression}")


def test_factory_with_wrong_arguments(fails, tmp_path):
    write(tmp_path, "module.py", "def make(a, b):\n    pass\n")
    fails(4, ["make", "argument"], app="module:make(1)")


def test_factory_that_fails(fails, tmp_path):
    write(tmp_path, "module.py", "def make():\n    raise RuntimeError('no database')\n")
    done = fails(3, ["make()", "RuntimeError: no database"], app="module:make()")
    assert "Traceback" in done.err


def test_file_name_for_a_module_name(fails, tmp_path):
    write(tmp_path, "wsgi.py", "app = 1\n")
    fails(3, ["did you mean 'wsgi:app'?"], app="wsgi.py:app")


def test_reason_is_the_last_line_with_many_workers(fails):
    done = fails(3, ["No module named 'nowhere'"], "--workers", 4, app="nowhere:app")
    assert done.err.count("Reason: ") <= 1


@pytest.mark.parametrize("app, code", [("echo:app", 0), ("nowhere:app", 1), ("echo:ap", 1)])
def test_check_config_loads_the_application(galley, app, code):
    done = galley("--check-config", app)
    assert done.code == code
    assert code == 0 or app.rpartition(":")[0] in done.last_line


# --- the command line ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "option, value, words",
    [
        ("--workers", "many", ["workers", "'many'"]),
        ("--workers", "1.5", ["workers", "'1.5'"]),
        ("--threads", "", ["threads"]),
        ("--log-level", "loud", ["log-level", "loud"]),
    ],
)
def test_wrong_type_on_the_command_line(galley, option, value, words):
    done = galley(option, value, "echo:app")
    assert done.code in (1, 2)
    for word in words:
        assert word in done.last_line


@pytest.mark.parametrize("option", ["workers", "threads", "timeout", "backlog", "keep-alive"])
def test_out_of_range_on_the_command_line(fails, option):
    name = option.replace("keep-alive", "keepalive")
    fails(1, [name, "-1", "command line"], f"--{option}=-1")


def test_unknown_option_gets_the_nearest_name(fails):
    fails(2, ["unrecognized arguments: --wokers", "--workers"], "--wokers=4")


def test_ambiguous_prefix(fails):
    fails(2, ["ambiguous option: --work", "--workers", "--worker-class"], "--work=4")


def test_option_without_its_value(galley):
    done = galley("echo:app", "--workers")
    assert done.code == 2
    assert "--workers" in done.last_line and "expected one argument" in done.last_line


@pytest.mark.parametrize(
    "option", [["--reload"], ["--preload"], ["--certfile", "x"], ["--statsd-host", "x:1"]]
)
def test_known_options_that_are_not_supported_yet(fails, option):
    name = option[0].lstrip("-").replace("-", "_").replace("preload", "preload_app")
    fails(1, ["not supported yet", name], *option)


@pytest.mark.parametrize("worker_class", ["gevent", "uvicorn.workers.UvicornWorker", "nonsense"])
def test_worker_class_that_is_not_there(fails, worker_class):
    fails(1, ["worker_class", worker_class], "-k", worker_class)


@pytest.mark.parametrize("variable", ["GUNICORN_CMD_ARGS", "GALLEY_CMD_ARGS"])
def test_bad_option_in_the_environment(fails, variable):
    fails(1, ["workers", "-3", variable], env={variable: "--workers=-3"})


def test_bad_variable(fails):
    fails(1, ["workers", "many", "WEB_CONCURRENCY"], env={"WEB_CONCURRENCY": "many"})


# --- the configuration file ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, words",
    [
        ("workers = 'many'", ["workers", "'many'"]),
        ("workers = -1", ["workers", "-1"]),
        ("workers = 2.5", ["workers", "2.5"]),
        ("bind = 8000", ["bind", "8000"]),
        ("accesslog = 3", ["accesslog", "3"]),
        ("daemon = 'perhaps'", ["daemon", "'perhaps'"]),
        ("certfile = 'x.pem'", ["certfile", "not supported yet"]),
        ("chdir = 'nowhere'", ["chdir", "nowhere"]),
    ],
)
def test_bad_value_in_the_configuration(fails, tmp_path, text, words):
    write(tmp_path, "gunicorn.conf.py", text + "\n")
    fails(1, [*words, "gunicorn.conf.py"])


def test_configuration_that_raises(fails, tmp_path):
    write(tmp_path, "gunicorn.conf.py", "workers = 2\n\nthreads = 1 / 0\n")
    done = fails(1, ["gunicorn.conf.py", "ZeroDivisionError"])
    assert "Traceback" in done.err and "line 3" in done.err


def test_configuration_that_is_no_python(fails, tmp_path):
    write(tmp_path, "gunicorn.conf.py", "workers 2;\n")
    fails(1, ["gunicorn.conf.py", "SyntaxError"])


def test_configuration_that_is_not_there(fails):
    fails(1, ["nowhere.py", "doesn't exist"], "-c", "nowhere.py")


def test_configuration_that_is_a_directory(fails, tmp_path):
    (tmp_path / "folder.py").mkdir()
    fails(1, ["folder.py", "directory"], "-c", "folder.py")


def test_configuration_module_that_is_not_there(fails):
    fails(1, ["config", "nowhere"], "-c", "python:nowhere")


# --- the surroundings ----------------------------------------------------------------------------


@pytest.mark.slow
def test_port_in_use(fails):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        done = fails(1, ["bind", bind, "in use"], bind=bind)
    assert "Connection in use" in done.err


@pytest.mark.parametrize(
    "bind", ["256.1.1.1:80", "127.0.0.1:99999", "127.0.0.1:http", "[::1", "unix:", "fd://x"]
)
def test_address_that_is_none(fails, bind):
    fails(1, ["bind", bind], bind=bind)


def test_address_of_another_machine(fails):
    fails(1, ["bind", "192.0.2.1:8000"], bind="192.0.2.1:8000")


def test_descriptor_that_is_not_open(fails):
    fails(1, ["bind", "fd://77"], bind="fd://77")


def test_socket_in_a_folder_that_is_not_there(fails):
    fails(1, ["bind", "nowhere/x.sock", "No such file"], bind="unix:nowhere/x.sock")


def test_socket_path_of_another_file(fails, tmp_path):
    write(tmp_path, "file", "precious")
    fails(1, ["bind", "unix:file"], bind="unix:file")
    assert (tmp_path / "file").read_text() == "precious"


def test_socket_path_that_is_too_long(fails):
    fails(1, ["bind", "unix:"], bind="unix:" + "x" * 200)


def test_socket_of_a_server_that_lives(fails, tmp_path):
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(tmp_path / "x.sock"))
        living.listen()
        fails(1, ["bind", "x.sock", "in use"], bind="unix:x.sock")
    assert (tmp_path / "x.sock").exists()


def test_stale_socket_file_is_replaced(serve, tmp_path):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(tmp_path / "x.sock"))
    assert serve("echo:app", bind=["unix:x.sock"]).request("POST", body=b"fresh").body == b"fresh"


def test_chdir_to_nowhere(fails):
    fails(1, ["chdir", "nowhere", "command line"], "--chdir", "nowhere")


def test_unknown_user(fails):
    fails(1, ["user", "nobody-of-that-name"], "--user", "nobody-of-that-name")


def test_unknown_group(fails):
    fails(1, ["group", "nobodies-of-that-name"], "--group", "nobodies-of-that-name")


def test_error_log_that_cannot_be_opened(fails):
    fails(1, ["errorlog", "nowhere/error.log", "No such file"], "--error-logfile", "nowhere/error.log")


def test_access_log_that_cannot_be_opened(fails):
    done = fails(
        1, ["accesslog", "nowhere/access.log", "No such file"], "--access-logfile", "nowhere/access.log"
    )
    assert done.err.count("nowhere/access.log") <= 2


def test_pid_file_that_cannot_be_written(fails):
    fails(1, ["pidfile", "nowhere/pid", "No such file"], "--pid", "nowhere/pid")


def test_pid_file_of_a_server_that_lives(fails, tmp_path):
    write(tmp_path, "pid", f"{os.getpid()}\n")
    fails(1, [f"Already running on PID {os.getpid()}", "pid"], "--pid", "pid")
    assert (tmp_path / "pid").read_text() == f"{os.getpid()}\n"


def test_stale_pid_file_is_replaced(serve, tmp_path):
    gone = subprocess.Popen(["true"])
    gone.wait()
    write(tmp_path, "pid", f"{gone.pid}\n")
    server = serve("echo:app", "--pid", "pid")
    server.get()
    assert (tmp_path / "pid").read_text() == f"{server.pid}\n"
