# SPDX-License-Identifier: GPL-3.0-or-later
"""Schedules, ``.v2d`` files and Earth orientation in a shell: tables, what is wrong, and where it is from."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from difxnb.synthetic import small_experiment
from difxnb.synthetic.observing_files import v2d_text, vex_text
from tests.cli.in_process import difxnb_program as difxnb
from tests.geometry import eop_texts
from tests.geometry.eop_texts import LEAP_MJD

EXPERIMENT = small_experiment()


@pytest.fixture(scope="module")
def vex(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A schedule with its .v2d beside it."""
    path = tmp_path_factory.mktemp("schedules") / "demo.vex"
    path.write_text(vex_text(EXPERIMENT))
    path.with_suffix(".v2d").write_text(v2d_text(EXPERIMENT, path.parent))
    return path


def test_tables_of_a_schedule(vex: Path) -> None:
    head, *rows = difxnb("vex", vex).lines
    assert head.split()[:2] == ["scan", "start"]
    assert len(rows) == len(EXPERIMENT.scans)
    (answer,) = difxnb("vex", vex, "stations", "--json").objects
    assert {row["station"].upper() for row in answer["rows"]} == {one.code for one in EXPERIMENT.stations}
    wrong = difxnb("vex", vex, "planets")
    assert (wrong.status, "stations" in wrong.complaints) == (2, True)
    assert difxnb("vex", vex.with_name("none.vex")).status == 1
    assert difxnb("vex", vex, "--mode", "x").status == 2


def test_what_is_wrong_with_a_schedule_is_status_3_where_a_job_would_fail(vex: Path, tmp_path: Path) -> None:
    (sound,) = difxnb("vex", vex, "--check", "--json").objects
    assert sound["attrs"]["passed"] is True
    assert difxnb("vex", vex, "--check").status == 0
    broken = tmp_path / "broken.vex"
    broken.write_text(vex_text(EXPERIMENT).replace("ref $FREQ = ", "ref $FREQ = no", 1))
    done = difxnb("vex", broken, "--check")
    assert done.status == 3
    assert any(line.startswith("error: ") for line in done.lines)
    broken.write_text("VEX_rev = 1.5;\n$SCHED;\n scan x;\n")
    damaged = difxnb("vex", broken)
    assert (damaged.status, "Traceback" in damaged.complaints) == (1, False)


def test_tables_of_a_v2d(vex: Path, tmp_path: Path) -> None:
    v2d = vex.with_suffix(".v2d")
    (answer,) = difxnb("v2d", v2d, "--json").objects
    assert {"vex", "antennas"} <= {row["name"] for row in answer["rows"]}
    assert difxnb("v2d", v2d, "antennas").status == 0
    (defaults,) = difxnb("v2d", v2d, "--defaults", "--json").objects
    assert {"maxGap", "nCore"} <= {row["name"] for row in defaults["rows"]}
    assert difxnb("v2d", v2d, "--defaults").lines[0].split()[:3] == ["block", "name", "value"]
    assert difxnb("v2d", v2d, "--check", "--vex", vex).status in (0, 3)
    wrong = tmp_path / "wrong.v2d"
    wrong.write_text(v2d.read_text().replace("antennas", "Antennas", 1))
    checked = difxnb("v2d", wrong, "--check", "--vex", vex)
    assert (checked.status, "Antennas" in checked.out) == (3, True)
    assert difxnb("v2d", v2d, "--check", "--defaults").status == 2


@pytest.mark.filterwarnings("default::difxnb.errors.EopOutdated")
def test_earth_orientation_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "finals.all"
    path.write_text(eop_texts.finals(LEAP_MJD - 6, LEAP_MJD + 30, final_to=LEAP_MJD, rapid_to=LEAP_MJD + 4))
    (answer,) = difxnb("eop", path, "--json").objects
    assert answer["source"] == str(path)
    assert [row["mjd"] for row in answer["rows"]] == [LEAP_MJD + day for day in range(26, 31)]
    day = answer["rows"][0]["time"][:10]
    (around,) = difxnb("eop", path, "--near", answer["first"][:10], "--json").objects
    assert [row["mjd"] for row in around["rows"]] == [LEAP_MJD - 6 + day for day in range(5)]
    (every,) = difxnb("eop", path, "--all", "--json").objects
    assert len(every["rows"]) == 37
    told = difxnb("eop", path).lines
    assert told[0] == f"source         {path}"
    assert told[-1].split()[1] > day
    predicted = difxnb("eop", path, "--near", answer["last"][:10])
    assert (predicted.status, "predicted" in predicted.complaints) == (0, True)
    assert difxnb("eop", path, "--near", "1990-01-01").status == 2
    assert difxnb("eop", path, "--near", "yesterday").status == 2
    assert difxnb("eop", path.with_name("none")).status == 1
    assert difxnb("eop", "--refresh", "--offline").status == 2


def test_without_a_network_and_a_copy_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    done = difxnb("eop", "http://127.0.0.1:9/finals.all", "--offline")
    assert (done.status, "no copy" in done.complaints) == (2, True)


@pytest.mark.parametrize("kind", ["input", "calc", "im", "flag", "threads", "machines", "joblist", "difxlog"])
def test_files_of_jobs_are_tables(kind: str, shared: Path) -> None:
    file = next(
        one for one in sorted((shared / "data/difx-samples").rglob(f"*.{kind}")) if one.stat().st_size
    )
    done = difxnb("table", file, "--json")
    assert (done.status, "rows" in done.objects[0]) == (0, True)
    assert difxnb("table", file).status == 0


def test_tables_are_named_and_so_is_what_a_file_is(shared: Path, tmp_path: Path) -> None:
    file = next((shared / "data/difx-samples").rglob("*.input"))
    (answer,) = difxnb("table", file, "telescopes", "--json").objects
    assert {"antenna", "clock_rate"} <= answer["rows"][0].keys()
    assert difxnb("table", file, "colours").status == 2
    other = tmp_path / "what.txt"
    shutil.copy(file, other)
    unknown = difxnb("table", other)
    assert (unknown.status, "--kind" in unknown.complaints) == (2, True)
    assert difxnb("table", other, "--kind", "input").status == 0
    assert difxnb("table", other, "--kind", "im").status == 1
    tones = next((shared / "data/difx-samples").rglob("PCAL_*"))
    (values,) = difxnb("table", tones, "--json").objects
    assert {"antenna", "tone", "amplitude", "phase"} <= values["rows"][0].keys()
    assert difxnb("table", file.with_suffix(".machines"), "x").status == 2
