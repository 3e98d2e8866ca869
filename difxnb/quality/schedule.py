# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job was to give, by its ``.input`` and ``.calc``: scans, their integrations, and the products of each.

In go the two files, out come counts against which output is held. Integration i of a scan covers i·INT TIME to
(i+1)·INT TIME after its start, and a last one that is cut short counts as one (``difx-files.md`` 13); a scan that no
rule gives a configuration is not correlated (3), and nothing is correlated behind EXECUTE TIME.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

from difxnb.formats.calc import Calc, CalcScan
from difxnb.formats.input import Input
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD
from difxnb.formats.result_layout import result_layout

_NS = 10**9
_WHOLE = 1e-9  # of an integration: what two decimal numbers may differ by without a further integration


@dataclass(frozen=True)
class ScheduledScan:
    """A scan that is correlated.

    Attributes
    ----------
    name, source : str
    configuration : int
        Row of the configurations.
    start_ns : int
        ns since 1970, UTC.
    duration_s, integration_s : float
    """

    name: str
    source: str
    configuration: int
    start_ns: int
    duration_s: float
    integration_s: float

    @property
    def integrations(self) -> int:
        """How many there are, a short last one included."""
        return math.ceil(self.duration_s / self.integration_s - _WHOLE)

    @property
    def stop_ns(self) -> int:
        """End of the last integration in its nominal length, ns since 1970."""
        return self.start_ns + round(self.integrations * self.integration_s * _NS)


@dataclass(frozen=True)
class Schedule:
    """The scans of a job, and the products of its configurations."""

    input: Input
    scans: tuple[ScheduledScan, ...]

    @cached_property
    def _products(self) -> dict[int, dict[str, int]]:
        return {row: self._count(row) for row in {scan.configuration for scan in self.scans}}

    def products(self, scan: ScheduledScan) -> dict[str, int]:
        """Bands and polarizations of one integration of a scan, by name of the baseline as visibilities have it."""
        return self._products[scan.configuration]

    def _count(self, configuration: int) -> dict[str, int]:
        names = [telescope.name for telescope in self.input.telescopes]
        spectra = {
            (f"{names[one.antenna1]}-{names[one.antenna2]}", one.freq_index, one.polarization)
            for one in result_layout(self.input, configuration)
        }
        return dict(Counter(baseline for baseline, _, _ in sorted(spectra)))


def schedule_of(inp: Input, calc: Calc) -> Schedule:
    """Make the schedule of a job.

    Raises
    ------
    ValueError
        Rules give one scan two configurations.
    """
    found = (_scheduled(inp, calc, scan) for scan in calc.scans)
    return Schedule(inp, tuple(scan for scan in found if scan is not None))


def _scheduled(inp: Input, calc: Calc, scan: CalcScan) -> ScheduledScan | None:
    source = calc.sources[scan.pointing_source]
    begin = inp.start_mjd + (inp.start_seconds + scan.start_s) / DAY_S
    row = inp.configuration_for(
        scan.identifier,
        source.name,
        begin,
        begin + scan.duration_s / DAY_S,
        calcode=source.calcode,
        qual=str(source.qual),
    )
    duration = min(float(scan.duration_s), inp.execute_time - scan.start_s)
    integration = 0.0 if row is None else inp.configurations[row].int_time
    if row is None or duration <= 0 or integration <= 0:
        return None
    start = (inp.start_mjd - UNIX_EPOCH_MJD) * DAY_S * _NS + round((inp.start_seconds + scan.start_s) * _NS)
    return ScheduledScan(scan.identifier, source.name, row, start, duration, integration)
