# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the records of a recording come from: a journal, or values that were made from something else."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from difxnb.formats.journal import Damage, Record


class Records(Protocol):
    """Records in the order in which they were made; :class:`difxnb.formats.journal.Journal` is one of these."""

    @property
    def path(self) -> Path:
        """The file that they are from."""

    @property
    def damage(self) -> list[Damage]:
        """What was lost of it."""

    @property
    def kinds(self) -> Sequence[int]:
        """Kind of each."""

    @property
    def times(self) -> Sequence[float]:
        """Time of each, unix seconds."""

    def __len__(self) -> int:
        """How many there are."""

    def records(self, kinds: Container[int] | None = None, *, begin: int = 0) -> Iterator[Record]:
        """Those of some kinds, or all, from number `begin` on."""


@dataclass(slots=True)
class KeptRecords:
    """Records that are kept in memory."""

    path: Path
    damage: list[Damage] = field(default_factory=list)
    kinds: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    _payloads: list[bytes] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.kinds)

    def put(self, kind: int, time: float, payload: bytes) -> None:
        """Append a record."""
        self.kinds.append(kind)
        self.times.append(time)
        self._payloads.append(payload)

    def records(self, kinds: Container[int] | None = None, *, begin: int = 0) -> Iterator[Record]:
        """Those of some kinds, or all, from number `begin` on."""
        for place in range(begin, len(self.kinds)):
            if kinds is None or self.kinds[place] in kinds:
                yield Record(self.kinds[place], self.times[place], self._payloads[place], place)
