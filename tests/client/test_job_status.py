# SPDX-License-Identifier: GPL-3.0-or-later
"""States of jobs (7.12): what may be asked of a server (H9), how much at once, and what its clock tells (14.19)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from difxnb.client.job_status import MAX_PATTERN, StatusReport, require_pattern
from difxnb.errors import ConnectionLost, NoReply, RemoteFileError, UnsafeValue
from difxnb.wire.control import StatusRequest
from difxnb.wire.status import JobStatusRecord, StatusId, encode_reply, encode_status
from tests.client.peers import BRIEF, Talker, head_node_at, own_server, scripted

NOW = "Thu Mar 12 10:20:32 2015"
UNIX = 1426155632.0  # the same as UTC


def record(name: str) -> JobStatusRecord:
    return JobStatusRecord(name, "status", NOW, "Done", "")


async def asked(patterns: str | list[str]) -> tuple[list[str], StatusReport]:
    """Patterns that reach the server, and what a client makes of an answer that names each of them."""
    heard: list[str] = []

    async def answer(talker: Talker, event: object, port: int) -> None:
        assert isinstance(event, StatusRequest)
        assert event.short, "the long form was never made"
        heard.append(event.pattern)
        names = [word for word in event.pattern.split() if word != "-d"]
        await talker.on_channel(port, *encode_reply(NOW, map(record, names)))

    async with scripted(lambda talker: talker.serve(answer)) as port, head_node_at(port) as node:
        return heard, await node.status_report(patterns)


@pytest.mark.parametrize(
    "pattern", ["/d/*.input", "/d/a_?.input", "/d/[ab]_[!0-3].input", "/d/e+1/a=b@c%.input"]
)
async def test_h9_directories_are_never_looked_into(pattern: str) -> None:
    """H9: a listed name of five characters ends a real server, so a directory called like a job must stay closed."""
    heard, report = await asked(pattern)
    assert heard == [f"-d {pattern}"]
    assert [entry.input_file for entry in report.records] == [pattern]


@pytest.mark.parametrize(
    ("pattern", "error"),
    [
        ("/data/exp", ValueError),
        ("/data/exp/", ValueError),
        ("data/*.input", ValueError),
        ("*.input", ValueError),
        ("", ValueError),
        ("/data/*", ValueError),
        ("/data/*.input /data", ValueError),
        ("/data/$(id).input", UnsafeValue),
        ("/data/a b.input", UnsafeValue),
        ("/data/a;b.input", UnsafeValue),
        ("/data/{a,b}.input", UnsafeValue),
        ("/data/[a b].input", UnsafeValue),
        ("/data/[.input", UnsafeValue),
        ("/data/a\n.input", UnsafeValue),
        ("/data/" + "x" * 300 + ".input", UnsafeValue),
        (5, TypeError),
        (None, TypeError),
    ],
)
def test_h9_other_patterns_never_leave(pattern: object, error: type[Exception]) -> None:
    """H9, H17: only patterns of .input files are asked about, and none that a shell acts on."""
    with pytest.raises(error):
        require_pattern(pattern)


async def test_wrong_patterns_are_refused_before_anything_is_asked() -> None:
    with pytest.raises(ValueError, match=r"such as /data/exp/\*.input; got '/data/exp'"):
        await asked(["/d/a.input", "/data/exp"])


async def test_many_patterns_take_as_many_requests_as_fit() -> None:
    """7.12: the server takes less than 1000 bytes of patterns."""
    patterns = [f"/data/experiment_{k:04d}/job_{k:04d}.input" for k in range(300)]
    heard, report = await asked(patterns)
    assert [name for text in heard for name in text.split()[1:]] == patterns
    assert all(len(text) <= MAX_PATTERN for text in heard)
    assert len(heard) < 15
    assert [entry.input_file for entry in report.records] == patterns


async def test_jobs_that_several_patterns_match_come_once() -> None:
    _, report = await asked(["/d/a.input", "/d/a.input", "/d/b.input"])
    assert [entry.input_file for entry in report.records] == ["/d/a.input", "/d/b.input"]


async def test_no_patterns_ask_nothing() -> None:
    heard, report = await asked([])
    assert (heard, report.records, report.utc_offset, report.clock_difference) == ([], (), None, None)


@pytest.mark.parametrize(
    ("text", "received", "offset", "difference"),
    [
        (NOW, UNIX, 0.0, 0.0),
        (NOW, UNIX - 3600 + 0.5, 3600.0, -0.5),
        (NOW, UNIX + 5 * 3600 - 40, -5 * 3600.0, 40.0),
        (NOW, UNIX - 20_700, 20_700.0, 0.0),  # Kathmandu, 5:45
        ("what?", UNIX, None, None),
        ("", UNIX, None, None),
    ],
)
def test_14_19_the_clock_of_the_server_tells_its_zone(
    text: str, received: float, offset: float | None, difference: float | None
) -> None:
    """difxmessage.md 14.19: logs are in local time, without a zone."""
    report = StatusReport((), text, received)
    assert report.utc_offset == (None if offset is None else timedelta(seconds=offset))
    assert report.clock_difference == (None if difference is None else timedelta(seconds=difference))


@pytest.mark.parametrize("terminal", [StatusId.FORK_FAILED, StatusId.TASK_TERMINATED])
async def test_a_server_that_could_not_look_is_no_server_without_jobs(terminal: StatusId) -> None:
    """12: 111 ends the answer as 101 does, and says the opposite."""

    async def answer(talker: Talker, event: object, port: int) -> None:
        await talker.on_channel(port, *encode_status(StatusId.TASK_STARTED), *encode_status(terminal))

    async with scripted(lambda talker: talker.serve(answer)) as port, head_node_at(port) as node:
        with pytest.raises(RemoteFileError, match=r"job_status /d/\*.input.*could not look"):
            await node.status_report("/d/*.input")


async def test_a_server_that_stops_in_the_middle() -> None:
    async def answer(talker: Talker, event: object, port: int) -> None:
        await talker.on_channel(port, *encode_status(StatusId.TASK_STARTED))

    async with (
        scripted(lambda talker: talker.serve(answer)) as port,
        head_node_at(port, patience=BRIEF) as node,
    ):
        with pytest.raises(NoReply, match="stopped in the middle"):
            await node.status_report("/d/*.input")


async def test_a_server_that_goes_in_the_middle() -> None:
    async def answer(talker: Talker, event: object, port: int) -> None:
        await talker.on_channel(port, *encode_status(StatusId.TASK_STARTED))
        talker.writer.transport.abort()

    async with (
        scripted(lambda talker: talker.serve(answer)) as port,
        head_node_at(port, patience=BRIEF) as node,
    ):
        with pytest.raises((ConnectionLost, NoReply)):
            await node.status_report("/d/*.input")


async def test_a_thousand_jobs_in_one_request(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    for k in range(1000):
        (root / f"job_{k:04d}.input").touch()
    (root / "trap.input").mkdir()
    (root / "trap.input" / "a.vex").touch()
    async with own_server(root) as server, head_node_at(server.port) as node:
        report = await node.status_report(f"{root}/*.input")
    assert [entry.kind for entry in report.records[:-1]] == ["no_log"] * 1000
    assert report.utc_offset is not None
