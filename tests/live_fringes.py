# SPDX-License-Identifier: GPL-3.0-or-later
"""Blocks of the live monitor with fringes of known stations in noise, fed to a series integration by integration."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from difxnb.visibility import VisibilitySeries
from difxnb.visibility.live.fringe_cells import FringeCells
from difxnb.visibility.live.offer import Offer
from difxnb.wire.monitor import Scan, ServerFringe, VisibilityBlock
from tests.monitor_lists import plain, wrong_list
from tests.server.made_jobs import MJD, SECONDS

INT_TIME = 0.5


def scan(number, begin, end, source=None):
    """A scan of the server's list, in seconds after the start of the job."""
    times = (MJD + (SECONDS + second) / 86400 for second in (begin, end))
    return Scan(number, f"No000{number}", *times, source or f"SRC{number}", 0.1, 0.2)


LONG = scan(0, 0, 5000)


@dataclass
class Sky:
    """What antennas of the job are late by, and how strong the fringes are; the noise of a component has the rms 1."""

    delay: dict = field(default_factory=lambda: {"AA": 0.0, "BB": 125e-9, "CC": -310e-9})
    rate: dict = field(default_factory=lambda: {"AA": 0.0, "BB": 2e-11, "CC": -1.5e-11})
    amplitude: float = 1.0
    seed: int = 1

    def __post_init__(self):
        self._rng = np.random.default_rng(self.seed)

    def spectrum(self, row, frequency, seconds):
        """V12 of a product at a time after the start of the job."""
        noise = self._rng.standard_normal((2, len(frequency)))
        if row.is_autocorrelation:
            return (4.0 + 0.01 * noise[0]).astype(np.complex64)
        first, second = row.antenna1_name, row.antenna2_name
        late = self.delay[second] - self.delay[first] + (self.rate[second] - self.rate[first]) * seconds
        fringe = self.amplitude * np.exp(2j * np.pi * frequency * late)
        return (fringe + noise[0] + 1j * noise[1]).astype(np.complex64)

    def expected(self, table):
        """Delay and rate of every row of a table of fringes."""
        start = np.datetime64("2024-01-01T12:00:00")
        after = (table["reference_time"].to_numpy() - start) / np.timedelta64(1, "s")
        one, other = table["antenna1_name"], table["antenna2_name"]
        rate = (other.map(self.rate) - one.map(self.rate)).to_numpy()
        return (other.map(self.delay) - one.map(self.delay)).to_numpy() + rate * after, rate


class Feed:
    """A series, with cells, that is given integrations of half a second; and what else of the job is needed."""

    def __init__(self, sky=None, *, select=None, scans=(LONG,), **options):
        self.input = plain(int_time=INT_TIME)
        self.input.execute_time = 10_000
        self.sky = sky or Sky()
        self.offer = Offer([one for scan in scans for one in wrong_list(self.input, scan)], scans, self.input)
        self.cells = FringeCells()
        choice = self.offer.choose(select)
        self.series = VisibilitySeries(self.input, choice, scans=scans, cells=self.cells, **options)
        self.frequency = [freq.channel_frequencies_hz for freq in self.input.freqs]
        self.watch(select)

    def watch(self, select):
        """Choose other products."""
        self.series.note_gap()
        self.series.watch(self.offer.choose(select))
        self.rows = list(self.series.products_frame().itertuples())

    def give(self, numbers, scan="No0000", source="SRC0", *, leave_out=(), damage=None):
        """Give the series some integrations, but for the baselines that are left out."""
        for number in numbers:
            second = SECONDS + int(number * INT_TIME)
            server = ServerFringe(number * 1.0, 7.0, 1)
            for row in self.rows:
                if row.baseline in leave_out:
                    continue
                spectrum = self.sky.spectrum(row, self.frequency[row.band], (number + 0.5) * INT_TIME)
                if damage is not None:
                    damage(number, row, spectrum)
                self.series.add(
                    VisibilityBlock(row.product, len(spectrum), second, 0, scan, source, spectrum, server)
                )
