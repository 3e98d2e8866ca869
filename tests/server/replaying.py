# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversations recorded with a real guiServer, held with ours: the same ids, payloads, pieces and order.

Paths are moved into a temporary root; what depends on the host (version text, environment, dates, owners) is compared
by shape.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from difxnb.wire import control
from difxnb.wire.packet import Packet, PacketReader, encode_packet
from tests.recordings import FOLDER, NEGATIVE_LENGTH
from tests.server.peers import Peer, run, serving

TIME = re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}")

# The real server answers file operations that fail with silence, and damages binary uploads.
AS_RECORDED = "silent-files,text-uploads"

Timeline = list[tuple[str, Packet]]


@dataclass(frozen=True)
class Recorded:
    """One recording: where its files are named after, and its packets in the order in which they were complete."""

    there: str
    timeline: Timeline

    def packets(self, direction: str) -> list[Packet]:
        """Those of one direction."""
        return [packet for way, packet in self.timeline if way == direction]

    def moved(self, packet: Packet, root: Path) -> bytes:
        """The same request for our root; lengths inside payloads are made anew."""
        here = str(root)
        event = control.decode_from_client(packet)
        match event:
            case control.StatusRequest(short, pattern, address, port):
                moved = pattern.replace(self.there, here)
                return control.encode(control.StatusRequest(short, moved, address, port))
            case control.FileListRequest(names, destination, data_format, mjd, address, port):
                files = tuple(name.replace(self.there, here) for name in names)
                target = destination.replace(self.there, here)
                return control.encode(control.FileListRequest(files, target, data_format, mjd, address, port))
        payload = packet.payload.replace(self.there.encode(), here.encode())
        # The target of mv begins with an unquoted slash.
        payload = re.sub(
            rb"<arg>/('|&apos;|&#39;)" + self.there[1:].encode(), rb"<arg>/\1" + here[1:].encode(), payload
        )
        return encode_packet(packet.id, payload)


def capture(name: str) -> Recorded:
    """A recording of the 2015 client, of ``tests/wire/captures``."""
    path = Path(__file__).parents[1] / "wire" / "captures" / f"{name}.jsonl"
    packed = path.with_suffix(".jsonl.gz")
    rows = gzip.decompress(packed.read_bytes()).decode() if packed.exists() else path.read_text()
    return Recorded("/srv/difx-soft", _timeline(rows))


def recording(name: str) -> Recorded:
    """A recording of ``tests/reference/guiserver-2.9``."""
    packed = FOLDER / f"{name}.jsonl.gz"
    rows = (
        gzip.decompress(packed.read_bytes()) if packed.exists() else (FOLDER / f"{name}.jsonl").read_bytes()
    )
    return Recorded("/data", _timeline(rows.decode()))


def _timeline(rows: str) -> Timeline:
    readers = {"c2s": PacketReader(), "s2c": PacketReader()}
    found = []
    for piece in map(json.loads, rows.splitlines()):
        if "hex" in piece and piece["conn"] == 1:
            reader = readers[piece["dir"]]
            reader.receive_data(bytes.fromhex(piece["hex"].removesuffix(NEGATIVE_LENGTH.hex())))
            found += [(piece["dir"], packet) for packet in iter(reader.next_packet, None)]
    return found


def comparable(packets: Iterable[Packet], here: str, there: str) -> tuple[list[Any], dict[int, list[Any]]]:
    """What must agree: main packets in order, and the pieces of each channel in order."""
    main: list[Any] = []
    channels: dict[int, list[Any]] = {}
    for packet in packets:
        event = control.decode_from_server(packet)
        match event:
            case control.ChannelData(channel, data):
                text = data.replace(here.encode(), there.encode())
                channels.setdefault(channel, []).append(_shape(text))
            case control.EnvironmentVariable() | control.AvailableVersion():
                if not main or main[-1] != type(event).__name__:
                    main.append(type(event).__name__)
            case control.ServerVersion() | control.DifxBase() | control.Notice():
                main.append(type(event).__name__ + str(getattr(event, "severity", "")))
            case control.ServerUser():
                continue  # absent where the server has no terminal
            case _:
                main.append(event)
    return main, {channel: _joined(pieces) for channel, pieces in channels.items()}


