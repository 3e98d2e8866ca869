# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows of the protocol page, each with the tests that cover it; held together by `tests/test_hazards.py`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Covered:
    """Node ids of tests, without parameters."""

    tests: tuple[str, ...]


def by(*tests: str) -> Covered:
    """Covered by these tests: paths below ``tests``, without ``test_`` in front of the name of the function."""
    return Covered(tuple(_node(test) for test in tests))


def _node(test: str) -> str:
    file, _, name = test.partition(" ")
    return f"tests/{file}.py::test_{name}"


def each(prefix: str, numbers: range | tuple[int, ...], row: Covered) -> dict[str, Covered]:
    """The same for several numbered rows."""
    return {f"{prefix}{number}": row for number in numbers}
