# SPDX-License-Identifier: MIT
"""How long files and functions may be, how many parameters they take, how deep they nest.

Relies on the layout that clang-format gives: a function's braces stand alone in the first column, so
that tables (whose brace ends a line) are no functions."""

import re
from typing import NamedTuple

from finding import Finding, c_files, name_of, read

FILE_LINES = 800
HEADER_LINES = 150
FUNCTION_LINES = 100
PARAMETERS = 5
NESTING = 3
INDENT = 4

BLANK_LITERALS = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*', re.DOTALL)
CONTROL = re.compile(r"^( +)(?:\} else )?(?:if|for|while|switch|do)\b")


class Function(NamedTuple):
    name: str
    line: int
    parameters: int
    body: list


def strip(text):
    """Without comments and literals; line ends stay, so that line numbers do."""
    return BLANK_LITERALS.sub(lambda match: "\n" * match.group().count("\n"), text)


def signature(lines, brace):
    """The text before the brace on line `brace`, back to the end of what comes before."""
    first = brace
    while first > 0 and lines[first - 1].strip() and not re.search(r"[;}]$|^#", lines[first - 1]):
        first -= 1
    return " ".join(line.strip() for line in lines[first:brace])


def split_parameters(text):
    """The parameters in the last pair of parentheses of `text`, and what stands before it."""
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(text[at], 0)
        if text[at] == "(" and depth == 0:
            break
    else:
        return None
    inner, count, depth = text[at + 1 : text.rindex(")")], 1, 0
    for char in inner:
        depth += {"(": 1, ")": -1}.get(char, 0)
        count += char == "," and depth == 0
    return text[:at], 0 if inner.strip() in ("", "void") else count


def functions(text):
    lines = strip(text).splitlines()
    start = None
    for number, line in enumerate(lines):
        if line.rstrip() == "{":
            start = number
        elif line.rstrip() == "}" and start is not None:
            parts = split_parameters(signature(lines, start))
            if parts:
                name = re.search(r"(\w+)\W*$", parts[0])
                title = name.group(1) if name else "?"
                yield Function(title, start + 1, parts[1], lines[start : number + 1])
            start = None


def check_function(name, function):
    length = len(function.body)
    if length > FUNCTION_LINES:
        text = f"{function.name}() has {length} lines; {FUNCTION_LINES} is the most"
        yield Finding(name, function.line, text)
    if function.parameters > PARAMETERS:
        text = (
            f"{function.name}() has {function.parameters} parameters; {PARAMETERS} is the most: pass a struct"
        )
        yield Finding(name, function.line, text)
    # Tests may loop over their tables in loops.
    for offset, line in enumerate(function.body if name.startswith("src/") else ()):
        match = CONTROL.match(line)
        if match and len(match.group(1)) > INDENT * NESTING:
            text = f"{function.name}() nests deeper than {NESTING} levels"
            yield Finding(name, function.line + offset, text)
            break


def check(root):
    findings = []
    for path in c_files(root):
        name, text = name_of(root, path), read(path)
        count, most = len(text.splitlines()), HEADER_LINES if path.suffix == ".h" else FILE_LINES
        if count > most:
            findings.append(Finding(name, count, f"{count} lines; {most} is the most"))
        for function in functions(text):
            findings.extend(check_function(name, function))
    return findings
