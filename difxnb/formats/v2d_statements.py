# SPDX-License-Identifier: GPL-3.0-or-later
"""Statements and blocks of a ``.v2d`` replaced, added and taken out; every other character stays.

Text comes in and text goes out. Each result is read again before it is given back: what was to change has changed,
and nothing else. That is needed, as a comma at the end of a list takes the next name into it (``difx-files.md`` 12).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from difxnb.formats.text_places import Edit, Token, edited
from difxnb.formats.v2d_text import KINDS, V2dBlock, V2dStatement, V2dText, parse_v2d_text

_NOTHING = re.compile(r"[\x00-\x20]+|(?<![^\x00-\x20])#[^\n]*")
_COMMENT = re.compile(r"(?<![^\x00-\x20])#[^\n]*")
_INDENT = re.compile(r"[ \t]*")
_WIDE = 1000  # vex2difx reads lines of 4095 characters
_NAMELESS = ("COMMENT", "OUTPUTBAND")

_Shape = list[tuple[str, str, list[tuple[str, tuple[str, ...]]]]]


def line_of(text: str, place: int) -> int:
    """Number of the line in which a character stands, from 1."""
    return text.count("\n", 0, place) + 1


def line_end_of(text: str) -> str:
    """How lines of a text end."""
    return "\r\n" if "\r\n" in text else "\n"


def with_value(
    v2d: V2dText, block: V2dBlock, names: Sequence[str], words: Sequence[str], *, is_alone: bool = False
) -> str:
    """Text with other words for a parameter; where it has none yet, it is added to the block.

    Of several statements with one of `names` the last is changed, as that one counts. Where all count (`is_alone`),
    the first is, and the others go.

    Raises
    ------
    ValueError
        The text around is such that the parameter cannot be put there.
    """
    value = _listed(words, line_end_of(v2d.text))
    same = [i for i in _numbers(block) if block.statements[i].name.text in names]
    statements = _statements(block)
    if not same:
        statements.append((names[0], tuple(words)))
        return _first_right(v2d, block, statements, _additions(v2d, block, f"{names[0]} = {value}"))
    has_value = [i for i in same if block.statements[i].values] or same
    number = min(has_value) if is_alone else same[0]
    gone = {i for i in same if i != number} if is_alone else set()
    statements[number] = (statements[number][0], tuple(words))
    wanted = [one for i, one in enumerate(statements) if i not in gone]
    edits = [*_replacement(v2d.text, block, number, value), *_deletions(v2d.text, block, gone)]
    return _first_right(v2d, block, wanted, [edits])


def without_names(v2d: V2dText, block: V2dBlock, names: Sequence[str]) -> str:
    """Text without all statements with one of some names; comments beside them stay.

    Raises
    ------
    ValueError
        The text around is such that they cannot be taken out.
    """
    gone = {i for i in _numbers(block) if block.statements[i].name.text in names}
    statements = [one for i, one in enumerate(_statements(block)) if i not in gone]
    return _first_right(v2d, block, statements, [_deletions(v2d.text, block, gone)])


def with_block(
    v2d: V2dText,
    kind: str,
    name: str,
    statements: Iterable[tuple[str, Sequence[str]]] = (),
    *,
    first: bool = False,
) -> str:
    """Text with a new block: behind the last of its kind, or before the first, or at the end.

    Raises
    ------
    ValueError
        The name cannot be one.
    """
    statements = list(statements)
    if kind not in KINDS or not (name or kind in _NAMELESS):
        raise ValueError(
            f"a block of a .v2d begins with {', '.join(KINDS)} and a name, not {kind} {name}".rstrip()
        )
    end = line_end_of(v2d.text)
    lines = [
        f"{kind} {name}".rstrip(),
        "{",
        *(f"  {one} = {_listed(words, end)}" for one, words in statements),
        "}",
    ]
    block = end.join(lines) + end
    same = list(v2d.of_kind(kind))
    place = _before(v2d.text, same[0].start) if same and first else _behind(v2d, same)
    opening = "" if place == 0 or v2d.text[place - 1] == "\n" else end
    is_open = bool(v2d.blocks) and v2d.blocks[-1].stop >= len(v2d.text)
    if is_open and place == len(v2d.text):
        opening += "}" + end
    text = edited(v2d.text, [Edit(place, place, opening + block)])
    after = parse_v2d_text(text)
    if len(after.blocks) != len(v2d.blocks) + 1 or _statements(after.common) != _statements(v2d.common):
        raise ValueError(f"{kind} {name} cannot be added: {_near(v2d.text, place)}")
    return text


def without_block(v2d: V2dText, block: V2dBlock) -> Edit:
    """The edit that takes a block out; with its lines where nothing else is on them."""
    return _swept(v2d.text, block.start, min(block.stop + 1, len(v2d.text)))


def as_comment(v2d: V2dText, block: V2dBlock) -> list[Edit]:
    """The edits that make a block a COMMENT, with all that stands in it."""
    head = v2d.text[block.start : block.inside]
    place = len(block.kind)
    for match in _NOTHING.finditer(head, place):
        if match.start() != place:
            break
        place = match.end()
    stop = place + len(block.name) if block.name else len(block.kind)
    return [
        Edit(block.start, block.start + stop, "COMMENT"),
        Edit(block.inside, block.inside, f" {block.kind} {block.name}" + _gap(v2d.text, block.inside)),
    ]


def _listed(words: Sequence[str], line_end: str) -> str:
    """Values of a statement; many of them on several lines."""
    lines, length = [""], 0
    for number, word in enumerate(words):
        mark = "," if number + 1 < len(words) else ""
        if length + len(word) > _WIDE:
            lines, length = [*lines, "    "], 0
        lines[-1] += word + mark + (" " if mark else "")
        length += len(word) + 2
    return line_end.join(line.rstrip(" ") for line in lines)


def _numbers(block: V2dBlock) -> list[int]:
    """Statements from the last, those with a value first: what vex2difx takes."""
    numbers = reversed(range(len(block.statements)))
    return sorted(numbers, key=lambda i: not block.statements[i].values)


def _statements(block: V2dBlock) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (one.name.text, tuple(value.text for value in own_values(block, i)))
        for i, one in enumerate(block.statements)
    ]


def own_values(block: V2dBlock, number: int) -> tuple[Token, ...]:
    """Values of a statement without one that is the name of the next: a comma or sign = was left behind."""
    values = block.statements[number].values
    if (
        values
        and number + 1 < len(block.statements)
        and values[-1].start == block.statements[number + 1].name.start
    ):
        return values[:-1]
    return values


def _shape(v2d: V2dText) -> _Shape:
    return [(one.kind, one.name, _statements(one)) for one in (v2d.common, *v2d.blocks)]


def _first_right(
    v2d: V2dText, block: V2dBlock, statements: list[tuple[str, tuple[str, ...]]], ways: Iterable[list[Edit]]
) -> str:
    """Text after the first of some edits that does what was to be done, and nothing else."""
    wanted = [
        (one.kind, one.name, statements if one is block else _statements(one))
        for one in (v2d.common, *v2d.blocks)
    ]
    for edits in ways:
        text = edited(v2d.text, edits)
        try:
            found = _shape(parse_v2d_text(text))
        except ValueError:
            continue
        if _in_any_order(found, block, v2d) == _in_any_order(wanted, block, v2d):
            return text
    raise ValueError(f"{_near(v2d.text, block.start)}; correct that first")


def _in_any_order(shape: _Shape, block: V2dBlock, v2d: V2dText) -> _Shape:
    """The shape with the statements of one block sorted: a new one may stand anywhere in it."""
    number = 1 + v2d.blocks.index(block) if block is not v2d.common else 0
    return [
        (kind, name, sorted(parts) if i == number else parts) for i, (kind, name, parts) in enumerate(shape)
    ]


def _near(text: str, place: int) -> str:
    return f"line {line_of(text, place)} and the following are written so that a change would be read as another one"


def _replacement(text: str, block: V2dBlock, number: int, value: str) -> list[Edit]:
    """Edits that put a new value in place of an old one."""
    statement, own = block.statements[number], own_values(block, number)
    if own and not _COMMENT.search(text, own[0].start, own[-1].stop):
        return [
            Edit(own[0].start, own[-1].stop, value),
            *(Edit(place, place + 1, "") for place in _commas(text, own[-1].stop)),
        ]
    if own:  # comments between the values stay
        (start, stop), *rest = [(token.start, token.stop) for token in own]
        commas = {comma for token in own for comma in _commas(text, token.stop)}
        gone = _joined(text, sorted([*rest, *((comma, comma + 1) for comma in commas)]))
        return [Edit(start, stop, value), *(_swept(text, *span) for span in gone)]
    if statement.values:  # what follows is the name of the next
        place_of_next = statement.values[0].start
        return [Edit(place_of_next, place_of_next, value + " ")]
    sign = _sign(text, statement)
    return [Edit(sign + 1, sign + 1, f" {value}" + _gap(text, sign + 1))]


def _deletions(text: str, block: V2dBlock, numbers: Iterable[int]) -> list[Edit]:
    """Edits that take statements out."""
    spans = sorted(span for number in numbers for span in _spans(text, block, number))
    return [_swept(text, *span) for span in _joined(text, spans)]


def _spans(text: str, block: V2dBlock, number: int) -> Iterator[tuple[int, int]]:
    """What belongs to a statement: its name, the sign, its values and the commas behind them."""
    statement, own = block.statements[number], own_values(block, number)
    sign = _sign(text, statement)
    is_a_value = number > 0 and statement.name in block.statements[number - 1].values
    if not is_a_value:
        yield statement.name.start, statement.name.stop
    yield sign, sign + 1
    for token in own:
        yield token.start, token.stop
    for place in (sign + 1, *(token.stop for token in own)):
        for comma in _commas(text, place):
            yield comma, comma + 1


def _sign(text: str, statement: V2dStatement) -> int:
    """Where the sign = of a statement stands."""
    place = statement.name.stop
    while text[place] != "=":
        match = _NOTHING.match(text, place)
        place = match.end() if match else place + 1
    return place


def _commas(text: str, place: int) -> Iterator[int]:
    """Commas from a place on, before anything else than blanks and comments."""
    while place < len(text):
        match = _NOTHING.match(text, place)
        if match:
            place = match.end()
        elif text[place] == ",":
            yield place
            place += 1
        else:
            return


def _joined(text: str, spans: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Spans with nothing but blanks between them as one."""
    joined = list[tuple[int, int]]()
    for start, stop in dict.fromkeys(spans):
        if joined and not text[joined[-1][1] : start].strip("\x00 \t\r\n"):
            joined[-1] = (joined[-1][0], stop)
        else:
            joined.append((start, stop))
    return joined


