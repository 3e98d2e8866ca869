# SPDX-License-Identifier: GPL-3.0-or-later
"""The steps of a session one after the other, each in the record before and after, through losses of all kinds.

A step that cannot go on for want of a connection, or of room on a disk, is tried again as long as the recipe waits for
anything. Whatever else ends it is a line of the record, and those whom the recipe names are told.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from difxnb.errors import ConnectionLost, DifxError, NoReply
from difxnb.intensives.steps import (
    ALWAYS,
    GO_ON_AFTER,
    Context,
    Done,
    Outputs,
    Step,
    StepFailed,
    generation_of,
    inputs_of,
    is_correlated,
    result_of,
    was_begun,
)
from difxnb.sessions.record import RecordLine

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_SHORTEST_LOOK_S = 0.05
_WATCH_S = 0.5
_WORKED_S = 60.0
"""A try that lasted longer has had a server: what is lost then is lost anew."""
_EXPECTED = (DifxError, ValueError, TypeError, OSError)

_log = logging.getLogger(__name__)


class Drive:
    """One way through the steps.

    Parameters
    ----------
    context : Context
    steps : sequence of Step
    """

    def __init__(self, context: Context, steps: Sequence[Step]) -> None:
        self._context, self._steps = context, steps

    async def go(self) -> tuple[str, str]:
        """Do what is left to do: how it ended (``"done"``, ``"failed"``), and why."""
        context = self._context
        failed = ""
        for step in self._steps:
            if failed and failed not in GO_ON_AFTER and step.id not in ALWAYS:
                continue
            context.step, context.progress = step.id, 0.0
            context.go_on()
            try:
                await self._do(step)
            except asyncio.CancelledError:
                if (task := asyncio.current_task()) is None or task.cancelling():
                    raise  # it was stopped
                await self._fail(
                    step.id, StepFailed("something that it waited for was broken off; take it up again")
                )
                failed = failed or step.id
            except Exception as error:  # noqa: BLE001 - nobody is there: whatever it is has to be in the record
                if not isinstance(error, _EXPECTED):
                    _log.exception("step %s of %s", step.id, context.session)
                await self._fail(step.id, error)
                failed = failed or step.id
        if not failed:
            return "done", context.told
        last = context.record.last(failed)
        context.step = failed
        return "failed", last.why if last is not None else ""

    async def _fail(self, step: str, error: Exception) -> None:
        outputs = error.outputs if isinstance(error, StepFailed) else {}
        why = str(error) or type(error).__name__
        if not isinstance(error, _EXPECTED):
            why = f"{type(error).__name__}: {error} (nobody foresaw this: tell the authors)"
        await self._written(lambda: self._context.record.fail(step, why, outputs))
        if outputs:
            self._context.outputs[step] = outputs

    async def _do(self, step: Step) -> None:
        """Do a step, unless it was done from the same before."""
        context, record = self._context, self._context.record
        try:
            inputs = inputs_of(context, step)
        except _EXPECTED:
            await self._written(lambda: record.begin(step.id, {}))
            raise
        except KeyError as error:  # of a record that another version has written, or a hand
            await self._written(lambda: record.begin(step.id, {}))
            raise StepFailed(
                f"the record of the steps before lacks {error}; resume=False begins anew"
            ) from error
        known = result_of(record, step.id, inputs)
        if known is not None and await self._holds(step, known):
            return
        context.again = was_begun(record, step.id, inputs)
        context.generation = generation_of(record, step.id, inputs)
        await self._written(lambda: record.begin(step.id, inputs))
        done = await self._tried(lambda: step.run(context))
        line = await self._written(lambda: record.end(step.id, done.outputs, done.why))
        context.outputs[step.id] = line.outputs

    async def _holds(self, step: Step, known: Outputs) -> bool:
        """Whether what a step gave before holds: what has come since is taken, unless it is too late for that."""
        context, record = self._context, self._context.record
        context.outputs[step.id] = known
        if step.news is None:
            return True
        found = await self._tried(partial(step.news, context, known))
        if not found.why:
            return True
        if not is_correlated(record):
            return False
        context.told = (
            f"{found.why}, after this was correlated; resume=False correlates it anew with all that is there"
        )
        told = {**known, **found.outputs}
        if told != known:
            await self._written(lambda: record.end(step.id, told, context.told))
            context.outputs[step.id] = told
        return True

    # --- what may be lost for a while --------------------------------------------------------------------------

    async def _written(self, write: Callable[[], RecordLine]) -> RecordLine:
        """Write a line of the record, as soon as there is room for it."""
        context = self._context
        while True:
            try:
                return write()
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                context.state, context.why = "suspended", f"disk low: {error}"
            await self._pause()

    async def _tried(self, what: Callable[[], Awaitable[Done]]) -> Done:
        """Do something; where the connection breaks or a disk is full, wait as long as the recipe waits."""
        context, until = self._context, time.monotonic() + self._context.recipe.wait_s
        while True:
            begun = time.monotonic()
            try:
                return await self._watched(what, until)
            except (ConnectionLost, NoReply, OSError) as error:
                why = _what_lacks(error)
                now = time.monotonic()
                if isinstance(error, ConnectionLost) and now - begun > _WORKED_S:
                    until = now + context.recipe.wait_s
                if not why or now >= until:
                    raise
            await self._suspended(why, until)
            context.again = True
            await self._pause()
            while not context.difx.connected and time.monotonic() < until:
                await self._pause()
            context.go_on()

    async def _watched(self, what: Callable[[], Awaitable[Done]], until: float) -> Done:
        """Do something, and say meanwhile where the connection is lost: what waits for it may wait in silence."""
        watch = asyncio.create_task(self._watch(until), name=f"watch of {self._context.session}")
        try:
            return await what()
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)

    async def _watch(self, until: float) -> None:
        context, lost, begun = self._context, 0, time.monotonic()
        while True:
            await asyncio.sleep(max(context.recipe.look_s, _WATCH_S))
            if context.difx.connected:
                if lost > 1 and context.state == "suspended":
                    context.go_on()
                lost = 0
                continue
            lost += 1
            if lost == 2:  # steps that look for themselves have said it by then, in words of their own
                now = time.monotonic()
                end = now + context.recipe.wait_s if now - begun > _WORKED_S else until
                await self._suspended("the connection to the server is lost", end)

    async def _suspended(self, why: str, until: float) -> None:
        """Say in the record what is waited for, as soon as there is room for that."""
        while True:
            try:
                self._context.suspend(why, max(0.0, until - time.monotonic()))
                return
            except OSError as error:
                if error.errno not in _FULL:
                    raise
                self._context.state, self._context.why = "waiting", f"disk low: {error}"
            await self._pause()

    async def _pause(self) -> None:
        await asyncio.sleep(max(self._context.recipe.look_s, _SHORTEST_LOOK_S))


def _what_lacks(error: Exception) -> str:
    """What has to come back before it is tried again; empty where nothing helps."""
    if isinstance(error, ConnectionLost | NoReply):
        return f"no answer of the server: {error}"
    full = isinstance(error, OSError) and error.errno in _FULL
    return f"disk low: {error}" if full else ""
