# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ``.calc`` file says, in a few lines: the facts that its repr shows, as text and as HTML."""

from __future__ import annotations

from difxnb.formats.calc_frames import start_day
from difxnb.formats.calc_model import Calc
from difxnb.formats.frames import name_of
from difxnb.formats.input_summary import moment, some

_MOST_SCANS = 4


def title(calc: Calc) -> str:
    """Name and size in one line."""
    sizes = {"antennas": len(calc.telescopes), "scans": len(calc.scans), "sources": len(calc.sources)}
    return f"<Calc {calc.job_name}: {', '.join(f'{count} {what}' for what, count in sizes.items())}>"


def facts(calc: Calc) -> dict[str, str]:
    """Names and values that say when which antennas looked where."""
    names = [source.name for source in calc.sources]
    day, second = start_day(calc)
    scans = [
        f"{scan.identifier} {name_of(names, scan.pointing_source)} +{scan.start_s} s for {scan.duration_s} s,"
        for scan in calc.scans
    ]
    return {
        "time": f"{moment(day, second)} to {moment(calc.job_stop_mjd)}",
        "antennas": some(telescope.name for telescope in calc.telescopes),
        "scans": some(scans, _MOST_SCANS).rstrip(","),
        "sources": some(names),
        "earth orientation": f"{len(calc.eops)} days" if calc.eops else "",
        "spacecraft": str(calc.num_spacecraft or ""),
        "experiment": calc.obscode,
        "made with": " ".join([calc.difx_version, calc.difx_label]).strip(),
        "delay model": calc.im_filename,
        "flags": calc.flag_filename,
        "schedule": calc.vex_file,
    }
