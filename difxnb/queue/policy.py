# SPDX-License-Identifier: GPL-3.0-or-later
"""What a queue may do by itself: how many jobs at once, when, and what follows where one fails."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import time
from typing import Any

MOST_AT_ONCE = 1000
"""Jobs that a queue may be told to run at once."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """What follows where a job ends with errors or fails: again, then without a station, then stop and tell.

    Attributes
    ----------
    again : int
        How often it is tried again as it is.
    without_station : bool
        Whether it is then made again without the station that is to blame, where one is.
    wait : float
        Seconds before it is tried again.
    blame : tuple of str
        What a station can be blamed for, as `Blame.kind` has it.

    Raises
    ------
    ValueError, TypeError
        Numbers below 0, or that are none.
    """

    again: int = 1
    without_station: bool = True
    wait: float = 60.0
    blame: tuple[str, ...] = ("weights", "missing data", "no data")

    def __post_init__(self) -> None:
        _whole("again", self.again, least=0)
        _number("wait", self.wait)
        object.__setattr__(self, "blame", words("blame", self.blame))


@dataclass(frozen=True, slots=True)
class QueueLimits:
    """How much a queue starts, and when.

    Attributes
    ----------
    at_once : int
        Jobs that may run at once.
    per_node : int
        Jobs that may run on one host at once; 0: any number.
    node_load : float
        A host with more than this share of its processors busy gets no further job. It counts where several may run at
        once: a queue of one after another waits for nobody.
    between : pair of time, optional
        Time of the day (UTC) from and until which jobs are started; the second may be on the next day. What runs is
        never stopped by it.
    longest : float
        Jobs of more observed seconds than this are not started; 0: any.
    disk_low : float
        Share of a disk below which a queue that is kept starts nothing that writes to it, where it can be seen.
    silent : float
        Seconds of silence after which a job that was about to be started when a process ended was not.

    Raises
    ------
    ValueError, TypeError
        Numbers out of range, or that are none.
    """

    at_once: int = 1
    per_node: int = 0
    node_load: float = 0.9
    between: tuple[time, time] | None = None
    longest: float = 0.0
    disk_low: float = 0.05
    silent: float = 120.0

    def __post_init__(self) -> None:
        _whole("at_once", self.at_once, least=1)
        _whole("per_node", self.per_node, least=0)
        for name in ("node_load", "longest", "disk_low", "silent"):
            _number(name, getattr(self, name))
        if self.disk_low > 1:
            raise ValueError(f"disk_low is a share from 0 to 1; got {self.disk_low}")
        if self.between is not None:
            object.__setattr__(self, "between", _span(self.between))

    def is_time(self, of_day: time) -> bool:
        """Whether jobs may be started at this time of the day, UTC."""
        if self.between is None:
            return True
        first, last = self.between
        if first <= last:
            return first <= of_day < last
        return of_day >= first or of_day < last


def policy_json(policy: RetryPolicy | None) -> dict[str, Any] | None:
    """A policy as plain values."""
    return None if policy is None else {**asdict(policy), "blame": list(policy.blame)}


def policy_of(plain: Mapping[str, Any] | None) -> RetryPolicy | None:
    """A policy from plain values; ValueError or TypeError where they are none."""
    return None if plain is None else RetryPolicy(**plain)


def limits_json(limits: QueueLimits) -> dict[str, Any]:
    """Limits as plain values."""
    between = None if limits.between is None else [one.isoformat() for one in limits.between]
    return {**asdict(limits), "between": between}


def limits_of(plain: Mapping[str, Any]) -> QueueLimits:
    """Limits from plain values; ValueError or TypeError where they are none."""
    between = plain.get("between")
    if between is None:
        return QueueLimits(**plain)
    first, last = (time.fromisoformat(one) for one in between)
    return QueueLimits(**{**plain, "between": (first, last)})


def words(name: str, value: object) -> tuple[str, ...]:
    """Several words; TypeError for one text where several belong, or none."""
    if isinstance(value, str) or not isinstance(value, Iterable):
        raise TypeError(f"{name} is a list of words; got {value!r}")
    return tuple(str(word) for word in value)


def _whole(name: str, value: object, *, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} is a whole number; got {value!r}")
    if not least <= value <= MOST_AT_ONCE:
        raise ValueError(f"{name} is a number from {least} to {MOST_AT_ONCE}; got {value}")


def _number(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is a number; got {value!r}")
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"{name} is a number from 0 up; got {value}")


def _span(between: object) -> tuple[time, time]:
    if not isinstance(between, tuple | list) or len(between) != 2:
        raise TypeError(f"between is a pair of times of the day; got {between!r}")
    first, last = between
    if not isinstance(first, time) or not isinstance(last, time):
        raise TypeError(f"between is a pair of times of the day; got {between!r}")
    if first.tzinfo is not None or last.tzinfo is not None:
        raise ValueError("between is UTC, and given without a zone")
    if first == last:
        raise ValueError("between needs two times that differ; None means any time")
    return first, last
