# SPDX-License-Identifier: GPL-3.0-or-later
"""Shell words without a shell: values that clients quoted for ``/bin/sh`` are read, never executed.

The real server pastes values into command lines, so clients quote unusual names, once for most operations and
twice for ``rm``, ``mv`` and ``cp`` (guiserver.md 5.4). In: such a value. Out: words whose characters are
known to be literal or a wildcard. Anything a shell would do beyond that is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from difxnb.errors import UnsafeValue

_ACTIVE = frozenset("$`;&|<>()\n\0")
_ACTIVE_AT_START = frozenset("~#")  # a home directory, a comment
_WILD = frozenset("*?[")


@dataclass(frozen=True)
class Word:
    """One word of a value.

    Attributes
    ----------
    characters : tuple of (str, bool)
        Each character, and whether it was quoted and so stands for itself.
    """

    characters: tuple[tuple[str, bool], ...]

    @cached_property
    def text(self) -> str:
        """The word with its quotes taken off."""
        return "".join(character for character, _ in self.characters)

    @property
    def is_pattern(self) -> bool:
        """Whether an unquoted wildcard is in it."""
        return any(not quoted and character in _WILD for character, quoted in self.characters)

    def components(self) -> list[Word]:
        """The parts between slashes, empty ones left out."""
        parts: list[list[tuple[str, bool]]] = [[]]
        for character, quoted in self.characters:
            if character == "/":
                parts.append([])
            else:
                parts[-1].append((character, quoted))
        return [Word(tuple(part)) for part in parts if part]

    @cached_property
    def _tokens(self) -> list[_Token]:
        return _tokens(self.characters)

    def matches(self, name: str) -> bool:
        """Whether a file name fits this pattern; a leading dot must be written out, as in a shell."""
        first = self.characters[0][0] if self.characters else ""
        if name.startswith(".") and first != ".":
            return False
        return _fits(self._tokens, name)


def read_words(value: str, *, levels: int = 1) -> list[Word]:
    """Split a value into words as ``/bin/sh`` would.

    Parameters
    ----------
    value : str
        What the client sent.
    levels : int
        2 where the real server puts the value inside double quotes of another shell (``rm``, ``mv``, ``cp``).

    Raises
    ------
    UnsafeValue
        It holds something that only a shell could give a meaning to, or an open quote.
    """
    return _split(_inside_double_quotes(value) if levels == 2 else value)


def _inside_double_quotes(value: str) -> str:
    return re.sub(r'\\([\\"$`])', r"\1", value)


def _split(value: str) -> list[Word]:
    words: list[list[tuple[str, bool]]] = []
    current: list[tuple[str, bool]] | None = None
    position = 0
    while position < len(value):
        if value[position] in " \t":
            current = None
            position += 1
            continue
        if current is None:
            if value[position] in _ACTIVE_AT_START:
                raise UnsafeValue(
                    f"{value!r} has a word that begins with {value[position]!r}; no shell is run here"
                )
            current = []
            words.append(current)
        taken, position = _take(value, position)
        current += taken
    return [Word(tuple(word)) for word in words]


def _take(value: str, position: int) -> tuple[list[tuple[str, bool]], int]:
    """Read one unit: a quoted stretch, an escaped character or a plain one."""
    character = value[position]
    if character == "'":
        end = _closing(value, position)
        return [(c, True) for c in value[position + 1 : end]], end + 1
    if character == '"':
        end = _closing(value, position)
        if set(value[position:end]) & set("$`\\"):
            raise UnsafeValue(f"{value!r} uses an expansion inside double quotes; no shell is run here")
        return [(c, True) for c in value[position + 1 : end]], end + 1
    if character == "\\":
        if position + 1 == len(value):
            raise UnsafeValue(f"{value!r} ends in a backslash")
        return [(value[position + 1], True)], position + 2
    if character in _ACTIVE:
        raise UnsafeValue(f"{value!r} holds an unquoted {character!r}; no shell is run here")
    return [(character, False)], position + 1


def _closing(value: str, position: int) -> int:
    end = value.find(value[position], position + 1)
    if end < 0:
        raise UnsafeValue(f"{value!r} has an open quote")
    return end


@dataclass(frozen=True)
class _Set:
    """``?`` or ``[...]``: one character out of a set."""

    negated: bool
    ranges: tuple[tuple[str, str], ...]

    def __contains__(self, character: str) -> bool:
        return self.negated != any(first <= character <= last for first, last in self.ranges)


_ANY = _Set(negated=True, ranges=())
_Token = str | _Set | None
"""A literal character, one of a set, or None for any number of any characters."""


def _tokens(characters: tuple[tuple[str, bool], ...]) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while position < len(characters):
        character, quoted = characters[position]
        position += 1
        if quoted or character not in _WILD:
            tokens.append(character)
        elif character == "*":
            tokens.append(None)
        elif character == "?":
            tokens.append(_ANY)
        else:
            token, position = _bracket(characters, position)
            tokens.append(token)
    return tokens


def _bracket(characters: tuple[tuple[str, bool], ...], position: int) -> tuple[_Token, int]:
    """Read ``[...]``; a bracket that never closes stands for itself."""
    start = position + (position < len(characters) and characters[position] in (("!", False), ("^", False)))
    end = next((i for i in range(start + 1, len(characters)) if characters[i] == ("]", False)), None)
    if end is None:
        return "[", position
    ranges: list[tuple[str, str]] = []
    inside = start
    while inside < end:
        first = last = characters[inside][0]
        if inside + 2 < end and characters[inside + 1] == ("-", False):
            last = characters[inside + 2][0]
            inside += 2
        inside += 1
        ranges.append((first, last))
    return _Set(start > position, tuple(ranges)), end + 1


def _fits(tokens: list[_Token], name: str) -> bool:
    """Match from left to right, going back to the last star only: no pattern takes longer than its length allows."""
    token = character = 0
    star, resume = -1, 0
    while character < len(name):
        if token < len(tokens) and tokens[token] is None:
            star, resume = token, character
            token += 1
        elif token < len(tokens) and _is(tokens[token], name[character]):
            token += 1
            character += 1
        elif star >= 0:
            resume += 1
            token, character = star + 1, resume
        else:
            return False
    return all(left is None for left in tokens[token:])


def _is(token: _Token, character: str) -> bool:
    return token == character if isinstance(token, str) else token is not None and character in token
