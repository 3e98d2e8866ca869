# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole jobs: started, watched, stopped, refused, on the embedded correlator behind the own server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from difxnb import aio
from difxnb.errors import (
    JobRefused,
    NoReply,
    OutputExists,
    RemoteFileNotFound,
    StillRunning,
)
from difxnb.wire.job import JobOutcome
from difxnb.wire.message import Message, Status
from tests.client.peers import ROBUST, own_server, patience_for, relayed
from tests.jobs_to_run import put

pytestmark = pytest.mark.slow

# With faults and channels: test_a_server_that_dies_after_each_job.
MODES = [(None, "channel"), ("2.9", "dial-back")]


@asynccontextmanager
async def job_at(path: Path, port: int, **options: object) -> AsyncIterator[tuple[aio.Correlator, aio.Job]]:
    async with aio.connect("127.0.0.1", port, **{"patience": ROBUST, **options}) as difx:
        yield difx, difx.job(str(path))


async def place(job: aio.Job) -> None:
    n_datastreams = (await job.input()).active_datastreams
    await job.set_machines(
        head_node="localhost", datastreams=["localhost"] * n_datastreams, processors={"localhost": 2}
    )


async def until_running(difx: aio.Correlator) -> None:
    """Wait for the first message of a running job."""
    running = asyncio.Event()

    def look(item: object) -> None:
        if isinstance(item, Message) and isinstance(item.body, Status) and item.body.state == "Running":
            running.set()

    end = difx.messages.subscribe(look, type="status")
    async with asyncio.timeout(30):
        await running.wait()
    end()


async def until_complete(difx: aio.Correlator, monitor: aio.Monitor, integrations: int) -> None:
    """Wait for what travels beside the end of a job: its last messages, and its last monitored data."""
    await difx.head_node.fence()
    async with asyncio.timeout(30):
        while monitor.dataset.sizes["time"] < integrations:
            await difx.head_node.fence()
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("quirks", "transport"), MODES)
async def test_a_whole_job(tmp_path: Path, made: Path, quirks: str | None, transport: str) -> None:
    root = tmp_path.resolve()
    path = put(made, "short", root)
    async with (
        own_server(root, quirks) as server,
        job_at(path, server.port, transport=transport, patience=patience_for(quirks)) as (difx, job),
    ):
        with pytest.raises(RemoteFileNotFound, match="set_machines"):
            await job.start()
        (root / "job.difx").mkdir()
        (root / "job.difx/precious").write_text("data")
        await place(job)
        machines = await job.machines()
        assert machines["role"].tolist() == ["head", "datastream", "datastream", "processor"]
        assert machines["threads"].isna().tolist() == [True, True, True, False]
        assert (await job.check()).attrs["passed"] is True
        with pytest.raises(OutputExists, match="overwrite=True"):
            await job.start()

        run = await job.start(monitor=True, overwrite=True)
        assert run.monitor is not None
        assert run.outcome is None
        assert await run.wait(60) is JobOutcome.DONE
        assert await run is JobOutcome.DONE
        await until_complete(difx, run.monitor, 5)
        assert (run.done, run.progress, run.state) == (True, 1.0, "Done")
        assert {"job_started", "starting_difx", "job_ended_gracefully"} <= set(run.events["event"])
        assert {"guiServer", "mpifxcorr"} == set(run.events["source"])
        assert run.events["time"].is_monotonic_increasing
        assert run.weights.dims == ("time", "antenna")
        assert run.weights["antenna"].values.tolist() == ["AA", "BB"]
        assert run.weights.sizes["time"] == 5
        assert np.all(run.weights.values > 0.9)

        assert set(run.monitor.products["polarization"]) == {"RR", "LL", "RL", "LR"}
        dataset = run.monitor.dataset
        assert dataset["baseline"].values.tolist() == ["AA-BB", "AA-AA", "BB-BB"]
        assert dataset.sizes["time"] == 5
        assert np.isfinite(dataset["UVW"].values).all()
        cross = run.monitor.fringes.query("baseline == 'AA-BB'")
        assert len(cross) == 4
        assert (cross["snr"] > 20).all()
        assert (cross["delay"].abs() < 5 * cross["delay_error"]).all()
        saved = run.monitor.save(root / "live.nc")
        with pytest.raises(OutputExists):
            run.monitor.save(saved)
        with xr.open_dataset(saved, engine="netcdf4", auto_complex=True) as again:
            assert again["VISIBILITY"].dims == dataset["VISIBILITY"].dims
        await run.monitor.close()
        assert run.monitor.closed

        assert (await job.status())["state"].tolist() == ["Done"]
        assert "STATUS Done" in await job.log()
        assert difx.jobs.frame()["state"].tolist() == ["Done"]
    assert (root / "job.difx.1/precious").read_text() == "data"
    assert [file.name for file in (root / "job.difx").iterdir()] != ["precious"]


