# SPDX-License-Identifier: GPL-3.0-or-later
"""A change of a station's clock: what fringes say is still late, to be taken out of a file.

Mirrors ``difx-files.md`` 16.6: a station whose fringes show it late by x gets the clock c - x, c late positive too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from difxnb.formats.mjd import DAY_S, LAST_MJD, UNIX_EPOCH_MJD

_LARGEST_DELAY_S = 10.0
_LARGEST_RATE = 1e-3


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
        Time (UTC) at which `delay_s` holds.

    Raises
    ------
    ValueError
        A value that is no number, or that no clock has: more than 10 s, 1e-3 s/s, a time outside of 1858…2242.
    """

    antenna: str
    delay_s: float
    delay_rate: float
    epoch: np.datetime64

    def __post_init__(self) -> None:
        if not self.antenna:
            raise ValueError("a change of a clock without the name of a station")
        for what, value, limit in (
            ("delay", self.delay_s, _LARGEST_DELAY_S),
            ("delay rate", self.delay_rate, _LARGEST_RATE),
        ):
            if not math.isfinite(value) or abs(value) > limit:
                raise ValueError(
                    f"clock of {self.antenna}: a {what} of {value} is none that a clock can have"
                )
        if np.isnat(self.epoch) or not 0 <= self.epoch_mjd <= LAST_MJD:
            raise ValueError(
                f"clock of {self.antenna}: {self.epoch} is no time at which a clock can be known"
            )

    @property
    def epoch_mjd(self) -> float:
        """The epoch as a modified Julian date (UTC); good to a microsecond."""
        return float((self.epoch - np.datetime64(0, "ns")) / np.timedelta64(1, "s")) / DAY_S + UNIX_EPOCH_MJD

    def delay_at(self, mjd: float) -> float:
        """Residual lateness at another time (modified Julian date, UTC), s: a straight line through the epoch."""
        return self.delay_s + self.delay_rate * (mjd - self.epoch_mjd) * DAY_S
