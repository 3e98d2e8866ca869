# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole jobs through the server: started, watched, stopped, refused, and survived by everything."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from difxnb.formats.input import read_input
from difxnb.formats.machines import write_machines, write_threads
from difxnb.formats.swin import read_records
from difxnb.server import job_process
from difxnb.server.job_process import embedded_correlator
from difxnb.server.jobs import Launch
from difxnb.wire import control
from difxnb.wire.job import JobId
from difxnb.wire.message import (
    Alert,
    Diagnostic,
    Header,
    Message,
    Processor,
    Start,
    Status,
    Stop,
    to_xml,
)
from difxnb.wire.monitor import (
    MonitorReader,
    ProductListReader,
    VisibilityBlock,
    body_length,
    encode_close,
    encode_input_path,
    encode_request,
)
from tests.server.made_jobs import MadeJob
from tests.server.peers import Peer
from tests.server.test_server import run, serving

NORMAL = [102, 103, 127, 114, 125, 104, 113, 114, 117, 101]


@pytest.fixture(scope="module")
def short_job(tmp_path_factory):
    """Five integrations of 0.2 s, two antennas, two bands."""
    made = MadeJob(frame_samples=800, bands=((8400.0, "U"), (8410.0, "U")), channels=32)
    return _with_machines(made.write(tmp_path_factory.mktemp("short"), made.codes()))


@pytest.fixture(scope="module")
def long_job(tmp_path_factory):
    """Thousands of integrations: some ten seconds of work, for those who want to interrupt it."""
    made = MadeJob(bandwidth=0.064, frame_samples=160, seconds=100, int_time=0.02, subint_ns=20_000_000)
    return _with_machines(made.write(tmp_path_factory.mktemp("long"), made.codes()))


def _with_machines(path):
    write_machines(["localhost"] * 4, path.with_suffix(".machines"))
    write_threads([1], path.with_suffix(".threads"))
    return path


@pytest.fixture
def short(short_job, tmp_path):
    return _copy(short_job, tmp_path)


@pytest.fixture
def long(long_job, tmp_path):
    return _copy(long_job, tmp_path)


def _copy(job, tmp_path):
    shutil.copytree(job.parent, tmp_path / "exp")
    return tmp_path / "exp" / "job.input"


def start(job, port, **changes):
    return Start(**{
        "input": str(job), "head_node": "localhost", "datastreams": ("localhost",) * 2,
        "processors": (Processor(("localhost",), 1),), "port": port, **changes,
    })  # fmt: skip


def states(peer):
    return [m.body.state for m in peer.relayed() if isinstance(m, Message) and isinstance(m.body, Status)]


def alerts(peer):
    return [m.body.text for m in peer.relayed() if isinstance(m, Message) and isinstance(m.body, Alert)]


def running(peer):
    return lambda: "Running" in states(peer)


async def watching(server):
    peer = await Peer.connect(server)
    await peer.send(control.RelaySwitch(True))
    return peer


def test_a_whole_job(short):
    async def main():
        async with serving(short.parent) as server:
            peer, other = await watching(server), await watching(server)
            await other.send(control.MessageSelection(("SELECTED_MESSAGES", "STATUS_MESSAGES")))
            await other.fence()
            await peer.command(start(short, 51))
            assert await peer.ended(51) == NORMAL
            await other.fence()
            await peer.send(control.StatusRequest(True, str(short), "", 52))
            await peer.until(lambda: 101 in [p.id for p in peer.exchange(52)])
            status = peer.exchange(52)[3]
            await other.close()
            await peer.close()
        assert states(peer) == states(other) == ["Starting", *["Running"] * 5, "Ending", "Done"]
        assert alerts(other) == []
        assert status.id == 106
        assert status.payload[24:] == b"Done  "
        check_messages(peer)
        check_log(short)
        check_output(short)

    run(main())


