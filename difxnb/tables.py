# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages and job states as pandas tables: bounded, thread-safe, rebuilt only when something new came."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from difxnb.wire.control import Notice
    from difxnb.wire.message import Message, Unparsed


class MessageTable:
    """Everything the server relayed, one row per message."""

    def __init__(self, limit: int = 100_000, *, limit_bytes: int = 128 * 2**20) -> None:
        raise NotImplementedError

    version: int
    dropped: int

    def __len__(self) -> int:
        raise NotImplementedError

    def add(self, item: Message | Unparsed | Notice, time: float) -> None:
        """Append one message received at `time` (unix seconds)."""
        raise NotImplementedError

    def counts(self) -> pd.Series[int]:
        """Messages per type since the start, dropped ones included."""
        raise NotImplementedError

    def frame(
        self,
        type: str | Iterable[str] | None = None,
        source: str | None = None,
        job: str | None = None,
        severity: str | int | None = None,
        since: object = None,
    ) -> pd.DataFrame:
        """Messages as a DataFrame; severity means "this or worse"."""
        raise NotImplementedError

    def save(self, path: str | PathLike[str]) -> None:
        """Write all messages to a parquet file; refuses to overwrite."""
        raise NotImplementedError


class JobTable:
    """Every job heard of, one row each."""

    def __init__(self, limit: int = 1000, *, limit_weights: int = 10_000) -> None:
        raise NotImplementedError

    version: int
    dropped: int

    def add(self, item: Message | Unparsed | Notice, time: float) -> None:
        """Follow one message received at `time` (unix seconds); what concerns no job is ignored."""
        raise NotImplementedError

    def frame(self, now: float | None = None) -> pd.DataFrame:
        """One row per job: job state progress eta speed_up started last_heard finished …"""
        raise NotImplementedError

    def weights(self, job: str) -> pd.DataFrame:
        """Weights of a job: columns time (visibility), received, datastream, weight."""
        raise NotImplementedError

    def events(self, job: str) -> pd.DataFrame:
        """State changes, warnings and errors of a job: columns time, event, severity, text."""
        raise NotImplementedError
