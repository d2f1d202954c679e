# SPDX-License-Identifier: MIT
"""Links between the pages of the manual lead somewhere."""

import re

from finding import Finding, name_of, read, tracked_files

LINK = re.compile(r"\]\(([^)\s]+)\)")


def check(root):
    findings = []
    for path in tracked_files(root):
        if path.suffix != ".md":
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            for target in LINK.findall(line):
                place = target.partition("#")[0]
                if place and "://" not in target and not (path.parent / place).exists():
                    findings.append(Finding(name_of(root, path), number, f"no such file: {target}"))
    return findings
