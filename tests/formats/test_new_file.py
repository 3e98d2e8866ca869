# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that appear whole, once, and leave nothing behind."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from difxnb.errors import OutputExists
from difxnb.formats.mjd import MJD_ZERO, UNIX_EPOCH_MJD
from difxnb.formats.new_file import new_file


def test_the_file_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "a.parquet"
    with new_file(target, "messages") as partial:
        partial.write_text("half")
        assert not target.exists()
    assert target.read_text() == "half"
    assert list(tmp_path.iterdir()) == [target]


def test_nothing_is_left_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="disk full"), new_file(tmp_path / "a", "messages") as partial:  # noqa: PT012
        partial.write_text("half")
        raise OSError("disk full")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("old")
    with (
        pytest.raises(OutputExists, match="messages are not written over it"),
        new_file(tmp_path / "a", "messages"),
    ):
        raise AssertionError("the block must not run")
    assert (tmp_path / "a").read_text() == "old"


def test_what_came_meanwhile_stays(tmp_path: Path) -> None:
    """Of two who write at once the first has the name, and neither spoils what the other writes."""
    target = tmp_path / "a"
    with pytest.raises(OutputExists), new_file(target, "messages") as mine:  # noqa: PT012
        mine.write_text("mine")
        with new_file(target, "messages") as other:
            other.write_text("other")
        assert mine.read_text() == "mine"
    assert target.read_text() == "other"
    assert list(tmp_path.iterdir()) == [target]


def test_what_a_crash_left_is_in_nobodys_way(tmp_path: Path) -> None:
    (tmp_path / "a.partial").write_text("left")
    with new_file(tmp_path / "a", "messages") as partial, open(partial, "x") as file:
        file.write("whole")
    assert (tmp_path / "a").read_text() == "whole"
    assert (tmp_path / "a.partial").read_text() == "left"


def test_zeros_of_the_calendars() -> None:
    assert UNIX_EPOCH_MJD == 40587
    assert date.fromordinal(MJD_ZERO.toordinal() + 60310) == date(2024, 1, 1)
