# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ``.v2d`` says, in a few lines: the facts that its repr shows, as text and as HTML."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from difxnb.formats.input_summary import some
from difxnb.formats.v2d_block_problems import media, value
from difxnb.formats.v2d_problems import problems_of

if TYPE_CHECKING:
    from difxnb.formats.v2d import V2d


def title(v2d: V2d) -> str:
    """Name and size in one line."""
    listed = v2d.words("antennas")
    sizes = ((len(v2d.setups), "setup"), (len(v2d.rules), "rule"))
    counts = [f"{count} {name}{'' if count == 1 else 's'}" for count, name in sizes]
    antennas = f"{len(listed)} antenna{'' if len(listed) == 1 else 's'}" if listed else "all antennas"
    return f"<V2d {v2d.path.name if v2d.path else 'without a file'}: {', '.join((antennas, *counts))}>"


def facts(v2d: V2d) -> dict[str, str]:
    """Names and values that say what would be correlated how; never raises."""
    data = [f"{block.name} {' '.join(media(block))}" for block in v2d.blocks("ANTENNA") if media(block)]
    setups = [
        f"{block.name} "
        + " ".join(f"{name}={some(words)}" for name, words in block.all_words().items())
        + ";"
        for block in v2d.blocks("SETUP")
    ]
    limits = (("from", value(v2d.block(), "mjdStart")), ("to", value(v2d.block(), "mjdStop")))
    times = [f"{name} {np.datetime_as_string(time, 's')}" for name, time in limits if time is not None]
    return {
        "schedule": some(v2d.words("vex")),
        "antennas": some(v2d.words("antennas")),
        "data": some(f"{one}," for one in data).rstrip(","),
        "setups": some(setups, 4).rstrip(";"),
        "rules": some((f"{one.name} → {' '.join(one.words('setup'))}," for one in v2d.rules), 6).rstrip(","),
        "time": " ".join(times),
        "earth orientation": f"{len(v2d.eops)} days" if v2d.eops else "",
        "jobs": " ".join(v2d.words("jobSeries")),
        "problems": _problems(v2d),
        "changed": "since it was read" if v2d.text != v2d.original else "",
    }


def _problems(v2d: V2d) -> str:
    """How many there are; without the schedule where that is not at hand."""
    rows = problems_of(v2d, None)
    counts = [(sum(row.severity == one for row in rows), one) for one in ("error", "warning")]
    return ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for count, name in counts if count)
