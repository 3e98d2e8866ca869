# SPDX-License-Identifier: GPL-3.0-or-later
"""Live monitors of jobs with fringes that were put in: whatever is chosen, they come out right."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from difxnb.errors import ConnectionFailed
from difxnb.visibility import fringe_fit
from difxnb.wire.job import JobOutcome
from tests.aio.watched_job import (
    PATIENT,
    SCANS,
    correlator,
    integrations,
    put_demo,
    require_fringes,
    require_truth,
    truth_of,
    until,
)
from tests.client.peers import own_server

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("quirks", "transport", "int_time", "select", "query", "count"),
    [
        (None, "dial-back", 0.5, None, "band >= 0", 48),
        (PATIENT, "channel", 0.1, {"kind": "cross", "frequency": 8418e6}, "band == 1", 12),
        (PATIENT, "dial-back", 0.5, {"antennas": ["CE", "BO"]}, "baseline == 'BO-CE'", 24),
    ],
)
async def test_a_whole_job(
    tmp_path: Path,
    demo: Path,
    quirks: str | None,
    transport: str,
    int_time: float,
    select: dict[str, object] | None,
    query: str,
    count: int,
) -> None:
    """Sub-second integrations of two scans; the wire has whole seconds (7.13, difx-files 15)."""
    root = tmp_path.resolve()
    path = put_demo(demo, root, int_time)
    async with own_server(root, quirks) as server, correlator(server, quirks, transport=transport) as difx:
        run = await difx.job(str(path)).start(monitor=True if select is None else select)
        assert await run.wait(60) is JobOutcome.DONE
        monitor = run.monitor
        assert monitor is not None
        assert len(monitor.products) == count
        assert monitor._watch.blocks == round(2 / int_time) * count
        live = monitor.dataset
        require_truth(live, path)
        assert live.sizes["time"] == round(2 / int_time)
        assert (live["time_uncertainty"] == 0).all()
        assert np.isfinite(live["VISIBILITY"].values).all(axis=-1).sum() == round(2 / int_time) * count
        assert monitor.dropped == 0
        assert monitor.scans["scan_name"].tolist() == SCANS
        assert len(monitor.available) == 48
        require_fringes(monitor.fringes, truth_of(demo), query)
        assert monitor.fringes.attrs["until"] == pd.Timestamp(live["time"].values[-1])
        pd.testing.assert_frame_equal(monitor.fringes, fringe_fit(live))


async def test_one_scan_of_a_job(tmp_path: Path, demo: Path) -> None:
    root = tmp_path.resolve()
    path = put_demo(demo, root, 0.5)
    async with own_server(root, PATIENT) as server, correlator(server, PATIENT) as difx:
        run = await difx.job(str(path)).start(
            monitor={"scan": "No0002", "polarization": "RR", "antennas": ["AL", "BO"]}
        )
        monitor = run.monitor
        assert monitor is not None
        await run.wait(60)
        await until(difx, lambda: integrations(monitor) == 2)
        live = monitor.dataset
        require_truth(live, path)
        assert set(live["scan_name"].values) == {"No0002"}
        assert live["baseline"].values.tolist() == ["AL-BO", "AL-AL", "BO-BO"]
        assert monitor.passed_over == 2 * 2 * 3
        assert "12 of other scans" in repr(monitor)
        require_fringes(
            monitor.fringes,
            truth_of(demo),
            "scan == 'No0002' and baseline == 'AL-BO' and polarization == 'RR'",
        )
        await monitor.select({"polarization": "RR", "antennas": ["AL", "BO"]})
        assert monitor.events["event"].tolist()[-1] == "selected"
        with pytest.raises(ValueError, match="no scan has scan 'No0009'; there are No0001, No0002"):
            await monitor.select({"scan": "No0009"})


async def test_our_server_has_any_number_of_monitors_on_a_connection(tmp_path: Path, demo: Path) -> None:
    root = tmp_path.resolve()
    path = put_demo(demo, root, 0.5)
    async with own_server(root) as server, correlator(server, None) as difx:
        job = difx.job(str(path))
        first, second = await job.monitor({"band": 0}), await job.monitor({"band": 1})
        assert len(first.products) == len(second.products) == 24


async def test_a_real_server_has_one_monitor_per_connection(tmp_path: Path, demo: Path) -> None:
    """9.7; that of a job that is over makes room."""
    root = tmp_path.resolve()
    path = put_demo(demo, root, 0.5)
    async with own_server(root, "real-name") as server, correlator(server, "real-name") as difx:
        job = difx.job(str(path))
        first = await job.monitor({"band": 0})
        with pytest.raises(ConnectionFailed, match="one monitor per connection"):
            await job.monitor({"band": 1})
        await first.close()
        run = await job.start(monitor={"band": 0, "kind": "cross"})
        await run.wait(60)
        monitor = run.monitor
        assert monitor is not None
        await until(difx, lambda: monitor._watch.blocks == 4 * 12)
        await job.monitor({"band": 1})
        assert monitor.closed
        assert integrations(monitor) == 4


async def test_what_is_kept_is_bounded(tmp_path: Path, demo: Path) -> None:
    root = tmp_path.resolve()
    path = put_demo(demo, root, 0.1)
    async with own_server(root) as server, correlator(server, None) as difx:
        job = difx.job(str(path))
        with pytest.raises(ValueError, match="the limit is 10"):
            await job.monitor(limit_bytes=10)
        monitor = await job.monitor(
            {"baseline": "AL-BO", "band": 0, "polarization": "RR"}, limit_bytes=10 * 516
        )
        with pytest.raises(ValueError, match="the limit is 5160"):
            await monitor.select()
        assert monitor.products["polarization"].tolist() == ["RR"]
        run = await job.start(function="RUN_MONITOR")
        await run.wait(60)
        await until(difx, lambda: monitor.dropped + integrations(monitor) == 20)
        assert 0 < integrations(monitor) <= 10
        assert f"{monitor.dropped} dropped" in repr(monitor)
