# SPDX-License-Identifier: MIT
"""Answers with the environ of the request as JSON; values that are no text become their type's name."""

import json


def app(environ, start_response):
    shown = {
        key: value if isinstance(value, (str, bool, int, tuple)) else type(value).__name__
        for key, value in environ.items()
    }
    body = json.dumps(shown).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
