# SPDX-License-Identifier: GPL-3.0-or-later
"""What vex2difx 2.9 stops at in a schedule although it can be read, and jobs are made of it here.

All are warnings: where jobs are made by this package nothing is lost. Tried out with the program itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from difxnb.formats.problems import Problem
from difxnb.formats.vex_tables import VexTables

_FIELDS = 7
_LINE = "Aa : 0 sec : 300 sec : 0 GB : : : 1"


def refused(vex: VexTables) -> Iterator[Problem]:
    """Lines of scans, and names of their sources."""
    if vex.version == "1.5":
        yield from _of_scans(vex)
    yield from _of_source_names(vex)


def _of_scans(vex: VexTables) -> Iterator[Problem]:
    """What the grammar of VEX 1.5 has not, as vex2difx reads it."""
    for scan in vex.scan_list:
        where = f"$SCHED {scan.name}"
        for one in scan.definition.all("intent"):
            told = "vex2difx reads intent in VEX 2.0 only, and stops with a syntax error"
            fix = "make the line a comment, with * before it"
            yield Problem("warning", "not in vex", told, where, vex.line_of(one.start), "intent", fix)
        for line in scan.stations:
            fields = line.statement.fields
            if len(fields) < _FIELDS or not fields[_FIELDS - 1]:
                told = f"the line of {line.station} ends before its drive, its field {_FIELDS}; vex2difx fails at it"
                at = vex.line_of(line.statement.start)
                yield Problem("warning", "short line", told, where, at, "station", f"write it as {_LINE}")


def _of_source_names(vex: VexTables) -> Iterator[Problem]:
    """Sources of scans that are called otherwise than their definitions."""
    observed = {name for scan in vex.scan_list for name in scan.sources}
    for one in vex.source_list:
        given = one.definition.all("source_name")
        names = [" ".join(statement.field(0)) for statement in given]
        if one.key not in observed or one.key in names:
            continue
        called = f"is called {names[-1]}" if names else "has no source_name"
        told = f"{one.key} {called}; vex2difx finds sources by that name, and fails where a scan has another"
        line = vex.line_of(given[-1].start if given else one.definition.start)
        fix = f"source_name = {one.key}"
        yield Problem("warning", "source name", told, f"$SOURCE {one.key}", line, "source_name", fix)
