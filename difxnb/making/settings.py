# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ``.v2d`` asks for, as plain values with vex2difx's own defaults (``difx-files.md`` 12)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from difxnb.formats.calc_model import Eop
from difxnb.formats.clock_change import Clock
from difxnb.making.cutting import Cuts
from difxnb.making.setups import Buffers, SetupOrder

_DEFAULT = "DEFAULT"


@dataclass(frozen=True, slots=True)
class StationOrder:
    """An ANTENNA block; None and empty texts where it leaves a thing to the schedule.

    Attributes
    ----------
    job_name : str
        Name in the job, in upper case.
    clock : Clock or None
        s, s/s…; late is positive.
    deltas : tuple of float
        Added to the coefficients of whichever clock is used.
    position, axis_offset : tuple of float or None, float or None
        m.
    files : tuple of str
    filelists : tuple of str
    module, machine, format : str
    fake : bool
        No data: mpifxcorr makes some up.
    phase_cal_mhz : float or None
    tone_selection, tone_guard_mhz : str, float
    band_clocks : tuple of (float, float, float)
        Of each recorded frequency: µs by which it is early beyond the clock, µs by which R is later than L, degrees
        between them.
    oscillators_hz : tuple of float
        By how much the oscillator of each recorded frequency is too high, Hz.
    is_asked_for : bool
        False where there is neither a block of the station nor one for all.
    """

    name: str
    job_name: str
    clock: Clock | None = None
    deltas: tuple[float, ...] = ()
    position: tuple[float, float, float] | None = None
    axis_offset: float | None = None
    pol_swap: bool = False
    format: str = ""
    files: tuple[str, ...] = ()
    filelists: tuple[str, ...] = ()
    module: str = ""
    machine: str = ""
    fake: bool = False
    phase_cal_mhz: float | None = None
    tone_selection: str = "smart"
    tone_guard_mhz: float = -1.0
    band_clocks: tuple[tuple[float, float, float], ...] = ()
    oscillators_hz: tuple[float, ...] = ()
    is_asked_for: bool = True


@dataclass(frozen=True, slots=True)
class RuleOrder:
    """A RULE block: an empty condition holds for every scan."""

    scans: tuple[str, ...]
    sources: tuple[str, ...]
    modes: tuple[str, ...]
    setup: str

    def holds(self, scan: str, source: str, mode: str) -> bool:
        """Whether it is for a scan."""
        pairs = ((self.scans, scan), (self.sources, source), (self.modes, mode))
        return all(not wanted or value in wanted for wanted, value in pairs)


@dataclass(frozen=True, slots=True)
class SourceOrder:
    """A SOURCE block: what it says of the source at which the antennas point."""

    calcode: str = ""
    ra: float | None = None
    dec: float | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """A whole ``.v2d``.

    Attributes
    ----------
    antennas : tuple of str
        In upper case; empty for all of the schedule.
    mask : int
        Kinds of flags: 1 no recording, 2 not on source, 4 outside of the job, 8 not in the scan.
    freq_ids : mapping
        Rows of the FREQ table that each setup correlates; empty for all.
    """

    vex: str = ""
    antennas: tuple[str, ...] = ()
    sort_antennas: bool = True
    first_number: int = 1
    series: str = ""
    cuts: Cuts = field(default_factory=Cuts)
    buffers: Buffers = field(default_factory=Buffers)
    tweak: bool = False
    vis_buffer_length: int = 80
    cores: int = 0
    threads: int = 0
    machines: tuple[str, ...] = ()
    threads_file: str = ""
    out_path: str = ""
    delay_model: str = ""
    mask: int = 0xF
    setups: dict[str, SetupOrder] = field(default_factory=dict)
    freq_ids: dict[str, frozenset[int]] = field(default_factory=dict)
    rules: tuple[RuleOrder, ...] = ()
    stations: dict[str, StationOrder] = field(default_factory=dict)
    sources: dict[str, SourceOrder] = field(default_factory=dict)
    eops: tuple[Eop, ...] = ()

    def station(self, name: str) -> StationOrder:
        """What is said of a station, by its name in upper case; the block DEFAULT stands for those without one."""
        own = self.stations.get(name)
        if own is not None:
            return own
        default = self.stations.get(_DEFAULT)
        if default is None:
            return StationOrder(name, name, is_asked_for=False)
        return replace(default, name=name, job_name=name)

    def setup_of(self, scan: str, source: str, mode: str) -> str:
        """Name of the setup of a scan; empty where there is none, ``SKIP`` where it is not to be correlated."""
        first = next((rule.setup for rule in self.rules if rule.holds(scan, source, mode)), None)
        return first if first is not None else ("default" if "default" in self.setups else "")
