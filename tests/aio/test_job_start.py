# SPDX-License-Identifier: GPL-3.0-or-later
"""What is settled before a job starts: findings, waivers, options, names; and what stays as it was meanwhile."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from difxnb import aio
from difxnb.errors import HostsNotReached, JobRefused, OutputExists, UnsafeValue
from difxnb.formats.machines import write_machines
from difxnb.wire.job import JobOutcome
from tests.aio.stage import job_at, place, stage, until_state
from tests.client.peers import own_server, patience_for
from tests.jobs_to_run import put
from tests.server.made_jobs import MadeJob


@pytest.fixture
def faulty(tmp_path: Path, made: Path) -> Path:
    """A job with two findings of the server's check, and output of an earlier run."""
    path = put(made, "short", tmp_path.resolve())
    for name in ("AA.vdif", "BB.vdif"):
        path.with_name(name).unlink()
        os.mkfifo(path.with_name(name))
    path.with_suffix(".difx").mkdir()
    (path.with_suffix(".difx") / "precious").write_text("data")
    return path


@pytest.mark.parametrize("quirks", [None, "2.9"])
async def test_findings_are_waived_one_by_one(faulty: Path, quirks: str | None) -> None:
    """7.4: the real server takes or leaves all of them; nothing is moved before every one is waived."""
    precious = faulty.with_suffix(".difx") / "precious"
    async with (
        stage(faulty.parent, "lines", quirks) as server,
        job_at(faulty, server.port, patience=patience_for(quirks)) as (_, job),
    ):
        assert "no-machines" in (await job.check())["id"].tolist()
        await place(job)
        findings = await job.check()
        assert findings.columns.tolist() == ["id", "severity", "blocks", "text"]
        assert findings.attrs["passed"] is False
        blocking = findings[findings["blocks"]]
        assert [text.rsplit("/")[-1] for text in blocking["text"]] == [
            "AA.vdif is no regular file",
            "BB.vdif is no regular file",
        ]
        first, second = blocking["id"]
        assert (await job.check())["id"].tolist() == findings["id"].tolist()
        waivers: list[list[str]] = [[], [first], [second, "check-00000000"]]
        for waive in waivers:
            with pytest.raises(JobRefused, match=r"is no regular file") as caught:
                await job.start(overwrite=True, waive=waive)
            assert set(caught.value.findings) == {first, second} - set(waive)
            assert caught.value.reason == "bad_config"
            assert ("check-00000000" in str(caught.value)) == ("check-00000000" in waive)
            assert precious.read_text() == "data"
        with pytest.raises(OutputExists):
            await job.start(waive=[first, second])
        run = await job.start(overwrite=True, waive=[first, blocking["text"].iloc[1]])
        await run.wait(30)
        waived = run.events[run.events["event"] == "waived"]
        assert [text.partition(":")[0] for text in waived["text"]] == [first, second]
        assert set(waived["source"]) == {"difxnb"}
    assert (faulty.with_suffix(".difx.1") / "precious").read_text() == "data"


async def test_the_server_refuses_by_itself_what_nobody_waived(faulty: Path) -> None:
    """BAIL_ON_CONFIG_FAIL: one conversation for check and start, and the same ids."""
    faulty.with_suffix(".difx").rename(faulty.with_suffix(".old"))
    async with stage(faulty.parent, "lines") as server, job_at(faulty, server.port) as (_, job):
        await place(job)
        with pytest.raises(JobRefused, match=r"waive=\[ids\]") as caught:
            await job.start()
        findings = await job.check()
        assert caught.value.findings == tuple(findings.loc[findings["blocks"], "id"])
        run = await job.start(bail_on_config_fail=False)
        assert await run.wait(30) in (JobOutcome.DONE_WITH_ERRORS, JobOutcome.FAILED)


async def test_machines_that_do_not_fit_the_job(tmp_path: Path, made: Path) -> None:
    path = put(made, "short", tmp_path.resolve())
    async with stage(tmp_path, "lines") as server, job_at(path, server.port) as (_, job):
        await place(job)
        write_machines(["localhost"] * 3, path.with_suffix(".machines"), overwrite=True)
        with pytest.raises(JobRefused, match=r"machines-do-not-fit: .*3 hosts") as caught:
            await job.start()
        assert caught.value.findings == ("machines-do-not-fit",)
        run = await job.start(waive=["machines-do-not-fit"])
        await run.wait(30)


