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
        self._claimed = set()  # places of the records that a test has asked for
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

    def _claim(self, pattern, level):
        for place, record in enumerate(self.records()):
            if place in self._claimed or level not in (None, record.level):
                continue
            if re.search(pattern, record.text):
                self._claimed.add(place)
                return record
        return None

    def expect(self, pattern, level=None, timeout=PATIENCE):
        """Waits for a record that matches and that was not expected before, and returns it."""
        what = f"a log line {pattern!r}" + (f" of level {level}" if level else "")
        return eventually(lambda: self._claim(pattern, level), what, timeout)

    def ignore(self, pattern):
        """Any number of such records is fine, none as well."""
        self._ignored.append(re.compile(pattern))

    def unexpected(self):
        return [
            record
            for place, record in enumerate(self.records())
            if record.is_loud
            and place not in self._claimed
            and not any(pattern.search(record.text) for pattern in self._ignored)
        ]

    def complaints(self):
        """What is wrong with the log, as texts. Each is told once."""
        text = self.read()
        found = ["a sanitizer report"] if SANITIZER.search(text) else []
        found += [f"unexpected in the log: {record}" for record in self.unexpected()]
        self._claimed.update(range(len(parse(text))))
        return found
