# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree of experiments, passes and jobs, as lines: found from paths, and from names where there is no path.

A job ``exp_12`` in ``…/exp/clocks/exp_12.input`` is of the pass ``clocks`` of the experiment ``exp``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from difxnb.panels.jobs.row import JobRow

_NUMBERED = re.compile(r"(.+?)_(\d{1,9})", re.ASCII)
_LONGEST_RUN = 999_999_999


@dataclass(frozen=True)
class Place:
    """Where a job belongs; the pass is empty where the experiment has none."""

    experiment: str
    pass_name: str


@dataclass(frozen=True)
class Heading:
    """An experiment, or a pass of one."""

    key: str
    text: str
    depth: int
    is_open: bool
    summary: str


@dataclass(frozen=True)
class Leaf:
    """A job."""

    row: JobRow
    depth: int


Line = Heading | Leaf


def place_of(name: str, input_file: str) -> Place:
    """The experiment and pass of a job."""
    found = _NUMBERED.fullmatch(name)
    experiment = name if found is None else found[1]
    folders = PurePosixPath(input_file).parts[1:-1] if input_file.startswith("/") else ()
    above = [at for at, folder in enumerate(folders) if folder.casefold() == experiment.casefold()]
    if above:
        return Place(folders[above[-1]], "/".join(folders[above[-1] + 1 :]))
    return Place(experiment, folders[-1] if folders else "")


def lines_of(rows: Iterable[JobRow], closed: Collection[str]) -> list[Line]:
    """Rows as a tree; what is below a heading among `closed` is left out."""
    tree: dict[str, dict[str, list[JobRow]]] = {}
    for row in sorted(rows, key=lambda row: _by_number(row.name)):
        place = place_of(row.name, row.input_file)
        tree.setdefault(place.experiment, {}).setdefault(place.pass_name, []).append(row)
    lines: list[Line] = []
    for experiment in sorted(tree, key=str.casefold):
        passes = tree[experiment]
        everything = [row for jobs in passes.values() for row in jobs]
        lines.append(_heading(experiment, experiment, 0, closed, everything))
        if experiment not in closed:
            lines += _passes(experiment, passes, closed)
    return lines


def _passes(experiment: str, passes: dict[str, list[JobRow]], closed: Collection[str]) -> list[Line]:
    lines: list[Line] = []
    for name in sorted(passes, key=str.casefold):
        key = f"{experiment}/{name}"
        if name:
            lines.append(_heading(key, name, 1, closed, passes[name]))
        if key not in closed or not name:
            lines += [Leaf(row, 2 if name else 1) for row in passes[name]]
    return lines


def _heading(key: str, text: str, depth: int, closed: Collection[str], rows: list[JobRow]) -> Heading:
    counts: dict[str, int] = {}
    for row in rows:
        counts[str(row.mark)] = counts.get(str(row.mark), 0) + 1
    jobs = "1 job" if len(rows) == 1 else f"{len(rows)} jobs"
    return Heading(
        key,
        text,
        depth,
        key not in closed,
        f"{jobs}: " + ", ".join(f"{count} {mark}" for mark, count in counts.items()),
    )


def _by_number(name: str) -> tuple[str, int, str]:
    found = _NUMBERED.fullmatch(name)
    return (name, 0, name) if found is None else (found[1], min(int(found[2]), _LONGEST_RUN), name)
