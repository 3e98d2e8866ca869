# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of a ``.vex``: scans and stations taken out, sites and Earth orientation changed; the rest of the text stays.

In goes what was read, out come replacements of characters. What is taken out stays as a comment, in lines that are not
longer than vex2difx takes. Clocks are in :mod:`difxnb.formats.vex_clock_edits`.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from difxnb.formats.calc_model import Eop
from difxnb.formats.text_places import Edit
from difxnb.formats.vex_eop import eop_text
from difxnb.formats.vex_quantities import NUMBER, TIME_UNITS, vex_time
from difxnb.formats.vex_scans import VexScan
from difxnb.formats.vex_stations import VexStation
from difxnb.formats.vex_text import LONGEST_COMMENT, VexDefinition, VexText

_FEWEST_STATIONS = 2
_FARTHEST_M = 1e9


def line_end(text: str) -> str:
    """How lines of a text end."""
    return "\r\n" if "\r\n" in text else "\n"


def indent_at(text: str, place: int) -> str:
    """What stands before a statement in its line; a usual indentation where that is not blank."""
    before = text[text.rfind("\n", 0, place) + 1 : place]
    return before if not before.strip() else "  "


def commented(text: str, start: int, stop: int) -> Edit:
    """Make some characters comments, line by line."""
    end = line_end(text)
    before = text[text.rfind("\n", 0, start) + 1 : start]
    next_line = text.find("\n", stop)
    behind = text[stop : next_line if next_line >= 0 else len(text)].rstrip()
    lines = [part for line in text[start:stop].split("\n") for part in _comments(line.rstrip("\r"))]
    opening = "" if not before.strip() else end
    # A comment behind it may stay there, as part of this one.
    fits = behind.lstrip().startswith("*") and len(lines[-1]) + len(behind) <= LONGEST_COMMENT
    closing = end if behind and not fits else ""
    return Edit(start, stop, opening + end.join(lines) + closing)


def _comments(line: str) -> list[str]:
    """A line as comments that are not too long, cut between words where that is possible."""
    if line.startswith("*"):
        return [line]
    room, parts = LONGEST_COMMENT - 2, list[str]()
    while len(line) > room:
        cut = line.rfind(" ", 1, room + 1)
        cut = cut if cut > 0 and line[:cut].strip() else room
        parts.append(f"* {line[:cut]}")
        line = line[cut:]
    return [*parts, f"* {line}".rstrip()]


def without_scans(text: str, scans: Iterable[VexScan], kept: Collection[str], path: Path) -> list[Edit]:
    """All scans as comments but for some.

    Raises
    ------
    ValueError
        A scan is not there, or none would be left.
    """
    scans = list(scans)
    there = dict.fromkeys(scan.name for scan in scans)
    unknown = [name for name in kept if name not in there]
    if unknown:
        raise ValueError(f"{path}: no scan {_some(unknown)}; it has {_some(list(there))}")
    if not kept:
        raise ValueError(f"{path}: no scan would be left; choose one at least")
    return [
        commented(text, scan.definition.start, scan.definition.stop)
        for scan in scans
        if scan.name not in kept
    ]


def without_stations(text: str, scans: Sequence[VexScan], gone: Collection[str], path: Path) -> list[Edit]:
    """Lines of some stations as comments, and whole scans that would be left with less than two stations.

    Raises
    ------
    ValueError
        No scan would be left.
    """
    edits = list[Edit]()
    lost = 0
    for scan in scans:
        lines = [one for one in scan.stations if one.station in gone]
        if lines and len(scan.stations) - len(lines) < _FEWEST_STATIONS:
            edits.append(commented(text, scan.definition.start, scan.definition.stop))
            lost += 1
        else:
            edits += [commented(text, one.statement.start, one.statement.stop) for one in lines]
    if lost and lost == len(scans):
        raise ValueError(f"{path}: without {_some([*gone])} no scan has two stations")
    return edits


