# SPDX-License-Identifier: MIT
"""Settings from every source: who wins, what is read, and what --help and --print-config say."""

import os
import signal
import textwrap

import pytest

APP = "def application(environ, start_response):\n    start_response('200 OK', [])\n    return [b'']\n"


def write(folder, name, text):
    (folder / name).write_text(textwrap.dedent(text))


@pytest.fixture(autouse=True)
def an_application(tmp_path):
    write(tmp_path, "site.wsgi.py", APP)
    write(tmp_path, "app.py", APP)


@pytest.fixture
def settings(galley):
    """What --print-config says, as a dict of texts."""

    def ask(*args, app="app", **options):
        done = galley(*args, "--print-config", *([app] if app else []), **options)
        assert done.code == 0, done.err
        pairs = (line.partition("=") for line in done.out.splitlines())
        return {name.strip(): value.strip() for name, _, value in pairs}

    return ask


# --- what the program says of itself -------------------------------------------------------------


@pytest.mark.parametrize("flag", ["--version", "-v", "--vers"])
def test_version(galley, flag):
    done = galley(flag)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("galley (version ") and done.out.endswith(")\n")


@pytest.mark.parametrize("flag", ["--help", "-h", "--hel"])
def test_help(galley, flag):
    done = galley("nowhere:app", flag)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("usage: galley [OPTIONS] [APP_MODULE]\n")
    assert "  -w, --workers INT         Worker processes [1, or from $WEB_CONCURRENCY]\n" in done.out
    assert max(map(len, done.out.splitlines())) <= 80


def test_print_config_is_gunicorns(galley):
    done = galley("--print-config", "app")
    lines = done.out.splitlines()
    assert (done.code, done.err) == (0, "")
    assert lines == sorted(lines)
    assert "bind                               = ['127.0.0.1:8000']" in lines
    assert "pidfile                            = None" in lines
    assert "daemon                             = False" in lines
    assert "default_proc_name                  = app" in lines
    assert any(
        line.endswith(' = %(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"') for line in lines
    )


def test_check_config_is_quiet(galley):
    done = galley("--check-config", "app")
    assert (done.code, done.out, done.err) == (0, "", "")


# --- the command line ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "args", [["-w4"], ["-w", "4"], ["-w=4"], ["--workers=4"], ["--workers", "4"], ["--workers=1", "-w4"]]
)
def test_forms_of_an_option(settings, args):
    assert settings(*args)["workers"] == "4"


def test_options_behind_the_application(galley):
    done = galley("app", "-w", "3", "--print-config", "-D")
    assert "workers                            = 3" in done.out
    assert "daemon                             = True" in done.out


def test_abbreviations_and_clusters(settings):
    found = settings("--access-logfi", "x.log", "-Dw2", "--max-requests-j=5")
    assert (found["accesslog"], found["workers"], found["max_requests_jitter"]) == ("x.log", "2", "5")


def test_repeated_options(settings):
    found = settings("-b", ":8001", "--bind=unix:x.sock", "-e", "A=1", "-e", "B=it's")
    assert found["bind"] == "[':8001', 'unix:x.sock']"
    assert found["raw_env"] == """['A=1', "B=it's"]"""


def test_only_the_first_operand_counts(galley):
    assert galley("--check-config", "app", "nowhere:app").code == 0
    assert galley("--check-config", "--", "app").code == 0


def test_bytes_that_are_not_utf_8(galley):
    done = galley("--print-config", "app", "--pid", os.fsdecode(b"caf\xe9"), errors="surrogateescape")
    assert done.code == 0
    assert os.fsencode(done.out).find(b"pidfile                            = caf\xe9\n") > 0


# --- who wins ------------------------------------------------------------------------------------


def test_later_sources_win(settings, tmp_path):
    env = {"WEB_CONCURRENCY": "2"}
    assert settings()["workers"] == "1"
    assert settings(env=env)["workers"] == "2"
    write(tmp_path, "gunicorn.conf.py", "workers = 3\n")
    assert settings(env=env)["workers"] == "3"
    env["GUNICORN_CMD_ARGS"] = "--workers=4 -n 'a name'"
    assert settings(env=env)["workers"] == "4"
    env["GALLEY_CMD_ARGS"] = "-w5"
    assert settings(env=env)["workers"] == "5"
    assert settings("-w", 6, env=env)["workers"] == "6"
    assert settings("-w", 6, env=env)["proc_name"] == "a name"


