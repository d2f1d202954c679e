# SPDX-License-Identifier: MIT
"""Applications that use PEP 3333 in ways that nobody should: whatever they do, the worker lives on."""

import pytest

from harness.client import Cut
from harness.waiting import Background, eventually

LIMIT = 200_000  # bytes of a response that may wait, in tests that must reach that


@pytest.fixture(scope="module")
def runner(serve_module):
    """Runs the body of the request as code of the application. `keep` outlives the request; `respond(items)`
    answers with a head and these items."""
    return serve_module("""
        import sys, threading, time

        keep = {}

        def app(environ, start_response):
            def respond(items, fields=()):
                start_response("200 OK", list(fields))
                return items

            names = dict(globals(), environ=environ, start_response=start_response, respond=respond)
            exec(environ["wsgi.input"].read(), names)
            return names["result"]
    """)


@pytest.fixture
def attack(runner):
    """Runs code in the application and returns the response; then the same process must still answer."""
    pid = runner.wait_for_workers(1)

    def run(code, method="POST", **options):
        import textwrap

        body = textwrap.dedent(code).encode()
        try:
            return runner.request(method, "/", body=body, **options)
        finally:
            assert runner.request("POST", body=b"result = respond([b'alive'])").body == b"alive"
            assert runner.workers() == pid, "the worker has died"

    run.log = runner.log
    return run


def failed(attack, code, log):
    response = attack(code)
    assert response.status == 500
    return attack.log.expect(log, level="ERROR")


def cut(attack, code, log=None):
    with pytest.raises(Cut) as caught:
        attack(code)
    if log:
        attack.log.expect(log, level="ERROR")
    return caught.value.response


# --- objects that outlive their request ----------------------------------------------------------

KEEP = """
    write = start_response("200 OK", [])
    keep.update(environ=environ, write=write, start=start_response, hints=environ["wsgi.early_hints"])
    keep["input"] = environ["wsgi.input"]
    result = [b"kept"]
"""


@pytest.mark.parametrize(
    "use, outcome",
    [
        ("keep['input'].read()", "ValueError"),
        ("keep['input'].read(0)", "ValueError"),
        ("keep['input'].readline()", "ValueError"),
        ("keep['input'].readlines()", "ValueError"),
        ("list(keep['input'])", "ValueError"),
        ("keep['write'](b'late')", "RuntimeError"),
        ("keep['start']('200 OK', [])", "RuntimeError"),
        ("keep['start']('200 OK', [], (ValueError, ValueError(), None))", "RuntimeError"),
        ("keep['hints']([('Link', '</late>')])", "None"),
    ],
)
@pytest.mark.parametrize("where", ["request", "thread"])
def test_use_after_the_request(attack, use, outcome, where):
    assert attack(KEEP).body == b"kept"
    code = f"""
        def use():
            try:
                keep["outcome"] = str({use})
            except Exception as error:
                keep["outcome"] = type(error).__name__
        if {where!r} == "thread":
            thread = threading.Thread(target=use)
            thread.start()
            thread.join()
        else:
            use()
        result = respond([keep["outcome"].encode()])
    """
    assert attack(code).text == outcome


@pytest.mark.parametrize("name", ["wsgi.input", "wsgi.errors", "wsgi.early_hints", "start", "write"])
def test_objects_are_made_by_the_server_only(attack, name):
    code = f"""
        import copy
        write = start_response("200 OK", [])
        found = dict(environ, start=start_response, write=write)[{name!r}]
        outcomes = []
        for make in (type(found), lambda: object.__new__(type(found)), lambda: copy.copy(found),
                     lambda: copy.deepcopy(found)):
            try:
                made = make()
                made(b"x") if callable(made) else made.write("x") if hasattr(made, "write") else made.read()
                outcomes.append("made")
            except TypeError:
                outcomes.append("TypeError")
        result = [" ".join(outcomes).encode()]
    """
    assert attack(code).text == " ".join(["TypeError"] * 4)