def check_messages(peer):
    messages = peer.relayed()
    assert all(isinstance(m, Message) and m.header.identifier == "job" for m in messages)
    sequences = {}
    for message in messages:
        sequences.setdefault(message.header.mpi_id, []).append(message.sequence)
    assert sorted(sequences) == [0, 1, 2, 3]
    assert all(numbers == list(range(len(numbers))) for numbers in sequences.values())
    texts = alerts(peer)
    assert [t for t in texts if t.startswith("Vis. ")] == [
        f"Vis. {k} to write out time {0.2 * k:g}" for k in range(5)
    ]
    for rank in range(4):
        assert f"MPI ID {rank} says BYE!" in texts
        assert any(t.startswith(f"MPI Process {rank} is running on host ") for t in texts)
    assert any(t.startswith("STARTING mpifxcorr version ") for t in texts)
    assert sum(t.startswith("Total wallclock time was **") for t in texts) == 1
    progress = [m.body for m in messages if isinstance(m.body, Status) and m.body.state == "Running"]
    centres = [(b.visibility_mjd - b.job_start_mjd) * 86400 for b in progress]
    np.testing.assert_allclose(centres, 0.1 + 0.2 * np.arange(5), atol=0.01)
    assert [b.job_stop_mjd - b.job_start_mjd for b in progress] == [pytest.approx(1 / 86400, abs=2e-7)] * 5
    assert all(dict(b.weights) == {0: 1.0, 1: 1.0} for b in progress)
    kinds = [m.body.diagnostic_type for m in messages if isinstance(m.body, Diagnostic)]
    assert kinds[:3] == ["BufferStatus", "InputDatarate", "DataConsumed"]


def check_log(job):
    lines = job.with_suffix(".difxlog").read_text().splitlines()
    assert [line.split("STATUS ")[1].split()[0] for line in lines if "STATUS" in line] == [
        "Starting", *["Running"] * 5, "Ending", "Done",
    ]  # fmt: skip
    assert sum("WEIGHTS 1.00 1.00" in line for line in lines) == 5


def check_output(job):
    (file,) = job.with_suffix(".difx").iterdir()
    channels = {i: freq.channels for i, freq in enumerate(read_input(job).freqs)}
    assert len(list(read_records(file, channels))) == 5 * 2 * (1 + 2)


@pytest.mark.parametrize("quirks", [None, "2.9"])
def test_a_live_monitor_sees_what_is_written(short, quirks):
    async def main():
        async with serving(short.parent, quirks=quirks) as server:
            peer = await Peer.connect(server, channels=False)
            await asyncio.sleep(0.1 if quirks else 0)  # the faulty server is deaf for its first 20 ms
            await peer.send(control.ChannelsOn(), control.StartMonitor(50))
            await peer.say(50, *encode_input_path(str(short)))
            listed = ProductListReader()
            await peer.until(lambda: 143 in [p.id for p in monitored(peer)])
            for packet in monitored(peer):
                listed.add(packet)
            wanted = [p for p in listed.products if not p.is_autocorrelation]
            await peer.say(50, *encode_request([(p.number, p.offset, p.channels) for p in wanted], 64))
            await peer.until(lambda: monitored(peer)[-1].id == 100)
            await peer.command(start(short, 51, function="RUN_MONITOR"))
            assert (await peer.ended(51))[-1] == 101
            await peer.until(lambda: [p.id for p in monitored(peer)].count(129) == 5 * len(wanted))
            await peer.say(50, *encode_close())
            await peer.fence()
            found = monitored(peer)
            await peer.close()
        check_monitored(short, found, wanted)

    run(main())


def monitored(peer):
    return peer.exchange(50, body_length)


