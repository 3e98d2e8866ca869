# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks, one function each: what is known of a job and the limits of the check go in, a `Check` comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from difxnb.quality.checks.amplitudes import check_amplitudes
from difxnb.quality.checks.bandpass import check_bandpass
from difxnb.quality.checks.clipping import check_clipping
from difxnb.quality.checks.closure import check_closure
from difxnb.quality.checks.fringes import check_fringes
from difxnb.quality.checks.imaginary import check_imaginary
from difxnb.quality.checks.interference import check_interference
from difxnb.quality.checks.jumps import check_jumps
from difxnb.quality.checks.log import check_log
from difxnb.quality.checks.missing import check_missing
from difxnb.quality.checks.order import check_order
from difxnb.quality.checks.pcal import check_pcal
from difxnb.quality.checks.polarizations import check_polarizations
from difxnb.quality.checks.size import check_size
from difxnb.quality.checks.snr import check_snr
from difxnb.quality.checks.speed import check_speed
from difxnb.quality.checks.weights import check_weights
from difxnb.quality.limits import Section
from difxnb.quality.material import Material
from difxnb.quality.verdict import Check

CheckFunction: TypeAlias = Callable[[Material, Section], Check]

CHECKS: Mapping[str, CheckFunction] = {
    "fringes": check_fringes,
    "snr": check_snr,
    "closure": check_closure,
    "jumps": check_jumps,
    "weights": check_weights,
    "missing": check_missing,
    "order": check_order,
    "bandpass": check_bandpass,
    "clipping": check_clipping,
    "interference": check_interference,
    "imaginary": check_imaginary,
    "polarizations": check_polarizations,
    "amplitudes": check_amplitudes,
    "pcal": check_pcal,
    "size": check_size,
    "log": check_log,
    "speed": check_speed,
}
"""Every check by its name, which is also that of its section of limits, in the order of a report."""
