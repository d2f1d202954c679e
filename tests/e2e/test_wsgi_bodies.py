# SPDX-License-Identifier: MIT
"""PEP 3333: how the bodies of requests are read, and how those of responses are framed and sent."""

import json

import pytest

from harness import processes
from harness.client import Cut, chunked
from harness.waiting import Background, eventually

# --- wsgi.input ----------------------------------------------------------------------------------

BODY = b"first line\nsecond\n\nlast without end"

READS = {
    "read()": [BODY, b""],
    "read(-1)": [BODY, b""],
    "read(None)": [BODY],
    "read(0)": [b"", b""],
    "read(5)": [b"first", b" line", b"\nseco"],
    "read(1000)": [BODY, b""],
    "readline()": [b"first line\n", b"second\n", b"\n", b"last without end", b"", b""],
    "readline(6)": [b"first ", b"line\n", b"second", b"\n", b"\n", b"last w"],
    "readline(0)": [b"", b""],
    "readline(-1)": [b"first line\n", b"second\n"],
    "readline(1000)": [b"first line\n", b"second\n"],
    "readlines()": [[b"first line\n", b"second\n", b"\n", b"last without end"], []],
    "readlines(1000)": [[b"first line\n", b"second\n", b"\n", b"last without end"]],
    "__next__()": [b"first line\n", b"second\n", b"\n", b"last without end"],
}


@pytest.fixture(scope="module")
def reader(serve_module):
    """Calls what the query says on wsgi.input, as often as it says, and answers with the results."""
    return serve_module("""
        import json

        def text(value):
            return [item.decode() for item in value] if isinstance(value, list) else value.decode()

        def app(environ, start_response):
            call, _, times = environ["QUERY_STRING"].rpartition("*")
            source = environ["wsgi.input"]
            results = [text(eval("source." + call, {"source": source})) for _ in range(int(times))]
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(results).encode()]
    """)


@pytest.mark.parametrize("coding", ["length", "chunked"])
@pytest.mark.parametrize("call, expected", READS.items(), ids=READS)
def test_input_is_read(reader, call, expected, coding):
    fields, body = [], BODY
    if coding == "chunked":
        fields, body = [("Transfer-Encoding", "chunked")], chunked(BODY[:3], BODY[3:12], BODY[12:])
    response = reader.request("POST", f"/?{call}*{len(expected)}", fields, body)
    texts = [[item.decode() for item in x] if isinstance(x, list) else x.decode() for x in expected]
    assert json.loads(response.body) == texts


def test_input_without_a_body_is_at_its_end(reader):
    for call in "read()", "read(10)", "readline()":
        assert json.loads(reader.get(f"/?{call}*2").body) == ["", ""]
    assert json.loads(reader.get("/?readlines()*1").body) == [[]]


def test_calls_on_input_mix(serve):
    def app(environ, start_response):
        source = environ["wsgi.input"]
        parts = [source.read(2), source.readline(), source.read(3), next(source), *source, source.read()]
        start_response("200 OK", [])
        return [b"|".join(parts)]

    body = b"ab cd\nefghi\njkl\nm"
    assert serve(app).request("POST", body=body).body == b"ab| cd\n|efg|hi\n|jkl\n|m|"


def test_lines_longer_than_any_buffer(serve):
    def app(environ, start_response):
        start_response("200 OK", [])
        return [b",".join(b"%d" % len(line) for line in environ["wsgi.input"])]

    lines = [300_000, 1, 70_000, 65_536, 5]
    body = b"".join(b"x" * (n - 1) + b"\n" for n in lines)
    assert serve(app).request("POST", body=body).text == ",".join(map(str, lines))


def test_input_ends_with_its_request(serve):
    """The body of the next request in the pipeline is none of this one's business."""

    def app(environ, start_response):
        start_response("200 OK", [])
        return [environ["wsgi.input"].read(1 << 20) + environ["wsgi.input"].read()]

    with serve(app).connect() as client:
        client.send_request("POST", body=b"one")
        client.send_request("POST", body=b"two")
        assert [client.read_response().body for _ in range(2)] == [b"one", b"two"]


