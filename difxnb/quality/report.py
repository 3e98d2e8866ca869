# SPDX-License-Identifier: GPL-3.0-or-later
"""The report on a job: every check, its verdict, and the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from os import PathLike

import xarray as xr

from difxnb.quality.checks import CHECKS
from difxnb.quality.limits import Limits, limits_with
from difxnb.quality.material import Material
from difxnb.quality.verdict import Check, Verdict, worst


@dataclass(frozen=True)
class QualityReport:
    """What all checks say of one job."""

    job: str
    checks: tuple[Check, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of all checks."""
        return worst(check.verdict for check in self.checks)


def check_quality(source: xr.Dataset, *, limits: str | PathLike[str] | Limits | None = None) -> QualityReport:
    """Say whether a job is fine, check by check."""
    chosen = limits_with(limits)
    material = Material(dataset=source)
    return QualityReport(material.job, tuple(check(material, chosen[name]) for name, check in CHECKS.items()))