def check_monitored(job, found, wanted):
    """What the monitor got is what lies in the output file, to the digits it is printed with."""
    reader = MonitorReader()
    blocks = [b for b in map(reader.add, found) if isinstance(b, VisibilityBlock)]
    assert [b.product for b in blocks] == [p.number for p in wanted] * 5
    (file,) = job.with_suffix(".difx").iterdir()
    channels = {i: freq.channels for i, freq in enumerate(read_input(job).freqs)}
    crosses = [r for r in read_records(file, channels) if r.baseline // 256 != r.baseline % 256]
    for block, record in zip(blocks, crosses, strict=True):
        np.testing.assert_allclose(block.visibility, record.spectrum, rtol=3e-6, atol=1e-7)


def test_a_stop_leaves_whole_records(long):
    async def main():
        async with serving(long.parent) as server:
            peer = await watching(server)
            await peer.command(start(long, 51))
            await peer.until(running(peer))
            await peer.command(Stop(input=str(long)))
            assert (await peer.ended(51))[-2:] == [114, 100]
            assert states(peer)[-2:] == ["Terminating", "Terminated"]
            await peer.close()
        (file,) = long.with_suffix(".difx").iterdir()
        assert 0 < len(list(read_records(file, {0: 16}))) < 5000 * 3
        assert "STATUS Terminated" in long.with_suffix(".difxlog").read_text()

    run(main())


def test_the_correlator_ends_when_its_parent_is_gone(long):
    command = embedded_correlator(Launch(long, monitor=False), long.parent)
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as child:
        assert child.stdout.read(8)
        child.stdin.close()
        child.stdout.close()
        assert child.wait(60) is not None
    for file in long.with_suffix(".difx").glob("*"):  # none, when it had not got that far
        assert len(list(read_records(file, {0: 16}))) < 5000 * 3


# --- with a correlator that does as it is told ------------------------------------------------------------


def scripted(behaviour):
    """What a server needs to run the stand-in."""
    script = str(Path(__file__).with_name("scripted_correlator.py"))
    return lambda launch, root: [sys.executable, "-S", "-E", script, behaviour, str(launch.input_file)]


def test_a_monitor_may_change_its_mind_and_several_may_watch(short):
    async def main():
        async with serving(short.parent, correlator=scripted("endless")) as server:
            first, second = await Peer.connect(server), await Peer.connect(server)
            for peer in (first, second):
                await peer.send(control.StartMonitor(50))
                await peer.say(50, *encode_input_path(str(short)), *encode_request([(0, 0, 2)], 32))
                await peer.until(lambda peer=peer: [p.id for p in monitored(peer)].count(100) == 2)
            await first.command(start(short, 51, function="RUN_MONITOR"))
            for peer in (first, second):
                await peer.until(lambda peer=peer: 126 in [p.id for p in monitored(peer)])
            await second.say(50, *encode_request([(1, 4, 4)], 32))
            await second.until(lambda: {numbers(p) for p in monitored(second) if p.id == 126} == {0, 1})
            await first.command(Stop(input=str(short)))
            assert (await first.ended(51))[-1] == 100
            assert {numbers(p) for p in monitored(first) if p.id == 126} == {0}
            await first.close()
            await second.close()

    run(main())


def test_a_monitor_times_out_on_request_and_can_be_revived(short):
    async def main():
        async with serving(short.parent, correlator=scripted("endless"), quirks="data-timeout") as server:
            peer = await Peer.connect(server)
            await peer.send(control.StartMonitor(50))
            await peer.say(50, *encode_input_path(str(short)), *encode_request([(0, 0, 2)], 32))
            await peer.command(start(short, 51, function="RUN_MONITOR"))
            await peer.until(lambda: [p.id for p in monitored(peer)].count(126) > 2)
            child = server._services.jobs.find(str(short)).process_id
            os.kill(child, signal.SIGSTOP)
            await peer.until(lambda: 101 in [p.id for p in monitored(peer)])
            os.kill(child, signal.SIGCONT)
            before = [p.id for p in monitored(peer)].count(126)
            await peer.say(50, *encode_request([(0, 0, 2)], 32))
            await peer.until(lambda: [p.id for p in monitored(peer)].count(126) > before)
            await peer.close()
            assert any(b"timed out after 0 seconds" in p.payload for p in monitored(peer))

    run(main())


def numbers(packet):
    return int.from_bytes(packet.payload[:4], "big")


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


def network_stop(identifier, rank):
    header = Header(source="me", mpi_id=rank, identifier=identifier, type="DifxStop")
    return to_xml(Message(header=header, body=Stop(input="/any"), sequence=0, size=0))


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
            crashed = behaviour in ("dies", "rubbish") and quirks is None
            assert ("Crashed" in states(peer)) == (behaviour == "dies" and crashed)

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


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"function": "CONFIG_ONLY"}, [102, 103, 127, 114, 125, 128]),
        ({"input": "/no/such.input"}, [102, 103, 109, 100]),
        ({"head_node": None}, [102, 103, 127, 114, 125, 105, 100]),
    ],
)
def test_refusals(short, changes, expected):
    async def main():
        async with serving(short.parent) as server:
            peer = await Peer.connect(server)
            await peer.command(start(short, 51, **changes))
            assert await peer.ended(51) == expected
            await peer.close()
        assert not short.with_suffix(".difx").exists()

    run(main())


def test_a_job_without_machines_fails_with_a_reason(short):
    short.with_suffix(".machines").unlink()

    async def main():
        async with serving(short.parent) as server:
            peer = await Peer.connect(server)
            await peer.command(start(short, 51))
            assert await peer.ended(51) == [102, 103, 127, 114, 125, 104, 113, 116, 116, 119]
            assert "machines" in next(e.text for e in peer.job(51) if e.id is JobId.DIFX_ERROR)
            await peer.close()

    run(main())


def test_a_job_without_data_fails_with_a_reason(short):
    (short.parent / "AA.vdif").unlink()

    async def main():
        async with serving(short.parent) as server:
            peer = await Peer.connect(server)
            await peer.command(start(short, 51))
            ids = await peer.ended(51)
            assert ids[:4] == [102, 103, 127, 115]
            assert ids[-1] == 119
            assert any("AA.vdif" in e.text for e in peer.job(51) if e.id is JobId.DIFX_ERROR)
            await peer.close()
        assert not short.with_suffix(".difx").exists()

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
            await peer.close()

    run(main())
