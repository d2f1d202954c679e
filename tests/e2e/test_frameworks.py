# SPDX-License-Identifier: MIT
"""Real applications of real frameworks, asked by real clients."""

import hashlib
import re
import sqlite3
from datetime import date, timedelta
from pathlib import Path

import pytest
import requests

from harness.waiting import in_parallel

EXAMPLES = Path(__file__).parents[2] / "examples"


class Site:
    """A session of `requests` on one server."""

    def __init__(self, server):
        self.server = server
        self.session = requests.Session()
        self.session.trust_env = False

    def ask(self, method, path, **options):
        return self.session.request(method, f"{self.server.urls[0]}{path}", timeout=30, **options)

    def get(self, path, **options):
        return self.ask("GET", path, **options)

    def post(self, path, **options):
        return self.ask("POST", path, **options)


# --- the examples --------------------------------------------------------------------------------


def test_hello(serve):
    server = serve("wsgi:app", "--chdir", EXAMPLES / "hello")
    response = Site(server).get("/")
    assert response.text == "Hello from the galley.\n"
    assert response.headers["Content-Length"] == str(len(response.content))


@pytest.fixture(params=[[], ["--workers", "2", "--threads", "4"]], ids=["one thread", "many"])
def demo(request, serve, tmp_path):
    server = serve(
        "app:app",
        *request.param,
        "--chdir",
        EXAMPLES / "demo",
        env={"DEMO_DATABASE": str(tmp_path / "demo.sqlite3")},
    )
    return Site(server)


def stay(**changes):
    arrival = date.today() + timedelta(days=10)
    return {
        "guest": "Ada Lovelace",
        "email": "ada@example.org",
        "guests": "2",
        "arrival": arrival.isoformat(),
        "departure": (arrival + timedelta(days=3)).isoformat(),
        "note": "Late, <b>very</b> late",
        **changes,
    }


def test_demo_pages(demo):
    home = demo.get("/")
    assert home.status_code == 200 and "Four rooms above the sea" in home.text
    rooms = re.findall(r'href="(/rooms/[\w-]+)"', home.text)
    assert len(rooms) == 4
    for path in [*rooms, "/bookings"]:
        page = demo.get(path)
        assert page.status_code == 200
        assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert demo.get("/health").json()["status"] == "ok"


