# SPDX-License-Identifier: MIT
"""The error log as records. A test declares the warnings and errors that it expects; any other fails it."""

import re
from dataclasses import dataclass, field

from .waiting import PATIENCE, eventually

RECORD = re.compile(r"\[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}\] \[(\d+)\] \[(\w+)\] (.*)")
SANITIZER = re.compile(r"(Address|Leak|Thread|Memory|UndefinedBehavior)Sanitizer|runtime error: ")
QUIET = ("DEBUG", "INFO")


@dataclass
class Record:
    pid: int
    level: str
    message: str
    more: list = field(default_factory=list)  # the lines behind it that have no prefix of their own

    @property
    def text(self):
        return "\n".join([self.message, *self.more])

    @property
    def is_loud(self):
        return self.level not in QUIET or any(line.strip() for line in self.more)

    def __str__(self):
        return f"[{self.level}] {self.text}"


def parse(text):
    """Lines before the first record make a record of their own, of level NONE."""
    records = []
    for line in text.splitlines():
        match = RECORD.fullmatch(line)
        if match:
            records.append(Record(int(match[1]), match[2], match[3]))
        elif records:
            records[-1].more.append(line)
        else:
            records.append(Record(0, "NONE", line))
    return records


class Log:
    def __init__(self, path):
        self.path = path
        self._claimed = {}  # how many lines of each record were asked for or told, by its place
        self._ignored = []

    def read(self):
        try:
            return self.path.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def records(self):
        return parse(self.read())

    def messages(self, level=None):
        return [record.message for record in self.records() if level in (None, record.level)]

    def _open(self):
        """The records that nobody asked for, with their places. What was written without a prefix behind a
        record after that was claimed is a record of its own."""
        for place, record in enumerate(self.records()):
            lines = [record.message, *record.more]
            done = self._claimed.get(place, 0)
            if not done:
                yield place, record
            elif lines[done:]:
                yield place, Record(0, "NONE", lines[done], lines[done + 1 :])

    def _claim(self, place, record):
        self._claimed[place] = self._claimed.get(place, 0) + 1 + len(record.more)
        return record

    def _find(self, pattern, level):
        for place, record in self._open():
            if level in (None, record.level) and re.search(pattern, record.text):
                return self._claim(place, record)
        return None

    def expect(self, pattern, level=None, timeout=PATIENCE):
        """Waits for a record that matches and that was not expected before, and returns it."""
        what = f"a log line {pattern!r}" + (f" of level {level}" if level else "")
        return eventually(lambda: self._find(pattern, level), what, timeout)

    def ignore(self, pattern):
        """Any number of such records is fine, none as well."""
        self._ignored.append(re.compile(pattern))

    def _is_ignored(self, record):
        return any(pattern.search(record.text) for pattern in self._ignored)

    def complaints(self):
        """What is wrong with the log, as texts. Each is told once."""
        found = ["a sanitizer report"] if SANITIZER.search(self.read()) else []
        for place, record in list(self._open()):
            self._claim(place, record)
            if record.is_loud and not self._is_ignored(record):
                found.append(f"unexpected in the log: {record}")
        return found
