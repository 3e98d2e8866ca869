# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this job fine? The verdicts of all checks with their limits and evidence, made again when asked for."""

from __future__ import annotations

from difxnb.panels.quality.model import Checked, QualityModel, checked
from difxnb.panels.quality.view import QualityPanel

__all__ = ["Checked", "QualityModel", "QualityPanel", "checked"]
