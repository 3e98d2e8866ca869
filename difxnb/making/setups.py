# SPDX-License-Identifier: GPL-3.0-or-later
"""A SETUP in numbers: channels of the transform and of the output, sub-integrations, integrations, buffers.

In: what the ``.v2d`` asks for, the widths of the bands, how fast data come. Out: what mpifxcorr is told, or why it
cannot be. The rules are those of vex2difx 3.1 (``src/corrparams.cpp``, ``CorrParams::checkSetupValidity``;
``src/vex2difx.cpp``, ``getConfigIndex``); where it goes on with numbers that nobody asked for, this refuses.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from difxnb.making.refusals import Refusals

_FEWEST_FFT_CHANNELS = 128
_WHOLE = 1e-4
_EXACT = 1e-9
_LONGEST_SUBINT_NS, _LONGEST_DOUBLED_NS = 1_020_000_000, 510_000_000
_LONGEST_READ_NS = 2_140_000_000.0
_LONGEST_FFT_NS = 2**31 - 1
_FASTEST_SLIP_NS_S = 1600.0


@dataclass(frozen=True, slots=True)
class SetupOrder:
    """A SETUP block as it was written; None where it says nothing.

    Attributes
    ----------
    t_int : float
        Integration time, s.
    fft_hz, out_hz : float or None
        Distance of channels of the transform and of the output (``FFTSpecRes``, ``specRes``), Hz.
    fft_channels, out_channels, average : int or None
        ``nFFTChan``, ``nChan``, ``specAvg``.
    """

    name: str = "default"
    t_int: float = 2.0
    fft_hz: float | None = None
    out_hz: float | None = None
    fft_channels: int | None = None
    out_channels: int | None = None
    average: int | None = None
    do_polar: bool = True
    do_auto: bool = True
    only_pol: str = ""
    subint_ns: int = 0
    guard_ns: int = 0
    fringe_rotation_order: int = 1
    stride: int = 0
    xmac: int = 0
    buffered_ffts: int = 10
    uv_shift_ns: int = 2_000_000_000
    ac_average_ns: int = 0


@dataclass(frozen=True, slots=True)
class Resolution:
    """Distance of the channels of the transform, Hz, and how many are averaged into one of the output."""

    fft_hz: float
    average: int

    def channels(self, bandwidth_hz: float) -> int:
        """Channels of the transform of a band."""
        return round(bandwidth_hz / self.fft_hz)

    @property
    def fft_ns(self) -> float:
        """Length of a transform, ns."""
        return 1e9 / self.fft_hz


@dataclass(frozen=True, slots=True)
class Buffers:
    """How data are read; sizes in bytes."""

    factor: int = 32
    segments: int = 8
    smallest_read: float = 4e6
    largest_read: float = 25e6


@dataclass(frozen=True, slots=True)
class Timing:
    """Integration time in s, sub-integration in ns, and into how many segments the buffer is parted."""

    t_int: float
    subint_ns: int
    segments: int


def resolution(order: SetupOrder, widths_hz: Iterable[float], refusals: Refusals) -> Resolution | None:
    """Channels of a setup for bands of some widths; None where there is a reason against it."""
    widths = sorted(set(widths_hz))
    where = f"SETUP {order.name}"
    fft, out = order.fft_hz or 250_000.0, order.out_hz or 500_000.0
    n_fft, n_out = order.fft_channels, order.out_channels
    if order.average:
        if order.fft_hz and not order.out_hz:
            out = fft * order.average
        elif order.out_hz and not order.fft_hz:
            fft = out / order.average
        elif n_fft and n_out:
            refusals.add(f"{where}: nFFTChan, nChan and specAvg say one thing in three ways; leave one out")
            return None
        elif not order.fft_hz:
            n_fft, n_out = n_fft or (n_out or 0) * order.average, n_out or (n_fft or 0) // order.average
    if (n_fft or n_out) and not order.fft_hz:
        if len(widths) != 1:
            refusals.add(f"{where}: numbers of channels need bands of one width; give FFTSpecRes and specRes")
            return None
        if not n_out:
            refusals.add(f"{where}: nFFTChan alone says nothing about the output; give nChan too")
            return None
        n_fft = n_fft or max(_FEWEST_FFT_CHANNELS, n_out)
        if order.fft_channels and n_fft % n_out:
            refusals.add(f"{where}: nFFTChan {n_fft} is no multiple of nChan {n_out}")
            return None
        fft, out = widths[0] / n_fft, widths[0] / n_out
    return _checked(order, widths, min(fft, out), out, refusals)


def _checked(
    order: SetupOrder, widths: list[float], fft: float, out: float, refusals: Refusals
) -> Resolution | None:
    where = f"SETUP {order.name}"
    found = Refusals()
    if abs(out / fft - round(out / fft)) > _WHOLE:
        found.add(f"{where}: {out:g} Hz of the output are no whole number of {fft:g} Hz of the transform")
    for width in widths:
        if abs(width / fft - round(width / fft)) > _WHOLE:
            found.add(f"{where}: channels of {fft:g} Hz do not fill a band of {width:g} Hz")
        for name, length in (("xmacLength", order.xmac), ("strideLength", order.stride)):
            if length > 0 and round(width / fft) % length:
                found.add(f"{where}: {name} {length} does not divide {round(width / fft)} channels")
    if 1e9 / fft > _LONGEST_FFT_NS:
        found.add(f"{where}: a transform takes {1 / fft:g} s, longer than 2^31 ns; ask for fewer channels")
    if order.buffered_ffts * int(1e9 / fft) > order.uv_shift_ns:
        found.add(f"{where}: {order.buffered_ffts} transforms are longer than maxNSBetweenUVShifts")
    refusals.extend(found.reasons)
    return None if found else Resolution(fft, round(out / fft))


def timing(
    order: SetupOrder,
    fft_ns: float,
    bytes_per_s: float,
    buffers: Buffers,
    *,
    tweak: bool,
    refusals: Refusals,
    notes: list[str],
) -> Timing | None:
    """Sub-integrations and integrations; None where there is a reason against them.

    Parameters
    ----------
    order : SetupOrder
        What is asked for.
    fft_ns : float
        Length of a transform.
    bytes_per_s : float
        Of the station with the most.
    buffers : Buffers
        How data are read.
    tweak : bool
        Whether the integration time may be changed.
    refusals : Refusals
        Gets what speaks against it.
    notes : list of str
        Gets what was changed.
    """
    chosen = (
        _given(order, fft_ns) if order.subint_ns > 0 else _found(order, fft_ns, bytes_per_s, buffers, tweak)
    )
    if isinstance(chosen, str):
        refusals.add(f"SETUP {order.name}: {chosen}")
        return None
    segments = buffers.segments
    if chosen * buffers.factor / segments > _LONGEST_READ_NS:
        at_most = int(_LONGEST_READ_NS / chosen)
        if at_most < 1:
            refusals.add(f"SETUP {order.name}: a sub-integration of {chosen} ns is longer than 2.14 s")
            return None
        segments = buffers.factor // at_most
        notes.append(
            f"nDataSegments is {segments} instead of {buffers.segments}: data are read for less than 2.14 s"
        )
    per_integration = 1e9 * order.t_int / chosen
    if abs(per_integration - round(per_integration)) <= _EXACT:
        return Timing(order.t_int, chosen, segments)
    if not tweak:
        refusals.add(
            f"SETUP {order.name}: tInt {order.t_int:g} s is no multiple of a sub-integration of {chosen} ns; change "
            "it, or set tweakIntTime = True"
        )
        return None
    t_int = round(_nearest(order.t_int, chosen / 1e9), 9)
    notes.append(f"tInt of SETUP {order.name} is {t_int:.9g} s instead of {order.t_int:g} s (tweakIntTime)")
    return Timing(t_int, chosen, segments)


def _given(order: SetupOrder, fft_ns: float) -> int | str:
    if order.subint_ns % max(1, int(fft_ns)):
        return f"subintNS {order.subint_ns} is no multiple of a transform of {int(fft_ns)} ns"
    return order.subint_ns


def _found(order: SetupOrder, fft_ns: float, bytes_per_s: float, buffers: Buffers, tweak: bool) -> int | str:
    """The longest sub-integration that parts the integration by 2s and 5s and is read in pieces of a fair size."""
    if not _is_multiple(1e9 * order.t_int, fft_ns) and not tweak:
        return f"tInt {order.t_int:g} s is no multiple of a transform of {fft_ns:g} ns; or set tweakIntTime = True"
    read = bytes_per_s * 1e-9 * buffers.factor / buffers.segments
    shortest = int(fft_ns)
    if shortest * read > buffers.largest_read:
        return f"one transform alone makes reads of {shortest * read:.0f} bytes; see maxReadSize"
    chosen = shortest
    for length in _parts(round(1e9 * order.t_int), fft_ns):
        fits = buffers.smallest_read < length * read < buffers.largest_read
        if fits and chosen < length <= _LONGEST_SUBINT_NS and _is_multiple(length, fft_ns):
            chosen = length
    if chosen * read < buffers.smallest_read:
        if not tweak:
            return (
                f"a sub-integration of {chosen} ns makes reads of {chosen * read:.0f} bytes, less than minReadSize "
                f"{buffers.smallest_read:g}; give subintNS, another tInt, a smaller minReadSize, or tweakIntTime"
            )
        # The quotient of the buffer is a whole number here, though nowhere else.
        in_whole = bytes_per_s * 1e-9 * (buffers.factor // buffers.segments)
        while chosen * in_whole < buffers.smallest_read and chosen <= _LONGEST_DOUBLED_NS:
            chosen *= 2
    return chosen


def _parts(t_int_ns: int, fft_ns: float) -> list[int]:
    halves, fifths = _divisible(t_int_ns, 2, fft_ns), _divisible(t_int_ns, 5, fft_ns)
    return [t_int_ns // (2**i * 5**j) for i in range(halves + 1) for j in range(fifths + 1)]


def _divisible(length: int, by: int, unit: float) -> int:
    """How often a length can be parted with a whole number of units left."""
    times, rest = 0, length // by
    while rest > 0 and _is_multiple(rest, unit):
        times, rest = times + 1, rest // by
    return times


def _is_multiple(length: float, unit: float) -> bool:
    return abs(length / unit - round(length / unit)) < _EXACT


def _nearest(wanted: float, unit: float) -> float:
    """The product of the unit with 2s and 5s that is nearest."""
    most = int(wanted / (5 * unit)) + 1
    powers = range(min(most, 64) + 1)
    candidates = [unit * 5.0**i * 2.0**j for i in powers for j in powers if i * 3 + j < 64]
    return min(candidates, key=lambda length: abs(1 - length / wanted))


def worst_guard_ns(sample_rate_hz: float, subint_ns: int, bits: int, bands: int) -> int:
    """Guard that any sub-integration can need on Earth; what a negative ``guardNS`` asks for."""
    sample = 1e9 / sample_rate_hz
    whole = sample
    for _ in range(10_000):
        if abs(whole - round(whole)) <= 2e-11:
            break
        whole += sample
    if bits * bands < 8:
        whole *= 8.0 / (bits * bands)
    return math.floor(whole + _FASTEST_SLIP_NS_S * subint_ns * 1e-9 + 1.5)
