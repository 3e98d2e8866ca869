# SPDX-License-Identifier: GPL-3.0-or-later
"""What the made-up experiment consists of: stations, sources, scans and bands.

Plain values; everything else in this package (job files, voltages, expected fringes) follows from an
:class:`Experiment`. Signs are those of the correlator: delays are positive where a station is late (``difx-files.md``
3, 13).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from difxnb.synthetic.station_model import Station

QUANTISATION_BITS = 2
VDIF_HEADER_BYTES = 32
_FRAMES_PER_SECOND = (1000, 500, 250, 200, 125, 100, 50, 2000, 4000, 8000, 16_000, 32_000, 64_000)
_MAX_PAYLOAD = 8192
_LONGEST_SUBINT_S = 0.04


@dataclass(frozen=True, slots=True)
class SkySource:
    """A made-up source: J2000 position as a ``.vex`` has it (``17h12m00.0s``, ``33d00'00.0"``)."""

    name: str
    ra: str
    dec: str

    @property
    def ra_rad(self) -> float:
        """Right ascension, rad."""
        hours, rest = self.ra.split("h")
        minutes, seconds = rest.rstrip("s").split("m")
        return (int(hours) + int(minutes) / 60 + float(seconds) / 3600) * math.pi / 12

    @property
    def dec_rad(self) -> float:
        """Declination, rad."""
        degrees, rest = self.dec.split("d")
        minutes, seconds = rest.rstrip('"').split("'")
        size = abs(int(degrees)) + int(minutes) / 60 + float(seconds) / 3600
        return math.copysign(size, -1.0 if degrees.startswith("-") else 1.0) * math.pi / 180


@dataclass(frozen=True, slots=True)
class Scan:
    """A scan: whole seconds after the start of the job, length, and row of the source list."""

    identifier: str
    start_s: int
    duration_s: int
    source: int


@dataclass(frozen=True, slots=True)
class Band:
    """A recorded band: sky frequency of its edge (lower for ``U``, upper for ``L``) and width, Hz."""

    edge_hz: float
    bandwidth_hz: float
    sideband: str

    @property
    def low_edge_hz(self) -> float:
        """Lowest sky frequency, Hz."""
        return self.edge_hz - self.bandwidth_hz if self.sideband == "L" else self.edge_hz

    @property
    def center_hz(self) -> float:
        """Sky frequency of the middle, Hz."""
        return self.low_edge_hz + self.bandwidth_hz / 2


@dataclass(frozen=True, slots=True)
class Experiment:
    """A whole experiment, all in one job.

    Attributes
    ----------
    name : str
        Name of the pass; letters and digits. The job is ``<name>_1``.
    seed : int
        Of all noise.
    start_mjd, start_seconds : int
        Start of the job, UTC.
    bands : tuple of Band
        In order of the FREQ table, all of one width.
    polarizations : str
        ``"RL"``, ``"R"`` or ``"L"``.
    n_channels : int
        Spectral channels of a band.
    integration_s : int
        Integration time, s; whole, because the monitor protocol has whole seconds.
    polarization_mixing : float
        Voltage share of the right-hand signal in the left-hand one.
    cores : tuple of int
        Threads of each core process.

    Raises
    ------
    ValueError
        Where DiFX could not correlate it: no whole number of transforms in an integration, a number of recorded
        channels that is no power of two, no whole number of VDIF frames in a second, …
    """

    stations: tuple[Station, ...]
    sources: tuple[SkySource, ...]
    scans: tuple[Scan, ...]
    bands: tuple[Band, ...]
    name: str = "demo"
    seed: int = 1
    start_mjd: int = 60746
    start_seconds: int = 21600
    polarizations: str = "RL"
    n_channels: int = 128
    integration_s: int = 1
    polarization_mixing: float = 0.3
    cores: tuple[int, ...] = field(default=(2,))

    def __post_init__(self) -> None:
        _require(
            self.name.isalnum() and self.name[0].isalpha(), f"name {self.name!r} is not letters and digits"
        )
        _require(len(self.stations) >= 2, "two stations make the smallest interferometer")
        codes = [station.code for station in self.stations]
        _require(codes == sorted(set(codes)), f"stations must be in order of their codes: {codes}")
        _require(self.polarizations in ("RL", "R", "L"), f"polarizations {self.polarizations!r}")
        _require(len({band.bandwidth_hz for band in self.bands}) == 1, "all bands must be equally wide")
        _require(all(band.sideband in ("U", "L") for band in self.bands), "sidebands are U and L")
        _require(
            _is_power_of_two(self.recorded_channels),
            f"{self.recorded_channels} channels do not fit into VDIF",
        )
        _require(
            all(0 <= scan.source < len(self.sources) for scan in self.scans), "a scan on an unknown source"
        )
        _require(bool(self.scans) and self.scans[0].start_s == 0, "the first scan must start with the job")
        ends = [scan.start_s + scan.duration_s for scan in self.scans]
        starts = [scan.start_s for scan in self.scans[1:]]
        _require(all(a < b for a, b in zip(ends, starts, strict=False)), "scans must follow each other")
        _ = self.frames_per_second, self.subint_ns

    @property
    def job_name(self) -> str:
        """Name of the only job."""
        return f"{self.name}_1"

    @property
    def bandwidth_hz(self) -> float:
        """Width of every band, Hz."""
        return self.bands[0].bandwidth_hz

    @property
    def sample_rate_hz(self) -> int:
        """Samples of a channel per second."""
        return round(2 * self.bandwidth_hz)

    @property
    def channels(self) -> tuple[tuple[int, str], ...]:
        """Band and polarization of each recorded channel, in order of the VDIF channels."""
        return tuple((band, pol) for band in range(len(self.bands)) for pol in self.polarizations)

    @property
    def recorded_channels(self) -> int:
        """Channels of a VDIF frame."""
        return len(self.bands) * len(self.polarizations)

    def received_channel(self, station: int, channel: int) -> int:
        """Channel whose signal a station records as `channel`: another one where polarizations are swapped."""
        if self.polarizations == "RL" and self.stations[station].swapped_polarizations:
            return channel ^ 1
        return channel

    @property
    def products(self) -> tuple[str, ...]:
        """Polarization products in the order of DiFX."""
        return ("RR", "LL", "RL", "LR") if self.polarizations == "RL" else (self.polarizations * 2,)

    @property
    def bits_per_time(self) -> int:
        """Bits that all channels of a station make at one sample time."""
        return self.recorded_channels * QUANTISATION_BITS

    @property
    def frames_per_second(self) -> int:
        """VDIF frames per second of a station."""
        bytes_per_second = self.sample_rate_hz * self.bits_per_time // 8
        for frames in _FRAMES_PER_SECOND:
            payload, rest = divmod(bytes_per_second, frames)
            if (
                not rest
                and payload % 8 == 0
                and payload <= _MAX_PAYLOAD
                and self.sample_rate_hz % frames == 0
            ):
                return frames
        raise ValueError(f"{bytes_per_second} bytes/s do not make a whole number of VDIF frames per second")

    @property
    def samples_per_frame(self) -> int:
        """Sample times in a VDIF frame."""
        return self.sample_rate_hz // self.frames_per_second

    @property
    def frame_bytes(self) -> int:
        """Bytes of a VDIF frame with its header."""
        return VDIF_HEADER_BYTES + self.samples_per_frame * self.bits_per_time // 8

    @property
    def subint_ns(self) -> int:
        """Length of a sub-integration, ns: whole transforms, whole frames, a whole number in an integration."""
        transforms, rest = divmod(self.integration_s * self.sample_rate_hz, 2 * self.n_channels)
        _require(
            rest == 0,
            f"{self.n_channels} channels of {self.bandwidth_hz:g} Hz: {self.integration_s} s is no whole number of "
            "transforms; take a number of channels that divides integration time times bandwidth",
        )
        frames = self.integration_s * self.frames_per_second
        fewest = math.ceil(self.integration_s / _LONGEST_SUBINT_S)
        for parts in range(fewest, math.gcd(transforms, frames) + 1):
            if transforms % parts == 0 and frames % parts == 0 and self.integration_s * 10**9 % parts == 0:
                return self.integration_s * 10**9 // parts
        raise ValueError("no sub-integration holds whole transforms and whole frames; take another bandwidth")

    @property
    def duration_s(self) -> int:
        """Length of the job, s."""
        return self.scans[-1].start_s + self.scans[-1].duration_s

    def recording_name(self, station: int, scan: int) -> str:
        """File name of a station's recording of a scan."""
        return f"{self.stations[station].code}_{self.scans[scan].identifier}.vdif"


def _require(condition: bool, problem: str) -> None:
    if not condition:
        raise ValueError(f"not a possible experiment: {problem}")


def _is_power_of_two(number: int) -> bool:
    return number > 0 and number & (number - 1) == 0
