# SPDX-License-Identifier: MIT
"""What is compared: a row for each server, a row for each scenario. run.py and syscalls.py read the rows."""

from typing import NamedTuple

OWN = ".venv"
PEERS = ".venv-bench"


class Server(NamedTuple):
    name: str
    venv: str  # where its program is, below the project's folder
    package: str  # whose version is reported
    command: tuple  # the program and what it needs beyond the scenario's own words


class Scenario(NamedTuple):
    name: str
    text: str
    folder: str  # working directory of the server
    application: str
    path: str
    options: tuple = ()  # the same for all servers: they share gunicorn's command line
    connections: int = 32
    fields: tuple = ()  # request fields for wrk


SERVERS = (
    Server("galley", OWN, "galley", ("galley",)),
    Server("gunicorn sync", PEERS, "gunicorn", ("gunicorn", "-k", "sync")),
    Server("gunicorn gthread", PEERS, "gunicorn", ("gunicorn", "-k", "gthread", "--threads", "4")),
)

HELLO = {"folder": "examples/hello", "application": "wsgi:app", "path": "/", "options": ("--workers", "1")}

SCENARIOS = (
    Scenario("hello", "WSGI in five lines, 1 worker, 32 keep-alive connections", **HELLO),
    Scenario(
        "hello-close",
        "the same, a connection for every request",
        fields=("Connection: close",),
        **HELLO,
    ),
)


def by_name(rows, name):
    for row in rows:
        if row.name == name:
            return row
    raise SystemExit(f"no such row: {name} ({', '.join(row.name for row in rows)})")
