# SPDX-License-Identifier: MIT
"""Application server for Python web applications. The work is done in C, by galley._galley."""

from galley import _galley
from galley._galley import __version__

__all__ = ["__version__", "run"]


def run(app, **settings):
    """Serves `app` until told to stop, and returns the exit code that the command would have.

    `app` is a WSGI callable or a text such as "module:variable". Settings go by the names of a
    configuration file: run(app, bind=":8000", workers=2). Neither gunicorn.conf.py nor
    GUNICORN_CMD_ARGS is read; config="path" reads a file, whose settings give way to those given
    here. Bad settings raise ValueError, with the message that the command prints.
    """
    return _galley.run(app, settings)
