# SPDX-License-Identifier: MIT
"""Pages that the program itself writes are what it would write now. Only where galley is installed."""

import importlib.util
import subprocess
import sys

from finding import Finding, read

PAGES = {"docs/reference/settings.md": "galley.reference"}


def can_check():
    return importlib.util.find_spec("galley") is not None


def check_page(root, name, module):
    done = subprocess.run([sys.executable, "-m", module], capture_output=True, text=True, cwd=root)
    if done.returncode:
        return [Finding(name, 1, f"python -m {module} fails: {done.stderr.strip()}")]
    path = root / name
    if not path.exists() or read(path) != done.stdout:
        return [Finding(name, 1, "stale: make docs writes it anew")]
    return []


def check(root):
    if not can_check():
        return []
    return [finding for name, module in PAGES.items() for finding in check_page(root, name, module)]
