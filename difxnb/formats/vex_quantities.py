# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers with units, times and angles as a ``.vex`` has them, in SI.

Words come in and numbers go out; None where words are something else, so that who asks can say where they stand.
Units and forms are those of vex2difx 3.1 (``vex/vexf.c``, ``vexdatamodel/vexload.cpp``).
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from difxnb.formats.mjd import DAY_S, MJD_ZERO

TIME_UNITS: Mapping[str, float] = MappingProxyType(
    {
        "psec": 1e-12, "nsec": 1e-9, "usec": 1e-6, "msec": 1e-3, "sec": 1.0, "min": 60.0, "hr": 3600.0,
        "day": 86400.0, "yr": 365.25 * 86400.0,
    }
)  # fmt: skip
LENGTH_UNITS: Mapping[str, float] = MappingProxyType(
    {"um": 1e-6, "mm": 1e-3, "cm": 1e-2, "m": 1.0, "km": 1e3, "in": 0.0254, "ft": 0.3048}
)
FREQUENCY_UNITS: Mapping[str, float] = MappingProxyType(
    {"mHz": 1e-3, "Hz": 1.0, "kHz": 1e3, "MHz": 1e6, "GHz": 1e9}
)
SAMPLE_RATE_UNITS: Mapping[str, float] = MappingProxyType({"ks/sec": 1e3, "Ms/sec": 1e6})
ANGLE_UNITS: Mapping[str, float] = MappingProxyType(
    {
        "mdeg": math.radians(1e-3), "deg": math.radians(1.0), "amin": math.radians(1 / 60),
        "asec": math.radians(1 / 3600), "rad": 1.0,
    }
)  # fmt: skip
VELOCITY_UNITS: Mapping[str, float] = MappingProxyType(
    {
        f"{length}/{time}": metres / seconds
        for length, metres in LENGTH_UNITS.items()
        for time, seconds in TIME_UNITS.items()
    }
)

NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_GLUED = re.compile(rf"({NUMBER.pattern})([A-Za-z]\S*)?", re.ASCII)
_DATE = re.compile(
    r"(?P<year>\d{4})y(?P<day>\d{1,3})d(?:(?P<hour>\d{1,2})h(?:(?P<minute>\d{1,2})m(?:(?P<second>\d{1,2}(?:\.\d*)?)s)?)?)?",
    re.ASCII,
)
_HOURS = re.compile(r"(\d{1,2})h(\d{1,2})m(\d{1,2}(?:\.\d*)?)s", re.ASCII)
_DEGREES = re.compile(r"""([+-]?)(\d{1,2})d(\d{1,2})'(\d{1,2}(?:\.\d*)?)\"""", re.ASCII)
_LONGEST_NUMBER = 60


class Quantity(NamedTuple):
    """A number with its unit: value in SI, the unit in SI, and its name (empty where there is none)."""

    value: float
    factor: float
    unit: str


class Moment(NamedTuple):
    """A time in UTC: a whole day (MJD) and seconds of it, which stay exact where a float of days would not."""

    day: int
    second: float

    @property
    def mjd(self) -> float:
        """As one number."""
        return self.day + self.second / DAY_S

    def later(self, seconds: float) -> Moment:
        """So many seconds after this one, which may be on another day."""
        days, rest = divmod(self.second + seconds, DAY_S)
        return Moment(self.day + int(days), rest)


def number(text: str) -> float | None:
    """A finite number."""
    if len(text) > _LONGEST_NUMBER or not NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def quantity(
    words: Sequence[str], units: Mapping[str, float], without: float | None = None
) -> Quantity | None:
    """A number and its unit, with a blank between them or none.

    Parameters
    ----------
    words : sequence of str
        Of one field.
    units : mapping of str to float
        Which units it may have, in SI.
    without : float, optional
        What a number without a unit is in; None where it needs one.
    """
    found = _GLUED.fullmatch("".join(words)) if 1 <= len(words) <= 2 else None
    if found is None or (len(words) == 2 and not NUMBER.fullmatch(words[0])):
        return None
    value, unit = number(found[1]), found[2] or ""
    factor = units.get(unit) if unit else without
    if value is None or factor is None or not math.isfinite(value * factor):
        return None
    # In decimals, so that 8.412 GHz and 8412 MHz are one frequency.
    return Quantity(float(Decimal(found[1]) * Decimal(repr(factor))), factor, unit)


def vex_moment(text: str) -> Moment | None:
    """Time of a text such as ``2017y092d17h20m00s``, or of a plain number, which is an MJD; None for other text."""
    if NUMBER.fullmatch(text):
        mjd = float(text)
        return Moment(0, 0.0).later(mjd * DAY_S) if abs(mjd) < 1e7 else None
    match = _DATE.fullmatch(text)
    if match is None or match["year"] == "0000":
        return None
    days = (dt.datetime(int(match["year"]), 1, 1) - MJD_ZERO).days + int(match["day"]) - 1
    seconds = int(match["hour"] or 0) * 3600 + int(match["minute"] or 0) * 60 + float(match["second"] or 0)
    return Moment(days, 0.0).later(seconds)


def vex_mjd(text: str) -> float | None:
    """Modified Julian date of a VEX time such as ``2017y092d17h20m00s``, or of a plain number; None for other text."""
    if NUMBER.fullmatch(text):
        return float(text) if math.isfinite(float(text)) else None
    moment = vex_moment(text)
    return None if moment is None else moment.mjd


def vex_time(mjd: float) -> str:
    """VEX time of a modified Julian date, to the whole second."""
    return f"{MJD_ZERO + dt.timedelta(seconds=round(mjd * DAY_S)):%Yy%jd%Hh%Mm%Ss}"


def right_ascension(text: str) -> float | None:
    """Radians of ``12h29m06.6997295s``."""
    match = _HOURS.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
    if match is None:
        return None
    hours = int(match[1]) + int(match[2]) / 60 + float(match[3]) / 3600
    return math.radians(15 * hours)


def declination(text: str) -> float | None:
    """Radians of ``-20d10'05.5"``."""
    match = _DEGREES.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None
    if match is None:
        return None
    degrees = math.radians(int(match[2]) + int(match[3]) / 60 + float(match[4]) / 3600)
    return -degrees if match[1] == "-" else degrees