def test_generator_of_a_past_request_is_finished_by_a_thread(attack):
    code = """
        def items():
            yield b"first"
            try:
                yield b"second"
            finally:
                keep["ended"] = threading.current_thread().name

        class Once:
            def __init__(self):
                self.items = items()
            def __iter__(self):
                return iter([next(self.items)])

        once = keep["once"] = Once()
        result = respond(once)
    """
    assert attack(code).body == b"first"
    code = """
        def end():
            once = keep.pop("once")
            next(once.items)
            once.items.close()
        thread = threading.Thread(target=end, name="other")
        thread.start()
        thread.join()
        result = respond([keep["ended"].encode()])
    """
    assert attack(code).body == b"other"


# --- threads of the application ------------------------------------------------------------------


def test_write_from_another_thread(attack):
    code = """
        write = start_response("200 OK", [])
        def work():
            for _ in range(20):
                write(b"x" * 10_000)
        threads = [threading.Thread(target=work) for _ in range(4)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        result = [b"end"]
    """
    assert attack(code).body == b"x" * 800_000 + b"end"


def test_early_hints_from_another_thread(attack):
    code = """
        hints = environ["wsgi.early_hints"]
        thread = threading.Thread(target=hints, args=([("Link", "</style.css>")],))
        thread.start()
        thread.join()
        result = respond([b"end"])
    """
    response = attack(code)
    if response.status == 103:
        assert response["Link"] == "</style.css>"


def test_start_response_from_another_thread(attack):
    code = """
        thread = threading.Thread(target=start_response, args=("201 Made", [("X-Made", "yes")]))
        thread.start()
        thread.join()
        result = [b"end"]
    """
    response = attack(code)
    assert (response.status, response["X-Made"], response.body) == (201, "yes", b"end")


