# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that come into being together or not at all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from difxnb.errors import CannotMakeJob, OutputExists
from difxnb.formats.calc import read_calc
from difxnb.formats.calc_model import Calc
from difxnb.formats.im import read_im
from difxnb.formats.im_model import Im
from difxnb.formats.input import read_input
from difxnb.formats.joblist import read_joblist
from difxnb.formats.v2d import parse_v2d
from difxnb.formats.vex import parse_vex
from difxnb.geometry.eop import EopTable
from difxnb.geometry.eop_text import EopDay
from difxnb.making import make_job_files, planned_jobs
from difxnb.making.writing import opened, write_whole
from tests.full_disk import room_for
from tests.making.schedules import observed_at

V2D = """\
vex = e.vex
SETUP default { tInt = 1 nChan = 32 subintNS = 100000000 }
ANTENNA Aa { file = /data/aa.vdif }
ANTENNA Bb { file = /data/bb.vdif }
"""


def write(directory: Path, texts: dict[str, str], **options: bool) -> None:
    with opened(directory) as descriptor:
        write_whole(texts, descriptor, where=directory, **options)


def content(directory: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in directory.iterdir() if path.is_file()}


def test_all_are_written_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, {"a": "1", "b": "2"})
    assert content(tmp_path) == {"a": "1", "b": "2"}


def test_one_that_is_there_keeps_all_from_being_written(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("old")
    with pytest.raises(OutputExists, match="b exists already"):
        write(tmp_path, {"a": "1", "b": "2"})
    assert content(tmp_path) == {"b": "old"}
    write(tmp_path, {"a": "1", "b": "2"}, overwrite=True)
    assert content(tmp_path) == {"a": "1", "b": "2"}


@pytest.mark.parametrize("overwrite", [True, False])
def test_what_fails_half_way_leaves_what_was_there(tmp_path: Path, overwrite: bool) -> None:
    """The last name belongs to a directory, which no file can replace."""
    if overwrite:
        (tmp_path / "a").write_text("old")
    (tmp_path / "z").mkdir()
    (tmp_path / "z" / "inside").touch()
    before = content(tmp_path)
    with pytest.raises(OSError, match=r"z exists|directory"):
        write(tmp_path, {"a": "1", "b": "2", "z": "3"}, overwrite=overwrite)
    assert content(tmp_path) == before
    assert (tmp_path / "z" / "inside").exists()


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_full_disk_leaves_what_was_there_and_is_told_with_the_file(tmp_path: Path, overwrite: bool) -> None:
    if overwrite:
        (tmp_path / "a").write_text("old")
    before = content(tmp_path)
    with room_for(1000), pytest.raises(OSError, match=f"{tmp_path}/b"):
        write(tmp_path, {"a": "1", "b": "2" * 1001, "c": "3"}, overwrite=overwrite)
    assert content(tmp_path) == before


def test_paths_and_texts_are_no_schedule(tmp_path: Path) -> None:
    vex, v2d = parse_vex(observed_at("Aa", "Bb")), parse_v2d(V2D, "e.v2d")
    for wrong, text in [
        (("e.vex", v2d), "vex is what"),
        ((vex, "e.v2d"), "v2d is what"),
        ((v2d, vex), "vex is"),
    ]:
        with pytest.raises(TypeError, match=text):
            planned_jobs(*wrong)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match=text):
            make_job_files(*wrong, tmp_path)  # type: ignore[arg-type]
    assert content(tmp_path) == {}


def test_links_are_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("precious")
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "a").symlink_to(tmp_path / "elsewhere")
    write(tmp_path / "jobs", {"a": "1"}, overwrite=True)
    assert (tmp_path / "elsewhere").read_text() == "precious"
    assert not (tmp_path / "jobs" / "a").is_symlink()


@pytest.mark.parametrize("name", ["", "..", "a/b", "a\0", "x" * 256])
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name of a file"):
        write(tmp_path, {name: "1"})


def made(tmp_path: Path, **options: object) -> list[str]:
    vex, v2d = parse_vex(observed_at("Aa", "Bb")), parse_v2d(V2D, tmp_path / "e.v2d")
    found = make_job_files(vex, v2d, tmp_path, **options)  # type: ignore[arg-type]
    assert all(path.exists() for path in found.files)
    assert found.jobs == tuple(planned_jobs(vex, v2d))
    return [path.name for path in found.files]


def test_jobs_are_whole_with_their_models(tmp_path: Path) -> None:
    assert made(tmp_path) == ["e_1.input", "e_1.calc", "e_1.flag", "e.joblist", "e_1.im"]
    inp = read_input(tmp_path / "e_1.input")
    assert inp.companion("calc") == tmp_path / "e_1.calc"
    assert [one.name for one in inp.telescopes] == ["AA", "BB"]
    assert inp.telescopes[0].clock_coeffs == pytest.approx([-0.5, -1e-6])
    assert len(read_im(tmp_path / "e_1.im").scans) == 2
    assert [job.name for job in read_joblist(tmp_path / "e.joblist").jobs] == ["e_1"]


def test_what_was_made_is_shown_in_a_line(tmp_path: Path) -> None:
    found = make_job_files(parse_vex(observed_at("Aa", "Bb")), parse_v2d(V2D, tmp_path / "e.v2d"), tmp_path)
    assert repr(found).splitlines()[0] == f"<MadeJobs: e_1; 5 files in {tmp_path}>"
    assert len(repr(found).splitlines()) == 1 + len(found.notes)


def test_a_model_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fails(_: Calc) -> Im:
        raise ValueError("no ephemeris")

    with pytest.raises(ValueError, match="no ephemeris"):
        made(tmp_path, delay_model=fails)
    assert content(tmp_path) == {}
    assert "e_1.im" not in made(tmp_path, with_models=False)
    with pytest.raises(OutputExists):
        made(tmp_path)
    assert "e_1.im" in made(tmp_path, overwrite=True)


def test_nothing_is_written_where_there_is_a_reason_against_it(tmp_path: Path) -> None:
    v2d = parse_v2d(V2D.replace("nChan = 32", "nChan = 33"), tmp_path / "e.v2d")
    with pytest.raises(CannotMakeJob):
        make_job_files(parse_vex(observed_at("Aa", "Bb")), v2d, tmp_path)
    assert content(tmp_path) == {}


def test_earth_orientation_can_come_from_a_table(tmp_path: Path) -> None:
    """In place of what the schedule says, or where it says nothing."""
    days = [EopDay(day, 37.0, 0.01 * (day - 60300), 0.1, 0.2, "final") for day in range(60300, 60320)]
    table = EopTable("made up", np.datetime64("2024-01-10"), days)
    vex = parse_vex(observed_at("Aa", "Bb").replace("$EOP;", "$COMMENT;"))
    make_job_files(vex, parse_v2d(V2D, tmp_path / "e.v2d"), tmp_path, eop=table, with_models=False)
    eops = read_calc(tmp_path / "e_1.calc").eops
    assert [one.mjd for one in eops] == list(range(60308, 60313))
    assert [one.ut1_utc_s for one in eops] == pytest.approx([0.08, 0.09, 0.10, 0.11, 0.12])
    with pytest.raises(ValueError, match="made up has Earth orientation"):
        make_job_files(
            vex,
            parse_v2d(V2D, tmp_path / "e.v2d"),
            tmp_path,
            eop=EopTable("made up", table.fetched, days[:9]),
        )
