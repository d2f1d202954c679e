# SPDX-License-Identifier: MIT
"""Fixtures of the end-to-end tests.

    def test_says_hello(serve):
        def app(environ, start_response):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [b"hello"]

        assert serve(app, "--workers", 2).get("/").body == b"hello"

When a test is over its servers are stopped, and it fails if one did not stop cleanly, left a process behind,
or logged a warning or an error that the test did not declare with `server.log.expect(…)`.
"""

import pytest

from harness.server import Servers, run

SERVERS = pytest.StashKey()


def pytest_configure(config):
    config.addinivalue_line("markers", "slow: takes more than a few seconds")
    config.stash[SERVERS] = []


def _servers(request, folder):
    servers = Servers(folder)
    request.config.stash[SERVERS].append(servers)
    yield servers
    request.config.stash[SERVERS].remove(servers)
    servers.close()


@pytest.fixture
def serve(request, tmp_path):
    """Starts servers: serve(app, "--option", "value", env={…}) -> Server."""
    yield from _servers(request, tmp_path)


@pytest.fixture(scope="module")
def serve_module(request, tmp_path_factory):
    """The same for servers that all tests of a module share."""
    yield from _servers(request, tmp_path_factory.mktemp("shared"))


@pytest.fixture
def galley(tmp_path):
    """Runs the program to its end in the test's folder: galley("--version") -> Run."""
    return lambda *args, **options: run(tmp_path, *args, **options)


@pytest.fixture(autouse=True)
def shared_logs_stay_clean(request):
    """What a test makes a shared server log counts against that test, not against the last one."""
    yield
    complaints = []
    for servers in request.config.stash[SERVERS]:
        for server in servers.started:
            complaints += server.log.complaints()
    assert not complaints, "\n".join(complaints)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for servers in item.config.stash[SERVERS]:
        for server in servers.started:
            report.sections.append((f"error log of {server.folder}", server.log.read()))
