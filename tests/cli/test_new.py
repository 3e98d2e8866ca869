# SPDX-License-Identifier: GPL-3.0-or-later
"""Experiments from a shell: looked at first, put down, their jobs and delay models made."""

from __future__ import annotations

from pathlib import Path

import pytest

from difxnb.formats.input import read_input
from difxnb.synthetic import default_experiment
from difxnb.synthetic.observing_files import v2d_text, vex_text
from tests.cli.in_process import difxnb_program as difxnb

EXPERIMENT = default_experiment(
    n_stations=3, n_scans=1, n_bands=1, scan_seconds=2, gap_seconds=2, bandwidth=0.256e6
)
FIRST, *OTHERS = [station.code for station in EXPERIMENT.stations]


@pytest.fixture
def here(tmp_path: Path) -> tuple[str, ...]:
    """Options that name a schedule and a .v2d of this machine."""
    vex, v2d = tmp_path / "demo.vex", tmp_path / "demo.v2d"
    vex.write_text(vex_text(EXPERIMENT))
    v2d.write_text(v2d_text(EXPERIMENT, tmp_path))
    return "--vex", str(vex), "--v2d", str(v2d)


def test_an_experiment_is_looked_at_then_made_and_made_again_when_asked(
    served: Path, here: tuple[str, ...]
) -> None:
    at = ("-d", served / "exp")
    plan = difxnb("new", *at, *here, "--preview")
    assert plan.status == 0, plan
    assert plan.lines[0] == f"would make directory {served}/exp"
    assert f"would make job {served}/exp/demo_1.input" in plan.out
    assert not (served / "exp").exists()
    made = difxnb("new", *at, *here, "--json")
    assert made.status == 0, made
    (answer,) = made.objects
    assert [row["input"] for row in answer["rows"]] == [f"{served}/exp/demo_1.input"]
    assert answer["attrs"]["problems"]["attrs"]["passed"] is True
    assert (served / "exp" / "demo_1.im").is_file()
    again = difxnb("new", *at, *here)
    assert (again.status, "--overwrite" in again.complaints) == (1, True)
    (told,) = difxnb("new", *at, *here, "--dry-run", "--json").objects
    assert (told["refused"], told["attrs"]["clashes"]) == (True, [f"{served}/exp/demo_1.input"])
    clash = difxnb("new", *at, *here, "--preview")
    assert (clash.status, "is in the way" in clash.out) == (3, True)
    less = difxnb("new", *at, *here, "--overwrite", "--without", FIRST)
    assert less.status == 0, less
    assert less.lines[0].split() == ["job", "input", "model"]
    assert len(read_input(served / "exp" / "demo_1.input").telescopes) == len(OTHERS)


def test_a_template_is_filled_in(served: Path, here: tuple[str, ...], tmp_path: Path) -> None:
    template = tmp_path / "usual.v2d"
    template.write_text(f"nCore = ${{cores}}\n{Path(here[3]).read_text()}")
    at = ("-d", served / "exp", *here[:2], "--template", template)
    assert difxnb("new", *at, "--no-jobs").status == 2  # cores is not said
    done = difxnb("new", *at, "--no-jobs", "--variable", "cores=7")
    assert done.status == 0, done
    assert "nCore = 7" in next((served / "exp").glob("*.v2d")).read_text()
    assert not list((served / "exp").glob("*.input"))


def test_what_is_wrong_is_told_and_nothing_is_written(served: Path, here: tuple[str, ...]) -> None:
    at = ("-d", served / "exp")
    v2d = Path(here[3])
    v2d.write_text(v2d.read_text().replace("antennas", "Antennas", 1))
    plan = difxnb("new", *at, *here, "--preview")
    assert (plan.status, "error: " in plan.out, plan.lines[-1]) == (3, True, "so nothing would be done")
    refused = difxnb("new", *at, *here)
    assert (refused.status, refused.lines) == (3, plan.lines[-1 - len(refused.lines) : -1])
    for wrong in (
        ("-d", "relative", *here),
        (*at, *here[:2]),
        (*at, *here, "--template", "x"),
        (*at, *here, "--variable", "a=1"),
        (*at, *here[:2], "--template", here[3], "--variable", "a"),
        (*at, *here, "--calc", "a b"),
    ):
        done = difxnb("new", *wrong)
        assert (done.status in (1, 2), "Traceback" in done.complaints) == (True, False), wrong
    assert difxnb("new", *at, "--vex", "/none.vex", "--v2d", here[3]).status == 1
    assert not (served / "exp").exists()


