# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a ``.vex`` (VEX 1.5 and 2.0) as blocks, definitions and statements that know where they stand.

Text comes in, and a :class:`VexText` goes out that says which characters are what and changes nothing; whoever
edits, replaces characters. Mirrors ``difx-files.md`` 12; where that is silent, what the parser of vex2difx 3.1
(``applications/vex2difx/vex/vex.yy.l``, ``vex_parse.y``) accepts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from difxnb.errors import FileFormatError
from difxnb.formats.text_places import MARKED, Token, hidden_by

LONGEST_COMMENT = 128
"""Characters of a word or a comment beyond which vex2difx gives up on the file."""

LONGEST_NAME = 128
"""The same of the name of a block, a definition or a scan."""
MOST_STATEMENTS = 10**6
"""Beyond this many a text is no schedule."""

_TOKEN = re.compile(
    r"""(?P<comment>\*[^\n]*)
      | (?P<quoted>&?"(?:\\[\s\S]|[^"\\\n])*")
      | (?P<literal>start_literal\((?P<tag>[^)\n]*)\))
      | (?P<mark>[;:=])
      | (?P<angle>[+-]?\d{1,2}d\d{1,2}'[0-9.eE+-]{1,40}")
      | (?P<word>[^\s;:=*"]+)
      | (?P<odd>\S)""",
    re.VERBOSE | re.ASCII,
)
_ENDS = {"def": "enddef", "scan": "endscan"}


@dataclass(frozen=True, slots=True)
class VexStatement:
    """``words = field : field …;``.

    Attributes
    ----------
    words : tuple of str
        What stands left of the ``=``, marks left out: ``("clock_early",)``, ``("ref", "$CLOCK")``, ``("def", "AA")``.
    fields : tuple of tuple of Token
        What stands right of it, parted by colons: the words of each field, a value and its unit mostly. An empty
        field has none. No fields where there is no ``=``.
    start, stop : int
        Position of the first character, and of the one behind the semicolon.
    """

    words: tuple[str, ...]
    fields: tuple[tuple[Token, ...], ...]
    start: int
    stop: int

    def field(self, number: int) -> tuple[str, ...]:
        """Words of a field; none where it is empty or missing."""
        return tuple(token.text for token in self.fields[number]) if number < len(self.fields) else ()


@dataclass(frozen=True, slots=True)
class VexDefinition:
    """``def name; … enddef;`` or ``scan name; … endscan;``.

    Attributes
    ----------
    kind : str
        ``"def"`` or ``"scan"``.
    name : str
    statements : tuple of VexStatement
        What stands between its first and its last line.
    start, stop : int
        Position of its ``def`` or ``scan``, and of the one behind the semicolon of its end.
    """

    kind: str
    name: str
    statements: tuple[VexStatement, ...]
    start: int
    stop: int

    def all(self, *words: str) -> list[VexStatement]:
        """Statements that begin with some words, in their order."""
        return [one for one in self.statements if one.words == words]


@dataclass(frozen=True, slots=True)
class VexBlock:
    """``$NAME;`` and what follows up to the next.

    Attributes
    ----------
    name : str
        Without the dollar sign.
    statements : tuple of VexStatement
        Those outside of definitions, as in ``$GLOBAL``.
    definitions : tuple of VexDefinition
    start, stop : int
        Position of its dollar sign, and of the one behind the last semicolon in it.
    """

    name: str
    statements: tuple[VexStatement, ...]
    definitions: tuple[VexDefinition, ...]
    start: int
    stop: int
    _named: dict[str, VexDefinition] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # From the last to the first, so that the first of a name stays.
        object.__setattr__(self, "_named", {one.name: one for one in reversed(self.definitions)})

    def definition(self, name: str) -> VexDefinition | None:
        """The first definition with a name, which is case sensitive."""
        return self._named.get(name)


@dataclass(frozen=True, slots=True)
class VexText:
    """A whole ``.vex``.

    Attributes
    ----------
    text : str
        As it was read.
    revision : str
        ``"1.5"`` or ``"2.0"`` mostly.
    blocks : tuple of VexBlock
        In their order.
    """

    text: str
    revision: str
    blocks: tuple[VexBlock, ...]
    _named: dict[str, VexBlock] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_named", {one.name: one for one in reversed(self.blocks)})

    def block(self, name: str) -> VexBlock | None:
        """The first block with a name, without the dollar sign."""
        return self._named.get(name)


