# SPDX-License-Identifier: GPL-3.0-or-later
"""Exchanges with a real guiServer 2.9, each read by its own decoder and written again to the same bytes.

The recordings are those of ``tests/reference/guiserver-2.9``; files and main connections are in `test_recordings`.
"""

from __future__ import annotations

from typing import Any

import pytest

from difxnb.aio.recorder_frames import copy_frame
from difxnb.formats.module_directory import parse_module_directory
from difxnb.wire import control, files
from difxnb.wire.control import Notice, Relayed
from difxnb.wire.file_list import CANCEL, OVERWRITE, FileListConversation, decode_file_list, encode_file_list
from difxnb.wire.job import JobConversation, JobId, JobOutcome, Refusal, decode_job, encode_job
from difxnb.wire.machines import MachinesConversation, decode_machines, encode_machines
from difxnb.wire.message import FileOperation, FileTransfer, Message, Mk5Control, Start, parse
from difxnb.wire.monitor_packets import MonitorId
from difxnb.wire.packet import UnknownPacket
from difxnb.wire.recorders import (
    CopyConversation,
    DirectoryConversation,
    Mk5ControlConversation,
    decode_recorder,
    encode_recorder,
)
from difxnb.wire.status import StatusReader, encode_reply
from difxnb.wire.vex2difx import MadeFiles, RemarkKind, read_remark
from tests.recordings import NAMES, Exchange, events, exchanges, pieces

DATA = "/data/exp/rec"


def lines_of(exchange: Exchange) -> list[str]:
    reader, found = files.LineListReader(), []
    reader.receive_data(exchange.heard)
    while (line := reader.next_line()) is not None:
        found.append(line.decode())
    assert reader.complete
    return found


def conversation(exchange: Exchange, talk: Any, decode: Any, encode: Any) -> Any:
    """Have a conversation taken in, written again to the same bytes."""
    found = [decode(packet) for packet in exchange.packets]
    assert not [event for event in found if isinstance(event, UnknownPacket)]
    chunks = [chunk for event in found for chunk in encode(event)]
    assert b"".join(chunks) == exchange.heard
    # In channels, the real server's elementary writes are ours.
    assert not exchange.writes or exchange.writes == chunks
    for event in found:
        talk.add(event)
    return talk


def recorder(exchange: Exchange, talk: Any) -> Any:
    return conversation(exchange, talk, lambda p: decode_recorder(p, talk.ids), encode_recorder)


@pytest.mark.parametrize("name", [n for n in NAMES if "recorder_control" in n])
def test_recorder_commands(name: str) -> None:
    """7.9: mk5control says nothing, whatever it was asked for; what it sends is heard by the relay."""
    for exchange in exchanges(name):
        assert isinstance(exchange.request, Mk5Control)
        talk = recorder(exchange, Mk5ControlConversation())
        assert (talk.started, talk.complete, talk.output.lines) == (True, True, [])
    heard = [parse(e.payload) for e in events(name, "s2c") if isinstance(e, Relayed)]
    sent = [(m.header.to, m.body.command) for m in heard if isinstance(m, Message)]
    if name == "recorder_control":
        assert sent == [(("mark5-03",), "getvsn"), (("mark5-03", "mark5-04"), "startmark5a")]


def test_directories_of_modules() -> None:
    """7.8: the whole sequence, and a date that is cut at the wrong place."""
    (exchange,) = exchanges("recorder_directory")
    talk = recorder(exchange, DirectoryConversation())
    assert [p.id for p in exchange.packets] == [301, 303, 307, 309, *[310] * 3, 302]
    assert (talk.ok, talk.path, talk.date) == (True, "/data/modules/USN-0012.dir", "v 22 16:53 /")
    directory = parse_module_directory("\n".join(talk.content), talk.path)
    assert (directory.vsn, len(directory.scans)) == ("USN-0012", 2)