def test_a_list_replaces_the_list_before_it(settings, tmp_path):
    write(tmp_path, "gunicorn.conf.py", "bind = ['a:1', 'b:2']\n")
    assert settings()["bind"] == "['a:1', 'b:2']"
    assert settings("-b", "c:3")["bind"] == "['c:3']"


def test_port_is_a_default(settings):
    assert settings(env={"PORT": "5000"})["bind"] == "['0.0.0.0:5000']"
    assert settings("-b", ":1", env={"PORT": "5000"})["bind"] == "[':1']"
    assert settings(env={"PORT": "", "WEB_CONCURRENCY": ""})["bind"] == "['127.0.0.1:8000']"


def test_the_command_line_names_the_application(galley, tmp_path):
    write(tmp_path, "gunicorn.conf.py", "wsgi_app = 'app'\n")
    assert galley("--check-config").code == 0
    assert galley("--check-config", "nowhere").code == 1
    assert galley("--check-config", env={"GUNICORN_CMD_ARGS": "nowhere"}).code == 0


# --- the configuration file ----------------------------------------------------------------------


@pytest.mark.parametrize("location", ["deep/x.conf.py", "file:deep/x.conf.py", "python:deep.module"])
@pytest.mark.parametrize("how", ["command line", "environment"])
def test_forms_of_a_location(settings, tmp_path, location, how):
    (tmp_path / "deep").mkdir()
    write(tmp_path, "gunicorn.conf.py", "1 / 0\n")
    for name in ("deep/x.conf.py", "deep/module.py"):
        write(tmp_path, name, "workers = 3\n")
    if how == "command line":
        assert settings("-c", location)["workers"] == "3"
    else:
        assert settings(env={"GUNICORN_CMD_ARGS": f"-c {location}"})["workers"] == "3"


def test_another_extension_is_warned_about(galley, tmp_path):
    write(tmp_path, "settings.cfg", "workers = 3\n")
    done = galley("-c", "settings.cfg", "--print-config", "app")
    assert done.code == 0
    assert "workers                            = 3" in done.out
    assert "[WARNING] configuration file should have a valid Python extension: settings.cfg" in done.err


def test_the_file_is_python(settings, tmp_path):
    write(
        tmp_path,
        "gunicorn.conf.py",
        """
        import os
        from multiprocessing import cpu_count

        def worker():
            return __file__

        bind = ("127.0.0.1:%d" % port for port in (1, 2))
        bind = tuple(bind)
        workers = len(worker()) * 0 + int(os.environ["COUNT"]) + cpu_count() * 0
        accesslog = None
        loglevel = "Debug"
        threads = "0x2"
        umask = 0o22
        limit_request_body = "10m"
        """,
    )
    found = settings(env={"COUNT": "3"})
    assert found["bind"] == "['127.0.0.1:1', '127.0.0.1:2']"
    assert [found[name] for name in ("workers", "threads", "umask", "loglevel")] == ["3", "2", "18", "Debug"]
    assert found["limit_request_body"] == str(10 << 20)


def test_other_names_are_ignored_but_near_misses_are_warned_about(galley, tmp_path):
    write(
        tmp_path,
        "gunicorn.conf.py",
        """
        import os as worker
        database = "postgres:"
        _workers = 1
        wrkers = 4
        keep_alive = 5
        def bind_(): pass
        class Timeout: pass
        """,
    )
    done = galley("--check-config", "app")
    assert done.code == 0
    warnings = [line.partition("[WARNING] ")[2] for line in done.err.splitlines()]
    path = tmp_path / "gunicorn.conf.py"
    assert warnings == [
        f"{path}: 'wrkers' is not a setting and is ignored; did you mean 'workers'?",
        f"{path}: 'keep_alive' is not a setting and is ignored; did you mean 'keepalive'?",
    ]


def test_not_supported_at_its_default_is_fine(galley, tmp_path):
    write(
        tmp_path,
        "gunicorn.conf.py",
        "preload_app = False\nforwarded_allow_ips = '127.0.0.1,::1'\nlogconfig_dict = {}\ncertfile = None\n",
    )
    assert galley("--check-config", "app").code == 0


def test_a_hook_is_not_ignored(galley, tmp_path):
    write(tmp_path, "gunicorn.conf.py", "def on_exit(server):\n    pass\n")
    done = galley("--check-config", "app")
    assert done.code == 1
    assert done.last_line.startswith("galley: error: setting 'on_exit': not supported yet")


