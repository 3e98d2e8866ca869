# SPDX-License-Identifier: GPL-3.0-or-later
"""Job status: what logs say, through packets."""

import locale
from datetime import datetime

import pytest

from difxnb.server.confinement import Confinement
from difxnb.server.status import ctime, job_status
from difxnb.wire.packet import PacketReader
from difxnb.wire.status import JobStatusRecord, StatusReader

LOG = """Thu Mar 12 10:20:30 2015   0 head  STATUS Starting  Version 2.9
Thu Mar 12 10:20:31 2015   0 head  STATUS Running  
Thu Mar 12 10:20:31 2015   0 head  WEIGHTS 0.98 0.97
Thu Mar 12 10:20:33 2015   3 n3 WARNING  STATUS is no state here
Thu Mar 12 10:20:59 2015   0 head  STATUS Done  
"""  # noqa: W291


@pytest.fixture
def root(tmp_path):
    inside = tmp_path / "root"
    inside.mkdir()
    for name in ("a_1", "a_2", "a_3"):
        (inside / f"{name}.input").write_text("")
    (inside / "a_1.difxlog").write_text(LOG)
    (inside / "a_3.difxlog").write_text("Thu Mar 12 10:20:33 2015   3 n3 WARNING  nothing more\n")
    (inside / "a.vex").write_text("")
    return Confinement(inside)


def ask(root, pattern, **options):
    pieces = list(job_status(root, pattern, **options))
    packets, reader = PacketReader(), StatusReader()
    packets.receive_data(b"".join(pieces))
    while (packet := packets.next_packet()) is not None:
        reader.add(packet)
    assert reader.complete
    return reader, pieces


def test_every_kind_of_job(root):
    now = datetime(2024, 2, 3, 4, 5, 6)
    reader, _ = ask(root, f"{root.root}/*.input", now=now)
    assert reader.server_time == "Sat Feb  3 04:05:06 2024"
    assert reader.records == [
        JobStatusRecord(f"{root.root}/a_1.input", "status", "Thu Mar 12 10:20:59 2015", "Done", ""),
        JobStatusRecord(f"{root.root}/a_2.input", "no_log"),
        JobStatusRecord(f"{root.root}/a_3.input", "no_status"),
    ]


@pytest.mark.parametrize(
    "pattern", ["/no/such/*.input", "{r}", "{r}/a.vex", "{r}/none.input", "$(id)", "'", "", "/etc/*"]
)
def test_patterns_without_a_job(root, pattern):
    reader, pieces = ask(root, pattern.format(r=root.root))
    assert reader.records == []
    assert [int.from_bytes(p, "big") for p in pieces if len(p) == 4][0::2] == [102, 110, 101]


def test_several_patterns_and_elementary_writes(root):
    reader, pieces = ask(root, f"{root.root}/a_2.input {root.root}/a_1.input")
    assert [r.input_file[-9:] for r in reader.records] == ["a_2.input", "a_1.input"]
    assert [len(p) for p in pieces[:5]] == [4, 4, 4, 4, 24]


def test_the_long_form_knows_of_no_state(root):
    """7.12: but whether there is a log, as was recorded with a real guiServer."""
    reader, _ = ask(root, f"{root.root}/*.input", short=False)
    assert {record.kind for record in reader.records} == {"no_status", "no_log"}


def test_a_log_that_is_a_link_out_does_not_exist(root, tmp_path):
    (tmp_path / "secret").write_text(LOG)
    (root.root / "a_2.difxlog").symlink_to(tmp_path / "secret")
    reader, _ = ask(root, f"{root.root}/a_2.input")
    assert reader.records[0].kind == "no_log"


def test_times_are_english_whatever_the_locale():
    for day in range(1, 29):
        when = datetime(2024, 1 + day % 12, day, 1, 2, 3)
        assert len(ctime(when)) == 24
        if locale.setlocale(locale.LC_TIME) in ("C", "C.UTF-8"):
            assert ctime(when) == when.ctime()


@pytest.mark.parametrize("filler", [100, 2000, 30_000])
def test_a_state_far_from_the_end_of_a_log_is_found(root, filler):
    """Alerts without end, as a job writes that hangs, leave the last state far behind."""
    alert = "Thu Mar 12 10:21:00 2015   1 head WARNING  stale data\n"
    (root.root / "a_2.difxlog").write_text(LOG + alert * filler)
    reader, _ = ask(root, f"{root.root}/a_2.input")
    assert [(record.state, record.time_text) for record in reader.records] == [
        ("Done", "Thu Mar 12 10:20:59 2015")
    ]


def test_options_before_the_patterns_are_no_files(root):
    """H9: clients ask for directories themselves, so that a real server lists nothing that is in them."""
    (root.root / "trap.input").mkdir()
    (root.root / "trap.input" / "a.vex").touch()
    reader, _ = ask(root, f"-d {root.root}/*.input")
    assert [record.input_file[-10:] for record in reader.records] == [
        "/a_1.input",
        "/a_2.input",
        "/a_3.input",
        "trap.input",
    ]
