# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ``.vex`` says, in a few lines: the facts that its repr shows, as text and as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from difxnb.formats.input_summary import counted, some

if TYPE_CHECKING:
    from difxnb.formats.vex import Vex


def title(vex: Vex) -> str:
    """Name and size in one line."""
    sizes = {
        "scans": len(vex.scan_list),
        "stations": len(vex.station_list),
        "sources": len(vex.source_list),
    }
    name = vex.exper or (vex.path.name if vex.path else "")
    counts = (f"{count} {what[:-1] if count == 1 else what}" for what, count in sizes.items())
    return f"<Vex {name}: {', '.join(counts)}>"


def facts(vex: Vex) -> dict[str, str]:
    """Names and values that say who looks at what, and when."""
    modes = vex.statements.block("MODE")
    return {
        "time": _span(vex),
        "stations": some(one.key for one in vex.station_list),
        "scans": some(scan.name for scan in vex.scan_list),
        "sources": some(one.key for one in vex.source_list),
        "modes": some(one.name for one in modes.definitions) if modes else "",
        "formats": counted(one.recording.data_format for one in vex.setup_list),
        "problems": _problems(vex),
        "version": f"VEX {vex.version}",
        "file": str(vex.path or ""),
    }


def _span(vex: Vex) -> str:
    start, stop = vex.start, vex.stop
    if np.isnat(start) or np.isnat(stop):
        return ""
    first, last = (np.datetime_as_string(time, unit="s").replace("T", " ") for time in (start, stop))
    return f"{first} UTC to {last} UTC"


def _problems(vex: Vex) -> str:
    found = vex.own_problems()
    counts = {kind: sum(one.severity == kind for one in found) for kind in ("error", "warning", "note")}
    said = [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in counts.items() if count]
    return ", ".join(said) or "none by the rules of vex2difx; problems() looks closer"
