# SPDX-License-Identifier: GPL-3.0-or-later
"""States of jobs, and messages to them, from a cell: the verbs of :mod:`difxnb.aio.status` and `sending`, blocking."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb import aio
from difxnb.client.blocking import LoopThread
from difxnb.client.outgoing import Outgoing
from difxnb.notebook.transfer_bar import Shown, transferring

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.wire.message import Body, Message


class MessageVerbs:
    """The verbs of a `Correlator` that deal with states of jobs and with messages."""

    _inner: aio.Correlator
    _loop: LoopThread

    def job_status(
        self,
        pattern: str | Path | Iterable[str | Path],
        history: bool = False,
        *,
        progress: Shown | None = None,
    ) -> pd.DataFrame:
        """Last state of the jobs whose ``.input`` files match, one row each; all lines of their logs when `history`.

        ``time`` is UTC, found with the server's clock of today (``attrs["utc_offset"]``); ``logged`` is what stands in
        the log. See :meth:`difxnb.aio.Correlator.job_status`.
        """
        with transferring(progress, "logs", unit=" logs") as show:
            asking = self._inner.job_status(pattern, history, progress=show.hear)
            return self._loop.call(asking, while_waiting=show.draw)

    def send(
        self,
        message: Message | Body | str | bytes,
        *,
        to: str | Iterable[str] = (),
        confirm: bool = False,
        preview: bool = False,
    ) -> Outgoing:
        """Send a command (``"GetVSN"``, ``to="mark5fx07"``), a body, a message or XML into the DiFX network.

        With `preview` it is shown and not sent. What destroys something needs ``confirm=True``. The answer holds the
        exact document, where it went, and whether it came back through the relay. See
        :meth:`difxnb.aio.Correlator.send`.
        """
        return self._loop.call(self._inner.send(message, to=to, confirm=confirm, preview=preview))
