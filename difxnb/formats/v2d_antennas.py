# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes of a ``.v2d`` that several places of it need: a station out, other files, another clock, scans left out.

A :class:`~difxnb.formats.v2d.V2d` comes in and another one goes out; what is not named stays, byte for byte.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from difxnb.formats.clock_change import ClockChange, decimal_delay, decimal_rate
from difxnb.formats.eop_days import sound_days
from difxnb.formats.text_places import Edit, edited
from difxnb.formats.v2d_block import V2dParameters
from difxnb.formats.v2d_parameter_list import DATA_NAMES, SKIP
from difxnb.formats.v2d_statements import as_comment, line_end_of, with_block, without_block
from difxnb.formats.v2d_values import written_time

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.formats.calc_model import Eop
    from difxnb.formats.v2d import V2d

_DEFAULT = "DEFAULT"
_SKIPPED = "skipped"
_SHOWN = 12
_CLOCK = ("clockAccel", "clockJerk", "deltaClock", "deltaClockRate", "deltaClockAccel")


class _Names(NamedTuple):
    """Names of a station: in the schedule, and of its block."""

    vex: str
    block: V2dParameters | None


def without(v2d: V2d, stations: Sequence[str]) -> V2d:
    """Without some stations: ``antennas`` shortened, their blocks made comments."""
    listed = antennas_of(v2d)
    gone = [_station(v2d, name, listed) for name in stations]
    keys = {one.vex.upper() for one in gone}
    left = [name for name in listed if name.upper() not in keys]
    if not left:
        raise ValueError(f"{v2d.path or 'v2d'}: no station would be left without {', '.join(stations)}")
    edits = [
        edit
        for one in gone
        if one.block is not None
        for edit in as_comment(v2d.statements, one.block.statements)
    ]
    new = v2d.changed(edited(v2d.text, dict.fromkeys(edits)))
    if left != v2d.words("antennas"):
        new["antennas"] = left
    return new


def require_enough(v2d: V2d) -> None:
    """Make sure that the stations that are listed are enough for a job, ``minSubarray`` or 2.

    Of too few vex2difx says that the spectral resolution is 0 Hz, as no scan tells it the bandwidth.

    Raises
    ------
    ValueError
        They are not.
    """
    listed = v2d.words("antennas")
    fewest = v2d.get("minSubarray", 2)
    if listed and "*" not in listed and len(listed) < fewest:
        raise ValueError(
            f"{v2d.path or 'v2d'}: of its stations only {', '.join(listed)} would be left, and a job needs {fewest}; "
            "minSubarray in the .v2d says how many"
        )


def antennas_of(v2d: V2d) -> list[str]:
    """Stations that are correlated, by their names in the schedule: those that are listed, else all of it.

    Raises
    ------
    ValueError
        None are listed, and there is no schedule.
    """
    listed = v2d.words("antennas")
    if listed and "*" not in listed:
        return listed
    vex = v2d.schedule()
    if vex is None:
        raise ValueError(
            f"{v2d.path or 'v2d'}: it has no list of antennas, and its schedule is not here; read it with vex=..."
        )
    return list(vex.stations()["station"])


def _station(v2d: V2d, name: str, listed: Sequence[str]) -> _Names:
    """A station by its name in the schedule or in the job."""
    for key, block in v2d.antennas.items():
        if (
            name.upper() in (key.upper(), *(word.upper() for word in block.words("name")))
            and key.upper() != _DEFAULT
        ):
            return _Names(key, block)
    for one in listed:
        if one.upper() == name.upper():
            return _Names(one, None)
    known = dict.fromkeys([*listed, *v2d.antennas])
    raise ValueError(f"{v2d.path or 'v2d'}: no station {name}; it has {', '.join(known)}")


def _own_block(v2d: V2d, station: str) -> V2dParameters:
    """Block of a station; a new one begins with what the block for all others says."""
    listed = v2d.words("antennas")
    if listed and "*" not in listed:
        found = _station(v2d, station, listed)
    else:
        block = next((one for key, one in v2d.antennas.items() if key.upper() == station.upper()), None)
        found = _Names(station, block)
    if found.block is not None:
        return found.block
    default = v2d.antennas.get(_DEFAULT)
    inherited = [(name, default.words(name)) for name in default] if default is not None else []
    v2d.text = with_block(v2d.statements, "ANTENNA", found.vex, inherited)
    return v2d.antennas[found.vex]


