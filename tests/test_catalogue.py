# SPDX-License-Identifier: GPL-3.0-or-later
"""Catalogues of jobs on disk: which jobs are found, and their columns against the reference jobs."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import difxnb
from difxnb.catalogue import Catalogue, open_jobs
from difxnb.errors import OutputExists
from difxnb.formats.swin import read_records

JOBS = Path(__file__).parent / "reference" / "mpifxcorr-output"


@pytest.fixture(scope="session")
def reference_jobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference jobs as files of a year ago: those of a fresh checkout could be taken for jobs that run."""
    folder = tmp_path_factory.mktemp("catalogue") / "jobs"
    shutil.copytree(JOBS, folder)
    long_ago = time.time() - 365 * 86400
    for log in folder.rglob("*.difxlog"):
        os.utime(log, (long_ago, long_ago))
    return folder


@pytest.fixture
def jobs(reference_jobs: Path) -> Catalogue:
    return open_jobs(reference_jobs)


def copied(source: str, target: Path, name: str) -> Path:
    """A copy of a reference job under another name, in a folder of its own; gives its ``.input``."""
    folder = target / name
    folder.mkdir(parents=True)
    for path in (JOBS / source).iterdir():
        place = folder / path.name.replace(source, name)
        if path.is_dir():
            shutil.copytree(path, place)
        else:
            place.write_bytes(path.read_bytes().replace(source.encode(), os.fsencode(name)))
    return folder / f"{name}.input"


AUDITS: list[Callable[[str, tuple[Any, ...]], None]] = []
"""What listens to what Python asks of the operating system; such a hook cannot be taken away again."""


def _audit(event: str, args: tuple[Any, ...]) -> None:
    for listener in AUDITS:
        listener(event, args)


