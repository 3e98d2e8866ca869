# SPDX-License-Identifier: GPL-3.0-or-later
"""When the integrations of a job are: times of files that print them coarsely, put where they must be.

In: the ``.input`` and times that are known to about a microsecond. Out: the times of the visibilities. Integration i of
a scan is in the middle of its own INT TIME, counted from the start of the scan (``difx-files.md`` 13).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.calc import read_calc
from difxnb.formats.input import Input
from difxnb.formats.mjd import DAY_S, UNIX_EPOCH_MJD

_NS = 10**9
# An MJD in double precision with 11 decimals, of a sum in double precision.
_PRINTED_NS = 2_000


@dataclass(frozen=True, slots=True)
class IntegrationGrid:
    """Starts of scans (ns since 1970) and integration times (ns) of a job."""

    starts_ns: tuple[int, ...]
    steps_ns: tuple[int, ...]

    @classmethod
    def of(cls, inp: Input, *starts: tuple[int, float]) -> Self:
        """Make the grid of a job; `starts` are further (MJD, s) from which integrations may be counted."""
        begin = _unix_ns(inp.start_mjd, inp.start_seconds)
        calc = inp.companion("calc")
        scans = read_calc(calc).scans if calc.is_file() else []
        found = [
            begin,
            *(begin + scan.start_s * _NS for scan in scans),
            *(_unix_ns(*start) for start in starts),
        ]
        steps = [round(configuration.int_time * _NS) for configuration in inp.configurations]
        return cls(tuple(dict.fromkeys(found)), tuple(dict.fromkeys(step for step in steps if step > 0)))

    def snapped(
        self, times_ns: NDArray[np.int64], durations_ns: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Times and lengths on the grid; what is not within 2 µs of it stays as it is."""
        times, durations = times_ns.copy(), durations_ns.copy()
        for step in self.steps_ns:
            near = np.abs(durations_ns - step) <= _PRINTED_NS
            durations[near] = step
            # Seconds are multiples of many steps: most scans count from the same places.
            for phase in dict.fromkeys((start + step // 2) % step for start in self.starts_ns):
                off = (times_ns - phase + step // 2) % step - step // 2
                here = near & (np.abs(off) <= min(_PRINTED_NS, step // 4))
                times[here] = times_ns[here] - off[here]
        return times, durations


def _unix_ns(mjd: int, seconds: float) -> int:
    return (mjd - UNIX_EPOCH_MJD) * DAY_S * _NS + round(seconds * _NS)