def _shape(data: bytes) -> bytes | str:
    """A piece, with what depends on host and day taken out of it."""
    if len(data) <= 4:
        return data
    text = TIME.sub("TIME", data.decode("latin-1"))
    # What `ls -b` escapes depends on the locale.
    text = re.sub(r"\\([2-3][0-7]{2})", lambda octal: chr(int(octal[1], 8)), text)
    if re.match(r"[-dl][-rwx]{9} ", text):
        columns = text.split(None, 8)
        # How large a directory is, and how many links it has, is the file system's affair.
        numbers = [] if text.startswith("d") else [columns[1], columns[4]]
        return " ".join([columns[0], *numbers, columns[-1]])
    return re.sub(r"^total \d+", "total", text)


def _joined(pieces: Sequence[bytes | str]) -> list[bytes | str]:
    """Lengths of pieces that differ by path and owner do not count; that there is a length does."""
    result: list[bytes | str] = []
    for index, piece in enumerate(pieces):
        following = pieces[index + 1] if index + 1 < len(pieces) else None
        is_length = isinstance(piece, bytes) and len(piece) == 4 and isinstance(following, str)
        result.append("length" if is_length else piece)
    return result


def play(
    recorded: Recorded,
    root: Path,
    prepare: Callable[[], None] = lambda: None,
    quirks: str = AS_RECORDED,
    in_order: bool = True,
    notices: bool = True,
    **options: Any,
) -> None:
    """Say to our server what was said to the real one, and compare the answers.

    With `in_order` off, the order of the packets on the main connection does not count, which is chance where they come
    from several threads. With `notices` off they are left out: their words and number are each server's own.
    """
    prepare()
    heard: list[Packet] = []

    async def main() -> None:
        async with serving(root, quirks=quirks, **options) as server:
            peer = await Peer.connect(server, channels=False)
            wanted = await _say(recorded, root, peer)
            await peer.until(lambda: _answered(peer) >= wanted, f"{wanted} pieces")
            number = len([p for p in recorded.packets("c2s") if p.id == 8])
            await peer.until(lambda: peer.events.count(control.VersionsComplete()) >= number)
            heard.extend(peer.raw)
            before = len(heard)
            await peer.fence()
            extra = [p for p in peer.raw[before:] if p.id in (6, 21, 22)]
            assert extra == [], "more than the real server says"
            await peer.close()

    run(main())
    ours = comparable(heard, str(root), recorded.there)
    theirs = comparable(recorded.packets("s2c"), str(root), recorded.there)
    assert ours[1] == theirs[1]
    main_of_ours, main_of_theirs = (
        [event for event in main if notices or not str(event).startswith("Notice")]
        for main in (ours[0], theirs[0])
    )
    if in_order:
        assert main_of_ours == main_of_theirs
    else:
        assert sorted(map(repr, main_of_ours)) == sorted(map(repr, main_of_theirs))


async def _say(recorded: Recorded, root: Path, peer: Peer) -> int:
    """Say everything, each when the answers before it have come; gives the number of answers to expect.

    The recorded client waited for answers, so must we: operations run beside each other.
    """
    wanted = 0
    for way, packet in recorded.timeline:
        if way == "s2c":
            wanted += packet.id in (1, 22)
        else:
            await peer.until(lambda wanted=wanted: _answered(peer) >= wanted, f"{wanted} answers")  # type: ignore[misc]
            await peer.send(recorded.moved(packet, root))
    return wanted


def _answered(peer: Peer) -> int:
    relayed = sum(isinstance(event, control.Relayed) for event in peer.events)
    return sum(map(len, peer.pieces.values())) + relayed
