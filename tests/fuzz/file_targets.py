# SPDX-License-Identifier: GPL-3.0-or-later
"""Decoders of the files of jobs, of their output and of recordings of sessions."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from difxnb.errors import FileFormatError
from difxnb.formats.binconfig import format_binconfig, parse_binconfig
from difxnb.formats.calc import format_calc, parse_calc
from difxnb.formats.channelflags import parse_channelflags
from difxnb.formats.difxlog import last_status, parse_line
from difxnb.formats.difxlog_runs import split_runs
from difxnb.formats.flag import parse_flag
from difxnb.formats.im import parse_im
from difxnb.formats.input import format_input, parse_input, result_layout
from difxnb.formats.joblist import parse_joblist
from difxnb.formats.machines import parse_machines, parse_threads
from difxnb.formats.module_directory import parse_module_directory
from difxnb.formats.pcal import format_pcal, parse_pcal
from difxnb.formats.polyco import parse_polyco
from difxnb.formats.swin import read_records, read_uniform
from difxnb.formats.swin_read import read_cells
from difxnb.formats.swin_scan import extend, index_swin
from difxnb.formats.switched_power import parse_switched_power
from difxnb.recording import open_recording
from difxnb.visibility import open_visibilities, skipped_frame
from tests.fuzz.decoding import CAPTURES, LONGEST_SEED, TESTS, Target, of_text, unchanged

PCAL = TESTS / "reference/mpifxcorr-output/alpha_1/alpha_1.difx/PCAL_60310_043200_BB"
BINS = TESTS / "reference/mpifxcorr-output/epsilon_1/epsilon_1.binconfig"
JOB = TESTS / "reference" / "mpifxcorr-output" / "beta_1"


# --- seeds --------------------------------------------------------------------------------------------


def _file(name: str) -> Callable[[], list[bytes]]:
    return lambda: [(JOB / name).read_bytes()[:LONGEST_SEED]]


# --- decoders -----------------------------------------------------------------------------------------


def _input(text: str) -> object:
    inp = parse_input(text)
    assert format_input(inp) == text
    assert repr(inp)
    return [result_layout(inp, number) for number in range(min(2, len(inp.configurations)))]


def _log(text: str) -> object:
    entries = [parse_line(line) for line in text.splitlines()]
    return entries, split_runs(entries), last_status(text)


def _directory(text: str) -> object:
    return parse_module_directory(text, "module.dir")


def _swin(pieces: list[bytes]) -> object:
    with tempfile.NamedTemporaryFile(suffix=".s0000.b0000") as file:
        file.write(b"".join(pieces))
        file.flush()
        count = sum(1 for _ in read_records(file.name, lambda band: 16))
        return count, len(read_uniform(file.name, 16))


def _swin_table(pieces: list[bytes]) -> object:
    """Whatever is in a file, what can be indexed of it can be read, and does not change when it is looked at again."""
    with tempfile.NamedTemporaryFile(suffix=".s0000.b0000") as file:
        file.write(b"".join(pieces))
        file.flush()
        table = index_swin(file.name, lambda band: 16, on_error="skip")
        rows, columns = (np.arange(count) for count in table.offsets.shape)
        out = np.empty((rows.size, columns.size, 16), dtype=np.complex64)
        read_cells(table, rows, columns, columns, out)
        again = extend(table, lambda band: 16, on_error="skip", growing=False)
        assert (again.skipped, again.end) == (table.skipped, table.end)
        for growing in (False, True):
            # Without the numbers of channels everything hangs on distances.
            index_swin(file.name, on_error="skip", growing=growing)
        return table.offsets.shape, index_swin(file.name, lambda band: 16).offsets.shape


def _dataset(pieces: list[bytes]) -> object:
    """Whatever is in a file, a Dataset of it has what the table counts, and says what was passed over."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        path = Path(folder) / "DIFX_60310_043200.s0000.b0000"
        path.write_bytes(b"".join(pieces))
        dataset = open_visibilities(path, input=JOB / "beta_1.input", on_error="skip")
        assert skipped_frame(dataset)["size"].sum() <= path.stat().st_size
        return dataset.load().sizes


