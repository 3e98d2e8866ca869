# SPDX-License-Identifier: GPL-3.0-or-later
"""Files from a cell: every verb blocking, bars on what lasts, warnings where the user sees them."""

from __future__ import annotations

import asyncio
import os
import threading
import warnings
from pathlib import Path

import pandas as pd
import pytest

import difxnb
from difxnb.errors import RemoteFileChanged, RemoteFileExists
from difxnb.notebook import transfer_bar
from difxnb.wire.files import encode_line, encode_size
from difxnb.wire.message import FileTransfer
from tests.client.peers import Talker, own_server, scripted
from tests.notebook.far_end import FarEnd

ENTRY = b"-rw-r--r-- 1 oper oper 3072 2026-11-22 10:52:00.000000000 +0000 /srv/x\n"


def test_every_verb(far: FarEnd, tmp_path: Path) -> None:
    root = (tmp_path / "root").resolve()
    root.mkdir()
    server = far.enter(own_server(root))
    with difxnb.connect("127.0.0.1", server.port) as difx:
        difx.mkdir(root / "exp" / "sub")
        difx.touch(root / "exp" / "empty")
        assert difx.send_file(root / "exp" / "a b", "text", checksum=True) == 4
        difx.cp(root / "exp" / "a b", root / "exp" / "copy")
        difx.mv(root / "exp" / "copy", root / "exp" / "sub")
        with pytest.raises(RemoteFileExists):
            difx.cp(root / "exp" / "a b", root / "exp" / "empty")
        difx.cp(root / "exp" / "a b", root / "exp" / "empty", overwrite=True)
        assert difx.get_file(root / "exp" / "empty", checksum=True) == b"text"
        listed = difx.ls(root / "exp", recursive=True)
        assert listed["name"].tolist() == ["a b", "empty", "sub", "copy"]
        assert listed["type"].tolist() == ["file", "file", "directory", "file"]
        difx.rm(root / "exp" / "e*", force=True)
        difx.rm(root / "exp" / "sub" / "copy")
        difx.rmdir(root / "exp" / "sub")
        assert difx.download(root / "exp", tmp_path / "here", recursive=True) == tmp_path / "here"
        assert difx.upload(tmp_path / "here", root / "again", recursive=True, progress=False) == 4
        difx.rm(root / "exp", recursive=True)
    assert [str(path.relative_to(root)) for path in sorted(root.rglob("*"))] == ["again", "again/a b"]


def test_editing_a_text(far: FarEnd, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "e.v2d").write_text("one\n<two>\n")
    server = far.enter(own_server(root))
    with difxnb.connect("127.0.0.1", server.port) as difx:
        with difx.open_text(root / "e.v2d") as file:
            assert "unchanged" in repr(file)
            file.text = file.text.replace("one", "1")
            assert file.diff().splitlines()[-3:] == ["-one", "+1", " <two>"]
            assert "&lt;two&gt;" in file._repr_html_()
        assert (root / "e.v2d").read_text() == "1\n<two>\n"
        assert (root / "e.v2d~").read_text() == "one\n<two>\n"
        with pytest.raises(ZeroDivisionError), difx.open_text(root / "e.v2d") as file:
            file.text = str(1 / 0)
        file = difx.open_text(root / "e.v2d")
        assert (file.path, file.text, file.original, file.changed) == (
            f"{root}/e.v2d", "1\n<two>\n", "1\n<two>\n", False,
        )  # fmt: skip
        file.text = "mine"
        (root / "e.v2d").write_text("theirs")
        with pytest.raises(RemoteFileChanged):
            file.save()
    assert (root / "e.v2d").read_text() == "theirs"


def test_editing_a_text_awaited(tmp_path: Path) -> None:
    root = tmp_path.resolve()
    (root / "e.v2d").write_text("one\n")

    async def main() -> None:
        async with own_server(root) as server, difxnb.aio.connect("127.0.0.1", server.port) as difx:
            opening = difx.open_text(f"{root}/e.v2d")
            assert "not open yet" in repr(opening)
            async with opening as file:
                file.text += "two\n"
            text = await difx.open_text(f"{root}/e.v2d")
            assert text.text == "one\ntwo\n"
            async with text:
                text.text = "three\n"
            with pytest.raises(ZeroDivisionError):
                async with difx.open_text(f"{root}/e.v2d") as file:
                    file.text = str(1 / 0)

    asyncio.run(main())
    assert (root / "e.v2d").read_text() == "three\n"
    assert (root / "e.v2d~").read_text() == "one\n"


