# SPDX-License-Identifier: GPL-3.0-or-later
"""File lists as our server makes them (7.11): every sequence, the question, the list itself."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from baseband.data import SAMPLE_MARK4, SAMPLE_MARK5B, SAMPLE_VDIF

from difxnb.errors import FileFormatError
from difxnb.server import GuiServer
from difxnb.server.recording_times import recording_times
from difxnb.wire import control
from difxnb.wire.file_list import parse_recording
from tests.server.peers import Peer, run, serving
from tests.server.recorder_rooms import ask, ask_dialling, install, is_terminal, packets_in

ENDS = is_terminal(100, 101)
CHANNEL = 50310


@asynccontextmanager
async def room(
    tmp_path: Path, programs: Mapping[str, str] | None = None
) -> AsyncIterator[tuple[Path, GuiServer, Peer]]:
    root = (tmp_path / "root").resolve()
    root.mkdir()
    for sample, name in ((SAMPLE_VDIF, "a.vdif"), (SAMPLE_VDIF, "b.vdif"), (SAMPLE_MARK5B, "a.m5b")):
        shutil.copy(sample, root / name)
    directory = None if programs is None else install(tmp_path / "bin", programs)
    async with serving(root, programs=directory) as server:
        peer = await Peer.connect(server)
        yield root, server, peer
        await peer.close()


def request(root: Path, *names: str, **changes: object) -> control.FileListRequest:
    values: dict[str, object] = {
        "files": tuple(f"{root}/{name}" for name in names),
        "destination": f"{root}/list",
        "data_format": "VDIF",
        "reference_mjd": 56800,
        "address": "127.0.0.1",
        "port": 0,
    }
    return control.FileListRequest(**{**values, **changes})  # type: ignore[arg-type]


def ids(stream: bytes) -> list[int]:
    return [packet.id for packet in packets_in(stream)]


def texts(stream: bytes, packet_id: int) -> list[str]:
    return [packet.payload.decode() for packet in packets_in(stream) if packet.id == packet_id]


def test_a_list_of_vdif_recordings(tmp_path: Path) -> None:
    """7.11: 102 104 111* 110 101; recordings that begin at the same time are both in the list."""

    async def main() -> None:
        async with room(tmp_path) as (root, server, peer):
            stream = await ask(peer, request(root, "b.vdif", "a.vdif"), ENDS)
            assert ids(stream) == [102, 104, 111, 111, 110, 101]
            assert texts(stream, 104) == [f"{root}/list"]
            assert texts(stream, 110) == ["\0\0\0\2"]
            assert (root / "list").read_text().splitlines() == texts(stream, 111)
            (root / "list").unlink()
            assert await ask_dialling(server, request(root, "b.vdif", "a.vdif")) == stream

    run(main())


def test_the_list_is_sorted_by_time(tmp_path: Path) -> None:
    async def main() -> None:
        summary = 'case $2 in */a.vdif) t=60001.5;; *) t=60000.5;; esac; echo "$2 $t 60002.0"'
        async with room(tmp_path, {"vsum": summary}) as (root, _, peer):
            await ask(peer, request(root, "a.vdif", "b.vdif"), ENDS)
            lines = (root / "list").read_text().splitlines()
            assert lines == [f"{root}/b.vdif 60000.5 60002.0", f"{root}/a.vdif 60001.5 60002.0"]

    run(main())


def test_an_installed_program_is_asked(tmp_path: Path) -> None:
    """7.11: `-s -r MJD FILE`; lines that do not begin with the file's name are errors."""

    async def main() -> None:
        programs = {"m5bsum": 'echo "$1 $2 $3 failed"; echo "$4 60000.1 60000.2"; echo oops >&2'}
        async with room(tmp_path, programs) as (root, _, peer):
            stream = await ask(peer, request(root, "a.m5b", data_format="MARK5B-1024-8-2"), ENDS)
            assert ids(stream) == [102, 104, 111, 110, 112, 101]
            assert texts(stream, 111) == [f"{root}/a.m5b 60000.1 60000.2"]
            assert sorted(peer.notices(6)) == [
                "filelist generation: -s -r 56800 failed",
                "filelist generation: oops",
            ]

    run(main())


@pytest.mark.parametrize("answer", [b"\0\0\0\x6a", b"\0\0\0\x6a\0\0\0\0", b"\0\0\0\1"])
def test_a_list_is_replaced_when_the_client_says_so(tmp_path: Path, answer: bytes) -> None:
    """7.11: 103 waits for a bare integer, or a whole packet; anything but 107 means yes."""

    async def main() -> None:
        async with room(tmp_path) as (root, _, peer):
            (root / "list").write_text("old")
            await peer.send(control.encode(request(root, "a.vdif", port=CHANNEL)))
            await peer.until(lambda: ids(bytes(peer.streams[CHANNEL])) == [102, 103])
            assert texts(bytes(peer.streams[CHANNEL]), 103) == [f"{root}/list"]
            for byte in answer:
                await peer.say(CHANNEL, bytes([byte]))
            await peer.until(lambda: ENDS(bytes(peer.streams[CHANNEL])))
            assert ids(bytes(peer.streams[CHANNEL])) == [102, 103, 104, 111, 110, 101]
            assert (root / "list").read_text().startswith(f"{root}/a.vdif ")

    run(main())


