# SPDX-License-Identifier: MIT
"""What the kernel says about processes."""

import contextlib
import os
from pathlib import Path


def _read(pid, name):
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _stat(pid):
    """The fields of /proc/PID/stat behind the name; the first is the state."""
    return _read(pid, "stat").rpartition(b")")[2].split()


def is_running(pid):
    fields = _stat(pid)
    return bool(fields) and fields[0] not in (b"Z", b"X")


def children(pid):
    """The running children of a process, oldest first."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return sorted(child for child in found if is_running(child))


def family(mark, session):
    """The running processes whose environment holds `mark`, or that belong to the session."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        pid = int(entry.name)
        fields = _stat(pid)
        if not fields or fields[0] in (b"Z", b"X"):
            continue
        if int(fields[3]) == session or mark.encode() in _read(pid, "environ"):
            found.append(pid)
    return found


def status(pid):
    """/proc/PID/status as a dictionary of texts."""
    lines = (line.partition(":") for line in _read(pid, "status").decode().splitlines())
    return {name: value.strip() for name, _, value in lines}


def anonymous_memory(pid):
    """Bytes of memory that the process wrote itself and that are resident."""
    return int(status(pid)["RssAnon"].split()[0]) * 1024


def title(pid):
    """What ps shows."""
    return _read(pid, "cmdline").rstrip(b"\0 ").replace(b"\0", b" ").decode()


def open_files(pid):
    """Where the descriptors of a process lead."""
    links = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            links.append(os.readlink(link))
    return links