@pytest.mark.parametrize("face", ["blocking", "awaitable"])
def test_what_is_left_out_is_warned_of_where_the_user_is(far: FarEnd, tmp_path: Path, face: str) -> None:
    root = (tmp_path / "root").resolve()
    (root / "exp").mkdir(parents=True)
    for number in range(7):
        os.mkfifo(root / "exp" / f"pipe{number}")
    server = far.enter(own_server(root))

    async def awaitable() -> None:
        async with difxnb.aio.connect("127.0.0.1", server.port) as difx:
            await difx.download(f"{root}/exp", tmp_path / "here", recursive=True)
            await difx.upload(root / "exp", f"{root}/copy", recursive=True)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if face == "awaitable":
            asyncio.run(awaitable())
        else:
            with difxnb.connect("127.0.0.1", server.port) as difx:
                difx.download(root / "exp", tmp_path / "here", recursive=True)
                difx.upload(root / "exp", root / "copy", recursive=True)
    assert [Path(warning.filename) for warning in caught] == [Path(__file__)] * 2
    for warning in caught:
        text = str(warning.message)
        assert text.startswith("left out: ")
        assert "pipe4" in text
        assert "pipe5" not in text
        assert text.endswith("and 2 more")


def test_a_transfer_that_lasts_shows_a_bar(
    far: FarEnd, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The far end sends the second half when it has seen the bar of the first."""
    shown = threading.Event()
    make_bar = transfer_bar._new_bar

    def watched(*values: object) -> object:
        bar = make_bar(*values)
        shown.set()
        return bar

    async def answer(talker: Talker, body: object, port: int) -> None:
        if isinstance(body, FileTransfer):
            await talker.on_channel(port, encode_size(3072), b"x" * 1024)
            assert await asyncio.to_thread(shown.wait, 30)
            await talker.on_channel(port, b"x" * 1024, b"x" * 1024)
        else:
            await talker.on_channel(port, encode_line(ENTRY), bytes(4))

    monkeypatch.setattr(transfer_bar, "PATIENCE_S", 0.0)
    monkeypatch.setattr(transfer_bar, "_new_bar", watched)
    port = far.enter(scripted(lambda talker: talker.serve(answer)))
    with difxnb.connect("127.0.0.1", port) as difx:
        assert difx.get_file("/srv/x") == b"x" * 3072
    last = capsys.readouterr().err.rsplit("\r", 1)[-1]
    assert last.startswith("get x: 100%|")
    assert "3.00k/3.00k" in last


def test_a_short_transfer_shows_nothing(
    far: FarEnd, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path.resolve()
    server = far.enter(own_server(root))
    told: list[tuple[int, int]] = []
    with difxnb.connect("127.0.0.1", server.port) as difx:
        difx.send_file(root / "x", "text")
        difx.send_file(root / "x", "text", progress=True)
        difx.send_file(root / "x", "text", progress=lambda *seen: told.append(seen))
        assert difx.get_file(root / "x", progress=False) == b"text"
    assert told == [(4, 4)]
    assert capsys.readouterr().err == ""


def test_times_that_a_table_cannot_hold_are_missing(far: FarEnd) -> None:
    lines = [
        b"-rw-r--r-- 1 o g 1 9999-01-01 00:00:00.0 +0000 far\n",
        b"-rw-r--r-- 1 o g 1 0001-01-01 00:00:00.0 +0000 old\n",
        b"-rw-r--r-- 1 o g 1 1969-12-31 23:59:59.999999 +0000 early\n",
        b"d????????? ? ? ? ? ? unseen\n",
    ]

    async def answer(talker: Talker, body: object, port: int) -> None:
        first = [b"drwxr-xr-x 1 o g 1 2026-01-01 00:00:00.0 +0000 /srv/dir\n"]
        found = first if "d" in (getattr(body, "arg", "") or "").split()[0] else lines
        await talker.on_channel(port, *map(encode_line, found), bytes(4))

    port = far.enter(scripted(lambda talker: talker.serve(answer)))
    with difxnb.connect("127.0.0.1", port) as difx:
        listed = difx.ls("/srv/dir").set_index("name")
    assert listed["modified"].isna().tolist() == [True, True, False, True]
    assert listed["modified"]["early"] == pd.Timestamp("1969-12-31 23:59:59.999999")
    assert str(listed["modified"].dtype) == "datetime64[ns]"
    assert listed["size"].tolist() == [1, 1, 1, 0]
    assert listed.loc["unseen", "mode"] == "d?????????"
