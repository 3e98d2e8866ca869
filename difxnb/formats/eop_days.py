# SPDX-License-Identifier: GPL-3.0-or-later
"""Days of Earth orientation as they may go into a ``.vex`` or a ``.v2d``: possible values, each day once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from difxnb.formats.calc_model import Eop
from difxnb.formats.mjd import LAST_MJD

MOST_S, MOST_ARCSEC, MOST_TAI_S = 10.0, 5.0, 1000.0
"""What UT1-UTC, the pole and TAI-UTC never reach; what lies beyond is a mistake of units or columns."""


def sound_days(values: Iterable[Eop]) -> list[Eop]:
    """The days in their order.

    Raises
    ------
    TypeError
        One is no `Eop`.
    ValueError
        A day is there twice, or has a value that is none.
    """
    given = list(values)
    for one in given:
        if not isinstance(one, Eop):
            raise TypeError(
                f"Earth orientation is given as Eop values, such as EopTable.around(time) gives; got {one!r}"
            )
    days = sorted(given, key=lambda one: one.mjd)
    for earlier, later in itertools.pairwise(days):
        if earlier.mjd == later.mjd:
            raise ValueError(f"two values of Earth orientation for MJD {later.mjd}")
    for one in days:
        if not (0 <= one.mjd <= LAST_MJD and one.mjd == int(one.mjd)):
            raise ValueError(f"MJD {one.mjd} is no day of Earth orientation")
        _require("TAI-UTC", one.tai_utc_s, one.mjd, "s", 0.0, MOST_TAI_S)
        _require("UT1-UTC", one.ut1_utc_s, one.mjd, "s", -MOST_S, MOST_S)
        for pole in (one.x_pole_arcsec, one.y_pole_arcsec):
            _require("the pole", pole, one.mjd, "arcsec", -MOST_ARCSEC, MOST_ARCSEC)
    return days


def _require(what: str, value: float, mjd: int, unit: str, least: float, most: float) -> None:
    if not least <= value <= most:
        raise ValueError(
            f"MJD {mjd}: {value} is no value of {what}; {least:g} to {most:g} {unit} are possible"
        )
