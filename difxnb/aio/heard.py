# SPDX-License-Identifier: GPL-3.0-or-later
"""What the server relays and says: as tables, and as a stream for callbacks."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable
from os import PathLike
from typing import TYPE_CHECKING

import pandas as pd

from difxnb.tables import JobTable, MessageTable
from difxnb.tables.messages import known_types, plain_type
from difxnb.wire.control import Notice
from difxnb.wire.events import Gap
from difxnb.wire.message import Message, Unparsed, message_type

if TYPE_CHECKING:
    import xarray as xr

    from difxnb.formats.input import Input

Item = Message | Unparsed | Notice | Gap
Callback = Callable[[Item], object]

_KEPT_ERRORS = 100

logger = logging.getLogger(__name__)


class Messages:
    """Every message that was relayed, and every notice of guiServer itself.

    Attributes
    ----------
    callback_errors : deque of Exception
        The last hundred errors of subscribed callbacks; `failed_callbacks` counts all.
    """

    def __init__(self) -> None:
        self.callback_errors: deque[Exception] = deque(maxlen=_KEPT_ERRORS)
        self.failed_callbacks = 0
        self._table = MessageTable()
        self._subscriptions: dict[object, tuple[Callback, frozenset[str] | None]] = {}

    @property
    def version(self) -> int:
        """Moves with every message."""
        return self._table.version

    @property
    def dropped(self) -> int:
        """Messages that fell out of the table."""
        return self._table.dropped

    def __len__(self) -> int:
        return len(self._table)

    def frame(
        self,
        type: str | Iterable[str] | None = None,
        source: str | None = None,
        job: str | None = None,
        severity: str | int | None = None,
        since: object = None,
    ) -> pd.DataFrame:
        """Messages as a DataFrame, oldest first; see :meth:`difxnb.tables.MessageTable.frame`."""
        return self._table.frame(type=type, source=source, job=job, severity=severity, since=since)

    def counts(self) -> pd.Series[int]:
        """How many of each type came, those that fell out of the table included."""
        return self._table.counts()

    def save(self, path: str | PathLike[str]) -> None:
        """Write all messages to a parquet file; OutputExists where there is one."""
        self._table.save(path)

    def subscribe(self, callback: Callback, type: str | Iterable[str] | None = None) -> Callable[[], None]:
        """Have a function called with every message from now on.

        Parameters
        ----------
        callback : callable
            Called with a `Message`, `Unparsed` or `Notice`, on the connection's thread: it must be quick. One
            that raises is logged and kept in `callback_errors`; it is called again for the next message.
        type : str or iterable of str, optional
            ``"alert"``, ``"Alert"`` and ``"DifxAlertMessage"`` mean the same; also ``"unparsed"``
            and ``"notice"``.

        Returns
        -------
        callable
            Ends the subscription.

        Raises
        ------
        ValueError
            There is no such type.
        """
        if not callable(callback):
            raise TypeError(f"a subscriber is a function of one message; got {callback!r}")
        key = object()
        self._subscriptions[key] = (callback, None if type is None else known_types(type))
        return lambda: self._end(key)

    def add(self, item: Item, time: float) -> None:
        """Take in one message: into the table, and to the subscribers."""
        self._table.add(item, time)
        for callback, types in list(self._subscriptions.values()):
            if types is None or _type_of(item) in types:
                self._call(callback, item)

    def _end(self, key: object) -> None:
        self._subscriptions.pop(key, None)

    def _call(self, callback: Callback, item: Item) -> None:
        try:
            callback(item)
        except Exception as error:
            # A user's mistake must not end the stream of messages; it is shown instead.
            self.failed_callbacks += 1
            self.callback_errors.append(error)
            logger.exception("a subscriber of messages raised (%d so far)", self.failed_callbacks)

    def __repr__(self) -> str:
        return f"<Messages: {len(self)} kept, {self.dropped} dropped, {len(self._subscriptions)} subscribers>"


def _type_of(item: Item) -> str:
    if isinstance(item, Message):
        return plain_type(message_type(item.body))
    if isinstance(item, Gap):
        return "gap"
    return "unparsed" if isinstance(item, Unparsed) else "notice"


class Jobs:
    """Every job that was heard of, ours or not, by its messages. May be looked at from any thread."""

    def __init__(self) -> None:
        self._table = JobTable()
        self._inputs: dict[str, Input] = {}

    @property
    def version(self) -> int:
        """Moves with every message of a job."""
        return self._table.version

    @property
    def dropped(self) -> int:
        """Jobs that fell out of the table."""
        return self._table.dropped

    def __len__(self) -> int:
        return len(self._table)

    def add(self, item: Item, time: float) -> None:
        """Follow one message."""
        self._table.add(item, time)

    def name_antennas(self, job: str, input: Input) -> None:
        """Let the weights of a job carry the names of its antennas."""
        self._inputs[job] = input

    def frame(self) -> pd.DataFrame:
        """One row per job; see :meth:`difxnb.tables.JobTable.frame`."""
        return self._table.frame()

    def events(self, job: str) -> pd.DataFrame:
        """State changes, warnings and errors of a job; KeyError where nothing was heard of it."""
        return self._table.events(job)

    def weights(self, job: str) -> xr.DataArray:
        """Weights of the latest run of a job, (time, antenna), 0 to 1.

        Antennas have names where the ``.input`` file of the job has been read here, numbers of datastreams
        otherwise.

        Raises
        ------
        KeyError
            Nothing was heard of that job.
        """
        from difxnb.visibility import weights_array

        return weights_array(self._table.weights(job), self._inputs.get(job))

    def __repr__(self) -> str:
        return f"<Jobs: {len(self)} heard of, {self.dropped} dropped>"

    def _repr_html_(self) -> str:
        return self.frame().to_html(max_rows=20)
