#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the system calls that a worker makes for a request.

    bench/syscalls.py [--requests 1000] [SERVER…]

strace is attached to the workers of each server while requests follow one another on one keep-alive
connection, and then while each comes on a connection of its own.
"""

import argparse
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time

import run
import table
from processes import Running

WAYS = ("on one connection", "a connection each")


def ask(connection, path, last):
    """One request; reads the response to its end. Whether the server keeps the connection."""
    ending = "Connection: close\r\n" if last else ""
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{ending}\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += receive(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode("latin-1"))
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    while len(body) < int(length[1]) if length else not body.endswith(b"0\r\n\r\n"):
        body += receive(connection)
    return not re.search(rb"(?i)\r\nconnection: *close", head)


def receive(connection):
    data = connection.recv(65536)
    if not data:
        raise RuntimeError("the server closed the connection")
    return data


def drive(port, path, count, each):
    """Sends the requests; returns how many connections that took."""
    connections, connection = 0, None
    for _ in range(count):
        if connection is None:
            connection = socket.create_connection(("127.0.0.1", port))
            connections += 1
        if not ask(connection, path, last=each) or each:
            connection.close()
            connection = None
    if connection:
        connection.close()
    return connections


def traced(pids, action):
    """Counts by system call of those processes, all their threads, while `action` runs."""
    with tempfile.NamedTemporaryFile("r") as out:
        command = ["strace", "-f", "-c", "-o", out.name]
        command += [word for pid in pids for word in ("-p", str(pid))]
        strace = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        line = strace.stderr.readline()
        if "attached" not in line:
            raise RuntimeError(f"strace: {line.strip()} {strace.stderr.read()}")
        time.sleep(0.3)
        try:
            result = action()
        finally:
            strace.send_signal(signal.SIGINT)
            strace.communicate()
        rows = [text.split() for text in out.read().splitlines()]
    return result, {row[-1]: int(row[3]) for row in rows if len(row) >= 5 and row[3].isdigit()}


def report(server, scenario, count):
    with Running(server, scenario) as running:
        for way in WAYS:
            each = way == WAYS[1]
            connections, calls = traced(
                running.workers, lambda each=each: drive(running.port, scenario.path, count, each)
            )
            calls.pop("total", None)
            most = sorted(calls.items(), key=lambda item: -item[1])
            names = ", ".join(f"{name} {number / count:.2f}" for name, number in most if number * 20 > count)
            total = sum(calls.values()) / count
            print(f"| {server.name} | {way} | {connections} | {total:.2f} | {names} |")


def main():
    options = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    options.add_argument("--requests", type=int, default=1000)
    options.add_argument("--scenario", default="hello")
    options.add_argument("servers", nargs="*", metavar="SERVER")
    args = options.parse_args()

    scenario = table.by_name(table.SCENARIOS, args.scenario)
    rows = [table.by_name(table.SERVERS, name) for name in args.servers] or table.SERVERS
    if any(row.venv == table.PEERS for row in rows) and not run.install_peers():
        rows = [row for row in rows if row.venv != table.PEERS]
    print(f"System calls of the worker for a request, {args.requests} requests:\n")
    print("| server | requests | connections | calls/request | which |\n|---|---|---:|---:|---|")
    for server in rows:
        report(server, scenario, args.requests)


if __name__ == "__main__":
    sys.exit(main())
