# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulse calibration tones of the job that visibilities came from.

In: visibilities that say where their files are. Out: the tones of :func:`difxnb.visibility.phase_cal.read_pcal`, on
their own times or on those of the visibilities (``difx-files.md`` 14).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import xarray as xr

from difxnb.formats.swin_scan import OnError
from difxnb.visibility.grouping import integration_times
from difxnb.visibility.phase_cal import read_pcal


def tones_of(dataset: xr.Dataset, *, align: bool = False, on_error: OnError = "raise") -> xr.Dataset:
    """Tones of the job of a Dataset; see ``Dataset.difx.pcal``."""
    raise NotImplementedError
