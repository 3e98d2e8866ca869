# SPDX-License-Identifier: GPL-3.0-or-later
"""Functions applied to all jobs of a catalogue, side by side and on a cluster; what they give, and what fails."""

from __future__ import annotations

import pickle
import signal
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from difxnb.catalogue import Catalogue, StoredJob, open_jobs
from difxnb.errors import OutputExists
from difxnb.formats.swin import read_records

JOBS = Path(__file__).parent / "reference" / "mpifxcorr-output"


@pytest.fixture
def jobs() -> Catalogue:
    return open_jobs(JOBS)


def strongest(job: StoredJob) -> dict[str, float | str]:
    """What a user would write: one number per job, from its visibilities."""
    paths = sorted(job.path("difx").glob("DIFX*"))
    records = [one for path in paths for one in read_records(path, job.input.channels)]
    return {"records": len(records), "strongest": max(float(np.abs(one.spectrum).max()) for one in records)}


def fails_for_beta(job: StoredJob) -> int:
    if job.name == "beta_1":
        raise ZeroDivisionError("nothing to divide by")
    return 1


def test_a_stored_job_travels_as_its_path() -> None:
    job = open_jobs(JOBS / "alpha_1")[0]
    assert job.log.job == "alpha_1"
    carried = pickle.dumps(job)
    assert len(carried) < 1000
    assert pickle.loads(carried) == job


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
        (pd.Series({"AA": 1.0}, name="w"), ["AA"], 1),
        (pd.DataFrame({"w": [1, 2]}, index=pd.Index(["AA", "BB"], name="antenna")), ["antenna", "w"], 2),
        ({"delay": 1, "error": 0.1}, ["delay", "given_error"], 1),
        (xr.DataArray(1.5), ["value"], 1),
        (np.datetime64("2024-01-01", "ns"), ["value"], 1),
    ],
)
def test_what_a_function_may_give(jobs: Catalogue, given: object, columns: list[str], rows: int) -> None:
    frame = jobs[:1].map(lambda job: given)
    assert len(frame) == rows
    assert list(frame.columns) == ["job", *columns, "input"]
    assert set(frame["job"]) <= {"alpha_1"}


def test_times_stay_times(jobs: Catalogue) -> None:
    frame = jobs[:1].map(lambda job: np.datetime64("2024-01-01", "ns"))
    assert frame["value"][0] == pd.Timestamp("2024-01-01")


def test_tables_and_rows_and_nothing_stay_in_order(jobs: Catalogue) -> None:
    answers = {
        "alpha_1": {"a": 1},
        "beta_1": pd.DataFrame({"a": [2, 3], "b": ["x", "y"]}),
        "epsilon_1": None,
        "eta_1": pd.Series({"a": 4}),
        "zeta_1": {"b": "z"},
    }
    frame = jobs.map(lambda job: answers[job.name])
    assert frame["a"].tolist() == pytest.approx([1, 2, 3, 4, np.nan], nan_ok=True)
    assert frame["job"].tolist() == ["alpha_1", "beta_1", "beta_1", "eta_1", "zeta_1"]


def test_columns_that_share_a_name_cost_one_job(jobs: Catalogue) -> None:
    """Found before the tables are joined, which would lose all the others."""
    twice = pd.DataFrame([[1, 2]], columns=["a", "a"])
    with pytest.warns(UserWarning, match="1 of 5 jobs failed"):
        frame = jobs.map(lambda job: twice if job.name == "beta_1" else {"a": 1})
    assert "one name each" in frame["error"][1]


def test_arrays_are_refused_as_answers(jobs: Catalogue) -> None:
    with pytest.raises(TypeError, match="reduce it first"):
        jobs[:1].map(lambda job: np.zeros(5), errors="raise")


