# SPDX-License-Identifier: GPL-3.0-or-later
"""Which sub-integrations of which scan make which integration.

A job's files come in, its integrations in order of time go out. All times are whole nanoseconds after the
start of the job. The rules are those of ``mpifxcorr-algorithm.md`` 6, "Which sub-integrations make an
integration".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from difxnb.errors import FileFormatError
from difxnb.formats.calc import Calc, CalcScan
from difxnb.formats.input_model import Input

NS = 1_000_000_000
_MJD_ZERO = datetime(1858, 11, 17)


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """A scan that is correlated.

    Attributes
    ----------
    scan, config, source : int
        Rows of the ``.calc``'s scans, the configurations and the ``.calc``'s sources.
    start_ns, end_ns : int
        Between which sub-integrations start and should end.
    int_ns, subint_ns : int
        Length of integrations and sub-integrations.
    """

    scan: int
    config: int
    source: int
    start_ns: int
    end_ns: int
    int_ns: int
    subint_ns: int

    @property
    def n_subints(self) -> int:
        """Sub-integrations: the last may stick out of the scan's end by less than its half."""
        whole, rest = divmod(self.end_ns - self.start_ns, self.subint_ns)
        return whole + (2 * rest > self.subint_ns)

    @property
    def n_integrations(self) -> int:
        """Integrations that have any sub-integration."""
        return sum(1 for _ in self.integrations())

    def integrations(self) -> Iterator[IntegrationSpan]:
        """Integrations in order of time."""
        number = 0
        while (first := self._first_subint(number)) < self.n_subints:
            end = min(self._first_subint(number + 1), self.n_subints)
            if end > first:
                yield IntegrationSpan(self, number, first, end)
            number += 1

    def _first_subint(self, number: int) -> int:
        """number · T_i / T_s, rounded, halves down: sub-integrations are never divided."""
        return -((self.subint_ns - 2 * number * self.int_ns) // (2 * self.subint_ns))


@dataclass(frozen=True, slots=True)
class IntegrationSpan:
    """Sub-integrations `first`…`end`-1 of a scan, which make its integration `number`."""

    scan: ScanPlan
    number: int
    first: int
    end: int

    @property
    def start_ns(self) -> int:
        """Nominal start."""
        return self.scan.start_ns + self.number * self.scan.int_ns

    def subint_start_ns(self, subint: int) -> int:
        """Start of a sub-integration of the scan."""
        return self.scan.start_ns + subint * self.scan.subint_ns


def plan_scans(inp: Input, calc: Calc) -> list[ScanPlan]:
    """List the scans that the job correlates, in the ``.calc``'s order.

    Raises
    ------
    FileFormatError
        Rules give a scan two configurations.
    """
    plans = []
    for row, scan in enumerate(calc.scans):
        config = _configuration(inp, calc, scan)
        if config is not None:
            plan = _plan(inp, calc, row, config)
            if plan.end_ns > plan.start_ns:
                plans.append(plan)
    return plans


def _plan(inp: Input, calc: Calc, row: int, config: int) -> ScanPlan:
    scan = calc.scans[row]
    begin = scan.start_s * NS - _calc_to_input_ns(inp, calc)
    return ScanPlan(
        scan=row,
        config=config,
        source=scan.phase_centers[0] if scan.phase_centers else scan.pointing_source,
        start_ns=max(begin, 0),
        end_ns=min(begin + scan.duration_s * NS, round(inp.execute_time * NS)),
        int_ns=round(inp.configurations[config].int_time * NS),
        subint_ns=inp.configurations[config].subint_ns,
    )


def _calc_to_input_ns(inp: Input, calc: Calc) -> int:
    """Start of the job by the ``.input`` after that by the ``.calc``, to which scan times refer."""
    started = datetime(*calc.start_time) - _MJD_ZERO
    seconds = (inp.start_mjd - started.days) * 86400 - started.seconds
    return seconds * NS + round(inp.start_seconds * NS)


def _configuration(inp: Input, calc: Calc, scan: CalcScan) -> int | None:
    source = calc.sources[scan.pointing_source]
    start = calc.start_mjd + scan.start_s / 86400
    try:
        return inp.configuration_for(
            scan.identifier,
            source.name,
            start,
            start + scan.duration_s / 86400,
            calcode=source.calcode,
            qual=str(source.qual),
        )
    except ValueError as error:
        raise FileFormatError(inp.path, "RULES", str(error)) from error
