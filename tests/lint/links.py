# SPDX-License-Identifier: MIT
"""Links between the pages of the manual lead somewhere, and what the pages call by name is in the source."""

import re

from finding import Finding, c_files, name_of, read, tracked_files

LINK = re.compile(r"\]\(([^)\s]+)\)")
QUOTED = re.compile(r"`([^`]+)`")
SOURCE_FILE = re.compile(r"(?!Python\.h)[\w/]+\.(?:c|h|py|def)")
C_NAME = re.compile(r"[a-z]+(?:_[a-z0-9]+)+")
# The page that promises to be true of the source.
ARCHITECTURE = "docs/architecture.md"


def numbered(text):
    return enumerate(text.splitlines(), 1)


def check_links(root, path):
    for number, line in numbered(read(path)):
        for target in LINK.findall(line):
            place = target.partition("#")[0]
            if place and "://" not in target and not (path.parent / place).exists():
                yield Finding(name_of(root, path), number, f"no such file: {target}")


def is_file(root, name):
    folders = [root, root / "src", root / "python/galley", *(root / "src").iterdir()]
    return any((folder / name).is_file() for folder in folders)


def check_names(root, path):
    """Files that are named exist, and names with an underscore occur somewhere below src/."""
    words = set()
    for source in c_files(root, ("src",)):
        words.update(re.findall(r"\w+", read(source)))
    for number, line in numbered(read(path)):
        for quoted in QUOTED.findall(line):
            if SOURCE_FILE.fullmatch(quoted) and not is_file(root, quoted):
                yield Finding(name_of(root, path), number, f"no such file: {quoted}")
            elif C_NAME.fullmatch(quoted) and quoted not in words:
                yield Finding(name_of(root, path), number, f"nothing is called {quoted}")


def check(root):
    findings = []
    for path in tracked_files(root):
        if path.suffix == ".md":
            findings.extend(check_links(root, path))
    if (root / ARCHITECTURE).exists():
        findings.extend(check_names(root, root / ARCHITECTURE))
    return findings