def test_thread_still_writes_when_the_call_returns(serve):
    """The response lasts until a write() that was under way is over."""

    def app(environ, start_response):
        import threading
        import time

        if environ["PATH_INFO"] == "/ping":
            start_response("200 OK", [])
            return [b"pong"]
        write = start_response("200 OK", [])
        begun = threading.Event()

        def work():
            for n in range(1000):
                try:
                    write(b"%03d" % n * 10_000)
                except (RuntimeError, BrokenPipeError):
                    return
                if n == 0:
                    begun.set()

        threading.Thread(target=work).start()
        begun.wait()
        time.sleep(0.2)
        return []

    server = serve(app, "--output-buffer-size", LIMIT)
    for go in "read", "reset":
        with server.connect(receive_buffer=4096) as client:
            client.send_request()
            client.read_head()
            ping = Background(server.get, "/ping")
            if go == "reset":
                client.reset()
            else:
                pieces = b""
                while True:
                    chunk = client.read_chunk()
                    if not chunk:
                        break
                    pieces += chunk
                want = b"".join(b"%03d" % n * 10_000 for n in range(len(pieces) // 30_000))
                assert pieces == want and pieces
            assert ping.result().body == b"pong"
    assert server.get("/ping").body == b"pong"


@pytest.mark.parametrize("calls", ["read(1000)", "read(70000)", "readline(500)", "readline()"])
def test_threads_share_the_input(serve, calls):
    text = f"""
        def app(environ, start_response):
            import threading

            source = environ["wsgi.input"]
            pieces = []
            def work():
                while True:
                    piece = source.{calls}
                    if not piece:
                        return
                    pieces.append(piece)
            threads = [threading.Thread(target=work) for _ in range(4)]
            [thread.start() for thread in threads]
            [thread.join() for thread in threads]
            whole = b"".join(pieces)
            start_response("200 OK", [])
            return [b"%d %d" % (len(whole), whole.count(b"x"))]
    """
    server = serve(text, "--body-buffer-size", 1000)
    body = (b"x" * 99 + b"\n") * 20_000
    for _ in range(3):
        assert server.request("POST", body=body).body == b"2000000 1980000"


def test_thread_still_reads_the_input_when_the_request_ends(serve):
    def app(environ, start_response):
        import threading

        source = environ["wsgi.input"]
        begun = threading.Event()

        def work():
            try:
                while True:
                    begun.set()
                    if source.read(100_000).strip(b"x"):
                        with open("foreign", "w"):
                            pass
            except ValueError:
                pass

        if environ["REQUEST_METHOD"] == "POST":
            for _ in range(3):
                threading.Thread(target=work).start()
            begun.wait()
        start_response("200 OK", [])
        return [b"done"]

    server = serve(app, "--body-buffer-size", 1000)
    pid = server.wait_for_workers(1)
    for _ in range(50):
        assert server.request("POST", body=b"x" * 10_000_000).body == b"done"
    assert server.workers() == pid
    assert not (server.folder / "foreign").exists()


# --- start_response ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "exc_info, log",
    [
        ("(None, None, None)", "TypeError: exc_info"),
        ("(1, 2, 3)", "TypeError: exc_info"),
        ("'text'", "TypeError: exc_info"),
        ("(ValueError,)", "TypeError: exc_info"),
        ("(ValueError, 'text', None)", "TypeError: exc_info"),
        ("(int, 1, None)", "TypeError: exc_info"),
        ("(ValueError, None, None)", "ValueError"),
        ("(ValueError, ValueError('mine'), None)", "ValueError: mine"),
        ("(ValueError, ValueError('mine'), 'no traceback')", "ValueError: mine"),
        ("(int, SystemExit('mine'), None)", "SystemExit: mine"),
    ],
)
def test_exc_info_of_any_kind(attack, exc_info, log):
    code = f"""
        def items():
            yield b"begun"
            start_response("500 Late", [], {exc_info})
        result = respond(items())
    """
    assert cut(attack, code, log).chunks == [b"begun"]
    code = f"""
        start_response("200 OK", [("X-First", "yes")])
        start_response("503 Late", [], {exc_info})
        result = [b"sorry"]
    """
    response = attack(code)
    assert (response.status, response.body, "X-First" in response) == (503, b"sorry", False)


@pytest.mark.parametrize("nothing", ["None", "()", "False", "0"])
def test_exc_info_that_says_nothing(attack, nothing):
    failed(attack, f"respond(1); start_response('200 OK', [], {nothing})", "AssertionError")


def test_truth_of_exc_info_raises(attack):
    code = """
        class Odd:
            def __bool__(self):
                raise LookupError("neither")
        start_response("200 OK", [], Odd())
    """
    failed(attack, code, "LookupError: neither")


@pytest.mark.parametrize("base", ["tuple", "list"])
@pytest.mark.parametrize("content", ["()", "('A',)", "('A', 'b', 'c')"])
def test_pair_that_lies_about_its_length(attack, base, content):
    code = f"""
        class Pair({base}):
            def __len__(self):
                return 2
        result = respond([b"x"], [Pair({content})] * 50)
    """
    failed(attack, code, "TypeError")


def test_fields_that_change_while_they_are_shown(attack):
    code = """
        fields = []
        class Pair(list):
            def __repr__(self):
                fields.clear()
                self.clear()
                return "gone"
        class Text(str):
            def __repr__(self):
                fields[0].clear()
                fields.clear()
                return "gone"
        outcomes = []
        euro, space, line = Text("\\u20ac"), Text("a b"), Text("\\n")
        for pair in Pair(["A"] * 3), ["X-A", euro], [euro, "b"], [space, "c"], ["A", line]:
            fields[:] = [pair]
            del pair
            try:
                start_response("200 OK", fields)
            except (TypeError, ValueError) as error:
                outcomes.append("gone" in str(error))
        result = respond([repr(outcomes).encode()])
    """
    assert attack(code).text == "[True, True, True, True, True]"


@pytest.mark.parametrize("shape", ["tuple", "iter", "dict.items", "set", "map(list, %s)", "(x for x in %s)"])
def test_fields_in_any_shape(attack, shape):
    pairs = "[('X-A', 'b')]"
    given = (
        f"dict({pairs}).items()"
        if shape == "dict.items"
        else shape % pairs
        if "%" in shape
        else f"{shape}({pairs})"
    )
    assert attack(f"start_response('200 OK', {given}); result = [b'x']")["X-A"] == "b"


@pytest.mark.parametrize("given", ["{'X-A': 'b'}", "'text'", "5", "[None]", "['ab']", "[{'a', 'b'}]"])
def test_fields_in_a_wrong_shape(attack, given):
    failed(attack, f"start_response('200 OK', {given})", "TypeError")


def test_fields_that_call_back(attack):
    """The list is asked for its items before anything is decided, so what it does meanwhile counts."""
    code = """
        def fields():
            write = start_response("201 Inner", [("X-Inner", "yes")])
            write(b"inner")
            yield "X-Outer", "yes"
        try:
            start_response("200 OK", fields())
        except AssertionError:
            result = [b" refused"]
    """
    response = attack(code)
    assert (response.status, response.body) == (201, b"inner refused")
    assert "X-Outer" not in response


def test_fields_that_raise(attack):
    code = """
        def fields():
            yield "X-A", "b"
            raise LookupError("no more")
        start_response("200 OK", fields())
    """
    failed(attack, code, "LookupError: no more")


def test_huge_fields(attack):
    response = attack("result = respond([b'x'], [('X-Huge', 'h' * 3_000_000)] + [('X-Many', 'm')] * 5000)")
    assert len(response["X-Huge"]) == 3_000_000
    assert response.all("X-Many") == ["m"] * 5000
    assert response.body == b"x"


def test_subclasses_of_text_and_bytes(attack):
    code = """
        class Text(str):
            def __str__(self): raise LookupError
            def __len__(self): return 1000
            def __eq__(self, other): raise LookupError
            __hash__ = str.__hash__
            def encode(self, *args): raise LookupError
        class Bytes(bytes):
            def __len__(self): return 1000
            def __bytes__(self): raise LookupError
            def __iter__(self): raise LookupError
            def __del__(self): keep["dropped"] = keep.get("dropped", 0) + 1
        class Pair(tuple): pass
        class Items(list):
            def __iter__(self): return iter([Bytes(b"from "), Bytes(b"iter"), Bytes(100_000)])
        start_response(Text("200 Fine"), [Pair((Text("X-Text"), Text("value")))])
        result = Items([b"not this"])
    """
    response = attack(code)
    assert (response.reason, response["X-Text"]) == ("Fine", "value")
    assert response.body == b"from iter" + bytes(100_000)
    eventually(lambda: attack("result = respond([b'%d' % keep.get('dropped', 0)])").body == b"3")


@pytest.mark.parametrize(
    "status",
    ["200", "200 ", "200 \u00fcber", "999 Odd", "200 OK"],
)
def test_good_status(attack, status):
    response = attack(f"start_response({status!r}, []); result = [b'x']")
    assert (response.status, response.body) == (int(status[:3]), b"x")


@pytest.mark.parametrize(
    "status", ["http.HTTPStatus.OK", "'200OK'", "'1000 Odd'", "'100 Continue'", "' 200 OK'"]
)
def test_bad_status(attack, status):
    failed(attack, f"import http; start_response({status}, [])", "TypeError|ValueError")


@pytest.mark.parametrize(
    "length",
    [
        "-1",
        "+5",
        "5, 5",
        "0x5",
        "5.0",
        "1e3",
        "",
        "5 5",
        "\u0665",
        "\u00b2",
        "9" * 20,
        "1" + "0" * 400,
        "18446744073709551621",
    ],
)
def test_bad_length(attack, length):
    failed(attack, f"respond(1, [('Content-Length', {length!r})])", "ValueError")


def test_odd_but_good_length(attack):
    assert attack("result = respond([b'12345'], [('Content-Length', ' 005 ')])").body == b"12345"
    assert attack("result = respond([b'12345'], [('Content-Length', '5')] * 3)").body == b"12345"
    failed(attack, "respond(1, [('Content-Length', '5'), ('content-length', '6')])", "ValueError")


def test_huge_length(attack):
    with pytest.raises(Cut) as caught:
        attack("result = respond([b'short'], [('Content-Length', '9223372036854775807')])")
    assert caught.value.response.body == b"short"


# --- the iterable --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        "SystemExit(3)",
        "KeyboardInterrupt",
        "GeneratorExit",
        "MemoryError",
        "RecursionError",
        "StopAsyncIteration",
        "BaseException('x')",
    ],
)
@pytest.mark.parametrize("where", ["call", "iter", "next", "later", "close", "close property"])
def test_any_exception_anywhere(attack, error, where):
    code = f"""
        class Items:
            left = 2
            def __iter__(self):
                if {where!r} == "iter":
                    raise {error}
                return self
            def __next__(self):
                self.left -= 1
                if {where!r} == "next" or {where!r} == "later" and not self.left:
                    raise {error}
                if self.left < 0:
                    raise StopIteration
                return b"item "
            def close(self):
                keep["closed"] += 1
                if {where!r} == "close":
                    raise {error}
        if {where!r} == "close property":
            Items.close = property(lambda self: [][keep["closed"]])
            def fail(self):
                keep["closed"] += 1
                raise {error}
            Items.close = property(fail)
        keep["closed"] = 0
        if {where!r} == "call":
            raise {error}
        result = respond(Items())
    """
    log = error.partition("(")[0]
    if where == "later":
        assert cut(attack, code, log).body == b"item "
    elif where.startswith("close"):
        assert attack(code).body == b"item item "
        attack.log.expect(log, level="ERROR")
    else:
        failed(attack, code, log)
    closes = b"0" if where == "call" else b"1"
    assert attack("result = respond([b'%d' % keep['closed']])").body == closes


