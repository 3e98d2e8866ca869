# SPDX-License-Identifier: GPL-3.0-or-later
"""mk5control, module directory and copy (7.8, 7.9, 7.10) towards a scripted far end: requests, sequences, failures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from difxnb.errors import (
    ConnectionLost,
    NoReply,
    NotConfirmed,
    RecorderError,
    RemoteFileExists,
    RemoteFileNotFound,
    UnsafeValue,
)
from difxnb.wire.control import Notice, NoticeSeverity
from difxnb.wire.message import GetDirectory, Mark5Copy, Mk5Control
from difxnb.wire.packet import packet_chunks
from tests.client.far_recorders import facing
from tests.client.peers import Talker

Play = Callable[[Talker, object, int], Awaitable[None]]


def playing(*packets: int | tuple[int, str], notice: str = "") -> Play:
    """Send packets, each as the real server's elementary writes."""

    async def play(talker: Talker, body: object, port: int) -> None:
        if notice:
            await talker.say(Notice(NoticeSeverity.ERROR, notice))
        told = [packet if isinstance(packet, tuple) else (packet, "") for packet in packets]
        pieces = [piece for packet_id, text in told for piece in packet_chunks(packet_id, text.encode())]
        await talker.on_channel(port, *pieces)

    return play


SAID: list[str] = []


# --- mk5control -------------------------------------------------------------------------------------------


async def test_a_command_is_sent_and_its_lines_come_back() -> None:
    """7.9: 102 108* 110* 101."""
    lines: list[str] = []
    play = playing(102, (108, "one\n"), (110, "two\n"), 101)
    async with facing(play) as (far, node):
        talk = await node.control_recorder(
            "mark5fx01", "getvsn", confirm=False, timeout=5, on_line=lines.append
        )
        assert lines == ["one", "two"]
        assert [(line.text, line.is_error) for line in talk.output.lines] == [("one", False), ("two", True)]
        (request,) = far.requests
        assert isinstance(request, Mk5Control)
        assert (request.command, request.target_node) == ("getvsn", "mark5fx01")


@pytest.mark.parametrize("command", ["erase", "Condition", "poweroff", "reboot", "unheardof", "discoffA"])
async def test_what_destroys_is_not_sent_without_consent(command: str) -> None:
    async with facing(playing(102, 101)) as (far, node):
        with pytest.raises(NotConfirmed, match=f"{command} on m .*confirm=True"):
            await node.control_recorder("m", command, confirm=False, timeout=5, on_line=SAID.append)
        with pytest.raises(NotConfirmed):
            await node.control_recorder("m", command, confirm=1, timeout=5, on_line=SAID.append)  # type: ignore[arg-type]
        assert far.requests == []
        await node.control_recorder("m", command, confirm=True, timeout=5, on_line=SAID.append)
        assert len(far.requests) == 1


@pytest.mark.parametrize(
    ("target", "command"),
    [
        ("m", "copy A 1 /d"),
        ("m", "getvsn;reboot"),
        ("m", "-h"),
        ("m", ""),
        ("m", "g" * 32),
        ("a b", "getvsn"),
        ("a,b", "getvsn"),
        ("-x", "getvsn"),
        ("m" * 256, "getvsn"),
        ("$(x)", "getvsn"),
    ],
)
async def test_what_a_shell_would_act_on_is_not_sent(target: str, command: str) -> None:
    """H17 and 5.2: one plain word of 31 bytes, one host of 255."""
    async with facing(playing(102, 101)) as (far, node):
        with pytest.raises(UnsafeValue):
            await node.control_recorder(target, command, confirm=True, timeout=5, on_line=SAID.append)
        assert far.requests == []


async def test_a_command_without_an_end_is_given_up_in_time() -> None:
    """6.2.3: without an end marker only a time-out helps; what was said is in the text."""
    async with facing(playing(102, (110, "in trouble\n"))) as (_, node):
        with pytest.raises(NoReply, match=r"did not finish.*(?s:.*)in trouble"):
            await node.control_recorder("m", "getvsn", confirm=False, timeout=0.2, on_line=SAID.append)


async def test_a_command_that_is_not_taken_up() -> None:
    async def play(talker: Talker, body: object, port: int) -> None:
        await talker.say(Notice(NoticeSeverity.ERROR, "client socket connection from guiServer failed"))

    async with facing(play) as (_, node):
        with pytest.raises(NoReply, match=r"no side connection.*client socket connection"):
            await node.control_recorder("m", "getvsn", confirm=False, timeout=5, on_line=SAID.append)


async def test_a_connection_that_breaks_meanwhile() -> None:
    async def play(talker: Talker, body: object, port: int) -> None:
        await playing(102)(talker, body, port)
        talker.writer.transport.abort()

    async with facing(play) as (_, node):
        with pytest.raises(ConnectionLost, match="getvsn on m"):
            await node.control_recorder("m", "getvsn", confirm=False, timeout=5, on_line=SAID.append)


# --- directory --------------------------------------------------------------------------------------------

CONTENT = ((310, "USN-0012 1 A 7 1  NORMAL"), (310, "0 100 60000 1 0 1 1.0 5032 0 8 3 SCAN"))


async def test_a_directory_is_read() -> None:
    """7.8: 301 303 307 309 310* 302."""
    play = playing(301, (303, "/d/USN-0012.dir"), (307, "Mar 12 10:20"), 309, *CONTENT, 302)
    async with facing(play) as (far, node):
        talk = await node.module_directory("m", "USN-0012", generate=False, timeout=5, on_line=SAID.append)
        assert (talk.path, talk.date) == ("/d/USN-0012.dir", "Mar 12 10:20")
        assert talk.content == [text for _, text in CONTENT]
        (request,) = far.requests
        assert isinstance(request, GetDirectory)
        assert (request.mark5, request.vsn, request.generate_new) == ("m", "USN-0012", False)


