# SPDX-License-Identifier: GPL-3.0-or-later
"""What is chosen for a launch: the job, its nodes and threads, who reads which data, options.

Nothing is done with it here.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from difxnb.panels.acting import ActingModel
from difxnb.panels.launch.nodes import NodeRow, node_rows, recommended_plan
from difxnb.panels.launch.plan import Plan
from difxnb.panels.launch.reading import Reading
from difxnb.panels.launch.sources import Found, Source, look_for
from difxnb.panels.rows import each_row
from difxnb.panels.work import Work

LOOK_EVERY_S = 1.0
"""Seconds between two looks at the loads of nodes."""


@dataclass(frozen=True)
class Options:
    """How a job is started.

    Attributes
    ----------
    overwrite : bool
        Move output that is there aside.
    restart_seconds : int
        Begin so many seconds after the beginning of the job.
    monitor : bool
        Watch the visibilities live.
    test : bool
        Try all nodes through MPI before machines are written, and leave out those that do not answer.
    """

    overwrite: bool = False
    restart_seconds: int = 0
    monitor: bool = True
    test: bool = False


class Choices(ActingModel):
    """What is chosen for a launch.

    Parameters
    ----------
    correlator : Correlator
        See `difxnb.aio.Correlator`.
    work : Work
    clock : callable
        Seconds of a clock that never goes back.
    """

    def __init__(self, correlator: Any, work: Work, *, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(work, clock=clock)
        self._difx = correlator
        self._wanted = ""
        self._reading: Reading | None = None
        self._plan = Plan()
        self._advice = ""
        self._added: tuple[str, ...] = ()
        self._answers: dict[str, bool | None] = {}
        self._options = Options()
        self._waived: frozenset[str] = frozenset()
        self._looked = float("-inf")
        self._versions: tuple[str, ...] = ()
        self._rows: list[NodeRow] = []
        self._rows_of: tuple[object, ...] = ()
        self._frames: tuple[pd.DataFrame, frozenset[str], pd.DataFrame]

    # --- what is known of nodes and data --------------------------------------------------------------

    def _look_at_nodes(self) -> tuple[pd.DataFrame, frozenset[str], pd.DataFrame]:
        """Nodes, names of recorders, modules: not looked at anew more often than once a second."""
        if self._clock() - self._looked >= LOOK_EVERY_S:
            recorders = self._difx.recorders
            names = frozenset(recorders.frame()["recorder"])
            self._frames = (self._difx.nodes.frame(), names, recorders.modules())
            self._versions = tuple(self._difx.server.difx_versions["version"])
            self._looked = self._clock()
        return self._frames

    def _node_rows(self) -> list[NodeRow]:
        """Nodes to choose from; made anew only when something was chosen or looked at."""
        frame, recorders, _ = self._look_at_nodes()
        made_of = (self._looked, self._plan, self._added, self._answers)
        if made_of != self._rows_of:
            rows = node_rows(frame, recorders, self._plan, (*self._added, self._usual_head_node()))
            self._rows = [replace(row, answered=self._answers.get(row.name)) for row in rows]
            self._rows_of = made_of
        return self._rows

    def _usual_head_node(self) -> str:
        """Where guiServer itself runs, as far as it tells."""
        if self._difx.server.is_embedded:
            return "localhost"
        environment = self._difx.server.environment
        told = environment.get("DIFX_HEAD_NODE") or environment.get("HOSTNAME")
        return str(told or self._difx.address.host)

    def _sources(self) -> list[tuple[Source, Found]]:
        reading = self._reading
        if reading is None:
            return []
        modules, beside = self._look_at_nodes()[2], self._difx.server.is_embedded
        return [
            (source, look_for(source, reading.input_file, reading.seen, beside=beside, modules=modules))
            for source in reading.sources
        ]

    # --- what is chosen -------------------------------------------------------------------------------

    def set_head_node(self, name: str) -> None:
        """Have the job led from this node."""
        with self._changing():
            self._plan = replace(self._plan, head_node=name.strip())

    def set_threads(self, node: str, number: int) -> None:
        """Have a node compute with so many threads; with none it does not."""
        with self._changing():
            self._plan = self._plan.with_threads(node, max(0, int(number)))

    def set_datastream(self, index: int, node: str) -> None:
        """Have a node read a datastream; IndexError where the job has no such."""
        with self._changing():
            self._plan = self._plan.with_datastream(index, node.strip())

    def add_node(self, name: str) -> None:
        """Add a node of which nothing was heard to the table."""
        name = name.strip()
        if not name or name in self._added:
            return
        with self._changing():
            self._added = (*self._added, name)

    def recommend(self) -> None:
        """Choose idle nodes, and who reads what; what was chosen is forgotten."""
        if self._reading is None:
            self._say("choose a job first", is_problem=True)
            return
        with self._changing():
            self._take_recommendation()

    def _take_recommendation(self) -> None:
        head = self._plan.head_node or self._usual_head_node()
        places = tuple(found.node for _, found in self._sources())
        self._plan, self._advice = recommended_plan(self._node_rows(), head, places)

    def take_written(self) -> None:
        """Choose what the machines files of the job hold."""
        placed = None if self._reading is None else self._reading.placed
        if placed is None:
            self._say("the job has no machines files yet", is_problem=True)
            return
        with self._changing():
            self._plan, self._advice = placed, "as in the machines files of the job"

    def set_overwrite(self, overwrite: bool) -> None:
        """Move output that is there aside at the start, or refuse to start."""
        self._set_options(overwrite=bool(overwrite))

    def set_restart_seconds(self, seconds: int) -> None:
        """Begin so many seconds after the beginning of the job."""
        self._set_options(restart_seconds=max(0, int(seconds)))

    def set_monitor(self, monitor: bool) -> None:
        """Watch the visibilities live."""
        self._set_options(monitor=bool(monitor))

    def set_test(self, test: bool) -> None:
        """Try the nodes before machines are written."""
        self._set_options(test=bool(test))

    def _set_options(self, **options: Any) -> None:
        with self._changing():
            self._options = replace(self._options, **options)

    def waive(self, finding: str, waived: bool = True) -> None:
        """Have the job start in spite of a finding, by its id."""
        with self._changing():
            self._waived = self._waived | {finding} if waived else self._waived - {finding}

    def _take_reading(self, reading: Reading) -> bool:
        """Take what was read of a job; False where another one was chosen meanwhile. The lock is held."""
        if reading.input_file != self._wanted:
            return False
        is_new = self._reading is None or self._reading.input_file != reading.input_file
        self._reading = reading
        if is_new:
            self._options = replace(self._options, overwrite=False, restart_seconds=0)
            self._waived = frozenset()
            self._answers = {}
        if is_new or len(self._plan.datastreams) != len(reading.sources):
            self._first_plan(reading)
        return True

    def _first_plan(self, reading: Reading) -> None:
        placed = reading.placed
        if placed is not None and len(placed.datastreams) == len(reading.sources):
            self._plan, self._advice = placed, "as in the machines files of the job"
        else:
            self._plan = Plan()
            self._take_recommendation()

    def _keep_answers(self, frame: pd.DataFrame) -> None:
        with self._changing():
            self._answers = {
                row.node: None if pd.isna(row.answered) else bool(row.answered) for row in each_row(frame)
            }

    @property
    def _is_written(self) -> bool:
        """Whether the machines files hold what is chosen."""
        return self._reading is not None and self._reading.placed == self._plan
