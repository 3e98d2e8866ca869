# SPDX-License-Identifier: GPL-3.0-or-later
"""The frequencies that a station recorded, with their tones and what the ``.v2d`` says of each alone.

A frequency is what has a row of its own in the ``.input``: bands that differ in their polarization only are one, in the
order in which they were recorded. ``freqClockOffs`` and ``loOffsets`` count them so too (vex2difx 3.1:
``src/vex2difx.cpp``, ``src/corrparams.cpp``).
"""

from __future__ import annotations

from collections.abc import Iterator

from difxnb.formats.input import RecordedFreq
from difxnb.making.settings import StationOrder
from difxnb.making.streams import Channel, Stream
from difxnb.making.tones import tones


def with_tones(order: StationOrder, stream: Stream) -> list[tuple[Channel, tuple[int, ...]]]:
    """Every band of a stream, with the numbers of its tones."""
    interval = tone_interval_mhz(order, stream)
    return [(one, _tones(order, one, interval)) for one in stream.channels]


def tone_interval_mhz(order: StationOrder, stream: Stream) -> float:
    """Distance of the tones of a stream, MHz; 0 for none."""
    if order.tone_selection == "none":
        return 0.0
    if order.phase_cal_mhz is not None:
        return order.phase_cal_mhz
    return (
        min((one.tone_interval_hz for one in stream.channels if one.tone_interval_hz > 0), default=0.0) / 1e6
    )


def _tones(order: StationOrder, channel: Channel, interval_mhz: float) -> tuple[int, ...]:
    if interval_mhz <= 0:
        return ()
    own = order.phase_cal_mhz if order.phase_cal_mhz is not None else channel.tone_interval_hz / 1e6
    return tones(
        channel.edge_hz,
        channel.bandwidth_hz,
        channel.sideband,
        own,
        base_mhz=channel.tone_base_hz / 1e6,
        selection=order.tone_selection,
        guard_mhz=order.tone_guard_mhz,
        detected=channel.detected,
    )


def recorded_freq(order: StationOrder, place: int, row: int, hands: int) -> RecordedFreq:
    """A recorded frequency, with its own clock and oscillator.

    Parameters
    ----------
    order : StationOrder
        What the ``.v2d`` says.
    place, row : int
        Among the frequencies of the station, and in the FREQ table.
    hands : int
        How many polarizations of it were recorded.
    """
    clock, between, phase = order.band_clocks[place] if order.band_clocks else (0.0, 0.0, 0.0)
    oscillator = order.oscillators_hz[place] if order.oscillators_hz else 0.0
    return RecordedFreq(row, clock, between, phase, oscillator, hands)


def too_few_offsets(order: StationOrder, stream: Stream) -> Iterator[str]:
    """Reasons against a stream of which some frequencies have no offset although others have."""
    frequencies = {
        (one.edge_hz, one.bandwidth_hz, one.sideband, numbers) for one, numbers in with_tones(order, stream)
    }
    said = {"freqClockOffs": len(order.band_clocks), "loOffsets": len(order.oscillators_hz)}
    for name, count in said.items():
        if 0 < count < len(frequencies):
            yield (
                f"ANTENNA {order.name}: {name} has {count} values for {len(frequencies)} recorded frequencies; give "
                "one for each, in the order in which they were recorded"
            )
