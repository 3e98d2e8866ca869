# SPDX-License-Identifier: GPL-3.0-or-later
"""How a process that runs jobs is left: they go on where that may be, and are waited for elsewhere."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from difxnb.cli.live import PERIOD_S
from difxnb.cli.printed import complain

if TYPE_CHECKING:
    from difxnb.notebook import Correlator

STARTING_S = 30.0
"""Seconds that are left for jobs that are being started."""


@contextmanager
def interrupted_by_term() -> Iterator[None]:
    """Have an end that is asked for by SIGTERM be as one by Ctrl-C."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def leave_running(difx: Correlator, show: Callable[[], None], follows: str) -> None:
    """Start nothing more; leave what runs running where that may be, wait for it elsewhere.

    Parameters
    ----------
    difx : Correlator
        Whose queue has started them.
    show : callable
        Shows how far it is, while it is waited for.
    follows : str
        What is said of jobs that are left: who will follow them.
    """
    difx.queue._inner.start_no_more("the queue was ended")
    _until_started(difx)
    running = [one.job for one in difx.queue.rows if one.state.is_under_way]
    if not running:
        return
    if difx.server.is_embedded:
        complain(f"left running: {', '.join(running)}; {follows}")
        return
    complain(f"waiting for {', '.join(running)}, as guiServer would not survive; Ctrl-C stops it")
    try:
        _until_none_runs(difx, show)
    except KeyboardInterrupt:
        for entry in difx.queue.rows:
            if entry.state.is_under_way:
                job = difx.job(entry.input_file)
                job._loop.call(job._inner.stop())
        _until_none_runs(difx, show)


def _until_started(difx: Correlator) -> None:
    """Wait a little for what is being started: whoever comes next could not know whether it was, for minutes."""
    end = time.monotonic() + STARTING_S
    with suppress(KeyboardInterrupt):
        while any(str(one.state) == "starting" for one in difx.queue.rows) and time.monotonic() < end:
            time.sleep(PERIOD_S / 5)


def _until_none_runs(difx: Correlator, show: Callable[[], None]) -> None:
    while any(one.state.is_under_way for one in difx.queue.rows):
        show()
        time.sleep(PERIOD_S)
    show()
