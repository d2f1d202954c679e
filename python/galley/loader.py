# SPDX-License-Identifier: MIT
"""Finds the application: module, module:variable, module:attribute.of.it, module:factory("text", key=1)."""

import os
import sys

BOOT_ERROR = 3  # gunicorn's exit codes: the application's own code failed …
APP_ERROR = 4  # … or what it offers is not an application
DEFAULT = "application"


class AppLoadError(Exception):
    """An application that cannot be had: one line, the exit code it means for the worker, and the
    traceback when the application's own code failed."""

    def __init__(self, message, exit_code, traceback=None):
        super().__init__(message)
        self.exit_code = exit_code
        self.traceback = traceback


def load(uri):
    """The application object."""
    module_name, separator, expression = uri.partition(":")
    path, arguments = _parse(expression if separator else DEFAULT)
    module = _import(module_name, path)
    found = _walk(module, module_name, path)
    if arguments is not None:
        found = _call(found, module_name, expression, arguments)
    if found is None:
        raise AppLoadError(f"Failed to find application object: {uri!r} is None", APP_ERROR)
    if not callable(found):
        kind = type(found).__name__
        raise AppLoadError(f"Application object must be callable: {uri!r} is of type {kind}", APP_ERROR)
    return found


def _parse(expression):
    """("a.b", None) for a.b, ("make", (args, kwargs)) for make(1, key=2)."""
    if expression.isidentifier():
        return expression, None
    import ast

    try:
        node = ast.parse(expression, mode="eval").body
    except (SyntaxError, ValueError):
        node = None
    call = node if isinstance(node, ast.Call) else None
    path = _dotted(ast, call.func if call else node)
    if path is None:
        raise AppLoadError(
            f"Failed to parse {expression!r} as an attribute name or function call.", APP_ERROR
        )
    return path, _arguments(ast, call, expression) if call else None


def _dotted(ast, node):
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        start = _dotted(ast, node.value)
        return start and f"{start}.{node.attr}"
    return None


def _arguments(ast, call, expression):
    try:
        args = [ast.literal_eval(arg) for arg in call.args]
        kwargs = {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords}
    except ValueError:
        kwargs = {None: None}
    if None in kwargs:
        raise AppLoadError(f"Failed to parse arguments as literal values: {expression!r}", APP_ERROR)
    return args, kwargs


def _import(name, path):
    if not name or name.startswith("."):
        raise AppLoadError(f"{name or ':' + path!r} names no module: expected module:variable", BOOT_ERROR)
    from importlib import import_module

    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise AppLoadError(_no_module(name, error, path), BOOT_ERROR) from None
        raise _failure(f"the application {name!r} cannot be imported", error) from None
    except SystemExit as error:
        raise _failure(f"the application {name!r} exits while it is imported", error) from None
    except Exception as error:
        raise _failure(f"the application {name!r} cannot be imported", error) from None


def _no_module(name, error, path):
    if name.endswith(".py") and os.path.exists(name):
        right = name[: -len(".py")].replace("/", ".")
        return f"Failed to find application, did you mean '{right}:{path}'?"
    if "/" in name or os.sep in name:
        return f"No module named {name!r}: a module is named with dots, not by its path"
    if "is not a package" in str(error):
        return str(error)
    return f"No module named {error.name!r} in {_search_path()}"


def _search_path():
    """The directories of the search path that are the user's own."""
    roots = (os.path.realpath(sys.prefix), os.path.realpath(sys.base_prefix))
    own = [entry or os.getcwd() for entry in sys.path if not os.path.realpath(entry).startswith(roots)]
    return ", ".join(dict.fromkeys(own)) or "the search path"


def _walk(found, module_name, path):
    done = module_name
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError:
            message = f"Failed to find attribute {name!r} in {done!r}.{_hint(found, name)}"
            raise AppLoadError(message, APP_ERROR) from None
        done = f"{done}:{name}" if done == module_name else f"{done}.{name}"
    return found


def _hint(owner, name):
    import difflib

    names = [each for each in vars(owner) if not each.startswith("_")] if hasattr(owner, "__dict__") else []
    near = difflib.get_close_matches(name, names, 1)
    if not near and name == DEFAULT:
        near = [each for each in ("app", "wsgi_app", "create_app()") if each.rstrip("()") in names]
    return f" Did you mean {near[0]!r}?" if near else ""


def _call(factory, module_name, expression, arguments):
    if not callable(factory):
        raise AppLoadError(
            f"Application factory must be callable: {expression!r} in {module_name!r}", APP_ERROR
        )
    args, kwargs = arguments
    try:
        return factory(*args, **kwargs)
    except TypeError as error:
        if error.__traceback__.tb_next is None:  # raised by the call, not in the factory
            raise AppLoadError(f"TypeError: {error}", APP_ERROR) from None
        raise _failure(f"the application factory {expression!r} failed", error) from None
    except (Exception, SystemExit) as error:
        raise _failure(f"the application factory {expression!r} failed", error) from None


def _failure(what, error):
    import traceback

    detail = "".join(traceback.format_exception_only(type(error), error)).strip().splitlines()[-1]
    return AppLoadError(f"{what}: {detail}", BOOT_ERROR, _traceback(error))


def _traceback(error):
    """As Python prints it, without the frames of this file and of the import machinery before it."""
    import traceback

    frame = error.__traceback__
    while frame and frame.tb_next and _is_machinery(frame.tb_frame.f_code.co_filename):
        frame = frame.tb_next
    return "".join(traceback.format_exception(type(error), error, frame))


def _is_machinery(path):
    return path == __file__ or path.startswith("<frozen importlib") or path.endswith("importlib/__init__.py")
