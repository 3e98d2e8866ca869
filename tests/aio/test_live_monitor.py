# SPDX-License-Identifier: GPL-3.0-or-later
"""Live monitors of jobs with fringes that were put in: whatever is chosen, changed or lost, they come out right."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from difxnb import aio
from difxnb.errors import ConnectionFailed
from difxnb.first_light import compare, correlated_dataset
from difxnb.formats.input import read_input
from difxnb.server.gui_server import GuiServer
from difxnb.server.running_jobs import embedded_correlator
from difxnb.server.start_plan import Launch
from difxnb.synthetic import make_experiment, read_truth, small_experiment
from difxnb.visibility import fringe_fit
from difxnb.wire.job import JobOutcome
from tests.client.peers import own_server, patience_for

pytestmark = pytest.mark.slow

SCANS = ["No0001", "No0002"]
PASSING = 4
"""Integrations that a gate lets through."""

PATIENT = "2.9,-data-timeout"
"""A server with all faults but one: what comes after it gave up waiting and before it is asked again, nobody gets.

Where every integration is counted a busy machine, on which one comes a second late, would lose some.
"""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scans of a second, three stations, two bands, four products; what comes out is known."""
    folder = tmp_path_factory.mktemp("demo")
    make_experiment(folder, experiment=small_experiment(scan_seconds=1))
    return folder


def put_demo(demo: Path, root: Path, int_time: float) -> Path:
    """Give a test its own copy, with another integration time; recordings are shared."""
    for file in demo.iterdir():
        if file.suffix == ".vdif":
            os.link(file, root / file.name)
        elif file.suffix in (".input", ".calc"):
            text = file.read_text().replace(str(demo), str(root))
            key = "INT TIME (SEC):     "
            assert file.suffix == ".calc" or f"{key}1.000000" in text
            (root / file.name).write_text(text.replace(f"{key}1.000000", f"{key}{int_time:.6f}"))
        elif file.is_file():
            shutil.copy(file, root)
    return root / "demo_1.input"


def truth_of(demo: Path) -> pd.DataFrame:
    """Expected fringes, as `DemoCorrelator.truth` gives them."""
    truth = pd.DataFrame([asdict(fringe) for fringe in read_truth(demo).fringes])
    truth["baseline"] = truth["antenna1"] + "-" + truth["antenna2"]
    return truth.rename(columns={"delay_s": "delay"})


def require_fringes(fringes: pd.DataFrame, truth: pd.DataFrame, query: str) -> None:
    """All strong fringes of a part of the truth were measured, with the right sign, within their errors."""
    both = compare(fringes, truth.query(query))
    strong = both[both["strong"]]
    assert len(strong)
    assert strong["found"].all(), strong.to_string()


def require_truth(live: xr.Dataset, job: Path) -> None:
    """What is there is what the correlator wrote, at its time and under its name."""
    file = correlated_dataset(job).transpose(*live["VISIBILITY"].dims, "uvw")
    assert len(np.unique(live["time"])) == live.sizes["time"]
    assert set(live["time"].values) <= set(file["time"].values)
    for name in ("time", "baseline", "band", "polarization"):
        file = file.sel({name: live[name].values})
    for name in ("scan_name", "field_name", "frequency", "antenna1_name", "antenna2_name"):
        np.testing.assert_array_equal(live[name].values, file[name].values, err_msg=name)
    there = np.isfinite(live["VISIBILITY"].values)
    assert there.any()
    expected = np.where(file["WEIGHT"].values[..., None] > 0, file["VISIBILITY"].values, 0)
    np.testing.assert_allclose(live["VISIBILITY"].values[there], expected[there], rtol=1e-5, atol=1e-5)


@asynccontextmanager
async def correlator(
    server: GuiServer, quirks: str | None, **options: object
) -> AsyncIterator[aio.Correlator]:
    async with aio.connect("127.0.0.1", server.port, **{"patience": patience_for(quirks), **options}) as difx:
        yield difx


async def until(difx: aio.Correlator, found: Callable[[], bool]) -> None:
    """Wait for what a monitor has got."""
    async with asyncio.timeout(60):
        while not found():
            await difx.head_node.fence()


def integrations(monitor: aio.Monitor) -> int:
    return len(monitor._known)


def requests_taken(monitor: aio.Monitor) -> int:
    """How often the server said that it will send what was asked for; what comes before is for nobody."""
    return sum("products will be sent" in text for text in monitor.texts)


class Gate:
    """Holds a job up behind its first integrations until it is opened, whatever the pace of the machine.

    To stop the correlator when a client has seen some of them is too late on a busy machine.
    """

    def __init__(self, pipe: Path, stream: BinaryIO) -> None:
        self._pipe, self._stream = pipe, stream

    def correlator(self, launch: Launch, root: Path) -> list[str]:
        """The server's correlator behind the gate."""
        script = str(Path(__file__).with_name("gated_correlator.py"))
        return [sys.executable, script, str(PASSING), str(self._pipe), *embedded_correlator(launch, root)]

    def open(self) -> None:
        """Let the rest through."""
        self._stream.write(b"!")


@pytest.fixture
def gate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    pipe = tmp_path_factory.mktemp("gate") / "pipe"
    os.mkfifo(pipe)
    with open(pipe, "r+b", buffering=0) as stream:
        yield Gate(pipe, stream)


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
