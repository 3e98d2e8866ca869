# SPDX-License-Identifier: GPL-3.0-or-later
"""Severities as marks: a word, a sign and a colour each."""

from __future__ import annotations

from difxnb.panels.shown import BLUE, GREY, ORANGE, RED, Mark

_SIGNS = {
    "fatal": ("✗", RED),
    "severe": ("✗", RED),
    "error": ("✗", RED),
    "warning": ("!", ORANGE),
    "info": ("i", BLUE),
    "verbose": ("·", GREY),
    "debug": ("·", GREY),
}

SEVERITIES = tuple(_SIGNS)
"""The names, the worst first."""


def mark_of(severity: str) -> Mark:
    """The mark of a severity, whatever its case."""
    word = severity.lower()
    sign, colour = _SIGNS.get(word, ("?", GREY))
    return Mark(word, sign, colour)
