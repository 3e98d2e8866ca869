# SPDX-License-Identifier: GPL-3.0-or-later
"""What is fitted together: scans, lengths of time, single integrations; gaps, short integrations, odd time axes."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest

from difxnb.visibility import fringe_fit
from difxnb.visibility.fits import intervals
from tests.injected_fringes import START, Band, Station, expected, injected, regular

STATIONS = {
    "AA": Station(),
    "BB": Station(delay=180e-9, rate=2e-12, letter_delay={"L": -30e-9}),
    "CC": Station(delay=-420e-9, rate=-9e-12),
}
SCANS = (
    ("No0001", "SRCA", regular(10, 0.5)),
    ("No0002", "SRCB", regular(5, 0.5, begun=60.0)),
    ("No0003", "SRCA", regular(1, 0.5, begun=90.0)),
)


@pytest.fixture(scope="module")
def dataset():
    return injected(STATIONS, scans=SCANS, amplitude=3.0)


def require_truth(table, stations=STATIONS, *, limit=4.0):
    delay, rate = expected(stations, table)
    pulls = ((table["delay"] - delay) / table["delay_error"]).to_numpy()
    assert np.abs(pulls).max() < limit
    has_rate = table["n_integrations"] > 1
    pulls = ((table["delay_rate"] - rate) / table["delay_rate_error"]).to_numpy()[has_rate]
    assert np.abs(pulls).max(initial=0.0) < limit
    assert (table["delay_rate"].notna() == has_rate).all()


def test_scans(dataset):
    table = fringe_fit(dataset)
    require_truth(table)
    assert len(table) == 3 * 3 * 2 * 2
    first = table.drop_duplicates("scan").set_index("scan")
    assert first["source"].tolist() == ["SRCA", "SRCB", "SRCA"]
    assert first["n_integrations"].tolist() == [10, 5, 1]
    spans = (first["stop"] - first["start"]).dt.total_seconds()
    assert spans.tolist() == [5.0, 2.5, 0.5]
    assert (first["start"] - START).dt.total_seconds().tolist() == [0.0, 60.0, 90.0]
    middles = first["start"] + (first["stop"] - first["start"]) / 2
    assert (first["reference_time"] == middles).all()


@pytest.mark.parametrize(
    "length", ["2s", datetime.timedelta(seconds=2), pd.Timedelta("2s"), np.timedelta64(2, "s")]
)
def test_lengths_of_time_count_from_the_beginning_of_each_scan(dataset, length):
    table = fringe_fit(dataset, length)
    require_truth(table)
    first = table.drop_duplicates("start")
    assert first["n_integrations"].tolist() == [4, 4, 2, 4, 1, 1]
    begun = (first["start"] - START).dt.total_seconds()
    assert begun.tolist() == [0.0, 2.0, 4.0, 60.0, 62.0, 90.0]
    assert first["scan"].tolist() == ["No0001"] * 3 + ["No0002"] * 2 + ["No0003"]


def test_single_integrations(dataset):
    table = fringe_fit(dataset, "integration")
    require_truth(table, limit=4.5)
    assert len(table) == dataset.sizes["time"] * 3 * 2 * 2
    assert table["delay_rate_error"].isna().all()
    assert table["rate_ambiguity"].isna().all()
    assert table["flags"].str.contains("one_integration").all()
    assert set(table["reference_time"]) == set(pd.DatetimeIndex(dataset["time"].values))


def test_one_interval_is_what_it_is_alone(dataset):
    """Intervals are stacked to be fitted as one array; that shows in nothing."""
    whole = fringe_fit(dataset, "1s")
    alone = pd.concat(
        [fringe_fit(dataset.isel(time=slice(place, place + 2))) for place in (0, 2, 4, 6, 8, 10, 12)]
    )
    chosen = whole[whole["n_integrations"] == 2].reset_index(drop=True)
    alone = alone.reset_index(drop=True)
    assert len(chosen) == len(alone)
    for name in ("delay", "delay_rate", "phase", "snr", "delay_error", "false_alarm_probability"):
        np.testing.assert_allclose(chosen[name], alone[name], rtol=1e-6, atol=1e-20, err_msg=name)
    for name in ("scan", "start", "stop", "reference_time", "n_integrations", "flags"):
        assert chosen[name].tolist() == alone[name].tolist(), name


@pytest.mark.parametrize(
    "by", ["", "scans", "10", "-2s", "0s", 10, 2.5, None, "1 fortnight", pd.Timedelta(0), pd.NaT]
)
def test_what_is_no_interval(dataset, by):
    with pytest.raises(ValueError, match='by is "scan", "integration" or a length of time'):
        fringe_fit(dataset, by)


def test_short_integrations_and_high_rates():
    """Integrations of 10 ms, 40 cycles a second."""
    stations = {"AA": Station(), "BB": Station(delay=50e-9, rate=40 / 8.4e9)}
    dataset = injected(stations, scans=(("s", "q", regular(300, 0.01)),), integration_s=0.01, bands=(Band(),))
    table = fringe_fit(dataset)
    require_truth(table, stations)
    assert np.allclose(table["rate_ambiguity"], 1 / (0.01 * table["reference_frequency"]))


def test_rates_beyond_half_a_turn_per_integration_are_aliased():
    """They come out less one ambiguity, unless a window says where the rate is."""
    integration_s, frequency = 0.5, Band().centres.mean()
    rate = 0.7 / (integration_s * frequency)
    stations = {"AA": Station(), "BB": Station(delay=50e-9, rate=rate)}
    dataset = injected(stations, scans=(("s", "q", regular(24, integration_s)),), bands=(Band(),))
    aliased = fringe_fit(dataset)
    apart = (aliased["delay_rate"] + aliased["rate_ambiguity"] - rate) / aliased["delay_rate_error"]
    assert np.abs(apart).max() < 5
    require_truth(fringe_fit(dataset, rate_window=(0.4 * 2 * rate, 0.6 * 2 * rate)), stations)


def test_gaps_in_time():
    """Integrations that nobody has, and integrations that one product lacks."""
    times = np.delete(regular(40, 0.25), [3, 4, 5, 17, 18, 19, 20, 21, 33])
    dataset = injected(STATIONS, scans=(("s", "q", times),), integration_s=0.25)
    require_truth(fringe_fit(dataset))
    weight = np.ones((len(times), 3, 2, 2))
    weight[5:15, 1] = 0
    weight[::2, 2, 0, 1] = 0
    dataset = injected(STATIONS, scans=(("s", "q", times),), integration_s=0.25, weight=weight)
    table = fringe_fit(dataset)
    require_truth(table)
    counted = table.set_index(["baseline", "band", "polarization"])["n_integrations"]
    assert counted["AA-BB", 0, "RR"] == len(times)
    assert counted["AA-CC", 1, "LL"] == len(times) - 10
    assert counted["BB-CC", 0, "LL"] == len(times) // 2


def test_a_scan_that_ends_within_an_integration():
    """Its last integration is nominally as long as others; its data lie before its middle."""
    rate = 20e-12
    stations = {"AA": Station(), "BB": Station(delay=1e-9, rate=rate)}
    times = regular(12, 0.5)
    centre = times.copy()
    centre[-1] -= 0.5 * (1 - 0.25) / 2
    weight = np.ones((12, 1, 2, 2))
    weight[-1] = 0.25
    dataset = injected(stations, scans=(("s", "q", centre),), weight=weight, amplitude=40.0)
    dataset = dataset.assign_coords(time=START + np.rint(times * 1e9).astype("timedelta64[ns]"))
    table = fringe_fit(dataset)
    require_truth(table, stations)
    assert ((table["stop"] - table["start"]).dt.total_seconds() == 5.5 + 0.125).all()


def test_intervals_of_a_long_scan_are_read_in_pieces(dataset, monkeypatch):
    whole = fringe_fit(dataset, "integration")
    assert [one.size for one in intervals.intervals_of(dataset, "integration")] == [1] * 16
    parts = list(intervals.stacks_of(intervals.intervals_of(dataset, "integration"), 4))
    assert max(part.stop - part.start for part in parts) == 4
    assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]
    assert len(whole) == 16 * 12


def test_no_integration_at_all(dataset):
    empty = fringe_fit(dataset.isel(time=slice(0, 0)))
    assert len(empty) == 0
    assert list(empty) == list(fringe_fit(dataset))


def test_times_that_do_not_ascend(dataset):
    for places in ([0, 2, 1], [0, 1, 1]):
        with pytest.raises(ValueError, match=r"times of scan 'No0001' do not ascend.*sortby"):
            fringe_fit(dataset.isel(time=places))
    unknown = dataset["time"].values.copy()
    unknown[3] = np.datetime64("NaT")
    with pytest.raises(ValueError, match="do not ascend"):
        fringe_fit(dataset.assign_coords(time=unknown))
