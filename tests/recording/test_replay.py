# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded sessions played again."""

from __future__ import annotations

import asyncio
import inspect
import math
import random
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

from difxnb import notebook
from difxnb.aio.heard import Jobs
from difxnb.errors import NoReply
from difxnb.formats.journal import Kind, encode_header, encode_record, read_journal
from difxnb.recording import Recording, Replay, open_recording
from difxnb.recording.monitor import RecordedMonitor
from difxnb.recording.run import RecordedRun
from difxnb.recording.tables import RecordedJobs, RecordedMessages, RecordedNodes, RecordedRecorders
from difxnb.tables import NodeTable, RecorderTable
from difxnb.wire.job import JobOutcome
from tests.recording.conftest import Live


@pytest.fixture
def minutes(tmp_path: Path, live: Live) -> Recording:
    """The datagrams of the session, one each minute from 2026-01-01 on."""
    begin = pd.Timestamp("2026-01-01").timestamp()
    datagrams = [record.payload for record in read_journal(live.path).records({Kind.DATAGRAM})]
    rows = (encode_record(Kind.DATAGRAM, begin + 60 * k, datagram, 1) for k, datagram in enumerate(datagrams))
    path = tmp_path / "minutes"
    path.write_bytes(encode_header(1) + b"".join(rows))
    return open_recording(path)


def test_at_once(recording: Recording, live: Live) -> None:
    with recording.replay(math.inf) as replay:
        replay.wait(60)
        pd.testing.assert_frame_equal(replay.messages.frame(), live.messages)
        xr.testing.assert_identical(replay.monitors["demo_1"].dataset, live.dataset)
        assert replay.runs["demo_1"].outcome is JobOutcome.DONE
        assert replay.server.is_embedded
        assert replay.finished
        assert not replay.closed
        assert replay.time == recording.stop
    assert replay.closed


def test_it_ends_by_itself_and_with_close(minutes: Recording) -> None:
    replay = minutes.replay(1e6)
    replay.wait(60)
    assert len(replay.messages) == len(minutes.messages)
    replay.close()
    replay.close()
    stopped = minutes.replay(1e-6)
    until(stopped, 1)
    stopped.close()
    assert len(stopped.messages) == 1  # the second comes after some years
    assert "closed" in repr(stopped)
    assert not [thread for thread in threading.enumerate() if "replay" in thread.name]


def test_the_clock_stands_still_and_goes_on(minutes: Recording) -> None:
    with minutes.replay(1e-6) as replay:
        replay.pause()
        before = replay.time
        assert replay.paused
        assert "paused" in repr(replay)
        replay.seek(pd.Timestamp("2026-01-01 00:05:30"))
        assert replay.time == pd.Timestamp("2026-01-01 00:05:30") > before
        replay.resume()
        until(replay, 6)
        with pytest.raises(ValueError, match="forward"):
            replay.seek(0.0)
        replay.speed = 1e6
        replay.wait(60)
    assert len(replay.messages) == len(minutes.messages)


def until(replay: Replay, count: int) -> None:
    """Wait for so many messages, and no more."""
    while len(replay.messages) < count:
        with pytest.raises(NoReply):
            replay.wait(0.01)
    assert len(replay.messages) == count


def test_a_part(minutes: Recording) -> None:
    with minutes.replay(math.inf, start=120, until="2026-01-01 00:05") as replay:
        replay.wait(60)
    assert len(replay.messages) == 6
    with minutes.replay(1e-6, start=pd.Timedelta(minutes=2)) as replay:
        until(replay, 3)  # what came before the start is there at once
        assert replay.time < pd.Timestamp("2026-01-01 00:02:01")


def test_versions_move_as_they_do_live(minutes: Recording) -> None:
    with minutes.replay(1e-6) as replay:
        until(replay, 1)
        version = replay.messages.version
        replay.seek(60.5)
        until(replay, 2)
        assert replay.messages.version > version
        heard: list[object] = []
        replay.messages.subscribe(heard.append)
        replay.seek(120.5)
        until(replay, 3)
        assert len(heard) == 1


async def test_it_can_be_awaited(recording: Recording) -> None:
    async with recording.replay(math.inf) as replay:
        await replay
        assert replay.finished
        await replay


@pytest.mark.parametrize("speed", [0, -1, math.nan, "fast"])
def test_speeds_that_are_none(recording: Recording, speed: float) -> None:
    with pytest.raises(ValueError, match="speed"):
        recording.replay(speed)


def test_an_end_before_the_start(recording: Recording) -> None:
    with pytest.raises(ValueError, match="ends after"):
        recording.replay(start=20, until=10)


@pytest.mark.parametrize("time", [math.nan, -math.inf])
def test_moments_that_are_none(minutes: Recording, time: float) -> None:
    with minutes.replay(1e-6) as replay:
        with pytest.raises(ValueError, match="forward"):
            replay.seek(time)
        assert "as fast" in repr(replay)
    for part in ({"start": time}, {"start": 1e300}, {"until": time}):
        with pytest.raises(ValueError, match=r"a replay (starts at|ends after)"):
            minutes.replay(1.0, **part)  # type: ignore[arg-type]


