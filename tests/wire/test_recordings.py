# SPDX-License-Identifier: GPL-3.0-or-later
"""What a real guiServer 2.9 says where the original client never asks, byte for byte (see reference/guiserver-2.9).

Every stream is read and written again, and every exchange is read by its own decoder and gives what happened.
"""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from difxnb.wire import control, files, listing
from difxnb.wire.control import Command, Notice, NoticeSeverity, ServerUser, UnknownPacket
from difxnb.wire.message import (
    Message,
    command_xml,
    parse,
)
from difxnb.wire.packet import PacketReader
from tests.recordings import NAMES, NEGATIVE_LENGTH, Exchange, events, exchanges, packets, pieces, stream

DATA = "/data/exp/rec"


def test_all_recordings_are_here() -> None:
    assert len(NAMES) == 58
    assert not [name for name in NAMES if not pieces(name)]


# --- main connection ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_main_connections_decode_and_encode_to_the_same_bytes(name: str) -> None:
    for direction in ("c2s", "s2c"):
        found = events(name, direction)
        unknown = [event for event in found if isinstance(event, UnknownPacket)]
        assert [event.id for event in unknown] == (
            [99, 4] if (name, direction) == ("commands_refused", "c2s") else []
        )
        written = b"".join(map(control.encode, found))
        assert written == stream(name, direction).removesuffix(NEGATIVE_LENGTH)


@pytest.mark.parametrize("name", NAMES)
def test_cuts_do_not_matter(name: str) -> None:
    data, rng = stream(name, "s2c"), random.Random(name)
    reader, found, at = PacketReader(), [], 0
    while at < len(data):
        step = rng.choice((1, 2, 3, 7, 50, 4000))
        reader.receive_data(data[at : at + step])
        at += step
        found += list(iter(reader.next_packet, None))
    assert found == packets(data)


def test_the_user_is_named_where_the_server_has_a_login() -> None:
    """4.8, packet 16."""
    found = events("version_and_user", "s2c")
    assert [type(event).__name__ for event in found] == [
        "ServerVersion", "DifxBase", "ServerUser", "AvailableVersion",
        *["EnvironmentVariable"] * 14, "VersionsComplete",
    ]  # fmt: skip
    assert ServerUser("oper") in found


def test_commands_are_written_as_the_real_server_understood_them() -> None:
    """5.1: what was answered in these recordings is what we write today."""
    written = 0
    for name in NAMES:
        for event in events(name, "c2s"):
            message = parse(event.payload) if isinstance(event, Command) else None
            if isinstance(message, Message) and not message.header.source and name != "commands_refused":
                assert command_xml(message.body) == event.payload
                written += 1
    assert written > 100


def test_what_is_no_command_gets_a_warning() -> None:
    """4.3: the number of the type, or both lengths where it is too long; deep nesting too."""
    notices = [e for e in events("commands_refused", "s2c") if isinstance(e, Notice)]
    kinds = [event.text.split(" - ")[0] for event in notices]
    assert kinds[:7] == [f"Received command message type {n}" for n in (0, 0, 7, 0, 0, 10, 0)]
    assert notices[7].severity is NoticeSeverity.ERROR
    assert "94128" in notices[7].text
    assert "93712" in notices[7].text
    assert len(notices) == 9


def test_files_and_unknown_operations_get_no_answer() -> None:
    """7.2: silence, whether it worked or not."""
    for name in (n for n in NAMES if n.startswith("files_")):
        spoken = {type(e).__name__ for e in events(name, "s2c")}
        assert spoken <= {"ServerVersion", "DifxBase", "AvailableVersion", "EnvironmentVariable",
                          "VersionsComplete", "ChannelOpened", "ChannelData"}  # fmt: skip


# --- files --------------------------------------------------------------------------------------------


def lines_of(exchange: Exchange) -> list[str]:
    reader, found = files.LineListReader(), []
    reader.receive_data(exchange.heard)
    while (line := reader.next_line()) is not None:
        found.append(line.decode())
    assert reader.complete
    assert b"".join(files.encode_line(line.encode()) for line in found) + files.END_OF_LINES == exchange.heard
    return found


def listings(name: str) -> list[list[str]]:
    return [lines_of(exchange) for exchange in exchanges(name)]


