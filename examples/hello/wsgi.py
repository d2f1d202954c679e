# SPDX-License-Identifier: MIT
"""WSGI in five lines: galley --chdir examples/hello wsgi:app"""


def app(environ, start_response):
    body = b"Hello from the galley.\n"
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [body]