def test_exit_in_the_file_is_the_programs(galley, tmp_path):
    write(tmp_path, "gunicorn.conf.py", "raise SystemExit(5)\n")
    assert galley("--check-config", "app").code == 5


# --- where it runs -------------------------------------------------------------------------------


def test_chdir_holds_for_the_application_but_not_for_the_search_of_the_file(galley, tmp_path):
    (tmp_path / "sub").mkdir()
    write(tmp_path, "gunicorn.conf.py", "chdir = 'sub'\n")
    write(tmp_path, "sub/gunicorn.conf.py", "1 / 0\n")
    write(tmp_path, "sub/inner.py", "import os, app\nassert os.getcwd().endswith('sub')\n" + APP)
    assert galley("--check-config", "inner").code == 0
    assert galley("--check-config", "--chdir", "sub", "inner").code == 0


def test_the_file_may_import_from_the_current_directory(galley, tmp_path):
    write(tmp_path, "defaults.py", "count = 3\n")
    write(tmp_path, "gunicorn.conf.py", "from defaults import count as workers\n")
    assert "workers                            = 3" in galley("--print-config", "app").out


def test_pythonpath(galley, tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write(tmp_path, f"{name}/module_{name}.py", APP)
    assert galley("--check-config", "--pythonpath", f"{tmp_path}/one,two", "module_one").code == 0
    assert galley("--check-config", "--pythonpath", f"{tmp_path}/one,two", "module_two").code == 0
    assert galley("--check-config", "module_two").code == 1


def test_env_is_set_when_the_application_is_loaded(galley, tmp_path):
    write(tmp_path, "asks.py", "import os\nassert os.environ['STAGE'] == 'a=b'\n" + APP)
    assert galley("--check-config", "asks", "-e", "STAGE=a=b").code == 0
    assert galley("--check-config", "asks").code == 1


# --- names of applications -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "app",
        "app:application",
        "shop:factory()",
        "shop:factory('x', debug=True)",
        "shop:site.wsgi",
        "shop:site.make(sizes=[1, {'a': None}])",
        "web_shop.6-odd_or_even:application",
        "package",
    ],
)
def test_names_of_applications(galley, tmp_path, name):
    write(
        tmp_path,
        "shop.py",
        """
        def factory(name=None, debug=False):
            return lambda environ, start_response: []
        class site:
            wsgi = factory()
            def make(sizes):
                assert sizes == [1, {"a": None}]
                return factory()
        site.make = staticmethod(site.make)
        """,
    )
    (tmp_path / "web_shop").mkdir()
    write(tmp_path, "web_shop/6-odd_or_even.py", APP)
    (tmp_path / "package").mkdir()
    write(tmp_path, "package/__init__.py", APP)
    done = galley("--check-config", name)
    assert done.code == 0, done.err


# --- reload --------------------------------------------------------------------------------------


def test_reload_reads_everything_again(serve, tmp_path):
    write(tmp_path, "gunicorn.conf.py", "workers = 1\nraw_env = ['STAGE=one', 'ONLY=one']\n")

    def app(environ, start_response):
        import os

        start_response("200 OK", [])
        return [f"{os.environ.get('STAGE')} {os.environ.get('ONLY')}".encode()]

    server = serve(app)
    assert server.get().body == b"one one"
    write(tmp_path, "gunicorn.conf.py", "workers = 2\nraw_env = ['STAGE=two']\n")
    server.send_signal(signal.SIGHUP)
    server.log.expect("Handling signal: hup")
    server.log.expect("Worker exiting")  # the old one, and only once the new ones are ready
    server.wait_for_workers(2)
    assert server.get().body == b"two None"


def test_a_bad_reload_changes_nothing(serve, tmp_path):
    (tmp_path / "sub").mkdir()
    write(tmp_path, "sub/inner.py", APP.replace("b''", "__file__.encode()"))
    write(tmp_path, "gunicorn.conf.py", "workers = 1\nchdir = 'sub'\n")
    server = serve("inner")
    pid = server.wait_for_workers(1)[0]
    write(tmp_path, "gunicorn.conf.py", "workers = 'many'\n")
    server.send_signal(signal.SIGHUP)
    server.log.expect(
        r"setting 'workers' \(-w/--workers\): 'many', from .*gunicorn.conf.py, is not a whole number"
    )
    assert server.workers() == [pid]
    server.log.ignore("was sent SIGKILL|exited|Worker")
    os.kill(pid, signal.SIGKILL)
    server.log.expect("Booting worker")
    assert server.get().body.endswith(b"inner.py")  # the new worker finds what the old one found