# --- framing -------------------------------------------------------------------------------------


def body_of(items, fields=()):
    return f"""
        def app(environ, start_response):
            start_response("200 OK", {list(fields)!r})
            return {items}
    """


def test_list_of_one_gets_its_length(serve):
    response = serve(body_of("[b'hello']")).get()
    assert response["Content-Length"] == "5"
    assert "Transfer-Encoding" not in response


def test_tuple_of_one_gets_its_length(serve):
    assert serve(body_of("(b'hello',)")).get()["Content-Length"] == "5"


def test_empty_list_is_an_empty_body(serve):
    with serve(body_of("[]")).connect() as client:
        for _ in range(2):
            assert client.request().body == b""


def test_list_of_one_empty_item(serve):
    with serve(body_of("[b'']")).connect() as client:
        for _ in range(2):
            response = client.request()
            assert (response["Content-Length"], response.body) == ("0", b"")


@pytest.mark.parametrize(
    "items",
    [
        "[b'hel', b'lo']",
        "iter([b'hel', b'lo'])",
        "(i for i in [b'', b'hel', b'', b'lo', b''])",
        "map(bytes, [b'hello'])",
    ],
)
def test_other_iterables_arrive_whole(serve, items):
    with serve(body_of(items)).connect() as client:
        for _ in range(2):
            response = client.request()
            assert response.body == b"hello"
            assert response.is_chunked != ("Content-Length" in response)


def test_stream_is_chunked_for_1_1(serve):
    response = serve(body_of("iter([b'hel', b'lo'])")).get()
    assert response.is_chunked
    assert response.chunks == [b"hel", b"lo"]
    assert "Content-Length" not in response


def test_stream_ends_with_the_connection_for_1_0(serve):
    with serve(body_of("iter([b'hel', b'lo'])")).connect() as client:
        response = client.request(version="HTTP/1.0", fields=[("Connection", "keep-alive")])
        assert response.body == b"hello"
        assert "Transfer-Encoding" not in response and "Content-Length" not in response
        assert response.all("Connection") in ([], ["close"])
        assert client.is_closed()


def test_stream_with_a_length_is_not_chunked(serve):
    with serve(body_of("iter([b'hel', b'lo'])", [("Content-Length", "5")])).connect() as client:
        for _ in range(2):
            response = client.request()
            assert response.body == b"hello"
            assert "Transfer-Encoding" not in response


@pytest.mark.parametrize("items", ["[b'hello, world']", "iter([b'he', b'llo, ', b'world'])"])
def test_too_many_bytes_are_cut_to_the_length(serve, items):
    server = serve(body_of(items, [("Content-Length", "5")]))
    server.log.ignore("Content-Length")
    with server.connect() as client:
        assert client.request().body == b"hello"
        assert client.request().body == b"hello"


@pytest.mark.parametrize("items", ["[b'hell']", "iter([b'he', b'll'])", "[]"])
def test_too_few_bytes_cut_the_connection(serve, items):
    server = serve(body_of(items, [("Content-Length", "5")]))
    server.log.ignore("Content-Length")
    with pytest.raises(Cut):
        server.get()


def test_items_are_flushed_one_by_one(serve, tmp_path):
    def app(environ, start_response):
        import os
        import time

        start_response("200 OK", [])
        for name in "one", "two", "three":
            while not os.path.exists(name):
                time.sleep(0.01)
            yield name.encode()

    with serve(app).connect() as client:
        client.send_request()
        for name in "one", "two", "three":
            (tmp_path / name).touch()  # only now the application goes on
            if name == "one":
                assert client.read_head().is_chunked
            assert client.read_chunk() == name.encode()
        assert client.read_chunk() == b""