def test_what_became_of_file_operations() -> None:
    """7.2: rmdir, touch, cp, mv, rm and mkdir, seen in the listing afterwards."""
    assert listings("files_rmdir") == [[f"{DATA}/full\n"]]
    ((new, old),) = listings("files_touch")
    assert new.endswith(f" {DATA}/new.txt\n")
    assert " 2026 " in old
    (copied,) = listings("files_copy_and_move")
    assert {"two.txt\n", "three.txt\n", "old.txt\n"} <= set(copied)
    assert not {"one.txt\n", "full2\n", "four.txt\n"} & set(copied)
    (removed,) = listings("files_remove")
    assert removed[-1] == f"{DATA}/full:\n"
    assert "one.txt\n" not in removed


def test_names_that_were_quoted() -> None:
    """5.4: through one shell for ls, mkdir and touch, through two for rm, cp and mv."""
    before, names, inside = listings("files_quoted_names")
    (entry,) = listing.parse_listing(before, DATA)
    assert entry.name == "a b $c 'd'.txt"
    assert {'co py "`;&<>\\.txt\n', "mo ved.txt\n", "dir with blanks\n"} <= set(names)
    assert "größe.txt\n" not in names
    assert inside == ["$HOME\n"]


@pytest.mark.parametrize("name", ["files_listings", "dialback_files_listings"])
def test_listings(name: str) -> None:
    """7.2, ls: plain, escaped, directories themselves, marked, recursive, nothing."""
    plain, escaped, matching, marked, recursive, nothing = listings(name)
    entries = listing.parse_listing(plain, DATA)
    assert [(e.name, e.type, e.target) for e in entries] == [
        ("a b $c 'd'.txt", "file", None),
        ("broken", "link", "nowhere"),
        ("empty", "directory", None),
        ("full", "directory", None),
        ("größe.txt", "file", None),
        ("link", "link", "full"),
        ("old.txt", "file", None),
        ("one.txt", "file", None),
    ]
    assert entries[6].modified == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
    assert listing.parse_listing(escaped, DATA, escaped=True) == entries
    assert len(matching) == 4
    assert marked[2:4] == ["empty/\n", "full/\n"]
    deep = listing.parse_listing(recursive, DATA)
    assert [e.path for e in deep if e not in entries] == [f"{DATA}/full/a.txt"]
    assert nothing == []


def results(name: str) -> list[tuple[str, int | None, bytes]]:
    """Direction, size or result, and content of each transfer."""
    found = []
    for exchange in exchanges(name):
        reader = files.DownloadReader()
        upload = exchange.request.direction == "to DiFX"
        reader.receive_data(exchange.heard[:4] if upload else exchange.heard)
        found.append((exchange.request.direction, reader.size, reader.take()))
    return found


@pytest.mark.parametrize("name", ["transfer_text", "dialback_transfer_text"])
def test_transfers_of_text(name: str) -> None:
    """7.3: the announced size is acknowledged; pieces of 1024 bytes are fine."""
    text = "".join(f"line {k} of größe\n" for k in range(120)).encode()
    whole, in_pieces, back, nothing, nothing_back = results(name)
    assert (whole[1], in_pieces[1], nothing[1]) == (len(text), len(text), 0)
    assert back[2] == text
    assert nothing_back[1:] == (0, b"")
    assert [e.said[:4] for e in exchanges(name)[:2]] == [files.encode_size(len(text))] * 2
    if not name.startswith("dialback"):
        writes = [len(write) for write in exchanges(name)[2].writes]
        assert writes == [4, 1024, 1024, len(text) - 2048]


@pytest.mark.parametrize("name", ["transfer_refusals", "dialback_transfer_refusals"])
def test_transfers_that_are_refused(name: str) -> None:
    """7.3: all results below zero, an echo of a negative size, and an acknowledged upload that failed."""
    result = files.TransferResult
    assert [size for _, size, _ in results(name)] == [
        result.NOT_DIRECTORY, 3, result.NOT_FOUND, result.NOT_FOUND, -7,
        result.NO_PERMISSION, result.NOT_ABSOLUTE, result.NOT_FOUND,
    ]  # fmt: skip
    assert exchanges(name)[1].request.destination == "/etc/denied"
