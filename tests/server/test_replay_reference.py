# SPDX-License-Identifier: GPL-3.0-or-later
"""What the original client never asks, asked of ours as it was of a real guiServer 2.9: the same answers.

The recordings are those of ``tests/reference/guiserver-2.9``. Not replayed are those in which the real server runs
whatever it is given as wrapper or program (start_program_…, start_stopped), which ours never does; those in which the
real mpirun is what answers (start_whole, start_not_mapped); ``list_mkiv``, whose
times of 0 for files that are no recordings are a fault that ours does not have; and the directories of modules whose
host cannot be reached (their texts are Open MPI's). What their answers mean is read in `tests/wire`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from difxnb.wire import control
from difxnb.wire.job import decode_job
from tests.recordings import NAMES, NEGATIVE_LENGTH, exchanges
from tests.server.made_jobs import MadeJob
from tests.server.peers import Peer, run, serving
from tests.server.recorder_rooms import install
from tests.server.replaying import AS_RECORDED, play, recording


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The tree that the recordings were made in, as ``/data``."""
    here = tmp_path.resolve() / "root"
    folder = here / "exp" / "rec"
    for name in ("empty", "full"):
        (folder / name).mkdir(parents=True)
    (folder / "full" / "a.txt").write_text("inside\n")
    (folder / "one.txt").write_text("one\n")
    (folder / "old.txt").write_text("old\n")
    os.utime(folder / "old.txt", (1e9, 1e9))
    (folder / "a b $c 'd'.txt").write_text("odd\n")
    (folder / "größe.txt").write_text("x\n")
    (folder / "link").symlink_to("full")
    (folder / "broken").symlink_to("nowhere")
    (here / "exp" / "demo1").mkdir()
    return here


@pytest.mark.parametrize(
    "name",
    [
        "version_and_user",
        "files_rmdir",
        "files_copy_and_move",
        "files_remove",
        "files_quoted_names",
        "files_listings",
        "files_odd_operations",
        "transfer_text",
        "relay_selection_kinds",
    ],
)
def test_the_same_answers(root: Path, name: str) -> None:
    """7.2, 7.3, 4.6, 5.4: operations, names through the shell, transfers, selections."""
    play(recording(name), root)


def test_a_touched_file_has_the_time_of_now(root: Path) -> None:
    before = (root / "exp" / "rec" / "old.txt").stat().st_mtime
    play(recording("files_touch"), root)
    assert (root / "exp" / "rec" / "old.txt").stat().st_mtime > before


def test_machines_that_are_refused(root: Path) -> None:
    play(recording("machines_refused"), root, notices=False)
    written = (root / "exp" / "demo1" / "demo_1.machines").read_text()
    assert written == "head\n" * 5


def test_states_of_jobs(root: Path) -> None:
    def prepare() -> None:
        folder = root / "exp" / "rec" / "st"
        folder.mkdir()
        for name in ("done", "running", "none", "nostatus"):
            (folder / f"{name}.input").write_text("x\n")
        tag = "Thu Mar 12 10:20:31 2015   0 head"
        ends = {
            "done": f"{tag}  STATUS Running  \n{tag}  WEIGHTS 0.98 0.97\n{tag}  STATUS Done  \n",
            "running": f"{tag}  STATUS Running  at some point\n{tag} WARNING  some text\n",
            "nostatus": f"{tag} WARNING  some text\n",
        }
        for name, text in ends.items():
            (folder / f"{name}.difxlog").write_text(text)

    play(recording("status_states"), root, prepare)


def test_file_lists_that_are_not_made(root: Path) -> None:
    """7.11: cancelled by the client; the file that was there stays."""
    play(recording("list_cancel"), root)
    assert (root / "exp" / "rec" / "one.txt").read_text() == "one\n"


VSUM = """
for file; do :; done
case $file in *2.vdif) times='60746.25009259 60746.25016204';; *) times='60746.24998843 60746.25005787';; esac
for odd in -r 60746; do echo "File $odd VDIF summary failed with return value -2001"; echo; done
echo "$file $times"
"""


@pytest.mark.parametrize("name", ["list_vdif", "list_overwrite"])
def test_file_lists(root: Path, tmp_path: Path, name: str) -> None:
    """7.11, with a vsum that takes -r for a file, as that of 2.9 does."""

    def prepare() -> None:
        for number in (1, 2):
            (root / "exp" / "demo1" / f"AL_No000{number}.vdif").write_bytes(b"x")

    programs = install(tmp_path / "bin", {"vsum": VSUM})
    play(recording(name), root, prepare, in_order=False, notices=False, programs=programs)


def made_job(root: Path, name: str = "job") -> Path:
    """A job that passes every check, where the recorded one was."""
    made = MadeJob(frame_samples=800)
    written = made.write(root / "exp" / "rec" / name, made.codes())
    return Path(written)


