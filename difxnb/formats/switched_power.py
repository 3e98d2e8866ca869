# SPDX-License-Identifier: GPL-3.0-or-later
"""Read ``SWITCHEDPOWER_*`` files: power of each recorded band with the noise diode on and off.

Text comes in and a DataFrame goes out. Mirrors ``difx-files.md`` 14.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from difxnb.formats.input_model import Input

if TYPE_CHECKING:
    import pandas as pd


def read_switched_power(
    source: str | Path | Input | Iterable[str | Path],
    *,
    input: Input | str | Path | None = None,
    on_error: Literal["raise", "skip"] = "raise",
) -> pd.DataFrame:
    """Read the switched power of a job."""
    raise NotImplementedError
