# SPDX-License-Identifier: GPL-3.0-or-later
"""An unattended session as a cell holds it."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb.client.blocking import LoopThread
from difxnb.intensives import Recipe, run_intensive
from difxnb.intensives.run import IntensiveRun as AwaitableRun
from difxnb.markup import plain_table, titled
from difxnb.sessions import SessionRecord

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.notebook.correlator import Correlator
    from difxnb.panels.intensive import IntensivePanel

_SHOWN = ["step", "state", "since", "progress", "why"]


class IntensiveRun:
    """A session that runs, or ran; made by :func:`difxnb.intensive`. Looking at it never waits; `wait` does.

    It runs as long as the connection is open. What was cut off is taken up where it was by the same call again.
    """

    def __init__(self, inner: AwaitableRun, difx: Correlator, *, own: bool) -> None:
        self._inner, self._difx, self._own = inner, difx, own

    @property
    def _loop(self) -> LoopThread:
        return self._difx._loop

    @property
    def recipe(self) -> Recipe:
        """What it does."""
        return self._inner.recipe

    @property
    def session(self) -> str:
        """Its code."""
        return self._inner.session

    @property
    def record(self) -> SessionRecord:
        """What was written down of it, line by line."""
        return self._inner.record

    @property
    def directory(self) -> Path:
        """Where this machine keeps the record and the files of the session."""
        return self._inner.directory

    @property
    def state(self) -> str:
        """``"running"``, ``"waiting"`` (for what comes from elsewhere), ``"done"``, ``"failed"`` or ``"suspended"``."""
        return self._inner.state

    @property
    def running(self) -> bool:
        """Whether it goes on by itself, also while it waits; what does not is taken up by `resume`."""
        return self._inner.running

    @property
    def why(self) -> str:
        """What the state is due to, in words; empty where it says it all."""
        return self._inner.why

    @property
    def step(self) -> str:
        """The step that is under way, or was last."""
        return self._inner.step

    @property
    def progress(self) -> float:
        """Share of the steps that are done, 0 to 1."""
        return self._inner.progress

    def frame(self) -> pd.DataFrame:
        """One row per step: ``step``, ``state`` (``planned`` where it has not begun), ``since`` (UTC), ``progress``,
        ``why`` (decisions in words), ``inputs``, ``outputs``.
        """
        return self._inner.frame()

    def report(self) -> Path | None:
        """The text as the IVS has it, else the first report; None where none is written yet."""
        return self._inner.report()

    def wait(self, timeout: float | None = None) -> str:
        """Wait until it is over: ``"done"``.

        SessionNotDone is raised where it ended otherwise, with the step and the reason; TimeoutError after `timeout`
        seconds, and the session goes on.
        """
        try:
            return self._loop.call(self._inner.wait(timeout))
        finally:
            # A notebook that is run as a program keeps only what a cell shows before it ends.
            self._difx._panels.show_twins(str(self.directory))

    def stop(self) -> None:
        """Do no further step; jobs that run go on, and `resume` takes it up again."""
        self._loop.call(self._inner.stop())

    def resume(self) -> None:
        """Take it up again: steps that are done stay so. Nothing happens where it runs, or is done."""
        self._loop.call(self._inner.resume())

    def panel(self) -> IntensivePanel:
        """Its steps, decisions, clocks and verdict as they come; it is stopped, taken up and read there, too.

        Of a dry run: what would be done. The session that is begun there goes on beside this object, which stays the
        dry run.
        """
        from difxnb.panels.intensive import IntensiveModel, IntensivePanel

        panels = self._difx._panels
        panel = IntensivePanel(IntensiveModel(self._difx._sessions, panels.work, self._inner))
        return panels.add(panel, run=str(self.directory))

    def close(self) -> None:
        """Do no further step, and close the connection if it was made for this session. Twice is harmless."""
        if self._loop.running:
            self.stop()
            if self._own:
                self._difx.close()

    def _title(self) -> str:
        why = f": {self.why}" if self.why else ""
        return f"<IntensiveRun {self.session}: {self.state}{f' in {self.step}' if self.step else ''}{why}>"

    def __repr__(self) -> str:
        return plain_table(self._title(), self.frame()[_SHOWN])

    def _repr_html_(self) -> str:
        return titled(self._title(), self.frame()[_SHOWN])


def intensive(
    recipe: Recipe | str | PathLike[str],
    *,
    difx: Correlator | None = None,
    session: str | None = None,
    directory: str | PathLike[str] | None = None,
    dry_run: bool = False,
    resume: bool = True,
) -> IntensiveRun:
    """Begin an unattended session, or take up one that was begun: from the schedule to the report.

    Parameters
    ----------
    recipe : Recipe or path
        What to do; see :func:`difxnb.read_recipe`.
    difx : Correlator, optional
        The connection. By default one is made as :func:`difxnb.connect` does; ``close()`` of the run closes it.
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

    Returns
    -------
    IntensiveRun
        It goes on by itself; ``wait()`` waits for its end.

    Raises
    ------
    ValueError
        The recipe has an error, or the session a name that is none.
    FileNotFoundError, FileFormatError
        Of the recipe, or of the record that is there.
    QueueTaken
        Another process has this session.
    ConnectionFailed, NoReply, NotGuiServer, GatewayRefused, AccessDenied, TokenFileError
        As of :func:`difxnb.connect`.

    Examples
    --------
    >>> run = difxnb.intensive("daily.toml", session="i26327")  # doctest: +SKIP
    >>> run.wait()  # doctest: +SKIP
    'done'
    """
    from difxnb.notebook.correlator import connect

    made = connect() if difx is None else difx
    begun = run_intensive(
        made._inner, recipe, session=session, directory=directory, dry_run=dry_run, resume=resume
    )
    try:
        inner = made._loop.call(begun)
    except BaseException:
        if difx is None:
            made.close()
        raise
    made._sessions.note(inner)
    return IntensiveRun(inner, made, own=difx is None)
