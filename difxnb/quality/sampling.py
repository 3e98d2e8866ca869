# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job's ``.input`` says of the samples behind each spectrum: bits, kind, scaling, and tones in it.

In goes an ``.input``, out comes one `Sampling` for every antenna, band and letter of polarization that it records or
cuts (``difx-files.md`` 3, 13, 14).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.input import Input
from difxnb.formats.input_model import Datastream, Freq

_MHZ = 1e6


@dataclass(frozen=True)
class Sampling:
    """How the voltage of a band was sampled.

    Attributes
    ----------
    bits : int
    kind : str
        ``REAL``, ``COMPLEX``…
    scaled : bool
        By a system temperature, so that amplitudes are not in levels of the decoder.
    whole : bool
        The band is one that was recorded, not a part cut from it.
    tone_spacing, tone_base : float
        Hz; spacing 0 where no tones are extracted.
    """

    bits: int
    kind: str
    scaled: bool
    whole: bool
    tone_spacing: float
    tone_base: float

    @property
    def scale(self) -> tuple[int, str, bool]:
        """What has to agree where powers of two antennas are compared."""
        return self.bits, self.kind, self.scaled

    def tones(self, low: float, high: float) -> NDArray[np.float64]:
        """Frequencies of the tones between two frequencies, Hz."""
        return comb(self.tone_spacing, self.tone_base, low, high)


def comb(spacing: float, base: float, low: float, high: float) -> NDArray[np.float64]:
    """Multiples of a spacing, from a base, between two frequencies, Hz; none where the spacing is 0."""
    if spacing <= 0:
        return np.empty(0)
    first, last = np.ceil((low - base) / spacing), np.floor((high - base) / spacing)
    return np.asarray(base + spacing * np.arange(first, last + 1))


def samplings_of(inp: Input) -> dict[tuple[str, int, str], Sampling]:
    """Sampling by antenna, row of the FREQ table and letter; rows of the same sky band have the same."""
    found: dict[tuple[str, int, str], Sampling] = {}
    for stream in inp.datastreams:
        antenna = inp.telescopes[stream.telescope_index].name
        for number, band in enumerate([*stream.bands, *stream.zoom_bands]):
            sampling = _sampling(stream, whole=number < len(stream.bands))
            own = inp.freqs[stream.band_freq_index(number)]
            for row in _rows(inp, own):
                found.setdefault((antenna, row, band.pol.upper()), sampling)
    return found


def _rows(inp: Input, own: Freq) -> list[int]:
    return [row for row, freq in enumerate(inp.freqs) if freq.same_band(own)]


def _sampling(stream: Datastream, *, whole: bool) -> Sampling:
    spacing = stream.phase_cal_int_mhz / (stream.phase_cal_divisor or 1)
    return Sampling(
        stream.quantisation_bits,
        stream.data_sampling,
        stream.tsys > 0,
        whole,
        spacing * _MHZ,
        (stream.phase_cal_base_mhz or 0.0) * _MHZ,
    )
