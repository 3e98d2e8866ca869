# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulse calibration tones as a Dataset.

In go the ``PCAL_*`` files of a job, out comes one Dataset over all antennas and restarts. Mirrors
``difx-files.md`` 14.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import xarray as xr

from difxnb.formats.input_model import Input


def read_pcal(
    source: str | Path | Input | Iterable[str | Path],
    *,
    input: Input | str | Path | None = None,
    on_error: Literal["raise", "skip"] = "raise",
) -> xr.Dataset:
    """Read the pulse calibration tones of a job."""
    raise NotImplementedError
