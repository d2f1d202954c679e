# SPDX-License-Identifier: MIT
"""Prints docs/reference/settings.md: python -m galley.reference > docs/reference/settings.md"""

import sys

from galley import _galley

INTRODUCTION = """\
# Settings

Every setting by the name that it has in a configuration file, with its flags on the command line. A value
comes from, in this order, the later one winning: the default, the configuration file, `GUNICORN_CMD_ARGS`,
`GALLEY_CMD_ARGS`, the command line. `galley --print-config` shows what came of it.

This page is written by `make docs` from the table that also parses and checks the settings.
"""

if __name__ == "__main__":
    sys.stdout.write(INTRODUCTION + _galley.reference())
