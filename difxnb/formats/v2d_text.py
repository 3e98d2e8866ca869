# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a ``.v2d`` as blocks and statements that know where they stand.

Text comes in, and a :class:`V2dText` goes out that says which characters are what and changes nothing; whoever
edits, replaces characters. Mirrors ``difx-files.md`` 12; where that is silent, what vex2difx 3.1
(``applications/vex2difx/src/corrparams.cpp``, function ``CorrParams::load``) accepts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from difxnb.errors import FileFormatError
from difxnb.formats.text_places import MARKED, Token, hidden_by

KINDS = ("SETUP", "RULE", "SOURCE", "DATASTREAM", "ANTENNA", "COMMENT", "ZOOM", "OUTPUTBAND", "EOP")
"""Words that begin a block."""

# A # begins a comment only where a blank stands before it; file names may hold one.
_TOKEN = re.compile(r"(?P<comment>(?<![^\x00-\x20])#[^\n]*)|(?P<mark>[{}=,])|(?P<word>[^\x00-\x20{}=,]+)")
_NAMELESS = ("COMMENT", "OUTPUTBAND")


@dataclass(frozen=True, slots=True)
class V2dStatement:
    """``name = value, value…``.

    Attributes
    ----------
    name : Token
    values : tuple of Token
        One or more words; empty where nothing follows the sign.
    """

    name: Token
    values: tuple[Token, ...]

    @property
    def stop(self) -> int:
        """Position behind the last value."""
        return self.values[-1].stop if self.values else self.name.stop


@dataclass(frozen=True, slots=True)
class V2dBlock:
    """``KIND name { … }``; the statements outside of all blocks are one with an empty kind.

    Attributes
    ----------
    kind : str
        One of :data:`KINDS`, or empty.
    name : str
        As it is written; empty where the kind has none.
    statements : tuple of V2dStatement
        In their order. Names are case sensitive; of several with one name vex2difx takes the last, or all.
    start, inside, stop : int
        Position of the first character of the block, of the first behind its ``{``, and of its ``}``.
    """

    kind: str
    name: str
    statements: tuple[V2dStatement, ...]
    start: int
    inside: int
    stop: int

    def last(self, *names: str) -> V2dStatement | None:
        """The last statement with one of some names that has a value."""
        wanted = (one for one in reversed(self.statements) if one.name.text in names and one.values)
        return next(wanted, None)


@dataclass(frozen=True, slots=True)
class V2dText:
    """A whole ``.v2d``.

    Attributes
    ----------
    text : str
        As it was read.
    common : V2dBlock
        The statements outside of blocks.
    blocks : tuple of V2dBlock
        In their order; comments are among them, without statements.
    """

    text: str
    common: V2dBlock
    blocks: tuple[V2dBlock, ...]

    def of_kind(self, kind: str) -> Iterator[V2dBlock]:
        """Blocks of a kind."""
        return (block for block in self.blocks if block.kind == kind)


def parse_v2d_text(text: str, path: str | Path = "v2d") -> V2dText:
    """Find the blocks and statements of a ``.v2d``.

    Unlike vex2difx this reads a last line that has no line end.

    Raises
    ------
    FileFormatError
        With the line, where vex2difx could not read it either.
    """
    return _Reader(text, path).read()


class _Reader:
    """One pass over the tokens."""

    def __init__(self, text: str, path: str | Path) -> None:
        self._text, self._path = text, path
        if text.startswith("\ufeff"):
            self._fail(Token("", 0, 0), MARKED)
        self._tokens = list[Token]()
        for one in _TOKEN.finditer(text):
            token = Token(one[0], one.start(), one.end())
            if one.lastgroup != "comment":
                self._tokens.append(token)
            elif problem := hidden_by(token.text):
                self._fail(token, problem)
        self._next = 0

    def read(self) -> V2dText:
        """All blocks."""
        blocks, statements = [], list[V2dStatement]()
        while self._next < len(self._tokens):
            if self._tokens[self._next].text in KINDS:
                blocks.append(self._block())
            else:
                statements += self._statements()
                if self._next < len(self._tokens) and self._tokens[self._next].text not in KINDS:
                    self._next += 1  # a brace without a block: vex2difx warns and goes on
        common = V2dBlock("", "", tuple(statements), 0, 0, len(self._text))
        return V2dText(self._text, common, tuple(blocks))

    def _block(self) -> V2dBlock:
        begin = self._take()
        name = ""
        if begin.text not in _NAMELESS or (begin.text == "OUTPUTBAND" and self._peek() != "{"):
            name = self._take().text
        brace = self._take()
        if brace.text != "{":
            self._fail(brace, f"{begin.text} {name}".rstrip() + f" needs a brace, not {brace.text[:40]!r}")
        statements = self._comment() if begin.text == "COMMENT" else self._statements()
        is_closed = self._next < len(self._tokens)
        if is_closed and self._tokens[self._next].text != "}":
            found = self._tokens[self._next]
            self._fail(found, f"{found.text} within {begin.text} {name}; is a closing brace missing?")
        stop = self._tokens[self._next].start if is_closed else len(self._text)
        self._next += 1
        return V2dBlock(begin.text, name, tuple(statements), begin.start, brace.stop, stop)

    def _comment(self) -> list[V2dStatement]:
        while self._next < len(self._tokens) and self._tokens[self._next].text != "}":
            self._next += 1
        return []

    def _statements(self) -> list[V2dStatement]:
        """Statements up to a brace or the beginning of a block."""
        found = list[tuple[Token, list[Token]]]()
        last: Token | None = None
        for token in self._until_brace():
            if token.text == "=":
                if last is None or last.text in "=,":
                    self._fail(token, "nothing to give a value to")
                found.append((last, []))
            elif token.text != "," and last is not None and last.text in "=,":
                if not found:
                    self._fail(token, f"{token.text[:40]!r} belongs to no parameter")
                found[-1][1].append(token)
            elif token.text != "," and last is not None and last not in _all_values(found):
                self._fail(token, f"{last.text[:40]!r} stands alone; is a sign = missing?")
            last = token
        return [V2dStatement(name, tuple(values)) for name, values in found]

    def _until_brace(self) -> Iterator[Token]:
        while self._next < len(self._tokens):
            token = self._tokens[self._next]
            if token.text in ("{", "}") or token.text in KINDS:
                return
            self._next += 1
            yield token

    def _peek(self) -> str:
        return self._tokens[self._next].text if self._next < len(self._tokens) else ""

    def _take(self) -> Token:
        if self._next >= len(self._tokens):
            self._fail(
                Token("", len(self._text), len(self._text)), "the file ends within the head of a block"
            )
        self._next += 1
        return self._tokens[self._next - 1]

    def _fail(self, token: Token, problem: str) -> NoReturn:
        line = self._text.count("\n", 0, token.start) + 1
        raise FileFormatError(self._path, f"line {line}", problem)


def _all_values(found: list[tuple[Token, list[Token]]]) -> list[Token]:
    """Values of the statement under way: behind one of them a new word may stand."""
    return found[-1][1][-1:] if found else []