def _swept(text: str, start: int, stop: int) -> Edit:
    """A deletion: of whole lines where nothing else stands on them, else with the blanks that follow."""
    begin = text.rfind("\n", 0, start) + 1
    end = text.find("\n", stop)
    end = len(text) if end < 0 else end + 1
    if not text[begin:start].strip(" \t") and not text[stop:end].strip(" \t\r\n"):
        return Edit(begin, end, "")
    if start == 0 or text[start - 1] <= " ":
        while stop < len(text) and text[stop] in " \t":
            stop += 1
    return Edit(start, stop, "")


def _additions(v2d: V2dText, block: V2dBlock, statement: str) -> Iterator[list[Edit]]:
    """Ways to add a statement, the best first."""
    text, end = v2d.text, line_end_of(v2d.text)
    limit = block.stop if block.kind else min((one.start for one in v2d.blocks), default=len(text))
    before = [one for one in block.statements if one.stop <= limit]
    if before:
        yield _behind_statement(text, block, max(one.stop for one in before), limit, statement)
    if block.kind:
        place = block.inside
        is_broken = place < len(text) and not text[place : text.find("\n", place) + 1].strip()
        yield [
            Edit(place, place, f"{end}  {statement}" if is_broken else f" {statement}" + _gap(text, place))
        ]
        return
    place = _before(text, limit)
    opening = "" if place == 0 or text[place - 1] == "\n" else end
    yield [Edit(place, place, f"{opening}{statement}{end}")]
    yield [Edit(0, 0, statement + end)]


