# SPDX-License-Identifier: GPL-3.0-or-later
"""Conversations recorded with a real guiServer, held with ours: the same ids, payloads, pieces and order.

The recordings are those of ``tests/wire/captures`` (provenance there). Paths are moved into a temporary root;
what depends on the host (version text, environment, dates, owners) is compared by shape.
"""

import re
import shutil
from pathlib import Path

import pytest

from difxnb.formats.machines import write_machines, write_threads
from difxnb.wire.packet import Packet
from tests.server import replaying
from tests.server.made_jobs import MadeJob
from tests.server.recorder_rooms import install
from tests.server.replaying import AS_RECORDED, capture, comparable

THERE = "/srv/difx-soft"


def recorded(name, direction):
    return capture(name).packets(direction)


def play(name, root, prepare=lambda: None, **options):
    replaying.play(capture(name), root, prepare, **options)


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


@pytest.mark.parametrize("name", ["40_cli_DiFXVersion", "42_cli_DiFXmkdir", "43_cli_DiFXsendFile"])
def test_command_line_programs(root, name):
    play(name, root)


def test_a_listing_by_a_command_line_program(root):
    """41: made again with the files that it lists."""
    folder = root / "jobs" / "demo1"
    shutil.rmtree(folder)

    def prepare():
        folder.mkdir()
        lines = [p.payload[4:].decode() for p in recorded("41_cli_DiFXls", "s2c") if p.id == 22]
        for line in (line for line in lines if re.match(r"[-d][-rwx]{9} ", line)):
            mode, _, _, _, size, *_, name = line.split()
            path = folder / name
            if mode.startswith("d"):
                path.mkdir()
            else:
                with path.open("wb") as file:
                    file.truncate(int(size))  # a hole, however large
            path.chmod(sum(1 << 8 - i for i, letter in enumerate(mode[1:]) if letter != "-"))

    play("41_cli_DiFXls", root, prepare)


def test_job_status_by_a_command_line_program(root):
    def prepare():
        (root / "jobs" / "demo1" / "demo_1.input").write_text("")

    play("45_cli_DiFXJobStatus", root, prepare)


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


def test_vex2difx_and_a_delay_program(root):
    """7.7, with programs that do what those of the recording did."""
    (root / "jobs" / "v2d1").mkdir()
    (root / "jobs" / "v2d1" / "demo.v2d").write_text("")
    vex2difx = (
        'echo "start date: 2020y100d07h00m00s" >&2; echo "2 job(s) created."\n'
        "for n in demo demo_1; do touch $n.input $n.calc; done"
    )
    calc = 'echo im > "${2%.calc}.im"'
    programs = install(root / "bin", {"vex2difx": vex2difx, "difxcalc_stub": calc})
    # The real server judges programs by their error output.
    quirks = f"{AS_RECORDED},ignored-status"
    play("35_vex2difx", root, quirks=quirks, in_order=False, programs=programs)


def test_the_comparison_can_fail():
    theirs = recorded("19_status", "s2c")
    other = [*theirs[:5], Packet(22, theirs[5].payload + b"x"), *theirs[6:]]
    assert comparable(theirs, "/root", THERE) != comparable(other, "/root", THERE)
    assert comparable(theirs, "/root", THERE) != comparable([*theirs[:2], *theirs[3:]], "/root", THERE)
