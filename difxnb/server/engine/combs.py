# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pulse calibration tones a datastream has.

An ``.input`` comes in, the tones of every recorded band go out: multiples of PHASE CAL INT behind the band edge, up to
and with the other edge (``difx-files.md`` 14).
"""

from __future__ import annotations

from dataclasses import dataclass

from difxnb.formats.input_model import Datastream, Freq, Input

_HZ_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class BandTones:
    """Tones of one recorded band.

    Attributes
    ----------
    frequency_hz : tuple of int
        On the sky, away from the band edge.
    offset_hz : tuple of int
        From the band edge, ascending: frequencies of the tones in the samples.
    lower : bool
        Lower sideband.
    """

    frequency_hz: tuple[int, ...]
    offset_hz: tuple[int, ...]
    lower: bool


@dataclass(frozen=True, slots=True)
class Comb:
    """Tones of a datastream, per recorded band."""

    bands: tuple[BandTones, ...]

    @property
    def most(self) -> int:
        """Tones of the band that has the most."""
        return max((len(band.offset_hz) for band in self.bands), default=0)


def comb_of(inp: Input, stream: Datastream) -> Comb | None:
    """List the tones that a datastream asks for; None where it asks for none, or has none in its bands."""
    if stream.phase_cal_int_mhz <= 0 or why_no_tones(inp, stream):
        return None
    interval, base = round(stream.phase_cal_int_mhz * 1e6), round((stream.phase_cal_base_mhz or 0.0) * 1e6)
    freqs = [inp.freqs[stream.band_freq_index(row)] for row in range(len(stream.bands))]
    comb = Comb(tuple(_band_tones(freq, interval, base) for freq in freqs))
    return comb if comb.most else None


def why_no_tones(inp: Input, stream: Datastream) -> str:
    """Say why the tones that a datastream asks for cannot be extracted here; empty where they can."""
    if (stream.phase_cal_divisor or 1) != 1:
        return f"PHASE CAL DIVISOR {stream.phase_cal_divisor}"
    edges = [inp.freqs[stream.band_freq_index(row)].freq_mhz for row in range(len(stream.bands))]
    for mhz in (stream.phase_cal_int_mhz, stream.phase_cal_base_mhz or 0.0, *edges):
        if abs(mhz * 1e6 - round(mhz * 1e6)) > _HZ_TOLERANCE:
            return f"{mhz!r} MHz is no whole number of Hz"
    return ""


def _band_tones(freq: Freq, interval: int, base: int) -> BandTones:
    """Tones behind the band edge, up to and with the other edge."""
    edge, width = round(freq.freq_mhz * 1e6), round(freq.bandwidth_mhz * 1e6)
    lower = freq.sideband == "L"
    first = (base - edge) % interval if not lower else (edge - base) % interval
    offsets = tuple(range(first or interval, width + 1, interval))
    return BandTones(tuple(edge + (-offset if lower else offset) for offset in offsets), offsets, lower)
