# SPDX-License-Identifier: GPL-3.0-or-later
"""A changed text of any file: shown, and written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.clock.edits import ClockEdit
from difxnb.errors import FileChanged, OutputExists
from difxnb.formats.text_edit import TextEdit


def test_the_difference_is_shown_with_notes(tmp_path: Path) -> None:
    edit = TextEdit(tmp_path / "a.v2d", "one\ntwo <b>\n", "one\nthree\n", ("look twice",))
    assert edit.diff.split("\n")[2:] == ["@@ -1,2 +1,2 @@", " one", "-two <b>", "+three"]
    assert repr(edit).endswith("+three\nnote: look twice")
    assert "-two &lt;b&gt;" in edit._repr_html_()


def test_a_file_is_replaced_only_as_it_was_read(tmp_path: Path) -> None:
    path = tmp_path / "a.v2d"
    path.write_text("one\n")
    edit = TextEdit(path, "one\n", "two\n")
    with pytest.raises(OutputExists, match="overwrite=True"):
        edit.write()
    assert edit.write(overwrite=True) == path
    assert path.read_text() == "two\n"
    with pytest.raises(FileChanged, match="has changed since it was read for this edit; make the edits anew"):
        edit.write(overwrite=True)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        edit.write(overwrite=True)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_to_be_made(tmp_path: Path) -> None:
    edit = TextEdit(tmp_path / "new.v2d", "", "one\n")
    assert edit.write() == tmp_path / "new.v2d"
    with pytest.raises(OutputExists):
        edit.write()
    with pytest.raises(FileNotFoundError, match="make it first"):
        edit.write(tmp_path / "none" / "new.v2d")
    with pytest.raises(IsADirectoryError):
        edit.write(tmp_path)


def test_a_protected_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "a.v2d"
    path.write_text("one\n")
    path.chmod(0o444)
    with pytest.raises(PermissionError):
        TextEdit(path, "one\n", "two\n").write(overwrite=True)


def test_edits_of_clocks_are_such_edits(tmp_path: Path) -> None:
    edit = ClockEdit(tmp_path / "a.vex", "a\n", "a\n")
    assert isinstance(edit, TextEdit)
    assert repr(edit) == f"{tmp_path / 'a.vex'}: no clock changes"
    assert edit != TextEdit(tmp_path / "a.vex", "a\n", "a\n")
    assert edit == ClockEdit(tmp_path / "a.vex", "a\n", "a\n")
