# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of Earth orientation in the forms in which they are published: text in, days out.

Known by their content: ``finals2000A`` (all, data, daily) of the IERS and its form with semicolons, C04 series of the
IERS (with and without an hour), ``usno_finals.erp`` (EOP-MOD) of the VLBI analysis at GSFC, the ``$EOP`` of a ``.vex``,
``EOP`` blocks of a ``.v2d``, and the form that :meth:`EopTable.write` makes.

Days are 0h UTC. The EOP-MOD calls its days TAI; programs around DiFX take them for UTC, as here: half a microsecond
of UT1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NoReturn

from difxnb.errors import FileFormatError
from difxnb.formats.eop_days import MOST_ARCSEC, MOST_S, MOST_TAI_S
from difxnb.formats.mjd import LAST_MJD, MJD_ZERO
from difxnb.geometry.leap_seconds import FIRST_MJD, known_leap_seconds

FINAL, RAPID, PREDICTED, UNSAID = "final", "rapid", "predicted", ""
OWN_HEAD = "mjd,tai_utc_s,ut1_utc_s,x_pole_arcsec,y_pole_arcsec,quality"
LARGEST = 2**26
_JD_TO_MJD = 2_400_000.5
_OLDEST_YEAR, _NEWEST_YEAR = 1800, 2300
_FINALS_WIDTH = 68
_QUALITIES = {FINAL, RAPID, PREDICTED, UNSAID}
_LAST_REAL = "# Last date with real data:"


@dataclass(frozen=True, slots=True)
class EopDay:
    """Earth orientation at 0h UTC of a day: offsets in s, pole in arcsec, and how well it is known."""

    mjd: int
    tai_utc_s: float
    ut1_utc_s: float
    x_pole_arcsec: float
    y_pole_arcsec: float
    quality: str = UNSAID


def parse_eop(text: str, path: str | Path = "eop") -> list[EopDay]:
    """Read a table in any of the known forms; days ascend, those before 1972 are left out.

    Raises
    ------
    FileFormatError
        With the line, where it is none of them, is damaged, or has a day twice.
    """
    if len(text) > LARGEST:
        raise FileFormatError(
            path, "", f"{len(text)} characters are too many for a table of Earth orientation"
        )
    days = sorted(_reader_of(text, path)(text, path), key=lambda day: day.mjd)
    if not days:
        raise FileFormatError(path, "", "no days of Earth orientation in it")
    for earlier, later in itertools.pairwise(days):
        if earlier.mjd == later.mjd:
            raise FileFormatError(path, "", f"MJD {later.mjd} is in it twice")
    return days


