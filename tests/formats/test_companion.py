# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that job files name: as named, or beside."""

from __future__ import annotations

from pathlib import Path

from difxnb.formats.companion import companion, output_folder


def test_the_named_file_wins_where_it_exists(tmp_path: Path) -> None:
    named = tmp_path / "elsewhere" / "job.calc"
    named.parent.mkdir()
    named.touch()
    (tmp_path / "job.calc").touch()
    assert companion(str(named), tmp_path / "job.input") == named
    assert companion("elsewhere/job.calc", tmp_path / "job.input") == named


def test_a_copied_job_finds_its_files_beside_it(tmp_path: Path) -> None:
    assert companion("/nowhere/job.calc", tmp_path / "job.input") == tmp_path / "job.calc"
    assert companion("/nowhere/job.calc", None) == Path("/nowhere/job.calc")


def test_output_is_where_it_is_named_if_that_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    inp = tmp_path / "job.input"
    assert output_folder(str(tmp_path / "out" / "job.difx"), inp) == tmp_path / "out" / "job.difx"
    assert output_folder("/nowhere/at/all/job.difx", inp) == tmp_path / "job.difx"
    assert output_folder("/nowhere/job.difx", None) == Path("/nowhere/job.difx")
