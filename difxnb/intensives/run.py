# SPDX-License-Identifier: GPL-3.0-or-later
"""An unattended session: its steps one after the other, each in the record before and after, and where it stands."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb.errors import SessionNotDone
from difxnb.intensives.checked import judge, quality_inputs, report_inputs, write_reports
from difxnb.intensives.clock_pass import clocks_inputs, correct_clocks, correct_inputs, search_clocks
from difxnb.intensives.correlated import correlate_inputs, correlating
from difxnb.intensives.drive import Drive
from difxnb.intensives.hooks import hooks_inputs, tell
from difxnb.intensives.jobs_made import jobs_inputs, make_all_jobs, make_search_jobs, search_jobs_inputs
from difxnb.intensives.planned import planned_lines
from difxnb.intensives.recipe import Recipe
from difxnb.intensives.recipe_text import read_recipe
from difxnb.intensives.scheduled import schedule_inputs, take_schedule
from difxnb.intensives.shown import run_frame
from difxnb.intensives.steps import (
    Context,
    Step,
    times_begun_anew,
)
from difxnb.intensives.waiting import (
    come_late,
    data_inputs,
    eop_inputs,
    take_data,
    take_eop,
)
from difxnb.queue import Lease
from difxnb.sessions.record import RECORD, RecordLine, SessionRecord, usual_folder

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.aio.correlator import Correlator

STEPS = (
    Step("schedule", schedule_inputs, take_schedule),
    Step("eop", eop_inputs, take_eop),
    Step("data", data_inputs, take_data, come_late),
    Step("search_jobs", search_jobs_inputs, make_search_jobs),
    Step("search_correlate", correlate_inputs("search_jobs"), correlating("search_jobs")),
    Step("clocks", clocks_inputs, search_clocks),
    Step("correct", correct_inputs, correct_clocks),
    Step("jobs", jobs_inputs, make_all_jobs),
    Step("correlate", correlate_inputs("jobs"), correlating("jobs")),
    Step("quality", quality_inputs, judge),
    Step("report", report_inputs, write_reports),
    Step("hooks", hooks_inputs, tell),
)
"""What a session does, in this order."""
_SESSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")


class IntensiveRun:
    """A session that runs, or ran; made by :func:`run_intensive`.

    Attributes
    ----------
    recipe : Recipe
    session : str
    record : SessionRecord
    """

    def __init__(
        self,
        difx: Correlator,
        recipe: Recipe,
        session: str,
        record: SessionRecord,
        *,
        fresh: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.recipe, self.session, self.record = recipe, session, record
        self._difx, self._now = difx, now
        self._anew = times_begun_anew(record) + (1 if fresh and record.lines else 0)
        self._context = Context(difx, recipe, session, record, anew=self._anew)
        self._task: asyncio.Task[None] | None = None
        self._end = ""
        self._why = ""
        self._plan: list[RecordLine] | None = None

    @property
    def directory(self) -> Path:
        """Where this machine keeps the record and the files of the session."""
        return self.record.directory

    @property
    def state(self) -> str:
        """``"running"``, ``"waiting"`` (for what comes from elsewhere), ``"done"``, ``"failed"`` or ``"suspended"``.

        A session that is suspended was stopped or cut off, or waits by itself for its server or for room on a disk:
        `running` tells which. Of a dry run ``"planned"``.
        """
        if self._plan is not None:
            return "planned"
        if self._end:
            return self._end
        if not self.running:
            return "suspended"
        return self._context.state

    @property
    def running(self) -> bool:
        """Whether it goes on by itself, also while it waits; what does not is taken up by `resume`."""
        return self._task is not None and not self._task.done()

    @property
    def why(self) -> str:
        """What the state is due to, in words; empty where it says it all."""
        return self._why or self._context.why

    @property
    def step(self) -> str:
        """The step that is under way, or was last; empty before the first."""
        return self._context.step

    @property
    def progress(self) -> float:
        """Share of the steps that are done, 0 to 1."""
        if self._end == "done":
            return 1.0
        ids = [one.id for one in STEPS]
        before = ids.index(self.step) if self.step in ids else 0
        return (before + min(self._context.progress, 1.0)) / len(ids)

    def frame(self) -> pd.DataFrame:
        """One row per step, and those of its decisions that are in words.

        Returns
        -------
        DataFrame
            ``step``, ``state`` (``planned`` where it has not begun; of a dry run ``waiting`` where it would wait),
            ``since`` (UTC), ``progress``, ``why``, ``inputs``, ``outputs``.
        """
        if self._plan is not None:
            frame = run_frame([one.id for one in STEPS], self._plan, "", 0.0)
            return frame.assign(state=frame["state"].replace("started", "planned"))
        return run_frame([one.id for one in STEPS], self.record.lines, self.step, self._context.progress)

    def report(self) -> Path | None:
        """The text as the IVS has it, else the first report; None where none is written yet."""
        last = self.record.last("report")
        files = [Path(one) for one in last.outputs.get("files", [])] if last is not None else []
        texts = [one for one in files if one.name.endswith(".ivs.txt")]
        return next(iter([*texts, *files]), None)

    async def wait(self, timeout: float | None = None) -> str:
        """Wait until it is over.

        Parameters
        ----------
        timeout : float, optional
            Seconds; TimeoutError is raised when they are over, and the session goes on.

        Returns
        -------
        str
            ``"done"``.

        Raises
        ------
        SessionNotDone
            It ended otherwise; with the step and the reason.
        """
        task = self._task
        if task is not None:
            finished, _ = await asyncio.wait({task}, timeout=timeout)
            if not finished:
                raise TimeoutError(f"{self.session} is {self.state} in {self.step} after {timeout:g} s")
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
        if self.state != "done":
            raise SessionNotDone(self.session, self.step, self.why or self.state)
        return "done"

    async def stop(self) -> None:
        """Do no further step; jobs that run go on, and `resume` takes it up again."""
        task = self._task
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait({task})
        if not self._end:
            self._why = "it was stopped"

    async def resume(self) -> None:
        """Take it up again: steps that are done stay so. Nothing happens where it runs, or is done.

        QueueTaken is raised where another process, or another of this one, has the session.
        """
        if self.running or self._end == "done":
            return
        if self._plan is not None:
            raise ValueError("this was a dry run; the same call without dry_run begins the session")
        lease = await asyncio.to_thread(Lease, self.record.path)
        try:  # another may have had the session meanwhile
            self.record = await asyncio.to_thread(
                SessionRecord.open, self.directory, self.session, now=self._now
            )
        except BaseException:
            lease.give_back()
            raise
        self._end = self._why = ""
        self._context = Context(self._difx, self.recipe, self.session, self.record, anew=self._anew)
        self._task = asyncio.create_task(self._held(lease), name=f"difxnb session {self.session}")
        # One that is cancelled before it has begun never comes to its own end.
        self._task.add_done_callback(lambda _: lease.give_back())
        self._task.add_done_callback(_looked_at)

    # --- inside --------------------------------------------------------------------------------------------

    async def _held(self, lease: Lease) -> None:
        """Go through the steps, and let others have the session then."""
        try:
            self._end, self._why = await Drive(self._context, STEPS).go()
        except OSError as error:
            self._why = f"its record cannot be written: {error}"
            raise
        except asyncio.CancelledError:
            self._why = "it was cut off, and is taken up where it was"
            raise
        except Exception as error:
            self._end, self._why = (
                "failed",
                f"{type(error).__name__}: {error} (nobody foresaw this: tell the authors)",
            )
            raise
        finally:
            lease.give_back()


def _looked_at(task: asyncio.Task[None]) -> None:
    """An error that nobody waits for is no complaint of the loop: it is in the record or told by `wait`."""
    if not task.cancelled():
        task.exception()


async def run_intensive(
    difx: Correlator,
    recipe: Recipe | str | PathLike[str],
    *,
    session: str | None = None,
    directory: str | PathLike[str] | None = None,
    dry_run: bool = False,
    resume: bool = True,
    now: Callable[[], float] = time.time,
) -> IntensiveRun:
    """Begin an unattended session, or take up one that was begun.

    Parameters
    ----------
    difx : Correlator
        An awaitable one.
    recipe : Recipe or path
        What to do; see :func:`difxnb.read_recipe`.
    session : str, optional
        Its code; by default the name of the recipe and the day (UTC).
    directory : path, optional
        Where this machine keeps the record and the files of the session; made where it is missing. By default one in
        the user's directory for such things.
    dry_run : bool
        Do nothing: ``frame()`` tells what each step would start from, as far as it is known.
    resume : bool
        Steps that were done from the same are not done again. False: the session is begun anew, with jobs of other
        names; what was made before stays.
    now : callable
        Gives unix seconds, for the record.

    Returns
    -------
    IntensiveRun
        It goes on by itself; ``await run.wait()`` waits for its end.

    Raises
    ------
    ValueError
        The recipe has an error (see :meth:`Recipe.problems`), or the session a name that is none.
    FileNotFoundError, FileFormatError
        Of the recipe, or of the record that is there.
    QueueTaken
        Another process has this session.
    """
    chosen = recipe if isinstance(recipe, Recipe) else await asyncio.to_thread(read_recipe, recipe)
    problems = chosen.problems()
    if not problems.attrs["passed"]:
        raise ValueError("; ".join(problems.loc[problems["severity"] == "error", "text"]))
    name = (
        session
        if session is not None
        else f"{_code(chosen.name)}-{time.strftime('%Y%m%d', time.gmtime(now()))}"
    )
    if not _SESSION.fullmatch(name):
        raise ValueError(f"a session is called by letters, digits and dashes, 64 at most; got {name[:80]!r}")
    place = Path(directory) if directory is not None else usual_folder() / name
    folder = place.expanduser().absolute()
    if dry_run:
        run = IntensiveRun(difx, chosen, name, SessionRecord(folder / RECORD, name, [], (), now))
        run._plan = await planned_lines(difx, chosen, name, folder, STEPS)
        return run
    record = await asyncio.to_thread(SessionRecord.open, folder, name, now=now)
    run = IntensiveRun(difx, chosen, name, record, fresh=not resume, now=now)
    await run.resume()
    return run


def _code(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-")[:40] or "session"
