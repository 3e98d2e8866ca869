# SPDX-License-Identifier: GPL-3.0-or-later
"""New clocks in the text of an ``.input``: CLOCK COEFF in µs and µs/s about CLOCK REF MJD (``difx-files.md`` 3)."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from difxnb.formats.clock_change import Clock, ClockChange, decimal_delay, decimal_rate
from difxnb.formats.input import Telescope, format_input, parse_input


def input_with_clocks(text: str, path: Path, changes: Iterable[ClockChange]) -> str:
    """Text of an ``.input`` with changes of clocks subtracted; only lines of changed coefficients differ.

    Raises
    ------
    ValueError
        A station is not in the file.
    FileFormatError
        The file cannot be read.
    """
    inp = parse_input(text, path)
    telescopes = {telescope.name.upper(): telescope for telescope in inp.telescopes}
    for change in changes:
        if change.key not in telescopes:
            raise ValueError(f"{path}: no station {change.antenna}; it has {', '.join(telescopes)}")
        _change(telescopes[change.key], change)
    return format_input(inp)


def _change(telescope: Telescope, change: ClockChange) -> None:
    """Set the coefficients that change; a polynomial without a rate gets one where it has to."""
    offset_us, *rest_us = telescope.clock_coeffs
    rate_us = rest_us[0] if rest_us else 0.0
    clock = Clock(telescope.clock_ref_mjd, (offset_us * 1e-6, rate_us * 1e-6))
    offset, rate = clock.less(change).coefficients
    if offset != clock.coefficients[0]:
        telescope.clock_coeffs[0] = float(decimal_delay(offset))
    if rate != clock.coefficients[1]:
        telescope.clock_coeffs[1:2] = [float(decimal_rate(rate))]