def test_jobs_of_a_v2d_on_the_server_are_made_and_made_again_without_a_station(
    served: Path, here: tuple[str, ...]
) -> None:
    assert difxnb("new", "-d", served / "exp", *here, "--no-jobs").status == 0
    (v2d,) = (served / "exp").glob("*.v2d")
    planned = difxnb("make", v2d, "--dry-run")
    assert (planned.status, planned.lines[-1]) == (0, "would make jobs demo_1 and so on")
    assert not list((served / "exp").glob("*.input"))
    (answer,) = difxnb("make", v2d, "--json").objects
    assert [row["input"] for row in answer["rows"]] == [f"{served}/exp/demo_1.input"]
    again = difxnb("make", v2d)
    assert (again.status, "--overwrite" in again.complaints) == (1, True)
    (told,) = difxnb("make", v2d, "--dry-run", "--json").objects
    assert (told["refused"], told["in_the_way"]) == (True, [f"{served}/exp/demo_1.input"])
    assert difxnb("make", v2d, "--dry-run").status == 3
    (other,) = difxnb("rebuild", v2d, "--without", FIRST, "--dry-run", "--json").objects
    assert (FIRST in other["diff"], other["done"]) == (True, False)
    less = difxnb("rebuild", v2d, "--without", FIRST)
    assert less.status == 0, less
    (made,) = (served / "exp").glob("demo-2_*.input")
    assert len(read_input(made).telescopes) == len(OTHERS)
    assert difxnb("rebuild", v2d, "--without", "ZZ").status == 2
    for dry in ((), ("--dry-run",)):
        alone = difxnb("rebuild", v2d, "--without", ",".join(OTHERS), *dry)
        assert (alone.status, f"only {FIRST} would be left" in alone.complaints) == (2, True)
    assert difxnb("make", served / "none.v2d").status == 1


def test_models_are_made_again_when_asked(served: Path, here: tuple[str, ...]) -> None:
    assert difxnb("new", "-d", served / "exp", *here).status == 0
    jobs, model = served / "exp" / "demo_*.input", served / "exp" / "demo_1.im"
    there = difxnb("models", jobs)
    assert (there.status, "--overwrite" in there.complaints) == (1, True)
    assert "--overwrite replaces it" in difxnb("models", jobs, "--dry-run").out
    model.unlink()
    assert difxnb("models", jobs, "--dry-run").out == f"would make the model of {served}/exp/demo_1.input\n"
    assert not model.exists()
    (answer,) = difxnb("models", jobs, "--json").objects
    assert [row["model"] for row in answer["rows"]] == [str(model)]
    assert model.is_file()
    assert difxnb("models", "/none_*.input").status == 1
    assert difxnb("models", "relative").status == 2


def test_files_of_an_experiment_are_listed_by_what_they_are(served: Path, here: tuple[str, ...]) -> None:
    assert difxnb("new", "-d", served / "exp", *here).status == 0
    (answer,) = difxnb("contents", served / "exp", "--json").objects
    kinds = {row["name"]: (row["kind"], row["job"]) for row in answer["rows"]}
    assert kinds["demo.vex"] == ("vex", None)
    assert kinds["demo_1.input"] == ("input", "demo_1")
    head, *rows = difxnb("contents", served / "exp", "--job", "demo_1", "-k", "im").lines
    assert head.split() == ["name", "kind", "job", "size", "modified"]
    assert [row.split()[0] for row in rows] == ["demo_1.im"]
    assert difxnb("contents", served / "none").status == 1
    assert difxnb("contents", "relative").status == 2
