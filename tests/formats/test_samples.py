# SPDX-License-Identifier: GPL-3.0-or-later
"""Every public sample file is read, or refused with a reason that names file, line and what was expected."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

import difxnb
from difxnb.errors import FileFormatError

SAMPLES = Path(__file__).resolve().parents[3] / "shared/data/difx-samples"
READERS: dict[str, Callable[[Path], object]] = {
    r"\.input": difxnb.read_input,
    r"\.calc": difxnb.read_calc,
    r"\.im": difxnb.read_im,
    r"\.machines?|/machines": difxnb.read_machines,
    r"\.threads?|/threads": difxnb.read_threads,
    r"\.joblist": difxnb.read_joblist,
    r"\.flag": difxnb.read_flag,
    r"\.channelflags": difxnb.read_channelflags,
    r"\.binconfig": difxnb.read_binconfig,
    r"\.polyco": difxnb.read_polyco,
    r"\.difxlog": difxnb.read_difxlog,
    r"/PCAL_\d{5}_\d{6}_\w+": difxnb.read_pcal,
}
# What has tests of its own: visibilities (also as FITS), schedules, messages, notes.
ELSEWHERE = [
    r"\.s\d{4}\.b\d{4}",
    r"\.FITS",
    r"\.v2d(\.target)?",
    r"\.(vex|vex2|skd|vix|key)(\.obs|\.difx)?",
    r"\.filelist",
    r"\.xml",
    r"README\.md",
    r"/truth\.json",
    r"/IncompleteModes\.txt",
]
# Samples that cannot be read: "line: what was expected" by name.
REFUSED: dict[str, str] = {}
FILES = [str(path.relative_to(SAMPLES)) for path in sorted(SAMPLES.rglob("*")) if path.is_file()]
without_samples = pytest.mark.skipif(
    not FILES, reason="public reference files (../shared) are not here; they may not be committed"
)


def kinds(name: str) -> list[str]:
    return [ending for ending in [*READERS, *ELSEWHERE] if re.search(f"({ending})$", f"/{name}")]


@without_samples
def test_there_is_something_of_every_kind() -> None:
    assert len(FILES) > 150
    assert {kind for name in FILES for kind in kinds(name)} == {*READERS, *ELSEWHERE}


@pytest.mark.parametrize("name", FILES or [pytest.param("", marks=without_samples)])
def test_every_sample_is_read_or_refused_with_a_reason(name: str) -> None:
    (kind,) = kinds(name)
    if kind in ELSEWHERE:
        return
    path = SAMPLES / name
    if name in REFUSED:
        with pytest.raises(FileFormatError, match=f"{re.escape(str(path))}, line {REFUSED[name]}"):
            READERS[kind](path)
        return
    value = READERS[kind](path)
    assert "object at 0x" not in repr(value)
    if hasattr(value, "frame"):
        assert len(value.frame().columns) > 1


@without_samples
@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "public/ma008/ma008_1.input",
            ["3 antennas", "31 bands", "EB ON YS", "2017-04-04 01:30:00 UTC", "1.024 s"],
        ),
        ("public/ma008/ma008_1.calc", ["3 antennas", "EB ON YS", "2017-04-04 01:30:00 UTC", "No0108"]),
        (
            "vex2difx-output/feat/feat_7.input",
            ["pulsar bins of /srv/difx/feat/psr.binconfig", "3 x MKIV from FILE"],
        ),
        ("vex2difx-output/dq601/dq601.joblist", ["12 jobs", "exper DQ601"]),
        ("vex2difx-output/feat/feat_7.flag", ["54 of 3 antennas"]),
        ("vex2difx-output/feat/psr.binconfig", ["4 bins", "psr.polyco"]),
    ],
)
def test_reprs_say_what_a_file_is(name: str, words: list[str]) -> None:
    (kind,) = kinds(name)
    value = READERS[kind](SAMPLES / name)
    for word in words:
        assert word in repr(value)
        assert word in value._repr_html_()


@without_samples
def test_modules_as_sources() -> None:
    job = difxnb.read_input(SAMPLES / "vex2difx-output/dq601/dq601_01.input")
    assert set(job.frame("datastreams")["source"]) == {"MODULE"}
    files = job.frame("files")
    assert " ".join(files["antenna"]) == "BR FD HN KP LA MK NL OV PT SC"


@without_samples
def test_old_machines_and_threads_fit_each_other() -> None:
    hosts = difxnb.read_machines(SAMPLES / "public/v1-legacy/example.machine")
    threads = difxnb.read_threads(SAMPLES / "public/v1-legacy/example.thread")
    assert (len(hosts), len(threads)) == (28, 24)
