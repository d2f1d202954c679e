# SPDX-License-Identifier: MIT
"""The program `galley`, also as `python -m galley`."""

import sys

from galley import _galley


def main():
    sys.exit(_galley.main(sys.argv))


if __name__ == "__main__":
    main()
