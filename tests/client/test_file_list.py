# SPDX-License-Identifier: GPL-3.0-or-later
"""File lists (7.11) towards a scripted far end: the request, the question, the failures, and what got lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from difxnb.client.head_node import AsyncHeadNode
from difxnb.errors import (
    NoReply,
    ProtocolError,
    RemoteFileError,
    RemoteFileExists,
    RemoteFileNotFound,
    RemotePermission,
    UnsafeValue,
)
from difxnb.wire.control import ChannelData, FileListRequest, Notice, NoticeSeverity
from difxnb.wire.file_list import CANCEL, OVERWRITE, FileListEvent, FileListId, encode_file_list
from tests.client.far_recorders import FarEnd, facing
from tests.client.peers import Talker

FILES = {"/d/": b"", "/d/a.vdif": b"x", "/d/b.vdif": b"x", "/d/sub/": b""}
RESULTS = ("/d/a.vdif 60000.5 60000.6", "/d/b.vdif 60000.5 60000.7")


def pieces(*events: FileListEvent | FileListId) -> list[bytes]:
    told = [event if isinstance(event, FileListEvent) else FileListEvent(event) for event in events]
    return [piece for event in told for piece in encode_file_list(event)]


def result(line: str) -> FileListEvent:
    return FileListEvent(FileListId.FILE_RESULT, line)


WRITING = (
    FileListEvent(FileListId.FINAL_NAME, "/d/list"),
    *map(result, RESULTS),
    FileListEvent(FileListId.PROCESSED_COUNT, count=2),
)


async def make(node: AsyncHeadNode, files: Any = ("/d/a.vdif", "/d/b.vdif"), **changes: Any) -> Any:
    values = {"overwrite": False, "timeout": 5, "on_line": lambda line: None}
    place = {"destination": "/d/list", "data_format": "VDIF", "mjd": 60000}
    return await node.make_file_list(files, **{**place, **values, **changes})


def writing(*before: FileListEvent | FileListId, text: str = RESULTS[0]) -> Callable[..., Awaitable[None]]:
    """Play a list that is written, as the real server does: with one of two recordings of equal begin."""
    holder: list[FarEnd] = []

    async def play(talker: Talker, body: object, port: int) -> None:
        await talker.on_channel(port, *pieces(FileListId.TASK_STARTED, *before, *WRITING))
        holder[0].files["/d/list"] = text.encode() + b"\n"
        ended = pieces(FileListId.TASK_ENDED_GRACEFULLY)
        await talker.say(*(ChannelData(port, piece) for piece in ended))

    play.holder = holder  # type: ignore[attr-defined]
    return play


async def test_a_list_is_made_and_fetched() -> None:
    """7.11: packet 23, then 102 104 111* 110 101."""
    play = writing()
    async with facing(play, FILES) as (far, node):
        play.holder.append(far)  # type: ignore[attr-defined]
        lines: list[str] = []
        made = await make(node, on_line=lines.append)
        assert lines == list(RESULTS)
        assert made.lines == (RESULTS[0],)  # the real server leaves the second one out
        assert [recording.file for recording in made.recordings] == ["/d/a.vdif", "/d/b.vdif"]
        assert (made.path, made.processed, made.had_errors) == ("/d/list", 2, False)
        (request,) = far.requests
        assert isinstance(request, FileListRequest)
        assert request.files == ("/d/a.vdif", "/d/b.vdif")
        assert (request.destination, request.data_format, request.reference_mjd) == ("/d/list", "VDIF", 60000)


@pytest.mark.parametrize("files", ["/d/*.vdif", ["/d/?.vdif"], ["/d/a.vdif", "/d/b*"]])
async def test_patterns_are_written_out(files: Any) -> None:
    """7.11: the server would take each name as it stands."""
    play = writing()
    async with facing(play, FILES) as (far, node):
        play.holder.append(far)  # type: ignore[attr-defined]
        await make(node, files)
        assert far.requests[0].files == ("/d/a.vdif", "/d/b.vdif")  # type: ignore[attr-defined]


@pytest.mark.parametrize(("overwrite", "answer"), [(True, OVERWRITE), (False, CANCEL)])
async def test_the_question_is_answered_with_a_bare_integer(overwrite: bool, answer: bytes) -> None:
    """7.11: 103 asks, also where nothing was there a moment ago; four bytes answer."""
    holder: list[FarEnd] = []
    question = FileListEvent(FileListId.DESTINATION_EXISTS, "/d/list")

    async def play(talker: Talker, body: object, port: int) -> None:
        await talker.on_channel(port, *pieces(FileListId.TASK_STARTED, question))
        assert await holder[0].answer_on(port, 4) == answer
        if overwrite:
            holder[0].files["/d/list"] = RESULTS[0].encode()
        rest = (*WRITING, FileListId.TASK_ENDED_GRACEFULLY) if overwrite else (FileListId.TASK_TERMINATED,)
        await talker.say(*(ChannelData(port, piece) for piece in pieces(*rest)))

    async with facing(play, FILES) as (far, node):
        holder.append(far)
        if overwrite:
            assert (await make(node, overwrite=True)).processed == 2
        else:
            with pytest.raises(RemoteFileExists, match=r"came into being meanwhile.*overwrite=True"):
                await make(node)
        assert list(far.heard.values()) == [answer]


@pytest.mark.parametrize(
    ("event", "error", "text"),
    [
        (FileListEvent(FileListId.PATH_ACCESS_FAILURE, "/d/list"), RemotePermission, "may not look at"),
        (FileListEvent(FileListId.OPEN_ERROR, "Permission denied"), RemoteFileError, "Permission denied"),
        (FileListEvent(FileListId.BAD_FORMAT, "VDIF"), UnsafeValue, "does not know the format VDIF"),
        (FileListId.TASK_STARTED, RemoteFileError, "no reason.*it said: filelist generation: oops"),
    ],
)
async def test_a_list_that_is_refused(
    event: FileListEvent | FileListId, error: type[Exception], text: str
) -> None:
    async def play(talker: Talker, body: object, port: int) -> None:
        await talker.say(Notice(NoticeSeverity.ERROR, "filelist generation: oops"))
        told = pieces(FileListId.TASK_STARTED, event, FileListId.TASK_TERMINATED)
        await talker.on_channel(port, *told)

    async with facing(play, FILES) as (_, node):
        with pytest.raises(error, match=text):
            await make(node)


async def test_a_list_without_an_end_is_given_up_in_time() -> None:
    async def play(talker: Talker, body: object, port: int) -> None:
        await talker.on_channel(port, *pieces(FileListId.TASK_STARTED))

    async with facing(play, FILES) as (_, node):
        with pytest.raises(NoReply, match=r"file list /d/list.*did not finish"):
            await make(node, timeout=0.2)


async def test_nonsense_instead_of_a_list() -> None:
    async def play(talker: Talker, body: object, port: int) -> None:
        await talker.on_channel(port, b"\0\0\0\x6e\xff\xff\xff\xff")

    async with facing(play, FILES) as (_, node):
        with pytest.raises(ProtocolError):
            await make(node)


@pytest.mark.parametrize(
    ("files", "changes", "error", "text"),
    [
        (["/d/none"], {}, RemoteFileNotFound, "there is no /d/none"),
        ("/d/*.m5b", {}, RemoteFileNotFound, "matches"),
        ([], {}, ValueError, "1 to"),
        (["d/a.vdif"], {}, ValueError, "absolute"),
        (["/d/a b"], {}, UnsafeValue, "recording"),
        (["/d/[ab].vdif"], {}, UnsafeValue, "recording"),
        (["/d/a.vdif"], {"destination": "/d/a.vdif"}, RemoteFileExists, "overwrite=True"),
        (["/d/a.vdif"], {"destination": "/d/sub"}, RemoteFileExists, "a directory"),
        (["/d/a.vdif"], {"destination": "/e/list"}, RemoteFileNotFound, "there is no /e"),
        (["/d/a.vdif"], {"destination": "list"}, ValueError, "absolute"),
        (["/d/a.vdif"], {"data_format": "vdif"}, ValueError, "MKIV, VLBA, MARK5B, VDIF"),
        (["/d/a.vdif"], {"data_format": "VDIF;x"}, UnsafeValue, "data format"),
        (["/d/a.vdif"], {"mjd": 60000.5}, ValueError, "whole number"),
        (["/d/a.vdif"], {"mjd": -1}, ValueError, "modified Julian date"),
    ],
)
async def test_lists_that_are_not_asked_for(
    files: Any, changes: dict[str, Any], error: type[Exception], text: str
) -> None:
    """H5 and 5.4: nothing that would kill the server or reach its shell is sent."""

    async def play(talker: Talker, body: object, port: int) -> None:
        raise AssertionError(f"{body} was sent")

    async with facing(play, FILES) as (far, node):
        with pytest.raises(error, match=text):
            await make(node, files, **changes)
        assert far.requests == []