async def test_processors_that_do_not_answer_are_left_out(tmp_path: Path, made: Path) -> None:
    """7.6, testProcessors."""
    path = put(made, "short", tmp_path.resolve())
    good: dict[str, Any] = {"head_node": "localhost", "datastreams": ["localhost"] * 2, "test": True}
    async with own_server(tmp_path) as server, job_at(path, server.port) as (_, job):
        machines = await job.set_machines(**good, processors={"localhost": 3, "elsewhere": 2})
        assert machines.attrs["failed_hosts"] == ["elsewhere"]
        assert machines["node"].tolist() == ["localhost"] * 4
        before = path.with_suffix(".machines").read_text()
        for change in (
            {"datastreams": ["localhost", "elsewhere"], "processors": {"localhost": 3}},
            {"head_node": "elsewhere", "processors": {"localhost": 3}},
            {"processors": {"elsewhere": 3}},
        ):
            with pytest.raises(HostsNotReached, match="elsewhere did not answer") as caught:
                await job.set_machines(**{**good, **change})
            assert caught.value.hosts == ("elsewhere",)
        assert path.with_suffix(".machines").read_text() == before
        tried = await job.test_machines()
        assert tried[["node", "roles", "answered"]].to_numpy().tolist() == [
            ["localhost", "head, datastream, processor", True]
        ]
        tried = await job.test_machines(["elsewhere", "localhost"])
        assert tried["answered"].tolist() == [False, True]
        assert tried["roles"].tolist() == ["", "head, datastream, processor"]
        with pytest.raises(TypeError, match="list of hosts"):
            await job.test_machines("localhost")


CONTRADICTIONS: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"monitor": True, "function": "default"}, ValueError, "with a monitor"),
    ({"function": "BAIL_ON_CONFIG_FAIL", "waive": ["x"]}, ValueError, "refuses every finding"),
    ({"function": "BAIL_ON_CONFIG_FAIL", "bail_on_config_fail": False}, ValueError, "refuses every finding"),
    ({"function": "CONFIG_ONLY"}, ValueError, "function is one of"),
    ({"waive": "check-1"}, TypeError, "list of ids"),
    ({"mpi_options": "; reboot"}, UnsafeValue, "mpi_options"),
    ({"restart_seconds": 30}, ValueError, "-r 30"),
    ({"stall_after": 0}, ValueError, "stalls after"),
]


@pytest.mark.parametrize(("wishes", "error", "text"), CONTRADICTIONS)
async def test_wishes_that_cannot_be(
    tmp_path: Path, made: Path, wishes: dict[str, Any], error: type[Exception], text: str
) -> None:
    """H29 among them: a real server has mpifxcorr fail at a restart second."""
    path = put(made, "short", tmp_path.resolve())
    async with own_server(tmp_path, "real-name") as server, job_at(path, server.port) as (_, job):
        await place(job)
        with pytest.raises(error, match=text):
            await job.start(**wishes)
    assert not path.with_suffix(".difx").exists()


FUNCTIONS: list[tuple[dict[str, Any], str]] = [
    ({}, "BAIL_ON_CONFIG_FAIL"),
    ({"monitor": {"polarization": "RR"}}, "RUN_MONITOR"),
    ({"bail_on_config_fail": False}, "default"),
    ({"function": "USNO"}, "USNO"),
    ({"function": "RUN_MONITOR"}, "RUN_MONITOR"),
    ({"waive": ["whatever"]}, "BAIL_ON_CONFIG_FAIL"),
]


@pytest.mark.parametrize(("wishes", "function"), FUNCTIONS)
async def test_the_one_word_that_the_server_takes(
    tmp_path: Path, made: Path, wishes: dict[str, Any], function: str
) -> None:
    path = put(made, "short", tmp_path.resolve())
    async with stage(tmp_path, "lines") as server, job_at(path, server.port) as (_, job):
        await place(job)
        run = await job.start(**wishes)
        assert run.options.function == function
        await run.wait(30)


