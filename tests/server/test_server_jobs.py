# SPDX-License-Identifier: GPL-3.0-or-later
"""Running jobs through the server, with a correlator that does as it is told."""

import asyncio
import os
import shutil

import pytest

from difxnb.server import job_process
from difxnb.wire import control
from difxnb.wire.message import (
    Stop,
)
from tests.server.job_clients import (
    network_stop,
    running,
    scripted,
    start,
    states,
    watching,
)
from tests.server.peers import Peer, run, serving


@pytest.mark.parametrize("who", ["starter", "other", "network"])
def test_a_running_job_is_stopped(short, who):
    async def main():
        async with serving(short.parent, correlator=scripted("endless")) as server:
            peer, other = await watching(server), await Peer.connect(server)
            await peer.command(start(short, 51))
            await peer.until(running(peer))
            if who == "network":
                await other.send(control.RelayCommand(network_stop("job", 0)))
            else:
                await (peer if who == "starter" else other).command(Stop(input=str(short)))
            assert (await peer.ended(51))[-2:] == [113, 100]
            assert states(peer)[-2:] == ["Terminating", "Terminated"]
            assert any("terminated by user" in text for text in peer.notices(5))
            await peer.close()
            await other.close()
        assert "STATUS Terminated" in short.with_suffix(".difxlog").read_text()

    run(main())


def test_stops_for_others_do_not_stop_a_job(short):
    async def main():
        async with serving(short.parent, correlator=scripted("endless")) as server:
            peer = await watching(server)
            await peer.command(start(short, 51))
            await peer.until(running(peer))
            for identifier, rank in (("job", 1), ("job2", 0), ("", 0)):
                await peer.send(control.RelayCommand(network_stop(identifier, rank)))
            await peer.command(Stop(input="/no/such.input"))
            await peer.fence()
            before = states(peer).count("Running")
            await peer.until(lambda: states(peer).count("Running") > before + 3)
            assert not any("killing" in text for text in peer.notices())
            await peer.close()

    run(main())


def test_a_fence_after_a_stop_finds_the_job_gone(short):
    async def main():
        async with serving(short.parent, correlator=scripted("endless")) as server:
            peer = await watching(server)
            await peer.command(start(short, 51))
            await peer.until(running(peer))
            await peer.command(Stop(input=str(short)))
            await peer.fence()
            assert any("killing PID" in text for text in peer.notices(5))
            await peer.command(start(short, 52))
            await peer.reaches(52, 113)
            await peer.close()

    run(main())


def test_a_stop_right_behind_the_start_is_a_stop(short):
    async def main():
        async with serving(short.parent, correlator=scripted("endless")) as server:
            peer = await Peer.connect(server)
            await peer.command(start(short, 51))
            await peer.command(Stop(input=str(short)))
            assert (await peer.ended(51))[-1] == 100
            await peer.close()

    run(main())


def test_the_real_servers_stop_on_request(short):
    async def main():
        quirks = "lost-stops,ignored-status"
        async with serving(short.parent, quirks=quirks, correlator=scripted("endless")) as server:
            peer, other = await watching(server), await Peer.connect(server)
            await peer.command(start(short, 51))
            await peer.until(running(peer))
            await other.command(Stop(input=str(short)))
            assert (await peer.ended(51))[-2:] == [117, 101], (
                "the starter is not told of somebody else's stop"
            )
            assert states(peer)[-1] == "Running"
            await peer.command(start(short, 52))
            await peer.reaches(52, 113)
            await peer.command(Stop(input=str(short)))
            assert (await peer.ended(52))[-1] == 100
            await peer.close()
            await other.close()
        assert "Terminat" not in short.with_suffix(".difxlog").read_text()

    run(main())


