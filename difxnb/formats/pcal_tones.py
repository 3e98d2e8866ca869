# SPDX-License-Identifier: GPL-3.0-or-later
"""What tones of a ``PCAL_*`` file are: their exact frequencies, and the rows of the FREQ table they lie in.

In: a block of lines and the ``.input`` of its job. Out: Hz on the grid of the job, rows. Mirrors ``difx-files.md`` 14:
frequencies are printed from single precision, bands stand in the order of the datastream's recorded bands.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from difxnb.errors import FileFormatError
from difxnb.formats.input_model import Datastream, Freq, Input
from difxnb.formats.pcal import PcalBlock

UNKNOWN_ROW = -1
_PRINTED = 1e-6
"""How far a printed frequency may be off, as a fraction: single precision or six digits, whichever is worse."""


class Tones(NamedTuple):
    """Frequencies (Hz, NaN where there is no tone) and rows of the FREQ table, both of shape (band, tone)."""

    frequency_hz: NDArray[np.float64]
    rows: NDArray[np.int64]


def printed_tones(block: PcalBlock) -> Tones:
    """Tones as printed, to the Hz; to which bands they belong is not known without the ``.input``."""
    return Tones(np.rint(block.frequency_mhz * 1e6), np.full(block.frequency_mhz.shape, UNKNOWN_ROW))


def tones_of_job(block: PcalBlock, antenna: str, inp: Input, path: Path | None) -> Tones:
    """Tones on the grid of the job, with the rows of their bands.

    A band that stands in the FREQ table more than once is given the first of its rows, so that all antennas agree.

    Raises
    ------
    FileFormatError
        The antenna or the bands of the file are not in this ``.input``.
    """
    names = [telescope.name.strip().upper() for telescope in inp.telescopes]
    if antenna.upper() not in names:
        raise FileFormatError(
            path or "text",
            "",
            f"is of antenna {antenna}; {_name(inp)} has {' '.join(names)}: is it of another job?",
        )
    for stream in _candidates(block.datastream, names.index(antenna.upper()), inp):
        if _fits(block, stream, inp):
            row = np.array([_first_row(_freq_row(stream, band), inp) for band in range(len(stream.bands))])
            frequency = _on_grid(block.frequency_mhz, stream)
            return Tones(frequency, np.broadcast_to(row[:, None], frequency.shape))
    raise FileFormatError(
        path or "text",
        "",
        f"no datastream of {antenna} in {_name(inp)} has the {len(block.frequency_mhz)} bands of its datastream "
        f"{block.datastream}, with tones at {_some(block)} MHz: is it of another job?",
    )


def _name(inp: Input) -> str:
    return inp.path.name if inp.path is not None else "the .input"


def _some(block: PcalBlock) -> str:
    known = block.frequency_mhz[~np.isnan(block.frequency_mhz)]
    return ", ".join(f"{frequency:.10g}" for frequency in known[:4])


def _candidates(number: int, telescope: int, inp: Input) -> Iterator[Datastream]:
    """Datastreams of the antenna: as the configurations number them, then as the table does, then any other."""
    rows = [
        configuration.datastream_indices[number]
        for configuration in inp.configurations
        if number < len(configuration.datastream_indices)
    ]
    for row in dict.fromkeys([*rows, number, *range(len(inp.datastreams))]):
        if row < len(inp.datastreams) and inp.datastreams[row].telescope_index == telescope:
            yield inp.datastreams[row]


def _fits(block: PcalBlock, stream: Datastream, inp: Input) -> bool:
    """Whether the file has the datastream's bands, with the same letters and with tones inside them."""
    if len(stream.bands) != len(block.frequency_mhz):
        return False
    return all(
        _is_inside(frequencies, inp.freqs[_freq_row(stream, band)])
        and set(letters) <= {"", stream.bands[band].pol, stream.bands[band].pol.upper()}
        for band, (frequencies, letters) in enumerate(
            zip(block.frequency_mhz, block.polarization, strict=True)
        )
    )


def _freq_row(stream: Datastream, band: int) -> int:
    return stream.recorded_freqs[stream.bands[band].freq].freq_index


def _is_inside(frequencies_mhz: NDArray[np.float64], freq: Freq) -> bool:
    low, high = freq.low_edge_hz / 1e6, (freq.low_edge_hz + freq.bandwidth_hz) / 1e6
    known = frequencies_mhz[~np.isnan(frequencies_mhz)]
    slack = high * _PRINTED
    return bool(np.all((known >= low - slack) & (known <= high + slack)))


def _first_row(row: int, inp: Input) -> int:
    return next(number for number, freq in enumerate(inp.freqs) if freq.same_band(inp.freqs[row]))


def _on_grid(frequency_mhz: NDArray[np.float64], stream: Datastream) -> NDArray[np.float64]:
    """Frequencies in Hz at multiples of the tone spacing; what is too far from one stays as printed."""
    printed = np.rint(frequency_mhz * 1e6)
    spacing = stream.phase_cal_int_mhz / (stream.phase_cal_divisor or 1)
    if spacing <= 0:
        return printed
    base = stream.phase_cal_base_mhz or 0.0
    grid = base + np.rint((frequency_mhz - base) / spacing) * spacing
    is_near = np.abs(grid - frequency_mhz) <= np.minimum(spacing / 4, frequency_mhz * _PRINTED)
    return np.where(is_near, np.round(grid * 1e6, 3), printed)
