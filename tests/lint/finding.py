# SPDX-License-Identifier: MIT
"""What a check reports, and the files it looks at."""

import subprocess
from pathlib import Path
from typing import NamedTuple

SOURCES = ("src", "tests", "bench")


class Finding(NamedTuple):
    path: str
    line: int
    text: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.text}"


def c_files(root, folders=SOURCES):
    """The .c, .h and .def files below `folders`, in order."""
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".c", ".h", ".def"):
                yield path


def read(path):
    return path.read_text(encoding="utf-8")


def is_made(root, path):
    first = path.relative_to(root).parts[0]
    return "__pycache__" in path.parts or first.startswith((".git", ".venv", "build", "dist"))


def tracked_files(root):
    """What git knows of or would add; without git, every file that no tool has made."""
    command = ["git", "-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):
        return sorted(path for path in root.rglob("*") if path.is_file() and not is_made(root, path))
    return sorted(root / name for name in names if name and (root / name).is_file())


def name_of(root, path):
    return Path(path).relative_to(root).as_posix()
