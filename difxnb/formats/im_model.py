# SPDX-License-Identifier: GPL-3.0-or-later
"""The delay model of a job: polynomials of time, and what they give.

The fields keep what an ``.im`` file says, in its units; what is asked by name of antenna, time and source comes out
in SI. Mirrors ``difx-files.md`` 6.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from difxnb.formats.im_evaluation import Coefficients, evaluate, horner, unix_ns
from difxnb.formats.im_tables import model_frame, model_text, scan_frame
from difxnb.formats.mjd import DAY_S
from difxnb.markup import titled

if TYPE_CHECKING:
    import pandas as pd

REQUIRED = ("DELAY (us)", "U (m)", "V (m)", "W (m)")
"""The lines that every antenna has."""

# Times are sums of days and seconds in floating point; this much may be lost at the edge of an interval.
_EDGE_S = 1e-6


@dataclass(slots=True)
class ImPolynomial:
    """The model of one interval.

    Every array has the shape (source, antenna, order + 1), lowest power first; the powers are of seconds
    since `mjd` and `sec`. Source 0 is the pointing centre, source k the phase centre k-1.

    Attributes
    ----------
    mjd, sec : int
        Start of the interval (UTC).
    delay_us : ndarray
        Delay without clock, µs, positive for an antenna that the wave reaches before the geocentre.
    u, v, w : ndarray
        Minus the antenna's ordinary coordinates, m.
    optional : dict of str to ndarray
        The other lines under the names that the file gives them (``"DRY (us)"``, ``"AZ"``…); NaN where an
        antenna has no such line.
    """

    mjd: int
    sec: int
    delay_us: NDArray[np.float64]
    u: NDArray[np.float64]
    v: NDArray[np.float64]
    w: NDArray[np.float64]
    optional: dict[str, NDArray[np.float64]] = field(default_factory=dict)

    def line(self, name: str) -> NDArray[np.float64] | None:
        """Coefficients of all sources and antennas under the file's name of a line; None where it has none."""
        named = dict(zip(REQUIRED, (self.delay_us, self.u, self.v, self.w), strict=True))
        return named.get(name, self.optional.get(name))


@dataclass(slots=True)
class ImScan:
    """The model of one scan: names of its sources, and its polynomials in order of time.

    `delta_line` is the optional ``DELTA LM (rad)`` or ``DELTA XYZ (m)`` line: its name and value as text.
    """

    pointing_source: str = ""
    phase_center_sources: list[str] = field(default_factory=list)
    polynomials: list[ImPolynomial] = field(default_factory=list)
    delta_line: tuple[str, str] | None = None