def _reader_of(text: str, path: str | Path) -> Callable[[str, str | Path], list[EopDay]]:
    """How a text is to be read, by its first lines that are no comments."""
    if text.startswith("EOP-MOD Ver 2."):
        return _read_mod
    for _, line in _lines(text):
        if line.strip() == OWN_HEAD:
            return _read_own
        if line.startswith("MJD;"):
            return _read_semicolons
        if _finals_mjd(line) is not None:
            return _read_finals
        if _c04_columns(line.split()) is not None:
            return _read_c04
        if line.lstrip().startswith("<"):
            raise FileFormatError(path, "line 1", "this is a web page and no table of Earth orientation")
        if line.lstrip().startswith(("VEX_rev", "$")):
            return _read_vex
    if "EOP" in text and "{" in text:
        return _read_v2d
    raise FileFormatError(
        path,
        "",
        "no table of Earth orientation: neither finals2000A, C04, EOP-MOD, .vex, .v2d, nor one of difxnb",
    )


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that say something, with their numbers."""
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip() and not line.startswith(("#", "*")):
            yield number, line


def _fail(path: str | Path, where: int | str, problem: str) -> NoReturn:
    raise FileFormatError(path, f"line {where}" if isinstance(where, int) else where, problem)


def _number(text: str, what: str, path: str | Path, line: int) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        _fail(path, line, f"{what} is {text.strip()[:40]!r}, which is no number")
    return value


def _day(
    path: str | Path,
    line: int | str,
    mjd: float,
    ut1_s: float,
    pole: tuple[float, float],
    quality: str,
    *,
    tai_utc_s: float | None = None,
    against_tai: bool = False,
) -> EopDay | None:
    """Check the values of a line; None where it is of a day before 1972."""
    if mjd != math.floor(mjd):
        _fail(path, line, f"MJD {mjd} is not 0h of a day")
    if not 0 <= mjd <= LAST_MJD:
        _fail(path, line, f"MJD {mjd:.0f} is no day of our time")
    if mjd < FIRST_MJD:
        return None
    if tai_utc_s is None:
        tai_utc_s = known_leap_seconds().on(mjd)
    ut1_utc_s = ut1_s + tai_utc_s if against_tai else ut1_s
    if not (abs(ut1_utc_s) <= MOST_S and max(map(abs, pole)) <= MOST_ARCSEC and 0 <= tai_utc_s <= MOST_TAI_S):
        _fail(
            path, line, f"UT1-UTC {ut1_utc_s:g} s and the pole {pole[0]:g}, {pole[1]:g} arcsec are impossible"
        )
    return EopDay(int(mjd), tai_utc_s, ut1_utc_s, *pole, quality)


def _finals_mjd(line: str) -> float | None:
    """MJD of a line of finals2000A; None where it is none."""
    if len(line) < 15 or not line[:6].replace(" ", "0").isdigit() or line[12:13] != ".":
        return None
    try:
        return float(line[7:15])
    except ValueError:
        return None


def _read_finals(text: str, path: str | Path) -> list[EopDay]:
    """finals2000A, by the columns of its ``readme``: Bulletin B where it is there, else A with its flag."""
    days = []
    for number, line in _lines(text):
        mjd = _finals_mjd(line)
        if mjd is None:
            _fail(path, number, "no line of finals2000A")
        bulletin_b = line[134:144], line[144:154], line[154:165]
        bulletin_a = line[18:27], line[37:46], line[58:68]
        if all(part.strip() for part in bulletin_b):
            words, quality = bulletin_b, FINAL
        elif all(part.strip() for part in bulletin_a):
            flags = {line[16:17], line[57:58]}
            if not flags <= {"I", "P"}:
                _fail(path, number, f"flags {line[16:17]!r} and {line[57:58]!r} are neither I nor P")
            words, quality = bulletin_a, PREDICTED if "P" in flags else RAPID
        else:
            continue  # days at the end for which nothing is predicted yet
        x, y, ut1 = (_number(word, "a value", path, number) for word in words)
        days.append(_day(path, number, mjd, ut1, (x, y), quality))
    return [day for day in days if day is not None]


def _c04_columns(words: Sequence[str]) -> int | None:
    """Where a line of a C04 series has its MJD: 3, or 4 with an hour before it; None where it is no such line."""
    for column in (3, 4):
        if len(words) < column + 4:
            continue
        try:
            year, month, day = (int(word) for word in words[:3])
            mjd = float(words[column])
            date = datetime(year, month, day)
        except (ValueError, OverflowError):
            continue
        if _OLDEST_YEAR < year < _NEWEST_YEAR and abs(mjd - (date - MJD_ZERO).days) < 1:
            return column
    return None


def _read_c04(text: str, path: str | Path) -> list[EopDay]:
    """C04: date, perhaps hour, MJD, x and y (arcsec), UT1-UTC (s); what comes after it is not needed."""
    days: list[EopDay | None] = []
    for number, line in _lines(text):
        words = line.split()
        column = _c04_columns(words)
        if column is None:
            if days:
                _fail(path, number, "no line of a C04 series")
            continue  # older series have words at their head
        mjd, x, y, ut1 = (_number(word, "a value", path, number) for word in words[column : column + 4])
        days.append(_day(path, number, mjd, ut1, (x, y), FINAL))
    return [day for day in days if day is not None]


def _read_semicolons(text: str, path: str | Path) -> list[EopDay]:
    """The IERS' tables with semicolons: columns by their names; ``Type`` of the values is final or prediction."""
    lines = _lines(text)
    head = next(lines)[1].strip().split(";")
    wanted = ("MJD", "x_pole", "y_pole", "UT1-UTC")
    missing = [name for name in wanted if name not in head]
    if missing:
        _fail(path, 1, f"it has no column {missing[0]}")
    places = [head.index(name) for name in wanted]
    types = [place for place, name in enumerate(head) if name == "Type"]
    days = []
    for number, line in lines:
        words = line.strip().split(";")
        if len(words) <= max(places):
            _fail(path, number, f"{len(words)} columns, and {max(places) + 1} are needed")
        if not all(words[place].strip() for place in places):
            continue
        mjd, x, y, ut1 = (_number(words[place], "a value", path, number) for place in places)
        said = {words[place].strip().lower() for place in types if place < min(len(words), max(places) + 1)}
        quality = PREDICTED if "prediction" in said else FINAL if said <= {"final"} else RAPID
        days.append(_day(path, number, mjd, ut1, (x, y), quality))
    return [day for day in days if day is not None]


