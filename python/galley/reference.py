# SPDX-License-Identifier: MIT
"""Prints docs/reference/settings.md: python -m galley.reference > docs/reference/settings.md"""

import sys

from galley import _galley

if __name__ == "__main__":
    sys.stdout.write(_galley.reference())
