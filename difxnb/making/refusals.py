# SPDX-License-Identifier: GPL-3.0-or-later
"""Reasons why no job can be made here, gathered until all are known.

Each names the place, what is there and what can be done instead, so that one look at the error is enough.
"""

from __future__ import annotations

from collections.abc import Iterable

from difxnb.errors import CannotMakeJob


class Refusals:
    """Reasons, each once, in the order in which they were found."""

    def __init__(self) -> None:
        self._reasons: dict[str, None] = {}

    def __bool__(self) -> bool:
        return bool(self._reasons)

    @property
    def reasons(self) -> tuple[str, ...]:
        """All of them."""
        return tuple(self._reasons)

    def add(self, reason: str) -> None:
        """Note a reason."""
        self._reasons[reason] = None

    def extend(self, reasons: Iterable[str]) -> None:
        """Note several."""
        self._reasons.update(dict.fromkeys(reasons))

    def end(self, v2d: object) -> None:
        """Raise CannotMakeJob where there is any reason."""
        if self._reasons:
            raise CannotMakeJob(v2d, self.reasons)
