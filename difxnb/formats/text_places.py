# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of a text with the places where they stand, and replacements at such places; the rest of a text stays."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Token(NamedTuple):
    """A word or a mark, and where it stands in the text."""

    text: str
    start: int
    stop: int


class Edit(NamedTuple):
    """Characters to be replaced; an insertion where `start` and `stop` are one."""

    start: int
    stop: int
    text: str


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Text with some characters replaced; insertions at one place keep their order."""
    parts, place = [], 0
    for edit in sorted(edits, key=lambda one: (one.start, one.stop)):
        parts += [text[place : edit.start], edit.text]
        place = edit.stop
    return "".join([*parts, text[place:]])
