# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tabs of a dashboard offer to look at: live monitors of jobs, and jobs whose quality can be checked.

In go the objects of a connection, out come offers, which make panels when they are chosen.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from difxnb import aio
from difxnb.aio.run_watch import OVER
from difxnb.panels.dashboard import Offer
from difxnb.panels.monitor import MonitorModel, MonitorPanel
from difxnb.panels.quality import Checked, QualityModel, QualityPanel, checked

if TYPE_CHECKING:
    import xarray as xr

    from difxnb.notebook.correlator import Correlator
    from difxnb.panels import Panel

_MOST_MONITORS = 8


class Watched:
    """The monitors of one connection that a dashboard knows of, whoever began them.

    Parameters
    ----------
    difx : Correlator
        Kept for as long as there are panels of it: one in a box ends when it is forgotten.
    """

    def __init__(self, difx: Correlator) -> None:
        self._owner = difx
        self._difx, self._work = difx._inner, difx._panels.work
        self._monitors: OrderedDict[str, aio.Monitor] = OrderedDict()

    def monitors(self) -> dict[str, aio.Monitor]:
        """The latest monitor of each job, by its ``.input`` file; closed ones too, up to eight."""
        runs = [run.monitor for run in self._difx.runs.values() if run.monitor is not None]
        for monitor in (*runs, *tuple(self._difx.monitors)):
            if self._monitors.get(monitor.input_file) is not monitor:
                self._monitors[monitor.input_file] = monitor
        while len(self._monitors) > _MOST_MONITORS:
            self._monitors.popitem(last=False)
        return dict(self._monitors)

    def to_watch(self) -> list[Offer]:
        """Monitors, and jobs that run and could be watched."""
        known, running = self.monitors(), self._heard(over=False)
        names = labels([*known, *running])
        idle = [path for path in running if path not in known]
        return [
            *(Offer(path, names[path], prepare=partial(self._watch, path), verb="Watch") for path in idle),
            *(Offer(path, names[path], partial(self.panel_of, one), of=one) for path, one in known.items()),
        ]

    def panel_of(self, monitor: aio.Monitor) -> Panel:
        """A panel of what a monitor receives, with the weights that the job itself tells."""
        return MonitorPanel(MonitorModel(monitor, self._work, weights=self._weights_of(monitor.input_file)))

    def to_check(self) -> list[Offer]:
        """Jobs that are over, as they were written; and monitors, as far as they have come."""
        live, over = self.monitors(), self._heard(over=True)
        names = labels([*live, *over])
        return [
            *(Offer(path, f"{names[path]} (written)", partial(self.written_quality, path)) for path in over),
            *(
                Offer(f"live:{path}", f"{names[path]} (live)", partial(self.live_quality, one), of=one)
                for path, one in live.items()
            ),
        ]

    def live_quality(self, monitor: aio.Monitor) -> Panel:
        """A card of quality of what a monitor receives."""

        async def check() -> Checked:
            report = await monitor.quality()
            return await asyncio.to_thread(checked, report)

        name = PurePosixPath(monitor.input_file).stem
        return QualityPanel(QualityModel(f"{name} (live)", self._work, check))

    def written_quality(self, path: str) -> Panel:
        """A card of quality of what a job has written, where its files are on this machine."""
        job = self._difx.job(path)

        def look() -> Checked:
            from difxnb.quality.report import check_quality

            return checked(check_quality(job))

        return QualityPanel(QualityModel(job.name, self._work, lambda: asyncio.to_thread(look)))

    async def _watch(self, path: str) -> aio.Monitor:
        return await self._difx.job(path).monitor()

    def _weights_of(self, path: str) -> Callable[[], xr.DataArray | None]:
        def weights() -> xr.DataArray | None:
            run = self._difx.runs.get(path)
            return None if run is None else run.weights

        return weights

    def _heard(self, *, over: bool) -> list[str]:
        """``.input`` files of jobs that were heard of and are over, or are not."""
        frame = self._difx.jobs.frame()
        is_over = frame["state"].isin(OVER)
        chosen = frame[
            (is_over if over else ~is_over & (frame["state"] != "unknown")) & (frame["input"] != "")
        ]
        return [str(path) for path in chosen["input"]]


def labels(paths: Iterable[str]) -> dict[str, str]:
    """A name for each ``.input`` file: that of the job, or the whole path where several jobs have it."""
    known = dict.fromkeys(paths)
    stems = Counter(PurePosixPath(path).stem for path in known)
    return {path: name if stems[name := PurePosixPath(path).stem] == 1 else path for path in known}
