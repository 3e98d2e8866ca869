# SPDX-License-Identifier: GPL-3.0-or-later
"""``$EOP`` of a ``.vex``: Earth orientation, one definition with several points or several with one, and back.

Read as vex2difx (3.1, ``vexdatamodel/vexload.cpp``, ``getEOPs``) reads it. A value that cannot be read is an error
and not left out: a job without it would be made with none, or with that of another day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from difxnb.errors import FileFormatError
from difxnb.formats import frames
from difxnb.formats.calc_model import Eop
from difxnb.formats.eop_days import sound_days
from difxnb.formats.frames import Columns
from difxnb.formats.vex_quantities import ANGLE_UNITS, TIME_UNITS, Moment, quantity, vex_moment, vex_time
from difxnb.formats.vex_scans import first_word, moments
from difxnb.formats.vex_text import VexDefinition, VexText

_MOST_POINTS = 1000
_ARCSEC = ANGLE_UNITS["asec"]


@dataclass(frozen=True, slots=True)
class VexEop:
    """Earth orientation at a time: offsets in s, pole in rad, and the name of the definition it comes from."""

    time: Moment
    tai_utc: float
    ut1_utc: float
    x_pole: float
    y_pole: float
    name: str


def eop_points(vex: VexText, path: str | Path = "vex") -> tuple[VexEop, ...]:
    """Earth orientation in the order of the file.

    Raises
    ------
    FileFormatError
        A definition lacks something, or it cannot be read.
    """
    block = vex.block("EOP")
    found = [_Reader(vex, one, path) for one in (block.definitions if block else ())]
    return tuple(point for reader in found for point in reader.points())


def eops(vex: VexText, path: str | Path = "vex") -> list[Eop]:
    """The same as values of a ``.calc``, in the order of time.

    Raises
    ------
    FileFormatError
        As :func:`eop_points`.
    """
    return [
        Eop(one.time.day, one.tai_utc, one.ut1_utc, one.x_pole / _ARCSEC, one.y_pole / _ARCSEC)
        for one in sorted(eop_points(vex, path), key=lambda point: point.time)
    ]


def eop_columns(points: Sequence[VexEop]) -> Columns:
    """One row per time."""
    return {
        "mjd": frames.integers(one.time.day for one in points),
        "time": moments(one.time for one in points),
        "tai_utc": frames.numbers(one.tai_utc for one in points),
        "ut1_utc": frames.numbers(one.ut1_utc for one in points),
        "x_pole": frames.numbers(one.x_pole for one in points),
        "y_pole": frames.numbers(one.y_pole for one in points),
        "name": frames.texts(one.name for one in points),
    }


def eop_text(values: Iterable[Eop], end: str = "\n") -> str:
    """Definitions for ``$EOP``, one a day, without the line end of the last.

    Raises
    ------
    TypeError, ValueError
        As :func:`difxnb.formats.eop_days.sound_days`.
    """
    lines = list[str]()
    for number, one in enumerate(sound_days(values)):
        lines += [
            f"def EOP{number};",
            f"  TAI-UTC= {_number(one.tai_utc_s)} sec;",
            "  A1-TAI= 0 sec;",
            f"  eop_ref_epoch= {vex_time(one.mjd)};",
            "  num_eop_points= 1;",
            "  eop_interval= 24 hr;",
            f"  ut1-utc= {_number(one.ut1_utc_s)} sec;",
            f"  x_wobble= {_number(one.x_pole_arcsec)} asec;",
            f"  y_wobble= {_number(one.y_pole_arcsec)} asec;",
            "enddef;",
        ]
    return end.join(lines)


def _number(value: float) -> str:
    text = f"{value:.10f}".rstrip("0")
    return text + "0" if text.endswith(".") else text


class _Reader:
    """Reads one definition."""

    def __init__(self, vex: VexText, definition: VexDefinition, path: str | Path) -> None:
        self._vex, self._definition, self._path = vex, definition, path

    def points(self) -> list[VexEop]:
        """All its times."""
        start = vex_moment(first_word(self._definition, "eop_ref_epoch"))
        if start is None:
            self._fail("eop_ref_epoch", "a time")
        said = first_word(self._definition, "num_eop_points")
        if (
            not said.isascii()
            or not said.isdigit()
            or not 0 < len(said) < 5
            or not 0 < int(said) <= _MOST_POINTS
        ):
            self._fail("num_eop_points", f"a whole number up to {_MOST_POINTS}")
        interval = self._value("eop_interval", 0, TIME_UNITS) if int(said) > 1 else 0.0
        tai_utc = self._value("TAI-UTC", 0, TIME_UNITS)
        return [
            VexEop(
                start.later(place * interval),
                tai_utc,
                self._value("ut1-utc", place, TIME_UNITS),
                self._value("x_wobble", place, ANGLE_UNITS),
                self._value("y_wobble", place, ANGLE_UNITS),
                self._definition.name,
            )
            for place in range(int(said))
        ]

    def _value(self, word: str, place: int, units: Mapping[str, float]) -> float:
        found = self._definition.all(word)
        value = quantity(found[0].field(place), units) if found else None
        if value is None:
            self._fail(word, f"a number with a unit in field {place + 1}")
        return value.value

    def _fail(self, word: str, wanted: str) -> NoReturn:
        found = self._definition.all(word)
        place = found[0].start if found else self._definition.start
        line = self._vex.text.count("\n", 0, place) + 1
        name = self._definition.name[:40]
        raise FileFormatError(self._path, f"line {line}", f"{word} of {name} in $EOP needs {wanted}")
