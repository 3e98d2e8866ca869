# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a ``.v2d``: its text, its names and its values.

An error is what vex2difx stops at even with ``-f``, or what it understands otherwise than it looks. Conflicts between
statements are found in :mod:`difxnb.formats.v2d_block_problems`, what does not go with the schedule in
:mod:`difxnb.formats.v2d_schedule_problems`. Mirrors ``difx-files.md`` 12, and vex2difx 3.1
(``src/corrparams.cpp``, ``src/vex2difx.cpp``) for what that leaves open.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb.errors import FileFormatError
from difxnb.formats.problems import Problem
from difxnb.formats.v2d_block import V2dParameters
from difxnb.formats.v2d_block_problems import block_problems
from difxnb.formats.v2d_parameters import Parameter, blocks_with, nearest, parameter
from difxnb.formats.v2d_schedule_problems import schedule_problems
from difxnb.formats.v2d_statements import own_values
from difxnb.formats.v2d_text import V2dBlock, V2dStatement
from difxnb.formats.v2d_values import OutOfRange, is_doubtful_truth, read_mjd, read_value, truth

if TYPE_CHECKING:
    from difxnb.formats.v2d import V2d
    from difxnb.formats.vex import Vex

_LONGEST_LINE = 4094
_MOST_OF_A_KIND = 100
_MOST_ROWS = 2000
_SHOWN = 40
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_ONCE = ("ANTENNA", "SOURCE", "DATASTREAM")
# Block kinds of which the first with a name counts, or all do.
_FIRST = ("SETUP", "ZOOM", "EOP")


def problems_of(v2d: V2d, vex: Vex | None) -> list[Problem]:
    """All that is wrong."""
    blocks = (v2d.block(), *v2d.blocks())
    each = chain.from_iterable(_of_statements(v2d, block) for block in blocks)
    return _fewer(
        [
            *_of_text(v2d),
            *_of_name(v2d.path),
            *_of_blocks(v2d),
            *_of_names(v2d),
            *islice(each, _MOST_ROWS),
            *block_problems(v2d),
            *_of_schedule(v2d, vex),
        ]
    )


def _fewer(rows: list[Problem]) -> list[Problem]:
    """Not thousands of one kind."""
    counts = Counter(row.kind for row in rows)
    kept = list[Problem]()
    for kind, count in counts.items():
        same = [row for row in rows if row.kind == kind]
        kept += same[:_MOST_OF_A_KIND]
        if count > _MOST_OF_A_KIND:
            text = f"and {count - _MOST_OF_A_KIND} more of this kind"
            kept.append(Problem(same[_MOST_OF_A_KIND].severity, kind, text))
    return kept


def _of_text(v2d: V2d) -> Iterator[Problem]:
    text = v2d.text
    if "\r" in text:
        yield Problem(
            "error",
            "dos line ends",
            "vex2difx reads no file with DOS line ends",
            line=v2d.line_at(text.index("\r")),
            fix="v2d.text = v2d.text.replace('\\r\\n', '\\n') makes them those of Unix",
        )
    long = (number for number, line in enumerate(text.split("\n"), 1) if len(line) > _LONGEST_LINE)
    for number in islice(long, 1):
        yield Problem(
            "error",
            "long line",
            f"vex2difx reads no line with more than {_LONGEST_LINE} characters",
            line=number,
            fix="break it behind a comma",
        )
    damage = _CONTROL.search(text)
    if damage:
        yield Problem(
            "error", "control characters", "it holds control characters", line=v2d.line_at(damage.start())
        )
    last = text.rpartition("\n")[2].strip()
    if last and not last.startswith("#"):
        yield Problem(
            "error",
            "no line end",
            "vex2difx passes over a last line without a line end",
            line=v2d.line_at(len(text)),
            fix="end it with a line end",
        )
    if v2d.statements.blocks and v2d.statements.blocks[-1].stop >= len(text):
        block = v2d.statements.blocks[-1]
        yield Problem(
            "warning",
            "open block",
            "the last block has no closing brace",
            f"{block.kind} {block.name}".strip(),
            v2d.line_at(block.start),
        )


def _of_name(path: Path | None) -> Iterator[Problem]:
    if path is None:
        return
    fix = "give the file another name"
    if "_" in path.name:
        yield Problem("error", "file name", f"vex2difx takes no underscore in the name {path.name}", fix=fix)
    if not (path.name[:1].isascii() and path.name[:1].isalpha()):
        yield Problem("error", "file name", f"the name {path.name} has to begin with a letter", fix=fix)


def _of_blocks(v2d: V2d) -> Iterator[Problem]:
    """Names of blocks, and how often they are there."""
    seen = Counter[tuple[str, str]]()
    for block in v2d.statements.blocks:
        where, line = f"{block.kind} {block.name}".strip(), v2d.line_at(block.start)
        key = (block.kind, block.name.upper() if block.kind == "ANTENNA" else block.name)
        key = (block.kind, "") if block.kind == "OUTPUTBAND" else key
        seen[key] += 1
        if seen[key] == 2 and block.kind in (*_ONCE, "OUTPUTBAND"):
            yield Problem("error", "given twice", f"there is a second block {where}", where, line)
        if seen[key] == 2 and block.kind in _FIRST:
            yield Problem("warning", "given twice", f"there is a second block {where}", where, line)
        if block.kind == "EOP":
            try:
                is_midnight = read_mjd(block.name) % 1 == 0
            except ValueError as error:
                yield Problem("error", "bad value", str(error), where, line)
                continue
            if not is_midnight:
                told = f"{where} is taken for 0h of its day: a .calc knows whole days only"
                yield Problem("warning", "odd eop", told, where, line)


