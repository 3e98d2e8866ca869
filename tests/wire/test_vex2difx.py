# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said while vex2difx runs (7.7): recorded notices understood, and made files sorted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.wire import control
from difxnb.wire.control import Notice, NoticeSeverity
from difxnb.wire.files import LineListReader
from difxnb.wire.packet import PacketReader
from difxnb.wire.vex2difx import MadeFiles, Remark, RemarkKind, job_series, read_remark

CAPTURE = Path(__file__).parent / "captures" / "35_vex2difx.jsonl"


def recorded():
    """Notices and channel bytes of the recorded run."""
    reader = PacketReader()
    for line in CAPTURE.read_text().splitlines():
        piece = json.loads(line)
        if piece["dir"] == "s2c":
            reader.receive_data(bytes.fromhex(piece["hex"]))
    events = [control.decode_from_server(packet) for packet in reader.whole_packets()]
    stream = b"".join(event.data for event in events if isinstance(event, control.ChannelData))
    return [event for event in events if isinstance(event, Notice)], stream


def test_the_recorded_notices():
    """7.7 and section 15: "RETURNED ERRORS" stands there, and both jobs were made."""
    remarks = [read_remark(notice) for notice in recorded()[0]]
    assert [(remark.program, remark.kind) for remark in remarks] == [
        ("", RemarkKind.COMMAND),
        ("vex2difx", RemarkKind.COMPLAINT),
        ("vex2difx", RemarkKind.OUTPUT),
        ("vex2difx", RemarkKind.ERRORS),
        ("difxcalc_stub", RemarkKind.COMMAND),
        ("difxcalc_stub", RemarkKind.COMPLETE),
    ]
    assert remarks[2].text == "2 job(s) created."


def test_the_recorded_paths_come_without_line_feeds():
    """7.7: lengths and paths, a zero at the end."""
    reader = LineListReader()
    reader.receive_data(recorded()[1])
    paths = []
    while (line := reader.next_line()) is not None:
        paths.append(line.decode())
    assert reader.complete
    made = MadeFiles.of(paths)
    assert [Path(path).name for path in made.inputs] == ["demo.input", "demo_1.input"]
    assert made.others == ()
    assert made.model_of(made.inputs[0]) == made.inputs[0].replace(".input", ".im")
    assert made.model_of("/elsewhere/demo.input") is None


@pytest.mark.parametrize(
    ("severity", "text", "program", "kind"),
    [
        (6, "difxcalc failed to create /d/e_1.im\n", "difxcalc", RemarkKind.MISSING),
        (6, "difxcalc product /d/e_1.im is zero length\n", "difxcalc", RemarkKind.MISSING),
        (6, "difxcalc RETURNED ERRORS", "difxcalc", RemarkKind.ERRORS),
        (5, "running calcif2 on all new .calc files", "calcif2", RemarkKind.COMMAND),
        (6, "something else", "", RemarkKind.OTHER),
    ],
)
def test_what_notices_mean(severity: int, text: str, program: str, kind: RemarkKind) -> None:
    assert read_remark(Notice(NoticeSeverity(severity), text)) == Remark(program, kind, text.strip())


def test_what_programs_print() -> None:
    fault = read_remark(Notice(NoticeSeverity.ERROR, "difxcalc... Segmentation fault"))
    assert fault == Remark("difxcalc", RemarkKind.COMPLAINT, "Segmentation fault")
    command = read_remark(Notice(NoticeSeverity.WARNING, "executing: mpirun x\n"))
    assert command == Remark("", RemarkKind.COMMAND, "mpirun x")


@given(st.sampled_from(NoticeSeverity), st.text(max_size=60))
@settings(max_examples=100)
def test_any_notice_is_a_remark(severity, text):
    assert isinstance(read_remark(Notice(severity, text)), Remark)


def test_files_are_sorted_by_what_they_are():
    made = MadeFiles.of(["/d/a.input", "/d/a.im", "/d/odd"])
    assert (made.inputs, made.models, made.others) == (("/d/a.input",), ("/d/a.im",), ("/d/odd",))


@pytest.mark.parametrize(
    ("text", "series"),
    [
        ("vex = e.vex\n", "e"),
        ("vex = e.vex\n  jobSeries=pass2 # again\n", "pass2"),
        ("# jobSeries = no\njobSeries = yes\n", "yes"),
    ],
)
def test_how_the_jobs_of_a_pass_begin(text, series):
    assert job_series(text, "e") == series
