# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``.calc`` of a planned job: antennas, sources, scans, Earth orientation (``difx-files.md`` 5)."""

from __future__ import annotations

import datetime as dt
import os
from dataclasses import replace
from pathlib import Path

from difxnb.formats.calc_model import Calc, CalcScan, CalcTelescope, Eop, Source
from difxnb.making.cutting import ObservedScan
from difxnb.making.drafting import Draft, Plan
from difxnb.making.observed import mjd_of, unix_s

_DIFX_VERSION = "DiFX-2.9.0"
_DECIMALS = 6
_LEAST_AC_AVERAGE_NS = 2_000_000
_MOUNTS = {
    "azel": "AZEL", "altaz": "AZEL", "altz": "AZEL", "hadec": "EQUA", "equa": "EQUA", "equat": "EQUA", "xyew": "XYEW",
    "xyns": "XYNS", "space": "SPACE", "orbit": "SPACE",
}  # fmt: skip


def job_calc(plan: Plan, draft: Draft, directory: Path, vex_file: Path) -> Calc:
    """Describe antennas, sources and scans of a job whose files lie in a directory."""
    job = directory / draft.name
    start = mjd_of(draft.start_s)
    moment = dt.datetime(1970, 1, 1) + dt.timedelta(seconds=draft.start_s)
    sources = sorted({scan.source for scan in draft.piece.scans})
    return Calc(
        job_id=draft.number,
        job_start_mjd=start,
        job_stop_mjd=mjd_of(draft.piece.span.stop),
        delay_model=plan.settings.delay_model,
        duty_cycle=min(1.0, draft.piece.observed_s / draft.piece.span.length),
        obscode=plan.vex.exper.upper(),
        difx_version=difx_version(),
        difx_label=os.environ.get("DIFX_LABEL", ""),
        vex_file=str(vex_file),
        start_mjd=start,
        start_time=(moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second),
        telescopes=[_telescope(plan, name) for name in draft.stations],
        sources=[_source(plan, name) for name in sources],
        scans=[_scan(draft, scan, sources.index(scan.source)) for scan in draft.piece.scans],
        eops=[_plain(eop) for eop in sorted(plan.eops, key=lambda eop: eop.mjd)],
        im_filename=f"{job}.im",
        flag_filename=f"{job}.flag",
    )


def difx_version() -> str:
    """Version that the files name: that of the environment, as for vex2difx, else the one whose files these are."""
    return os.environ.get("DIFX_VERSION") or _DIFX_VERSION


def _telescope(plan: Plan, name: str) -> CalcTelescope:
    station, order = plan.observed.stations[name], plan.settings.station(name)
    x, y, z = (round(axis, _DECIMALS) for axis in order.position or _moved(plan, name))
    offset = station.axis_offset if order.axis_offset is None else order.axis_offset
    mount = _MOUNTS.get(station.axis_type, "OTHER")
    return CalcTelescope(order.job_name, mount, offset or 0.0, x, y, z)


def _moved(plan: Plan, name: str) -> tuple[float, float, float]:
    """Place of a site in the middle of the experiment."""
    station = plan.observed.stations[name]
    x, y, z = (value or 0.0 for value in station.position)
    if station.epoch is None or plan.middle_s is None:
        return x, y, z
    passed = plan.middle_s - unix_s(station.epoch)
    dx, dy, dz = ((velocity or 0.0) * passed for velocity in station.velocity)
    return x + dx, y + dy, z + dz


def _plain(eop: Eop) -> Eop:
    """Without the last bits that a change of units makes."""
    return replace(eop, x_pole_arcsec=round(eop.x_pole_arcsec, 9), y_pole_arcsec=round(eop.y_pole_arcsec, 9))


def _source(plan: Plan, name: str) -> Source:
    source = next(one for one in plan.vex.source_list if one.key == name)
    order = plan.settings.sources.get(name.upper())
    ra = source.ra if order is None or order.ra is None else order.ra
    dec = source.dec if order is None or order.dec is None else order.dec
    return Source(name, ra or 0.0, dec or 0.0, order.calcode if order else "")


def _scan(draft: Draft, scan: ObservedScan, source: int) -> CalcScan:
    span = scan.span.part(draft.piece.span)
    transforms_ns = draft.setup.buffered_ffts * int(draft.resolution.fft_ns)
    return CalcScan(
        scan.name,
        int(span.start - draft.start_s + 0.01),
        max(1, int(span.length + 0.01)),
        scan.mode,
        draft.setup.uv_shift_ns,
        max(draft.setup.ac_average_ns or _LEAST_AC_AVERAGE_NS, transforms_ns),
        pointing_source=source,
        phase_centers=[source],
    )
