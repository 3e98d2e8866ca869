# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks in a ``.v2d``: which one vex2difx takes for a station, and changes of it with the old values kept.

Any of ``clockOffset clockRate clockAccel clockJerk clockEpoch`` puts the whole clock of the ``.vex`` aside; what is
left out is 0, the epoch MJD 50000. ``deltaClock`` and ``deltaClockRate`` are added to the coefficients of whichever
clock is used, about its own epoch, and to nothing where the station has no clock. All are in µs and µs/s, late
positive (``difx-files.md`` 12, 16.6; vex2difx 3.1: ``src/corrparams.cpp``, ``AntennaSetup::setkv``, and
``vexdatamodel/vex_data.cpp``, ``setClock`` and ``adjustClock``).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import NoReturn

from difxnb.errors import FileFormatError
from difxnb.formats.clock_change import Clock, ClockChange, decimal_delay, decimal_rate
from difxnb.formats.mjd import DAY_S, MJD_ZERO
from difxnb.formats.text_places import Edit, edited
from difxnb.formats.v2d_text import V2dBlock, V2dStatement, V2dText
from difxnb.formats.vex_clocks import vex_mjd

_CLOCK = (
    ("clockOffset", "clock0"),
    ("clockRate", "clock1"),
    ("clockAccel", "clock2"),
    ("clockJerk", "clock3"),
)
_EPOCH = "clockEpoch"
_DELTA = ("deltaClock", "deltaClockRate", "deltaClockAccel")
_DEFAULT = "DEFAULT"
_NO_EPOCH_MJD = 50000.0
_EPOCH_DECIMALS = 5  # of a day: about a second
_TERM = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_SUM = re.compile(rf"(?:{_TERM.pattern}(?=[+-]|\Z))+", re.ASCII)
# vex2difx reads whole seconds and passes over what follows them.
_CALENDAR = (
    (re.compile(r"(\d{4}-\d\d?-\d\d?T\d\d?:\d\d?:\d\d?).*"), "%Y-%m-%dT%H:%M:%S"),
    (re.compile(r"(\d{4}[A-Za-z]{3}\d\d?-\d\d?:\d\d?:\d\d?).*"), "%Y%b%d-%H:%M:%S"),
)


def antenna_block(v2d: V2dText, antenna: str) -> V2dBlock | None:
    """The block that sets up a station: the one that gives it its name in the job, else the one with its name.

    None where there is none; the block called DEFAULT stands for all stations without one of their own.
    """
    wanted, blocks = antenna.upper(), list(v2d.of_kind("ANTENNA"))
    for block in blocks:
        given = block.last("name", "newName")
        if (given.values[-1].text if given else block.name).upper() == wanted:
            return block
    return next((block for block in blocks if block.name.upper() == _DEFAULT), None)


def vex_station(v2d: V2dText, antenna: str) -> str:
    """Name that a station of the job has in the ``.vex``."""
    block = antenna_block(v2d, antenna)
    return block.name if block and block.name.upper() != _DEFAULT else antenna


def own_clock(v2d: V2dText, block: V2dBlock, path: str | Path = "v2d") -> Clock | None:
    """The clock that a block sets, without deltas; None where it leaves the clock to the ``.vex``.

    Raises
    ------
    FileFormatError
        A value of it cannot be read.
    """
    terms = [block.last(*names) for names in _CLOCK]
    epoch = block.last(_EPOCH)
    if epoch is None and not any(terms):
        return None
    mjd = _time(v2d, epoch, path) if epoch else _NO_EPOCH_MJD
    values = [_number(v2d, term, path) * 1e-6 if term else 0.0 for term in terms]
    while len(values) > 2 and terms[len(values) - 1] is None:
        values.pop()
    return Clock(mjd, tuple(values))


def deltas(v2d: V2dText, block: V2dBlock, path: str | Path = "v2d") -> tuple[float, ...]:
    """What a block adds to the offset (s), the rate (s/s) and the acceleration (s/s²) of a clock.

    Raises
    ------
    FileFormatError
        A value of it cannot be read.
    """
    found = (block.last(name) for name in _DELTA)
    return tuple(_number(v2d, one, path) * 1e-6 if one else 0.0 for one in found)


