# SPDX-License-Identifier: GPL-3.0-or-later
"""How the Earth stands and moves at given times: in, days of Earth orientation; out, matrices and vectors.

Rotation by IAU 2006/2000A precession and nutation and the Earth rotation angle (IERS Conventions 2010, chapter 5, as
ERFA computes them), with UT1 and the pole of the job's own table. The daily values are interpolated, which leaves out
what is quicker: tides within a day move UT1 by up to 0.05 ms and the pole by up to 0.5 mas (chapter 8), centimetres
on the ground. Offsets of the celestial pole from the theory, some 0.2 mas, are not in a job's table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import erfa
import numpy as np
from numpy.typing import NDArray

from difxnb.formats.calc_model import Eop
from difxnb.formats.mjd import DAY_S, MJD_ZERO

FloatArray = NDArray[np.float64]

SPEED_OF_LIGHT_M_S = 299_792_458.0
TT_TAI_S = 32.184
SPIN_RAD_S = 7.292_115e-5
"""Mean angular velocity of the Earth (IERS Conventions 2010, table 1.2)."""
SUN_GM_M3_S2 = 1.327_124_420_99e20
"""Heliocentric gravitational constant (IERS Conventions 2010, table 1.1)."""
MJD_0, MJD_J2000 = 2_400_000.5, 51_544.5
_M_PER_AU = erfa.DAU
_POINTS = 4
_BEYOND_D = 1.0


def lagrange(days: FloatArray, values: FloatArray, at: FloatArray, points: int = _POINTS) -> FloatArray:
    """Interpolate by polynomials through the nearest points (four: IERS Conventions 2010, 5.5.1 and `INTERP.F`).

    Parameters
    ----------
    days : ndarray, shape (n,)
        Ascending.
    values : ndarray, shape (n, …)
        What is known on those days.
    at : ndarray, shape (t,)
        Where it is wanted.
    points : int
        How many of the days are used each time; fewer where there are fewer.

    Returns
    -------
    ndarray, shape (t, …)
    """
    used = min(points, len(days))
    first = np.clip(np.searchsorted(days, at, side="right") - (used + 1) // 2, 0, len(days) - used)
    rows = first[:, None] + np.arange(used)
    nodes = days[rows]
    result = np.zeros((len(at), *values.shape[1:]))
    for one in range(used):
        others = np.delete(nodes, one, axis=1)
        weight = np.prod((at[:, None] - others) / (nodes[:, [one]] - others), axis=1)
        result += weight.reshape(-1, *([1] * (values.ndim - 1))) * values[rows[:, one]]
    return result


class EarthOrientation:
    """UT1 and the pole between the days of a table.

    Parameters
    ----------
    eops : sequence of Eop
        Days of 0h UTC. UT1 is interpolated as UT1-TAI, so that a leap second between two days does no harm.

    Raises
    ------
    ValueError
        No days at all, a day with two values, or values that are no numbers.
    """

    def __init__(self, eops: Sequence[Eop]) -> None:
        if not eops:
            raise ValueError(
                "there are no days of Earth orientation (NUM EOPS is 0); give eop=difxnb.read_eop()"
            )
        rows: list[Eop] = []
        for eop in sorted(eops, key=lambda eop: eop.mjd):
            if eop not in rows[-1:]:
                rows.append(eop)
        self._days = np.array([eop.mjd for eop in rows], dtype=np.float64)
        self._tai_utc = np.array([eop.tai_utc_s for eop in rows], dtype=np.float64)
        ut1_tai = np.array([eop.ut1_utc_s - eop.tai_utc_s for eop in rows])
        x_pole = np.array([eop.x_pole_arcsec for eop in rows])
        y_pole = np.array([eop.y_pole_arcsec for eop in rows])
        self._values = np.stack([ut1_tai, x_pole, y_pole], axis=1)
        if not np.isfinite(self._values).all():
            raise ValueError("some values of the Earth orientation are no numbers")
        if (np.diff(self._days) <= 0).any():
            raise ValueError("the table of the Earth orientation has a day twice, with different values")

    def at(self, mjd: int, seconds: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """TAI-UTC and UT1-UTC (s), x and y of the pole (rad) at seconds after 0h UTC of a day.

        Raises
        ------
        ValueError
            More than a day outside the table.
        """
        days = mjd + seconds / DAY_S
        if days.min() < self._days[0] - _BEYOND_D or days.max() > self._days[-1] + _BEYOND_D:
            raise ValueError(
                f"Earth orientation is known from MJD {self._days[0]:.0f} to {self._days[-1]:.0f}; "
                f"it was asked for {days.min():.3f} to {days.max():.3f}"
            )
        row = np.clip(np.searchsorted(self._days, np.floor(days), side="right") - 1, 0, None)
        tai_utc = self._tai_utc[row]
        ut1_tai, x_pole, y_pole = lagrange(self._days, self._values, days).T
        return tai_utc, ut1_tai + tai_utc, x_pole * erfa.DAS2R, y_pole * erfa.DAS2R


@dataclass(frozen=True, slots=True)
class EarthStates:
    """The Earth at some times t, with Sun and Moon.

    Attributes
    ----------
    mjd : int
        Day.
    seconds : ndarray, shape (t,)
        Seconds of UTC after its beginning.
    rotation : ndarray, shape (t, 3, 3)
        Matrices from celestial (GCRS) to terrestrial (ITRS) coordinates.
    pole : ndarray, shape (t, 2)
        x and y of the pole, rad.
    velocity : ndarray, shape (t, 3)
        Of the Earth's centre in the barycentric system, m/s.
    sun, moon : ndarray, shape (t, 3)
        Celestial positions from the Earth's centre, m.
    """

    mjd: int
    seconds: FloatArray
    rotation: FloatArray
    pole: FloatArray
    velocity: FloatArray
    sun: FloatArray
    moon: FloatArray

    def to_celestial(self, terrestrial: FloatArray) -> FloatArray:
        """Turn terrestrial vectors, shape (t, 3) or (3,), into celestial ones, shape (t, 3)."""
        vectors = np.broadcast_to(terrestrial, (len(self.seconds), 3))
        return np.asarray(np.einsum("tji,tj->ti", self.rotation, vectors))

    def to_terrestrial(self, celestial: FloatArray) -> FloatArray:
        """Turn celestial vectors into terrestrial ones; shapes as of :meth:`to_celestial`."""
        vectors = np.broadcast_to(celestial, (len(self.seconds), 3))
        return np.asarray(np.einsum("tij,tj->ti", self.rotation, vectors))

    def carried(self, terrestrial: FloatArray) -> FloatArray:
        """Celestial velocity (m/s) of points that turn with the Earth; shapes as of :meth:`to_celestial`."""
        x_pole, y_pole = self.pole.T
        spin = SPIN_RAD_S * np.stack([x_pole, -y_pole, np.ones_like(x_pole)], axis=1)
        return self.to_celestial(np.cross(spin, terrestrial))


def earth_states(orientation: EarthOrientation, mjd: int, seconds: FloatArray) -> EarthStates:
    """Compute the Earth's states at seconds of UTC after 0h of a day.

    The Earth's motion is ERFA's `epv00` (VSOP2000, good to some mm/s), the Moon its `moon98` (good to some km).
    """
    tai_utc, ut1_utc, x_pole, y_pole = orientation.at(mjd, seconds)
    terrestrial = (seconds + tai_utc + TT_TAI_S) / DAY_S
    universal = (seconds + ut1_utc) / DAY_S
    day = MJD_0 + mjd
    rotation = erfa.c2t06a(day, terrestrial, day, universal, x_pole, y_pole)
    heliocentric, barycentric = erfa.epv00(day, terrestrial)
    return EarthStates(
        mjd=mjd,
        seconds=seconds,
        rotation=np.asarray(rotation),
        pole=np.stack([x_pole, y_pole], axis=1),
        velocity=np.asarray(barycentric["v"]) * (_M_PER_AU / DAY_S),
        sun=-np.asarray(heliocentric["p"]) * _M_PER_AU,
        moon=np.asarray(erfa.moon98(day, terrestrial)["p"]) * _M_PER_AU,
    )


def day_of_year(mjd: float) -> float:
    """Day of the year, 1.0 at 0h of January 1st."""
    year = erfa.jd2cal(MJD_0, mjd)[0]
    january = erfa.cal2jd(year, 1, 1)[1]
    return float(mjd - january + 1)


def unix_day(mjd: int) -> np.datetime64:
    """0h UTC of a day."""
    return np.datetime64(MJD_ZERO.isoformat(), "ns") + np.timedelta64(mjd, "D")
