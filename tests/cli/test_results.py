# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job gave, from a shell: fringes, a verdict, a report; of files here and of a server."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from difxnb.server.engine.embedded import correlate
from difxnb.synthetic import default_experiment, make_experiment, read_truth
from tests.cli.conftest import lead_to
from tests.cli.in_process import difxnb_program as difxnb
from tests.client.peers import own_server
from tests.notebook.far_end import FarEnd


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job that was correlated."""
    one_band = default_experiment(n_bands=1, scan_seconds=2, gap_seconds=2, bandwidth=0.256e6)
    made = make_experiment(tmp_path_factory.mktemp("results").resolve(), experiment=one_band).input_file
    correlate(made, cores=1)
    return made


@pytest.fixture
def small_job(tmp_path: Path) -> Path:
    """One of a single baseline, scan, band and polarization, of which pictures are drawn quickly."""
    single = default_experiment(
        n_stations=2, n_scans=1, n_bands=1, scan_seconds=2, bandwidth=0.256e6, polarizations="R"
    )
    made = make_experiment(tmp_path / "small", experiment=single).input_file
    correlate(made, cores=1)
    return made


def test_fringes_are_those_that_were_put_in(job: Path) -> None:
    done = difxnb("fringe", "--json", job.with_suffix(".difx"))
    assert done.status == 0
    (answer,) = done.objects
    truth = {
        (one.source, f"{one.antenna1}-{one.antenna2}", one.polarization, one.band): one.delay_s
        for one in read_truth(job.parent).fringes
        if one.strong
    }
    found = {
        (row["source"], row["baseline"], row["polarization"], row["band"]): row
        for row in answer["rows"]
        if row["found"]
    }
    assert truth
    for name, delay in truth.items():
        assert found[name]["delay"] == pytest.approx(delay, abs=5 * found[name]["delay_error"] + 1e-12)
    head, *rows, last = difxnb("fringe", job, "--found").lines
    assert head.split()[:6] == ["scan", "source", "baseline", "band", "pol", "fringe"]
    assert len(rows) == len(found)
    assert last == f"{len(found)} of {len(answer['rows'])} have a fringe"


def test_some_fringes_are_selected(job: Path) -> None:
    (all_of_them,) = difxnb("fringe", "--json", job).objects
    row = all_of_them["rows"][0]
    selected = (
        f"baseline={row['baseline']}",
        f"antenna={row['antenna1_name']}",
        f"polarization={row['polarization']}",
        f"band={row['band']}",
        f"scan={row['scan']}",
        f"source={row['source']}",
    )
    chosen = difxnb("fringe", "--json", job, *(word for one in selected for word in ("--select", one)))
    (some,) = chosen.objects
    assert [(one["baseline"], one["snr"]) for one in some["rows"]] == [(row["baseline"], row["snr"])]
    pieces = difxnb("fringe", "--json", "--by", "1s", "--select", selected[0], job).objects[0]
    assert len(pieces["rows"]) > len(all_of_them["rows"]) / 3
    for wrong in (["--select", "colour=red"], ["--by", "sometimes"], ["--select", "antenna=XX"]):
        assert difxnb("fringe", job, *wrong).status == 2, wrong
    for wrong in (["--select", "baseline=A-B,C-D"], ["--select", "frequency=1,2"]):
        assert difxnb("fringe", job, *wrong).status == 2, wrong
    assert difxnb("fringe", "none.difx").status == 1


def test_clocks_are_told_and_taken_out_of_files_when_asked(job: Path, tmp_path: Path) -> None:
    orders = tmp_path / "demo.v2d"
    shutil.copy(job.parent / "demo.v2d", orders)
    shutil.copy(job.parent / "demo.vex", tmp_path)
    before = orders.read_text()
    told = difxnb("clocks", job, "--reference", "AL", "--json")
    (answer,) = told.objects
    assert (answer["reference"], answer["edits"]) == ("AL", [])
    late = {row["antenna"]: row["delay"] for row in answer["rows"]}
    assert late["AL"] == 0
    first, second, *_ = default_experiment().stations
    put_in = second.residual_delay_s - first.residual_delay_s
    assert late["BO"] == pytest.approx(put_in, abs=4e-8)
    looked = difxnb("clocks", job, "-r", "AL", "--v2d", orders)
    assert (looked.status, "+++" in looked.out, orders.read_text()) == (0, True, before)
    assert difxnb("clocks", job, "-r", "AL", "--v2d", orders, "--overwrite", "--dry-run").status == 0
    assert orders.read_text() == before
    (wrote,) = difxnb("clocks", job, "-r", "AL", "--v2d", orders, "--overwrite", "--json").objects
    assert [(one["path"], one["done"]) for one in wrote["edits"]] == [(str(orders), True)]
    assert orders.read_text() != before
    for wrong in (["--overwrite"], ["--reference", "XX"]):
        assert difxnb("clocks", job, *wrong).status == 2, wrong
    assert difxnb("clocks", tmp_path / "none.difx").status == 1


def test_a_verdict_is_given_and_no_go_is_status_3(job: Path, tmp_path: Path) -> None:
    usual = difxnb("quality", job)
    assert usual.lines[0].startswith("quality of demo_1: ")
    (answer,) = difxnb("quality", "--json", job).objects
    assert usual.status == (3 if answer["verdict"] == "no-go" else 0)
    limits = tmp_path / "limits.toml"
    limits.write_text("[weights]\nlook = 1.9\nno_go = 1.8\n")
    severe = difxnb("quality", "--json", job, "--limits", limits)
    assert (severe.status, severe.objects[0]["verdict"]) == (3, "no-go")
    limits.write_text("[nonsense]\nlook = 1\n")
    assert difxnb("quality", job, "--limits", limits).status == 2
    assert difxnb("quality", job, "--expected", "XX-YY").status == 2
    assert difxnb("quality", job.with_name("none.input")).status == 1


def test_many_jobs_have_a_history(job: Path) -> None:
    (answer,) = difxnb("quality", "--json", "--last", "1", job.parent).objects
    assert {row["job"] for row in answer["rows"]} == {"demo_1"}
    assert difxnb("quality", f"{job.parent}/*.input").lines[0].startswith("quality of 1 jobs")
    assert difxnb("quality", f"{job.parent}/none*.input").status == 2
    assert difxnb("quality", job, job, "--port", "1").status == 2


def test_a_report_is_written_once(small_job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    planned = difxnb("report", small_job, "--dry-run")
    assert planned.out == "would write demo_1-report.html\n"
    assert list(here.iterdir()) == []
    assert difxnb("report", small_job).out == "demo_1-report.html\n"
    assert "demo_1" in (here / "demo_1-report.html").read_text()
    for options in ([], ["--dry-run"]):
        refused = difxnb("report", small_job, *options)
        assert (refused.status, "--overwrite" in refused.complaints) == (1, True)
    assert difxnb("report", "none.input").status == 1
    assert difxnb("report", small_job, "--html", "--ivs").status == 2


def test_a_report_by_a_notebook_says_what_it_would_write_and_what_it_cannot_run(
    job: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert difxnb("report", "--notebook", job, "--dry-run").out == "would write demo_1-notebook.html\n"
    (tmp_path / "mine.ipynb").write_text("{}")
    refused = difxnb("report", "--notebook", "--template", "mine.ipynb", job)
    assert (refused.status, "no Jupyter notebook of format 4" in refused.complaints) == (1, True)
    assert difxnb("report", "--template", "mine.ipynb", job).status == 2
    assert [path.name for path in tmp_path.iterdir()] == ["mine.ipynb"]


def test_a_report_of_the_ivs_is_printed_or_written(job: Path, tmp_path: Path) -> None:
    printed = difxnb("report", "--ivs", job, "--header", "correl=HERE")
    assert printed.status == 0
    assert "+HEADER" in printed.lines
    assert "HERE" in printed.out
    (answer,) = difxnb("report", "--ivs", "--json", job).objects
    assert "HEADER DATABASE" in answer["missing"]
    target = tmp_path / "report.corr"
    (told,) = difxnb("report", "--ivs", job, "--to", target, "--json").objects
    assert told == {"deed": "report", "path": str(job), "target": str(target), "done": True}
    assert "+HEADER" in target.read_text().splitlines()
    assert "would print" in difxnb("report", "--ivs", job, "--dry-run").out
    for wrong in (["--ivs", "--header", "x"], ["--header", "CORREL=X"], ["--ivs", "--port", "1"]):
        assert difxnb("report", job, *wrong).status == 2, wrong
    assert difxnb("report", "--ivs", job, "--header", "NONSENSE=1").status == 2


def test_jobs_of_a_server(job: Path, far: FarEnd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    server = far.enter(own_server(job.parent))
    lead_to(server, monkeypatch)
    at_server = ("--port", server.port)
    (here,) = difxnb("fringe", "--json", job).objects
    (there,) = difxnb("fringe", "--json", job.with_suffix(".difx"), *at_server).objects
    assert json.dumps(there["rows"]) == json.dumps(here["rows"])
    assert difxnb("quality", job, *at_server).lines[0].startswith("quality of demo_1")
    assert difxnb("fringe", "/none.input", *at_server).status == 1


def test_a_job_is_correlated_here(job: Path, tmp_path: Path) -> None:
    refused = difxnb("correlate", job, "--dry-run")
    assert (refused.status, "--overwrite" in refused.complaints) == (1, True)
    (planned,) = difxnb("correlate", job, "--dry-run", "--overwrite", "--json").objects
    assert (planned["done"], planned["output"]) == (False, str(job.with_suffix(".difx")))
    said = difxnb("correlate", job, "--dry-run", "--overwrite").out
    assert said.startswith(f"would correlate {planned['integrations']} integrations of {job}, and move")
    assert not job.with_suffix(".difx.1").exists()
    (token,) = difxnb("token", tmp_path / "token", "--json").objects
    assert (token["path"], token["done"]) == (str(tmp_path / "token"), True)
