# SPDX-License-Identifier: MIT
"""The checks find nothing in this tree, and find what is wrong in crafted ones."""

import pytest

import generated
import layers
import links
import sizes
import words
from run import CHECKS, ROOT


@pytest.fixture
def tree(tmp_path):
    for folder in ("src", "tests", "bench"):
        (tmp_path / folder).mkdir()

    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return tmp_path

    return write


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_this_tree_is_clean(check):
    findings = check.check(ROOT)
    if findings:
        pytest.fail("\n".join(map(str, findings)), pytrace=False)


def test_the_tree_has_what_the_checks_look_at():
    assert len(list(layers.c_files(ROOT, ("src",)))) > 20
    assert (ROOT / "src/base/arena.c") in words.tracked_files(ROOT)


# --- layers ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, include",
    [
        ("src/base/a.c", '"base/b.h"'),
        ("src/io/a.c", '"base/b.h"'),
        ("src/server/a.c", '"http/b.h"'),
        ("src/master/a.c", '"io/b.h"'),
        ("src/app/a.c", '"server/b.h"'),
        ("src/app/a.c", "<Python.h>"),
        ("src/main/a.c", '"web/b.h"'),
        ("src/io/a.c", "<sys/epoll.h>"),
    ],
)
def test_allowed_includes(tree, name, include):
    assert layers.check(tree(name, f"#include {include}\n")) == []


@pytest.mark.parametrize(
    "name, include, why",
    [
        ("src/base/a.c", '"io/b.h"', "src/base may not include src/io"),
        ("src/io/a.c", '"http/b.h"', "src/io may not include src/http"),
        ("src/http/a.h", '"conf/b.h"', "src/http may not include src/conf"),
        ("src/server/a.c", '"master/b.h"', "src/server may not include src/master"),
        ("src/master/a.c", '"app/b.h"', "src/master may not include src/app"),
        ("src/web/a.c", '"app/b.h"', "src/web may not include src/app"),
        ("src/app/a.c", '"main/b.h"', "src/app may not include src/main"),
        ("src/server/a.c", "<Python.h>", "only src/app may include Python.h"),
        ("src/io/a.c", '"b.h"', "write the folder too"),
        ("src/io/a.c", '"nowhere/b.h"', "there is no folder src/nowhere"),
        ("src/odd/a.c", "<stdio.h>", "src/odd is in no layer"),
    ],
)
def test_wrong_includes(tree, name, include, why):
    findings = layers.check(tree(name, f"/* one */\n#  include {include}\n"))
    assert [finding.path for finding in findings] == [name]
    assert why in findings[0].text


# --- sizes -------------------------------------------------------------------------------------------


def function(head, lines, indent=4):
    return head + "\n{\n" + (" " * indent + "work();\n") * lines + "}\n"


def test_long_functions(tree):
    root = tree(
        "src/io/a.c", function("static int fits(void)", 98) + "\n" + function("int is_long(void)", 99)
    )
    assert [str(finding) for finding in sizes.check(root)] == [
        "src/io/a.c:104: is_long() has 101 lines; 100 is the most"
    ]


def test_tables_are_exempt(tree):
    table = "static const struct row rows[] = {\n" + "    { 1 },\n" * 300 + "};\n"
    assert sizes.check(tree("src/io/a.c", table)) == []


def test_parameters(tree):
    five = "int five(int a, int b, int (*c)(int, int), int d,\n         int e)"
    six = "struct x *six(int a, int b, int c, int d, int e, int f)"
    text = "/* a(1, 2, 3, 4, 5, 6) */\n" + function(five, 1) + "\n" + function(six, 1)
    assert [finding.text for finding in sizes.check(tree("src/io/a.c", text))] == [
        "six() has 6 parameters; 5 is the most: pass a struct"
    ]


def nested(levels):
    lines = [" " * 4 * level + "if (x) {\n" for level in range(1, levels + 1)]
    ends = [" " * 4 * level + "}\n" for level in range(levels, 0, -1)]
    return "int f(void)\n{\n" + "".join(lines + ends) + "}\n"


def test_nesting(tree):
    assert sizes.check(tree("src/io/a.c", nested(3))) == []
    findings = sizes.check(tree("src/io/a.c", nested(4)))
    assert [str(finding) for finding in findings] == ["src/io/a.c:6: f() nests deeper than 3 levels"]
    assert sizes.check(tree("tests/unit/io/test_a.c", nested(5))) == findings


def test_file_lengths(tree):
    assert sizes.check(tree("src/io/a.c", "int x;\n" * 800)) == []
    assert "801 lines" in sizes.check(tree("src/io/a.c", "int x;\n" * 801))[0].text
    root = tree("src/io/a.c", "")
    assert sizes.check(tree("src/io/a.h", "int x;\n" * 150)) == []
    tree("src/io/a.h", "int x;\n" * 151)
    assert "151 lines; 150 is the most" in sizes.check(root)[0].text


# --- words -------------------------------------------------------------------------------------------

LICENCE = "/* SPDX-License-Identifier: MIT */\n"


@pytest.mark.parametrize(
    "name, text, why",
    [
        ("tests/unit/io/a.c", "int x;\n", "the first line must say SPDX"),
        ("src/io/a.c", LICENCE + "#include <stdio.h>\n", "an opening comment"),
        ("src/io/a.h", LICENCE + "int x;\n", "#pragma once"),
        ("scripts/x", "#!/bin/sh\n", "the first line must say SPDX"),
        ("docs/a.md", "TODO: write this\n", "say TODO(#issue)"),
        ("docs/a.md", "see /home/someone/x\n", "no path of one machine"),
        ("docs/a.md", f"get it from https://{'pypi'}.org/simple\n", "no registry's host"),
        ("src/io/a.c", LICENCE + "/* x */\n#if 0\n#endif\n", "no dead code"),
    ],
)
def test_wrong_text(tree, name, text, why):
    findings = words.check(tree(name, text))
    assert [finding.path for finding in findings] == [name]
    assert why in findings[0].text


def test_allowed_text(tree):
    root = tree("src/io/a.c", LICENCE + "/* Reads. TODO(#12): both ends. */\n#if 1\n#endif\n")
    tree("scripts/x", "#!/bin/sh\n# SPDX-License-Identifier: MIT\necho $HOME/home/x\n")
    assert words.check(root) == []


# --- links -------------------------------------------------------------------------------------------


def test_links(tree):
    root = tree("docs/a.md", "[b](b.md#top) [c](https://example.org/c) [d](../src) [e](#e)\n[x](gone.md)\n")
    tree("docs/b.md", "# top\n")
    assert [str(finding) for finding in links.check(root)] == ["docs/a.md:2: no such file: gone.md"]


# --- generated pages ---------------------------------------------------------------------------------


def test_a_stale_page(tree):
    assert generated.can_check(), "galley is not installed beside pytest"
    name = "docs/reference/settings.md"
    root = tree(name, (ROOT / name).read_text() + "one line more\n")
    assert [str(finding) for finding in generated.check(root)] == [
        f"{name}:1: stale: make docs writes it anew"
    ]
    (root / name).unlink()
    assert [finding.path for finding in generated.check(root)] == [name]


def test_names_in_the_architecture(tree):
    root = tree("src/io/loop.c", "void loop_run(void);\n")
    tree("docs/architecture.md", "`loop_run` in `io/loop.c`, `loop.c`\n`loop_walk` in `io/walk.c`\n")
    assert [str(finding) for finding in links.check(root)] == [
        "docs/architecture.md:2: nothing is called loop_walk",
        "docs/architecture.md:2: no such file: io/walk.c",
    ]
