# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for programs: what is wrong is called alike wherever it is found."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import difxnb

SOURCES = [path for path in Path(difxnb.__file__).parent.rglob("*.py") if "Problem(" in path.read_text()]


def kinds(path: Path) -> Iterator[str]:
    """The second argument of each Problem, where it stands there as a text."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
            kind = node.args[1] if len(node.args) > 1 else None
            for one in (kind.body, kind.orelse) if isinstance(kind, ast.IfExp) else (kind,):
                if isinstance(one, ast.Constant):
                    yield str(one.value)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_kinds_of_problems_are_a_few_words_in_lower_case(path: Path) -> None:
    for kind in kinds(path):
        assert re.fullmatch(r"[a-z]+( [a-z]+){0,3}", kind), kind


def test_they_are_found() -> None:
    found = {kind for path in SOURCES for kind in kinds(path)}
    assert {"no eop", "few eop", "dos line ends", "unknown station", "bad value"} <= found
