# SPDX-License-Identifier: GPL-3.0-or-later
"""Run, watch and check the DiFX VLBI correlator from Jupyter.

Importing this is cheap: pandas, xarray, matplotlib and widgets come in when something that needs them is used.

>>> import difxnb
>>> difx = difxnb.connect("head-node", 50200)  # doctest: +SKIP
>>> with difxnb.demo() as difx:  # doctest: +SKIP
...     print(difx.server.version)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from difxnb.errors import DifxError

if TYPE_CHECKING:
    from difxnb import aio as aio
    from difxnb import geometry as geometry
    from difxnb import intensives as intensives
    from difxnb import plots as plots
    from difxnb.boxed import demo as demo
    from difxnb.catalogue import open_jobs as open_jobs
    from difxnb.clock.search import clock_search as clock_search
    from difxnb.formats.binconfig import read_binconfig as read_binconfig
    from difxnb.formats.calc import read_calc as read_calc
    from difxnb.formats.channelflags import read_channelflags as read_channelflags
    from difxnb.formats.flag import read_flag as read_flag
    from difxnb.formats.im import read_im as read_im
    from difxnb.formats.input import read_input as read_input
    from difxnb.formats.joblist import read_joblist as read_joblist
    from difxnb.formats.machines import read_machines as read_machines
    from difxnb.formats.machines import read_threads as read_threads
    from difxnb.formats.polyco import read_polyco as read_polyco
    from difxnb.formats.switched_power import read_switched_power as read_switched_power
    from difxnb.formats.v2d import read_v2d as read_v2d
    from difxnb.formats.vex import read_vex as read_vex
    from difxnb.geometry.eop_cache import read_eop as read_eop
    from difxnb.intensives.recipe_text import read_recipe as read_recipe
    from difxnb.notebook import connect as connect
    from difxnb.notebook.intensive_run import intensive as intensive
    from difxnb.panels.freezing import freeze as freeze
    from difxnb.quality.report import check_quality as check_quality
    from difxnb.recording.recording import open_recording as open_recording
    from difxnb.reports.ivs_report import ivs_report as ivs_report
    from difxnb.reports.writing import report as report
    from difxnb.sessions.calendar import session_calendar as session_calendar
    from difxnb.sessions.trends import session_trends as session_trends
    from difxnb.tables.difxlog import read_difxlog as read_difxlog
    from difxnb.visibility.fits import fringe_fit as fringe_fit
    from difxnb.visibility.msv4.tree import to_msv4 as to_msv4
    from difxnb.visibility.phase_cal import read_pcal as read_pcal
    from difxnb.visibility.stored.opening import open_visibilities as open_visibilities

__version__ = "0.1.0"

_HOMES = {
    "aio": "difxnb.aio",
    "check_quality": "difxnb.quality.report",
    "clock_search": "difxnb.clock.search",
    "connect": "difxnb.notebook",
    "demo": "difxnb.boxed",
    "freeze": "difxnb.panels.freezing",
    "fringe_fit": "difxnb.visibility.fits",
    "intensive": "difxnb.notebook.intensive_run",
    "ivs_report": "difxnb.reports",
    "open_jobs": "difxnb.catalogue",
    "open_visibilities": "difxnb.visibility.stored.opening",
    "read_binconfig": "difxnb.formats.binconfig",
    "open_recording": "difxnb.recording.recording",
    "read_calc": "difxnb.formats.calc",
    "read_channelflags": "difxnb.formats.channelflags",
    "read_difxlog": "difxnb.tables.difxlog",
    "read_eop": "difxnb.geometry.eop_cache",
    "read_flag": "difxnb.formats.flag",
    "read_im": "difxnb.formats.im",
    "read_input": "difxnb.formats.input",
    "read_joblist": "difxnb.formats.joblist",
    "read_machines": "difxnb.formats.machines",
    "read_pcal": "difxnb.visibility.phase_cal",
    "read_polyco": "difxnb.formats.polyco",
    "read_recipe": "difxnb.intensives.recipe_text",
    "read_switched_power": "difxnb.formats.switched_power",
    "read_threads": "difxnb.formats.machines",
    "read_v2d": "difxnb.formats.v2d",
    "read_vex": "difxnb.formats.vex",
    "report": "difxnb.reports.writing",
    "session_calendar": "difxnb.sessions.calendar",
    "session_trends": "difxnb.sessions.trends",
    "to_msv4": "difxnb.visibility.msv4.tree",
}

# Packages that are named after ``import difxnb`` alone, as in ``difxnb.plots.phase(ds)``.
_PACKAGES = ("geometry", "intensives", "plots")

__all__ = ["DifxError", "__version__", *sorted(_HOMES)]


def __getattr__(name: str) -> object:
    home = f"difxnb.{name}" if name in _PACKAGES else _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(home)
    return module if home.endswith(f".{name}") else getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_PACKAGES})
