# SPDX-License-Identifier: GPL-3.0-or-later
"""Stretches of time."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` to `stop`, seconds since 1970 (UTC)."""

    start: float
    stop: float

    @property
    def length(self) -> float:
        """Seconds; negative where it ends before it begins."""
        return self.stop - self.start

    def part(self, other: Span) -> Span:
        """What both have in common."""
        return Span(max(self.start, other.start), min(self.stop, other.stop))

    def meets(self, other: Span) -> bool:
        """Whether both have some time in common."""
        return self.part(other).length > 0


ALWAYS = Span(float("-inf"), float("inf"))
