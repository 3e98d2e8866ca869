# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags of a job."""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.errors import FileFormatError
from difxnb.formats.flag import Flag, format_flag, parse_flag, read_flag, write_flag

REFERENCE = Path(__file__).parents[1] / "reference"


def test_text_and_values(tmp_path: Path) -> None:
    flags = [Flag(54446.2104167, 54446.2108681, 0), Flag(54446.25, 54447.0, 12)]
    text = "2\n  54446.2104167 54446.2108681 0\n  54446.2500000 54447.0000000 12\n"
    assert format_flag(flags) == text
    assert parse_flag(text) == flags
    write_flag(flags, tmp_path / "x.flag")
    assert read_flag(tmp_path / "x.flag") == flags


def test_the_older_form() -> None:
    assert parse_flag("1\nmjd(54446.25,54446.5)3\n") == [Flag(54446.25, 54446.5, 3)]


@pytest.mark.parametrize("path", sorted(REFERENCE.rglob("*.flag")), ids=lambda path: path.stem)
def test_files_without_flags(path: Path) -> None:
    assert read_flag(path) == []
    assert format_flag([]) == path.read_text()


def test_all_public_files_are_written_as_they_were(shared: Path) -> None:
    paths = sorted((shared / "data").rglob("*.flag"))
    assert sum(len(read_flag(path)) for path in paths) > 50
    for path in paths:
        assert format_flag(read_flag(path)) == path.read_text()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("", "line 1"),
        ("2\n 1.0 2.0 0\n", "line 1: announces '2' flags, found 1"),
        ("1000000000\n", "line 1"),
        ("1\n 1.0 2.0\n", "line 2"),
        ("1\n 1.0 nan 0\n", "line 2"),
        ("1\n 1.0 2.0 -1\n", "line 2"),
    ],
)
def test_damage_is_named(text: str, where: str) -> None:
    with pytest.raises(FileFormatError, match=where):
        parse_flag(text)