async def test_stop(tmp_path: Path, made: Path) -> None:
    root = tmp_path.resolve()
    path = put(made, "long", root)
    async with own_server(root) as server, job_at(path, server.port) as (difx, job):
        await place(job)
        run = await job.start(monitor={"polarization": "RR"})
        assert run.monitor is not None
        assert set(run.monitor.products["polarization"]) == {"RR"}
        await until_running(difx)
        with pytest.raises(NoReply, match="still runs, and goes on"):
            await run.wait(0.01)
        await job.stop()
        assert run.outcome is JobOutcome.STOPPED
        assert await run.wait() is JobOutcome.STOPPED
        assert 0 <= run.progress < 1
        await run.stop()
        await job.stop()


async def test_stop_by_another_connection(tmp_path: Path, made: Path) -> None:
    root = tmp_path.resolve()
    path = put(made, "long", root)
    async with (
        own_server(root) as server,
        job_at(path, server.port) as (difx, job),
        job_at(path, server.port, transport="dial-back") as (other, same_job),
    ):
        await place(job)
        run = await job.start()
        await asyncio.gather(until_running(difx), until_running(other))
        await same_job.stop()
        assert await run.wait(20) in (JobOutcome.STOPPED, JobOutcome.DONE_WITH_ERRORS, JobOutcome.FAILED)
        # What is heard of another run of the same job does not bring this one back to life.
        before = (run.state, run.progress, run.latest_weights)
        again = await same_job.start(overwrite=True)
        await asyncio.gather(until_running(difx), until_running(other))
        assert (run.state, run.progress, run.latest_weights) == before
        await again.stop()


async def test_stop_during_start(tmp_path: Path, made: Path) -> None:
    """Wherever the stop strikes, the start ends with a refusal or gives a run that was stopped."""
    root = tmp_path.resolve()
    path = put(made, "long", root)
    async with own_server(root) as server, job_at(path, server.port) as (_, job):
        await place(job)
        starting = asyncio.create_task(job.start())
        await job.stop()
        (result,) = await asyncio.gather(starting, return_exceptions=True)
        if isinstance(result, aio.JobRun):
            await result.stop()
            assert result.outcome is JobOutcome.STOPPED
        else:
            assert isinstance(result, JobRefused)
            assert result.reason == "stopped_before_start"


async def test_cancelled_start_leaves_no_job(tmp_path: Path, made: Path) -> None:
    root = tmp_path.resolve()
    path = put(made, "long", root)
    async with own_server(root) as server, job_at(path, server.port) as (difx, job):
        await place(job)
        starting = asyncio.create_task(job.start(monitor=True))
        requested = asyncio.Event()
        difx.messages.subscribe(lambda _: requested.set())
        waiting = asyncio.create_task(requested.wait())
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        starting.cancel()
        try:
            run = await starting
        except asyncio.CancelledError:
            async with asyncio.timeout(20):
                while difx.head_node.running_jobs:
                    await difx.head_node.fence()
        else:
            await run.stop()
        assert difx.head_node.running_jobs == frozenset()


async def test_no_such_job(tmp_path: Path) -> None:
    async with (
        own_server(tmp_path) as server,
        job_at(tmp_path.resolve() / "none.input", server.port) as (_, job),
    ):
        for call in (job.input, job.machines, job.check, job.start, job.log, job.monitor):
            with pytest.raises(RemoteFileNotFound, match=r"none\.(input|machines|difxlog)"):
                await call()
        assert (await job.status()).empty
        with pytest.raises(RemoteFileNotFound, match=r"none\.input"):
            await job.set_machines(head_node="h", datastreams=["n"], processors={"n": 1})


async def test_no_data(tmp_path: Path, made: Path) -> None:
    root = tmp_path.resolve()
    path = put(made, "short", root)
    (root / "AA.vdif").unlink()
    async with own_server(root) as server, job_at(path, server.port) as (_, job):
        await place(job)
        findings = await job.check()
        assert findings.attrs["passed"] is False
        assert findings["text"].str.contains("AA.vdif").any()
        for monitor in (None, True):
            with pytest.raises(JobRefused, match=r"AA\.vdif") as caught:
                await job.start(monitor=monitor)
            assert caught.value.reason == "bad_config"
    assert not path.with_suffix(".difx").exists()


async def test_damaged_input(tmp_path: Path, made: Path) -> None:
    root = tmp_path.resolve()
    path = put(made, "short", root)
    path.write_text("# COMMON SETTINGS ##!\nrubbish\n")
    async with own_server(root) as server, job_at(path, server.port) as (_, job):
        with pytest.raises(ValueError, match=r"job\.input, .*expected 'CALC FILENAME'"):
            await job.start()


async def test_machines_that_do_not_suit_the_job(tmp_path: Path, made: Path) -> None:
    path = put(made, "short", tmp_path.resolve())
    async with own_server(tmp_path) as server, job_at(path, server.port) as (_, job):
        with pytest.raises(ValueError, match="2 datastreams; got 1 hosts"):
            await job.set_machines(head_node="h", datastreams=["n"], processors={"n": 1})


