# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded sessions played again."""

from __future__ import annotations

import math
import threading
from pathlib import Path

import pandas as pd
import pytest
import xarray as xr

from difxnb.errors import NoReply
from difxnb.formats.journal import Kind, encode_header, encode_record, read_journal
from difxnb.recording import Recording, Replay, open_recording
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
