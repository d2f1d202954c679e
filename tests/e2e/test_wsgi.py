# SPDX-License-Identifier: MIT
"""PEP 3333 as applications see it, except the bodies (test_wsgi_bodies.py)."""

import contextlib
import json
import re

import pytest

from harness.client import Cut
from harness.waiting import eventually

# --- environ -------------------------------------------------------------------------------------


def environ_of(server, *args, **kwargs):
    return json.loads(server.request(*args, **kwargs).body)


@pytest.fixture(scope="module")
def shown(serve_module):
    """A server whose application shows its environ."""
    return serve_module("environ:app")


def test_environ_of_a_known_request(shown):
    fields = [
        ("Host", "example.org:8080"),
        ("User-Agent", "test/1.0"),
        ("Content-Type", "text/plain; charset=utf-8"),
        ("Accept", "*/*"),
        ("X-Custom-Name", "  spaced \t"),
        ("Content-Length", "4"),
    ]
    with shown.connect() as client:
        environ = json.loads(client.request("POST", "/a%20path?key=value&x=%41", fields, b"body").body)
        port = client.port
    assert re.fullmatch(r"galley/\d+\.\d+\.\d+", environ.pop("SERVER_SOFTWARE"))
    texts = {key: value for key, value in environ.items() if not re.match(r"wsgi\.|gunicorn\.|galley\.", key)}
    assert texts == {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a path",
        "QUERY_STRING": "key=value&x=%41",
        "RAW_URI": "/a%20path?key=value&x=%41",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": str(shown.port),
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": str(port),
        "CONTENT_TYPE": "text/plain; charset=utf-8",
        "CONTENT_LENGTH": "4",
        "HTTP_HOST": "example.org:8080",
        "HTTP_USER_AGENT": "test/1.0",
        "HTTP_ACCEPT": "*/*",
        "HTTP_X_CUSTOM_NAME": "spaced",
    }
    assert environ["wsgi.version"] == [1, 0]
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["wsgi.input_terminated"] is True
    assert environ["wsgi.run_once"] is False
    assert {"wsgi.input", "wsgi.errors", "wsgi.file_wrapper"} <= set(environ)


def test_environ_of_the_least_request(shown):
    environ = environ_of(shown, version="HTTP/1.0")
    assert environ["SERVER_PROTOCOL"] == "HTTP/1.0"
    assert environ["QUERY_STRING"] == ""
    assert not environ.get("CONTENT_TYPE") and not environ.get("CONTENT_LENGTH")
    assert not [key for key in environ if key.startswith("HTTP_")]


@pytest.mark.parametrize(
    "fields, scheme",
    [
        ([("X-Forwarded-Proto", "https")], "https"),
        ([("X-Forwarded-Protocol", "ssl")], "https"),
        ([("X-Forwarded-Ssl", "on")], "https"),
        ([("X-Forwarded-Proto", "http")], "http"),
        ([("X-Forwarded-Ssl", "off")], "http"),
    ],
)
def test_proxy_on_loopback_tells_the_scheme(shown, fields, scheme):
    assert environ_of(shown, fields=fields)["wsgi.url_scheme"] == scheme


def test_environ_is_a_dict_of_its_own(serve):
    def app(environ, start_response):
        assert type(environ) is dict
        body = environ.get("leak", "clean").encode()
        environ["leak"] = "leaked"
        environ["wsgi.version"] = None
        del environ["SERVER_NAME"]
        start_response("200 OK", [])
        return [body]

    server = serve(app)
    with server.connect() as client:
        assert [client.request().body for _ in range(3)] == [b"clean"] * 3


@pytest.mark.parametrize(
    "target, path",
    [
        ("/", "/"),
        ("/caf%C3%A9", "/caf\xc3\xa9"),
        ("/a%2Fb%3fc", "/a/b?c"),
        ("/plus+stays", "/plus+stays"),
        ("/100%", "/100%"),
        ("/%zz%4", "/%zz%4"),
        ("/%25%32%30", "/%20"),
        ("//two//slashes", "//two//slashes"),
        ("/a/../b/./c", "/a/../b/./c"),
        ("/a;b=c", "/a;b=c"),
    ],
)
def test_path_info_is_decoded_once(shown, target, path):
    environ = environ_of(shown, "GET", target + "?%C3%A9+?")
    assert environ["PATH_INFO"] == path
    assert environ["RAW_URI"] == target + "?%C3%A9+?"
    assert environ["QUERY_STRING"] == "%C3%A9+?"