def test_head_waits_for_the_first_byte(serve, tmp_path):
    def app(environ, start_response):
        import os
        import time

        start_response("200 OK", [])
        yield b""
        while not os.path.exists("go"):
            time.sleep(0.01)
        yield b"body"

    with serve(app).connect() as client:
        client.send_request()
        assert client.is_quiet(0.3)
        (tmp_path / "go").touch()
        assert client.read_response().body == b"body"


def test_many_small_items(serve):
    server = serve(body_of("(b'%d,' % n for n in range(20_000))"))
    assert server.get().body == b"".join(b"%d," % n for n in range(20_000))


def test_client_that_leaves_does_not_disturb_the_next(serve):
    server = serve(body_of("(b'x' * 10_000 for _ in range(10_000))"))
    for _ in range(5):
        with server.connect() as client:
            client.send_request()
            client.read_head()
            client.reset()
    with server.connect() as client:
        client.send_request()
        client.read_head()
        assert sum(len(client.read_chunk()) for _ in range(10_000)) == 100_000_000


# --- write() -------------------------------------------------------------------------------------


def test_write_comes_before_the_items(serve):
    def app(environ, start_response):
        write = start_response("200 OK", [])
        write(b"one ")
        write(b"")
        write(b"two ")
        return [b"three ", b"four"]

    with serve(app).connect() as client:
        for _ in range(2):
            assert client.request().body == b"one two three four"


def test_write_is_sent_at_once(serve, tmp_path):
    def app(environ, start_response):
        import os
        import time

        write = start_response("200 OK", [("Content-Length", "9")])
        write(b"early ")
        while not os.path.exists("go"):
            time.sleep(0.01)
        write(b"end")
        return []

    with serve(app).connect() as client:
        client.send_request()
        client.read_head()
        assert client.read_exactly(6) == b"early "
        (tmp_path / "go").touch()
        assert client.read_exactly(3) == b"end"


def test_write_wants_bytes(serve):
    def app(environ, start_response):
        start_response("200 OK", [])("text")
        return []

    server = serve(app)
    assert server.get().status == 500
    server.log.expect("TypeError", level="ERROR")


def test_exception_after_write_cuts_the_connection(serve):
    def app(environ, start_response):
        start_response("200 OK", [])(b"begun")
        raise RuntimeError("kitchen fire")

    server = serve(app)
    with pytest.raises(Cut) as cut:
        server.get()
    assert cut.value.response.body == b"begun"
    server.log.expect("kitchen fire", level="ERROR")


def test_write_to_a_client_that_has_left_fails_or_does_nothing(serve, tmp_path):
    def app(environ, start_response):
        write = start_response("200 OK", [])
        try:
            for _ in range(10_000):
                write(b"x" * 100_000)
        finally:
            with open("left", "w") as file:
                file.write("left")
        return []

    server = serve(app)
    server.log.ignore("")
    with server.connect() as client:
        client.send_request()
        client.read_head()
        client.reset()
    with server.connect() as client:
        client.send_request()
        assert client.read_head().status == 200
        assert (tmp_path / "left").exists()


# --- wsgi.file_wrapper ---------------------------------------------------------------------------

FILES = """
    import io

    class Odd:
        # neither a file nor closable
        def __init__(self, data):
            self.read = io.BytesIO(data).read

    class Told(io.FileIO):
        def close(self):
            if not self.closed:
                with open("closed", "a") as file:
                    file.write("closed\\n")
            super().close()

    def app(environ, start_response):
        kind, name, *rest = environ["PATH_INFO"].strip("/").split(",")
        options = dict(item.split("=") for item in rest)
        if kind == "memory":
            source = io.BytesIO(open(name, "rb").read())
        elif kind == "odd":
            source = Odd(open(name, "rb").read())
        elif kind == "told":
            source = Told(name)
        elif kind == "raw":
            source = open(name, "rb", buffering=0)
        else:
            source = open(name, "rb")
        source.seek(int(options["at"])) if "at" in options else None
        source.read(int(options["skip"])) if "skip" in options else None
        fields = [("Content-Length", options["length"])] if "length" in options else []
        start_response("200 OK", fields)
        block = [int(options["block"])] if "block" in options else []
        wrapped = environ["wsgi.file_wrapper"](source, *block)
        return (item for item in wrapped) if "iterate" in options else wrapped
"""


