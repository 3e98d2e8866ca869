# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole jobs through the server on the embedded correlator, and what is refused before it starts."""

import subprocess

import numpy as np
import pytest

from difxnb.formats.input import read_input
from difxnb.formats.swin import read_records
from difxnb.server.running_jobs import embedded_correlator
from difxnb.server.start_plan import Launch
from difxnb.wire import control
from difxnb.wire.job import JobId
from difxnb.wire.message import (
    Diagnostic,
    Message,
    Status,
    Stop,
)
from difxnb.wire.monitor import (
    MonitorReader,
    ProductListReader,
    VisibilityBlock,
    encode_close,
    encode_input_path,
    encode_request,
)
from tests.server.job_clients import (
    alerts,
    monitored,
    running,
    start,
    states,
    watching,
)
from tests.server.peers import Peer, run, serving

NORMAL = [102, 103, 127, 114, 125, 104, 113, 114, 117, 101]


def test_a_whole_job(short):
    """One job for all who look: its starter, a client that selects, a monitor, a status request, log and output."""

    async def main():
        async with serving(short.parent) as server:
            peer, other, watcher = await watching(server), await watching(server), await Peer.connect(server)
            await other.send(control.MessageSelection(("SELECTED_MESSAGES", "STATUS_MESSAGES")))
            await other.fence()
            wanted = await begin_monitor(watcher, short)
            await peer.command(start(short, 51, function="RUN_MONITOR"))
            assert await peer.ended(51) == NORMAL
            await other.fence()
            await watcher.until(lambda: [p.id for p in monitored(watcher)].count(129) == 5 * len(wanted))
            await watcher.say(50, *encode_close())
            await watcher.fence()
            await peer.send(control.StatusRequest(True, str(short), "", 52))
            await peer.until(lambda: 101 in [p.id for p in peer.exchange(52)])
            status = peer.exchange(52)[3]
            for client in (other, watcher, peer):
                await client.close()
        assert states(peer) == states(other) == ["Starting", *["Running"] * 5, "Ending", "Done"]
        assert alerts(other) == []
        assert status.id == 106
        assert status.payload[24:] == b"Done  "
        check_messages(peer)
        check_log(short)
        check_output(short)
        check_monitored(short, monitored(watcher), wanted)

    run(main())


async def begin_monitor(peer, job):
    """Ask for all cross products; gives what the server listed of them."""
    await peer.send(control.StartMonitor(50))
    await peer.say(50, *encode_input_path(str(job)))
    await peer.until(lambda: 143 in [p.id for p in monitored(peer)])
    listed = ProductListReader()
    for packet in monitored(peer):
        listed.add(packet)
    wanted = [p for p in listed.products if not p.is_autocorrelation]
    await peer.say(50, *encode_request([(p.number, p.offset, p.channels) for p in wanted], 64))
    await peer.until(lambda: monitored(peer)[-1].id == 100)
    return wanted


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
