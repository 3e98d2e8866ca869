# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded jobs and relays, held with ours: what guiServer itself says of them.

What the programs print, and how often, is theirs; so lines of output are left out of the comparison. Capture 25 is not
replayed: its job needs 480 MB of voltages that are not kept, its products are read in `tests/test_live_captured.py`,
and the whole of it is played to the client in `tests/client/test_recorded_job.py`. 44 never connected.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.formats.machines import write_machines, write_threads
from difxnb.wire import control
from difxnb.wire.job import JobEvent, JobId, decode_job
from difxnb.wire.message import Start, parse
from difxnb.wire.packet import PacketReader
from tests.server.job_clients import scripted, states
from tests.server.made_jobs import MadeJob
from tests.server.peers import Peer, run, serving
from tests.server.replaying import AS_RECORDED, Recorded, capture

OUTPUT = {JobId.DIFX_MESSAGE, JobId.DIFX_WARNING, JobId.DIFX_ERROR}


def made_job(folder: Path, name: str) -> Path:
    """A job that passes every check, under the name of the recorded one."""
    made = MadeJob(frame_samples=800)
    written = Path(made.write(folder / "made", made.codes()))
    target = folder / "jobs" / name
    target.mkdir(parents=True)
    for path in written.parent.iterdir():
        moved = target / path.name.replace("job.", f"{name}.")
        if path.suffix in (".input", ".calc", ".im"):
            moved.write_text(path.read_text().replace("job.", f"{name}."))
        else:
            path.rename(moved)
    write_machines(["vm"] * 4, target / f"{name}.machines")
    write_threads([1], target / f"{name}.threads")
    return target / f"{name}.input"


def channel_of_start(recorded: Recorded) -> int:
    bodies = [
        parse(e.payload).body  # type: ignore[union-attr]
        for e in map(control.decode_from_client, recorded.packets("c2s"))
        if isinstance(e, control.Command)
    ]
    (start,) = [body for body in bodies if isinstance(body, Start)]
    return start.port or 0


def recorded_job(recorded: Recorded) -> list[JobEvent]:
    reader, number = PacketReader(), channel_of_start(recorded)
    for event in map(control.decode_from_server, recorded.packets("s2c")):
        if isinstance(event, control.ChannelData) and event.channel == number:
            reader.receive_data(event.data)
    found = map(decode_job, iter(reader.next_packet, None))
    return [event for event in found if isinstance(event, JobEvent)]


def without_output(events: list[JobEvent]) -> list[JobId]:
    return [event.id for event in events if event.id not in OUTPUT]


@pytest.mark.parametrize(
    ("name", "job", "behaviour"),
    [("27_stop_running_job", "demo1", "endless"), ("31_start_missing_data", "nodata1", "integrates")],
)
def test_jobs(tmp_path: Path, name: str, job: str, behaviour: str) -> None:
    """7.4, 7.5: the same steps to the same end; job status afterwards is that of the log."""
    root, recorded = tmp_path.resolve(), capture(name)
    path = made_job(root, job)
    if name.startswith("27"):
        output = path.with_suffix(".difx")  # in the way, hence 112
        output.mkdir()
        (output / "DIFX_58948_025200.s0000.b0000").write_bytes(b"x")
    ours: list[JobEvent] = []

    async def main() -> None:
        quirks = f"{AS_RECORDED},ignored-status,lost-stops"
        async with serving(root, quirks=quirks, correlator=scripted(behaviour)) as server:
            peer = await Peer.connect(server, channels=False)
            number = channel_of_start(recorded)
            for packet in recorded.packets("c2s"):
                if b"DifxStop<" in packet.payload:
                    await peer.until(lambda: "Running" in states(peer), "Running")
                if packet.id == 24:
                    await peer.ended(number)
                await peer.send(recorded.moved(packet, root))
            await peer.ended(number)
            ours.extend(peer.job(number))
            await peer.fence()
            await peer.close()

    run(main())
    assert without_output(ours) == without_output(recorded_job(recorded))


def test_the_comparison_of_jobs_can_fail() -> None:
    stopped, done = (recorded_job(capture(n)) for n in ("27_stop_running_job", "31_start_missing_data"))
    assert without_output(stopped) != without_output(done)


def test_relay_and_selection(tmp_path: Path) -> None:
    """4.1, 4.2, 4.3, 4.6: the same datagrams come through under the same selections; packet 7 moves them away."""
    recorded = capture("46_relay_selection")
    theirs = [
        e.payload
        for e in map(control.decode_from_server, recorded.packets("s2c"))
        if isinstance(e, control.Relayed)
    ]
    asked = [control.decode_from_client(packet) for packet in recorded.packets("c2s")]
    own = {e.payload for e in asked if isinstance(e, (control.RelayCommand, control.Command))}
    # What somebody else sent after each change of the selection.
    others = list(dict.fromkeys(payload for payload in theirs if payload not in own))
    assert len(others) == 4
    heard: list[bytes] = []

    async def main() -> None:
        async with serving(tmp_path) as server:
            peer, other = await Peer.connect(server, channels=False), await Peer.connect(server)
            moved = False
            for event in asked:
                await peer.send(event)
                await peer.fence()
                moved = moved or isinstance(event, control.MulticastSettings)
                relaying = isinstance(event, (control.MessageSelection, control.Command)) and not moved
                if relaying:
                    for payload in others:
                        await other.send(control.RelayCommand(payload))
                    await other.fence()
                    await peer.fence()
            heard.extend(e.payload for e in peer.events if isinstance(e, control.Relayed))
            await peer.close()
            await other.close()

    run(main())
    assert heard == theirs
