# SPDX-License-Identifier: GPL-3.0-or-later
"""An unattended session: its steps one after the other, each in the record before and after, and where it stands."""

from __future__ import annotations

import asyncio
import errno
import re
import time
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_state_path

from difxnb.errors import ConnectionLost, DifxError, NoReply, SessionNotDone
from difxnb.intensives.checked import judge, quality_inputs, report_inputs, write_reports
from difxnb.intensives.clock_pass import clocks_inputs, correct_clocks, correct_inputs, search_clocks
from difxnb.intensives.correlated import correlate_inputs, correlating
from difxnb.intensives.hooks import hooks_inputs, tell
from difxnb.intensives.jobs_made import jobs_inputs, make_all_jobs, make_search_jobs, search_jobs_inputs
from difxnb.intensives.planned import planned_lines
from difxnb.intensives.recipe import Recipe
from difxnb.intensives.recipe_text import read_recipe
from difxnb.intensives.scheduled import schedule_inputs, take_schedule
from difxnb.intensives.shown import run_frame
from difxnb.intensives.steps import (
    ALWAYS,
    GO_ON_AFTER,
    Context,
    Done,
    Step,
    StepFailed,
    generation_of,
    inputs_of,
    result_of,
    times_begun_anew,
    was_begun,
)
from difxnb.intensives.waiting import (
    data_inputs,
    eop_inputs,
    take_data,
    take_eop,
)
from difxnb.queue import Lease
from difxnb.sessions.record import RECORD, RecordLine, SessionRecord

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.aio.correlator import Correlator

STEPS = (
    Step("schedule", schedule_inputs, take_schedule),
    Step("eop", eop_inputs, take_eop),
    Step("data", data_inputs, take_data),
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
_FULL = (errno.ENOSPC, errno.EDQUOT)
_SHORTEST_LOOK_S = 0.05
_ERRORS = (DifxError, ValueError, TypeError, OSError)


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

        Of a dry run ``"planned"``.
        """
        if self._plan is not None:
            return "planned"
        if self._end:
            return self._end
        if self._task is None or self._task.done():
            return "suspended"
        return self._context.state

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
            ``step``, ``state`` (``planned`` where it has not begun), ``since`` (UTC), ``progress``, ``why``,
            ``inputs``, ``outputs``.
        """
        if self._plan is not None:
            frame = run_frame([one.id for one in STEPS], self._plan, "", 0.0)
            return frame.assign(state=frame["state"].replace("waiting", "planned"))
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
        if (self._task is not None and not self._task.done()) or self._end == "done":
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
        self._task.add_done_callback(_looked_at)

    # --- inside --------------------------------------------------------------------------------------------

    async def _held(self, lease: Lease) -> None:
        """Go through the steps, and let others have the session then."""
        try:
            await self._drive()
        finally:
            lease.give_back()

    async def _drive(self) -> None:
        context = self._context
        failed = ""
        for step in STEPS:
            if failed and failed not in GO_ON_AFTER and step.id not in ALWAYS:
                continue
            context.step, context.progress = step.id, 0.0
            context.go_on()
            try:
                await self._do(step)
            except _ERRORS as error:
                await self._fail(step.id, error)
                failed = failed or step.id
        if failed:
            last = self.record.last(failed)
            context.step, self._why, self._end = failed, last.why if last is not None else "", "failed"
        else:
            self._end, self._why = "done", ""

    async def _fail(self, step: str, error: Exception) -> None:
        outputs = error.outputs if isinstance(error, StepFailed) else {}
        why = str(error) or type(error).__name__
        await self._written(lambda: self.record.fail(step, why, outputs))
        if outputs:
            self._context.outputs[step] = outputs

    async def _do(self, step: Step) -> None:
        """Do a step, unless it was done from the same before."""
        context = self._context
        try:
            inputs = inputs_of(context, step)
        except _ERRORS:
            await self._written(lambda: self.record.begin(step.id, {}))
            raise
        except KeyError as error:  # of a record that another version has written, or a hand
            await self._written(lambda: self.record.begin(step.id, {}))
            raise StepFailed(
                f"the record of the steps before lacks {error}; resume=False begins anew"
            ) from error
        known = result_of(self.record, step.id, inputs)
        if known is not None:
            context.outputs[step.id] = known
            return
        context.again = was_begun(self.record, step.id, inputs)
        context.generation = generation_of(self.record, step.id, inputs)
        await self._written(lambda: self.record.begin(step.id, inputs))
        done = await self._tried(step)
        line = await self._written(lambda: self.record.end(step.id, done.outputs, done.why))
        context.outputs[step.id] = line.outputs

    async def _written(self, write: Callable[[], RecordLine]) -> RecordLine:
        """Write a line of the record, as soon as there is room for it."""
        while True:
            try:
                return write()
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                self._context.state, self._context.why = "suspended", f"disk low: {error}"
            await asyncio.sleep(max(self.recipe.look_s, _SHORTEST_LOOK_S))

    async def _tried(self, step: Step) -> Done:
        """Do a step; where the connection breaks or a disk is full, wait as long as the recipe waits for anything."""
        context, until = self._context, time.monotonic() + self.recipe.wait_s
        while True:
            try:
                return await step.run(context)
            except (ConnectionLost, NoReply, OSError) as error:
                is_full = isinstance(error, OSError) and error.errno in _FULL
                if not (is_full or isinstance(error, ConnectionLost | NoReply)) or time.monotonic() >= until:
                    raise
                why = f"disk low: {error}" if is_full else f"no answer of the server: {error}"
            await self._written(lambda why=why: self._waits(why))  # type: ignore[misc]
            context.again = True
            await asyncio.sleep(max(self.recipe.look_s, _SHORTEST_LOOK_S))

    def _waits(self, why: str) -> RecordLine:
        self._context.wait(why)
        self._context.state = "suspended"
        return self.record.lines[-1]


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
    place = Path(directory) if directory is not None else user_state_path("difxnb") / "sessions" / name
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
