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


MARKED = "a byte order mark stands before it; write it as plain text, without one"
"""What is wrong with a text that begins with one, as some editors write it."""

_HIDES = (
    "this comment holds a CR without a line feed, and so hides what follows; write it with plain line ends"
)


def hidden_by(comment: str) -> str:
    """Why a comment is doubtful, empty where it is not: with other line ends it would hold all that follows."""
    return _HIDES if "\r" in comment.rstrip("\r") else ""


def edited(text: str, edits: Iterable[Edit]) -> str:
    """Text with some characters replaced; insertions at one place keep their order."""
    parts, place = [], 0
    for edit in sorted(edits, key=lambda one: (one.start, one.stop)):
        parts += [text[place : edit.start], edit.text]
        place = edit.stop
    return "".join([*parts, text[place:]])
