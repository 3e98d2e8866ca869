# SPDX-License-Identifier: GPL-3.0-or-later
"""Fringes of a running job from few cells of time: they are those of all integrations, whatever is kept of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from difxnb.visibility import VisibilitySeries, fringe_fit
from difxnb.visibility.live.pace import Paced
from difxnb.visibility.live.scan_cells import MOST
from tests.live_fringes import Feed, Sky, scan

CROSS = {"kind": "cross", "polarization": "parallel"}
PART = 0.25  # of an error: what the cells may add, which in quadrature is 3 % of it
SAME = (
    "scan", "source", "baseline", "band", "polarization", "start", "stop", "reference_time", "n_integrations",
    "reference_frequency", "rate_ambiguity", "delay_ambiguity", "server_delay", "server_snr",
)  # fmt: skip


def require_same(found, exact, *, noise=0.25):
    """The same rows and labels, and values within a part of their errors; errors as the noise of few cells is known."""
    assert list(found) == list(exact)
    pd.testing.assert_frame_equal(found[list(SAME)], exact[list(SAME)], check_exact=False, rtol=1e-12)
    for name in ("delay", "delay_rate", "amplitude", "phase"):
        off = found[name] - exact[name]
        off = np.angle(np.exp(1j * off)) if name == "phase" else off
        assert (np.abs(off) < PART * exact[f"{name}_error"]).all(), name
        np.testing.assert_allclose(found[f"{name}_error"], exact[f"{name}_error"], rtol=noise)
    np.testing.assert_allclose(found["snr"], exact["snr"], rtol=noise)


def require_true(found, sky):
    for name, true in zip(("delay", "delay_rate"), sky.expected(found), strict=True):
        assert (np.abs(found[name] - true) < 5 * found[f"{name}_error"]).all(), name


def test_a_short_scan_is_fitted_as_it_is():
    feed = Feed()
    feed.give(range(MOST))
    pd.testing.assert_frame_equal(feed.series.fringes_so_far(), fringe_fit(feed.series.dataset()))


def test_nothing_has_come():
    feed = Feed()
    found = feed.series.fringes_so_far()
    assert list(found) == list(fringe_fit(feed.series.dataset()))
    assert found.empty
    assert found.attrs["until"] is pd.NaT
    without = VisibilitySeries(feed.input, feed.offer.choose(None))
    with pytest.raises(ValueError, match="made without cells"):
        without.fringes_so_far()


@pytest.mark.parametrize(
    ("amplitude", "rate"),
    [(1.0, {"AA": 0.0, "BB": 5e-11, "CC": -1e-11}), (0.3, {"AA": 1e-12, "BB": 0.0, "CC": -8e-12})],
)
def test_a_long_scan(amplitude, rate):
    """Fringes that turn up to 0.4 times per integration; the weaker ones have an SNR of 4 when cells first add up."""
    feed = Feed(Sky(amplitude=amplitude, rate=rate), select=CROSS)
    feed.give(range(300))
    assert len(feed.series) == 300
    found = feed.series.fringes_so_far()
    require_same(found, fringe_fit(feed.series.dataset()))
    require_true(found, feed.sky)
    assert found.attrs["until"] == pd.Timestamp("2024-01-01T12:02:29.75")


def test_what_fell_out_is_in_the_table():
    select = {**CROSS, "baseline": "BB-CC"}
    kept, fell = (Feed(Sky(seed=3), select=select, limit_bytes=limit) for limit in (2**28, 2**14))
    for feed in (kept, fell):
        feed.give(range(250))
    assert len(fell.series) < 40 < len(kept.series)
    require_same(fell.series.fringes_so_far(), fringe_fit(kept.series.dataset()))


def test_gaps():
    """Of all antennas, of one, and every other integration left out as mpifxcorr does; memory is bounded."""
    feed = Feed(select=CROSS)
    feed.give(range(20))
    feed.give(range(20, 60), leave_out=("AA-CC", "BB-CC"))
    feed.give(range(100, 180))
    feed.give(range(180, 300, 2))
    feed.give([900])
    found = feed.series.fringes_so_far()
    require_same(found, fringe_fit(feed.series.dataset()))
    require_true(found, feed.sky)
    assert len(feed.cells._present.sums) <= MOST


def test_a_changed_selection():
    """Also of a baseline that was not there before, whose antennas were."""
    feed = Feed(select={"baseline": ["AA-CC", "AA-BB"], "polarization": "RR", "band": 1})
    feed.give(range(70))
    feed.watch({"kind": "cross", "polarization": "parallel"})
    feed.give(range(70, 170))
    feed.watch({"baseline": "AA-BB", "polarization": "parallel", "band": 0})
    feed.give(range(170, 200))
    found = feed.series.fringes_so_far()
    require_same(found, fringe_fit(feed.series.dataset()))
    require_true(found, feed.sky)
    assert sorted(set(found["n_integrations"])) == [100, 130, 170]


def test_correlation_coefficients():
    feed = Feed(Sky(amplitude=2.0), select={"antennas": ["AA", "BB"], "polarization": "parallel"})
    feed.give(range(60))
    found, exact = feed.series.fringes_so_far(), fringe_fit(feed.series.dataset())
    np.testing.assert_allclose(found["correlation"], exact["correlation"], rtol=1e-3)
    assert np.abs(found["correlation"] - 0.5).max() < 0.03


def test_several_scans_are_fitted_once_and_kept(monkeypatch):
    """Also one scan twice, with another one between, and one of a single integration."""
    fitted = []
    from difxnb.visibility.live import fringe_cells

    fit = fringe_cells.fit_cells
    monkeypatch.setattr(fringe_cells, "fit_cells", lambda cells: fitted.append(cells.scan) or fit(cells))
    scans = (scan(0, 0, 40), scan(1, 40, 60), scan(2, 60, 90, "SRC1"))
    feed = Feed(scans=scans, select=CROSS)
    feed.give(range(70))
    feed.give([80], "No0001", "SRC1")
    feed.give(range(120, 135), "No0002", "SRC1")
    found = feed.series.fringes_so_far()
    assert list(dict.fromkeys(found["scan"])) == ["No0000", "No0001", "No0002"]
    require_same(found.query("scan != 'No0001'"), fringe_fit(feed.series.dataset()).query("scan != 'No0001'"))
    one = found.query("scan == 'No0001'")
    assert (one["flags"].str.contains("one_integration") & one["delay_rate"].isna()).all()
    fitted.clear()
    feed.give(range(135, 140), "No0002", "SRC1")
    feed.series.fringes_so_far()
    assert set(fitted) == {"No0002"}


def test_a_job_that_runs_again_replaces_what_was_there():
    feed = Feed(select=CROSS, scans=(scan(0, 0, 30), scan(1, 30, 60)))
    feed.give(range(30))
    feed.give(range(60, 80), "No0001", "SRC1")
    feed.sky.delay = {"AA": 0.0, "BB": 0.0, "CC": 2e-7}
    feed.give(range(40))
    found = feed.series.fringes_so_far()
    assert set(found["scan"]) == {"No0000"}
    require_true(found, feed.sky)


def test_damaged_spectra_are_left_out():
    def damage(number, row, spectrum):
        if number % 7 == 3 and row.band == 0:
            spectrum[5] = np.nan if number % 2 else np.inf

    feed = Feed(select=CROSS)
    feed.give(range(70), damage=damage)
    found = feed.series.fringes_so_far()
    require_true(found, feed.sky)
    assert found.groupby("band")["n_integrations"].unique().map(list).to_dict() == {0: [60], 1: [70]}


def test_a_band_that_cannot_be_fitted_is_an_error_of_who_asks():
    feed = Feed(select=CROSS)
    for freq in feed.input.freqs:
        freq.freq_mhz -= 8500.0
    feed.give(range(2 * MOST))
    with pytest.raises(ValueError, match="needs sky frequencies"):
        feed.series.fringes_so_far()
    assert len(feed.cells._present) <= MOST


# --- who receives does not wait ---------------------------------------------------------------------------


def test_integrations_are_taken_while_a_fit_goes_on():
    """As long as it may take; none of them is lost, nor one that is put down while a table is asked for."""
    feed = Feed(select=CROSS)
    feed.give(range(20))
    with feed.cells._fitting:
        feed.give(range(20, 4 * MOST))
        pending = [feed.series._live_row(one) for one in feed.series._unsettled]
        feed.give(range(4 * MOST, 4 * MOST + 20))
    feed.cells.table(pending)
    found = feed.series.fringes_so_far()
    assert (found["n_integrations"] == 4 * MOST + 20).all()
    assert found.attrs["left_out"] == 0
    require_same(found, fringe_fit(feed.series.dataset()))


def test_what_comes_faster_than_it_is_added_up_is_counted(monkeypatch):
    from difxnb.visibility.live import fringe_cells

    feed = Feed(select=CROSS)
    feed.give(range(2))
    (unsettled,) = {feed.series._live_row(one).nbytes for one in feed.series._unsettled}
    monkeypatch.setattr(fringe_cells, "WAITING_BYTES", 10 * unsettled)
    with feed.cells._fitting:
        feed.give(range(2, 42))
    found = feed.series.fringes_so_far()
    (taken,) = found["n_integrations"].unique()
    assert found.attrs["left_out"] == 42 - taken > 0
    assert f"{42 - taken} integrations left out of fringes" in repr(feed.series)
    require_true(found, feed.sky)


def test_what_is_kept_is_not_copied_for_what_comes():
    """And what has been handed out stays as it was, also when the same time comes again."""
    feed = Feed(select={"baseline": "AA-BB", "polarization": "RR"}, scans=(scan(0, 0, 30),))
    feed.give(range(3))
    cube = feed.series._cube
    rows = {time_ns: cube.hand_out(time_ns) for time_ns in cube.times[:2]}
    before = {time_ns: row.visibility.copy() for time_ns, row in rows.items()}
    feed.give(range(3, 60))
    feed.watch(None)
    feed.give(range(58, 60))
    assert all(cube.hand_out(time_ns) is row for time_ns, row in rows.items())
    feed.give(range(2))
    for time_ns, row in rows.items():
        assert cube.hand_out(time_ns) is not row
        np.testing.assert_array_equal(row.visibility, before[time_ns])
    assert set(np.isfinite(feed.series.dataset()["VISIBILITY"]).sum("channel").values.ravel()) == {
        0,
        len(feed.frequency[0]),
    }


# --- pace -------------------------------------------------------------------------------------------------


def test_what_was_costly_is_not_made_again_soon():
    spent, made = [1000.0], []

    def make():
        made.append(len(made))
        return made[-1]

    paced = Paced(lambda: spent[0])
    assert paced.get("a", make, is_final=False) == 0
    assert paced.get("b", make, is_final=False) == 0, "25 times 1000 s have not passed"
    assert paced.get("b", make, is_final=True) == 1, "it is over"
    assert paced.get("b", make, is_final=True) == 1, "nothing is new"
    cheap = Paced()
    first = cheap.get(0, make, is_final=False)
    version = 0
    while cheap.get(version, make, is_final=False) == first:
        version += 1
    assert made[-1] == first + 1


def test_cells_take_the_cpu_time_of_fits_together():
    feed = Feed(select=CROSS)
    feed.give(range(60))
    feed.series.fringes_so_far()
    before = feed.cells.spent_s
    assert before > 0
    feed.series.fringes_so_far()
    assert feed.cells.spent_s > before
