# SPDX-License-Identifier: GPL-3.0-or-later
"""``difxnb monitor``: the fringes of a job while it runs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from difxnb.cli.connection import USUAL, Json, Once, Server, connected
from difxnb.cli.program import app, told_in_a_line, wrong_usage

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.cli.fringe_look import FringeLook
    from difxnb.notebook import Correlator, JobRun, Monitor

ONCE_S = 60.0
"""Seconds that ``--once`` waits for a first fringe."""


@app.command(short_help="Watch the fringes of a running job.")
def monitor(
    input_file: Annotated[str, typer.Argument(metavar="JOB.input", help="The job, as the server names it.")],
    select: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="Watch some products, as antenna=AA; values may have commas."),
    ] = None,
    once: Once = False,
    as_json: Json = False,
    at: Server = USUAL,
) -> None:
    """Watch the fringes of a job while it runs: SNR, delay, rate and phase of each baseline, band and polarization.

    It may be started before the job is, and ends with it: with status 0 where the job is done, 1 where it ended in
    another way. Ctrl-C ends it at any time, with status 130; the job is never touched.

    Keys of --select are those of Job.monitor: antenna, baseline, band, frequency (MHz), polarization, kind, scan,
    source.

    difxnb monitor /data/exp/exp_1.input --select antenna=AA
    """
    with wrong_usage():
        wanted = selection(select or [])
    with told_in_a_line(), connected(at) as difx:
        watched = difx.job(input_file).monitor(wanted)
        ended = _shown(Watch(difx, input_file, watched, once=once), once=once, as_json=as_json)
    raise typer.Exit(0 if ended else 1)


def selection(words: Sequence[str]) -> dict[str, Any] | None:
    """What to watch, from ``KEY=VALUE`` words; None where there are none.

    Raises
    ------
    ValueError
        A word is not of that form, or a key comes twice.
    """
    wanted: dict[str, Any] = {}
    for word in words:
        key, equals, values = word.partition("=")
        if not equals or not key or not values:
            raise ValueError(f"{word!r} is not KEY=VALUE, such as antenna=AA or polarization=RR,LL")
        if key in wanted:
            raise ValueError(f"{key} is selected twice; write {key}=ONE,OTHER")
        chosen = [_value(key, value) for value in values.split(",")]
        wanted[key] = chosen if len(chosen) > 1 else chosen[0]
    return wanted or None


def _value(key: str, text: str) -> Any:
    if key == "band":
        return int(text)
    return float(text) if key == "frequency" else text


def _shown(watch: Watch, *, once: bool, as_json: bool) -> bool:
    """Show it to its end; gives whether the job is done, or what was asked for once was shown."""
    from difxnb.cli.live import PERIOD_S, Printer, follow

    if once:
        while not watch.has_something():
            time.sleep(PERIOD_S)
        watch.look()  # where the job is over, the next look has everything
    with Printer(as_json=as_json, once=once) as printer:
        if once:
            printer.show(watch.look())
            return watch.is_fine
        follow(printer, watch.look)
        return watch.is_done


class Watch:
    """Looks at a job and its monitor.

    Parameters
    ----------
    difx, input_file, watched
        What is looked at.
    once : bool
        Whether there is one look alone.
    run : JobRun, optional
        The run that is watched; without it messages say when the job is over, and those may be of an earlier run.
    """

    def __init__(
        self,
        difx: Correlator,
        input_file: str,
        watched: Monitor,
        *,
        once: bool = False,
        run: JobRun | None = None,
    ) -> None:
        self._difx, self._input_file, self._watched, self._run = difx, input_file, watched, run
        self._name = PurePosixPath(input_file).stem
        self._until = time.monotonic() + ONCE_S
        self._once, self._ending = once, False

    def look(self) -> FringeLook:
        """See how it stands. The last look, after the job's end, has everything."""
        from difxnb.cli.fringe_look import FringeLook

        job = self._job()
        if self._ending and not self._watched.closed:
            self._watched.close()
        self._ending = self._is_over(job)  # what is still on its way has until the next look
        return FringeLook(
            job=self._name,
            state="" if job is None else str(job["state"]),
            progress=float("nan") if job is None else float(job["progress"]),
            fringes=self._watched.fringes,
            weights={} if job is None else self._difx.jobs.latest_weights(self._name),
            said=self._said(),
            is_over=self._watched.closed or self._watched.failure is not None,
        )

    def has_something(self) -> bool:
        """Whether there is a fringe to show, or none will come any more."""
        late = time.monotonic() > self._until
        return late or self._watched.closed or self._is_over(self._job()) or not self._watched.fringes.empty

    @property
    def is_done(self) -> bool:
        """Whether the job has said that it is done."""
        job = self._job()
        return job is not None and job["state"] in ("Done", "MpiDone")

    @property
    def is_fine(self) -> bool:
        """Whether there was anything to show."""
        return not self._watched.fringes.empty

    def _job(self) -> pd.Series[Any] | None:
        jobs = self._difx.jobs.frame()
        mine = jobs[(jobs["job"] == self._name) & jobs["input"].isin(["", self._input_file])]
        return None if mine.empty else mine.iloc[0]

    def _is_over(self, job: pd.Series[Any] | None) -> bool:
        from difxnb.aio.job_run import OVER

        if self._run is not None:
            return self._run.done
        return job is not None and job["state"] in OVER

    def _said(self) -> str:
        watched = self._watched
        failure = f"the watch has failed: {watched.failure}" if watched.failure else ""
        dropped = f"{watched.dropped} spectra could not be kept" if watched.dropped else ""
        alone = "no fringe was seen within a minute" if self._once and watched.fringes.empty else ""
        return "; ".join(text for text in (failure, watched.interruption, dropped, alone) if text)
