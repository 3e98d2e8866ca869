# SPDX-License-Identifier: GPL-3.0-or-later
"""Clocks of every job that the real mpifxcorr correlated, against what was put into their recordings."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

import difxnb
from difxnb.clock import closure_delays, closure_phases
from difxnb.errors import DoubtfulAutocorrelations
from difxnb.formats.mjd import MJD_ZERO
from tests.stored_jobs import JOBS

# Gaps of a single station, and bins of a pulsar, shift times within integrations, which nothing in the files tells:
# a fringe that turns 0.5 times a second then shows another rate, by 0.15 ps/s in these jobs of a few seconds.
GAPS = 0.2e-12


class Station(NamedTuple):
    """What is known of a station: s at the start of the job, s/s, s by hand."""

    delay: float
    rate: float
    of_hand: dict[str, float]


def stations(job: Path) -> dict[str, Station]:
    own = job.with_name("truth.json")
    if own.is_file():
        return {
            name: Station(one["residual_delay_us_r0"] * 1e-6, one["residual_rate_us_per_s_r1"] * 1e-6, {})
            for name, one in json.loads(own.read_text())["antennas"].items()
        }
    return {
        name: Station(one["tau_ns"] * 1e-9, one["tau_rate_ps_s"] * 1e-12, {"L": one["extra_tau_L_ns"] * 1e-9})
        for name, one in json.loads((job.parents[1] / "truth.json").read_text())["antennas"].items()
    }


@pytest.fixture(scope="module", params=JOBS, ids=lambda job: job.stem)
def job(request) -> tuple[dict[str, Station], pd.Timestamp, pd.DataFrame]:
    """What is true, the start of the job, and its fringes."""
    header = difxnb.read_input(request.param)
    start = pd.Timestamp(MJD_ZERO) + pd.Timedelta(days=header.start_mjd, seconds=header.start_seconds)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DoubtfulAutocorrelations)
        with difxnb.open_visibilities(request.param) as visibilities:
            return stations(request.param), start, difxnb.fringe_fit(visibilities)


def test_clocks_are_those_of_the_recordings(job):
    known, start, fringes = job
    solution = difxnb.clock_search(fringes, "AA", epoch=start, offsets=("band", "polarization"))
    assert not solution.undetermined
    assert solution.outliers().empty
    clocks = solution.frame().set_index("antenna")
    for row in solution.station_offsets().itertuples():
        station = known[row.antenna]
        late = row.offset + clocks["delay"][row.antenna]
        error = np.hypot(row.offset_error, clocks["delay_error"][row.antenna])
        assert abs(late - station.delay - station.of_hand.get(row.polarization, 0.0)) <= 4 * error
    for name, station in known.items():
        assert abs(clocks["delay_rate"][name] - station.rate) <= 4 * clocks["delay_rate_error"][name] + GAPS
    # A change of the clocks takes out just that.
    for change in solution.changes():
        one = clocks.loc[change.antenna]
        rate_is_sure = abs(one["delay_rate"]) >= 3 * one["delay_rate_error"]
        assert change.delay_rate == (one["delay_rate"] if rate_is_sure else 0.0)
        assert abs(change.delay_s - one["delay"]) <= (0 if rate_is_sure else 3 * one["delay_error"])
        assert change.epoch == start.to_datetime64()


def test_hands_that_differ_show_in_the_clocks_of_hands(job):
    known, start, fringes = job
    by_hand = difxnb.clock_search(fringes, "AA", epoch=start, by="polarization").frame()
    for row in by_hand.itertuples():
        expected = known[row.antenna].delay + known[row.antenna].of_hand.get(row.polarization[0], 0.0)
        assert abs(row.delay - expected) <= 4 * row.delay_error


def test_triangles_close(job):
    known, _, fringes = job
    delays, phases = closure_delays(fringes), closure_phases(fringes)
    used = fringes[fringes["polarization"].isin(["RR", "LL"])]
    triangles = len(used) // 3 if len(known) == 3 else 0
    assert len(delays) == len(phases) == triangles
    assert (delays["n_sigma"].abs() < 5).all()
    assert (phases["n_sigma"].abs() < 5).all()
