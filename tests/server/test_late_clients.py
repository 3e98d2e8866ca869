# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that comes late learns of the jobs that ran or run: their last states, when its relay is switched on."""

import asyncio
import shutil

import pytest

import difxnb
from difxnb.server import running_jobs
from difxnb.wire import control
from difxnb.wire.message import Stop
from tests.server.job_clients import running, scripted, start, states, watching
from tests.server.peers import Peer, run, serving


async def ran(server, *jobs):
    """Run jobs to their ends, one after the other."""
    peer = await Peer.connect(server)
    for number, job in enumerate(jobs):
        await peer.command(start(job, 51 + number, force=True))
        await peer.ended(51 + number)
    await peer.close()


def test_the_last_state_comes_before_the_answer_to_a_fence(short):
    async def main():
        async with serving(short.parent, correlator=scripted("brief")) as server:
            await ran(server, short)
            late = await watching(server)
            await late.fence()
            assert states(late) == ["Done"]
            (message,) = late.relayed()
            assert (message.header.identifier, message.body.input) == ("job", str(short))
            kinds = [type(e) for e in late.events]
            assert kinds.index(control.Relayed) < kinds.index(control.VersionsComplete)
            await late.close()

    run(main())


def test_a_running_job_is_told_and_then_followed(short):
    async def main():
        async with serving(short.parent, correlator=scripted("endless")) as server:
            first = await watching(server)
            await first.command(start(short, 51))
            await first.until(running(first))
            late = await watching(server)
            await late.until(lambda: states(late).count("Running") > 2)
            numbers = [m.sequence for m in late.relayed()]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "none twice, none left out"
            await late.command(Stop(input=str(short)))
            await late.until(lambda: states(late)[-1] == "Terminated")
            await first.close()
            await late.close()

    run(main())


@pytest.mark.parametrize(
    ("switches", "expected"),
    [
        ((), []),
        ((control.RelaySwitch(True), control.RelaySwitch(True)), ["Done"]),
        ((control.RelaySwitch(True), control.RelaySwitch(False), control.RelaySwitch(True)), ["Done"] * 2),
        ((control.MessageSelection(("SELECTED_MESSAGES", "ALERT_MESSAGES")), control.RelaySwitch(True)), []),
        ((control.MessageSelection(("SELECTED_MESSAGES", "STATUS_MESSAGES")), control.RelaySwitch(True)), ["Done"]),
        ((control.MulticastSettings("224.2.2.1", 4242), control.RelaySwitch(True)), []),
    ],
)  # fmt: skip
def test_only_those_are_told_who_would_have_heard_it(short, switches, expected):
    async def main():
        async with serving(short.parent, correlator=scripted("brief")) as server:
            await ran(server, short)
            late = await Peer.connect(server)
            await late.send(*switches)
            await late.fence()
            assert states(late) == expected
            await late.close()

    run(main())


def test_the_real_server_does_not_remember(short):
    async def main():
        async with serving(short.parent, correlator=scripted("brief"), quirks="2.9,-lost-packets") as server:
            await ran(server, short)
            late = await watching(server)
            await late.fence()
            assert late.relayed() == []
            await late.close()

    run(main())


def test_the_newest_jobs_are_remembered_each_with_its_newest_state(short, short_job, tmp_path, monkeypatch):
    monkeypatch.setattr(running_jobs, "REMEMBERED_JOBS", 2)
    jobs = [short]
    for name in ("second", "third"):
        shutil.copytree(short_job.parent, tmp_path / name)
        jobs.append(tmp_path / name / "job.input")

    async def main():
        async with serving(tmp_path, correlator=scripted("brief")) as server:
            await ran(server, *jobs, jobs[0], jobs[2])
            late = await watching(server)
            await late.fence()
            assert [m.body.input for m in late.relayed()] == [str(jobs[0]), str(jobs[2])]
            await late.close()

    run(main())


@pytest.mark.parametrize(("behaviour", "expected"), [("dies", "Crashed"), ("stubborn", "Terminated")])
def test_a_job_that_could_not_say_goodbye_does_not_run_for_ever(short, behaviour, expected, monkeypatch):
    monkeypatch.setattr("difxnb.server.job_process.STOP_TIME", 0.1)

    async def main():
        async with serving(short.parent, correlator=scripted(behaviour)) as server:
            peer = await watching(server)
            await peer.command(start(short, 51))
            if behaviour == "stubborn":
                await peer.until(running(peer))
                await peer.command(Stop(input=str(short)))
            await peer.ended(51)
            late = await watching(server)
            await late.fence()
            assert states(late) == [expected]
            await peer.close()
            await late.close()
        assert f"STATUS {expected}" in short.with_suffix(".difxlog").read_text()

    run(main())


def test_another_job_of_the_same_name_is_another_job(short, short_job, tmp_path):
    """Neither its messages in the log, nor its state in what is remembered."""
    other = tmp_path / "other" / "job.input"
    shutil.copytree(short_job.parent, other.parent)

    async def main():
        async with serving(tmp_path, correlator=scripted("endless")) as server:
            peer = await watching(server)
            await peer.command(start(short, 51))
            await peer.until(running(peer))
            await peer.command(start(other, 52))
            await peer.until(lambda: {m.body.input for m in peer.relayed()} == {str(short), str(other)})
            await peer.command(Stop(input=str(other)))
            await peer.ended(52)
            late = await watching(server)
            await late.fence()
            assert {m.body.input: m.body.state for m in late.relayed()} == {
                str(short): "Running",
                str(other): "Terminated",
            }
            await late.close()
            await peer.close()
            log = short.with_suffix(".difxlog").read_text()
            assert "Running" in log
            assert "Terminated" not in log

    run(main())


@pytest.mark.parametrize("behaviour", ["brief", "endless"])
def test_connect_returns_with_the_jobs_in_the_table(short, behaviour):
    """What a second terminal shows, through the user's own verbs."""

    def second_terminal(port):
        with difxnb.connect("127.0.0.1", port) as difx:
            return difx.jobs.frame()

    async def main():
        async with serving(short.parent, correlator=scripted(behaviour)) as server:
            peer = await watching(server)
            await peer.command(start(short, 51))
            if behaviour == "brief":
                await peer.ended(51)
            else:
                await peer.until(running(peer))
            frame = await asyncio.to_thread(second_terminal, server.port)
            await peer.close()
        assert frame["job"].tolist() == ["job"]
        assert frame["state"].tolist() == ["Done" if behaviour == "brief" else "Running"]
        assert frame["input"].tolist() == [str(short)]
        assert frame["attempt"].tolist() == [1]
        assert frame["started"].isna().all(), "nobody heard when"
        assert frame["finished"].isna().all()
        assert frame["silence"].isna().tolist() == [behaviour == "brief"]

    run(main())
