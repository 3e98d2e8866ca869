# SPDX-License-Identifier: GPL-3.0-or-later
"""Live visibilities whose selection changes: what has come stays, what was not watched is missing."""

from dataclasses import replace

import numpy as np
import pytest

from difxnb.visibility import VisibilitySeries
from difxnb.visibility.live.offer import Offer
from difxnb.wire.monitor import Scan, VisibilityBlock
from tests.monitor_lists import SCAN, plain, wrong_list
from tests.server.made_jobs import MJD, SECONDS

START = np.datetime64("2024-01-01T12:00:00")
LATER = Scan(1, "No0001", MJD + (SECONDS + 3) / 86400, MJD + (SECONDS + 6) / 86400, "SRC1")


@pytest.fixture(name="job")
def _job():
    inp = plain(int_time=0.5)
    inp.execute_time = 6
    return inp


@pytest.fixture(name="offer")
def _offer(job):
    return Offer(wrong_list(job) + wrong_list(job, LATER), [SCAN, LATER], job)


def started(job, offer, select=None, **options):
    return VisibilitySeries(job, offer.choose(select), scans=offer.scans, **options)


def block(number, second, value=1.0, *, scan="No0000", source="SRC0", channels=16):
    return VisibilityBlock(
        number, channels, second, 0, scan, source, np.full(channels, value, np.complex64), None
    )


def feed(series, second, value=1.0, **of):
    for product in series.watched.products:
        series.add(block(product.number, second, value, **of))


def seconds(dataset):
    return ((dataset["time"].values - START) / np.timedelta64(1, "s")).tolist()


def present(dataset):
    """(baseline, polarization, value) of what is there, for each integration."""
    return [
        {
            (str(one["baseline"].values), str(one["polarization"].values), float(one.real))
            for one in dataset["VISIBILITY"]
            .isel(time=k, channel=0, band=0)
            .stack(z=("baseline", "polarization"))
            .T
            if np.isfinite(one)
        }
        for k in range(dataset.sizes["time"])
    ]


def test_what_came_before_a_change_stays(job, offer):
    series = started(job, offer, {"baseline": "AA-CC", "polarization": "LL"})
    feed(series, SECONDS, 1)
    feed(series, SECONDS, 2)
    series.note_gap()
    series.watch(offer.choose({"baseline": ["AA-BB", "AA-CC"], "polarization": "RR"}))
    feed(series, SECONDS + 1, 3)
    series.note_gap()
    series.watch(offer.choose({"baseline": "AA-BB", "polarization": "RR", "band": 0}))
    feed(series, SECONDS + 1, 4)
    dataset = series.dataset()
    assert seconds(dataset) == [0.25, 0.75, 1.25, 1.75]
    assert dataset["baseline"].values.tolist() == ["AA-BB", "AA-CC"]
    assert dataset["polarization"].values.tolist() == ["RR", "LL"]
    assert present(dataset) == [
        {("AA-CC", "LL", 1)},
        {("AA-CC", "LL", 2)},
        {("AA-BB", "RR", 3), ("AA-CC", "RR", 3)},
        {("AA-BB", "RR", 4)},
    ]
    missing = np.isnan(dataset["VISIBILITY"].values).all(axis=-1)
    assert (dataset["WEIGHT"].values[missing] == 0).all()
    assert np.isnan(dataset["WEIGHT"].values[~missing]).all()
    assert dataset["time_uncertainty"].values.tolist() == [0.0] * 4
    assert series.dropped == 0
    assert series.products_frame()["baseline"].tolist() == ["AA-BB"]


def test_an_integration_is_there_once(job, offer):
    """The same products again, before its second is over: other integrations, not the same ones."""
    series = started(job, offer, {"baseline": "AA-BB"})
    feed(series, SECONDS)
    series.note_gap()
    series.watch(offer.choose({"baseline": "AA-BB", "band": 0}))
    feed(series, SECONDS)
    feed(series, SECONDS + 1)
    dataset = series.dataset()
    assert len(np.unique(dataset["time"])) == dataset.sizes["time"] == 3