@pytest.mark.parametrize("name", ["start_check_only", "start_refused"])
def test_starts_that_do_not_start(root: Path, name: str) -> None:
    """7.4: only checked; 111, 105, 106, 107, 109."""

    def prepare() -> None:
        job = made_job(root)
        if name == "start_refused":
            job.with_suffix(".difx").mkdir()

    play(recording(name), root, prepare, notices=False)


def test_a_check_that_fails(root: Path) -> None:
    """7.4: 124, the text that is cut in the middle, 128, and no 100; the findings are each server's own."""
    job = made_job(root)
    text = job.read_text()
    job.write_text(re.sub(r"DATASTREAM ENTRIES: +\d+", "DATASTREAM ENTRIES: 9", text))
    recorded = recording("start_check_fails")
    theirs = [[decode_job(p) for p in exchange.packets] for exchange in exchanges("start_check_fails")]
    ours = []

    async def main() -> None:
        async with serving(root, quirks=AS_RECORDED) as server:
            peer = await Peer.connect(server)
            for exchange, packet in zip(
                exchanges("start_check_fails"), recorded.packets("c2s")[2:], strict=True
            ):
                await peer.send(recorded.moved(packet, root))
                await peer.ended(exchange.request.port)
            ours.extend(peer.job(channel) for channel in peer.streams)
            await peer.close()

    run(main())
    assert [[e.id for e in told if e.id not in (114, 115)] for told in ours] == [
        [e.id for e in told if e.id not in (114, 115)] for told in theirs
    ]
    assert all(any(e.id == 115 for e in told) for told in ours)
    assert [len(told[-2].text) for told in ours] == [len(told[-2].text) for told in theirs] == [17, 17]


def test_what_is_no_command(root: Path) -> None:
    """4.3: as many complaints, of the same kinds and about the same types; the words are each server's own."""
    recorded = recording("commands_refused")
    found: list[control.Notice] = []

    async def main() -> None:
        async with serving(root, quirks=AS_RECORDED) as server:
            peer = await Peer.connect(server, channels=False)
            for packet in recorded.packets("c2s"):
                await peer.send(recorded.moved(packet, root))
            await peer.fence()
            found.extend(e for e in peer.events if isinstance(e, control.Notice))
            await peer.close()

    run(main())
    theirs = [control.decode_from_server(p) for p in recorded.packets("s2c")]
    notices = [e for e in theirs if isinstance(e, control.Notice)]
    del notices[1]  # a type with blanks around it, which ours takes for what was meant
    assert [notice.severity for notice in found] == [notice.severity for notice in notices]
    number = re.compile(r"type (\d+)")
    assert [number.findall(n.text) for n in found[:6]] == [number.findall(n.text) for n in notices[:6]]


CRASHES = [name for name in NAMES if name.startswith("crash_")]


@pytest.mark.parametrize("name", CRASHES)
def test_what_kills_the_real_server_does_not_kill_ours(root: Path, name: str) -> None:
    """H1, H5, H7, H9, and a monitor's look at an input file: whoever else is connected notices nothing."""
    made_job(root)
    (root / "exp" / "rec" / "s").mkdir()
    (root / "exp" / "rec" / "s" / "a.vex").write_text("x")
    recorded = recording(name)

    async def main() -> None:
        async with serving(root, quirks=AS_RECORDED) as server:
            peer, other = await Peer.connect(server, channels=False), await Peer.connect(server)
            for packet in recorded.packets("c2s"):
                await peer.send(recorded.moved(packet, root))
            if name == "crash_negative_length":
                await peer.send(NEGATIVE_LENGTH)
                await peer.eof()
            else:
                await peer.fence()
            await other.fence()
            await peer.close()
            await other.close()

    run(main())


def test_the_recordings_that_are_played() -> None:
    """Every recording is replayed here or in test_replay_exchanges, or the docstring above says why not."""
    here = Path(__file__).read_text("utf-8")
    text = here + Path(__file__).with_name("test_replay_exchanges.py").read_text("utf-8")
    # Of these the answers to each request are in other tests, with the texts of ours: test_file_list, test_machines,
    # test_transfers, test_monitor; dialled back is what is asked in channels as well.
    elsewhere = {
        "list_mark5b", "list_same_start", "list_refusals", "machines_tested", "monitor_missing_input",
        "transfer_refusals", "recorder_control_usage", "recorder_directory_host", "list_mkiv",
        "start_program_dies", "start_program_options", "start_stopped", "start_whole", "start_not_mapped",
    }  # fmt: skip
    played = {name for name in NAMES if f'"{name}"' in text or name.startswith("crash_")}
    assert {n for n in NAMES if n not in played | elsewhere and not n.startswith("dialback_")} == set()
