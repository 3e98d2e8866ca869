# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a job: what speaks against it is found first, and nothing is moved or started before that is settled.

In: a job and what its user wants. Out: findings, or a run that the correlator has accepted.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from difxnb.aio.job_run import OVER, JobRun
from difxnb.client.findings import (
    Finding,
    findings_of_check,
    findings_of_files,
    not_waived,
    running_elsewhere,
    unused,
)
from difxnb.client.job_control import refused
from difxnb.client.placement import Placement
from difxnb.client.start_options import StartOptions
from difxnb.errors import OutputExists, RemoteFileNotFound
from difxnb.wire.job import Refusal

if TYPE_CHECKING:
    from difxnb.aio.correlator import Correlator
    from difxnb.aio.job import Job
    from difxnb.aio.live_monitor import Select
    from difxnb.formats.input import Input
    from difxnb.wire.files import Entry

# A job of somebody else that said so little ago that it runs, still does.
_RECENT_S = 30.0
# A check needs no machines; the server only wants to see some names.
_NOWHERE = Placement(("None", "None", "None"), (1,))

_BAIL, _MONITORED, _PLAIN = "BAIL_ON_CONFIG_FAIL", "RUN_MONITOR", "default"


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a job is to be started; see `Job.start`.

    Attributes
    ----------
    options : StartOptions
        Its function counts only where `function` names one.
    """

    monitor: Select | bool | None
    overwrite: bool
    bail: bool
    waive: tuple[str, ...]
    function: str | None
    options: StartOptions
    stall_after: float

    @property
    def watched(self) -> bool:
        """Whether a live monitor is wanted."""
        return self.monitor is not None and self.monitor is not False

    @property
    def select(self) -> Select | None:
        """What it is to show; None for everything."""
        return None if isinstance(self.monitor, bool) else self.monitor

    def require_consistent(self) -> None:
        """Refuse wishes that guiServer cannot be told together; ValueError."""
        if self.watched and self.function not in (None, _MONITORED):
            raise ValueError(f"with a monitor the function is {_MONITORED}; got {self.function!r}")
        if self.function == _BAIL and (self.waive or not self.bail):
            raise ValueError(f"{_BAIL} refuses every finding; leave it out to waive some")

    def function_for(self, waived: bool) -> str:
        """The one word that guiServer takes: it cannot both watch and refuse, nor refuse some findings only."""
        if self.function is not None:
            return self.function
        if self.watched:
            return _MONITORED
        return _BAIL if self.bail and not waived else _PLAIN


def as_waivers(waive: Iterable[str]) -> tuple[str, ...]:
    """Ids or texts of findings; TypeError for one text where several belong."""
    if isinstance(waive, str):
        raise TypeError(f"waive is a list of ids; got {waive!r}")
    return tuple(str(waiver) for waiver in waive)


class Starting:
    """One job about to be checked or started."""

    def __init__(self, job: Job, correlator: Correlator) -> None:
        self._job, self._correlator = job, correlator
        self._head_node = correlator.head_node

    async def check(self) -> tuple[list[Finding], bool]:
        """All findings, and whether the job would run."""
        where = await self._job.placement_or_none()
        found = await self._findings_here(await self._job.input(), where)
        if note := await self._job.warn_of_versions():
            found.append(Finding("versions", "WARNING", note, blocks=False))
        findings, passed = await self._findings_there(where)
        found += findings
        return found, passed and not not_waived(found, ())

    async def start(self, wishes: Wishes) -> JobRun:
        """Start the job; see `Job.start`."""
        wishes.require_consistent()
        asked = replace(wishes.options, function=wishes.function or _PLAIN)
        asked.require_safe(self._job.input_file, own_server=self._head_node.description.is_own)
        mixes_names = not self._head_node.description.is_own
        with self._correlator.runs.claim(self._job, mixes_names=mixes_names):
            inp = await self._job.input()
            await self._job.warn_of_versions()
            where = await self._job.placement()
            outputs = self._job.outputs(inp)
            occupied = await self._require_room(outputs, overwrite=wishes.overwrite)
            waived: list[Finding] = []
            if wishes.bail:
                waived = await self._require_no_findings(inp, where, wishes, occupied=occupied)
            options = replace(asked, function=wishes.function_for(bool(waived)))
            return await self._launch(wishes, options, where, inp, waived)

    # --- before ---------------------------------------------------------------------------------------

    async def _require_room(self, outputs: Sequence[str], *, overwrite: bool) -> bool:
        """Whether output is in the way; OutputExists unless it may be moved aside."""
        try:
            for output in outputs:
                await self._head_node.clear_output(output, overwrite=False)
        except OutputExists:
            if not overwrite:
                raise
            return True
        return False

    async def _require_no_findings(
        self, inp: Input, where: Placement, wishes: Wishes, *, occupied: bool
    ) -> list[Finding]:
        """Refuse the start where findings are not waived; give those that are.

        The server checks again when it starts, and can refuse by itself; it is asked before where it cannot be told
        to, or where output would have been moved aside for nothing.
        """
        found = await self._findings_here(inp, where)
        ask_before = wishes.waive or occupied or wishes.function_for(waived=False) != _BAIL
        if ask_before and not not_waived(found, wishes.waive):
            found += (await self._findings_there(where))[0]
        if blocking := not_waived(found, wishes.waive):
            what = f"{self._job.name} was not started; what does not matter may be waived: waive=[ids]"
            if idle := unused(found, wishes.waive):
                what += f" (found nothing to waive for {', '.join(map(repr, idle))})"
            raise refused(Refusal.BAD_CONFIG, what, blocking)
        return [finding for finding in found if finding.blocks]

    async def _findings_here(self, inp: Input, where: Placement | None) -> list[Finding]:
        beside = {entry.path for entry in await self._beside()}
        found = list(findings_of_files(inp, self._job.input_file, beside, where))
        seconds = self._seconds_since_heard_elsewhere()
        return found if seconds is None else [*found, running_elsewhere(self._job.name, seconds)]

    async def _findings_there(self, where: Placement | None) -> tuple[list[Finding], bool]:
        conversation = await self._head_node.check_job(self._job.input_file, where or _NOWHERE)
        found = findings_of_check(conversation.check_lines, self._job.input_file)
        if conversation.checker_missing:
            text = "the server has no program to check the configuration with"
            found.append(Finding("checker-missing", "WARNING", text, blocks=False))
        return found, conversation.config_passed is not False

    async def _beside(self) -> list[Entry]:
        try:
            return await self._head_node.ls_entries(f"{self._job.base}.*")
        except RemoteFileNotFound:
            return []

    def _seconds_since_heard_elsewhere(self) -> float | None:
        """How long ago somebody else's run of this job was heard; None where there is none."""
        frame = self._correlator.jobs.frame()
        mine = frame[(frame["job"] == self._job.identifier) & frame["input"].isin(["", self._job.input_file])]
        mine = mine[mine["silence"].notna() & ~mine["state"].isin(OVER)]
        if mine.empty:
            return None
        heard = mine["last_heard"].max().timestamp()
        over = self._correlator.runs.known_over(self._job.input_file)
        seconds = time.time() - heard
        return float(seconds) if heard > over and seconds < _RECENT_S else None

    # --- the start itself -----------------------------------------------------------------------------

    async def _launch(
        self,
        wishes: Wishes,
        options: StartOptions,
        where: Placement,
        inp: Input,
        waived: Sequence[Finding],
    ) -> JobRun:
        job, head_node = self._job, self._head_node
        run = JobRun(job, self._correlator, options=options, stall_after=wishes.stall_after)
        for finding in waived:
            run.watch.note(time.time(), "waived", finding.severity, str(finding))
        try:
            if wishes.watched:
                run.monitor = await job.monitor(wishes.select)
            for output in job.outputs(inp):
                await head_node.clear_output(output, overwrite=wishes.overwrite)
            sizes = {entry.path: entry.size for entry in await self._beside()}
            started = await head_node.start_job(
                job.input_file, where, options=options, on_event=run.add_event
            )
        except BaseException:
            await run.abandon()
            raise
        run.follow(started, inp, log_size=sizes.get(f"{job.base}.difxlog", 0))
        self._correlator.runs.adopt(run)
        return run