def test_times_that_become_known_later_move(job, offer):
    series = started(job, offer, {"baseline": "AA-BB"})
    feed(series, SECONDS + 1, 5)
    assert seconds(series.dataset()) == [1.25]
    assert series.dataset()["time_uncertainty"].values.tolist() == [0.5]
    feed(series, SECONDS + 2, 6)
    dataset = series.dataset()
    assert seconds(dataset) == [1.75, 2.25], (
        "who joined in the middle of a second has seen its last integration"
    )
    assert dataset["VISIBILITY"].values[:, 0, 0, 0, 0].real.tolist() == [5, 6]
    assert len(series) == 2


def test_scans_that_were_not_asked_for_are_passed_over(job, offer):
    series = started(job, offer, {"baseline": "AA-BB", "scan": "No0001"})
    feed(series, SECONDS)
    feed(series, SECONDS + 3, scan="No0001", source="SRC1")
    feed(series, SECONDS + 3, scan="", source="")
    dataset = series.dataset()
    assert dataset["scan_name"].values.tolist() == ["No0001", "No0001"]
    assert dataset["field_name"].values.tolist() == ["SRC1", "SRC1"]
    assert seconds(dataset) == [3.25, 3.75]
    assert series.passed_over == dataset.attrs["passed_over"] == 8
    assert series.dropped == 0


def test_each_scan_keeps_its_name_and_its_own_grid(job, offer):
    job.configurations[0].int_time = 0.4
    series = started(job, offer, {"baseline": "AA-BB"})
    for second, scan in ((2, "No0000"),) * 3 + ((3, "No0001"),) * 3:
        feed(series, SECONDS + second, scan=scan, source=f"SRC{scan[-1]}")
    dataset = series.dataset()
    assert seconds(dataset) == [2.2, 2.6, 3.0, 3.2, 3.6, 4.0]
    assert dataset["scan_name"].values.tolist() == ["No0000"] * 3 + ["No0001"] * 3


def test_a_selection_that_does_not_fit_changes_nothing(job, offer):
    one = offer.choose({"baseline": "AA-BB", "polarization": "RR", "band": 0})
    series = VisibilitySeries(job, one, scans=offer.scans, limit_bytes=600)
    feed(series, SECONDS)
    for attempt in (series.require_room, series.watch):
        with pytest.raises(ValueError, match="the limit is 600"):
            attempt(offer.choose(None))
    assert series.watched is one
    assert series.dataset().sizes["baseline"] == 1


def test_a_larger_selection_leaves_room_for_fewer_integrations(job, offer):
    series = started(
        job, offer, {"baseline": "AA-BB", "polarization": "RR", "band": 0}, limit_bytes=6 * 132 * 4
    )
    for half in range(12):
        feed(series, SECONDS + half // 2)
    assert len(series) == 12
    series.watch(offer.choose({"baseline": "AA-BB", "polarization": "parallel", "band": 0}))
    assert series.limit_rows == 12
    series.watch(offer.choose({"baseline": "AA-BB"}))
    assert len(series) <= series.limit_rows == 3
    assert len(series) + series.dropped == 12
    feed(series, SECONDS + 5, 7)
    assert len(series.dataset()["time"]) == len(series)


def test_the_delay_of_the_server_moves_with_its_product(job, offer):
    from difxnb.wire.monitor import ServerFringe

    series = started(job, offer, {"baseline": "BB-CC", "polarization": "RL"})
    for product in series.watched.products:
        series.add(replace(block(product.number, SECONDS), server=ServerFringe(2.0, 9.0, 1)))
    series.watch(offer.choose(None))
    chosen = series.dataset().sel(baseline="BB-CC", polarization="RL")
    assert chosen["server_delay"].values.tolist() == [[2e-6, 2e-6]]
    assert np.isnan(series.dataset()["server_snr"].sel(baseline="AA-BB")).all()
