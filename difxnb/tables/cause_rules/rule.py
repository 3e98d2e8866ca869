# SPDX-License-Identifier: GPL-3.0-or-later
"""What a rule of the table of causes is."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """Texts of one kind, and what they mean.

    Attributes
    ----------
    name : str
        Short name of the cause; unique.
    seen : str
        Letters that every such text has, exactly so: looked for first, because that is quick.
    pattern : Pattern
        Found in the text. Its groups fill `words`. Three of them lead to the antenna: ``rank`` (number of the process
        of mpifxcorr), ``stream`` (index of the datastream in the job) and ``file``.
    words : str
        The cause in plain language. ``{antenna}`` is the antenna as well as it is known, ``{host}`` the host that sent
        the text; other names are groups.
    topic : str
        Rules with one topic tell of one trouble; of those that found it the first of the table has the word.
    is_progress : bool
        It is no trouble, just what happens.
    """

    name: str
    seen: str
    pattern: re.Pattern[str]
    words: str
    topic: str
    is_progress: bool = False

    @property
    def is_about_antenna(self) -> bool:
        """Whether the antenna is part of the cause; then it is the whole of what tells one trouble from another."""
        return "{antenna}" in self.words

    @property
    def is_about_host(self) -> bool:
        """Whether the trouble is that of the host which tells it."""
        return "{host}" in self.words


def rule(name: str, seen: str, pattern: str, words: str, topic: str = "") -> Rule:
    """Make a rule of trouble."""
    return Rule(name, seen, re.compile(pattern, re.ASCII), words, topic or name)


def progress(name: str, seen: str, pattern: str, words: str) -> Rule:
    """Make a rule of what is no trouble."""
    return Rule(name, seen, re.compile(pattern, re.ASCII), words, name, is_progress=True)