@pytest.mark.parametrize(
    "item", ["bytearray(b'x')", "memoryview(b'x')", "'x'", "array.array('b', b'x')", "5", "None"]
)
@pytest.mark.parametrize("shape", ["[%s]", "(%s,)", "iter([%s])", "[b'', %s]"])
def test_items_that_are_not_bytes(attack, item, shape):
    failed(attack, f"import array; result = respond({shape % item})", "TypeError: .*bytes")


@pytest.mark.parametrize(
    "result", ["b'text'", "'text'", "5", "{'a': 1}", "memoryview(b'text')", "bytearray(b'text')"]
)
def test_results_that_are_no_lists_of_bytes(attack, result):
    failed(attack, f"result = respond({result})", "TypeError")


def test_list_that_changes_while_it_is_sent(serve, tmp_path):
    def app(environ, start_response):
        import threading

        def clear():
            items.clear()
            open("cleared", "w").close()

        start_response("200 OK", [])
        items = [b"x" * 100_000 for _ in range(100)]
        threading.Timer(0.3, clear).start()
        return items

    server = serve(app, "--output-buffer-size", LIMIT)
    with server.connect(receive_buffer=4096) as client:
        client.send_request()
        head = client.read_head()
        eventually((tmp_path / "cleared").exists)
        body = client.read_all()
    assert len(body) < int(head["Content-Length"]) == 10_000_000
    assert set(body) == set(b"x")


