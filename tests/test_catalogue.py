# SPDX-License-Identifier: GPL-3.0-or-later
"""Catalogues of jobs on disk: their columns against the reference jobs, and functions applied to all of them."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import difxnb
from difxnb.catalogue import Catalogue, StoredJob, open_jobs
from difxnb.errors import OutputExists
from difxnb.formats.swin import read_records

REFERENCE = Path(__file__).parent / "reference"
JOBS = REFERENCE / "mpifxcorr-output"


@pytest.fixture
def jobs() -> Catalogue:
    return open_jobs(JOBS)


def copied(source: str, target: Path, name: str) -> Path:
    """A copy of a reference job under another name, in a folder of its own; gives its ``.input``."""
    folder = target / name
    folder.mkdir(parents=True)
    for path in (JOBS / source).iterdir():
        place = folder / path.name.replace(source, name)
        if path.is_dir():
            shutil.copytree(path, place)
        else:
            place.write_bytes(path.read_bytes().replace(source.encode(), name.encode()))
    return folder / f"{name}.input"


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
    assert empty.map(lambda job: 1).empty


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


def test_no_visibility_is_read_for_the_frame(tmp_path: Path) -> None:
    """The whole frame comes from a process that is refused every SWIN file."""
    path = copied("alpha_1", tmp_path, "job_1")
    program = (
        "import sys, difxnb\n"
        "def watch(event, args):\n"
        "    if event == 'open' and 'DIFX_' in str(args[0]): raise SystemExit('a SWIN file was opened')\n"
        "sys.addaudithook(watch)\n"
        f"print(difxnb.open_jobs({str(path)!r}).frame()['files'][0])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "1"


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


def test_a_stored_job_travels_as_its_path() -> None:
    job = open_jobs(JOBS / "alpha_1")[0]
    assert job.log.job == "alpha_1"
    carried = pickle.dumps(job)
    assert len(carried) < 1000
    assert pickle.loads(carried) == job


# --- work on all of them ------------------------------------------------------------------------------


def strongest(job: StoredJob) -> dict[str, float | str]:
    """What a user would write: one number per job, from its visibilities."""
    paths = sorted(job.path("difx").glob("DIFX*"))
    records = [one for path in paths for one in read_records(path, job.input.channels)]
    return {"records": len(records), "strongest": max(float(np.abs(one.spectrum).max()) for one in records)}


def fails_for_beta(job: StoredJob) -> int:
    if job.name == "beta_1":
        raise ZeroDivisionError("nothing to divide by")
    return 1


def test_map_gives_the_answers_in_order_whoever_is_done_first(jobs: Catalogue) -> None:
    frame = jobs.map(strongest, workers=3)
    assert list(frame.columns) == ["job", "records", "strongest", "input"]
    assert list(frame["job"]) == [job.name for job in jobs]
    assert frame["records"][0] == 384
    one_by_one = [strongest(job)["strongest"] for job in jobs]
    assert frame["strongest"].tolist() == one_by_one


def test_map_runs_side_by_side(jobs: Catalogue) -> None:
    """Two threads meet inside the function, which one alone could not."""
    meeting = threading.Barrier(2, timeout=30)
    assert len(jobs[:4].map(lambda job: meeting.wait(), workers=2)) == 4


@pytest.mark.parametrize(
    ("given", "columns", "rows"),
    [
        (3, ["value"], 1),
        ("text", ["value"], 1),
        (np.float32(0.5), ["value"], 1),
        ({"a": 1, "b": 2}, ["a", "b"], 1),
        (pd.Series({"a": 1.0}), ["a"], 1),
        (pd.DataFrame({"a": [1, 2, 3]}), ["a"], 3),
        (pd.DataFrame({"job": ["x"], "a": [1]}), ["a"], 1),
        (None, [], 0),
    ],
)
def test_what_a_function_may_give(jobs: Catalogue, given: object, columns: list[str], rows: int) -> None:
    frame = jobs[:1].map(lambda job: given)
    assert len(frame) == rows
    assert list(frame.columns) == ["job", *columns, "input"]
    assert set(frame["job"]) <= {"alpha_1"}


def test_arrays_are_refused_as_answers(jobs: Catalogue) -> None:
    with pytest.raises(TypeError, match="reduce it first"):
        jobs[:1].map(lambda job: np.zeros(5), errors="raise")


def test_a_job_that_fails_is_a_row_and_a_warning(jobs: Catalogue) -> None:
    with pytest.warns(UserWarning, match="1 of 5 jobs failed"):
        frame = jobs.map(fails_for_beta)
    assert frame["value"].tolist() == pytest.approx([1, np.nan, 1, 1, 1], nan_ok=True)
    assert frame["error"][1] == "ZeroDivisionError: nothing to divide by"
    assert frame["error"].isna().sum() == 4
    with pytest.raises(ZeroDivisionError):
        jobs.map(fails_for_beta, errors="raise")


def test_results_go_to_parquet_and_never_over_a_file(jobs: Catalogue, tmp_path: Path) -> None:
    path = tmp_path / "results.parquet"
    frame = jobs.map(strongest, save=path)
    pd.testing.assert_frame_equal(pd.read_parquet(path), frame, check_dtype=False)
    ran: list[str] = []
    with pytest.raises(OutputExists):
        jobs.map(lambda job: ran.append(job.name), save=path)
    assert ran == []


def test_wrong_numbers_of_workers_are_refused(jobs: Catalogue) -> None:
    with pytest.raises(ValueError, match="from 1"):
        jobs.map(strongest, workers=0)


@pytest.mark.slow
def test_map_on_a_cluster_of_two_workers_gives_the_same(jobs: Catalogue, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=tmp_path
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        frame = jobs.map(strongest, client=client)
        where = jobs.map(lambda job: distributed.get_worker().address, client=client)
        with pytest.warns(UserWarning, match="1 of 5 jobs failed"):
            failed = jobs.map(fails_for_beta, client=client)
    pd.testing.assert_frame_equal(frame, jobs.map(strongest))
    assert len(set(where["value"])) == 2
    assert failed["error"][1] == "ZeroDivisionError: nothing to divide by"


def test_it_is_a_public_name() -> None:
    assert difxnb.open_jobs is open_jobs