def test_directories_made_anew() -> None:
    """7.8: 311 to 314; errors of mpirun come with the packets, in no particular order."""
    made, failed = (recorder(e, DirectoryConversation()) for e in exchanges("recorder_directory_made"))
    # 314 although it was made: mk5dir always has a line of error output.
    assert (made.ok, made.generated, len(made.content)) == (True, False, 4)
    assert [(line.text, line.is_error) for line in made.output.lines] == [
        ("Number of scans = 3", False),
        ("FYI: Not setting disk module state to Played for USN-0077", True),
    ]
    assert made.output.complaints == []
    assert (failed.ok, failed.generated, failed.content) == (False, False, [])
    assert "Error: Directory read for module BAD-0001 unsuccessful" in failed.output.complaints


def test_directories_that_are_not_there() -> None:
    """7.8: 308 and 304; 306 where the recorder is not reached, with the reason in the output."""
    (missing,) = exchanges("recorder_directory_missing")
    talk = recorder(missing, DirectoryConversation())
    assert talk.ok is False
    assert "no directory file" in talk.refusal_text
    (host,) = exchanges("recorder_directory_host")
    talk = recorder(host, DirectoryConversation())
    assert "was not reached" in talk.refusal_text
    assert talk.output.complaints[0].startswith("ssh: Could not resolve hostname nowhere")


@pytest.mark.parametrize("name", ["recorder_copy", "dialback_recorder_copy"])
def test_copies(name: str) -> None:
    """7.10: 302 ends all of them, and 314 all the same comes with each: mk5cp prints on its error output."""
    done, no_module, no_directory = (recorder(e, CopyConversation()) for e in exchanges(name))
    assert all(talk.complete and talk.had_errors for talk in (done, no_module, no_directory))
    assert len(copy_frame(done.output.lines)) == 2
    assert "Error: module BAD-0012 is not mounted" in no_module.output.complaints
    assert any("Check permissions!" in line for line in no_directory.output.complaints)


def file_list(exchange: Exchange) -> Any:
    return conversation(exchange, FileListConversation(), decode_file_list, encode_file_list)


def test_file_lists() -> None:
    """7.11: 112 comes although both files were read; equal start times are lost from the list only."""
    talk = file_list(exchanges("list_vdif")[0])
    assert (talk.ok, talk.processed, talk.had_errors, talk.final_name) == (True, 2, True, f"{DATA}/list")
    assert [(r.start_mjd, r.stop_mjd) for r in talk.recordings] == [
        (60746.25009259, 60746.25016204), (60746.24998843, 60746.25005787),
    ]  # fmt: skip
    written = exchanges("list_vdif")[1].heard[4:].decode()
    assert written.splitlines() == [r.line for r in sorted(talk.recordings, key=lambda r: r.start_mjd)]
    same = exchanges("list_same_start")
    talk = file_list(same[0])
    assert (talk.processed, len(talk.recordings)) == (2, 2)
    assert len(same[1].heard[4:].splitlines()) == 1


@pytest.mark.parametrize("way", ["", "dialback_"])
def test_the_question_of_file_lists(way: str) -> None:
    """7.11: answered with a bare number."""
    (cancelled,) = exchanges(f"{way}list_cancel")
    talk = file_list(cancelled)
    assert (cancelled.said, talk.ok, talk.existed) == (CANCEL, False, f"{DATA}/one.txt")
    (overwritten,) = exchanges(f"{way}list_overwrite")
    talk = file_list(overwritten)
    assert (overwritten.said, talk.ok, talk.existed) == (OVERWRITE, True, f"{DATA}/one.txt")


def test_file_lists_that_are_refused() -> None:
    """7.11: 109, 105 and 108; a list of nothing is none of them."""
    talks = [file_list(exchange) for exchange in exchanges("list_refusals")]
    assert [talk.refusal_text for talk in talks] == [
        "the server does not know the format CODIF",
        "the server may not look at /root/list",
        "the list cannot be written: Permission denied",
        None,
    ]
    assert (talks[3].ok, talks[3].processed) == (True, 0)