def test_a_list_is_left_alone_when_the_client_says_so(tmp_path: Path) -> None:
    """7.11: 107, then 100."""

    async def main() -> None:
        async with room(tmp_path) as (root, _, peer):
            (root / "list").write_text("old")
            await peer.send(control.encode(request(root, "a.vdif", port=CHANNEL)))
            await peer.say(CHANNEL, b"\0\0\0\x6b")
            await peer.until(lambda: ENDS(bytes(peer.streams[CHANNEL])))
            assert ids(bytes(peer.streams[CHANNEL])) == [102, 103, 100]
            assert (root / "list").read_text() == "old"

    run(main())


def test_a_client_that_leaves_before_it_answers_changes_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with room(tmp_path) as (root, server, _):
            (root / "list").write_text("old")
            leaving = await Peer.connect(server)
            await leaving.send(control.encode(request(root, "a.vdif", port=CHANNEL)))
            await leaving.until(lambda: ids(bytes(leaving.streams[CHANNEL])) == [102, 103])
            await leaving.close()
            other = await Peer.connect(server)
            await other.fence()
            await other.close()
            assert (root / "list").read_text() == "old"

    run(main())


@pytest.mark.parametrize(
    ("changes", "sequence", "text"),
    [
        ({"data_format": "vdif"}, [102, 109, 100], "vdif"),
        ({"data_format": ""}, [102, 109, 100], ""),
        ({"destination": "/etc/list"}, [102, 108, 100], "No such file"),
        ({"destination": "list"}, [102, 108, 100], "No such file"),
        ({"destination": "{root}/none/list"}, [102, 108, 100], "No such file"),
    ],
)
def test_lists_that_are_refused(
    tmp_path: Path, changes: dict[str, str], sequence: list[int], text: str
) -> None:
    """7.11: 109 and 108 are followed by 100."""

    async def main() -> None:
        async with room(tmp_path) as (root, _, peer):
            changed = {key: value.format(root=root) for key, value in changes.items()}
            stream = await ask(peer, request(root, "a.vdif", **changed), ENDS)
            assert ids(stream) == sequence
            assert text in texts(stream, sequence[1])[0]

    run(main())


@pytest.mark.parametrize(
    ("name", "data_format", "listed"),
    [
        ("a.m5b", "VDIF", False),
        ("none", "VDIF", False),
        ("../bin", "VDIF", False),
        ("a.vdif", "MARK5B", False),
        ("a.vdif", "VLBA1_4-256-8-2", True),
        ("a.vdif", "MKIV1_4-512-8-2", True),
        ("a.vdif", "MKIV", True),
    ],
)
def test_recordings_that_cannot_be_read(tmp_path: Path, name: str, data_format: str, listed: bool) -> None:
    """7.11: an error each; MKIV and VLBA are listed all the same, with times of zero."""

    async def main() -> None:
        async with room(tmp_path) as (root, _, peer):
            stream = await ask(peer, request(root, name, "b.vdif", data_format=data_format), ENDS)
            assert ids(stream)[-2:] == [112, 101]
            assert (f"{root}/{name} 0.000000 0.000000" in texts(stream, 111)) == listed
            assert peer.notices(6)[0].startswith("filelist generation: ")

    run(main())


def test_nothing_is_left_beside_a_list_that_was_given_up(tmp_path: Path) -> None:
    async def main() -> None:
        async with room(tmp_path, {"vsum": "sleep 1000"}) as (root, server, _):
            leaving = await Peer.connect(server)
            await leaving.send(control.encode(request(root, "a.vdif", port=CHANNEL)))
            await leaving.until(lambda: ids(bytes(leaving.streams[CHANNEL])) == [102, 104])
            await leaving.close()
            other = await Peer.connect(server)
            async with asyncio.timeout(30):
                while any(path.name.endswith(".part") for path in root.iterdir()):
                    await other.fence()
            await other.close()
            assert sorted(path.name for path in root.iterdir()) == ["a.m5b", "a.vdif", "b.vdif"]

    run(main())


# --- times ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sample", "data_format", "mjd", "start", "stop"),
    [
        # vsum counts whole seconds, m5bsum and the real server's own decoder count frames.
        (SAMPLE_VDIF, "VDIF", 0, 56824 + (5 * 3600 + 56 * 60 + 7) / 86400, None),
        (SAMPLE_MARK5B, "MARK5B", 57000, 56821 + 19801 / 86400, 56821 + 19801.00046875 / 86400),
        (SAMPLE_MARK4, "MKIV1_4-1024-8-2", 56000, 56824 + 27492.475 / 86400, 56824 + 27492.4775 / 86400),
    ],
)
def test_times_of_recordings(
    sample: str, data_format: str, mjd: int, start: float, stop: float | None
) -> None:
    with open(sample, "rb") as content:
        recording = recording_times(content, "/d/x", data_format, mjd)
    assert recording.file == "/d/x"
    assert abs(recording.start_mjd - start) * 86400 < 1e-4
    expected = start + 1 / 86400 if stop is None else stop
    assert abs(recording.stop_mjd - expected) * 86400 < 1e-4
    assert parse_recording(recording.line) is not None


def test_an_empty_file_is_no_recording(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for data_format in ("VDIF", "MARK5B", "MKIV1_4-512-8-2", "VLBA"):
        with (tmp_path / "empty").open("rb") as content, pytest.raises(FileFormatError):
            recording_times(content, "empty", data_format, 60000)