def test_bytes_of_fields_become_latin_1(shown):
    environ = environ_of(shown, fields=[("X-Name", "M\xfcller \xe2\x82\xac")])
    assert environ["HTTP_X_NAME"] == "M\xfcller \xe2\x82\xac"


def test_repeated_fields_are_joined(shown):
    fields = [("X-List", "a"), ("x-list", "b, c"), ("X-LIST", "d"), ("X-Other", "e")]
    environ = environ_of(shown, fields=fields)
    assert environ["HTTP_X_LIST"] == "a,b, c,d"
    assert environ["HTTP_X_OTHER"] == "e"


def test_empty_field_is_there(shown):
    assert environ_of(shown, fields=[("X-Empty", "")])["HTTP_X_EMPTY"] == ""


def test_field_names_with_underscores_are_dropped(shown):
    """Otherwise X_User could pass for the X-User that a proxy vouches for."""
    environ = environ_of(shown, fields=[("X_User", "evil"), ("X-User", "good")])
    assert environ["HTTP_X_USER"] == "good"
    assert "HTTP_X_USER" not in environ_of(shown, fields=[("X_User", "evil")])


def test_fields_cannot_overwrite_the_servers_own(shown):
    environ = environ_of(shown, fields=[("Proxy", "evil"), ("Remote-Addr", "6.6.6.6")])
    assert environ["REMOTE_ADDR"] == "127.0.0.1"
    assert environ["HTTP_REMOTE_ADDR"] == "6.6.6.6"


@pytest.mark.parametrize("method", ["GET", "OPTIONS", "PURGE", "M-SEARCH"])
def test_method(shown, method):
    assert environ_of(shown, method)["REQUEST_METHOD"] == method


@pytest.mark.parametrize("way", ["the environment", "--env"])
def test_script_name_comes_from_the_environment(serve, way):
    if way == "--env":
        server = serve("environ:app", "--env", "SCRIPT_NAME=/mount")
    else:
        server = serve("environ:app", env={"SCRIPT_NAME": "/mount"})
    environ = environ_of(server, "GET", "/mount/at%20sea?q")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/mount", "/at sea")
    assert environ["RAW_URI"] == "/mount/at%20sea?q"
    environ = environ_of(server, "GET", "/mount")
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/mount", "")


def test_path_outside_of_script_name_is_an_error(serve):
    server = serve("environ:app", env={"SCRIPT_NAME": "/mount"})
    assert server.get("/elsewhere").status == 500
    server.log.expect("SCRIPT_NAME", level="ERROR")


@pytest.mark.parametrize(
    "options, multithread, multiprocess",
    [
        ([], False, False),
        (["--workers", 2], False, True),
        (["--threads", 2], True, False),
        (["--workers", 2, "--threads", 2], True, True),
    ],
)
def test_flags_are_true_to_the_settings(serve, options, multithread, multiprocess):
    environ = environ_of(serve("environ:app", *options))
    assert environ["wsgi.multithread"] is multithread
    assert environ["wsgi.multiprocess"] is multiprocess


def test_server_software_is_in_the_environment_of_the_process(serve):
    def app(environ, start_response):
        import os

        start_response("200 OK", [])
        return [os.environ["SERVER_SOFTWARE"].encode()]

    assert serve(app).get().text.startswith("galley/")


def test_errors_go_to_the_error_log(serve):
    def app(environ, start_response):
        errors = environ["wsgi.errors"]
        errors.write("first line\n")
        errors.writelines(["second ", "line \u20ac\n"])
        errors.flush()
        print("third line", file=errors)
        start_response("200 OK", [])
        return [b""]

    server = serve(app)
    server.get()
    assert server.log.expect("third line").text.endswith("first line\nsecond line \u20ac\nthird line")


# --- the validator -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def validated(serve_module):
    return serve_module("validated:app", "--threads", 2)


@pytest.mark.parametrize("path", ["/echo", "/stream", "/written", "/whole"])
@pytest.mark.parametrize("body", [b"", b"one line", b"two\nlines\n", b"\n" * 100_000], ids=len)
def test_validator_is_content(validated, path, body):
    validated.log.ignore("seen by the validator")
    for version in "HTTP/1.0", "HTTP/1.1":
        fields = [("Content-Length", str(len(body)))]
        assert validated.request("POST", path, fields, body, version=version).body == body
    assert validated.request("HEAD", path).status == 200


# --- start_response ------------------------------------------------------------------------------


