# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversations recorded with a real guiServer, held with ours: the same ids, payloads, pieces and order.

The recordings are those of ``tests/wire/captures`` (provenance there). Paths are moved into a temporary root;
what depends on the host (version text, environment, dates, owners) is compared by shape.
"""

import json
import re
import shutil
from pathlib import Path

import pytest

from difxnb.formats.machines import write_machines, write_threads
from difxnb.wire import control
from difxnb.wire.packet import Packet, PacketReader, encode_packet
from tests.server.made_jobs import MadeJob
from tests.server.peers import Peer, run, serving

CAPTURES = Path(__file__).parents[1] / "wire" / "captures"
THERE = "/srv/difx-soft"
TIME = re.compile(r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}")

# The real server answers file operations that fail with silence, and damages binary uploads.
AS_RECORDED = "silent-files,text-uploads"


def timeline(name):
    """Packets of both directions in the order in which they were complete."""
    readers = {"c2s": PacketReader(), "s2c": PacketReader()}
    found = []
    for line in (CAPTURES / f"{name}.jsonl").read_text().splitlines():
        piece = json.loads(line)
        reader = readers[piece["dir"]]
        reader.receive_data(bytes.fromhex(piece["hex"]))
        while (packet := reader.next_packet()) is not None:
            found.append((piece["dir"], packet))
    return found


def recorded(name, direction):
    return [packet for way, packet in timeline(name) if way == direction]


def moved(packet, root):
    """The same request for our root; lengths inside the payload of packet 24 are made anew."""
    if packet.id == 24:
        event = control.decode_from_client(packet)
        pattern = event.pattern.replace(THERE, str(root))
        return control.encode(control.StatusRequest(event.short, pattern, event.address, event.port))
    return encode_packet(packet.id, packet.payload.replace(THERE.encode(), str(root).encode()))


def comparable(packets, root):
    """What must agree: main packets in order, and the pieces of each channel in order."""
    main, channels = [], {}
    for packet in packets:
        event = control.decode_from_server(packet)
        match event:
            case control.ChannelData(channel, data):
                text = data.replace(str(root).encode(), THERE.encode())
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


def _shape(data):
    """A piece, with what depends on host and day taken out of it."""
    if len(data) <= 4:
        return data
    text = TIME.sub("TIME", data.decode("latin-1"))
    if re.match(r"[-dl][-rwx]{9} ", text):
        columns = text.split(None, 8)
        return " ".join([columns[0], columns[1], columns[4], columns[8]])
    return re.sub(r"^total \d+", "total", text)


def _joined(pieces):
    """Lengths of pieces that differ by path and owner do not count; that there is a length does."""
    result = []
    for index, piece in enumerate(pieces):
        following = pieces[index + 1] if index + 1 < len(pieces) else None
        is_length = isinstance(piece, bytes) and len(piece) == 4 and isinstance(following, str)
        result.append("length" if is_length else piece)
    return result


def play(name, root, prepare=lambda: None, quirks=AS_RECORDED):
    sent, expected = recorded(name, "c2s"), recorded(name, "s2c")
    prepare()
    heard = []

    async def main():
        async with serving(root, quirks=quirks) as server:
            peer = await Peer.connect(server, channels=False)
            wanted = 0
            for way, packet in timeline(name):
                # The recorded client waited for answers, so must we: operations run beside each other.
                if way == "s2c":
                    wanted += packet.id == 22
                else:
                    before = wanted
                    await peer.until(lambda before=before: sum(map(len, peer.pieces.values())) >= before)
                    await peer.send(moved(packet, root))
            await peer.until(lambda: sum(map(len, peer.pieces.values())) >= wanted, f"{wanted} pieces")
            number = len([p for p in sent if p.id == 8])
            await peer.until(lambda: peer.events.count(control.VersionsComplete()) >= number)
            heard.extend(peer.raw)
            before = len(heard)
            await peer.fence()
            extra = [p for p in peer.raw[before:] if p.id in (6, 21, 22)]
            assert extra == [], "more than the real server says"
            await peer.close()

    run(main())
    ours, theirs = comparable(heard, root), comparable(expected, root)
    assert ours[1] == theirs[1]
    assert ours[0] == theirs[0]


@pytest.fixture
def root(tmp_path):
    """A tree like the one that the recordings were made in."""
    jobs = tmp_path / "jobs" / "demo1"
    jobs.mkdir(parents=True)
    (tmp_path / "work" / "dirA" / "dirB").mkdir(parents=True)
    for name, size in (
        ("calc", 2977),
        ("flag", 2),
        ("im", 16589),
        ("input", 5905),
        ("machines", 18),
        ("threads", 26),
    ):
        (jobs / f"demo1.{name}").write_bytes(b"x" * size)
    (jobs / "demo1.difx").mkdir()
    (jobs / "demo1.difx" / "DIFX_58948_025200.s0000.b0000").write_bytes(b"x" * 1054080)
    return tmp_path


@pytest.mark.parametrize(
    "name", ["01_version", "02_mkdir", "03_mkdirbad", "05_lsnone", "15_cp", "16_mv", "17_rm", "18_rmdir"]
)
def test_requests_without_a_tree(root, name):
    play(name, root)


def test_a_long_listing_of_a_pattern(root):
    play("04_ls", root)


def test_a_listing_of_an_empty_directory(root):
    play("06_lsempty", root)


@pytest.mark.parametrize("name", ["07_send", "08_sendbin", "09_sendempty", "10_sendbaddir", "11_sendrel"])
def test_uploads(root, name):
    play(name, root)


@pytest.mark.parametrize("name", ["12_get", "13_getbin", "14_getnone"])
def test_downloads(root, name):
    """The file is first made from what the real server sent."""
    pieces = [p.payload[4:] for p in recorded(name, "s2c") if p.id == 22]
    request = next(p.payload.decode() for p in recorded(name, "c2s") if p.id == 3)
    origin = Path(re.search(r"<origin>(.*)</origin>", request)[1].replace(THERE, str(root)))

    def prepare():
        if len(pieces) > 1:
            origin.parent.mkdir(parents=True, exist_ok=True)
            origin.write_bytes(b"".join(pieces[1:]))

    play(name, root, prepare)


def test_job_status(root):
    def prepare():
        for name in ("demo", "demo_1"):
            (root / "jobs" / "demo1" / f"{name}.input").write_text("")

    play("19_status", root, prepare)


def test_job_status_without_a_job(root):
    play("20_statusnone", root)


def test_a_machines_definition_and_what_it_wrote(root):
    play("22_machines", root)
    assert (root / "jobs" / "demo1" / "demo1.machines").read_bytes() == b"vm\n" * 6
    assert (root / "jobs" / "demo1" / "demo1.threads").read_bytes() == b"NUMBER OF CORES:    2\n1\n1\n"


def test_a_start_without_input_file(root):
    play("28_start_missing_input", root)


def test_a_start_with_output_in_the_way(root):
    def prepare():
        made = MadeJob(frame_samples=800)
        job = made.write(root / "made", made.codes())
        folder = root / "jobs" / "demo1"
        shutil.rmtree(folder)
        shutil.copytree(job.parent, folder)
        for name in ("input", "calc", "im"):
            text = (folder / f"job.{name}").read_text().replace("job.", "demo1.")
            (folder / f"demo1.{name}").write_text(text)
        write_machines(["vm"] * 4, folder / "demo1.machines")
        write_threads([1], folder / "demo1.threads")
        (folder / "demo1.difx").mkdir()
        (folder / "demo1.difxlog").write_text("Sun Nov 22 11:27:04 2026   0 vm  STATUS Running  \n")

    play("29_start_output_exists", root, prepare)


def test_the_comparison_can_fail():
    theirs = recorded("19_status", "s2c")
    other = [*theirs[:5], Packet(22, theirs[5].payload + b"x"), *theirs[6:]]
    assert comparable(theirs, "/root") != comparable(other, "/root")
    assert comparable(theirs, "/root") != comparable([*theirs[:2], *theirs[3:]], "/root")
