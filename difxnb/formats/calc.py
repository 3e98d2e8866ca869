# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.calc`` files: antennas, sources and scans of a job.

Text comes in and a :class:`Calc` goes out, and the other way round. Mirrors ``difx-files.md`` 5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from difxnb.formats.companion import companion


@dataclass(slots=True)
class CalcTelescope:
    """An antenna: geocentric position in m, right-handed, X towards Greenwich; axis offset in m."""

    name: str = ""
    mount: str = "AZEL"
    offset_m: float = 0.0
    x: float = 0.0
    y: float = 0.0
    z: float = 0.0
    shelf: str = "NONE"


@dataclass(slots=True)
class Source:
    """A source: right ascension and declination in rad, J2000."""

    name: str = ""
    ra: float = 0.0
    dec: float = 0.0
    calcode: str = ""
    qual: int = 0


@dataclass(slots=True)
class CalcScan:
    """A scan.

    Attributes
    ----------
    start_s, duration_s : int
        Seconds after the start of the job, and length in s.
    pointing_source : int
        Row of the source list at which the antennas point.
    phase_centers : list of int
        Rows of the source list that are correlated.
    """

    identifier: str = ""
    start_s: int = 0
    duration_s: int = 0
    mode: str = "NONE"
    uvshift_ns: int = 2_000_000_000
    ac_avg_ns: int = 2_000_000
    pointing_source: int = 0
    phase_centers: list[int] = field(default_factory=lambda: [0])


@dataclass(slots=True)
class Eop:
    """Earth orientation of one day: UTC offsets in s, pole in arcsec."""

    mjd: int = 0
    tai_utc_s: float = 0.0
    ut1_utc_s: float = 0.0
    x_pole_arcsec: float = 0.0
    y_pole_arcsec: float = 0.0


@dataclass(slots=True)
class Calc:
    """A whole ``.calc`` file.

    Attributes
    ----------
    job_start_mjd, job_stop_mjd : float
        MJD (UTC) between which the job lies.
    start_mjd : float
        Start of the job, MJD, rounded to 1e-7 d; `start_time` is the same to the second.
    start_time : tuple of int
        Year, month, day, hour, minute, second (UTC).
    spacecraft : list of str
        The lines of the spacecraft table after its first, kept as text.
    """

    path: Path | None = None
    job_id: int = 1
    job_start_mjd: float = 0.0
    job_stop_mjd: float = 0.0
    delay_model: str = ""
    duty_cycle: float = 1.0
    obscode: str = ""
    difx_version: str = ""
    difx_label: str = ""
    subjob_id: int = 0
    subarray_id: int = 0
    vex_file: str = ""
    start_mjd: float = 0.0
    start_time: tuple[int, int, int, int, int, int] = (2000, 1, 1, 0, 0, 0)
    spectral_avg: int = 1
    taper_function: str = "UNIFORM"
    telescopes: list[CalcTelescope] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    scans: list[CalcScan] = field(default_factory=list)
    eops: list[Eop] = field(default_factory=list)
    num_spacecraft: int = 0
    spacecraft: list[str] = field(default_factory=list)
    im_filename: str = ""
    flag_filename: str = ""

    def companion(self, extension: str) -> Path:
        """Path of the ``"im"``, ``"flag"`` or ``"vex"`` file: as named if it exists, else beside the ``.calc``."""
        named = {"im": self.im_filename, "flag": self.flag_filename, "vex": self.vex_file}
        return companion(named[extension.lstrip(".")], self.path)


def parse_calc(text: str, path: Path | None = None) -> Calc:
    """Read the text of a ``.calc``; FileFormatError on damage."""
    raise NotImplementedError


def format_calc(calc: Calc) -> str:
    """Write the text of a ``.calc``."""
    raise NotImplementedError


def read_calc(path: str | Path) -> Calc:
    """Read a ``.calc`` file."""
    raise NotImplementedError


def write_calc(calc: Calc, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a ``.calc`` file."""
    raise NotImplementedError