@dataclass(slots=True, repr=False)
class Im:
    """A whole ``.im`` file.

    Attributes
    ----------
    start_time : tuple of int
        Year, month, day, hour, minute, second (UTC) of the job start.
    order, interval_s : int
        Degree of the polynomials, and the time that each one stands for, s.
    telescopes : list of str
        Names, in the order of the antenna axis of the polynomials.
    source_text : str
        Text that it was read from; what is unknown in it is kept when it is written again. Without it the file is
        written in the usual form.
    """

    path: Path | None = None
    calc_server: str = ""
    calc_program: str = ""
    calc_version: str = ""
    start_time: tuple[int, int, int, int, int, int] = (2000, 1, 1, 0, 0, 0)
    order: int = 5
    interval_s: int = 120
    aberration: str = "EXACT"
    telescopes: list[str] = field(default_factory=list)
    scans: list[ImScan] = field(default_factory=list)
    source_text: str = field(default="", repr=False, compare=False)

    def polynomial_index(self, scan: int, mjd: float, sec: float) -> int:
        """Place of the polynomial that is valid at a time; the last one also at its very end.

        Raises
        ------
        ValueError
            Where the scan's polynomials do not reach the time.
        """
        return int(self._indices(scan, mjd, np.asarray(sec, dtype=np.float64)))

    def delay(self, antenna: str | int, time: Any, source: str | None = None) -> NDArray[np.float64]:
        """Model delay without clock, s.

        Parameters
        ----------
        antenna : str or int
            Name, in any case of letters, or place in `telescopes`.
        time : datetime64, Timestamp, str, or an array of them
            UTC where it carries no zone.
        source : str, optional
            Name of a phase centre or pointing centre. Without it, the scan's phase centre, or its pointing centre
            where it has several.

        Returns
        -------
        ndarray
            Shape of `time`, a number for a single one. Positive where the wave reaches the antenna before the
            geocentre, as in the file.

        Raises
        ------
        ValueError
            No such antenna or source; the model does not reach a time; or models of several sources do, and
            `source` does not say which.
        """
        return self._seconds(antenna, time, source, 0)

    def delay_rate(self, antenna: str | int, time: Any, source: str | None = None) -> NDArray[np.float64]:
        """Rate of :meth:`delay`, s/s: the derivative of the polynomial."""
        return self._seconds(antenna, time, source, 1)

    def delay_acceleration(
        self, antenna: str | int, time: Any, source: str | None = None
    ) -> NDArray[np.float64]:
        """Second derivative of :meth:`delay`, s/s²."""
        return self._seconds(antenna, time, source, 2)

    def uvw(self, antenna: str | int, time: Any, source: str | None = None) -> NDArray[np.float64]:
        """u, v, w of an antenna, m, shape of `time` + (3,); parameters as those of :meth:`delay`.

        The sign is that of the file: minus the antenna's ordinary coordinates, w ≈ -c · delay. The vector of a
        baseline in the sign of SWIN headers is ``im.uvw(antenna 1, …) - im.uvw(antenna 2, …)``.
        """
        return self._vectors(antenna, time, source, 0)

    def uvw_rate(self, antenna: str | int, time: Any, source: str | None = None) -> NDArray[np.float64]:
        """Rate of :meth:`uvw`, m/s, shape of `time` + (3,)."""
        return self._vectors(antenna, time, source, 1)

    def quantity(
        self, name: str, antenna: str | int, time: Any, source: str | None = None
    ) -> NDArray[np.float64]:
        """Any line of the file at a time, in the unit that the file has it in.

        Parameters
        ----------
        name : str
            One of `quantities`, with or without its unit: ``"AZ"``, ``"EL GEOM"`` (degrees), ``"DRY (us)"``.
        antenna, time, source
            As of :meth:`delay`.

        Returns
        -------
        ndarray
            Shape of `time`; NaN where the file has no such line for the antenna.

        Raises
        ------
        ValueError
            No such line, or as of :meth:`delay`.
        """
        return self._at(antenna, time, source, _line(self._full_name(name)))

    @property
    def quantities(self) -> list[str]:
        """Names of the lines that the polynomials have, as the file writes them."""
        optional = [name for p in self._polynomials() for name in p.optional]
        return [*REQUIRED, *dict.fromkeys(optional)]

    def frame(self) -> pd.DataFrame:
        """The model as a table, one row per scan, polynomial, source and antenna; see :func:`model_frame`."""
        return model_frame(self)

    @property
    def name(self) -> str:
        """What messages call this model."""
        return self.path.name if self.path is not None else "the delay model"

    def antenna_index(self, antenna: str | int) -> int:
        """Place of an antenna in `telescopes`; ValueError where there is none of that name or number."""
        if isinstance(antenna, str):
            names = [name.strip().upper() for name in self.telescopes]
            if antenna.strip().upper() in names:
                return names.index(antenna.strip().upper())
        elif 0 <= antenna < len(self.telescopes):
            return int(antenna)
        raise ValueError(f"{self.name} has no antenna {antenna!r}; it has {' '.join(self.telescopes)}")

    def scan_delay_us(
        self, scan: int, source: int, antenna: int, mjd: int, sec: ArrayLike
    ) -> NDArray[np.float64]:
        """Model delay without clock, µs, of rows of the file at seconds `sec` of day `mjd`, in the shape of `sec`.

        Raises
        ------
        ValueError
            Where the scan's polynomials do not reach the time.
        """
        return self._evaluate(scan, mjd, sec, lambda polynomial: polynomial.delay_us[source, antenna])

    def scan_uvw(self, scan: int, source: int, antenna: int, mjd: int, sec: ArrayLike) -> NDArray[np.float64]:
        """u, v, w of rows of the file, m; shape of `sec` + (3,); signs and errors as of :meth:`uvw`."""
        return np.stack(
            [
                self._evaluate(scan, mjd, sec, lambda polynomial: polynomial.u[source, antenna]),
                self._evaluate(scan, mjd, sec, lambda polynomial: polynomial.v[source, antenna]),
                self._evaluate(scan, mjd, sec, lambda polynomial: polynomial.w[source, antenna]),
            ],
            axis=-1,
        )

    def _seconds(
        self, antenna: str | int, time: Any, source: str | None, derivative: int
    ) -> NDArray[np.float64]:
        return self._at(antenna, time, source, _line("DELAY (us)"), derivative) * 1e-6

    def _vectors(
        self, antenna: str | int, time: Any, source: str | None, derivative: int
    ) -> NDArray[np.float64]:
        lines = [_line(f"{axis} (m)") for axis in "UVW"]
        return np.stack([self._at(antenna, time, source, line, derivative) for line in lines], axis=-1)

    def _at(
        self,
        antenna: str | int,
        time: Any,
        source: str | None,
        coefficients: Coefficients,
        derivative: int = 0,
    ) -> NDArray[np.float64]:
        times = unix_ns(time)
        place = self.antenna_index(antenna)
        flat = evaluate(self, times.ravel(), source, place, coefficients, derivative)
        values: NDArray[np.float64] = flat.reshape(times.shape)[()]
        return values

    def _full_name(self, name: str) -> str:
        wanted = " ".join(name.upper().split())
        for known in self.quantities:
            if wanted in (known.upper(), known.upper().partition(" (")[0]):
                return known
        raise ValueError(f"{self.name} has no line {name!r}; it has {', '.join(self.quantities)}")

    def _polynomials(self) -> Iterator[ImPolynomial]:
        return (polynomial for scan in self.scans for polynomial in scan.polynomials)

    def __repr__(self) -> str:
        return model_text(self)

    def _repr_html_(self) -> str:
        return titled(model_text(self), scan_frame(self))

    def _indices(self, scan: int, mjd: float, sec: NDArray[np.float64]) -> NDArray[np.int64]:
        polynomials = self.scans[scan].polynomials
        if not polynomials:
            raise ValueError(f"scan {scan} of the delay model has no polynomials")
        first = polynomials[0]
        elapsed = (mjd - first.mjd) * DAY_S + (sec - first.sec)
        length = len(polynomials) * self.interval_s
        if not np.all((elapsed >= -_EDGE_S) & (elapsed <= length + _EDGE_S)):
            raise ValueError(
                f"the delay model of scan {scan} reaches from MJD {first.mjd}, second {first.sec}, "
                f"over {length} s; it was asked {elapsed.min():.6f} to {elapsed.max():.6f} s after its start"
            )
        return np.clip(np.floor(elapsed / self.interval_s).astype(np.int64), 0, len(polynomials) - 1)

    def _evaluate(
        self, scan: int, mjd: int, sec: ArrayLike, coefficients: Callable[[ImPolynomial], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        seconds = np.asarray(sec, dtype=np.float64)
        if not seconds.size:
            return seconds.copy()
        indices = self._indices(scan, mjd, seconds).ravel()
        polynomials = self.scans[scan].polynomials
        used, position = np.unique(indices, return_inverse=True)
        table = np.stack([coefficients(polynomials[index]) for index in used])[position.reshape(-1)]
        starts = np.array([(p.mjd - mjd) * DAY_S + p.sec for p in polynomials], dtype=np.float64)
        return horner(table, seconds.ravel() - starts[indices]).reshape(seconds.shape)


def _line(name: str) -> Coefficients:
    """Coefficients of a line of the file; NaN where a polynomial does not have it."""

    def coefficients(polynomial: ImPolynomial, source: int, antenna: int) -> NDArray[np.float64]:
        if (array := polynomial.line(name)) is None:
            return np.full(polynomial.delay_us.shape[-1], np.nan)
        return np.asarray(array[source, antenna])

    return coefficients
