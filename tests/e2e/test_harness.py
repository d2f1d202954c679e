# SPDX-License-Identifier: MIT
"""The harness itself: what it promises to notice, it notices."""

import signal

import pytest

from harness.client import Cut, chunked, request_bytes
from harness.log import Log, parse

HELLO = """
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello"]
"""


def test_serves_a_literal_application(serve):
    assert serve(HELLO).get("/").body == b"hello"


def test_an_error_in_the_log_fails_the_test(serve):
    def app(environ, start_response):
        raise RuntimeError("kitchen fire")

    server = serve(app)
    assert server.get("/").status == 500
    with pytest.raises(AssertionError, match="unexpected in the log(.|\n)*kitchen fire"):
        server.close()


def test_an_expected_error_does_not(serve):
    def app(environ, start_response):
        raise RuntimeError("kitchen fire")

    server = serve(app)
    assert server.get("/").status == 500
    server.log.expect("kitchen fire", level="ERROR")


def test_a_process_left_behind_fails_the_test(serve):
    def app(environ, start_response):
        import subprocess

        subprocess.Popen(["sleep", "600"], start_new_session=True)
        start_response("200 OK", [])
        return [b""]

    server = serve(app)
    server.get("/")
    with pytest.raises(AssertionError, match="processes left behind"):
        server.close()


def test_a_bad_exit_fails_the_test(serve):
    server = serve(HELLO)
    server.get("/")
    server.stop(signal.SIGKILL)
    with pytest.raises(AssertionError, match="exit code -9"):
        server.close()


def test_lines_without_a_prefix_belong_to_the_record_before(tmp_path):
    (tmp_path / "log").write_text(
        "before\n"
        "[2026-01-31 12:00:00 +0100] [12] [INFO] quiet\n"
        "[2026-01-31 12:00:00 +0100] [34] [ERROR] loud\n"
        "Traceback\n"
    )
    assert [(r.pid, r.level, r.text) for r in parse((tmp_path / "log").read_text())] == [
        (0, "NONE", "before"),
        (12, "INFO", "quiet"),
        (34, "ERROR", "loud\nTraceback"),
    ]
    log = Log(tmp_path / "log")
    log.expect("before")
    assert log.complaints() == ["unexpected in the log: [ERROR] loud\nTraceback"]
    assert log.complaints() == []


def test_lines_behind_a_record_that_was_claimed_are_not_lost(tmp_path):
    record = "[2026-01-31 12:00:00 +0100] [12] [INFO] quiet\n"
    (tmp_path / "log").write_text(record)
    log = Log(tmp_path / "log")
    assert log.complaints() == []
    (tmp_path / "log").write_text(record + "a print\n")
    assert log.expect("a print").text == "a print"
    (tmp_path / "log").write_text(record + "a print\nanother\n")
    assert log.complaints() == ["unexpected in the log: [NONE] another"]


def test_a_sanitizer_report_is_a_complaint(tmp_path):
    (tmp_path / "log").write_text("==12==ERROR: AddressSanitizer: heap-use-after-free\n")
    log = Log(tmp_path / "log")
    log.ignore(".")
    assert log.complaints() == ["a sanitizer report"]


def test_requests_are_written_to_the_letter():
    assert request_bytes("PUT", "/x?y", [("A", "b")], b"body") == (
        b"PUT /x?y HTTP/1.1\r\nHost: localhost\r\nA: b\r\nContent-Length: 4\r\n\r\nbody"
    )
    assert request_bytes(version="HTTP/1.0") == b"GET / HTTP/1.0\r\n\r\n"
    assert chunked(b"0123456789", b"a") == b"a\r\n0123456789\r\n1\r\na\r\n0\r\n\r\n"


def test_a_response_that_breaks_off_is_told_from_a_whole_one(serve):
    def app(environ, start_response):
        start_response("200 OK", [("Content-Length", "10")])
        return [b"short"]

    server = serve(app)
    server.log.ignore("")
    with pytest.raises(Cut) as cut:
        server.get("/")
    assert cut.value.response.body == b"short"