async def test_selecting_products(tmp_path: Path, made: Path) -> None:
    path = put(made, "short", tmp_path.resolve())
    async with own_server(tmp_path) as server, job_at(path, server.port) as (_, job):
        async with await job.monitor() as everything:
            products = everything.products
            assert "open" in repr(everything)
        for select, count in (
            ({"polarization": ["RR", "LL"], "is_autocorrelation": False}, 2),
            (products[products["is_autocorrelation"]], int(products["is_autocorrelation"].sum())),
            (lambda table: table["polarization"] == "RL", int((products["polarization"] == "RL").sum())),
            (lambda table: table.iloc[:3], 3),
        ):
            async with await job.monitor(select) as some:
                assert len(some.products) == count
        with pytest.raises(ValueError, match="products have no 'colour'"):
            await job.monitor({"colour": "red"})
        with pytest.raises(ValueError, match=r"selection is empty|no product|No product"):
            await job.monitor({"band": 99})


@pytest.mark.parametrize("damage", ["missing", "rubbish"])
async def test_monitor_without_delay_model(
    tmp_path: Path, made: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = put(made, "short", tmp_path.resolve())
    if damage == "missing":
        path.with_suffix(".im").unlink()
    else:
        path.with_suffix(".im").write_text("rubbish")
    async with (
        own_server(tmp_path) as server,
        job_at(path, server.port) as (_, job),
        await job.monitor() as monitor,
    ):
        assert monitor.delay_model is None
        assert monitor.dataset["UVW"].isnull().all()
        assert monitor.texts
    assert ("baseline coordinates will be missing" in caplog.text) == (damage == "rubbish")


async def test_server_dies_in_the_middle(tmp_path: Path, made: Path) -> None:
    """What was seen of the job stays; it can be stopped after the reconnection (see also test_lost_runs)."""
    root = tmp_path.resolve()
    path = put(made, "long", root)
    async with own_server(root, "real-name") as server, AsyncExitStack() as relay:
        port = await relay.enter_async_context(relayed(server.port))
        async with job_at(path, port) as (difx, job):
            await place(job)
            run = await job.start(monitor=True)
            await until_running(difx)
            await relay.aclose()
            with pytest.raises(NoReply, match="not known yet whether job has ended"):
                await run.wait(0.5)
            assert run.outcome is JobOutcome.UNKNOWN
            assert run.monitor is not None
            assert run.monitor.dataset.sizes["baseline"] > 0
            difx.head_node.port = await relay.enter_async_context(relayed(server.port))
            await difx.reconnect()
            await run.stop()
            assert run.outcome in (JobOutcome.STOPPED, JobOutcome.DONE)


async def test_a_server_that_dies_after_each_job(tmp_path: Path, made: Path) -> None:
    """Real servers do (H1): the outcome is known all the same, the connection comes back, nothing is left out."""
    root = tmp_path.resolve()
    path = put(made, "short", root)
    async with (
        own_server(root, "2.9,dies-after-job") as server,
        job_at(path, server.port, patience=patience_for("2.9")) as (difx, job),
    ):
        await place(job)
        run = await job.start(monitor={"polarization": "RR"})
        assert await run.wait(60) is JobOutcome.DONE
        # At once, while nobody knows yet whether the server lives:
        await difx.mkdir(f"{root}/made")
        assert (root / "made").is_dir()
        assert not difx.closed
        assert (run.state, run.progress) == ("Done", 1.0)
        assert run.monitor is not None
        await run.monitor.close()
        assert run.monitor.dataset.sizes["time"] > 0
        heard = difx.jobs.frame()[["job", "state", "progress", "attempt"]]
        assert heard.to_numpy().tolist() == [["job", "Done", 1.0, 1]]
        again = await job.start(overwrite=True)
        await again.stop()
        assert again.outcome is JobOutcome.STOPPED
        await difx.head_node.fence()
        assert (run.state, run.progress) == ("Done", 1.0)
        assert difx.head_node.reconnections >= 2
        assert difx.head_node.running_jobs == frozenset()


async def test_leaving_a_job_running(tmp_path: Path, made: Path) -> None:
    """The own server goes on with a job whose client has left; another client hears it, and can stop it."""
    root = tmp_path.resolve()
    path = put(made, "long", root)
    async with own_server(root) as server:
        async with job_at(path, server.port) as (difx, job):
            await place(job)
            await job.start()
            await until_running(difx)
        async with job_at(path, server.port) as (difx, job):
            await until_running(difx)
            await job.stop()


async def test_a_real_server_is_not_left_with_a_job(tmp_path: Path, made: Path) -> None:
    """H2: it would crash, and take the job with it."""
    root = tmp_path.resolve()
    path = put(made, "short", root)
    async with own_server(root, "real-name") as server:
        async with job_at(path, server.port) as (difx, job):
            await place(job)
            run = await job.start()
            with pytest.raises(StillRunning, match=r"job\.input"):
                await difx.close()
            assert not difx.closed
        # Leaving the block has waited for the end of the job.
        assert run.outcome is JobOutcome.DONE
