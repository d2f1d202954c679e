# SPDX-License-Identifier: MIT
"""Application server for Python web applications. The work is done in C, by galley._galley."""

from galley._galley import __version__

__all__ = ["__version__"]
