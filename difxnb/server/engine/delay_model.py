# SPDX-License-Identifier: GPL-3.0-or-later
"""The delay of every antenna, clock included, as the correlator uses it.

Polynomials of the ``.im`` and clocks of the ``.input`` come in, a parabola per sub-integration goes out.
Delays are in µs, positive for an antenna whose data are to be taken from earlier (``mpifxcorr-algorithm.md``
1).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.polynomial.polynomial import polyval
from numpy.typing import NDArray

from difxnb.errors import FileFormatError
from difxnb.formats.im import Im, ImPolynomial
from difxnb.formats.input_model import Input, Telescope

SECONDS_PER_DAY = 86400
_US = 1_000_000

UVW = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Parabola:
    """Delay within one sub-integration: a0 + a1 x + a2 x², µs, x counted in transforms from its start."""

    a0: float
    a1: float
    a2: float

    def __call__(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """Delay at transform number x (fractions allowed)."""
        return (self.a2 * x + self.a1) * x + self.a0

    @classmethod
    def through(cls, start: float, middle: float, end: float, transforms: int) -> Parabola:
        """Pass through the delays at the start, middle and end of `transforms` transforms."""
        a2 = (2 * start - 4 * middle + 2 * end) / transforms**2
        return cls(start, (-3 * start + 4 * middle - end) / transforms, a2)


class DelayModel:
    """Delays and baselines of a job.

    Parameters
    ----------
    inp, im : Input, Im
        The job's files. Antennas are matched by name.

    Attributes
    ----------
    whole_seconds : list of int
        Per antenna: seconds of its clock that are left out of the delays here and shift the data's time
        instead.
    """

    def __init__(self, inp: Input, im: Im) -> None:
        self._input, self._im = inp, im
        names = [name.strip().upper() for name in im.telescopes]
        missing = [t.name for t in inp.telescopes if t.name.strip().upper() not in names]
        if missing:
            raise FileFormatError(im.path, "", f"no delays for antenna {', '.join(missing)}")
        self._antennas = [names.index(t.name.strip().upper()) for t in inp.telescopes]
        self.whole_seconds = [int(np.floor(t.clock_coeffs[0] / _US + 0.5)) for t in inp.telescopes]

    def parabola(self, scan: int, telescope: int, start_ns: int, length_ns: int, transforms: int) -> Parabola:
        """Delay of an antenna in a sub-integration.

        Parameters
        ----------
        scan, telescope : int
            Row of the ``.im``'s scans and of the ``.input``'s antennas.
        start_ns, length_ns : int
            Start after the start of the job, and length.
        transforms : int
            How many of them make the sub-integration.
        """
        coefficients, begin = self._polynomial(scan, telescope, start_ns)
        times = begin + np.array([0.0, 0.5, 1.0]) * length_ns * 1e-9
        start, middle, end = (float(delay) for delay in polyval(times, coefficients))
        return Parabola.through(start, middle, end, transforms)

    def uvw(self, scan: int, telescope1: int, telescope2: int, start_ns: int, centre_ns: int) -> UVW:
        """Baseline as SWIN has it: position of antenna 2 minus that of antenna 1, m, at the centre.

        The nominal centre of a last, short integration may lie behind the polynomials of the scan; then the one
        that is valid at the start of the integration is used.
        """
        polynomial, seconds = self._valid(scan, centre_ns, start_ns)
        source, ends = self._source(scan), (self._antennas[telescope1], self._antennas[telescope2])
        u, v, w = (
            float(polyval(seconds, axis[source, ends[0]] - axis[source, ends[1]]))
            for axis in (polynomial.u, polynomial.v, polynomial.w)
        )
        return u, v, w

    def _valid(self, scan: int, time_ns: int, otherwise_ns: int) -> tuple[ImPolynomial, float]:
        """The polynomial for a time, and the time in seconds since its start."""
        rows, (mjd, seconds) = self._im.scans[scan].polynomials, self._time(time_ns)
        try:
            index = self._im.polynomial_index(scan, mjd, seconds)
        except ValueError:
            index = self._im.polynomial_index(scan, *self._time(otherwise_ns))
        polynomial = rows[index]
        return polynomial, (mjd - polynomial.mjd) * SECONDS_PER_DAY + seconds - polynomial.sec

    def _polynomial(self, scan: int, telescope: int, time_ns: int) -> tuple[NDArray[np.float64], float]:
        """Coefficients with clock, and the time in seconds since the polynomial's start."""
        polynomial, seconds = self._valid(scan, time_ns, time_ns)
        coefficients = polynomial.delay_us[self._source(scan), self._antennas[telescope]].copy()
        clock = _clock_about(self._input.telescopes[telescope], polynomial.mjd, polynomial.sec)
        coefficients[: len(clock)] += clock
        coefficients[0] -= self.whole_seconds[telescope] * _US
        return coefficients, seconds

    def _time(self, time_ns: int) -> tuple[int, float]:
        return self._input.start_mjd, self._input.start_seconds + time_ns * 1e-9

    def _source(self, scan: int) -> int:
        """A scan of one centre uses the model of the phase centre, not of the pointing centre."""
        return min(1, len(self._im.scans[scan].phase_center_sources))


def _clock_about(telescope: Telescope, mjd: int, sec: int) -> NDArray[np.float64]:
    """Re-expand a clock polynomial about another time; coefficients in µs/s^k."""
    shift = (mjd - telescope.clock_ref_mjd) * SECONDS_PER_DAY + sec
    given = telescope.clock_coeffs
    return np.array(
        [
            sum(comb(j, k) * given[j] * shift ** (j - k) for j in range(k, len(given)))
            for k in range(len(given))
        ]
    )