def assert_500(server, log, *args):
    with server.connect() as client:
        response = client.request(*args)
        assert (response.status, response.reason) == (500, "Internal Server Error")
        assert b"Traceback" not in response.body
    record = server.log.expect(log)
    assert record.level == "ERROR"
    return record


def test_status_and_fields_are_sent_as_given(serve):
    def app(environ, start_response):
        fields = [("content-TYPE", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]
        start_response("299 Quite  Special", [*fields, ("X-Latin", "M\xfcller\t!"), ("X-Empty", "")])
        return [b"x"]

    response = serve(app).get()
    assert (response.status, response.reason) == (299, "Quite  Special")
    assert [field for field in response.fields if field[0] not in ("Date", "Server", "Content-Length")] == [
        ("content-TYPE", "text/plain"),
        ("Set-Cookie", "a=1"),
        ("Set-Cookie", "b=2"),
        ("X-Latin", "M\xfcller\t!"),
        ("X-Empty", ""),
    ]


def test_fields_of_the_server_and_of_the_hop_are_not_the_applications(serve):
    def app(environ, start_response):
        start_response(
            "200 OK",
            [
                ("Server", "mine"),
                ("Date", "yesterday"),
                ("Connection", "close"),
                ("Keep-Alive", "timeout=99"),
                ("Transfer-Encoding", "gzip"),
                ("TE", "trailers"),
                ("Trailers", "X"),
                ("Upgrade", "h2c"),
                ("Proxy-Authenticate", "Basic"),
                ("X-Kept", "yes"),
            ],
        )
        return [b"body"]

    with serve(app).connect() as client:
        for _ in range(2):
            response = client.request()
            assert response["Server"] == "galley"
            assert response["Date"].endswith(" GMT")
            names = {name for name, _ in response.fields}
            assert names <= {"Server", "Date", "Connection", "Content-Length", "X-Kept"}
            assert response.all("Connection") in ([], ["keep-alive"])
            assert response.body == b"body"


@pytest.mark.parametrize(
    "status",
    ["OK", "", "abc OK", "20 OK", "2000 OK", "200 OK\r\nX-Evil: 1", "200 O\nK", "200 \u20ac", "-20 OK"],
)
def test_bad_status_is_an_error(serve_bad_head, status):
    serve_bad_head(f"start_response({status!r}, [])")


@pytest.mark.parametrize(
    "fields",
    [
        [("X-A", "b\r\nX-Evil: 1")],
        [("X-A", "b\nc")],
        [("X-A", "b\rc")],
        [("X-A", "b\0c")],
        [("X-A", "\u20ac")],
        [("X A", "b")],
        [("X-A:", "b")],
        [("", "b")],
        [("X-A\r\n", "b")],
        [("X-\u20ac", "b")],
        [(b"X-A", "b")],
        [("X-A", b"b")],
        [("X-A", 1)],
        [("X-A", None)],
        [("X-A",)],
        ["X-A: b"],
        [("Content-Length", "many")],
        [("Content-Length", "-1")],
        None,
    ],
    ids=repr,
)
def test_bad_field_is_an_error(serve_bad_head, fields):
    serve_bad_head(f'start_response("200 OK", {fields!r})')


@pytest.fixture(scope="module")
def bad_head_server(serve_module):
    return serve_module("""
        def app(environ, start_response):
            exec(environ["wsgi.input"].read())
            return [b"body"]
    """)


@pytest.fixture
def serve_bad_head(bad_head_server):
    """Runs a statement that must fail inside the application, and leave the worker well."""

    def check(statement):
        assert_500(bad_head_server, "Traceback", "POST", "/", [], statement.encode())
        good = b'start_response("200 OK", [])'
        assert bad_head_server.request("POST", body=good).body == b"body"

    return check


@pytest.mark.parametrize("status", [200, b"200 OK", None], ids=repr)
def test_status_that_is_no_text_is_an_error(serve_bad_head, status):
    serve_bad_head(f"start_response({status!r}, [])")


@pytest.mark.parametrize(
    "call", ["start_response()", 'start_response("200 OK")', "start_response(1, 2, 3, 4)"]
)
def test_wrong_number_of_arguments_is_an_error(serve_bad_head, call):
    serve_bad_head(call)


def test_start_response_must_be_called(serve):
    def app(environ, start_response):
        return [b"body"]

    assert_500(serve(app), "start_response")


def test_start_response_may_be_called_late(serve):
    def app(environ, start_response):
        yield b""
        start_response("200 OK", [("X-Late", "yes")])
        yield b""
        yield b"body"

    response = serve(app).get()
    assert (response["X-Late"], response.body) == ("yes", b"body")


def test_start_response_may_not_be_called_twice(serve_bad_head):
    serve_bad_head('start_response("200 OK", []); start_response("200 OK", [])')


def test_exc_info_replaces_a_head_that_was_not_sent(serve):
    def app(environ, start_response):
        import sys

        start_response("200 OK", [("X-First", "1"), ("Content-Length", "1000")])
        try:
            raise RuntimeError("handled")
        except RuntimeError:
            start_response("503 Sorry", [("X-Second", "2")], sys.exc_info())
        return [b"sorry"]

    response = serve(app).get()
    assert (response.status, response.reason, response.body) == (503, "Sorry", b"sorry")
    assert "X-First" not in response and response["X-Second"] == "2"


def test_exc_info_without_a_first_call(serve):
    def app(environ, start_response):
        start_response("200 OK", [], None)
        return [b"fine"]

    assert serve(app).get().body == b"fine"


def test_exc_info_after_the_head_is_raised(serve, tmp_path):
    def app(environ, start_response):
        import sys

        start_response("200 OK", [])
        yield b"first"
        try:
            raise RuntimeError("too late")
        except RuntimeError:
            try:
                start_response("500 Oops", [], sys.exc_info())
            except RuntimeError as error:
                with open("raised", "w") as file:
                    file.write(str(error))
                raise
        yield b"never"

    server = serve(app)
    with pytest.raises(Cut) as cut:
        server.get()
    assert cut.value.response.chunks == [b"first"]
    server.log.expect("RuntimeError: too late", level="ERROR")
    assert (tmp_path / "raised").read_text() == "too late"


def test_keyword_exc_info(serve):
    def app(environ, start_response):
        start_response("200 OK", [], exc_info=None)
        return [b"fine"]

    assert serve(app).get().body == b"fine"


# --- errors --------------------------------------------------------------------------------------


def test_exception_becomes_500_and_its_traceback_is_logged(serve):
    def app(environ, start_response):
        if environ["PATH_INFO"] == "/good":
            start_response("200 OK", [])
            return [b"good"]
        raise RuntimeError("kitchen fire")

    server = serve(app)
    record = assert_500(server, "RuntimeError: kitchen fire", "GET", "/burning")
    assert "/burning" in record.message
    assert "Traceback (most recent call last)" in record.text
    assert "in app" in record.text
    assert server.get("/good").body == b"good"


def test_exception_after_start_response_becomes_500(serve):
    def app(environ, start_response):
        start_response("200 OK", [("X-Discarded", "yes")])
        raise RuntimeError("kitchen fire")

    assert_500(serve(app), "kitchen fire")


def test_exception_before_the_first_item_becomes_500(serve):
    def app(environ, start_response):
        start_response("200 OK", [])
        yield b""
        raise RuntimeError("kitchen fire")

    assert_500(serve(app), "kitchen fire")


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
@pytest.mark.parametrize("fields", [[], [("Content-Length", "100")]], ids=["stream", "length"])
def test_exception_after_the_head_cuts_the_connection(serve, version, fields):
    text = f"""
        def app(environ, start_response):
            start_response("200 OK", {fields!r})
            yield b"first"
            raise RuntimeError("kitchen fire")
    """
    server = serve(text)
    with server.connect() as client:
        client.send_request(version=version)
        if version == "HTTP/1.0" and not fields:
            assert client.read_response().body == b"first"
        else:
            with pytest.raises(Cut) as cut:
                client.read_response()
            assert cut.value.response.body == b"first"
    server.log.expect("kitchen fire", level="ERROR")


def test_result_that_is_not_iterable_is_an_error(serve):
    def app(environ, start_response):
        start_response("200 OK", [])

    assert_500(serve(app), "NoneType")


@pytest.mark.parametrize("item", ["'text'", "None", "65", "[b'x']"])
@pytest.mark.parametrize("shape", ["[{}]", "[b'', {}]", "iter([{}])"])
def test_item_that_is_not_bytes_is_an_error(serve_bad_item, item, shape):
    serve_bad_item(shape.format(item))


@pytest.fixture(scope="module")
def bad_item_server(serve_module):
    return serve_module("""
        def app(environ, start_response):
            start_response("200 OK", [])
            return eval(environ["wsgi.input"].read())
    """)


@pytest.fixture
def serve_bad_item(bad_item_server):
    def check(expression):
        assert_500(bad_item_server, "TypeError", "POST", "/", [], expression.encode())
        assert bad_item_server.request("POST", body=b"[b'good']").body == b"good"

    return check


def test_head_of_an_exception_says_nothing_of_the_code(serve):
    def app(environ, start_response):
        raise RuntimeError("secret")

    server = serve(app)
    response = server.get()
    assert b"secret" not in response.body
    server.log.expect("secret")


def test_system_exit_does_not_take_the_server_down(serve):
    def app(environ, start_response):
        import sys

        if environ["PATH_INFO"] == "/exit":
            sys.exit("bye")
        start_response("200 OK", [])
        return [b"still here"]

    server = serve(app)
    server.log.ignore("")
    with contextlib.suppress(Cut):  # the worker may leave, as gunicorn's does
        assert server.get("/exit").status == 500
    assert server.get("/").body == b"still here"


# --- close ---------------------------------------------------------------------------------------

CLOSING = """
    class Body:
        def __init__(self, items):
            self.items = iter(items)

        def __iter__(self):
            return self

        def __next__(self):
            item = next(self.items)
            if item is None:
                raise RuntimeError("in iteration")
            return item

        def close(self):
            with open("closed", "a") as file:
                file.write("closed\\n")
            if PATH == "/raises":
                raise RuntimeError("in close")

    PATH = None

    def app(environ, start_response):
        global PATH
        PATH = environ["PATH_INFO"]
        if PATH == "/nohead":
            return Body([b"body"])
        status = "304 Not Modified" if PATH == "/304" else "200 OK"
        start_response(status, [("Content-Length", "3")] if PATH in ("/long", "/short") else [])
        return Body({
            "/empty": [],
            "/early": [None],
            "/late": [b"first", None],
            "/text": ["text"],
            "/long": [b"ab", b"cd", b"ef"],
            "/short": [b"a"],
        }.get(PATH, [b"one", b"two"]))
"""


@pytest.fixture(scope="module")
def closing(serve_module):
    return serve_module(CLOSING)


@pytest.mark.parametrize(
    "method, path, log",
    [
        ("GET", "/", None),
        ("GET", "/empty", None),
        ("HEAD", "/", None),
        ("GET", "/304", None),
        ("GET", "/long", None),
        ("GET", "/short", None),
        ("GET", "/nohead", "start_response"),
        ("GET", "/early", "in iteration"),
        ("GET", "/late", "in iteration"),
        ("GET", "/text", "TypeError"),
        ("GET", "/raises", "in close"),
    ],
)
def test_close_is_called_once(closing, method, path, log):
    closed = closing.folder / "closed"
    closed.unlink(missing_ok=True)
    try:
        closing.request(method, path)
    except Cut:
        assert path in ("/late", "/short")
    if log:
        closing.log.expect(log, level="ERROR")
    closing.log.ignore("Content-Length")  # how loudly a wrong length is told is not the matter here
    closing.get("/")  # behind the call in question
    eventually(lambda: closed.exists() and len(closed.read_text().splitlines()) >= 2)
    assert closed.read_text() == "closed\n" * 2


def test_close_is_called_when_the_client_goes_away(serve, tmp_path):
    def app(environ, start_response):
        start_response("200 OK", [])
        try:
            while True:
                yield b"x" * 10_000
        finally:
            with open("closed", "a") as file:
                file.write("closed\n")

    server = serve(app)
    for go in "close", "reset":
        with server.connect() as client:
            client.send_request()
            client.read_head()
            getattr(client, go)()
    closed = tmp_path / "closed"
    eventually(lambda: closed.exists() and closed.read_text() == "closed\n" * 2)


# --- memory --------------------------------------------------------------------------------------


def test_no_object_is_left_behind(serve):
    def app(environ, start_response):
        import gc
        import sys

        if environ["PATH_INFO"] == "/count":
            gc.collect()
            body = str(sys.getallocatedblocks()).encode()
        else:
            body = environ["wsgi.input"].read()
        start_response("200 OK", [("Content-Type", "text/plain"), ("X-Number", environ["REMOTE_PORT"])])
        return [body]

    server = serve(app)

    def count_after(n):
        with server.connect() as client:
            for i in range(n):
                client.request("POST", f"/{i % 7}", [("X-A", "b" * (i % 50))], b"c" * (i % 100))
        return int(server.get("/count").body)

    count_after(500)
    first = count_after(100)
    assert count_after(2000) - first < 200
