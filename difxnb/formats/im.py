# SPDX-License-Identifier: GPL-3.0-or-later
"""Read, write and evaluate ``.im`` files: the delay model as polynomials of time.

Text comes in and an :class:`Im` goes out, and the other way round. Mirrors ``difx-files.md`` 6.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(slots=True)
class ImPolynomial:
    """The model of one interval.

    Every array has the shape (source, antenna, order + 1), lowest power first; the powers are of seconds since `mjd`
    and `sec`. Source 0 is the pointing centre, source k the phase centre k-1.

    Attributes
    ----------
    mjd, sec : int
        Start of the interval (UTC).
    delay_us : ndarray
        Delay without clock, µs, positive for an antenna that the wave reaches before the geocentre.
    u, v, w : ndarray
        Minus the antenna's ordinary coordinates, m.
    optional : dict of str to ndarray
        The other lines under the names that the file gives them (``"DRY (us)"``, ``"AZ"``…); NaN where an antenna has
        no such line.
    """

    mjd: int
    sec: int
    delay_us: NDArray[np.float64]
    u: NDArray[np.float64]
    v: NDArray[np.float64]
    w: NDArray[np.float64]
    optional: dict[str, NDArray[np.float64]] = field(default_factory=dict)


@dataclass(slots=True)
class ImScan:
    """The model of one scan: names of its sources, and its polynomials in order of time."""

    pointing_source: str = ""
    phase_center_sources: list[str] = field(default_factory=list)
    polynomials: list[ImPolynomial] = field(default_factory=list)
    delta_line: tuple[str, str] | None = None


@dataclass(slots=True)
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

    def polynomial_index(self, scan: int, mjd: float, sec: float) -> int:
        """Place of the polynomial that is valid at a time; the last one also at its very end.

        Raises
        ------
        ValueError
            Where the scan's polynomials do not reach the time.
        """
        raise NotImplementedError

    def delay_us(self, scan: int, source: int, antenna: int, mjd: int, sec: ArrayLike) -> NDArray[np.float64]:
        """Model delay without clock, µs, at seconds `sec` of day `mjd`; shape of `sec`."""
        raise NotImplementedError

    def uvw(self, scan: int, source: int, antenna: int, mjd: int, sec: ArrayLike) -> NDArray[np.float64]:
        """u, v, w as the file has them (minus the ordinary ones), m; shape of `sec` + (3,)."""
        raise NotImplementedError


def parse_im(text: str, path: Path | None = None) -> Im:
    """Read the text of an ``.im``; FileFormatError on damage."""
    raise NotImplementedError


def format_im(im: Im) -> str:
    """Write the text of an ``.im``."""
    raise NotImplementedError


def read_im(path: str | Path) -> Im:
    """Read an ``.im`` file."""
    raise NotImplementedError


def write_im(im: Im, path: str | Path, *, overwrite: bool = False) -> None:
    """Write an ``.im`` file."""
    raise NotImplementedError
