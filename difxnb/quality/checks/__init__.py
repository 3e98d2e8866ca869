# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks, one function each: what is known of a job and the limits of the check go in, a `Check` comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.verdict import Check

CheckFunction: TypeAlias = Callable[[Material, Section], Check]

CHECKS: Mapping[str, CheckFunction] = {}
"""Every check by its name, which is also that of its section of limits, in the order of a report."""
