# SPDX-License-Identifier: GPL-3.0-or-later
"""Open the monitor of a job of a correlator, and say for how long it is wanted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from difxnb.aio.live_monitor import Monitor, Select
from difxnb.formats.im import Im
from difxnb.formats.input import Input
from difxnb.wire.job import JobOutcome

if TYPE_CHECKING:
    from difxnb.aio.correlator import Correlator


async def watch_job(
    correlator: Correlator,
    input_file: str,
    inp: Input,
    delay_model: Im | None,
    select: Select | None,
    limit_bytes: int,
) -> Monitor:
    """Open a monitor; see `Job.monitor`."""
    if not correlator.head_node.description.is_own:
        # A real server serves one at a time: those of jobs that are over make room. Their data stay.
        for other in tuple(correlator.monitors):
            if not other.is_wanted():
                await other.close()
    tape = correlator.tape.monitor(PurePosixPath(input_file).stem, input_file, limit_bytes)
    monitor = Monitor(
        input_file,
        inp,
        delay_model,
        select,
        open_feed=lambda: correlator.head_node.open_monitor(input_file),
        forget=correlator.monitors.discard,
        is_wanted=_wanted_while(correlator, input_file),
        limit_bytes=limit_bytes,
        tape=tape,
    )
    try:
        await monitor.begin()
    except BaseException:
        correlator.tape.forget(tape)
        raise
    correlator.monitors.add(monitor)
    return monitor


def _wanted_while(correlator: Correlator, input_file: str) -> Callable[[], bool]:
    """Whether to go on after a loss of the connection: not after the end of the job that is watched."""
    before = correlator.runs.get(input_file)
    earlier = before if before is not None and before.done else None

    def is_wanted() -> bool:
        run = correlator.runs.get(input_file)
        is_over = (
            run is not None and run is not earlier and run.done and run.outcome is not JobOutcome.UNKNOWN
        )
        return not (is_over or correlator.head_node.closed)

    return is_wanted