def test_the_clock_ends_with_the_recording(minutes: Recording) -> None:
    """However far somebody seeks, and however fast it goes."""
    with minutes.replay(1.0) as replay:
        replay.seek(1e300)
        replay.wait(60)
        replay.seek(math.inf)
        assert replay.time == minutes.stop
        assert len(replay.messages) == len(minutes.messages)
    with minutes.replay(1e300) as replay:
        replay.wait(60)
        assert replay.time == minutes.stop


def test_many_hands_on_many_replays(recording: Recording) -> None:
    """Whatever several threads do at once, all replays end, with everything in them, and no thread is left."""
    replays = [recording.replay(speed) for speed in (1e-3, 1.0, 1e3, math.inf)]

    def play(replay: Replay, seed: int) -> None:
        chance = random.Random(seed)
        for _ in range(40):
            one_thing(replay, chance)

    with ThreadPoolExecutor(12) as hands:
        playing = [hands.submit(play, one, seed) for seed in range(3) for one in replays]
    for one in playing:
        one.result()
    for replay in replays:
        replay.resume()
        replay.seek(math.inf)
        replay.wait(60)
        assert len(replay.messages) == len(recording.messages)
        replay.close()
    assert not [thread for thread in threading.enumerate() if "replay" in thread.name]


def one_thing(replay: Replay, chance: random.Random) -> None:
    match chance.randrange(7):
        case 0:
            replay.pause()
        case 1:
            replay.resume()
        case 2:
            replay.speed = chance.choice([1e-3, 1.0, 1e6, math.inf])
        case 3:
            with suppress(ValueError):  # others have let it go on meanwhile
                replay.seek(replay.time)
        case 4:
            repr(replay), repr(replay.monitors), repr(replay.runs)
        case 5:
            replay.messages.frame(), replay.jobs.frame(), replay.alerts.frame(None), replay.nodes.frame()
        case 6:
            for monitor in replay.monitors.values():
                assert len(monitor.events) >= 0
            for run in replay.runs.values():
                assert run.stalled is False or run.silence is not None


async def test_closed_while_it_is_awaited(minutes: Recording) -> None:
    replay = minutes.replay(1e-6)
    waiting = asyncio.ensure_future(replay)
    given_up = asyncio.ensure_future(replay)
    await asyncio.to_thread(until, replay, 1)
    given_up.cancel()
    await asyncio.to_thread(replay.close)
    await asyncio.wait_for(waiting, 60)
    assert replay.closed


# --- the same as live ------------------------------------------------------------------------------------

# What needs a server, and what only a recording has.
ONLY_LIVE = {notebook.Monitor: {"close", "select"}, notebook.JobRun: {"stop", "wait", "monitor"}}
COUNTED = ("callback_errors", "failed_callbacks", "hidden")
OF_INSTANCES = (*COUNTED, "input_file")
LIKE_LIVE = [
    (notebook.Messages, RecordedMessages),
    (Jobs, RecordedJobs),
    (NodeTable, RecordedNodes),
    (RecorderTable, RecordedRecorders),
    (notebook.Monitor, RecordedMonitor),
    (notebook.JobRun, RecordedRun),
]


@pytest.mark.parametrize(("live", "recorded"), LIKE_LIVE, ids=lambda cls: cls.__name__)
def test_what_is_recorded_has_what_is_live(live: type, recorded: type) -> None:
    """Whatever is written for the one, such as a panel, works with the other."""
    for name, member in inspect.getmembers(live):
        if name.startswith("_") or name in ONLY_LIVE.get(live, ()):
            continue
        if name in OF_INSTANCES:
            continue
        twin = getattr(recorded, name)
        assert callable(twin) == callable(member), name
        if callable(member):
            asked, offered = inspect.signature(member), inspect.signature(twin)
            assert list(asked.parameters.values()) == list(offered.parameters.values()), name
    assert hasattr(live, "version") == hasattr(recorded, "version")


@pytest.mark.parametrize("whole", [Recording, Replay])
def test_a_recording_has_the_tables_of_a_correlator(whole: type) -> None:
    for name in ("messages", "jobs", "nodes", "recorders", "alerts", "server"):
        assert isinstance(inspect.getattr_static(notebook.Correlator, name), property)
        assert isinstance(inspect.getattr_static(whole, name), property)


async def test_types_can_be_selected(minutes: Recording) -> None:
    """At once, whether it is awaited or not: there is no server to wait for."""
    assert all(hasattr(minutes.messages, name) for name in COUNTED)
    with minutes.replay(1e-6) as replay:
        until(replay, 1)
        replay.messages.select("notice")
        assert replay.messages.selection == ("notice",)
        replay.seek(math.inf)
        replay.wait(60)
        assert replay.messages.hidden == len(minutes.messages) - 1
        await replay.messages.select()
        assert replay.messages.selection is None


def test_types_can_be_selected_while_messages_come(recording: Recording) -> None:
    """Choosing and counting are done in two threads; no message is lost between them."""
    for _ in range(5):
        with recording.replay(math.inf) as replay:
            while not replay.finished:
                replay.messages.select("notice")
                replay.messages.select()
            replay.wait(60)
            assert len(replay.messages) + replay.messages.hidden == len(recording.messages)