def _journal(pieces: list[bytes]) -> object:
    """Whatever a recording holds can be looked at, and told without names."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"".join(pieces))
        file.flush()
        recording = open_recording(file.name)
        assert repr(recording)
        for one in (recording, recording.anonymized()):
            rows = len(one.messages.frame()), len(one.jobs.frame()), len(one.alerts.frame())
            assert repr(dict(one.monitors)), repr(dict(one.runs))
        return rows


def _capture_seeds() -> list[bytes]:
    packed = CAPTURES[1] / "start_program_dies.jsonl"
    return [packed.read_bytes()[:LONGEST_SEED], packed.read_bytes()[-LONGEST_SEED:]]


def _journal_seeds() -> list[bytes]:
    """What a recording of a captured session looks like."""
    with tempfile.TemporaryDirectory() as folder:
        path = open_recording(CAPTURES[1] / "start_refused.jsonl").save_journal(Path(folder) / "seed")
        return [path.read_bytes()[:LONGEST_SEED]]


def _swin_seeds() -> list[bytes]:
    (file,) = (JOB / "beta_1.difx").glob("DIFX_*")
    return [file.read_bytes()[:LONGEST_SEED]]


def _model(text: str) -> None:
    im = parse_im(text)
    assert repr(im)
    for row in im.frame().itertuples():
        im.delay(row.antenna, row.start, row.source)


def _tones(text: str) -> None:
    format_pcal(parse_pcal(text))
    parse_pcal(text, on_error="skip")


TARGETS: dict[str, Target] = {
    ".input": Target(of_text(_input), _file("beta_1.input"), (FileFormatError,)),
    ".calc": Target(of_text(unchanged(parse_calc, format_calc)), _file("beta_1.calc"), (FileFormatError,)),
    ".im": Target(of_text(_model), _file("beta_1.im"), (FileFormatError,)),
    ".machines": Target(of_text(parse_machines), _file("beta_1.machines"), (FileFormatError,)),
    ".threads": Target(of_text(parse_threads), _file("beta_1.threads"), (FileFormatError,)),
    ".joblist": Target(
        of_text(parse_joblist),
        lambda: [b"exper=A  pass=a\na_1 59490.7916667 59490.79375 2 0 1 1407 0  # AA BB\n"],
        (FileFormatError,),
    ),
    ".flag": Target(of_text(parse_flag), _file("beta_1.flag"), (FileFormatError,)),
    ".channelflags": Target(
        of_text(parse_channelflags), lambda: [b"# EF\nEF 60310.5 60310.75 3 0 1 'edge'\n"], (FileFormatError,)
    ),
    ".binconfig": Target(
        of_text(unchanged(parse_binconfig, format_binconfig)), lambda: [BINS.read_bytes()], (FileFormatError,)
    ),
    ".polyco": Target(
        of_text(parse_polyco), lambda: [BINS.with_suffix(".polyco").read_bytes()], (FileFormatError,)
    ),
    ".difxlog": Target(of_text(_log), _file("beta_1.difxlog"), (FileFormatError,)),
    "PCAL": Target(of_text(_tones), lambda: [PCAL.read_bytes()], (FileFormatError,)),
    "SWITCHEDPOWER": Target(
        of_text(parse_switched_power), lambda: [b"60310.5 60310.6 4.1 0.01 4.0 0.02\n"], (FileFormatError,)
    ),
    ".dir": Target(
        of_text(_directory),
        lambda: [b"USN-0012 2 A 1 1 RT\n0 8000 59490 3600 0 100 10.0 5016 0 16 2 a_scan RT\n"],
        (FileFormatError,),
    ),
    "recording": Target(_journal, _journal_seeds, (FileFormatError,)),
    "capture": Target(_journal, _capture_seeds, (FileFormatError,)),
    ".difx": Target(_swin, _swin_seeds, (FileFormatError,)),
    "table of .difx": Target(_swin_table, _swin_seeds, (FileFormatError,)),
    "dataset of .difx": Target(_dataset, _swin_seeds, (FileFormatError,)),
}
"""Decoders of files of jobs, by what they read."""