def _some(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more if names else "none"


def with_eops(vex: VexText, values: Iterable[Eop]) -> list[Edit]:
    """Earth orientation in place of what ``$EOP`` has; comments between its definitions stay.

    Raises
    ------
    ValueError
        There are none, or two of one day, or a value that is none.
    """
    text, end = vex.text, line_end(vex.text)
    values = list(values)
    written = eop_text(values, end)
    if not values:
        raise ValueError("no Earth orientation is given; one day at least")
    block = vex.block("EOP")
    if block is None:
        opening = "" if text.endswith("\n") else end
        return [Edit(len(text), len(text), f"{opening}$EOP;{end}{written}{end}")]
    if not block.definitions:
        return [Edit(block.stop, block.stop, f"{end}{written}"), *_referring(vex, len(values))]
    first, *others = block.definitions
    edits = [Edit(first.start, first.stop, written)]
    for one in others:
        stop = one.stop + len(end) if text.startswith(end, one.stop) else one.stop
        edits.append(Edit(one.start - len(_blank_before(text, one.start)), stop, ""))
    return [*edits, *_referring(vex, len(values))]


def _blank_before(text: str, place: int) -> str:
    before = text[text.rfind("\n", 0, place) + 1 : place]
    return before if not before.strip() else ""


def _referring(vex: VexText, count: int) -> list[Edit]:
    """References to definitions that are gone, in ``$GLOBAL``, become such to the new ones."""
    main = vex.block("GLOBAL")
    found = [one for one in main.statements if one.words == ("ref", "$EOP")] if main else []
    if not found:
        return []
    indent = line_end(vex.text) + indent_at(vex.text, found[0].start)
    written = indent.join(f"ref $EOP = EOP{number};" for number in range(count))
    return [
        Edit(found[0].start, found[0].stop, written),
        *(commented(vex.text, one.start, one.stop) for one in found[1:]),
    ]


def with_position(
    vex: VexText, station: VexStation, others: Iterable[VexStation], position: Sequence[float], path: Path
) -> list[Edit]:
    """Position of a site in m."""
    site = _own(station, station.site, [(one.key, one.site) for one in others], "$SITE", path)
    values = [_metres(value, "position") for value in position]
    if len(values) != 3:
        raise ValueError(f"a position has x, y and z in m; got {len(values)} numbers")
    return [_set(vex.text, site, "site_position", " : ".join(f"{value} m" for value in values))]


def with_velocity(
    vex: VexText, station: VexStation, others: Iterable[VexStation], velocity: Sequence[float], path: Path
) -> list[Edit]:
    """Velocity of a site in m/s, written in m/yr."""
    site = _own(station, station.site, [(one.key, one.site) for one in others], "$SITE", path)
    values = [_metres(_number(value, "velocity") * TIME_UNITS["yr"], "velocity") for value in velocity]
    if len(values) != 3:
        raise ValueError(f"a velocity has x, y and z in m/s; got {len(values)} numbers")
    return [_set(vex.text, site, "site_velocity", " : ".join(f"{value} m/yr" for value in values))]


def with_position_epoch(
    vex: VexText, station: VexStation, others: Iterable[VexStation], mjd: float, path: Path
) -> list[Edit]:
    """Time for which the position is; as a plain MJD where it was one."""
    site = _own(station, station.site, [(one.key, one.site) for one in others], "$SITE", path)
    before = site.all("site_position_epoch")
    is_plain = bool(before) and NUMBER.fullmatch("".join(before[0].field(0))) is not None
    written = _decimal(mjd, 5).removesuffix(".0") if is_plain else vex_time(mjd)
    return [_set(vex.text, site, "site_position_epoch", written)]


def with_axis_offset(
    vex: VexText, station: VexStation, others: Iterable[VexStation], offset: float, path: Path
) -> list[Edit]:
    """Axis offset in m."""
    antenna = _own(station, station.antenna, [(one.key, one.antenna) for one in others], "$ANTENNA", path)
    return [_set(vex.text, antenna, "axis_offset", f"{_metres(offset, 'axis offset')} m")]


def _own(
    station: VexStation,
    definition: VexDefinition | None,
    others: Iterable[tuple[str, VexDefinition | None]],
    block: str,
    path: Path,
) -> VexDefinition:
    if definition is None:
        raise ValueError(f"{path}: {station.key} refers to nothing in {block}; give it a definition first")
    users = [name for name, one in others if one is not None and one.start == definition.start]
    if len(users) > 1:
        raise ValueError(
            f"{path}: {', '.join(users)} share {definition.name} of {block}; give each its own first"
        )
    return definition


def _number(value: float, what: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{value!r} is no {what}; a number is wanted") from None


def _metres(value: float, what: str) -> str:
    number = _number(value, what)
    if not math.isfinite(number) or abs(number) > _FARTHEST_M:
        raise ValueError(f"{value} is no {what}")
    return _decimal(number, 6)


def _decimal(value: float, decimals: int) -> str:
    """All digits of a number that matter, without an exponent."""
    text = f"{Decimal(repr(round(float(value), decimals))):f}"
    return text if "." in text else f"{text}.0"


def _set(text: str, definition: VexDefinition, word: str, value: str) -> Edit:
    """A statement with another value in its place; a new one before the end of the definition where there is none."""
    found = definition.all(word)
    if found:
        tokens = [token for field in found[0].fields for token in field]
        start = tokens[0].start if tokens else found[0].stop - 1
        stop = tokens[-1].stop if tokens else start
        opening = " " if text[start - 1] == "=" else ""
        return Edit(start, stop, opening + value)
    last = definition.statements[-1] if definition.statements else None
    place = last.stop if last else text.index(";", definition.start) + 1
    indent = indent_at(text, last.start) if last else "  "
    return Edit(place, place, f"{line_end(text)}{indent}{word} = {value};")