def test_a_correlator_that_does_not_stop_is_killed(short, monkeypatch):
    monkeypatch.setattr(job_process, "STOP_TIME", 0.2)

    async def main():
        async with serving(short.parent, correlator=scripted("stubborn")) as server:
            peer = await watching(server)
            await peer.command(start(short, 51))
            await peer.until(running(peer))
            await peer.command(Stop(input=str(short)))
            assert (await peer.ended(51))[-1] == 100
            await peer.command(start(short, 52))
            await peer.reaches(52, 113)
            await peer.close()

    run(main())


@pytest.mark.parametrize(
    ("behaviour", "quirks", "expected"),
    [
        ("brief", None, [117, 101]),
        ("lines", None, [114, 115, 116, 116, 116, 116, 119]),
        ("recovers", None, [116, 114, 117, 120]),
        ("dies", None, [116, 119]),
        ("dies", "ignored-status", [117, 101]),
        ("rubbish", None, [116, 116, 119]),
        ("half-results", None, [116, 116, 119]),
    ],
)
def test_how_a_job_ends_follows_from_what_the_correlator_did(short, behaviour, quirks, expected):
    async def main():
        async with serving(short.parent, correlator=scripted(behaviour), quirks=quirks) as server:
            peer = await watching(server)
            await peer.command(start(short, 51))
            ids = await peer.ended(51)
            await peer.close()
            assert sorted(ids[7:]) == sorted(expected)
            assert ids[-1] == expected[-1]
            crashed = behaviour in ("dies", "rubbish", "half-results") and quirks is None
            assert ("Crashed" in states(peer)) == crashed

    run(main())


def test_a_correlator_that_cannot_be_started_is_a_failure(short):
    async def main():
        async with serving(short.parent, correlator=lambda *_: ["/no/such/program"]) as server:
            peer = await Peer.connect(server)
            await peer.command(start(short, 51))
            assert (await peer.ended(51))[-3:] == [116, 116, 119]
            assert "/no/such/program" in peer.job(51)[-3].text
            await peer.close()

    run(main())


def test_a_job_is_not_started_twice(short):
    async def main():
        async with serving(short.parent, correlator=scripted("endless")) as server:
            peer, other = await watching(server), await Peer.connect(server)
            await peer.command(start(short, 51))
            await peer.reaches(51, 127)
            await other.command(start(short, 52, force=True))
            assert await other.ended(52) == [102, 103, 111, 100]
            assert any("running already" in text for text in other.notices(6))
            await peer.command(Stop(input=str(short)))
            assert (await peer.ended(51))[-1] == 100
            await peer.close()
            await other.close()

    run(main())


def test_output_is_moved_aside_and_the_client_is_told(short):
    short.with_suffix(".difx").mkdir()
    (short.with_suffix(".difx") / "precious").write_text("x")

    async def main():
        async with serving(short.parent, correlator=scripted("brief")) as server:
            peer = await Peer.connect(server)
            await peer.command(start(short, 51))
            assert (await peer.ended(51))[-3:] == [104, 111, 100]
            await peer.command(start(short, 52, force=True))
            assert await peer.ended(52) == [102, 103, 127, 114, 125, 104, 112, 114, 113, 117, 101]
            await peer.close()
        assert (short.parent / "job.difx.1" / "precious").read_text() == "x"

    run(main())


def test_a_job_survives_the_loss_of_its_client(short):
    async def main():
        async with serving(short.parent, correlator=scripted("endless")) as server:
            peer, other = await Peer.connect(server), await watching(server)
            await other.fence()
            await peer.command(start(short, 51))
            await peer.reaches(51, 113)
            peer.writer.transport.abort()
            await other.until(running(other))
            before = states(other).count("Running")
            await other.until(lambda: states(other).count("Running") > before + 5)
            await other.command(Stop(input=str(short)))
            await other.until(lambda: "Terminated" in states(other))
            await other.close()

    run(main())


def test_jobs_run_beside_each_other(short, short_job, tmp_path):
    jobs = [short]
    for number in range(3):
        shutil.copytree(short_job.parent, tmp_path / f"exp{number}")
        jobs.append(tmp_path / f"exp{number}" / "job.input")

    async def main():
        async with serving(tmp_path, correlator=scripted("brief")) as server:
            peer = await Peer.connect(server)
            for number, job in enumerate(jobs):
                await peer.command(start(job, 51 + number))
            for number in range(4):
                assert (await peer.ended(51 + number))[-1] == 101
            await peer.close()

    run(main())


