# SPDX-License-Identifier: GPL-3.0-or-later
"""Alerts, each kind once: how often, when first and last, how bad, and what it means (skeleton)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from difxnb.formats.input_model import Input


def gather_alerts(frame: pd.DataFrame, input: Input | Mapping[str, Input] | None = None) -> pd.DataFrame:
    """Alerts of a frame of messages or of a log, each kind once."""
    raise NotImplementedError
