# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages and server facts from a cell: those of :mod:`difxnb.aio`, where only asking the server waits."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from os import PathLike
from typing import TYPE_CHECKING

from difxnb import aio
from difxnb.client.blocking import LoopThread

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.aio.messages import Callback
    from difxnb.notebook.correlator import Correlator
    from difxnb.panels.messages import MessagesPanel

_SHOWN = 20


class Messages:
    """Every message that was relayed, and every notice of guiServer itself."""

    def __init__(self, inner: aio.Messages, loop: LoopThread, difx: Correlator) -> None:
        self._inner, self._loop, self._difx = inner, loop, difx

    @property
    def version(self) -> int:
        """Moves with every message."""
        return self._inner.version

    @property
    def dropped(self) -> int:
        """Messages that fell out of the table."""
        return self._inner.dropped

    @property
    def hidden(self) -> int:
        """Messages that came and are not shown, because they are not among those selected."""
        return self._inner.hidden

    @property
    def callback_errors(self) -> deque[Exception]:
        """The last hundred errors of subscribed callbacks."""
        return self._inner.callback_errors

    @property
    def failed_callbacks(self) -> int:
        """How often a subscribed callback failed."""
        return self._inner.failed_callbacks

    @property
    def selection(self) -> tuple[str, ...] | None:
        """Types that are heard, in plain names; None where all are."""
        return self._inner.selection

    @property
    def is_selected_at_server(self) -> bool:
        """Whether the server leaves out what is not selected; otherwise it sends everything, and we do."""
        return self._inner.is_selected_at_server

    def __len__(self) -> int:
        return len(self._inner)

    def frame(
        self,
        type: str | Iterable[str] | None = None,
        source: str | None = None,
        job: str | None = None,
        severity: str | int | None = None,
        since: object = None,
        *,
        envelope: bool = False,
    ) -> pd.DataFrame:
        """Messages as a DataFrame, oldest first; see :meth:`difxnb.tables.MessageTable.frame`."""
        return self._inner.frame(
            type=type, source=source, job=job, severity=severity, since=since, envelope=envelope
        )

    def counts(self) -> pd.Series[int]:
        """How many of each type came, those that fell out of the table included."""
        return self._inner.counts()

    def statistics(self, by: str = "type", *, now: float | None = None) -> pd.DataFrame:
        """Counts, rates, losses and duplicates, by type or by sender; see :meth:`difxnb.aio.Messages.statistics`."""
        return self._inner.statistics(by, now=now)

    def save(self, path: str | PathLike[str]) -> None:
        """Write all messages to a parquet file; OutputExists where there is one."""
        self._inner.save(path)

    def select(self, types: str | Iterable[str] | None = None) -> None:
        """Hear only some types from now on, or all again; at the server where it can tell them apart.

        What it cannot tell apart is left out here, and counted in `hidden`. States and alerts always travel, because
        jobs are followed by them. The selection holds over reconnections.
        """
        self._loop.call(self._inner.select(types))

    def subscribe(self, callback: Callback, type: str | Iterable[str] | None = None) -> Callable[[], None]:
        """Have a function called with every message from now on; what is returned ends that.

        It is called on the connection's thread, and must be quick. One that raises is logged, kept in
        `callback_errors`, and called again for the next message.
        """
        return self._inner.subscribe(callback, type)

    def panel(self) -> MessagesPanel:
        """A browser of messages: filter them, hold them still, and read the causes of troubles in plain language."""
        from difxnb.panels.messages import AlertsModel, MessagesModel, MessagesPanel

        alerts = AlertsModel(self._difx.alerts)
        return self._difx._panels.add(MessagesPanel(MessagesModel(self), alerts))

    def __repr__(self) -> str:
        return repr(self._inner)

    def _repr_html_(self) -> str:
        return self.frame().tail(_SHOWN).to_html()


class ServerInfo:
    """What the server says of itself; plain values."""

    def __init__(self, inner: aio.ServerInfo, loop: LoopThread) -> None:
        self._inner, self._loop = inner, loop

    @property
    def version(self) -> str:
        """Version text of guiServer; it has been the same since 2016, and tells little."""
        return self._inner.version

    @property
    def user(self) -> str:
        """Login name it runs under; empty where the server has no terminal."""
        return self._inner.user

    @property
    def difx_base(self) -> str:
        """Base directory of the DiFX installations; may be empty."""
        return self._inner.difx_base

    @property
    def setup_path(self) -> str:
        """Prefix that every DiFX program is run with; empty for those that the server finds by itself."""
        return self._inner.setup_path

    @property
    def difx_versions(self) -> pd.DataFrame:
        """Installed DiFX versions: ``version``, ``setup`` (prefix of its programs), ``in_use``."""
        return self._inner.difx_versions

    @property
    def version_in_use(self) -> str:
        """The DiFX version whose programs the server runs; empty where it does not tell."""
        return self._inner.version_in_use

    @property
    def environment(self) -> pd.Series[str]:
        """Environment variables of the server, by name."""
        return self._inner.environment

    @property
    def is_embedded(self) -> bool:
        """Whether it is the server of this package, with the embedded correlator behind it."""
        return self._inner.is_embedded

    @property
    def is_read_only(self) -> bool:
        """Whether it refuses everything that changes anything, as a server of this package may."""
        return self._inner.is_read_only

    def use_version(self, name: str | None) -> None:
        """Have the programs of an installed DiFX version run from now on, also after a reconnection.

        None stands for those that the server finds by itself. ValueError, with the list of what is installed, where
        it is not.
        """
        self._loop.call(self._inner.use_version(name))

    def __repr__(self) -> str:
        return repr(self._inner)
