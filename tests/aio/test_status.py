# SPDX-License-Identifier: GPL-3.0-or-later
"""States of jobs and all lines of their logs, for users: one job or a thousand, one server's clock or another's."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from difxnb import aio
from difxnb.aio.status import FETCHED_AT_ONCE
from difxnb.errors import ConnectionLost, NoReply, RemoteFileError
from difxnb.wire.control import StatusRequest
from difxnb.wire.status import JobStatusRecord, encode_reply
from tests.client.peers import BRIEF, ROBUST, Talker, own_server, scripted

LOG = """\
Thu Mar 12 10:20:30 2015   0 head INFO  STARTING mpifxcorr version 2.9.0
Thu Mar 12 10:20:30 2015   0 head  STATUS Starting  Version 2.9.0
Thu Mar 12 10:20:31 2015   0 head  STATUS Running\x20\x20
Thu Mar 12 10:20:31 2015   0 head  WEIGHTS 0.98 -1.00
Thu Mar 12 10:20:33 2015   3 n3 WARNING  some text
nonsense
Thu Mar 12 10:20:59 2015   0 head  STATUS Done\x20\x20
"""
COLUMNS = ["job", "state", "time", "logged", "message", "log", "input"]
LINES = [
    *("job", "time", "logged", "type", "from", "mpi_id", "severity", "state", "text", "run", "line", "input")
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "jobs"
    folder.mkdir()
    for name, log in {"a_1": LOG, "a_2": LOG * 2, "a_3": None, "b_1": "nothing yet\n"}.items():
        (folder / f"{name}.input").touch()
        if log is not None:
            (folder / f"{name}.difxlog").write_text(log)
    return folder


async def test_states_of_jobs(root: Path) -> None:
    """7.12"""
    async with own_server(root) as server, aio.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
        frame = await difx.job_status(f"{root}/*.input")
        assert list(frame) == COLUMNS
        assert frame[["job", "state", "log"]].to_numpy().tolist() == [
            ["a_1", "Done", "status"],
            ["a_2", "Done", "status"],
            ["a_3", None, "no_log"],
            ["b_1", None, "no_status"],
        ]
        assert frame["logged"][0] == pd.Timestamp("2015-03-12 10:20:59")
        assert frame["time"][0] == frame["logged"][0] - frame.attrs["utc_offset"]
        assert frame["time"].isna().tolist() == [False, False, True, True]
        some = await difx.job_status([root / "a_1.input", f"{root}/b_?.input"])
        assert some["job"].tolist() == ["a_1", "b_1"]
        nothing = await difx.job_status(f"{root}/c*.input")
        assert nothing.empty
        assert (nothing.dtypes == frame.dtypes).all()


async def test_every_line_of_the_logs(root: Path) -> None:
    counts: list[tuple[int, int]] = []
    async with own_server(root) as server, aio.connect("127.0.0.1", server.port, patience=ROBUST) as difx:
        frame = await difx.job_status(
            f"{root}/*.input", history=True, progress=lambda done, total: counts.append((done, total))
        )
        assert list(frame) == LINES
        assert frame["job"].tolist() == ["a_1"] * 7 + ["a_2"] * 14 + ["b_1"]
        assert frame["run"].tolist() == [1] * 7 + [1] * 7 + [2] * 7 + [1]
        assert frame["type"].tolist()[:7] == [
            "alert", "status", "status", "weights", "alert", "unreadable", "status",
        ]  # fmt: skip
        assert frame["severity"].tolist()[4] == "WARNING"
        assert (frame["severity"] >= "WARNING").sum() == 3
        assert frame["time"].dtype == "datetime64[ns]"
        assert (frame["logged"] - frame["time"]).dropna().unique().tolist() == [frame.attrs["utc_offset"]]
        assert frame.attrs["without_log"] == [f"{root}/a_3.input"]
        assert counts == [(1, 3), (2, 3), (3, 3)]
        nothing = await difx.job_status(f"{root}/c*.input", history=True)
        assert nothing.empty
        assert list(nothing) == LINES
        assert (nothing.dtypes == frame.dtypes).all()


@pytest.mark.parametrize("quirks", [None, "2.9"])
async def test_many_logs_some_of_which_vanish(tmp_path: Path, quirks: str | None) -> None:
    """Logs are fetched a few at a time, from a real server one after the other; what goes meanwhile is said."""
    root = tmp_path.resolve()
    for k in range(3 * FETCHED_AT_ONCE):
        (root / f"j_{k:02d}.input").touch()
        (root / f"j_{k:02d}.difxlog").write_text(LOG)
    under_way: list[int] = []
    async with (
        own_server(root, quirks) as server,
        aio.connect("127.0.0.1", server.port, timeout=20.0) as difx,
    ):

        def vanish(done: int, total: int) -> None:
            under_way.append(done)
            (root / f"j_{total - 1:02d}.difxlog").unlink(missing_ok=True)

        frame = await difx.job_status(f"{root}/*.input", True, progress=vanish)
    last = f"j_{3 * FETCHED_AT_ONCE - 1:02d}"
    assert frame.attrs["without_log"] == [f"{root}/{last}.input"]
    assert frame.groupby("job").size().tolist() == [7] * (3 * FETCHED_AT_ONCE - 1)
    assert under_way == list(range(1, 3 * FETCHED_AT_ONCE + 1))


async def test_the_clock_of_a_server_elsewhere() -> None:
    """difxmessage.md 14.19: its local time comes with the answer, and so its zone."""
    then = pd.Timestamp.now("UTC").tz_localize(None).floor("s") - pd.Timedelta("5h")
    stamp = then.strftime("%a %b %e %H:%M:%S %Y")
    record = JobStatusRecord("/d/e_1.input", "status", stamp, "Done", "")

    async def answer(talker: Talker, event: object, port: int) -> None:
        assert isinstance(event, StatusRequest)
        await talker.on_channel(port, *encode_reply(stamp, [record]))

    async with (
        scripted(lambda talker: talker.serve(answer)) as port,
        aio.connect("127.0.0.1", port, patience=ROBUST) as difx,
    ):
        frame = await difx.job_status("/d/*.input")
    assert frame.attrs["utc_offset"] == pd.Timedelta("-5h")
    assert abs(frame.attrs["clock_difference"]) < pd.Timedelta("1min")
    assert frame["time"][0] == frame["logged"][0] + pd.Timedelta("5h")


async def test_a_server_that_gives_no_log_away() -> None:
    record = JobStatusRecord("/d/e_1.input", "status", "Thu Mar 12 10:20:32 2015", "Done", "")

    async def answer(talker: Talker, event: object, port: int) -> None:
        if isinstance(event, StatusRequest):
            await talker.on_channel(port, *encode_reply(record.time_text, [record] * 20))

    async with (
        scripted(lambda talker: talker.serve(answer)) as port,
        aio.connect("127.0.0.1", port, patience=BRIEF) as difx,
    ):
        with pytest.raises((NoReply, RemoteFileError, ConnectionLost)):
            await difx.job_status("/d/*.input", history=True)