def test_jobs_end_with_the_server(short):
    async def main():
        async with serving(short.parent, correlator=scripted("endless")) as server:
            peer = await watching(server)
            await peer.command(start(short, 51))
            await peer.until(running(peer))
            child = server._services.jobs.find(str(short)).process_id
        await peer.eof()
        await peer.close()
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
        assert "Terminated" in states(peer)

    run(main())


def test_the_connection_dies_after_a_job_on_request(short):
    async def main():
        quirks = "2.9,-lost-packets,dies-after-job"
        async with serving(short.parent, quirks=quirks, correlator=scripted("brief")) as server:
            peer, other = await Peer.connect(server), await Peer.connect(server)
            await peer.command(start(short, 51))
            assert (await peer.ended(51))[-1] == 101
            with pytest.raises((ConnectionError, EOFError)):
                await peer.fence()
            await other.fence()
            await peer.close()
            await other.close()

    run(main())


def test_a_starter_that_does_not_read_does_not_hold_up_its_job_and_learns_the_end(short):
    async def main():
        async with serving(short.parent, correlator=scripted("flood")) as server:
            peer, other = await Peer.connect(server), await watching(server)
            await other.fence()
            await peer.command(start(short, 51))
            await other.until(lambda: "Done" in states(other))
            ids = await peer.ended(51)
            assert ids[-1] == 101
            shown = ids.count(114) - 1
            lost = [int(e.text.split()[1]) for e in peer.job(51) if "dropped" in e.text]
            assert shown + sum(lost) == 20_000
            await peer.close()
            await other.close()

    run(main())


def test_a_log_that_cannot_be_written_does_not_stop_a_job(short):
    short.with_suffix(".difxlog").mkdir()

    async def main():
        async with serving(short.parent, correlator=scripted("brief")) as server:
            peer = await Peer.connect(server)
            await peer.command(start(short, 51))
            assert (await peer.ended(51))[-1] == 101
            assert sum("job.difxlog cannot be written" in text for text in peer.notices(5)) == 1
            await peer.close()

    run(main())


def test_a_log_that_is_full_does_not_stop_a_job(short):
    """A pipe that nobody empties refuses to be written to, like a full disk."""
    os.mkfifo(short.with_suffix(".difxlog"))
    reader = os.open(short.with_suffix(".difxlog"), os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(short.with_suffix(".difxlog"), os.O_WRONLY | os.O_NONBLOCK)
    with open(reader, "rb"), open(writer, "wb", buffering=0) as pipe:
        while pipe.write(b"x" * 65536):
            continue

        async def main():
            async with serving(short.parent, correlator=scripted("brief")) as server:
                peer = await Peer.connect(server)
                await peer.command(start(short, 51))
                assert (await peer.ended(51))[-1] == 101
                assert any("job.difxlog cannot be written" in text for text in peer.notices(5))
                await peer.close()

        run(main())


def test_no_job_is_started_while_the_server_closes(short, short_job, tmp_path, monkeypatch):
    """One that does not stop at once holds the server up, and a client uses the time."""
    monkeypatch.setattr(job_process, "STOP_TIME", 0.5)
    other = tmp_path / "other" / "job.input"
    shutil.copytree(short_job.parent, other.parent)

    async def main():
        async with serving(tmp_path, correlator=scripted("stubborn")) as server:
            peer = await watching(server)
            await peer.command(start(short, 51))
            await peer.until(running(peer))
            closing = asyncio.create_task(server.close())
            await peer.command(start(other, 52))
            assert (await peer.ended(52))[-1] == 100
            await closing
            assert server._services.jobs.find(str(other)) is None
            await peer.close()
        assert not other.with_suffix(".difxlog").exists()

    run(main())