def parse_vex_text(text: str, path: str | Path = "vex") -> VexText:
    """Find the blocks, definitions and statements of a ``.vex``.

    Raises
    ------
    FileFormatError
        With the line, where it is no VEX.
    """
    return _Reader(text, path).read()


class _Reader:
    """One pass over the statements."""

    def __init__(self, text: str, path: str | Path) -> None:
        self._text, self._path = text, path

    def read(self) -> VexText:
        """All blocks."""
        if self._text.startswith("\ufeff"):
            self._fail(0, MARKED)
        statements = self._statements()
        first = next(statements, None)
        if first is None or first.words != ("VEX_rev",) or not first.field(0):
            self._fail(0, "a .vex begins with VEX_rev = 1.5; or 2.0")
        blocks, head, inside = list[VexBlock](), first, list[VexStatement]()
        for statement in statements:
            if statement.words[0].startswith("$") and not statement.fields:
                if head is not first or inside:
                    blocks.append(self._block(head, inside))
                head, inside = statement, []
            else:
                inside.append(statement)
        if head is not first or inside:
            blocks.append(self._block(head, inside))
        return VexText(self._text, first.field(0)[0], tuple(blocks))

    def _block(self, first: VexStatement, inside: list[VexStatement]) -> VexBlock:
        name = first.words[0][1:] if first.words[0].startswith("$") else ""
        self._check_name(name, first.start)
        statements, definitions = list[VexStatement](), list[VexDefinition]()
        head: VexStatement | None = None
        body = list[VexStatement]()
        for one in inside:
            word = one.words[0]
            if head is None and word in _ENDS:
                head, body = one, []
                if len(one.words) != 2:
                    self._fail(one.start, f"a {word} has one name")
                self._check_name(one.words[1], one.start)
            elif head is not None and word == _ENDS[head.words[0]]:
                kind, called = head.words
                definitions.append(VexDefinition(kind, called, tuple(body), head.start, one.stop))
                head = None
            elif word in _ENDS or word in _ENDS.values():
                self._fail(one.start, f"{' '.join(one.words)[:40]} is out of place")
            else:
                (statements if head is None else body).append(one)
        if head is not None:
            self._fail(head.start, f"{' '.join(head.words)} has no {_ENDS[head.words[0]]}")
        stop = inside[-1].stop if inside else first.stop
        return VexBlock(name, tuple(statements), tuple(definitions), first.start, stop)

    def _check_name(self, name: str, place: int) -> None:
        if len(name) > LONGEST_NAME:
            self._fail(place, f"a name of {len(name)} characters; vex2difx takes {LONGEST_NAME}")

    def _statements(self) -> Iterator[VexStatement]:
        left, fields = list[str](), list[list[Token]]()
        start = count = 0
        for token in self._tokens():
            if not left and not fields:
                start = token.start
            if token.text == ";":
                if not left:
                    self._fail(token.start, "a statement without words")
                count += 1
                if count > MOST_STATEMENTS:
                    self._fail(
                        token.start, f"more than {MOST_STATEMENTS} statements; no schedule is that long"
                    )
                parts = tuple(tuple(field) for field in fields)
                yield VexStatement(tuple(left), parts, start, token.stop)
                left, fields = [], []
            elif token.text == "=" and not fields:
                fields.append([])
            elif token.text == ":":
                if fields:
                    fields.append([])
            elif fields:
                fields[-1].append(token)
            else:
                left.append(token.text)
        if left or fields:
            self._fail(start, "this statement has no semicolon")

    def _tokens(self) -> Iterator[Token]:
        """Words and marks; literals and comments are passed over."""
        place = 0
        while (match := _TOKEN.search(self._text, place)) is not None:
            place = match.end()
            if match.lastgroup == "odd":
                self._fail(match.start(), "a quotation mark without its partner")
            elif match["literal"]:
                place = self._behind_literal(match)
            elif match.lastgroup != "comment":
                yield Token(match[0], match.start(), match.end())
            elif problem := hidden_by(match[0]):
                self._fail(match.start(), problem)

    def _behind_literal(self, match: re.Match[str]) -> int:
        """Position behind a literal, whose text may hold anything."""
        end = f"end_literal({match['tag']})"
        place = self._text.find(end, match.end())
        if place < 0:
            self._fail(match.start(), f"there is no {end[:60]}")
        semicolon = re.compile(r"\s*;").match(self._text, place + len(end))
        return semicolon.end() if semicolon else place + len(end)

    def _fail(self, place: int, problem: str) -> NoReturn:
        line = self._text.count("\n", 0, place) + 1
        raise FileFormatError(self._path, f"line {line}", problem)