def test_file_lists_of_files_that_are_no_recordings() -> None:
    """7.11: Mark5B files are left out with an error message, Mark IV files are listed with times of 0."""
    talk = file_list(exchanges("list_mark5b")[0])
    assert (talk.ok, talk.processed, talk.recordings, talk.had_errors) == (True, 0, [], True)
    talk = file_list(exchanges("list_mkiv")[0])
    assert [(r.start_mjd, r.stop_mjd) for r in talk.recordings] == [(0.0, 0.0), (0.0, 0.0)]
    assert talk.had_errors is False


def paths_of(exchange: Exchange) -> MadeFiles:
    return MadeFiles.of(lines_of(exchange))


def remarks(name: str) -> list[tuple[str, RemarkKind]]:
    found = [read_remark(e) for e in events(name, "s2c") if isinstance(e, Notice)]
    return [(remark.program, remark.kind) for remark in found]


def test_vex2difx() -> None:
    """7.7: the paths that were made; 'RETURNED ERRORS' whether there were any or not."""
    (whole,) = (paths_of(e) for e in exchanges("vex2difx_whole"))
    assert (whole.inputs, whole.models) == ((f"{DATA}/demo_1.input",), (f"{DATA}/demo_1.im",))
    (wrong,) = (paths_of(e) for e in exchanges("vex2difx_wrong"))
    assert wrong == MadeFiles()
    for name in ("vex2difx_whole", "vex2difx_wrong"):
        assert ("vex2difx", RemarkKind.ERRORS) in remarks(name)
        # It writes the start date to its error output as well.
        assert ("vex2difx", RemarkKind.COMPLAINT) in remarks(name)


def test_calc_alone_and_none() -> None:
    """7.7: one model, then those of a pattern; a failed calc and one that does not exist show as messages only."""
    one, several = (paths_of(e) for e in exchanges("vex2difx_calc_only"))
    assert one.models == (f"{DATA}/demo_1.im",)
    assert several.models == (f"{DATA}/demo_1.im", f"{DATA}/demo_2.im")
    assert ("difxcalc", RemarkKind.MISSING) in remarks("vex2difx_calc_only")
    (made,) = (paths_of(e) for e in exchanges("vex2difx_no_calc"))
    assert (len(made.inputs), made.models) == (1, ())
    assert ("nosuchcalc", RemarkKind.MISSING) in remarks("vex2difx_no_calc")


def machines(exchange: Exchange) -> Any:
    return conversation(exchange, MachinesConversation(), decode_machines, encode_machines)


def test_hosts_that_were_tried() -> None:
    """7.6: 122, then 120 and 119; the host that does not answer is left out of both files."""
    test, machines_file, threads_file = exchanges("machines_tested")
    talk = machines(test)
    assert [p.id for p in test.packets] == [102, 103, 111, 110, 104, 122, 120, 119, 115, 116, 101]
    assert (talk.ok, talk.tested_hosts, talk.failed_hosts) == (True, ["head", "nowhere"], ["nowhere"])
    assert machines_file.heard[4:] == b"head\n" * 5
    assert threads_file.heard[4:] == b"NUMBER OF CORES:    1\n2\n"


@pytest.mark.parametrize("name", ["machines_refused", "dialback_machines_refused"])
def test_machines_that_are_refused(name: str) -> None:
    """7.6: 105, 106, 107 and 112; names made from the input file (108, 109); no threads at all (121)."""
    ids = [[p.id for p in exchange.packets] for exchange in exchanges(name)]
    assert ids == [
        [102, 103, 105, 100], [102, 103, 106, 100], [102, 103, 107, 100], [102, 103, 108, 112, 100],
        [102, 103, 108, 111, 109, 110, 104, 115, 116, 101], [102, 103, 111, 110, 104, 115, 121, 116, 101],
    ]  # fmt: skip
    talks = [machines(exchange) for exchange in exchanges(name)]
    assert [talk.ok for talk in talks] == [False] * 4 + [True] * 2
    assert talks[4].machines_file == "/data/exp/demo1/demo_1.machines"


