# SPDX-License-Identifier: MIT
"""What the text of a file must begin with, and what it may not hold."""

import re

from finding import Finding, c_files, name_of, read, tracked_files

SPDX = "SPDX-License-Identifier: MIT"
# Files whose first lines must carry the licence.
LICENSED = (".c", ".h", ".def", ".py", ".sh", ".pyi")
# Binary files and the fuzz corpora hold what they hold.
SKIPPED_SUFFIXES = (".png", ".ico", ".gz", ".jpg", ".woff2", ".sqlite3")
SKIPPED_FOLDERS = ("tests/fuzz/corpus/",)

# They name what they forbid.
OURSELVES = ("tests/lint/words.py", "tests/lint/test_lint.py")

# Package registries, and the settings that name one.
HOSTS = (
    r"(?:\bpypi|pythonhosted|\bdebian|npmjs|\bcrates|golang|\bmaven)\.(?:org|io|com)\b"
    r"|--(?:extra-)?index-url|--trusted-host|\bindex-url\s*="
)

FORBIDDEN = (
    (re.compile(r"\bTODO\b(?!\(#\d+\))|\bFIXME\b|\bXXX\b"), "say TODO(#issue), or do it"),
    (re.compile(r"^\s*#\s*if\s+0\b"), "no dead code"),
    (re.compile(r"(?<![\w.$}~])/(?:home|root|work|Users)/\w"), "no path of one machine"),
    (re.compile(r"(?<!\w)/tmp/(?:wt|tools|bash_jobs)\b"), "no path of one machine"),
    (re.compile(HOSTS, re.IGNORECASE), "no registry's host: the machine's own settings name it"),
)


def check_words(name, text):
    for number, line in enumerate(text.splitlines(), 1):
        for pattern, why in FORBIDDEN:
            match = pattern.search(line)
            if match:
                yield Finding(name, number, f"'{match.group().strip()}': {why}")


def check_spdx(name, text):
    if SPDX not in "\n".join(text.splitlines()[:2]):
        yield Finding(name, 1, f"the first line must say {SPDX}")


def check_opening(name, text):
    """Behind the licence, a .c file says what it is for: a comment of one line at least."""
    lines = text.splitlines()
    if len(lines) < 2 or not lines[1].startswith("/*"):
        yield Finding(name, 2, "an opening comment must say what this file is for")


def check_pragma(name, text):
    if "#pragma once" not in text:
        yield Finding(name, 1, "a header needs #pragma once")


def check(root):
    findings = []
    for path in tracked_files(root):
        name = name_of(root, path)
        if path.suffix in SKIPPED_SUFFIXES or name.startswith(SKIPPED_FOLDERS):
            continue
        try:
            text = read(path)
        except UnicodeDecodeError:
            continue
        if name not in OURSELVES:
            findings.extend(check_words(name, text))
        if path.suffix in LICENSED or text.startswith("#!"):
            findings.extend(check_spdx(name, text))
    for path in c_files(root):
        name, text = name_of(root, path), read(path)
        if path.suffix == ".h":
            findings.extend(check_pragma(name, text))
        elif path.suffix == ".c" and name.startswith("src/"):
            findings.extend(check_opening(name, text))
    return findings
