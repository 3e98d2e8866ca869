# SPDX-License-Identifier: GPL-3.0-or-later
"""What a live picture is drawn of: data, what is chosen of them, and how it is to look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

Theme = Literal["light", "dark"]


@dataclass(frozen=True)
class Look:
    """One look at visibilities, by name. Nothing in it is changed by whoever draws it.

    Attributes
    ----------
    dataset : Dataset
        Of the shape of :mod:`difxnb.visibility`; it may be read lazily, only what is drawn is computed.
    fringes : DataFrame
        From :func:`difxnb.fringe_fit` or a monitor's ``fringes``; may be empty.
    weights : DataArray (time, antenna), optional
        Weights of stations, 0…1, NaN where unknown; without it those of `dataset`.
    baselines : tuple of str
        Such as ``"AA-BB"``, in either order; empty: all cross baselines.
    bands : tuple of int
        Rows of the FREQ table; empty: all.
    polarizations : tuple of str
        Empty: the parallel hands, or all where there are none.
    scan : str, optional
        Name of the scan; None: whichever there are.
    until : datetime64, optional
        The newest integration to be shown, for scrolling back (UTC); None: the newest there is.
    reference : str, optional
        A station: its baselines alone, turned so that it comes first.
    theme : str
        ``"light"`` or ``"dark"``.
    version : int
        Moves when `dataset`, `fringes` or `weights` hold something new.
    """

    dataset: xr.Dataset
    fringes: pd.DataFrame
    weights: xr.DataArray | None = None
    baselines: tuple[str, ...] = ()
    bands: tuple[int, ...] = ()
    polarizations: tuple[str, ...] = ()
    scan: str | None = None
    until: np.datetime64 | None = None
    reference: str | None = None
    theme: Theme = "light"
    version: int = 0

    @property
    def question(self) -> tuple[object, ...]:
        """What tells two looks apart: all but the data, which `version` stands for."""
        return (
            self.version,
            self.baselines,
            self.bands,
            self.polarizations,
            self.scan,
            self.until,
            self.reference,
            self.theme,
        )