@pytest.mark.parametrize("name", ["status_states", "dialback_status_states"])
def test_states_of_jobs(name: str) -> None:
    """7.12: all answers; "long" status knows no state at all; two patterns in one request."""
    found = []
    for exchange in exchanges(name):
        reader = StatusReader()
        for packet in exchange.packets:
            reader.add(packet)
        assert reader.complete
        assert b"".join(encode_reply(reader.server_time or "", reader.records)) == exchange.heard
        found.append([(r.kind, r.state, r.message) for r in reader.records])
    short, long, none, two = found
    assert short == [
        ("status", "Done", ""), ("no_log", "", ""), ("no_status", "", ""), ("status", "Running", "at some point"),
    ]  # fmt: skip
    assert [kind for kind, _, _ in long] == ["no_status", "no_log", "no_status", "no_status"]
    assert (none, len(two)) == ([], 2)


def job(exchange: Exchange) -> JobConversation:
    assert isinstance(exchange.request, Start)
    found: JobConversation = conversation(exchange, JobConversation(), decode_job, encode_job)
    return found


STARTS = {
    "start_check_only": [(JobOutcome.DONE, None)],
    "start_check_fails": [(JobOutcome.REFUSED, Refusal.BAD_CONFIG)] * 2,
    "start_program_dies": [(JobOutcome.FAILED, None), (JobOutcome.DONE_WITH_ERRORS, None)],
    "start_program_options": [
        (JobOutcome.DONE, None), (JobOutcome.DONE_WITH_ERRORS, None), (JobOutcome.FAILED, None),
    ],
    "start_stopped": [(JobOutcome.STOPPED, None)],
    "start_whole": [(JobOutcome.DONE, None)],
    "start_not_mapped": [(JobOutcome.FAILED, None)],
    "crash_after_job": [(JobOutcome.DONE, None)],
}  # fmt: skip
REFUSED = [
    Refusal.OUTPUT_EXISTS, Refusal.NO_HEADNODE, Refusal.NO_DATASOURCES, Refusal.NO_PROCESSORS, Refusal.INPUT_NOT_FOUND,
]  # fmt: skip
STARTS |= {f"{way}start_refused": [(JobOutcome.REFUSED, why) for why in REFUSED] for way in ("", "dialback_")}


@pytest.mark.parametrize("name", STARTS)
def test_starts(name: str) -> None:
    """7.4: every refusal and every end; 7.5: a stop."""
    talks = [job(exchange) for exchange in exchanges(name)]
    assert all(talk.complete for talk in talks)
    assert [(talk.outcome, talk.refusal) for talk in talks] == STARTS[name]


def test_what_mpirun_says_of_its_own_options_is_no_error_of_the_job() -> None:
    """15: fifteen lines of error output about --bynode make the end of a sound job 120."""
    (whole,), (not_mapped,) = (
        [job(one) for one in exchanges(name)] for name in ("start_whole", "start_not_mapped")
    )
    assert (whole.terminal, whole.complaints, whole.only_notices) == (JobId.JOB_ENDED_WITH_ERRORS, (), True)
    assert sum(line.id is JobId.DIFX_ERROR for line in whole.lines) == 15
    assert not not_mapped.only_notices
    reason, end = not_mapped.complaints
    assert reason.startswith(
        "The specified hostfile contained a node (localhost) that is not in your allocation."
    )
    assert end == "mpifxcorr FAILED"


def test_what_the_server_makes_of_start_options() -> None:
    """7.4: the command line; 112 for output in the way; the restart before the input file (H29)."""
    talk = job(exchanges("start_program_options")[0])
    (line,) = [e.text for e in talk.lines if "--hostfile" in e.text]
    path = f"{DATA}/job/job"
    assert line == (
        f"-np 5 --bynode --hostfile {path}.machines --opt 1 prog -r 5.000000 {path}.input -Mlocalhost:9999"
    )


