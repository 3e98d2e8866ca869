# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of a ``.calc`` file as DataFrames: SI units, UTC, names beside row numbers.

Mirrors ``difx-files.md`` 5.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from difxnb.formats import frames
from difxnb.formats.calc_model import Calc
from difxnb.formats.frames import Columns
from difxnb.formats.mjd import DAY_S, MJD_ZERO

if TYPE_CHECKING:
    import pandas as pd

_ARCSEC = math.pi / 180 / 3600


def calc_frame(calc: Calc, table: str) -> pd.DataFrame:
    """One table of a ``.calc`` file; see :meth:`difxnb.formats.calc_model.Calc.frame`."""
    return frames.named_table(calc, table, TABLES, "a .calc")


def start_day(calc: Calc) -> tuple[int, float]:
    """Day (MJD) and second of the job start, to which the scans count: of the calendar, which is exact.

    A second of 60 is the first of the next minute; what is no date of the calendar is taken from the MJD.
    """
    year, month, day, hour, minute, second = calc.start_time
    try:
        days = (datetime(year, month, day) - MJD_ZERO) // timedelta(days=1)
    except ValueError:
        whole = math.floor(calc.start_mjd)
        return whole, round((calc.start_mjd - whole) * DAY_S)
    return days, float(hour * 3600 + minute * 60 + second)


def _job(calc: Calc) -> Columns:
    day, second = start_day(calc)
    texts = {
        name: frames.texts([getattr(calc, name)])
        for name in (
            "obscode", "difx_version", "difx_label", "delay_model", "taper_function", "vex_file", "im_filename",
            "flag_filename",
        )
    }  # fmt: skip
    numbers = {
        name: frames.integers([getattr(calc, name)])
        for name in ("job_id", "subjob_id", "subarray_id", "spectral_avg")
    }
    return {
        "job": frames.texts([calc.job_name]),
        "start": frames.utc([day], second),
        "job_start": frames.utc([calc.job_start_mjd], step_ns=frames.WRITTEN_MJD_NS),
        "job_stop": frames.utc([calc.job_stop_mjd], step_ns=frames.WRITTEN_MJD_NS),
        "duty_cycle": frames.numbers([calc.duty_cycle]),
        **numbers,
        **texts,
    }


def _scans(calc: Calc) -> Columns:
    rows, names = calc.scans, [source.name for source in calc.sources]
    day, second = start_day(calc)
    return {
        "scan": frames.texts(row.identifier for row in rows),
        "start": frames.utc([day] * len(rows), [second + row.start_s for row in rows]),
        "stop": frames.utc([day] * len(rows), [second + row.start_s + row.duration_s for row in rows]),
        "duration": frames.numbers(row.duration_s for row in rows),
        "source": frames.texts(frames.name_of(names, row.pointing_source) for row in rows),
        "phase_centers": frames.lists([frames.name_of(names, c) for c in row.phase_centers] for row in rows),
        "mode": frames.texts(row.mode for row in rows),
        "uvshift_interval": frames.numbers((row.uvshift_ns for row in rows), frames.NANOSECOND),
        "ac_avg_interval": frames.numbers((row.ac_avg_ns for row in rows), frames.NANOSECOND),
    }


def _telescopes(calc: Calc) -> Columns:
    rows = calc.telescopes
    return {
        "antenna": frames.texts(row.name for row in rows),
        "mount": frames.texts(row.mount for row in rows),
        "axis_offset": frames.numbers(row.offset_m for row in rows),
        "x": frames.numbers(row.x for row in rows),
        "y": frames.numbers(row.y for row in rows),
        "z": frames.numbers(row.z for row in rows),
        "shelf": frames.texts(row.shelf for row in rows),
    }


def _sources(calc: Calc) -> Columns:
    rows = calc.sources
    return {
        "source": frames.texts(row.name for row in rows),
        "ra": frames.numbers(row.ra for row in rows),
        "dec": frames.numbers(row.dec for row in rows),
        "calcode": frames.texts(row.calcode for row in rows),
        "qual": frames.integers(row.qual for row in rows),
    }


def _eops(calc: Calc) -> Columns:
    rows = calc.eops
    return {
        "time": frames.utc(row.mjd for row in rows),
        "tai_utc": frames.numbers(row.tai_utc_s for row in rows),
        "ut1_utc": frames.numbers(row.ut1_utc_s for row in rows),
        "x_pole": frames.numbers((row.x_pole_arcsec for row in rows), _ARCSEC),
        "y_pole": frames.numbers((row.y_pole_arcsec for row in rows), _ARCSEC),
    }


def _spacecraft(calc: Calc) -> Columns:
    return {
        "key": frames.texts(key for key, _ in calc.spacecraft),
        "value": frames.texts(value for _, value in calc.spacecraft),
    }


TABLES: dict[str, Callable[[Calc], Columns]] = {
    "scans": _scans,
    "telescopes": _telescopes,
    "sources": _sources,
    "eops": _eops,
    "job": _job,
    "spacecraft": _spacecraft,
}
"""Names of the tables, and what makes their columns."""
