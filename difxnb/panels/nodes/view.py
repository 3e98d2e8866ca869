# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and recorders as tables."""

from __future__ import annotations

import math

import ipywidgets as widgets

from difxnb.panels.bound import write
from difxnb.panels.nodes.model import NodeRow, NodesModel, NodesSnapshot
from difxnb.panels.nodes.recorders import RecorderRow, RecordersModel, RecordersSnapshot
from difxnb.panels.painter import PAINTER, Painter
from difxnb.panels.panel import Panel
from difxnb.panels.shown import ORANGE, RED, STYLE, Mark, ago, badge, bar, left_out, safe, said, table
from difxnb.panels.twin import Twin

_NODE_COLUMNS = (
    "host",
    "state",
    "load by cores",
    "memory",
    "network in",
    "out",
    "processes",
    "jobs",
    "heard",
)
_UNIT_COLUMNS = (
    "recorder",
    "type",
    "state",
    "job",
    "scan",
    "progress",
    "rate",
    "modules",
    "disks",
    "heard",
    "note",
)
_DISK_COLUMNS = ("recorder", "module", "disk", "what should be zero", "value")
_GIB, _MEGA = 2**30, 1e6


class NodesPanel(Panel):
    """Hosts, recorders, or both.

    Parameters
    ----------
    nodes : NodesModel, optional
    recorders : RecordersModel, optional
    """

    def __init__(
        self,
        nodes: NodesModel | None = None,
        recorders: RecordersModel | None = None,
        *,
        painter: Painter = PAINTER,
    ) -> None:
        self.nodes, self.recorders = nodes, recorders
        self._tables = (widgets.HTML(), widgets.HTML())
        super().__init__(widgets.VBox([widgets.HTML(STYLE), *self._tables]), painter)

    def _paint(self) -> None:
        for widget, value in zip(self._tables, self._html(), strict=True):
            write(widget, value=value)

    def _html(self) -> tuple[str, str]:
        nodes = "" if self.nodes is None else nodes_html(self.nodes.snapshot())
        units = "" if self.recorders is None else recorders_html(self.recorders.snapshot())
        return nodes, units

    def twin(self) -> Twin:
        """The same tables."""
        nodes = [] if self.nodes is None else self.nodes.snapshot(at_once=True).rows
        lines = [f"{row.mark} {row.name}" for row in nodes]
        units = [] if self.recorders is None else self.recorders.snapshot(at_once=True).rows
        lines += [f"{row.mark} {row.name}" for row in units]
        return Twin("\n".join(lines) or "nothing was heard yet", STYLE + "".join(self._html()))


def nodes_html(shown: NodesSnapshot) -> str:
    """Hosts as a table."""
    told = table(_NODE_COLUMNS, map(_node_cells, shown.rows), "Hosts", empty="No host was heard of yet.")
    return told + _more(shown.left_out, shown.dropped, "hosts")


def _node_cells(row: NodeRow) -> tuple[str, ...]:
    cores = "" if math.isnan(row.cores) else f" of {row.cores:.0f} cores"
    memory = "" if math.isnan(row.memory_total) else f" of {row.memory_total / _GIB:.0f} GiB"
    return (
        safe(row.name),
        badge(row.mark),
        bar(row.cpu, row.mark.colour) + cores,
        bar(row.memory, ORANGE if row.memory > 0.9 else row.mark.colour) + memory,
        _megabytes(row.network_in),
        _megabytes(row.network_out),
        str(row.processes) if row.processes else "",
        safe(row.jobs),
        ago(row.age),
    )


def recorders_html(shown: RecordersSnapshot) -> str:
    """Recorders as a table, and disks that are not well."""
    units = table(
        _UNIT_COLUMNS, map(_unit_cells, shown.rows), "Recorders", empty="No recorder was heard of yet."
    )
    disks = table(
        _DISK_COLUMNS,
        [
            (
                safe(disk.recorder),
                safe(disk.module),
                str(disk.disk),
                safe(disk.attribute),
                badge(_suspect(disk.value)),
            )
            for disk in shown.disks
        ],
        "Disks that are not well",
        empty=f"All {shown.n_disks} disks that report their health are well." if shown.n_disks else "",
    )
    more = said(left_out(shown.disks_left_out, "values of disks"))
    return units + _more(shown.left_out, shown.dropped, "recorders") + disks + more


def _suspect(value: int) -> Mark:
    return Mark(str(value), "!", RED)


def _unit_cells(row: RecorderRow) -> tuple[str, ...]:
    return (
        safe(row.name),
        safe(row.kind),
        badge(row.mark),
        safe(row.job),
        safe(row.scan),
        bar(row.progress, row.mark.colour),
        "" if not row.rate > 0 else f"{row.rate / _MEGA:.0f} Mbit/s",
        safe(row.modules),
        f"{row.missing_disks} missing" if row.missing_disks else "",
        ago(row.age),
        safe(row.note),
    )


def _megabytes(rate: float) -> str:
    return "" if math.isnan(rate) else f"{rate / _MEGA:.1f} MB/s"


def _more(left: int, dropped: int, what: str) -> str:
    told = [left_out(left, what), f"{dropped} were forgotten, because there were too many" if dropped else ""]
    return said("; ".join(one for one in told if one))
