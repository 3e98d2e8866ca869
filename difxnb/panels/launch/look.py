# SPDX-License-Identifier: GPL-3.0-or-later
"""What a launch panel shows: all of it, as it was at one moment."""

from __future__ import annotations

from dataclasses import dataclass

from difxnb.panels.acting import ActingSnapshot
from difxnb.panels.connection.standing import Standing
from difxnb.panels.launch.choices import Options
from difxnb.panels.launch.nodes import NodeRow
from difxnb.panels.launch.plan import Plan
from difxnb.panels.launch.reading import Reading
from difxnb.panels.launch.run_look import RunLook
from difxnb.panels.launch.sources import Found, Source


@dataclass(frozen=True)
class FindingRow:
    """Something that speaks against the job, as the check found it."""

    id: str
    severity: str
    blocks: bool
    text: str
    waived: bool


@dataclass(frozen=True)
class LaunchSnapshot(ActingSnapshot):
    """What the panel shows; texts are as they came, not escaped.

    Attributes
    ----------
    wanted : str
        Path of the job that was asked for; `reading` is that of the latest one that could be read.
    findings : tuple of FindingRow or None
        None where the job was not checked.
    nodes : tuple of NodeRow
    sources : tuple of (Source, Found)
    advice : str
        Why the nodes are chosen as they are.
    is_written : bool
        Whether the machines files hold what is chosen.
    hindrance : str
        Why the job cannot be started now, in words; empty where it can.
    is_starting, is_stopping : bool
    confirming : bool
        Whether the next press of "stop" stops.
    run : RunLook or None
        The run that was started or is followed here.
    """

    wanted: str
    reading: Reading | None
    findings: tuple[FindingRow, ...] | None
    passed: bool
    plan: Plan
    advice: str
    nodes: tuple[NodeRow, ...]
    sources: tuple[tuple[Source, Found], ...]
    is_written: bool
    options: Options
    versions: tuple[str, ...]
    version_in_use: str
    is_read_only: bool
    standing: Standing
    hindrance: str
    is_starting: bool
    is_stopping: bool
    confirming: bool
    run: RunLook | None