def v2d_with_clocks(
    v2d: V2dText,
    changes: Iterable[ClockChange],
    elsewhere: Mapping[str, Clock | None],
    path: str | Path = "v2d",
) -> str:
    """Text of a ``.v2d`` with changes of clocks subtracted.

    Where the ``.v2d`` sets the clock, that is changed; else ``deltaClock`` and ``deltaClockRate`` are, about the epoch
    of the clock in the ``.vex``; where a station has no clock at all, it gets one. Old values stay as comments.
    A station without a block gets one at the end.

    Parameters
    ----------
    v2d : V2dText
        The file.
    changes : iterable of ClockChange
        Residual lateness of stations.
    elsewhere : mapping
        Clock in the ``.vex`` of each station, by name in upper case, for those without one in the ``.v2d``; None
        where it has none there either.
    path : path-like
        The file's name, for errors.

    Raises
    ------
    ValueError
        A station is set up by the DEFAULT block only, or has a delta and no clock that it could be added to.
    """
    edits = [edit for change in changes for edit in _changed(v2d, change, elsewhere.get(change.key), path)]
    return edited(v2d.text, edits)


def _changed(v2d: V2dText, change: ClockChange, elsewhere: Clock | None, path: str | Path) -> list[Edit]:
    block = antenna_block(v2d, change.antenna)
    if block is not None and block.name.upper() == _DEFAULT:
        raise ValueError(
            f"{path}: {change.antenna} is set up by ANTENNA {block.name}, as others may be; give it a block of its "
            "own with the same parameters first"
        )
    values = _values(v2d, block, change, elsewhere, path)
    if block is None:
        return [_new_block(v2d, change, values)]
    old = {name: block.last(*_same(name)) for name in values}
    replaced = {name: statement for name, statement in old.items() if statement is not None}
    added = {name: value for name, value in values.items() if name not in replaced}
    edits = [edit for name, one in replaced.items() for edit in _replacement(v2d, change, one, values[name])]
    return edits + _additions(v2d, block, replaced, added)


def _values(
    v2d: V2dText, block: V2dBlock | None, change: ClockChange, elsewhere: Clock | None, path: str | Path
) -> dict[str, str]:
    """Parameters that change, or are new, and their new values."""
    clock = own_clock(v2d, block, path) if block else None
    delta = deltas(v2d, block, path) if block else (0.0,) * len(_DELTA)
    if clock is None and elsewhere is not None:
        return _parameters(_DELTA, Clock(elsewhere.epoch_mjd, delta), change)
    if clock is None and any(delta):
        raise ValueError(
            f"{path}: {change.antenna} has a deltaClock but no clock that it could be added to; set clockOffset, "
            "clockRate and clockEpoch instead"
        )
    if clock is not None and block is not None and block.last(_EPOCH):
        return _parameters([names[0] for names in _CLOCK], clock, change)
    # Without an epoch a clock counts from MJD 50000, years away; it is carried forward and gets one.
    epoch_mjd = round(change.epoch_mjd, _EPOCH_DECIMALS)
    carried = _carried(clock, delta, epoch_mjd) if clock else Clock(epoch_mjd, (0.0, 0.0))
    return {
        **_parameters([names[0] for names in _CLOCK], carried, change, everything=True),
        _EPOCH: repr(epoch_mjd),
    }


def _carried(clock: Clock, delta: tuple[float, ...], mjd: float) -> Clock:
    """The clock about another time, from which what is added to it will count then: the sum stays the same."""
    moved = Clock(clock.epoch_mjd, delta).about(mjd).coefficients
    gained = (now - was for now, was in zip(moved[:2], delta, strict=False))
    parts = zip_longest(clock.about(mjd).coefficients, gained, fillvalue=0.0)
    return Clock(mjd, tuple(map(sum, parts)))