def _of_names(v2d: V2d) -> Iterator[Problem]:
    """Two stations that would have one name, were they in one job."""
    called = dict[str, V2dBlock]()
    for block in v2d.statements.of_kind("ANTENNA"):
        given = block.last("name")
        name = (given.values[-1].text if given else block.name).upper()
        other = called.setdefault(name, block)
        if other is not block and other.name.upper() != block.name.upper():
            told = f"{other.name} and {block.name} would both be called {name}"
            where = f"{block.kind} {block.name}"
            yield Problem("warning", "given twice", told, where, v2d.line_at(block.start), "name")


def _of_statements(v2d: V2d, block: V2dParameters) -> Iterator[Problem]:
    """Each statement of a block by itself."""
    found, given = block.statements, Counter[str]()
    for number, statement in enumerate(found.statements):
        known = parameter(block.kind, statement.name.text)
        line = v2d.line_at(statement.name.start)
        at = (block.where, line, statement.name.text)
        yield from _of_commas(found, number, at)
        if not statement.values:
            yield Problem("warning", "no value", "vex2difx passes over it, as it has no value", *at)
        elif known is None:
            yield _unknown(block, statement.name.text, at)
        else:
            yield from _of_values(known, statement, at)
            given[known.name] += 1
            if given[known.name] == 2 and not known.is_many:
                yield Problem(
                    "warning",
                    "given twice",
                    f"{known.name} is given twice; the last one counts",
                    *at,
                    fix="remove one",
                )


def _of_commas(block: V2dBlock, number: int, at: tuple[str, int, str]) -> Iterator[Problem]:
    """A name that vex2difx takes for a value as well."""
    statement = block.statements[number]
    if len(own_values(block, number)) != len(statement.values):
        taken = statement.values[-1].text
        yield Problem(
            "error",
            "comma left behind",
            f"vex2difx takes {taken[:_SHOWN]}, the next name, for a value of it",
            *at,
            fix="remove the comma, or the sign =, before that name",
        )


def _unknown(block: V2dParameters, name: str, at: tuple[str, int, str]) -> Problem:
    """A name that vex2difx does not know there.

    It warns, stops without ``-f``, and goes on with it. Where another was meant, the job would be another one.
    """
    elsewhere = [kind or "the part outside of blocks" for kind in blocks_with(name)]
    if elsewhere:
        text = f"{name} does not belong here but in {' or '.join(elsewhere)}"
        return Problem("error", "wrong block", text, *at, fix=f"move it to {elsewhere[0]}")
    near = nearest(block.kind, name)
    text = f"vex2difx knows no {name[:_SHOWN]} here"
    if near:
        return Problem(
            "error", "unknown parameter", text, *at, fix=f"{near} is spelt so, not {name[:_SHOWN]}"
        )
    return Problem("warning", "unknown parameter", text, *at, fix="remove it, unless it is new in vex2difx")


def _of_values(known: Parameter, statement: V2dStatement, at: tuple[str, int, str]) -> Iterator[Problem]:
    words = [token.text for token in statement.values]
    for word in words:
        try:
            read_value(known, [word])
        except ValueError as error:
            kind = "out of range" if isinstance(error, OutOfRange) else "bad value"
            yield Problem("error", kind, f"{known.name}: {error}", *at, fix=_wanted(known))
        if known.kind == "bool" and is_doubtful_truth(word, known.true):
            taken = truth(word, known.true)
            yield Problem(
                "warning",
                "doubtful value",
                f"vex2difx takes {word[:_SHOWN]} for {taken}",
                *at,
                fix=f"write {not taken} or {taken}",
            )
    if len(words) > 1 and not known.is_many:
        yield Problem(
            "warning",
            "several values",
            f"{known.name} has one value; vex2difx takes {words[-1][:_SHOWN]}",
            *at,
        )


def _wanted(known: Parameter) -> str:
    """What a value has to be, in a few words."""
    if known.choices:
        return f"write {', '.join(known.choices)}" + (" or a number" if known.kind == "float" else "")
    unit = f" in {known.unit}" if known.unit else ""
    default = f"; without it vex2difx takes {known.default}" if known.default else ""
    kinds = {"int": "a whole number", "float": "a number", "time": "a time", "angle": "an angle"}
    kind = kinds.get(known.item or known.kind, "")
    return f"write {kind}{unit}{default}" if kind else ""


def _of_schedule(v2d: V2d, vex: Vex | None) -> Iterator[Problem]:
    """What does not go with the schedule, or that it is not there."""
    line = v2d.line_of("vex")
    if not v2d.words("vex"):
        text = "it names no schedule"
        yield Problem("error", "missing parameter", text, "", None, "vex", "add vex = NAME")
    try:
        found = v2d.schedule() if vex is None else vex
    except OSError as error:
        text = f"the schedule {error.filename} cannot be read: {error.strerror}"
        yield Problem("error", "missing file", text, "", line, "vex")
        return
    except FileFormatError as error:
        yield Problem("error", "bad schedule", str(error), "", line, "vex", "correct the schedule first")
        return
    if found is not None:
        yield from schedule_problems(v2d, found)
    elif v2d.words("vex") and v2d.path is not None and v2d.path.exists():
        name = v2d.words("vex")[-1]
        is_beside = not name.startswith("/") and ".." not in Path(name).parts
        yield Problem(
            "error" if is_beside else "note",
            "missing file",
            f"there is no {name} beside {v2d.path.name}"
            + ("" if is_beside else "; it was not looked for elsewhere"),
            "",
            line,
            "vex",
            "put the schedule there, or give it: v2d.problems(vex)",
        )
