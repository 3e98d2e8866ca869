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


def test_zeros_of_the_calendars() -> None:
    assert UNIX_EPOCH_MJD == 40587
    assert date.fromordinal(MJD_ZERO.toordinal() + 60310) == date(2024, 1, 1)
