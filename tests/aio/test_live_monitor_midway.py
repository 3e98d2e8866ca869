# SPDX-License-Identifier: GPL-3.0-or-later
"""Live monitors in the middle of a job: what is looked at, chosen anew, given up or lost then."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from difxnb.formats.input import read_input
from difxnb.wire.job import JobOutcome
from tests.aio.watched_job import (
    PASSING,
    PATIENT,
    Gate,
    correlator,
    integrations,
    put_demo,
    requests_taken,
    require_fringes,
    require_truth,
    truth_of,
    until,
)
from tests.client.peers import own_server

pytestmark = pytest.mark.slow


async def test_a_monitor_catches_up_with_its_job(tmp_path: Path, demo: Path, gate: Gate) -> None:
    """Whoever waits for a run has all of it, though visibilities come by another way than words of the end."""
    root = tmp_path.resolve()
    end = read_input(put_demo(demo, root, 0.1)).start_mjd + 0.25 + 1.95 / 86400
    async with own_server(root, correlator=gate.correlator) as server, correlator(server, None) as difx:
        run = await difx.job(str(root / "demo_1.input")).start(monitor={"baseline": "AL-BO"})
        monitor = run.monitor
        await until(difx, lambda: integrations(monitor) == PASSING)
        await monitor.catch_up(end, patience=0.05)  # nothing more comes: it gives up
        waiting = asyncio.create_task(monitor.catch_up(end, patience=60))
        gate.open()
        await waiting
        assert integrations(monitor) == 20
        assert await run.wait(60) is JobOutcome.DONE


async def test_quality_so_far_and_at_the_end(tmp_path: Path, demo: Path, gate: Gate) -> None:
    """While the job runs it is said to be so far; limits are those of whoever asks."""
    root = tmp_path.resolve()
    path = put_demo(demo, root, 0.1)
    async with own_server(root, correlator=gate.correlator) as server, correlator(server, None) as difx:
        run = await difx.job(str(path)).start(monitor={"polarization": "parallel"})
        monitor = run.monitor
        assert monitor is not None
        count = len(monitor.products)
        await until(difx, lambda: monitor._watch.blocks == PASSING * count)
        early = await monitor.quality()
        assert early.running
        assert "so far" in repr(early)
        with pytest.raises(ValueError, match="there is no check 'colour'"):
            await monitor.quality({"colour": {"look": 1}})
        gate.open()
        assert await run.wait(60) is JobOutcome.DONE
        await until(difx, lambda: monitor._watch.blocks == 20 * count)
        await monitor.close()
        report = await monitor.quality()
        assert not report.running
        assert report["fringes"].verdict == "go"
        assert report["order"].verdict == "go"
        look = report["weights"].value + 0.01
        strict = await monitor.quality({"weights": {"look": look, "no_go": look - 0.005}})
        assert strict["weights"].verdict == "no-go"


@pytest.mark.parametrize("quirks", [None, pytest.param(PATIENT, id="2.9")])
async def test_two_clients_see_what_they_chose_and_one_changes_its_mind(
    tmp_path: Path, demo: Path, gate: Gate, quirks: str | None
) -> None:
    """7.13: several clients of one job; 104, wait, and begin on another channel to change a selection."""
    root = tmp_path.resolve()
    path = put_demo(demo, root, 0.1)
    truth = truth_of(demo)
    async with (
        own_server(root, quirks, correlator=gate.correlator) as server,
        correlator(server, quirks) as difx,
        correlator(server, quirks) as other,
    ):
        watcher = await other.job(str(path)).monitor(
            {"frequency": 8400.1, "polarization": "parallel", "kind": "cross"}
        )
        run = await difx.job(str(path)).start(monitor={"baseline": "BO-AL", "polarization": ["RR", "RL"]})
        monitor = run.monitor
        assert monitor is not None
        first = PASSING * len(monitor.products)
        await until(difx, lambda: monitor._watch.blocks == first)
        before = monitor.dataset
        with pytest.raises(ValueError, match="no product has antenna 'XX'; there are AL, BO, CE"):
            await monitor.select({"antenna": "XX"})
        assert not monitor.events["event"].isin(["selected"]).any()
        chosen = await monitor.select({"antenna": "AL", "polarization": "LL", "kind": "cross", "band": 1})
        assert chosen["baseline"].tolist() == ["AL-BO", "AL-CE"]
        assert monitor.products.equals(chosen)
        await until(difx, lambda: requests_taken(monitor) == 2)
        assert run.outcome is None, "the job is not touched"
        gate.open()
        assert await run.wait(60) is JobOutcome.DONE
        await until(other, lambda: watcher._watch.blocks == 20 * len(watcher.products))
        await until(difx, lambda: monitor._watch.blocks == first + (20 - PASSING) * len(chosen))
        live = monitor.dataset
        assert set(before["time"].values) <= set(live["time"].values)
        one = live.sel(baseline="AL-BO", band=1)
        there = np.isfinite(one["VISIBILITY"].values).all(axis=-1)
        names = one["polarization"].values.tolist()
        for hand, expected in (("RR", range(PASSING)), ("RL", range(PASSING)), ("LL", range(PASSING, 20))):
            assert np.flatnonzero(there[:, names.index(hand)]).tolist() == list(expected), hand
        exact = live.isel(time=live["time_uncertainty"].values == 0)
        require_truth(exact, path)
        require_truth(watcher.dataset, path)
        require_fringes(watcher.fringes, truth, "band == 0 and polarization in ('RR', 'LL')")
        require_fringes(monitor.fringes, truth, "baseline in ('AL-BO', 'AL-CE') and polarization == 'LL' and band == 1 "
                        "and scan == 'No0002'")  # fmt: skip
        require_fringes(
            monitor.fringes, truth, "baseline == 'AL-BO' and polarization == 'RR' and scan == 'No0001'"
        )
        assert monitor.events["event"].tolist()[:2] == ["opened", "selected"]
        assert monitor.dropped == 0


async def test_a_server_that_gave_up_is_asked_again(tmp_path: Path, demo: Path, gate: Gate) -> None:
    """7.13: without a word of the user, as after a loss of the connection."""
    root = tmp_path.resolve()
    path = put_demo(demo, root, 0.1)
    async with (
        own_server(root, "2.9", correlator=gate.correlator) as server,
        correlator(server, "2.9") as difx,
    ):
        run = await difx.job(str(path)).start(monitor={"baseline": "AL-BO"})
        monitor = run.monitor
        assert monitor is not None
        await until(difx, lambda: requests_taken(monitor) == 2)
        assert monitor.events["event"].tolist()[:2] == ["opened", "restarted"]
        had = monitor._watch.blocks
        gate.open()
        await until(difx, lambda: monitor._watch.blocks > had)
        assert await run.wait(60) is JobOutcome.DONE
        live = monitor.dataset
        require_truth(live.isel(time=live["time_uncertainty"].values == 0), path)


async def test_a_lost_connection(tmp_path: Path, demo: Path, gate: Gate) -> None:
    """What comes meanwhile is missing; the rest goes on without a word of the user."""
    root = tmp_path.resolve()
    path = put_demo(demo, root, 0.1)
    async with (
        own_server(root, correlator=gate.correlator) as server,
        correlator(server, None) as difx,
    ):
        run = await difx.job(str(path)).start(monitor={"baseline": "AL-BO"})
        monitor = run.monitor
        assert monitor is not None
        await until(difx, lambda: monitor._watch.blocks == PASSING * len(monitor.products))
        assert difx.head_node._session is not None
        difx.head_node._session.lose("a test cut it")
        await until(difx, lambda: requests_taken(monitor) == 2)
        assert monitor.events["event"].tolist() == ["opened", "lost", "resumed"]
        assert not monitor.closed
        gate.open()
        await until(difx, lambda: monitor._watch.blocks == 20 * len(monitor.products))
        live = monitor.dataset
        assert live.sizes["time"] == 20
        assert live["time"].values[-1] == np.datetime64("2025-03-12T06:00:03.95")
        require_truth(live.isel(time=live["time_uncertainty"].values == 0), path)
        require_fringes(monitor.fringes, truth_of(demo), "baseline == 'AL-BO'")
