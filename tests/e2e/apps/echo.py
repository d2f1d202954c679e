# SPDX-License-Identifier: MIT
"""Answers with the body of the request, and says in fields what the request was."""


def app(environ, start_response):
    body = environ["wsgi.input"].read(-1)
    start_response(
        "200 OK",
        [
            ("Content-Type", "application/octet-stream"),
            ("X-Method", environ["REQUEST_METHOD"]),
            ("X-Path", environ["PATH_INFO"]),
            ("X-Length", environ.get("CONTENT_LENGTH", "none")),
            ("X-Fields", ",".join(sorted(key for key in environ if key.startswith("HTTP_")))),
        ],
    )
    return [body]
