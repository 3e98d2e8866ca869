# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of an ``.input`` file: what is to be correlated, and how.

One dataclass per table of the file, fields in the file's own units, which are in the names where they could
be doubted. Indices are rows of the tables, counted from 0. Mirrors ``difx-files.md`` 3 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.companion import companion, output_folder
from difxnb.formats.input_datastream import Band, Datastream, RecordedBand, RecordedFreq, ZoomBand, ZoomFreq
from difxnb.markup import listed, plain, titled

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "SKIP",
    "Band",
    "Baseline",
    "BaselineFreq",
    "Configuration",
    "Datastream",
    "Freq",
    "Input",
    "RecordedBand",
    "RecordedFreq",
    "Rule",
    "Telescope",
    "ZoomBand",
    "ZoomFreq",
]

SKIP = "SKIP"


@dataclass(slots=True)
class Configuration:
    """One way to correlate: a row of the CONFIGURATIONS table.

    Attributes
    ----------
    int_time : float
        Integration time, s.
    subint_ns, guard_ns : int
        Length of a sub-integration and of the guard around it, ns; a guard of 0 leaves it to the correlator.
    fringe_rotation_order : int
        0, 1 or 2: degree of the delay within one transform.
    pulsar_config_file : str
        The ``.binconfig``; only with `pulsar_binning`.
    phased_array_config_file : str
        Only with `phased_array`, which no version of mpifxcorr can do.
    datastream_indices, baseline_indices : list of int
        Rows of the datastream and of the baseline table that take part.
    """

    name: str = "default"
    int_time: float = 1.0
    subint_ns: int = 0
    guard_ns: int = 0
    fringe_rotation_order: int = 1
    array_stride: int = 0
    xmac_stride: int = 0
    num_buffered_ffts: int = 10
    write_autocorrs: bool = True
    pulsar_binning: bool = False
    pulsar_config_file: str = ""
    phased_array: bool = False
    phased_array_config_file: str = ""
    datastream_indices: list[int] = field(default_factory=list)
    baseline_indices: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Rule:
    """Which scans are correlated with which configuration; an empty condition matches every scan.

    Attributes
    ----------
    config_name : str
        Name of a configuration, or ``SKIP``: matching scans are not correlated.
    mjd_start, mjd_stop : float or None
        The scan must lie between them.
    """

    config_name: str = "default"
    sources: list[str] = field(default_factory=list)
    scan_ids: list[str] = field(default_factory=list)
    calcodes: list[str] = field(default_factory=list)
    quals: list[str] = field(default_factory=list)
    mjd_start: float | None = None
    mjd_stop: float | None = None


@dataclass(slots=True)
class Freq:
    """A recorded, zoom or output band: a row of the FREQ table.

    Attributes
    ----------
    freq_mhz : float
        Sky frequency of the band edge, MHz: the lower edge of a ``U`` band, the upper edge of an ``L`` band.
    bandwidth_mhz : float
        Positive, MHz.
    num_channels, chans_to_avg : int
        Channels of the transform, and how many of them are averaged into one that is written.
    phase_cals : list of int
        Tones to put into FITS.
    """

    freq_mhz: float = 0.0
    bandwidth_mhz: float = 1.0
    sideband: str = "U"
    num_channels: int = 1
    chans_to_avg: int = 1
    rx_name: str = ""
    oversample: int = 1
    decimation: int = 1
    phase_cals: list[int] = field(default_factory=list)

    @property
    def channels(self) -> int:
        """Channels of a written spectrum."""
        return self.num_channels // self.chans_to_avg

    @property
    def low_edge_hz(self) -> float:
        """Lower edge of the band, Hz."""
        edge_mhz = self.freq_mhz - self.bandwidth_mhz if self.sideband == "L" else self.freq_mhz
        return float(edge_mhz * 1e6)

    @property
    def bandwidth_hz(self) -> float:
        """Width of the band, Hz."""
        return float(self.bandwidth_mhz * 1e6)

    @property
    def channel_width_hz(self) -> float:
        """Spacing of the written channels, Hz."""
        return self.bandwidth_hz / self.num_channels * self.chans_to_avg

    @property
    def channel_frequencies_hz(self) -> NDArray[np.float64]:
        """Centres of the written channels, Hz, shape (channels,), ascending for both sidebands.

        Fine channel j of the transform stands at the low edge + j times the fine spacing; a written channel
        is the mean of `chans_to_avg` of them (``difx-files.md`` 4).
        """
        fine_hz = self.bandwidth_hz / self.num_channels
        middle = np.arange(self.channels) * self.chans_to_avg + (self.chans_to_avg - 1) / 2
        return np.asarray(self.low_edge_hz + middle * fine_hz, dtype=np.float64)

    def same_band(self, other: Freq) -> bool:
        """Whether both cover the same sky frequencies, whatever their sideband and row."""
        return self.low_edge_hz == other.low_edge_hz and self.bandwidth_hz == other.bandwidth_hz


@dataclass(slots=True)
class Telescope:
    """An antenna and its clock: a row of the TELESCOPE table.

    Attributes
    ----------
    clock_ref_mjd : float
        MJD (UTC) from which the clock polynomial counts its seconds.
    clock_coeffs : list of float
        µs, µs/s, µs/s²…; positive where the antenna's data are late.
    """

    name: str = ""
    clock_ref_mjd: float = 0.0
    clock_coeffs: list[float] = field(default_factory=lambda: [0.0])