def only_scans(v2d: V2d, scans: Iterable[str] | pd.DataFrame) -> V2d:
    """With a first RULE that leaves all other scans out."""
    vex = v2d.schedule()
    if vex is None:
        raise ValueError(
            f"{v2d.path or 'v2d'}: its schedule is not here, which says what other scans there are; read it with "
            "vex=..."
        )
    there = list(vex.scans()["scan"])
    wanted = _scan_names(scans)
    unknown = [name for name in wanted if name not in there]
    if unknown or not wanted:
        raise ValueError(
            f"{v2d.path or 'v2d'}: no scan {', '.join(unknown[:5]) or 'was given'}; {vex.path or 'the schedule'} has "
            f"{', '.join(there[:_SHOWN])}"
            + (f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else "")
        )
    old = [one for one in v2d.statements.of_kind("RULE") if one.name == _SKIPPED]
    new = v2d.changed(edited(v2d.text, [without_block(v2d.statements, one) for one in old]))
    others = [name for name in there if name not in set(wanted)]
    if not others:
        return new
    if not new.rules and new.setups:
        # Without any rule vex2difx takes the first setup; with one, only that called default.
        new.text = with_block(new.statements, "RULE", "default", [("setup", [next(iter(new.setups))])])
    rule = [("scan", others), ("setup", [SKIP])]
    new.text = with_block(new.statements, "RULE", _SKIPPED, rule, first=True)
    return new


def _scan_names(scans: Iterable[str] | pd.DataFrame) -> list[str]:
    if isinstance(scans, str):
        return [scans]
    columns = getattr(scans, "columns", None)
    if columns is not None and "scan" not in columns:
        raise ValueError("a table of scans needs a column scan")
    names: Iterable[str] = scans if columns is None else scans["scan"]  # type: ignore[index, assignment]
    return list(dict.fromkeys(names))


def with_files(
    v2d: V2d,
    station: str,
    *,
    files: str | Sequence[str] | None = None,
    filelist: str | Sequence[str] | None = None,
    module: str | None = None,
) -> V2d:
    """With other data for a station."""
    given = {"file": files, "filelist": filelist, "module": module}
    chosen = [(name, value) for name, value in given.items() if value is not None]
    if len(chosen) != 1:
        raise ValueError(f"data of {station}: give one of files, filelist and module")
    new = v2d.changed(v2d.text)
    block = _own_block(new, station)
    if "datastreams" in block:
        raise ValueError(
            f"{v2d.path or 'v2d'}: data of {station} come in DATASTREAM {', '.join(block.words('datastreams'))}; "
            "change these blocks, as in v2d.datastreams[...]['file']"
        )
    (name, value) = chosen[0]
    for old in DATA_NAMES:
        if old != name and old in block:
            del block[old]
    block[name] = value
    return new


def with_clock(
    v2d: V2d, station: str, *, offset: float, rate: float = 0.0, epoch: np.datetime64 | dt.datetime | str
) -> V2d:
    """With another clock for a station, in s and s/s, late positive."""
    clock = ClockChange(station, offset, rate, epoch)  # type: ignore[arg-type]  # checks what a clock can be
    new = v2d.changed(v2d.text)
    block = _own_block(new, station)
    block["clockOffset"] = decimal_delay(clock.delay_s)
    block["clockRate"] = decimal_rate(clock.delay_rate)
    block["clockEpoch"] = written_time(clock.epoch)
    for name in _CLOCK:
        if name in block:
            del block[name]
    return new


def with_eop(v2d: V2d, eops: Iterable[Eop]) -> V2d:
    """With other EOP blocks in place of all that are there; without a day none is left."""
    days = sound_days(eops)
    lines = [
        f"EOP {one.mjd} {{ tai_utc={one.tai_utc_s:g} ut1_utc={_decimal(one.ut1_utc_s)} "
        f"xPole={_decimal(one.x_pole_arcsec)} yPole={_decimal(one.y_pole_arcsec)} }}"
        for one in days
    ]
    end = line_end_of(v2d.text)
    old = list(v2d.statements.of_kind("EOP"))
    edits = [without_block(v2d.statements, one) for one in old]
    place = edits[0].start if edits else len(v2d.text)
    opening = "" if place == 0 or v2d.text[place - 1] == "\n" else end
    # An insertion and a deletion at one place: the insertion goes first.
    new = v2d.changed(
        edited(v2d.text, [Edit(place, place, opening + "".join(line + end for line in lines)), *edits])
    )
    if [one.name for one in new.statements.of_kind("EOP")] != [str(one.mjd) for one in days]:
        raise ValueError(
            f"{v2d.path or 'v2d'}: EOP blocks cannot be put where the old ones are; set them on own lines"
        )
    return new


def _decimal(value: float) -> str:
    """A number with the digits that it has; a tenth of a nanosecond, or of a nanoarcsecond, is enough."""
    text = f"{round(value, 10) + 0.0:.10f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


def renamed(v2d: V2d, series: str) -> V2d:
    """With another name for its jobs."""
    if not (series.isascii() and series.isalnum()):
        raise ValueError(f"{series!r} cannot be the name of jobs: vex2difx takes letters and digits only")
    new = v2d.changed(v2d.text)
    new["jobSeries"] = series
    return new
