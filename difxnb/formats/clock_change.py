# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks of stations, and changes of them: what fringes say is still late, to be taken out of a file.

Seconds throughout, late is positive, as in the ``.input`` (``difx-files.md`` 16.6): a station whose fringes show it
late by x gets the clock c - x.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from difxnb.formats.mjd import DAY_S, LAST_MJD, UNIX_EPOCH_MJD

_LARGEST_DELAY_S = 10.0
_LARGEST_RATE = 1e-3
# A femtosecond, and what grows to a hundredth of that in a day: no band sees less, and more digits would be noise.
_DELAY_DECIMALS = 15
_RATE_DECIMALS = 22


@dataclass(frozen=True, slots=True)
class ClockChange:
    """How late a station still is, to be subtracted from its clock.

    Attributes
    ----------
    antenna : str
        Name of the station; upper and lower case are one, as in all files of a job.
    delay_s : float
        Residual lateness at `epoch`, s; positive where the station's signal is late.
    delay_rate : float
        Its rate, s/s.
    epoch : np.datetime64
        Time at which `delay_s` holds. Text as ISO 8601 and a datetime do as well; UTC where they name no time zone.

    Raises
    ------
    TypeError
        A value that is no number.
    ValueError
        A value that no clock has: more than 10 s, 1e-3 s/s, a time outside of 1858…2242.
    """

    antenna: str
    delay_s: float
    delay_rate: float
    epoch: np.datetime64

    def __post_init__(self) -> None:
        if not self.antenna:
            raise ValueError("a change of a clock without the name of a station")
        object.__setattr__(self, "epoch", _utc(self.antenna, self.epoch))
        for what, value, limit in (
            ("delay", self.delay_s, _LARGEST_DELAY_S),
            ("delay rate", self.delay_rate, _LARGEST_RATE),
        ):
            if not isinstance(value, int | float | np.number):
                raise TypeError(f"clock of {self.antenna}: a {what} is a number of s or s/s; got {value!r}")
            if not math.isfinite(value) or abs(value) > limit:
                raise ValueError(
                    f"clock of {self.antenna}: a {what} of {value} is none that a clock can have"
                )
        if np.isnat(self.epoch) or not 0 <= self.epoch_mjd <= LAST_MJD:
            raise ValueError(
                f"clock of {self.antenna}: {self.epoch} is no time at which a clock can be known"
            )

    @property
    def key(self) -> str:
        """Name of the station in upper case."""
        return self.antenna.upper()

    @property
    def epoch_mjd(self) -> float:
        """The epoch as a modified Julian date (UTC); good to a microsecond."""
        seconds = (self.epoch - np.datetime64("1970-01-01")) / np.timedelta64(1, "s")
        return float(seconds) / DAY_S + UNIX_EPOCH_MJD

    @property
    def reason(self) -> str:
        """What is said beside an old value in a file."""
        return f"before the fringes of {np.datetime_as_string(self.epoch, unit='s')}"


@dataclass(frozen=True, slots=True)
class Clock:
    """Clock of a station: a polynomial about a time.

    Attributes
    ----------
    epoch_mjd : float
        Modified Julian date (UTC) from which the seconds of the polynomial count.
    coefficients : tuple of float
        s, s/s, s/s²…; offset and rate at least. Positive where the station is late.
    """

    epoch_mjd: float
    coefficients: tuple[float, ...]

    def at(self, mjd: float) -> float:
        """Clock at a time, s."""
        seconds = (mjd - self.epoch_mjd) * DAY_S
        return float(sum(value * seconds**power for power, value in enumerate(self.coefficients)))

    def about(self, mjd: float) -> Clock:
        """The same clock with its coefficients about another time (Taylor shift of a polynomial)."""
        seconds = (mjd - self.epoch_mjd) * DAY_S
        count = len(self.coefficients)
        shifted = (
            math.fsum(math.comb(j, k) * self.coefficients[j] * seconds ** (j - k) for j in range(k, count))
            for k in range(count)
        )
        return Clock(mjd, tuple(shifted))

    def less(self, change: ClockChange) -> Clock:
        """The clock with a residual lateness taken out; terms of second order and above stay.

        The residual is a straight line through its own epoch: c(t) - x - x'·(t - epoch), written about the epoch of
        this clock. Rounded to what can matter, the rate first, so that the delay holds at the epoch of the change.
        """
        offset, rate, *rest = self.coefficients
        new_rate = round(rate - change.delay_rate, _RATE_DECIMALS) if change.delay_rate else rate
        seconds = (self.epoch_mjd - change.epoch_mjd) * DAY_S
        new_offset = round(offset - change.delay_s - (rate - new_rate) * seconds, _DELAY_DECIMALS)
        return Clock(self.epoch_mjd, (new_offset, new_rate, *rest))


def decimal_delay(delay_s: float, unit_s: float = 1e-6) -> str:
    """Text of a delay in a unit (default µs), without digits that nothing can see."""
    return _decimal(delay_s / unit_s, _DELAY_DECIMALS, unit_s)


def decimal_rate(delay_rate: float, unit: float = 1e-6) -> str:
    """Text of a rate in a unit (default µs/s)."""
    return _decimal(delay_rate / unit, _RATE_DECIMALS, unit)


def _decimal(value: float, decimals: int, unit: float) -> str:
    return repr(round(value, decimals + round(math.log10(unit))) + 0.0)


def _utc(antenna: str, time: np.datetime64 | dt.datetime | str) -> np.datetime64:
    """A time without its time zone, as UTC."""
    try:
        stamp = dt.datetime.fromisoformat(time) if isinstance(time, str) else time
        if isinstance(stamp, dt.datetime) and stamp.tzinfo:
            stamp = stamp.astimezone(dt.UTC).replace(tzinfo=None)
        return np.datetime64(stamp)
    except (ValueError, TypeError) as error:
        raise ValueError(f"clock of {antenna}: {time!r} is no time") from error


def distinct(changes: Iterable[ClockChange]) -> list[ClockChange]:
    """The changes that change something.

    Raises
    ------
    ValueError
        Two changes for one station.
    """
    changes = list(changes)
    keys = [change.key for change in changes]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise ValueError(f"two changes for the clock of {', '.join(twice)}; give one for each station")
    return [change for change in changes if change.delay_s or change.delay_rate]