@pytest.fixture(scope="module")
def files(serve_module):
    server = serve_module(FILES)
    for name, size in {"empty": 0, "small": 1000, "page": 8192, "large": 5_000_000}.items():
        (server.folder / name).write_bytes((bytes(range(251)) * (size // 251 + 1))[:size])
    return server


@pytest.mark.parametrize("version", ["HTTP/1.1", "HTTP/1.0"])
@pytest.mark.parametrize("kind", ["file", "raw", "memory", "odd", "told"])
@pytest.mark.parametrize("name", ["empty", "small", "page", "large"])
def test_file_is_sent_whole(files, version, kind, name):
    content = (files.folder / name).read_bytes()
    with files.connect() as client:
        response = client.request("GET", f"/{kind},{name}", version=version)
        assert response.body == content
        if version == "HTTP/1.1":
            assert client.request("GET", "/file,small").status == 200


@pytest.mark.parametrize(
    "target, part",
    [
        ("/file,large,at=4000000", slice(4_000_000, None)),
        ("/raw,small,at=1", slice(1, None)),
        ("/memory,small,at=999", slice(999, None)),
        ("/file,small,at=1000", slice(1000, None)),
        ("/file,large,skip=10", slice(10, None)),  # the buffered reader is further ahead than it says
        ("/file,large,length=12345", slice(0, 12_345)),
        ("/file,large,at=100,length=70000", slice(100, 70_100)),
        ("/memory,large,length=12345", slice(0, 12_345)),
        ("/file,small,length=0", slice(0, 0)),
        ("/file,large,block=1000", slice(None)),
        ("/memory,small,block=7", slice(None)),
        ("/file,large,iterate=1", slice(None)),
        ("/odd,small,iterate=1", slice(None)),
        ("/file,empty,iterate=1", slice(None)),
    ],
)
def test_part_of_a_file_is_sent(files, target, part):
    name = target.split(",")[1]
    files.log.ignore("Content-Length")
    with files.connect() as client:
        assert client.request("GET", target).body == (files.folder / name).read_bytes()[part]
        assert client.request("GET", target).status == 200


def test_file_shorter_than_its_length_cuts_the_connection(files):
    files.log.ignore("Content-Length")
    with pytest.raises(Cut) as cut:
        files.get("/file,small,length=2000")
    assert len(cut.value.response.body) == 1000


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("options", ["", ",iterate=1", ",length=5"])
def test_file_is_closed_once(files, method, options):
    closed = files.folder / "closed"
    closed.unlink(missing_ok=True)
    files.log.ignore("Content-Length")
    files.request(method, "/told,large" + options)
    files.get("/told,small")
    eventually(lambda: closed.exists() and len(closed.read_text().splitlines()) >= 2)
    assert closed.read_text() == "closed\n" * 2


def test_file_does_not_wait_for_its_reader(files):
    """A client that takes its time with one file does not keep others from theirs."""
    with files.connect(receive_buffer=4096) as slow:
        slow.send_request("GET", "/file,large")
        slow.read_head()
        reading = Background(files.get, "/file,small")
        assert len(reading.result().body) == 1000
        slow.read_exactly(1)


def test_files_are_left_open_by_nobody(files):
    for _ in range(3):
        files.get("/file,large")
    files.get("/memory,small")
    assert not [
        link for pid in files.workers() for link in processes.open_files(pid) if link.endswith("/large")
    ]
