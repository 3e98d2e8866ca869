# SPDX-License-Identifier: GPL-3.0-or-later
"""What a session makes of its queue: where its jobs are, what took the place of which, and what became of them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from difxnb.intensives.correlated import QUEUE, correlating
from difxnb.intensives.recipe import Recipe
from difxnb.intensives.steps import Context, Done, StepFailed
from difxnb.queue import QueueEntry, QueueState
from difxnb.sessions import SessionRecord

JOB = "/data/one/one_1.input"


class Queue:
    """A queue whose jobs have ended already; what is asked of it is kept."""

    why_paused = why_suspended = ""

    def __init__(self, *entries: QueueEntry, kept_in: Path | None = None) -> None:
        self.rows, self.kept_in = list(entries), kept_in
        self.asked: list[str] = []
        self.desk = SimpleNamespace(entries=self._here, turns={}, server="here", store=self)

    def _here(self, hidden: bool) -> list[QueueEntry]:
        return [one for one in self.rows if one.server in ("", "here")]

    def entries(self, hidden: bool) -> list[QueueEntry]:
        return self.rows

    async def keep(self, path: Path) -> Path:
        self.asked.append("keep")
        self.kept_in = Path(path)
        return self.kept_in

    async def add(self, path: str, *, session: str, **_: object) -> None:
        self.asked.append(f"add {path}")
        self.rows.append(QueueEntry(9, path, QueueState.DONE, of_session=session))

    async def retry(self, path: str) -> None:
        self.asked.append(f"retry {path}")
        self.rows = [one.now(QueueState.DONE) for one in self.rows]

    def history(self) -> pd.DataFrame:
        return pd.DataFrame()


def entry(path: str, state: QueueState, number: int = 1, why: str = "") -> QueueEntry:
    return QueueEntry(number, path, state, why, of_session="one")


def correlated(place: Path, queue: Queue) -> Done:
    recipe = Recipe(name="n", schedule="/s.vex", v2d="/s.v2d")
    at = Context(
        SimpleNamespace(queue=queue, connected=True), recipe, "one", SessionRecord.open(place, "one")
    )  # type: ignore[arg-type]
    at.step, at.outputs["jobs"] = "correlate", {"jobs": [JOB]}
    at.record.begin("correlate", {"jobs": [JOB]})
    try:
        return asyncio.run(correlating("jobs")(at))
    except StepFailed as error:
        at.record.fail("correlate", str(error), error.outputs)
        raise


def test_a_job_that_is_in_the_queue_is_not_put_in_again(tmp_path: Path) -> None:
    queue = Queue(entry(JOB, QueueState.DONE))
    done = correlated(tmp_path, queue)
    assert queue.asked == ["keep"]
    assert queue.kept_in == tmp_path / QUEUE
    assert [one["state"] for one in done.outputs["jobs"]] == ["done"]
    fresh = Queue()
    correlated(tmp_path, fresh)
    assert fresh.asked == ["keep", f"add {JOB}"]


def test_jobs_are_looked_for_in_the_queue_that_they_went_into(tmp_path: Path) -> None:
    first = Queue(entry(JOB, QueueState.UNKNOWN, why="no log"), kept_in=tmp_path / "ours.sqlite")
    with pytest.raises(
        StepFailed, match=r"unknown: no log .nobody knows whether it still runs: look at its log"
    ):
        correlated(tmp_path, first)
    with pytest.raises(StepFailed, match=r"in the queue that is kept in .*ours\.sqlite"):
        correlated(tmp_path, Queue(kept_in=tmp_path / "other.sqlite"))
    again = Queue(entry(JOB, QueueState.UNKNOWN))
    with pytest.raises(StepFailed, match="unknown"):
        correlated(tmp_path, again)
    assert again.asked == ["keep"]
    assert again.kept_in == tmp_path / "ours.sqlite"


def test_what_was_made_without_a_station_takes_the_place_of_a_job(tmp_path: Path) -> None:
    better = "/data/one/one-2_1.input"
    queue = Queue(entry(JOB, QueueState.FAILED, 1, "no data of BO"), entry(better, QueueState.DONE, 2))
    done = correlated(tmp_path, queue)
    assert [one["input"] for one in done.outputs["jobs"]] == [better, JOB]
    assert done.why == "one_1 failed: no data of BO; another was made in its place"


@pytest.mark.parametrize(
    "other",
    [
        "/data/one/one-r2_1.input",
        "/data/one/one-2_2.input",
        "/data/two/one-2_1.input",
        "/data/one/onex_1.input",
    ],
)
def test_other_jobs_of_the_session_take_no_place(tmp_path: Path, other: str) -> None:
    queue = Queue(entry(JOB, QueueState.FAILED, 1, "it broke"), entry(other, QueueState.DONE, 2))
    with pytest.raises(StepFailed, match="one_1 failed: it broke"):
        correlated(tmp_path, queue)


def test_what_has_failed_is_tried_again_only_when_the_session_is_taken_up(tmp_path: Path) -> None:
    queue = Queue(entry(JOB, QueueState.FAILED, why="it broke"))
    with pytest.raises(StepFailed, match="it broke"):
        correlated(tmp_path, queue)
    assert queue.asked == ["keep"]
    correlated(tmp_path, queue)
    assert queue.asked == ["keep", f"retry {JOB}"]


def test_what_was_taken_out_of_the_queue_is_put_in_again_only_when_the_session_is_taken_up(
    tmp_path: Path,
) -> None:
    queue = Queue(entry(JOB, QueueState.REMOVED))
    done = correlated(tmp_path, queue)
    assert queue.asked == ["keep", f"add {JOB}"]
    assert [one["state"] for one in done.outputs["jobs"]] == ["done"]


def test_a_job_that_was_submitted_over_another_way_is_not_submitted_again(tmp_path: Path) -> None:
    there = QueueEntry(1, JOB, QueueState.RUNNING, of_session="one", server="head-node:50200")
    queue = Queue(there)
    with pytest.raises(StepFailed, match="one_1 was submitted to head-node:50200, and this is here"):
        correlated(tmp_path, queue)
    assert queue.asked == ["keep"]