def test_exception_that_cannot_be_shown(attack):
    code = """
        class Odd(Exception):
            def __str__(self): raise Odd2("unshowable")
            __repr__ = __str__
        class Odd2(Exception): pass
        raise Odd
    """
    failed(attack, code, "Odd")
    failed(attack, "raise LookupError('\\ud800 \\x00 \\u20ac')", "LookupError")


def test_traceback_module_that_is_broken(attack):
    code = """
        import traceback
        whole = traceback.format_exception
        def restore(*args, **kwargs):
            traceback.format_exception = whole
            raise SystemExit("no")
        traceback.format_exception = restore
        raise LookupError("mine")
    """
    failed(attack, code, "LookupError")


def test_close_that_writes(attack):
    code = """
        class Items:
            write = staticmethod(start_response("200 OK", []))
            def __iter__(self):
                return iter([b"items"])
            def close(self):
                self.write(b" and more")
        result = Items()
    """
    assert attack(code).body == b"items and more"


def test_deep_recursion(attack):
    failed(attack, "def f(): f()\nf()", "RecursionError")


# --- a client that has gone ----------------------------------------------------------------------


def test_endless_write_ends_with_its_client(serve, tmp_path):
    """What the client does is no error of the application's, so the log stays quiet."""

    def app(environ, start_response):
        write = start_response("200 OK", [])
        try:
            while environ["PATH_INFO"] == "/endless":
                write(b"x" * 10_000)
        except OSError as error:
            with open("heard", "w") as file:
                file.write(type(error).__name__)
            raise
        return [b"end"]

    server = serve(app)
    with server.connect() as client:
        client.send_request("GET", "/endless")
        client.read_head()
        client.reset()
    heard = tmp_path / "heard"
    eventually(lambda: heard.exists() and heard.read_text() == "BrokenPipeError")
    assert server.get("/").body == b"end"


# --- HEAD ----------------------------------------------------------------------------------------


def test_head_without_items_promises_no_length(attack):
    """A GET of the same might have any length (RFC 9110 section 8.6)."""
    code = "result = respond([] if environ['REQUEST_METHOD'] == 'HEAD' else [b'12345'])"
    assert attack(code)["Content-Length"] == "5"
    assert "Content-Length" not in attack(code, "HEAD")