@dataclass(slots=True)
class BaselineFreq:
    """What a baseline correlates at one frequency.

    Attributes
    ----------
    target_freq : int
        Row of the FREQ table under which the products are written.
    products : list of (int, int)
        Band of datastream A and band of datastream B of each polarisation product.
    """

    target_freq: int = 0
    products: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Baseline:
    """A pair of datastreams: a row of the BASELINE table."""

    datastream_a: int = 0
    datastream_b: int = 0
    freqs: list[BaselineFreq] = field(default_factory=list)


@dataclass(slots=True)
class Input:
    """A whole ``.input`` file.

    Attributes
    ----------
    path : Path or None
        The file it was read from.
    execute_time : float
        Length of the job, s.
    start_mjd, start_seconds : int, float
        Start of the job, UTC.
    active_datastreams, active_baselines : int
        How many of each every configuration uses.
    has_target_freqs : bool
        False for files of DiFX 2.6 and older, which do not write TARGET FREQ.
    has_network_table : bool
        Whether there is a NETWORK table although no datastream needs it.
    source_text : str
        Text that it was read from; what is unknown in it is kept when it is written again. Without it the file is
        written in the usual form.
    """

    path: Path | None = None
    calc_filename: str = ""
    threads_filename: str = ""
    execute_time: float = 0.0
    start_mjd: int = 0
    start_seconds: float = 0.0
    active_datastreams: int = 0
    active_baselines: int = 0
    vis_buffer_length: int = 80
    output_format: str = "SWIN"
    output_filename: str = ""
    configurations: list[Configuration] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    freqs: list[Freq] = field(default_factory=list)
    telescopes: list[Telescope] = field(default_factory=list)
    datastreams: list[Datastream] = field(default_factory=list)
    data_buffer_factor: int = 32
    num_data_segments: int = 8
    baselines: list[Baseline] = field(default_factory=list)
    has_target_freqs: bool = True
    has_network_table: bool = field(default=False, compare=False)
    source_text: str = field(default="", repr=False, compare=False)

    @property
    def job_name(self) -> str:
        """Name of the job: of the file, or where it has none yet of the output folder, without extension."""
        return Path(self.path or self.output_filename).stem

    def companion(self, extension: str) -> Path:
        """Path of another file of this job, such as ``"calc"``, ``"im"`` or ``"difx"``.

        The file that the ``.input`` names, if it exists (for ``"difx"``: or could be made); otherwise the
        same base name beside the ``.input``. Files that only other job files name (``"im"``, ``"flag"``,
        ``"machines"``) are looked for beside it.
        """
        extension = extension.lstrip(".")
        if extension == "difx":
            return output_folder(self.output_filename, self.path)
        named = {"calc": self.calc_filename, "threads": self.threads_filename}
        return companion(named.get(extension, f"{self.job_name}.{extension}"), self.path)

    def frame(self, table: str = "products") -> pd.DataFrame:
        """One of the file's tables as a DataFrame, one row per row of it, with names beside row numbers.

        Parameters
        ----------
        table : str
            - ``"products"``: what is correlated, one row per baseline, band and polarisation, antennas in the order in
              which the correlator writes them;
            - ``"job"``: COMMON SETTINGS, in one row;
            - ``"configurations"``, ``"rules"``;
            - ``"freqs"``: the FREQ table; ``is_written`` tells the bands that hold cross products;
            - ``"telescopes"``: clocks as polynomials from ``clock_reference`` on (s, s/s, s/s²…; late is positive);
            - ``"datastreams"``, ``"datastream_freqs"`` (with offsets of clock, phase and frequency), ``"bands"``;
            - ``"baselines"``, ``"files"``, ``"network"``.

        Returns
        -------
        DataFrame
            Times are UTC. Numbers have SI units (s, Hz, rad, bytes) unless the name of the column says another.
            ``band`` is a row of the FREQ table; ``frequency`` the band edge as the file has it: the lower one of a
            ``U`` band, the upper one of an ``L`` band.

        Raises
        ------
        ValueError
            There is no such table.
        """
        from difxnb.formats.input_frames import input_frame

        return input_frame(self, table)

    def __repr__(self) -> str:
        from difxnb.formats.input_summary import facts, title

        return plain(title(self), facts(self))

    def _repr_html_(self) -> str:
        from difxnb.formats.input_summary import facts, title

        tables = (titled(name, self.frame(name)) for name in ("telescopes", "freqs", "baselines"))
        return listed(title(self), facts(self)) + "".join(tables)

    def channels(self, freq_index: int) -> int:
        """Channels of a spectrum written under a row of the FREQ table; IndexError where that is missing."""
        if freq_index < 0:
            raise IndexError(f"no row {freq_index} in the FREQ table")
        return self.freqs[freq_index].channels

    def configuration_for(
        self,
        scan_id: str,
        source: str,
        mjd_start: float,
        mjd_stop: float,
        *,
        calcode: str = "",
        qual: str = "0",
    ) -> int | None:
        """Choose the configuration of a scan by the rules.

        Returns
        -------
        int or None
            Row of the configurations; None where the scan is not to be correlated.

        Raises
        ------
        ValueError
            Where two rules give the scan different configurations, as the correlator refuses too.
        """
        names = {
            rule.config_name
            for rule in self.rules
            if (not rule.sources or source in rule.sources)
            and (not rule.scan_ids or scan_id in rule.scan_ids)
            and (not rule.calcodes or calcode.strip() in rule.calcodes)
            and (not rule.quals or qual in rule.quals)
            and (rule.mjd_start is None or mjd_start >= rule.mjd_start)
            and (rule.mjd_stop is None or mjd_stop <= rule.mjd_stop)
        }
        if not names or SKIP in names:
            return None
        if len(names) > 1:
            raise ValueError(
                f"scan {scan_id}: rules ask for different configurations: {', '.join(sorted(names))}"
            )
        return [configuration.name for configuration in self.configurations].index(names.pop())