def test_a_job_that_fails_is_a_row_and_a_warning(jobs: Catalogue) -> None:
    with pytest.warns(UserWarning, match="1 of 5 jobs failed"):
        frame = jobs.map(fails_for_beta)
    assert frame["value"].tolist() == pytest.approx([1, np.nan, 1, 1, 1], nan_ok=True)
    assert frame["error"][1] == "ZeroDivisionError: nothing to divide by"
    assert frame["error"].isna().sum() == 4
    with pytest.raises(ZeroDivisionError) as caught:
        jobs.map(fails_for_beta, errors="raise")
    assert "beta_1" in caught.value.__notes__[0]
    with pytest.raises(ValueError, match="'keep' or 'raise'"):
        jobs.map(fails_for_beta, errors="ignore")  # type: ignore[arg-type]


def test_results_go_to_parquet_and_never_over_a_file(jobs: Catalogue, tmp_path: Path) -> None:
    path = tmp_path / "results.parquet"
    frame = jobs.map(strongest, save=path)
    pd.testing.assert_frame_equal(pd.read_parquet(path), frame, check_dtype=False)
    ran: list[str] = []
    with pytest.raises(OutputExists):
        jobs.map(lambda job: ran.append(job.name), save=path)
    assert ran == []


@pytest.mark.parametrize(
    ("values", "columns"),
    [
        ([1 + 2j, None, 3j], {"a_real": [1, np.nan, 0], "a_imag": [2, np.nan, 3]}),
        ([1, "text", None], {"a": ["1", "text", None]}),
        ([(1, "x"), {"k": 2}, None], {"a": ["(1, 'x')", "{'k': 2}", None]}),
        ([{}, {}, {}], {"a": ["{}", "{}", "{}"]}),
        ([1, 2**80, 3], {"a": ["1", str(2**80), "3"]}),
        (["a", "\udcff", "b"], {"a": ["a", r"\udcff", "b"]}),
        ([Path("x"), Path("y"), None], {"a": ["x", "y", None]}),
    ],
)
def test_no_result_is_lost_to_parquet(
    jobs: Catalogue, tmp_path: Path, values: list[object], columns: dict[str, list[object]]
) -> None:
    """What its columns cannot hold is text there; the frame that is given keeps what there was."""
    given = dict(zip(("alpha_1", "beta_1", "epsilon_1"), values, strict=True))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        frame = jobs[:3].map(lambda job: {"a": given[job.name]}, save=tmp_path / "r.parquet")
    saved = pd.read_parquet(tmp_path / "r.parquet")
    assert saved["job"].tolist() == list(given)
    assert frame["a"][0] == values[0]
    for name, expected in columns.items():
        known = [None if pd.isna(value) else value for value in saved[name]]
        assert known == [None if pd.isna(value) else value for value in expected]
    assert [str(one.message) for one in told] == (
        ["columns that Parquet cannot hold were written as text: a"] if "a" in columns else []
    )


def test_names_of_columns_may_be_anything(jobs: Catalogue, tmp_path: Path) -> None:
    jobs[:1].map(lambda job: {1: 1j, "1": 2, ("x", 2): 3}, save=tmp_path / "r.parquet")
    saved = pd.read_parquet(tmp_path / "r.parquet")
    assert list(saved.columns) == ["job", "1_real", "1_imag", "1_2", "('x', 2)", "input"]


def test_a_result_that_cannot_be_written_is_given_and_told(jobs: Catalogue, tmp_path: Path) -> None:
    """Somebody else takes the name while the work is done."""
    path = tmp_path / "results.parquet"
    with pytest.warns(UserWarning, match="was not written, though everything was run"):
        frame = jobs.map(lambda job: path.write_text(job.name), save=path, workers=1)
    assert len(frame) == 5
    assert path.read_text() == "zeta_1"
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        jobs.map(lambda job: pytest.fail("it was run"), save=tmp_path / "none" / "results.parquet")


def test_wrong_numbers_of_workers_are_refused(jobs: Catalogue) -> None:
    with pytest.raises(ValueError, match="from 1"):
        jobs.map(strongest, workers=0)