async def test_a_directory_made_anew_may_have_harmless_errors() -> None:
    """7.8: 314 comes with everything that mk5dir says on its error output."""
    made = (311, (312, "Number of scans = 1"), (305, "FYI: not set"), (305, ""), 314)
    play = playing(301, (303, "/d/x"), *made, (307, ""), 309, *CONTENT, 302)
    async with facing(play) as (far, node):
        lines: list[str] = []
        talk = await node.module_directory("m", "USN-0012", generate=True, timeout=5, on_line=lines.append)
        assert (talk.generated, lines) == (False, ["Number of scans = 1", "FYI: not set", ""])
        assert getattr(far.requests[0], "generate_new", None) is True


@pytest.mark.parametrize(
    ("packets", "error", "text"),
    [
        ((301, (305, "ls: no"), 308, 304), RemoteFileNotFound, "no directory file(?s:.*)ls: no"),
        ((301, (305, "mpirun: no"), 306, 304), RecorderError, "MARK5_DIR_PATH(?s:.*)mpirun: no"),
        ((301, 304), RecorderError, "no reason.*it said: executing"),
    ],
)
async def test_a_directory_that_cannot_be_had(
    packets: tuple[int | tuple[int, str], ...], error: type[Exception], text: str
) -> None:
    async with facing(playing(*packets, notice="executing: mpirun")) as (_, node):
        with pytest.raises(error, match=text):
            await node.module_directory("m", "USN-0012", generate=False, timeout=5, on_line=SAID.append)


async def test_a_directory_that_was_not_made_anew_is_not_passed_off_as_new() -> None:
    made = (311, (305, "Another process (pid=7) has a lock on this Mark5 unit"), 314)
    play = playing(301, (303, "/d/x"), *made, (307, "Mar 12 10:20"), 309, *CONTENT, 302)
    async with facing(play) as (_, node):
        with pytest.raises(RecorderError, match=r"not made anew.*Mar 12 10:20(?s:.*)has a lock") as caught:
            await node.module_directory("m", "USN-0012", generate=True, timeout=5, on_line=SAID.append)
        assert caught.value.lines == ("Another process (pid=7) has a lock on this Mark5 unit",)


@pytest.mark.parametrize("vsn", ["USN-12", "USN-00123", "../x/../", "USN 0012", "", "USN-001;"])
async def test_what_is_no_vsn(vsn: str) -> None:
    async with facing(playing(301, 302)) as (far, node):
        with pytest.raises(ValueError, match=r"VSN"):
            await node.module_directory("m", vsn, generate=False, timeout=5, on_line=SAID.append)
        with pytest.raises(UnsafeValue, match="31 characters"):
            await node.module_directory("m" * 32, "USN-0012", generate=False, timeout=5, on_line=SAID.append)
        assert far.requests == []


# --- copy -------------------------------------------------------------------------------------------------


async def test_a_copy_ends_with_302() -> None:
    """7.10: 301 305* 314 302."""
    async with facing(playing(301, (305, "Copied scan 1 = A."), (312, "x"), 314, 302)) as (far, node):
        lines: list[str] = []
        talk = await node.copy_scans(
            "m", "USN-0012", "1-3", "/d/raw", overwrite=False, timeout=5, on_line=lines.append
        )
        assert talk.had_errors
        assert lines == ["Copied scan 1 = A.", "x"]
        (request,) = far.requests
        assert isinstance(request, Mark5Copy)
        asked = (request.mark5, request.vsn, request.scans, request.destination)
        assert asked == ("m", "USN-0012", "1-3", "/d/raw")


@pytest.mark.parametrize(
    ("vsn", "scans", "there", "refused"),
    [
        ("USN-0012", "1-3", "USN-0012_0002_SCAN", True),
        ("USN-0012", "1,3", "USN-0012_0002_SCAN", False),
        ("USN-0012", "all", "USN-0012_0002_SCAN", True),
        ("USN-0012", "1-3", "XXX-0012_0002_SCAN", False),
        ("A", "1-3", "XXX-0012_0002_SCAN", True),
        ("USN-0012", "1-3", "USN-0012_notes", False),
    ],
)
async def test_copies_are_not_replaced_without_consent(
    vsn: str, scans: str, there: str, refused: bool
) -> None:
    files = {"/d/raw/": b"", f"/d/raw/{there}": b"x"}
    async with facing(playing(301, 302), files) as (far, node):
        if refused:
            with pytest.raises(RemoteFileExists, match=f"{there}.*overwrite=True"):
                await node.copy_scans(
                    "m", vsn, scans, "/d/raw", overwrite=False, timeout=5, on_line=SAID.append
                )
            assert far.requests == []
        await node.copy_scans("m", vsn, scans, "/d/raw", overwrite=refused, timeout=5, on_line=SAID.append)
        assert len(far.requests) == 1


@pytest.mark.parametrize(
    ("vsn", "scans", "destination"),
    [
        ("USN-0012", "1;2", "/d"),
        ("USN-0012", "1" * 32, "/d"),
        ("USN-0012", "1", "d"),
        ("USN-0012", "1", "/d d"),
        ("USN-0012", "", "/d"),
        ("C", "1", "/d"),
        ("USN-0012", "1", "/" + "d" * 255),
    ],
)
async def test_copies_that_are_not_sent(vsn: str, scans: str, destination: str) -> None:
    async with facing(playing(301, 302)) as (far, node):
        with pytest.raises(ValueError):  # noqa: PT011 - texts differ, and are pinned elsewhere
            await node.copy_scans(
                "m", vsn, scans, destination, overwrite=True, timeout=5, on_line=SAID.append
            )
        assert far.requests == []