def _read_mod(text: str, path: str | Path) -> list[EopDay]:
    """EOP-MOD: Julian date, x and y (0.1 arcsec), UT1-TAI (µs); comments tell the last day that is no prediction."""
    lines = text.splitlines()
    kind = lines[0].split()[6:7]
    if kind and kind[0] not in ("UT1-TAI", "UT1"):
        _fail(path, 1, f"it has {kind[0][:20]}, from which tides are taken out; only UT1 itself is read")
    last_real = _last_real(lines)
    days = []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip() or line.startswith("#"):
            continue
        words = line.split()
        if len(words) < 4:
            _fail(path, number, "four numbers are needed: Julian date, x, y, UT1-TAI")
        jd, x, y, ut1_tai = (_number(word, "a value", path, number) for word in words[:4])
        mjd = jd - _JD_TO_MJD
        quality = UNSAID if last_real is None else PREDICTED if mjd > last_real else FINAL
        day = _day(path, number, mjd, ut1_tai / 1e6, (x / 10, y / 10), quality, against_tai=True)
        days.append(day)
    return [day for day in days if day is not None]


def _last_real(lines: Sequence[str]) -> int | None:
    for line in lines:
        if line.startswith(_LAST_REAL):
            try:
                return (datetime.strptime(line[len(_LAST_REAL) :].strip(), "%Y.%m.%d") - MJD_ZERO).days
            except ValueError:
                return None
    return None


def _read_own(text: str, path: str | Path) -> list[EopDay]:
    days = []
    lines = _lines(text)
    next(lines)
    for number, line in lines:
        words = line.strip().split(",")
        if len(words) != 6 or words[5] not in _QUALITIES:
            _fail(path, number, f"not of the form {OWN_HEAD}")
        mjd, tai, ut1, x, y = (_number(word, "a value", path, number) for word in words[:5])
        days.append(_day(path, number, mjd, ut1, (x, y), words[5], tai_utc_s=tai))
    return [day for day in days if day is not None]


def _read_vex(text: str, path: str | Path) -> list[EopDay]:
    from difxnb.formats.vex_eop import eop_points
    from difxnb.formats.vex_quantities import ANGLE_UNITS
    from difxnb.formats.vex_text import parse_vex_text

    arcsec = ANGLE_UNITS["asec"]
    days = []
    for one in eop_points(parse_vex_text(text, path), path):
        pole = one.x_pole / arcsec, one.y_pole / arcsec
        days.append(
            _day(path, f"$EOP {one.name}", one.time.mjd, one.ut1_utc, pole, UNSAID, tai_utc_s=one.tai_utc)
        )
    # Definitions may overlap, a little different each time: the later one counts.
    return list({day.mjd: day for day in days if day is not None}.values())


def _read_v2d(text: str, path: str | Path) -> list[EopDay]:
    """``EOP date { tai_utc= ut1_utc= xPole= yPole= }``, s and arcsec."""
    from difxnb.formats.v2d_text import parse_v2d_text
    from difxnb.formats.vex_quantities import vex_mjd

    days = []
    for block in parse_v2d_text(text, path).of_kind("EOP"):
        line = text.count("\n", 0, block.start) + 1
        values = []
        for name in ("ut1_utc", "xPole", "yPole", "tai_utc"):
            statement = block.last(name)
            if statement is None:
                _fail(path, line, f"EOP {block.name} has no {name}")
            values.append(_number(statement.values[0].text, name, path, line))
        mjd = vex_mjd(block.name)
        if mjd is None:
            _fail(path, line, f"EOP {block.name}: this is no date")
        days.append(_day(path, line, mjd, values[0], (values[1], values[2]), UNSAID, tai_utc_s=values[3]))
    return [day for day in days if day is not None]


def format_own(days: Sequence[EopDay], source: str, fetched: str) -> str:
    """Write the form of this package, which :func:`parse_eop` reads again; values of 1e-7 s and 1e-6 arcsec stay."""
    lines = [f"# Earth orientation at 0h UTC, from {_one_line(source)}, {fetched}", OWN_HEAD]
    lines += [
        f"{day.mjd},{day.tai_utc_s:g},{day.ut1_utc_s:.9f},{day.x_pole_arcsec:.9f},{day.y_pole_arcsec:.9f},{day.quality}"
        for day in days
    ]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)
