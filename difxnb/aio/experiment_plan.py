# SPDX-License-Identifier: GPL-3.0-or-later
"""What would be made of an experiment: files to write, jobs, problems, and what is in the way.

In: a schedule, a ``.v2d``, and what is in the directory already. Out: a plan, which can be shown before it is carried
out. Nothing here speaks with a server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pandas as pd

from difxnb.aio.experiment_orders import Named
from difxnb.aio.experiment_sources import encoded
from difxnb.errors import CannotMakeJob
from difxnb.formats.problems import Problem, problem_frame
from difxnb.making.drafting import drawn_up
from difxnb.making.plan import PlannedJob, planned, planned_frame
from difxnb.tables.attached import attached
from difxnb.tables.columns import flags, texts
from difxnb.wire.vex2difx import job_series

if TYPE_CHECKING:
    from difxnb.formats.v2d import V2d
    from difxnb.formats.vex import Vex

_LONGEST_BEGIN = 72  # characters of a text in a table


@dataclass(frozen=True, slots=True)
class PlacedFile:
    """A file of the experiment.

    Attributes
    ----------
    path : str
        On the server.
    content : bytes
    before : bytes or None
        What is there under that name; None where nothing is.
    note : str
        Where it comes from.
    """

    path: str
    content: bytes
    before: bytes | None
    note: str

    @property
    def action(self) -> str:
        """``write``, ``replace``, or ``keep`` where just this is there already."""
        if self.before is None:
            return "write"
        return "keep" if self.before == self.content else "replace"


@dataclass(frozen=True, slots=True)
class ExperimentPlan:
    """What would be made.

    Attributes
    ----------
    directory : str
    is_new : bool
        Whether the directory is to be made.
    vex, v2d : PlacedFile
    series : str
        How the names of the jobs begin.
    jobs : tuple of PlannedJob
        Empty where none are wanted, or where the rules of vex2difx for them are not known here.
    taken : tuple of str
        Files of jobs of this series that are there.
    problems : DataFrame
    calc : str
        Empty where no jobs are wanted.
    """

    directory: str
    is_new: bool
    vex: PlacedFile
    v2d: PlacedFile
    series: str
    jobs: tuple[PlannedJob, ...]
    taken: tuple[str, ...]
    problems: pd.DataFrame
    calc: str

    @property
    def clashes(self) -> list[str]:
        """Files that would be replaced."""
        return [*(file.path for file in self.files if file.action == "replace"), *self.taken]

    @property
    def files(self) -> tuple[PlacedFile, PlacedFile]:
        """The two, in the order in which they are written."""
        return self.v2d, self.vex

    def frame(self) -> pd.DataFrame:
        """What would be done, in its order: ``action path text detail exists``; whole texts in ``attrs``."""
        rows = list[tuple[str, str, str, str, bool]]()
        if self.is_new:
            rows.append(("make directory", self.directory, "", "", False))
        for file in self.files:
            row = (
                file.action,
                file.path,
                _begin_of(decoded(file.content)),
                file.note,
                file.before is not None,
            )
            rows.append(row)
        if self.calc:
            detail = f"vex2difx, then {self.calc} on each job"
            rows.append(("run", self.v2d.path, "", detail, self.v2d.before is not None))
        for job, path in zip(self.jobs, self._inputs(), strict=True):
            rows.append(("make job", path, "", _of_job(job), path in self.taken))
        frame = pd.DataFrame(
            {
                "action": texts(row[0] for row in rows),
                "path": texts(row[1] for row in rows),
                "text": texts(row[2] for row in rows),
                "detail": texts(row[3] for row in rows),
                "exists": flags(row[4] for row in rows),
            }
        )
        whole = {file.path: decoded(file.content) for file in self.files}
        frame.attrs.update(self.attached(), clashes=self.clashes, texts=whole)
        return frame

    def attached(self) -> dict[str, object]:
        """What goes with the result: ``directory vex v2d problems jobs``."""
        return {
            "directory": self.directory,
            "vex": self.vex.path,
            "v2d": self.v2d.path,
            "problems": attached(self.problems),
            "jobs": attached(self._jobs_frame()),
        }

    def _jobs_frame(self) -> pd.DataFrame:
        frame = planned_frame(self.jobs)
        frame["input"] = texts(self._inputs())
        frame["exists"] = flags(path in self.taken for path in self._inputs())
        return frame

    def _inputs(self) -> list[str]:
        return [str(PurePosixPath(self.directory) / f"{job.name}.input") for job in self.jobs]


def decoded(content: bytes) -> str:
    """A text to show."""
    return content.decode("utf-8", "replace")


def _begin_of(text: str) -> str:
    """The first line of a text, and how many there are."""
    lines = text.splitlines()
    return f"{lines[0][:_LONGEST_BEGIN]} … ({len(lines)} lines)" if len(lines) > 1 else text[:_LONGEST_BEGIN]


def _of_job(job: PlannedJob) -> str:
    scans = f"{len(job.scans)} scans" if len(job.scans) != 1 else f"scan {job.scans[0]}"
    return f"{scans}, {' '.join(job.antennas)}, {job.duration_s:g} s"


def plan_experiment(
    directory: str,
    vex: tuple[Vex, Named],
    v2d: tuple[V2d, Named],
    there: Mapping[str, bytes] | None,
    inputs: Sequence[str] = (),
    *,
    calc: str = "",
    lists: Mapping[str, str] | None = None,
) -> ExperimentPlan:
    """Say what would be made.

    Parameters
    ----------
    directory : str
        On the server.
    vex, v2d : tuple
        Each with the name that its file gets, and where it comes from.
    there : mapping or None
        What the directory holds under these two names; None where there is no directory.
    inputs : sequence of str
        Paths of the ``.input`` files in it.
    calc : str
        Delay model program; empty where no jobs are to be made.
    lists : mapping, optional
        Texts of the lists of recordings that the ``.v2d`` names, by their paths.
    """
    schedule, of_vex = vex
    orders, of_v2d = v2d
    at = PurePosixPath(directory)
    stem = PurePosixPath(of_v2d.name).stem
    series = job_series(orders.text, stem)
    jobs, unplanned = _jobs(schedule, orders, stem, directory, lists or {}) if calc else ((), [])
    old = there or {}
    return ExperimentPlan(
        directory=directory,
        is_new=there is None,
        vex=PlacedFile(str(at / of_vex.name), encoded(schedule.text), old.get(of_vex.name), of_vex.note),
        v2d=PlacedFile(str(at / of_v2d.name), encoded(orders.text), old.get(of_v2d.name), of_v2d.note),
        series=series,
        jobs=tuple(jobs),
        taken=tuple(path for path in inputs if is_of_series(series, path)) if calc else (),
        problems=_problems(schedule, orders, unplanned),
        calc=calc,
    )


def _jobs(
    vex: Vex, v2d: V2d, name: str, directory: str, lists: Mapping[str, str]
) -> tuple[Sequence[PlannedJob], list[Problem]]:
    """Jobs as far as the rules are known here; a vex2difx on the server may know more."""

    def read(name: str) -> str:
        path = str(PurePosixPath(directory) / name)
        if path not in lists:
            raise FileNotFoundError(f"{path} was not found on the server")
        return lists[path]

    try:
        plan = drawn_up(vex, v2d.text, name, read)
    except CannotMakeJob as error:
        return (), [Problem("note", "not planned", reason, fix=_UNPLANNED) for reason in error.reasons]
    told = [Problem("note", "plan note", note) for note in plan.notes]
    return [planned(plan, draft, Path(directory)) for draft in plan.drafts], told


_UNPLANNED = "a vex2difx on the server may make jobs all the same"


def lists_of(v2d: V2d, directory: str) -> list[str]:
    """Paths on the server of the lists of recordings that a ``.v2d`` names."""
    blocks = [*v2d.antennas.values(), *v2d.datastreams.values()]
    names = [word for block in blocks for word in block.words("filelist")]
    return list(dict.fromkeys(str(PurePosixPath(directory) / name) for name in names))


def _problems(vex: Vex, v2d: V2d, more: Iterable[Problem]) -> pd.DataFrame:
    """All that is wrong, the worst first, as `problem_frame` has it."""
    of_vex = vex.problems()
    frames = [v2d.problems(vex), of_vex[~of_vex["kind"].isin(_IN_V2D)], problem_frame(more)]
    table = pd.concat(frames, ignore_index=True).drop_duplicates()
    ranks = table["severity"].map({"error": 0, "warning": 1, "note": 2})
    table = table.loc[ranks.sort_values(kind="stable").index].reset_index(drop=True)
    table.attrs["passed"] = bool((table["severity"] != "error").all())
    return table


# What a schedule need not have where the .v2d has it; that is told of the .v2d.
_IN_V2D = ("no clock", "no eop")


def is_of_series(series: str, path: str) -> bool:
    """Whether an ``.input`` may be replaced by a job of a series, as `Correlator.make_jobs` sees it."""
    name = PurePosixPath(path).name
    return name.endswith(".input") and (name == f"{series}.input" or name.startswith(f"{series}_"))