def _behind_statement(text: str, block: V2dBlock, place: int, limit: int, statement: str) -> list[Edit]:
    """On a line of its own where the one before it has one, else behind it."""
    line_end = text.find("\n", place)
    start = text.rfind("\n", 0, place) + 1
    behind = text[place : line_end if line_end >= 0 else len(text)].strip()
    if line_end < 0 and not block.kind and (not behind or behind.startswith("#")):
        return [
            Edit(
                len(text), len(text), line_end_of(text) + _indent(text, start) + statement + line_end_of(text)
            )
        ]
    is_inside = start > block.inside or not block.kind
    if is_inside and 0 <= line_end < limit and (not behind or behind.startswith("#")):
        return [Edit(line_end + 1, line_end + 1, _indent(text, start) + statement + line_end_of(text))]
    return [Edit(place, place, f" {statement}" + _gap(text, place))]


def _before(text: str, place: int) -> int:
    """Begin of the line of a place, if nothing stands before it there."""
    start = text.rfind("\n", 0, place) + 1
    return place if text[start:place].strip() else start


def _behind(v2d: V2dText, same: Sequence[V2dBlock]) -> int:
    """Place of a new block: behind the lines of some, or at the end."""
    if not same:
        return len(v2d.text)
    stop = min(same[-1].stop + 1, len(v2d.text))
    line_end = v2d.text.find("\n", stop)
    rest = v2d.text[stop : line_end if line_end >= 0 else len(v2d.text)].strip()
    if rest and not rest.startswith("#"):
        return stop
    return line_end + 1 if line_end >= 0 else len(v2d.text)


def _gap(text: str, place: int) -> str:
    """A blank, where what follows would become part of a new value."""
    return " " if place < len(text) and text[place] > " " else ""


def _indent(text: str, start: int) -> str:
    match = _INDENT.match(text, start)
    return match[0] if match else ""
