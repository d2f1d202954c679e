#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs every check over the tree and prints what it finds; exit code 1 when that is anything."""

import sys
from pathlib import Path

import generated
import layers
import links
import sizes
import words

ROOT = Path(__file__).resolve().parents[2]
CHECKS = (generated, layers, links, sizes, words)


def main():
    findings = [finding for check in CHECKS for finding in check.check(ROOT)]
    for finding in sorted(findings):
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
