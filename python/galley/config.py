# SPDX-License-Identifier: MIT
"""Runs configuration files. What the names in them mean is the C side's business (app/options.c)."""

import os
import sys

MODULE = "__config__"  # the name gunicorn runs a configuration file under

_changed = {}  # variables that raw_env has set, and what they were before


class ConfigError(Exception):
    """A configuration that cannot be had: one line, and the traceback when its own code failed."""

    def __init__(self, message, traceback=None):
        super().__init__(message)
        self.traceback = traceback


def load(location):
    """The names that PATH, file:PATH or python:MODULE defines, as a dict."""
    if location.startswith("python:"):
        return _guarded(location, _import, location[len("python:") :])
    path = location[len("file:") :] if location.startswith("file:") else location
    if not os.path.exists(path):
        raise ConfigError(f"{path!r} doesn't exist")
    return _guarded(path, _run, path)


def _guarded(location, function, argument):
    try:
        return dict(vars(function(argument)))
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(
            f"Failed to read config file: {location}: {_describe(error)}", _traceback(error)
        ) from None


def _import(name):
    import importlib

    sys.modules.pop(name, None)  # a reload reads it again
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise ConfigError(f"python:{name}: there is no module named {error.name!r}") from None
        raise


def _run(path):
    module = type(sys)(MODULE)
    module.__file__ = path
    sys.modules[MODULE] = module
    if path.endswith(".pyc"):
        code = _read_compiled(path)
    else:
        code = compile(_read(path), path, "exec", dont_inherit=True)
    exec(code, vars(module))
    return module


def _read(path):
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ConfigError(f"Failed to read config file: {path}: {error.strerror}") from None


def _read_compiled(path):
    from importlib.machinery import SourcelessFileLoader

    return SourcelessFileLoader(MODULE, path).get_code(MODULE)


def _describe(error):
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _traceback(error):
    """As Python prints it, without the frames of this file."""
    import traceback

    frame = error.__traceback__
    while frame and frame.tb_frame.f_code.co_filename == __file__:
        frame = frame.tb_next
    return "".join(traceback.format_exception(type(error), error, frame))


def apply_env(pairs):
    """Sets NAME=value pairs in the environment, after taking back those of the last call."""
    for name, value in _changed.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    _changed.clear()
    for pair in pairs:
        name, _, value = pair.partition("=")
        _changed.setdefault(name, os.environ.get(name))
        os.environ[name] = value