def test_the_relay_under_selections() -> None:
    """4.6: which of five kinds come through; 4.1: none when it is off; 4.3: a DifxCommand is multicast."""
    heard = [e.payload for e in events("relay_selection_kinds", "s2c") if isinstance(e, Relayed)]
    kinds = [m.header.type if isinstance(m := parse(p), Message) else "?" for p in heard]
    assert kinds == [
        "DifxStatusMessage", "?",
        "DifxAlertMessage", "DifxStatusMessage", "DifxParameter", "DifxCommand", "?",
        "DifxAlertMessage", "DifxCommand",
        "DifxCommand",
    ]  # fmt: skip
    sent = [e.payload for e in events("relay_selection_kinds", "c2s") if isinstance(e, control.RelayCommand)]
    assert set(heard) <= set(sent)


@pytest.mark.parametrize(("name", "ids"), [
    ("monitor_missing_input", [101, 100, 102]), ("crash_monitor", [101, 100]), ("crash_monitor_bad_input", [100, 100]),
])  # fmt: skip
def test_monitors_that_come_to_nothing(name: str, ids: list[int]) -> None:
    """7.13: 102 for a file that is not there; silence where the server died of the file."""
    (exchange,) = exchanges(name)
    assert [packet.id for packet in exchange.packets] == ids
    assert set(ids) <= set(MonitorId)


CRASHES = [name for name in NAMES if name.startswith("crash_")]


@pytest.mark.parametrize("name", CRASHES)
def test_a_server_that_dies(name: str) -> None:
    """H1, H5, H7, H9: the connection ends, unless a program that the server started holds it (9.4)."""
    closed = any(p.data is None and p.direction == "s2c" for p in pieces(name))
    assert closed == (name != "crash_monitor")
    if name == "crash_machines_unwritable":
        assert [p.id for p in exchanges(name)[0].packets][-2:] == [113, 100]
    if name == "crash_status_of_short_name":
        assert [p.id for p in exchanges(name)[0].packets] == [102, 110, 104]


def test_no_exchange_is_left_out() -> None:
    """Every exchange of every recording is of a kind that is read above."""
    kinds = {type(e.request).__name__ for name in NAMES for e in exchanges(name)}
    assert kinds == {
        "FileOperation", "FileTransfer", "Mk5Control", "GetDirectory", "Mark5Copy", "FileListRequest", "Vex2DifxRun",
        "MachinesDefinition", "StatusRequest", "Start", "StartMonitor",
    }  # fmt: skip
    transfers = {n for n in NAMES for e in exchanges(n) if isinstance(e.request, FileTransfer)}
    assert {
        n for n in NAMES for e in exchanges(n) if isinstance(e.request, FileOperation)
    } & transfers == set()


def test_complaints_are_those_that_say_why() -> None:
    """Open MPI's boxes are left out, unless there is nothing else."""
    (copied, no_module, _) = (recorder(e, CopyConversation()) for e in exchanges("recorder_copy"))
    assert no_module.output.complaints == ["Error: module BAD-0012 is not mounted"]
    assert len(copied.output.complaints) == 4
    (missing,) = (recorder(e, DirectoryConversation()) for e in exchanges("recorder_directory_missing"))
    assert missing.output.complaints == [
        "/bin/ls: cannot access '/data/modules/USN-9999.dir': No such file or directory"
    ]
    (host,) = (recorder(e, DirectoryConversation()) for e in exchanges("recorder_directory_host"))
    assert host.output.complaints == [
        "ssh: Could not resolve hostname nowhere: Temporary failure in name resolution"
    ]
    boxed = CopyConversation()
    for text in ("-" * 74, "mpirun has lost a daemon", "-" * 74):
        boxed.output.add(text, is_error=True)
    assert "mpirun has lost a daemon" in boxed.output.complaints
