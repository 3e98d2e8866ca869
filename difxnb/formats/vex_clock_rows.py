# SPDX-License-Identifier: GPL-3.0-or-later
"""The clocks of a ``.vex`` as a table."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from difxnb.formats import frames
from difxnb.formats.frames import Columns
from difxnb.formats.vex_clocks import station_clocks
from difxnb.formats.vex_quantities import vex_moment
from difxnb.formats.vex_scans import moments
from difxnb.formats.vex_text import VexText


def clock_columns(vex: VexText, stations: Iterable[str], path: str | Path = "vex") -> Columns:
    """One row per station and clock, late positive.

    Raises
    ------
    FileFormatError
        A clock cannot be read.
    """
    rows = [(station, one) for station in stations for one in station_clocks(vex, station, path)]
    return {
        "station": frames.texts(station for station, _ in rows),
        "valid_from": moments(vex_moment("".join(one.statement.field(0))) for _, one in rows),
        "offset": frames.numbers(one.clock.coefficients[0] + 0.0 for _, one in rows),
        "rate": frames.numbers((*one.clock.coefficients, 0.0)[1] + 0.0 for _, one in rows),
        "epoch": moments(
            vex_moment("".join(one.statement.field(2)) or str(one.clock.epoch_mjd)) for _, one in rows
        ),
        "source": frames.texts("vex" for _ in rows),
    }
