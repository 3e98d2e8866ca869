# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of a ``.calc`` file: antennas, sources and scans of a job.

One dataclass per table of the file, in the file's own units. Mirrors ``difx-files.md`` 5.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb.formats.companion import companion
from difxnb.markup import listed, plain, titled

if TYPE_CHECKING:
    import pandas as pd


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
    spacecraft : list of (str, str)
        Keys and values of the spacecraft table after its first line, kept as text.
    source_text : str
        Text that it was read from; what is unknown in it is kept when it is written again. Without it the file is
        written in the usual form.
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
    spacecraft: list[tuple[str, str]] = field(default_factory=list)
    im_filename: str = ""
    flag_filename: str = ""
    source_text: str = field(default="", repr=False, compare=False)

    @property
    def job_name(self) -> str:
        """Name of the job: of the file, or where it has none yet of its model, without extension."""
        return Path(self.path or self.im_filename).stem

    def frame(self, table: str = "scans") -> pd.DataFrame:
        """One of the file's tables as a DataFrame, one row per row of it.

        Parameters
        ----------
        table : str
            - ``"scans"``: ``scan``, ``start`` and ``stop`` (UTC), ``duration`` (s), ``source`` (at which the antennas
              point) and ``phase_centers`` (that are correlated) by name, ``mode``, ``uvshift_interval`` and
              ``ac_avg_interval`` (s);
            - ``"telescopes"``: ``antenna``, ``mount``, ``axis_offset``, ``x``, ``y``, ``z`` (m, geocentric, x towards
              Greenwich), ``shelf``;
            - ``"sources"``: ``source``, ``ra`` and ``dec`` (rad, J2000), ``calcode``, ``qual``;
            - ``"eops"``: ``time`` (UTC), ``tai_utc`` and ``ut1_utc`` (s), ``x_pole`` and ``y_pole`` (rad);
            - ``"job"``: the head of the file, in one row;
            - ``"spacecraft"``: ``key`` and ``value`` as text.

        Raises
        ------
        ValueError
            There is no such table.
        """
        from difxnb.formats.calc_frames import calc_frame

        return calc_frame(self, table)

    def __repr__(self) -> str:
        from difxnb.formats.calc_summary import facts, title

        return plain(title(self), facts(self))

    def _repr_html_(self) -> str:
        from difxnb.formats.calc_summary import facts, title

        tables = (titled(name, self.frame(name)) for name in ("scans", "telescopes", "sources"))
        return listed(title(self), facts(self)) + "".join(tables)

    def companion(self, extension: str) -> Path:
        """Path of the ``"im"``, ``"flag"`` or ``"vex"`` file: as named if it is there, else beside this."""
        named = {"im": self.im_filename, "flag": self.flag_filename, "vex": self.vex_file}
        return companion(named[extension.lstrip(".")], self.path)
