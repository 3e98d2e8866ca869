# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run ends that nobody reports the end of: started elsewhere, or cut off by a lost connection.

In: what its messages say, and looks at its job status, its log and its output while the server can be reached. Out: an
outcome with the evidence for it. A run that only falls silent has none: it is `UNKNOWN`, and is still listened to.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from datetime import datetime

from difxnb.aio.run_history import int_time
from difxnb.aio.run_watch import OVER, RunWatch
from difxnb.client.head_node import AsyncHeadNode
from difxnb.client.job_traces import JobTraces
from difxnb.client.job_verdict import Attempt, Verdict, last_attempt
from difxnb.errors import ConnectionLost, DifxError, NoReply
from difxnb.formats.difxlog import parse_time
from difxnb.formats.input_model import Input
from difxnb.wire.job import JobOutcome

# A log may be behind what is heard by as much: its times are whole seconds.
_LOG_LAG_S = 5.0

_log = logging.getLogger(__name__)


class OutcomeSearch:
    """Looks for the outcome of one run until it is found.

    Parameters
    ----------
    head_node : AsyncHeadNode
    input_file : str
    inp : Input
        The job.
    outputs : sequence of str
        Directories that it may write to.
    watch : RunWatch
        What is heard of the run.
    log_from : int
        Bytes of the log that were there before the run.
    alive : bool
        Whether it showed signs of life right before.

    Attributes
    ----------
    attempt : Attempt
        The run, as its log tells it.
    clock_offset : float or None
        What has to be added to local times of the server to make them unix seconds; None before the first look.
    finished : asyncio.Event
        The outcome was found, or given up after a long silence, or nobody looks any more.
    """

    def __init__(
        self,
        head_node: AsyncHeadNode,
        input_file: str,
        inp: Input,
        outputs: Sequence[str],
        watch: RunWatch,
        *,
        log_from: int = 0,
        alive: bool = False,
    ) -> None:
        self.attempt = Attempt()
        self.clock_offset: float | None = None
        self.finished = asyncio.Event()
        self._head_node, self._input_file, self._outputs = head_node, input_file, tuple(outputs)
        self._inp, self._watch, self._log_from = inp, watch, log_from
        self._begun = time.time()
        self._last_sign = self._begun if alive else float("-inf")
        self._verdict: Verdict | None = None
        self._traces: JobTraces | None = None
        self._log_read: int | None = None
        self._hindrance = "the server has not been asked yet"
        self._over = False
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def outcome(self) -> JobOutcome | None:
        """How the run ended; None while it shows signs of life, UNKNOWN while it shows none."""
        if self._verdict is not None:
            return self._verdict.outcome
        lives = self._watch.last_heard > self._begun or self._last_sign >= self._begun
        return None if lives and not self._over else JobOutcome.UNKNOWN

    @property
    def evidence(self) -> str:
        """What the outcome is based on, or what was found in its place."""
        if self._verdict is not None and self._verdict.outcome is not JobOutcome.UNKNOWN:
            return self._verdict.evidence
        return "; ".join(self._signs())

    @property
    def nobody_looks(self) -> bool:
        """Whether the search was ended from outside, without having found anything."""
        return self._over and self._verdict is None

    @property
    def finds_nothing(self) -> bool:
        """Whether the server was asked, and has no log of such a job."""
        return self._traces is not None and self._traces.log_size is None

    def begin(self) -> None:
        """Go on looking in the background, unless there is nothing left to look for."""
        if self._found:
            self.finished.set()
        elif self._task is None:
            self._task = asyncio.create_task(self._search(), name=f"difxnb search {self._input_file}")

    def wake(self) -> None:
        """Look now: something was heard, or the server is there again."""
        self._woken.set()

    def note_stopped(self, *, lived: bool) -> None:
        """Note that the run was stopped from here, and that nothing of it is seen any more.

        Where it lived before, the stop has ended it; where it did not, nobody knows what had.
        """
        if self._found:
            return
        if lived:
            text = "it lived until it was stopped from here, and showed no sign of life afterwards"
            self._verdict = Verdict(JobOutcome.STOPPED, text)
        else:
            self._verdict = Verdict(JobOutcome.UNKNOWN, "")
        self.finished.set()
        self.wake()

    def end(self) -> None:
        """Look no more."""
        self._over = True
        if self._task is not None:
            self._task.cancel()
        self.finished.set()

    async def look(self) -> None:
        """Look once at everything that may tell the outcome.

        Raises
        ------
        NoReply, ConnectionLost, RemoteFileError
        """
        traces = await self._head_node.look_at_job(self._input_file, self._outputs)
        before, self._traces = self._traces, traces
        self._set_clock(traces)
        if self._wants_log(before, traces):
            await self._read_log()
            self._log_read = traces.log_size
        if before is not None and _sizes(before) != _sizes(traces):
            self._last_sign = time.time()
        self._hindrance = ""
        self._judge()

    # --- inside ---------------------------------------------------------------------------------------

    @property
    def _found(self) -> bool:
        return self._verdict is not None and self._verdict.outcome is not JobOutcome.UNKNOWN

    async def _search(self) -> None:
        patience = self._head_node.patience
        while not self._found:
            try:
                await self.look()
            except DifxError as error:
                self._hindrance = str(error)
                self._judge_by_words_alone(error)
                _log.info("the outcome of %s cannot be looked for yet: %s", self._input_file, error)
            if not self._found:
                self._give_up_after(patience.gone)
                await self._pause(patience.gone if self.finished.is_set() else patience.look)
        self.finished.set()

    async def _pause(self, seconds: float) -> None:
        self._woken.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._woken.wait()
        except TimeoutError:
            return  # nobody called: the next look is due

    def _wants_log(self, before: JobTraces | None, now: JobTraces) -> bool:
        """Whether to fetch the log, which may be long: not while the job talks by itself."""
        if now.log_size is None or now.log_size == self._log_read:
            return False
        quiet = self._watch.silence(time.time()) > self._head_node.patience.look / 2
        return before is None or quiet or self._watch.verdict() is not None or _says_over(now)

    async def _read_log(self) -> None:
        content = await self._head_node.get_file(f"{self._input_file.removesuffix('.input')}.difxlog")
        if len(content) < self._log_from:
            self._log_from = 0  # somebody began a new one
        self.attempt = last_attempt(content[self._log_from :].decode("utf-8", "replace"))
        if not self._is_old(self.attempt):
            self._watch.remember(self.attempt, seconds=self._inp.execute_time, int_time=int_time(self._inp))

    def _set_clock(self, traces: JobTraces) -> None:
        there = parse_time(traces.server_time or "")
        if there is not None:
            self.clock_offset = time.time() - _seconds(there)

    def _judge(self) -> None:
        heard, logged = self._watch.verdict(), self.attempt.verdict()
        if logged is not None and self._is_old(self.attempt):
            logged = None
        if heard is None or logged is None:
            self._verdict = heard or logged
        elif heard.outcome is JobOutcome.DONE:
            # The log counts the errors of the time without connection too.
            self._verdict = Verdict(logged.outcome, f"{logged.evidence}; {heard.evidence}")
        else:
            self._verdict = Verdict(heard.outcome, f"{heard.evidence}; {logged.evidence}")

    def _judge_by_words_alone(self, hindrance: DifxError) -> None:
        """Take what was heard, unless the log will soon say more: whether there were errors meanwhile."""
        heard = self._watch.verdict()
        if heard is None:
            return
        will_come = isinstance(hindrance, (ConnectionLost, NoReply)) and not self._stays_lost
        if heard.outcome is not JobOutcome.DONE or not will_come:
            self._verdict = Verdict(
                heard.outcome, f"{heard.evidence}; not compared with its log: {hindrance}"
            )

    @property
    def _stays_lost(self) -> bool:
        absence = self._head_node.absence
        return absence is not None and absence.given_up

    def _is_old(self, attempt: Attempt) -> bool:
        """Whether the job was heard running after the log ended: then that tells of the run before."""
        logged = parse_time(attempt.last_time)
        if logged is None or self.clock_offset is None or not self._watch.heard_running:
            return False
        ended = _seconds(logged) + self.clock_offset
        return self._watch.state not in OVER and self._watch.last_progress > ended + _LOG_LAG_S

    def _give_up_after(self, seconds: float) -> None:
        silent = time.time() - max(self._begun, self._watch.last_heard, self._last_sign)
        if (not self._hindrance and silent > seconds) or self._stays_lost:
            self._verdict = Verdict(JobOutcome.UNKNOWN, "")
            self.finished.set()
        elif self._verdict is not None:
            self._verdict = None  # it was given up, and shows signs of life again
            self.finished.clear()

    def _signs(self) -> list[str]:
        now = time.time()
        signs = [f"nothing was heard of it for {self._watch.silence(now):.0f} s"]
        if self.attempt.state is not None:
            signs.append(f"its log ends with {self.attempt.state} at {self.attempt.last_time}")
        elif self._traces is not None and self._traces.log_size is None:
            signs.append("it has no log")
        elif self._traces is not None:
            signs.append("its log tells no state of this run")
        if self._traces is not None and self._traces.output_size is not None:
            signs.append(f"its output has {self._traces.output_size} bytes")
        if self._hindrance:
            signs.append(self._hindrance)
        return signs

    async def found(self) -> JobOutcome:
        """Wait until the outcome is found, or given up.

        Raises
        ------
        ConnectionLost
            Nobody looks any more.
        """
        await self.finished.wait()
        if self.nobody_looks:
            raise ConnectionLost(
                f"{self._input_file}: the connection was closed here before the outcome was found, so it is "
                f"unknown: {self.evidence}"
            )
        return self.outcome or JobOutcome.UNKNOWN


def _says_over(traces: JobTraces) -> bool:
    return traces.status is not None and traces.status.state in OVER


def _sizes(traces: JobTraces) -> tuple[int | None, int | None]:
    return traces.log_size, traces.output_size


def _seconds(local: datetime) -> float:
    """Count local time of the server as if it were UTC; only differences are used."""
    return (local - datetime(1970, 1, 1)).total_seconds()
