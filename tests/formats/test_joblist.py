# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of the jobs of a pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.errors import FileFormatError
from difxnb.formats.joblist import (
    JobEntry,
    JobList,
    format_joblist,
    parse_joblist,
    read_joblist,
    write_joblist,
)

TEXT = """\
exper=DEMO  v2d=demo.v2d  pass=demo  mjd=61366.4582575  DiFX=DiFX-2.9.0  vex2difx=3.1.0  vex=/srv/demo.vex
demo_01 59490.7916667 59490.79375 2 0 1 1407 0  # AA BB
demo_02 59491.125 59491.1270833 3 4 2 0.5856 12  # AA BB CC
"""


def test_text_and_values() -> None:
    joblist = parse_joblist(TEXT)
    assert joblist.header["pass"] == "demo"
    assert joblist.jobs[1] == JobEntry(
        "demo_02", 59491.125, 59491.1270833, 3, 4, 2, 0.5856, 12, ["AA", "BB", "CC"]
    )
    assert format_joblist(joblist) == TEXT


def test_new_numbers_have_as_many_digits_as_usual(tmp_path: Path) -> None:
    job = JobEntry("demo_1", 60310.5, 60310 + 1 / 3, 2, tera_ops=1.39812345, antennas=["AA"])
    path = tmp_path / "demo.joblist"
    write_joblist(JobList(header={"exper": "DEMO"}, jobs=[job]), path)
    assert path.read_text() == "exper=DEMO\ndemo_1 60310.5 60310.3333333 2 0 1 1.398 0  # AA\n"
    assert read_joblist(path).path == path


def test_all_public_lists_are_written_as_they_were(shared: Path) -> None:
    paths = sorted((shared / "data").rglob("*.joblist"))
    assert len(paths) >= 8
    for path in paths:
        assert format_joblist(read_joblist(path)) == path.read_text()


def test_older_lists_have_a_column_less() -> None:
    text = TEXT.replace(" 1407 0  #", " 1407  #")
    joblist = parse_joblist(text)
    assert joblist.jobs[0].out_size_mb is None
    assert format_joblist(joblist) == text


def test_a_blank_in_a_folder_name() -> None:
    assert parse_joblist("exper=A  vex=/my files/a.vex\n").header == {"exper": "A", "vex": "/my files/a.vex"}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "line 1"),
        ("no head\n", "line 1"),
        ("exper=A\n\na 1 2 3\n", "line 3"),
        ("exper=A\na 1 x 3 0 1 1 0 # AA\n", "line 2"),
        ("exper=A\na 1 2 3.5 0 1 1 0 # AA\n", "line 2"),
    ],
)
def test_damage_is_named(text: str, where: str) -> None:
    with pytest.raises(FileFormatError, match=where):
        parse_joblist(text)