def test_demo_style_sheet(demo):
    (link,) = re.findall(r'rel="stylesheet" href="([^"]+)"', demo.get("/").text)
    style = demo.get(link)
    assert style.headers["Content-Type"].startswith("text/css")
    assert style.content == (EXAMPLES / "demo/static/style.css").read_bytes()
    again = demo.get(link, headers={"If-None-Match": style.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    part = demo.get(link, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, style.content[10:20])


def test_demo_booking(demo, tmp_path):
    done = demo.post("/rooms/galley", data=stay())
    assert [step.status_code for step in done.history] == [303]
    assert done.url.endswith("/bookings")
    assert "The Galley is yours, Ada Lovelace" in done.text
    assert "&lt;b&gt;very&lt;/b&gt;" in done.text
    assert "is yours" not in demo.get("/bookings").text
    (row,) = (
        sqlite3.connect(tmp_path / "demo.sqlite3").execute("SELECT guest, guests FROM bookings").fetchall()
    )
    assert row == ("Ada Lovelace", 2)
    cancelled = demo.post("/bookings/1/cancel")
    assert "The booking is cancelled" in cancelled.text and "Nobody yet" in cancelled.text


@pytest.mark.parametrize(
    "field, value",
    [
        ("guest", " "),
        ("email", "ada"),
        ("guests", "9"),
        ("guests", "x"),
        ("arrival", "soon"),
        ("departure", ""),
    ],
)
def test_demo_form_is_checked(demo, field, value):
    page = demo.post("/rooms/galley", data=stay(**{field: value}))
    assert page.status_code == 422
    assert f'id="{field}-error"' in page.text
    assert "Nobody yet" in demo.get("/bookings").text


def test_demo_books_each_night_once(demo):
    done = in_parallel(lambda _: Site(demo.server).post("/rooms/galley", data=stay()), range(8))
    statuses = [page.history[0].status_code if page.history else page.status_code for page in done]
    assert sorted(statuses) == [303, *[409] * 7]


def test_demo_bookings_survive_a_restart(serve, tmp_path):
    options = ["--chdir", EXAMPLES / "demo"]
    env = {"DEMO_DATABASE": str(tmp_path / "demo.sqlite3")}
    first = serve("app:app", *options, env=env)
    Site(first).post("/rooms/galley", data=stay())
    first.stop()
    assert "Ada Lovelace" in Site(serve("app:app", *options, env=env)).get("/bookings").text


def test_demo_errors(demo):
    lost = demo.get("/rooms/bridge")
    assert lost.status_code == 404 and "We have no room of that name" in lost.text
    assert demo.get("/nowhere").status_code == 404
    assert demo.post("/").status_code == 405
    assert demo.post("/rooms/galley", data={"note": "x" * 100_000}).status_code == 413


# --- Flask ---------------------------------------------------------------------------------------

FLASK = """
    import sqlite3

    from flask import Flask, Response, abort, jsonify, request, session, stream_with_context

    app = Flask(__name__)
    app.secret_key = "for tests only"
    database = sqlite3.connect("visits.sqlite3")  # of the module, as with gunicorn sync
    database.execute("CREATE TABLE IF NOT EXISTS visits (n)")

    @app.get("/count")
    def count():
        with database:
            database.execute("INSERT INTO visits VALUES (1)")
        return jsonify(visits=database.execute("SELECT count(*) FROM visits").fetchone()[0])

    @app.get("/session")
    def visit():
        session["n"] = session.get("n", 0) + 1
        return jsonify(n=session["n"])

    @app.get("/stream")
    def stream():
        @stream_with_context
        def lines():
            for n in range(int(request.args["n"])):
                yield f"line {n}\\n"
        return Response(lines(), mimetype="text/plain")

    @app.post("/json")
    def json():
        return jsonify(request.get_json())

    @app.post("/upload")
    def upload():
        file = request.files["file"]
        return jsonify(name=file.filename, size=len(file.read()), note=request.form["note"])

    @app.route("/<path:name>")
    def any(name):
        return jsonify(name=name, url=request.url, remote=request.remote_addr)

    @app.get("/fail")
    def fail():
        raise RuntimeError("kitchen fire")
"""


@pytest.fixture(scope="module")
def flask(serve_module):
    return Site(serve_module(FLASK))


def test_flask_with_a_connection_of_the_module(flask):
    before = flask.get("/count").json()["visits"]
    in_parallel(lambda _: Site(flask.server).get("/count"), range(10))
    assert flask.get("/count").json()["visits"] == before + 11


def test_flask_session(flask):
    visitor = Site(flask.server)
    assert [visitor.get("/session").json()["n"] for _ in range(3)] == [1, 2, 3]


def test_flask_stream(flask):
    response = flask.get("/stream?n=1000", stream=True)
    assert list(response.iter_lines(decode_unicode=True)) == [f"line {n}" for n in range(1000)]


def test_flask_json_and_upload(flask):
    data = {"text": "Grüße €", "list": list(range(1000))}
    assert flask.post("/json", json=data).json() == data
    answer = flask.post("/upload", files={"file": ("kräuter.bin", b"x" * 300_000)}, data={"note": "ä"})
    assert answer.json() == {"name": "kräuter.bin", "size": 300_000, "note": "ä"}


def test_flask_urls(flask):
    answer = flask.get("/a/Caf%C3%A9 b?q=1%202").json()
    assert answer == {
        "name": "a/Café b",
        "url": f"{flask.server.urls[0]}/a/Café%20b?q=1%202",
        "remote": "127.0.0.1",
    }


def test_flask_error(flask):
    assert flask.get("/fail").status_code == 500
    flask.server.log.expect("kitchen fire")


# --- Django --------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=[1, 4], ids=["1 thread", "4 threads"])
def django(serve_module, request):
    pytest.importorskip("django")
    return Site(serve_module("django_site", "--threads", request.param))


def test_django_page(django):
    assert django.get("/").text == "<h1>Home</h1>"
    assert django.get("/nowhere").status_code == 404


def test_django_form(django):
    visitor = Site(django.server)
    (token,) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', visitor.get("/form").text)
    page = visitor.post("/form", data={"csrfmiddlewaretoken": token, "name": "Grace & Ada"})
    assert "Hello, Grace &amp; Ada!" in page.text
    assert visitor.post("/form", data={"name": "no token"}).status_code == 403
    django.server.log.ignore("Forbidden")  # Django says so on standard error


@pytest.mark.parametrize("size", [0, 1000, 99_999, 3_000_000])
def test_django_upload(django, size):
    content = bytes(range(256)) * (size // 256 + 1)
    content = content[:size]
    answer = django.post("/upload", files={"file": ("data.bin", content)}, data={"more": "Grüße"}).json()
    assert answer == {
        "name": "data.bin",
        "size": size,
        "sha256": hashlib.sha256(content).hexdigest(),
        "more": "Grüße",
    }


def test_django_stream(django):
    response = django.get("/stream", stream=True)
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert list(response.iter_lines(decode_unicode=True)) == [f"line {n}" for n in range(1000)]


def test_django_file(django):
    """A FileResponse goes through wsgi.file_wrapper."""
    content = (Path(__file__).parent / "apps/django_site.py").read_bytes()
    response = django.get("/file")
    assert response.content == content
    assert response.headers["Content-Length"] == str(len(content))


def test_django_database(django):
    before = django.get("/count").json()["visits"]
    in_parallel(lambda _: Site(django.server).get("/count"), range(8))
    assert django.get("/count").json()["visits"] == before + 9


def test_django_url(django):
    base = django.server.urls[0]
    assert django.get("/url/caf%C3%A9?q=%20").json() == {
        "url": f"{base}/url/caf%C3%A9?q=%20",
        "secure": False,
    }
    behind_proxy = django.get("/url/x", headers={"X-Forwarded-Proto": "https"}).json()
    assert behind_proxy == {"url": f"https{base[4:]}/url/x", "secure": True}


def test_django_error(django):
    assert django.get("/fail").status_code == 500
    django.server.log.ignore("kitchen fire")


# --- Bottle --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bottle(serve_module):
    pytest.importorskip("bottle")
    return Site(serve_module("bottle_site:app"))


def test_bottle_routes(bottle):
    assert bottle.get("/hello/Gr%C3%BC%C3%9Fe").text == "Hello, Grüße!"
    assert bottle.get("/nowhere").status_code == 404
    assert (bottle.get("/gone").status_code, bottle.get("/gone").content) == (204, b"")


def test_bottle_form_and_cookie(bottle):
    visitor = Site(bottle.server)
    assert visitor.post("/form?q=1", data={"name": "Ada ä"}).json() == {"name": "Ada ä", "query": "1"}
    assert visitor.get("/cookie").json() == {"seen": "Ada ä"}


def test_bottle_static_file(bottle):
    response = bottle.get("/static/bottle_site.py")
    assert response.content == (Path(__file__).parent / "apps/bottle_site.py").read_bytes()
    part = bottle.get("/static/bottle_site.py", headers={"Range": "bytes=5-9"})
    assert (part.status_code, part.content) == (206, response.content[5:10])
    assert (
        bottle.session.head(f"{bottle.server.urls[0]}/static/bottle_site.py", timeout=30).status_code == 200
    )


def test_bottle_stream_and_upload(bottle):
    assert bottle.get("/stream").text == "".join(f"{n}\n" for n in range(100))
    answer = bottle.post("/upload", files={"file": ("a.txt", b"x" * 200_000)}).json()
    assert answer == {"name": "a.txt", "size": 200_000}


def test_bottle_error(bottle):
    assert bottle.get("/fail").status_code == 500
    bottle.server.log.expect("kitchen fire")
