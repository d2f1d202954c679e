# SPDX-License-Identifier: MIT
"""Includes point left only: base ← {io, http, conf} ← {server, master} ← {web, app} ← main."""

import re

from finding import Finding, c_files, name_of, read

LAYERS = (("base",), ("io", "http", "conf"), ("server", "master"), ("web", "app"), ("main",))
RANK = {folder: rank for rank, layer in enumerate(LAYERS) for folder in layer}

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def wrong_arrow(folder, target):
    """Why `folder` may not include `target`, or None."""
    if target not in RANK:
        return f"there is no folder src/{target}"
    if target != folder and RANK[target] >= RANK[folder]:
        return f"src/{folder} may not include src/{target}: includes point left only ({order()})"
    return None


def order():
    return " ← ".join(layer[0] if len(layer) == 1 else "{" + ", ".join(layer) + "}" for layer in LAYERS)


def check_include(folder, quoted, system):
    if quoted is None:
        if system == "Python.h" and folder != "app":
            return "only src/app may include Python.h"
        return None
    target, slash, _ = quoted.partition("/")
    if not slash:
        return f'write the folder too: #include "{folder}/{quoted}"'
    return wrong_arrow(folder, target)


def check(root):
    findings = []
    for path in c_files(root, ("src",)):
        name = name_of(root, path)
        folder = name.split("/")[1]
        if folder not in RANK:
            findings.append(Finding(name, 1, f"src/{folder} is in no layer ({order()})"))
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            match = INCLUDE.match(line)
            why = match and check_include(folder, *match.groups())
            if why:
                findings.append(Finding(name, number, why))
    return findings