async def test_a_restart_second(tmp_path: Path) -> None:
    """On the server of this package; the job begins later and is shorter, as difxmessage.md 6.3 has it."""
    twice = MadeJob(bandwidth=0.064, frame_samples=160, seconds=2, int_time=0.2, subint_ns=20_000_000)
    path = twice.write(tmp_path.resolve(), twice.codes())
    async with own_server(tmp_path) as server, job_at(path, server.port) as (_, job):
        await place(job)
        run = await job.start(restart_seconds=1)
        assert await run.wait(60) is JobOutcome.DONE
        inp = await job.input()
        assert run.weights.sizes["time"] == 1 / inp.configurations[0].int_time
        again = await job.start(restart_seconds=600, overwrite=True)
        assert await again.wait(60) is JobOutcome.FAILED
        assert again.events["text"].str.contains("restart at 600 s: the job lasts 2 s").any()
    (file,) = path.with_suffix(".difx.1").glob("DIFX_*")
    assert int(file.name.split("_")[2].partition(".")[0]) == int(inp.start_seconds) + 1


async def test_a_restart_as_the_real_server_has_it(tmp_path: Path, made: Path) -> None:
    """H29: with a program of one's own it is tried, and plain mpifxcorr would fail like this."""
    path = put(made, "short", tmp_path.resolve())
    async with (
        own_server(tmp_path, "2.9") as server,
        job_at(path, server.port, patience=patience_for("2.9")) as (_, job),
    ):
        await place(job)
        run = await job.start(restart_seconds=1, difx_program="turns-it-round")
        assert await run.wait(60) is JobOutcome.FAILED
        assert run.events["text"].str.contains("cannot open the input file -r").any()


@pytest.fixture
def twins(tmp_path: Path, made: Path) -> tuple[Path, Path]:
    """Two jobs of one name."""
    paths = []
    for folder in ("one", "two"):
        (tmp_path.resolve() / folder).mkdir()
        paths.append(put(made, "short", tmp_path.resolve() / folder))
    return paths[0], paths[1]


@pytest.mark.parametrize("quirks", [None, "real-name"])
async def test_two_jobs_of_one_name(twins: tuple[Path, Path], tmp_path: Path, quirks: str | None) -> None:
    """H27: not at the same time on a real server; the one of this package keeps them apart."""
    async with stage(tmp_path, "endless", quirks) as server, job_at(twins[0], server.port) as (difx, job):
        namesake = difx.job(str(twins[1]))
        await place(job)
        await place(namesake)
        run = await job.start()
        with pytest.raises(JobRefused, match="runs already") as caught:
            await difx.job(str(twins[0])).start(overwrite=True)
        assert caught.value.reason == "already_running"
        if quirks is None:
            other = await namesake.start()
            await other.stop()
            assert not run.done
        else:
            with pytest.raises(JobRefused, match="has the same name and is running") as caught:
                await namesake.start()
            assert caught.value.reason == "same_name"
        await run.stop()
        other = await namesake.start()
        await other.stop()
        assert other.outcome is JobOutcome.STOPPED


async def test_two_starts_at_once(tmp_path: Path, made: Path) -> None:
    path = put(made, "short", tmp_path.resolve())
    async with stage(tmp_path, "endless") as server, job_at(path, server.port) as (difx, job):
        await place(job)
        results = await asyncio.gather(job.start(), difx.job(str(path)).start(), return_exceptions=True)
        (refused,) = [result for result in results if isinstance(result, JobRefused)]
        assert refused.reason == "already_running"
        (run,) = [result for result in results if isinstance(result, aio.JobRun)]
        await run.stop()


async def test_a_job_that_somebody_else_runs(tmp_path: Path, made: Path) -> None:
    """Its output would be moved away under it."""
    path = put(made, "short", tmp_path.resolve())
    async with (
        stage(tmp_path, "endless", "real-name") as server,
        job_at(path, server.port) as (_, job),
        job_at(path, server.port) as (difx, same_job),
    ):
        await place(job)
        run = await job.start()
        await until_state(difx)
        with pytest.raises(JobRefused, match="already-running: job said 0 s ago"):
            await same_job.start(overwrite=True)
        await same_job.stop()
        await run.wait(30)
        again = await same_job.start(overwrite=True)
        await again.stop()
