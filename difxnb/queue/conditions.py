# SPDX-License-Identifier: GPL-3.0-or-later
"""Conditions under which a queue starts nothing, and goes on by itself when they are over.

In: what is seen of hosts, disks and weights. Out: why nothing is to be started, or nothing. They look at nothing by
themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol, runtime_checkable

from difxnb.queue.policy import words
from difxnb.queue.rules import NodeSeen, seen_of

Samples = Sequence[tuple[float, float]]
"""Weights of a station: unix seconds and 0 to 1, oldest first."""


def _unknown(path: str) -> float | None:
    return None


@dataclass(frozen=True, slots=True)
class Seen:
    """What conditions are judged by.

    Attributes
    ----------
    nodes : mapping of str to NodeSeen
    free : callable
        Gives the free share of the disk of a path, 0 to 1; None where it cannot be seen.
    weights : mapping of str to sequence
        Weights of each station in jobs that run, with their times.
    """

    nodes: Mapping[str, NodeSeen] = field(default_factory=dict)
    free: Callable[[str], float | None] = _unknown
    weights: Mapping[str, Samples] = field(default_factory=dict)


@runtime_checkable
class SuspendCondition(Protocol):
    """Something that keeps a queue from starting jobs as long as it holds."""

    @property
    def id(self) -> str:
        """What it is called, the same as long as it is the same condition."""
        ...

    def holds(self, seen: Seen, now: float) -> str | None:
        """Why nothing is to be started, in words; None where it does not hold."""
        ...


@dataclass(frozen=True, slots=True)
class NodeSilent:
    """A host has not been heard for some time, neither its load nor its state as a recorder.

    Of one that was never heard, the time of the connection counts. Where such messages do not reach us at all it does
    not hold: nobody can tell then.

    Attributes
    ----------
    nodes : tuple of str
    seconds : float
    """

    nodes: tuple[str, ...]
    seconds: float = 120.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", words("nodes", self.nodes))
        if not self.nodes:
            raise ValueError("name at least one host")
        _require_number("seconds", self.seconds)

    @property
    def id(self) -> str:
        """Its name."""
        return f"node silent {' '.join(self.nodes)}"

    def holds(self, seen: Seen, now: float) -> str | None:
        """Why nothing is to be started, in words; None where it does not hold."""
        for node in self.nodes:
            silence = seen_of(seen.nodes, node).silence
            if silence > self.seconds:
                return f"node silent: {node} has said nothing for {silence:.0f} s"
        return None


@dataclass(frozen=True, slots=True)
class DiskLow:
    """Little is left of a disk. One that cannot be seen from here is not waited for.

    Attributes
    ----------
    share : float
        Free share, 0 to 1, below which it holds.
    path : str
        A file or directory on that disk.
    """

    share: float = 0.05
    path: str = "/"

    def __post_init__(self) -> None:
        _require_number("share", self.share, most=1.0)

    @property
    def id(self) -> str:
        """Its name."""
        return f"disk low {self.path}"

    def holds(self, seen: Seen, now: float) -> str | None:
        """Why nothing is to be started, in words; None where it does not hold."""
        free = seen.free(self.path)
        if free is None or free >= self.share:
            return None
        return f"disk low: {free:.1%} of the disk of {self.path} are free"


@dataclass(frozen=True, slots=True)
class WeightsLow:
    """A station has had low weights for some time in the jobs that run.

    Attributes
    ----------
    station : str
        As the jobs call it.
    below : float
        Weight, 0 to 1.
    seconds : float
        For how long all of them have to be below.
    """

    station: str
    below: float = 0.1
    seconds: float = 60.0

    def __post_init__(self) -> None:
        _require_number("below", self.below, most=1.0)
        _require_number("seconds", self.seconds)

    @property
    def id(self) -> str:
        """Its name."""
        return f"weights low {self.station}"

    def holds(self, seen: Seen, now: float) -> str | None:
        """Why nothing is to be started, in words; None where it does not hold."""
        begun = None
        for when, weight in reversed(seen.weights.get(self.station, ())):
            if not weight < self.below:
                break
            begun = when
        if begun is None or now - begun < self.seconds:
            return None
        return f"weights low: {self.station} has been below {self.below:g} for {now - begun:.0f} s"


_KINDS: dict[str, type[NodeSilent | DiskLow | WeightsLow]] = {
    "node silent": NodeSilent,
    "disk low": DiskLow,
    "weights low": WeightsLow,
}


def condition_json(condition: SuspendCondition) -> dict[str, Any] | None:
    """A condition as plain values; None where it is of another's making, and cannot be kept."""
    for name, kind in _KINDS.items():
        if isinstance(condition, kind):
            return {"kind": name, **asdict(condition)}
    return None


def condition_of(plain: Mapping[str, Any]) -> SuspendCondition:
    """A condition from plain values; ValueError or TypeError where they are none."""
    values = dict(plain)
    kind = _KINDS.get(str(values.pop("kind", "")))
    if kind is None:
        raise ValueError(f"no such condition: {plain!r}")
    return kind(**values)


def _require_number(name: str, value: object, *, most: float = math.inf) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} is a number; got {value!r}")
    if not (math.isfinite(value) and 0 <= value <= most):
        raise ValueError(
            f"{name} is a number from 0{'' if most == math.inf else f' to {most:g}'}; got {value}"
        )
