# SPDX-License-Identifier: MIT
"""The same for Bottle: routes, a form, JSON, cookies, a static file, a generator, an upload."""

import os

from bottle import Bottle, HTTPResponse, request, response, static_file

app = Bottle()


@app.get("/hello/<name>")
def hello(name):
    return f"Hello, {name}!"


@app.post("/form")
def form():
    response.set_cookie("seen", request.forms.getunicode("name"), secret="for tests only")
    return {"name": request.forms.getunicode("name"), "query": request.query.q}


@app.get("/cookie")
def cookie():
    return {"seen": request.get_cookie("seen", secret="for tests only")}


@app.get("/static/<path:path>")
def static(path):
    return static_file(path, root=os.path.dirname(__file__))


@app.get("/stream")
def stream():
    response.content_type = "text/plain"
    for n in range(100):
        yield f"{n}\n"


@app.post("/upload")
def upload():
    sent = request.files.get("file")
    return {"name": sent.filename, "size": len(sent.file.read())}


@app.get("/gone")
def gone():
    return HTTPResponse(status=204)


@app.get("/fail")
def fail():
    raise RuntimeError("kitchen fire")
