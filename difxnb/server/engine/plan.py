# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be computed for a configuration, sorted by what can be computed together.

An ``.input`` comes in. Bands that cover the same sky frequencies with the same channels form a *group*: all
its products come out of one multiplication. The bands of one recorded frequency of one datastream form a
*feed*: they share fringe rotation and transform.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from difxnb.formats.input_model import Datastream, Freq, Input
from difxnb.formats.result_layout import ResultProduct, record_order, result_layout, result_length
from difxnb.server.engine.combs import Comb, comb_of

GroupKey = tuple[float, float, int, int]


@dataclass(frozen=True, slots=True)
class Correction:
    """What one band gets beyond the delay of its antenna.

    Attributes
    ----------
    clock_us : float
        CLOCK OFFSET of this frequency and polarisation: group delay alone, no phase at the band edge.
    phase_turns : float
        Added to the phase.
    """

    clock_us: float
    phase_turns: float


@dataclass(frozen=True, slots=True)
class Feed:
    """Bands of one recorded frequency of one datastream.

    Attributes
    ----------
    place : int
        Place of the datastream in the configuration.
    freq_mhz, bandwidth_mhz : float
        Band edge of the FREQ table, and bandwidth.
    lower : bool
        Lower sideband.
    freq_offset_hz : float
    bands : tuple of int
        Recorded bands.
    rows : tuple of int
        Their places among the streams of the group.
    corrections : tuple of Correction
        One per band.
    """

    place: int
    freq_mhz: float
    bandwidth_mhz: float
    lower: bool
    freq_offset_hz: float
    bands: tuple[int, ...]
    rows: tuple[int, ...]
    corrections: tuple[Correction, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Bands that are multiplied with each other.

    Attributes
    ----------
    feeds : tuple of Feed
    n_streams : int
        Bands of all feeds.
    average : int
        Channels averaged into one.
    """

    feeds: tuple[Feed, ...]
    n_streams: int
    average: int


@dataclass(frozen=True, slots=True)
class PlannedProduct:
    """A spectrum to write, and the two streams of a group that make it.

    `squared` tells that its weight counts both validities; autocorrelations of plain VDIF count one.
    """

    product: ResultProduct
    group: int
    first: int
    second: int
    squared: bool


@dataclass(frozen=True, slots=True)
class ConfigPlan:
    """All that is to be computed for one configuration.

    Attributes
    ----------
    config : int
        Row of the configurations.
    datastreams : tuple of int
        Rows of the datastream table.
    channels : int
        Channels of the transform; the transform takes twice as many samples.
    sample_rate : int
        Samples per second and band.
    transforms : int
        Transforms in a sub-integration.
    fringe_order : int
        FRINGE ROTN ORDER.
    groups : tuple of Group
    products : tuple of PlannedProduct
        In the order of SWIN records.
    result_length : int
        Complex values of the array of results.
    combs : tuple of Comb or None
        Pulse calibration tones to extract, per datastream.
    """

    config: int
    datastreams: tuple[int, ...]
    channels: int
    sample_rate: int
    transforms: int
    fringe_order: int
    groups: tuple[Group, ...]
    products: tuple[PlannedProduct, ...]
    result_length: int
    combs: tuple[Comb | None, ...]

    @property
    def samples(self) -> int:
        """Samples in a transform."""
        return 2 * self.channels


def plan_configuration(inp: Input, config: int) -> ConfigPlan:
    """Sort out what a configuration computes; the job must have passed :mod:`refusals`."""
    layout = record_order(result_layout(inp, config))
    places = inp.configurations[config].datastream_indices
    ends = {end for product in layout for end in _ends(product)}
    streams = sorted(ends, key=lambda s: (places.index(s[0]), inp.datastreams[s[0]].bands[s[1]].freq, s[1]))
    keys = sorted({_key(inp, *stream) for stream in streams})
    members = [[stream for stream in streams if _key(inp, *stream) == key] for key in keys]
    freq = used_freqs(inp, config)[0]
    return ConfigPlan(
        config=config,
        datastreams=tuple(places),
        channels=freq.num_channels,
        sample_rate=round(2e6 * freq.bandwidth_mhz),
        transforms=transforms_per_subint(inp, config, freq),
        fringe_order=inp.configurations[config].fringe_rotation_order,
        groups=tuple(
            _group(inp, places, streams_of, key[3]) for streams_of, key in zip(members, keys, strict=True)
        ),
        products=tuple(_planned(inp, product, members) for product in layout),
        result_length=result_length(inp, config),
        combs=tuple(comb_of(inp, inp.datastreams[place]) for place in places),
    )


def used_freqs(inp: Input, config: int) -> list[Freq]:
    """FREQ entries of the recorded bands that take part."""
    ends = {end for product in result_layout(inp, config) for end in _ends(product)}
    return [inp.freqs[row] for row in sorted({inp.datastreams[s].band_freq_index(band) for s, band in ends})]


def transforms_per_subint(inp: Input, config: int, freq: Freq) -> int:
    """Whole transforms of a FREQ entry in a sub-integration."""
    subint_us = inp.configurations[config].subint_ns / 1000
    return round(subint_us * freq.bandwidth_mhz / freq.num_channels)


def _ends(product: ResultProduct) -> tuple[tuple[int, int], tuple[int, int]]:
    return (product.datastream_a, product.band_a), (product.datastream_b, product.band_b)


def _key(inp: Input, datastream: int, band: int) -> GroupKey:
    freq = inp.freqs[inp.datastreams[datastream].band_freq_index(band)]
    return freq.low_edge_hz, freq.bandwidth_hz, freq.num_channels, freq.chans_to_avg


def _group(inp: Input, places: list[int], streams: list[tuple[int, int]], average: int) -> Group:
    feeds: dict[tuple[int, int], list[int]] = {}
    for row, (datastream, band) in enumerate(streams):
        feeds.setdefault((datastream, inp.datastreams[datastream].bands[band].freq), []).append(row)
    return Group(
        tuple(
            _feed(
                inp,
                places.index(datastream),
                inp.datastreams[datastream],
                [streams[row][1] for row in rows],
                rows,
            )
            for (datastream, _), rows in feeds.items()
        ),
        len(streams),
        average,
    )


def _feed(inp: Input, place: int, stream: Datastream, bands: list[int], rows: Iterable[int]) -> Feed:
    recorded = stream.recorded_freqs[stream.bands[bands[0]].freq]
    freq = inp.freqs[recorded.freq_index]
    return Feed(
        place=place,
        freq_mhz=freq.freq_mhz,
        bandwidth_mhz=freq.bandwidth_mhz,
        lower=freq.sideband == "L",
        freq_offset_hz=recorded.freq_offset_hz,
        bands=tuple(bands),
        rows=tuple(rows),
        corrections=tuple(_correction(stream, band) for band in bands),
    )


def _correction(stream: Datastream, band: int) -> Correction:
    """Delay and phase of a band (``mpifxcorr-algorithm.md`` 5): all but R are the second polarisation."""
    recorded = stream.recorded_freqs[stream.bands[band].freq]
    first = stream.bands[band].pol == "R"
    half = recorded.clock_offset_delta_us / 2
    turned = not first and recorded.num_pols > 1
    return Correction(
        clock_us=recorded.clock_offset_us + (-half if first else half),
        phase_turns=recorded.phase_offset_deg / 720 if turned else 0.0,
    )


def _planned(inp: Input, product: ResultProduct, members: list[list[tuple[int, int]]]) -> PlannedProduct:
    first, second = _ends(product)
    group = next(row for row, streams in enumerate(members) if first in streams)
    plain = inp.datastreams[first[0]].data_format.upper().startswith("VDIF")
    return PlannedProduct(
        product=product,
        group=group,
        first=members[group].index(first),
        second=members[group].index(second),
        squared=product.kind == "cross" or (first != second and not plain),
    )