sys.addaudithook(_audit)


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Names of the files that are opened."""
    names: list[str] = []

    def listen(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            names.append(str(args[0]))

    AUDITS.append(listen)
    yield names
    AUDITS.remove(listen)


# --- which jobs ---------------------------------------------------------------------------------------


def test_folders_patterns_files_and_lists_of_them_give_jobs(jobs: Catalogue) -> None:
    names = ["alpha_1", "beta_1", "epsilon_1", "eta_1", "zeta_1"]
    assert [job.name for job in jobs] == names
    assert [job.name for job in open_jobs(f"{JOBS}/*/*.input")] == names
    assert [job.name for job in open_jobs(f"{JOBS}/**/*a_1*")] == ["alpha_1", "beta_1", "eta_1", "zeta_1"]
    two = [JOBS / "zeta_1" / "zeta_1.input", str(JOBS / "alpha_1")]
    assert [job.name for job in open_jobs(two)] == ["zeta_1", "alpha_1"]
    assert list(open_jobs(jobs.frame().query("n_bands == 1"))) == list(jobs[jobs.frame()["n_bands"] == 1])


def test_a_joblist_gives_its_jobs(tmp_path: Path) -> None:
    (tmp_path / "p.joblist").write_text("exper=P v2d=p.v2d\np_1 60310 60310.1 2 0 1 0 0 # AA BB\n")
    assert [job.input_file for job in open_jobs(tmp_path / "p.joblist")] == [tmp_path / "p_1.input"]


def test_a_job_found_twice_is_one_job() -> None:
    assert len(open_jobs([JOBS, f"{JOBS}/*/*.input"])) == 5


def test_nothing_fits_a_pattern_is_an_empty_catalogue(tmp_path: Path) -> None:
    empty = open_jobs(f"{tmp_path}/*.input")
    assert len(empty) == 0
    assert empty.frame().empty
    assert "0 jobs" in repr(empty)
    assert "0 jobs" in empty._repr_html_()
    assert empty.map(lambda job: 1).empty
    pd.testing.assert_series_equal(empty.frame().dtypes, open_jobs(JOBS).frame().dtypes)


def test_names_that_are_not_there_or_no_jobs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no_such\.input"):
        open_jobs(tmp_path / "no_such.input")
    (tmp_path / "note.txt").write_text("x")
    with pytest.raises(ValueError, match=r"note\.txt is no \.input file"):
        open_jobs(tmp_path / "note.txt")
    with pytest.raises(ValueError, match="column 'input'"):
        open_jobs(pd.DataFrame({"job": ["a"]}))


def test_jobs_are_found_by_place_name_and_mask(jobs: Catalogue, tmp_path: Path) -> None:
    assert jobs[0].name == "alpha_1"
    assert jobs[np.int64(-1)] is jobs["zeta_1"]
    assert [job.name for job in jobs[1:3]] == ["beta_1", "epsilon_1"]
    assert [job.name for job in jobs[jobs.frame()["job"] == "eta_1"]] == ["eta_1"]
    with pytest.raises(KeyError, match="no job 'gamma_1' among the 5"):
        jobs["gamma_1"]
    with pytest.raises(IndexError, match="needs as many values"):
        jobs[[True, False]]
    twice = open_jobs([copied("alpha_1", tmp_path / "a", "same"), copied("alpha_1", tmp_path / "b", "same")])
    with pytest.raises(KeyError, match="2 jobs are called 'same'"):
        twice["same"]
    assert twice[str(tmp_path / "b" / "same" / "same.input")].input_file.parent.parent.name == "b"


def test_masks_count_by_their_index(jobs: Catalogue) -> None:
    """Rows of a frame that was sorted and filtered mean the jobs they are rows of."""
    frame = jobs.frame().sort_values("size", ascending=False)
    chosen = frame[frame["n_bands"] == 2]
    assert {job.name for job in jobs[frame["n_bands"] == 2]} == set(chosen["job"])
    assert [job.name for job in jobs[chosen["job"] == "zeta_1"]] == ["zeta_1"]
    assert len(jobs[frame["size"] < 0]) == 0
    assert len(jobs[:0][[]]) == 0
    with pytest.raises(IndexError, match="rows of a frame of these 2 jobs"):
        jobs[:2][frame["size"] > 0]
    with pytest.raises(IndexError, match="a mask of booleans"):
        jobs[[0, 1, 0, 1, 1]]  # type: ignore[list-item]


def test_output_home_and_relative_names_give_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = copied("alpha_1", tmp_path, "job_1")
    shutil.copytree(path.with_suffix(".difx"), path.parent / "job_1.difx.1")
    shutil.copy(path, path.with_suffix(".difx") / "inside.input")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(path.parent)
    for name in (
        "job_1.difx",
        "job_1.difx.1",
        "~",
        "~/job_?/*.input",
        "../job_1",
        Path("*.difx"),
        open_jobs(path),
    ):
        assert [job.input_file.resolve() for job in open_jobs(name)] == [path], name


def test_folders_that_cannot_be_looked_into_are_told(tmp_path: Path) -> None:
    """The operating system is made to refuse; tests may be run by the superuser, whom nothing is closed to."""
    copied("alpha_1", tmp_path, "job_1")
    (tmp_path / "closed").mkdir()
    AUDITS.append(_closed)
    try:
        with pytest.warns(UserWarning, match="closed cannot be looked into"):
            assert len(open_jobs(tmp_path)) == 1
    finally:
        AUDITS.remove(_closed)


def _closed(event: str, args: tuple[Any, ...]) -> None:
    if event == "os.scandir" and str(args[0]).endswith("closed"):
        raise PermissionError(13, "Permission denied", args[0])


# --- the columns --------------------------------------------------------------------------------------


def test_columns_tell_what_the_files_say(jobs: Catalogue) -> None:
    row = jobs.frame().set_index("job").loc["alpha_1"]
    files = sorted((JOBS / "alpha_1" / "alpha_1.difx").glob("DIFX*"))
    assert row["start"] == pd.Timestamp("2024-01-01 12:00")
    assert (row["stop"] - row["start"]).total_seconds() == row["duration"] == jobs[0].input.execute_time
    assert (row["antennas"], row["n_antennas"], row["n_baselines"], row["n_bands"]) == ("AA BB CC", 3, 3, 2)
    assert (row["files"], row["size"]) == (len(files), sum(path.stat().st_size for path in files))
    assert row["integration_time"] == 0.512
    assert row["sources"] == jobs[0].calc.sources[0].name
    assert row["problem"] == ""


def test_mean_weight_is_near_that_of_the_autocorrelations(jobs: Catalogue) -> None:
    """The log rounds to hundredths; a quarter of a second of CC is invalid."""
    path = next((JOBS / "alpha_1" / "alpha_1.difx").glob("DIFX*"))
    autos = [one.weight for one in read_records(path) if one.antenna1 == one.antenna2]
    assert jobs.frame()["mean_weight"][0] == pytest.approx(np.mean(autos), abs=0.006)
    assert np.mean(autos) < 0.99


def test_states_tell_finished_from_aborted_and_never_run(jobs: Catalogue, tmp_path: Path) -> None:
    states = jobs.frame().set_index("job")["state"]
    assert states["alpha_1"] == "done"
    assert states["eta_1"] not in ("done", "not run")
    fresh = copied("alpha_1", tmp_path, "fresh_1")
    (fresh.parent / "fresh_1.difxlog").unlink()
    assert open_jobs(fresh).frame()["state"][0] == "unknown"
    shutil.rmtree(fresh.parent / "fresh_1.difx")
    row = open_jobs(fresh).frame().iloc[0]
    assert (row["state"], row["size"], row["runs"]) == ("not run", 0, 0)
    assert np.isnan(row["mean_weight"])


@pytest.mark.parametrize(("age_s", "state"), [(10, "running"), (3600, "unknown")])
@pytest.mark.parametrize("zone_h", [-8, 0, 5.75])
def test_a_log_that_is_being_written_tells_of_a_job_that_runs(
    tmp_path: Path, age_s: float, state: str, zone_h: float
) -> None:
    """The log of a job that died says the same, but nobody goes on with it."""
    log = copied("eta_1", tmp_path, "live_1").with_suffix(".difxlog")
    now = time.time()
    local = datetime.fromtimestamp(now - age_s + zone_h * 3600, UTC)
    lines = log.read_text().splitlines()
    log.write_text("\n".join(f"{local:%a %b %d %H:%M:%S %Y}{line[24:]}" for line in lines) + "\n")
    os.utime(log, (now, now - age_s))
    assert open_jobs(log.with_suffix(".input")).frame()["state"][0] == state


def test_a_fresh_copy_of_a_log_tells_of_no_job_that_runs(tmp_path: Path) -> None:
    log = copied("eta_1", tmp_path, "copy_1").with_suffix(".difxlog")
    now = time.time()
    earlier = datetime.fromtimestamp(now - 2 * 3600 - 400, UTC)
    lines = log.read_text().splitlines()
    log.write_text("\n".join(f"{earlier:%a %b %d %H:%M:%S %Y}{line[24:]}" for line in lines) + "\n")
    os.utime(log, (now, now))
    assert open_jobs(log.with_suffix(".input")).frame()["state"][0] == "unknown"


def test_damaged_and_missing_files_are_rows_with_the_reason(tmp_path: Path) -> None:
    damaged = copied("alpha_1", tmp_path, "damaged_1")
    damaged.write_text(damaged.read_text()[:2000])
    without = copied("alpha_1", tmp_path, "without_1")
    (without.parent / "without_1.calc").unlink()
    frame = open_jobs(tmp_path).frame().set_index("job")
    assert frame.loc["damaged_1", "state"] == "unreadable"
    assert "damaged_1.input" in frame.loc["damaged_1", "problem"]
    assert "expected" in frame.loc["damaged_1", "problem"]
    assert frame.loc["without_1", "state"] == "done"
    assert "without_1.calc" in frame.loc["without_1", "problem"]
    assert frame.loc["without_1", "antennas"] == "AA BB CC"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("EXECUTE TIME (SEC)", "99999999999999"),
        ("EXECUTE TIME (SEC)", "-5"),
        ("START MJD", "999999"),
        ("START MJD", "99999999999"),
        ("START SECONDS", "1e300"),
        ("CALC FILENAME", "/"),
        ("OUTPUT FILENAME", "x" * 5000),
    ],
)
def test_a_job_that_lies_costs_no_other_its_row(tmp_path: Path, key: str, value: str) -> None:
    path, good = copied("alpha_1", tmp_path, "bad_1"), copied("alpha_1", tmp_path, "good_1")
    lines = path.read_text().split("\n")
    changed = [f"{key + ':':<20}{value}" if line.startswith(f"{key}:") else line for line in lines]
    assert changed != lines
    path.write_text("\n".join(changed))
    frame = open_jobs([path, good]).frame()
    assert frame["antennas"].tolist() == ["AA BB CC"] * 2
    assert frame["start"][1] == pd.Timestamp("2024-01-01 12:00")
    assert "bad_1" in repr(open_jobs(path)[0])


def test_what_is_no_file_is_a_row_with_the_reason(tmp_path: Path) -> None:
    for name, made in (("pipe", os.mkfifo), ("folder", os.mkdir)):
        made(tmp_path / f"{name}.input")
    (tmp_path / "lost.input").symlink_to("nowhere")
    (tmp_path / "loop.input").symlink_to("loop.input")
    copied("alpha_1", tmp_path, "logless")
    (tmp_path / "logless" / "logless.difxlog").unlink()
    os.mkfifo(tmp_path / "logless" / "logless.difxlog")
    frame = open_jobs(tmp_path).frame().set_index("job")
    assert sorted(frame.index) == ["logless", "loop", "lost", "pipe"]
    assert (frame["state"].drop("logless") == "unreadable").all()
    assert "found a folder, a pipe or a device" in frame.loc["pipe", "problem"]
    assert "logless.difxlog" in frame.loc["logless", "problem"]


def test_names_that_are_not_in_utf8_are_jobs_like_others(tmp_path: Path) -> None:
    name = os.fsdecode(b"r_\xff\xe9")
    copied("alpha_1", tmp_path, name)
    copied("alpha_1", tmp_path, "r_\x1b[31mred")
    found = open_jobs(tmp_path)
    assert name in found.frame()["job"].tolist()
    assert len(open_jobs(found.frame())) == 2
    for text in (repr(found), found._repr_html_(), repr(found[name]), found[name]._repr_html_()):
        assert r"\udcff\udce9" in text
        assert "\x1b" not in text
        assert text.encode()
    assert "input" in found[name].files()["ending"].tolist()
    with pytest.warns(UserWarning, match="written as text: job, input"):
        found.map(lambda job: len(job.name), save=tmp_path / "results.parquet")
    assert pd.read_parquet(tmp_path / "results.parquet")["job"].tolist()[-1] == r"r_\udcff\udce9"
    assert found.map(lambda job: pd.DataFrame({"a": [1, 2]}))["job"].tolist().count(name) == 2


def test_no_visibility_is_read_for_the_frame(tmp_path: Path, opened: list[str]) -> None:
    path = copied("alpha_1", tmp_path, "job_1")
    opened.clear()
    assert open_jobs(path).frame()["files"][0] == 1
    assert any(name.endswith("job_1.input") for name in opened)
    assert not any("DIFX_" in name for name in opened)


def test_frames_are_copies_and_refresh_looks_anew(tmp_path: Path) -> None:
    path = copied("alpha_1", tmp_path, "job_1")
    catalogue = open_jobs(path)
    frame = catalogue.frame()
    frame["job"] = "spoilt"
    assert catalogue.frame()["job"][0] == "job_1"
    shutil.rmtree(path.parent / "job_1.difx")
    assert catalogue.frame()["files"][0] == 1
    assert catalogue.refresh().frame()["files"][0] == 0


def test_many_jobs(tmp_path: Path) -> None:
    """Parsed files are not kept: the row of each job is all that stays."""
    texts = {end: (JOBS / "alpha_1" / f"alpha_1.{end}").read_bytes() for end in ("input", "calc", "difxlog")}
    for number in range(200):
        for end, text in texts.items():
            (tmp_path / f"r{number:04d}.{end}").write_bytes(text)
    catalogue = open_jobs(f"{tmp_path}/r*.input")
    frame = catalogue.frame()
    assert list(frame["job"]) == [f"r{number:04d}" for number in range(200)]
    assert (frame["state"] == "done").all()
    assert not any("log" in vars(job) for job in catalogue)


def test_a_catalogue_is_saved_and_shown(jobs: Catalogue, tmp_path: Path) -> None:
    jobs.save(tmp_path / "jobs.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "jobs.parquet"), jobs.frame(), check_dtype=False)
    with pytest.raises(OutputExists):
        jobs.save(tmp_path / "jobs.parquet")
    assert "alpha_1" in repr(jobs)
    assert "<table" in jobs._repr_html_()
    assert "5 jobs, 4 done, 1 unknown" in repr(jobs)


def test_a_repr_reads_only_the_jobs_that_it_shows(tmp_path: Path, opened: list[str]) -> None:
    for number in range(30):
        for end in ("input", "calc"):
            shutil.copy(JOBS / "alpha_1" / f"alpha_1.{end}", tmp_path / f"r{number:02d}.{end}")
    opened.clear()
    jobs = open_jobs(tmp_path)
    assert opened == []
    for text in (repr(jobs), jobs._repr_html_()):
        assert "30 jobs; the first and the last 5" in text
        assert "r29" in text
        assert "r15" not in text
    ends = [f"r{number:02d}.input" for number in (*range(5), *range(25, 30))]
    assert sorted(Path(name).name for name in opened if name.endswith(".input")) == ends


# --- a job --------------------------------------------------------------------------------------------


def test_a_stored_job_gives_its_files_and_a_summary() -> None:
    job = open_jobs(JOBS / "alpha_1")[0]
    assert job.im.telescopes == ["AA", "BB", "CC"]
    assert {"input", "calc", "im", "flag", "threads", "machines", "difxlog", "difx"} <= set(
        job.files()["ending"]
    )
    text, html = repr(job), job._repr_html_()
    for fact in ("alpha_1", "AA BB CC", "2024-01-01 12:00:00", "done"):
        assert fact in text
        assert fact in html


def test_it_is_a_public_name() -> None:
    assert difxnb.open_jobs is open_jobs