class Unsent(Exception):
    """An exception that no other process can have."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.lock = threading.Lock()


def unsent_for_beta(job: StoredJob) -> int:
    if job.name == "beta_1":
        raise Unsent("out of tune")
    return 1


def lock_for_beta(job: StoredJob) -> dict[str, object]:
    return {"a": threading.Lock() if job.name == "beta_1" else 1}


class Gate:
    """A socket that work waits at; the first two that come interrupt the main thread, and then all may go on."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = self._server.getsockname()
        self.passed = 0
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        begun = [self._server.accept()[0] for _ in range(2)]
        self.passed = len(begun)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        self._server.close()
        for one in begun:
            one.close()

    def close(self) -> None:
        self._thread.join()


def waits_at(address: tuple[str, int], begun: Path) -> Callable[[StoredJob], int]:
    def wait(job: StoredJob) -> int:
        (begun / job.name).touch()
        with socket.create_connection(address) as gate:
            return len(gate.recv(1))

    return wait


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.close()


def test_an_interrupt_ends_the_threads(gate: Gate, tmp_path: Path) -> None:
    """Those at work may end; whoever waits never begins."""
    many = Catalogue(StoredJob(JOBS / f"job_{number}.input") for number in range(100))
    with pytest.raises(KeyboardInterrupt):
        many.map(waits_at(gate.address, tmp_path), workers=2)
    assert len(list(tmp_path.iterdir())) < len(many)
    assert not [one.name for one in threading.enumerate() if one.name.startswith("difxnb-map")]
    assert gate.passed == 2


@pytest.mark.slow
def test_map_on_a_cluster_of_two_workers(jobs: Catalogue, gate: Gate, tmp_path: Path) -> None:
    """One cluster for all, as it takes seconds to begin and leaves nothing behind at the end of a test."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=None, local_directory=tmp_path / "cluster"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        it_gives_the_same(jobs, client)
        what_fails_costs_one_job(jobs, client)
        what_cannot_travel_is_refused(jobs, client)
        an_interrupt_cancels_the_rest(gate, client, tmp_path / "begun")


def it_gives_the_same(jobs: Catalogue, client: Any) -> None:
    pd.testing.assert_frame_equal(jobs.map(strongest, client=client), jobs.map(strongest))
    where = jobs.map(worker_address, client=client)
    assert len(set(where["value"])) == 2


def worker_address(job: StoredJob) -> str:
    from distributed import get_worker

    return str(get_worker().address)


def what_fails_costs_one_job(jobs: Catalogue, client: Any) -> None:
    texts = {
        fails_for_beta: "ZeroDivisionError: nothing to divide by",
        unsent_for_beta: "Unsent: out of tune",
        lock_for_beta: "cannot leave the worker",
    }
    for work, text in texts.items():
        with pytest.warns(UserWarning, match="1 of 5 jobs failed"):
            failed = jobs.map(work, client=client)
        assert text in failed["error"][1]
        assert failed["error"].isna().sum() == 4
    with pytest.raises(TypeError, match=r"cannot leave the worker.*beta_1"):
        jobs.map(lock_for_beta, client=client, errors="raise")


def what_cannot_travel_is_refused(jobs: Catalogue, client: Any) -> None:
    lock = threading.Lock()
    with pytest.raises(
        TypeError, match=r"cannot be sent to the workers: cannot pickle '_thread.lock' object"
    ):
        jobs.map(lambda job: lock.locked(), client=client)
    with pytest.raises(TypeError, match=r"is a dask\.distributed\.Client"):
        jobs.map(strongest, client=client.scheduler.address)


def an_interrupt_cancels_the_rest(gate: Gate, client: Any, begun: Path) -> None:
    begun.mkdir()
    many = Catalogue(StoredJob(JOBS / f"job_{number}.input") for number in range(200))
    with pytest.raises(KeyboardInterrupt):
        many.map(waits_at(gate.address, begun), client=client)
    assert client.submit(int).result() == 0
    assert len(list(begun.iterdir())) < len(many)
