# SPDX-License-Identifier: MIT
"""The echo applications behind the standard library's validator, which raises at any breach of PEP 3333."""

from wsgiref.validate import validator

import echo


def stream(environ, start_response):
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    yield from iter(environ["wsgi.input"].readline, b"")


def written(environ, start_response):
    write = start_response("200 OK", [("Content-Type", "application/octet-stream")])
    write(environ["wsgi.input"].read(5))
    return [environ["wsgi.input"].read(1 << 20)]


def whole(environ, start_response):
    body = b"".join(environ["wsgi.input"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    environ["wsgi.errors"].write("seen by the validator\n")
    environ["wsgi.errors"].flush()
    return [body]


APPS = {"/echo": echo.app, "/stream": stream, "/written": written, "/whole": whole}


def choose(environ, start_response):
    return APPS[environ["PATH_INFO"]](environ, start_response)


app = validator(choose)