def _parameters(
    names: Iterable[str], clock: Clock, change: ClockChange, everything: bool = False
) -> dict[str, str]:
    """Coefficients that change, or all of them where they are about another epoch now."""
    new = clock.less(change).coefficients
    texts = [decimal_delay(new[0]), decimal_rate(new[1]), *(repr(value * 1e6) for value in new[2:])]
    pairs = zip(names, texts, clock.coefficients, new, strict=False)
    return {name: text for name, text, was, now in pairs if everything or was != now}


def _same(name: str) -> tuple[str, ...]:
    """All names of a parameter."""
    return next((names for names in _CLOCK if name in names), (name,))


def _replacement(v2d: V2dText, change: ClockChange, old: V2dStatement, value: str) -> list[Edit]:
    """The new value, and a comment with the old one on a line of its own."""
    written = ", ".join(token.text for token in old.values)
    start = v2d.text.rfind("\n", 0, old.name.start) + 1
    indent = _indent(v2d.text, start)
    comment = f"{indent}# {change.antenna}: {old.name.text} = {written} {change.reason}{_line_end(v2d.text)}"
    return [Edit(start, start, comment), Edit(old.values[0].start, old.stop, value)]


def _additions(
    v2d: V2dText, block: V2dBlock, replaced: Mapping[str, V2dStatement], added: Mapping[str, str]
) -> list[Edit]:
    """New statements behind those that belong to them, on lines of their own where the block is written so."""
    if not added:
        return []
    place = max((one.stop for one in replaced.values() or block.statements), default=block.inside)
    line_end = v2d.text.find("\n", place)
    start = v2d.text.rfind("\n", 0, place) + 1
    behind = v2d.text[place:line_end].strip()
    texts = [f"{name} = {value}" for name, value in added.items()]
    if start <= block.inside or not 0 <= line_end < block.stop or (behind and not behind.startswith("#")):
        return [Edit(place, place, "".join(f" {text}" for text in texts) + _gap(v2d.text, place))]
    lines = "".join(_indent(v2d.text, start) + text + _line_end(v2d.text) for text in texts)
    return [Edit(line_end + 1, line_end + 1, lines)]


def _gap(text: str, place: int) -> str:
    """A blank, where what follows would become part of a new value."""
    return " " if place < len(text) and text[place] > " " else ""


def _new_block(v2d: V2dText, change: ClockChange, values: Mapping[str, str]) -> Edit:
    end = _line_end(v2d.text)
    lines = [
        f"ANTENNA {change.antenna}",
        "{",
        *(f"  {name} = {value}" for name, value in values.items()),
        "}",
    ]
    opening = "" if v2d.text.endswith("\n") or not v2d.text else end
    return Edit(len(v2d.text), len(v2d.text), opening + "".join(line + end for line in lines))


def _indent(text: str, start: int) -> str:
    match = re.compile(r"[ \t]*").match(text, start)
    return match[0] if match else ""


def _line_end(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _number(v2d: V2dText, statement: V2dStatement, path: str | Path) -> float:
    """Value of a parameter: a number or a sum of numbers without blanks; of several the last."""
    text = statement.values[-1].text
    if not _SUM.fullmatch(text):
        _fail(v2d, statement, path, f"{text[:40]!r} is no number")
    value = sum(float(term) for term in _TERM.findall(text))
    if not abs(value) < 1e12:
        _fail(v2d, statement, path, f"{text[:40]!r} is no value that a clock can have")
    return value


def _time(v2d: V2dText, statement: V2dStatement, path: str | Path) -> float:
    """Modified Julian date of a parameter, in any of the forms that vex2difx takes."""
    text = statement.values[-1].text
    for pattern, form in _CALENDAR:
        match = pattern.fullmatch(text)
        if match:
            try:
                return (dt.datetime.strptime(match[1], form) - MJD_ZERO) / dt.timedelta(seconds=DAY_S)
            except ValueError:
                break
    mjd = vex_mjd(text)
    if mjd is None:
        _fail(v2d, statement, path, f"{text[:40]!r} is no time")
    return mjd


def _fail(v2d: V2dText, statement: V2dStatement, path: str | Path, problem: str) -> NoReturn:
    line = v2d.text.count("\n", 0, statement.name.start) + 1
    raise FileFormatError(path, f"line {line}", f"{statement.name.text}: {problem}")
