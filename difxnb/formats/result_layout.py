# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each spectrum lies in the array of results that the correlator keeps for one integration.

An ``.input`` comes in, a list of products with their offsets goes out. The live monitor asks for spectra by
these offsets, and the order of the records of a SWIN file follows from the same list. Mirrors
``difx-files.md`` 13 and 15.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from difxnb.formats.input_model import Baseline, Configuration, Datastream, Input

_PARTNER = {"R": "L", "L": "R", "X": "Y", "Y": "X"}


class ResultProduct(NamedTuple):
    """One spectrum of an integration.

    Attributes
    ----------
    kind : str
        ``"cross"``, or ``"auto"`` for what WRITE AUTOCORRS makes.
    baseline : int
        Place in the configuration's list of baselines; -1 for autocorrelations.
    datastream : int
        Place in the configuration's list of datastreams; -1 for cross products.
    datastream_a, datastream_b : int
        Rows of the datastream table that give spectrum 1 and spectrum 2. They are exchanged against the
        baseline table where that puts the antenna of the lower row second.
    freq_index : int
        Row of the FREQ table under which the spectrum is written.
    polarization : str
        Letters of antenna 1 and antenna 2, such as ``"RL"``.
    antenna1, antenna2 : int
        Rows of the TELESCOPE table.
    offset, channels : int
        First complex value in the array of results, and how many.
    band_a, band_b : int
        Bands of `datastream_a` and `datastream_b`; of a stitched output band its first part.
    """

    kind: str
    baseline: int
    datastream: int
    freq_index: int
    polarization: str
    antenna1: int
    antenna2: int
    phase_center: int
    pulsar_bin: int
    offset: int
    channels: int
    band_a: int
    band_b: int
    datastream_a: int
    datastream_b: int


def result_layout(
    inp: Input, configuration: int = 0, *, phase_centers: int = 1, pulsar_bins: int = 1
) -> list[ResultProduct]:
    """List the spectra of an integration in the order of the array of results.

    First the cross products: for each target frequency in ascending order, each baseline that has it, each
    phase centre, pulsar bin and polarisation product. After a block of weights follow the autocorrelations:
    for each datastream the parallel hands of all its bands in use, then their cross hands.

    Parameters
    ----------
    inp : Input
        The job.
    configuration : int
        Row of its configurations.
    phase_centers, pulsar_bins : int
        How many of them are kept apart; 1 bin where they are summed.

    Returns
    -------
    list of ResultProduct
    """
    return _Layout(inp, inp.configurations[configuration], phase_centers, pulsar_bins).products


def result_length(inp: Input, configuration: int = 0, *, phase_centers: int = 1, pulsar_bins: int = 1) -> int:
    """Complex values in the array of results up to the end of the autocorrelations."""
    return _Layout(inp, inp.configurations[configuration], phase_centers, pulsar_bins).offset


def record_order(products: list[ResultProduct]) -> list[ResultProduct]:
    """Put products into the order in which their records stand in a SWIN file.

    Baseline by baseline, within one the frequencies ascending; the autocorrelations behind, as they are.
    """
    cross = [product for product in products if product.kind == "cross"]
    cross.sort(
        key=lambda product: (product.baseline, product.freq_index, product.phase_center, product.pulsar_bin)
    )
    return cross + [product for product in products if product.kind == "auto"]


class _Layout:
    """The list under way: every block moves `offset` on."""

    def __init__(self, inp: Input, config: Configuration, phase_centers: int, pulsar_bins: int) -> None:
        self.inp = inp
        self.phase_centers, self.pulsar_bins = phase_centers, pulsar_bins
        self.products: list[ResultProduct] = []
        self.offset = 0
        self._baselines = [inp.baselines[row] for row in config.baseline_indices]
        self._targets = sorted({freq.target_freq for baseline in self._baselines for freq in baseline.freqs})
        weights = sum([self._add_cross(target, place) for target, place in self._groups()])
        self.offset += weights
        if config.write_autocorrs:
            for place, row in enumerate(config.datastream_indices):
                self._add_autos(place, row)

    def _groups(self) -> Iterator[tuple[int, int]]:
        """Every target frequency with every baseline (its place) that has it."""
        for target in self._targets:
            for place, baseline in enumerate(self._baselines):
                if any(freq.target_freq == target for freq in baseline.freqs):
                    yield target, place

    def _add_cross(self, target: int, place: int) -> int:
        """Add what a baseline correlates at a frequency; return how many values its weights take later on."""
        baseline = self._baselines[place]
        bands = next(freq.products for freq in baseline.freqs if freq.target_freq == target)
        for phase_center in range(self.phase_centers):
            for pulsar_bin in range(self.pulsar_bins):
                for band_a, band_b in bands:
                    product = self._cross(baseline, place, target, band_a, band_b, phase_center, pulsar_bin)
                    self.products.append(product)
                    self.offset += product.channels
        # Real numbers are kept two to a complex value.
        weights = _pairs(len(bands) * self.pulsar_bins)
        return weights + (_pairs(self.phase_centers) if self.phase_centers > 1 else 0)

    def _cross(
        self,
        baseline: Baseline,
        place: int,
        target: int,
        band_a: int,
        band_b: int,
        phase_center: int,
        pulsar_bin: int,
    ) -> ResultProduct:
        first, second = (baseline.datastream_a, band_a), (baseline.datastream_b, band_b)
        streams = self.inp.datastreams
        if streams[first[0]].telescope_index > streams[second[0]].telescope_index:
            first, second = second, first
        stream_a, stream_b = streams[first[0]], streams[second[0]]
        return ResultProduct(
            kind="cross",
            baseline=place,
            datastream=-1,
            freq_index=target,
            polarization=stream_a.band_pol(first[1]) + stream_b.band_pol(second[1]),
            antenna1=stream_a.telescope_index,
            antenna2=stream_b.telescope_index,
            phase_center=phase_center,
            pulsar_bin=pulsar_bin,
            offset=self.offset,
            channels=self.inp.freqs[target].channels,
            band_a=first[1],
            band_b=second[1],
            datastream_a=first[0],
            datastream_b=second[0],
        )

    def _add_autos(self, place: int, row: int) -> None:
        """Add the autocorrelations of a datastream."""
        stream = self.inp.datastreams[row]
        used = [
            (band, label)
            for band in range(stream.num_bands)
            if (label := self._label(stream, band)) is not None
        ]
        for band, label in used:
            self._add_auto(place, row, label, (band, band), stream.band_pol(band))
        if (
            max((len(freq.products) for baseline in self._baselines for freq in baseline.freqs), default=0)
            > 2
        ):
            for band, label in used:
                partner_pol = _PARTNER.get(stream.band_pol(band), "X")
                self._add_auto(place, row, label, (band, _partner(stream, band, partner_pol)), partner_pol)

    def _label(self, stream: Datastream, band: int) -> int | None:
        """Row of the FREQ table that names a band's autocorrelation; None where no baseline uses the band.

        The same band of the sky may stand in the table more than once, so its edges decide, not its row.
        """
        row = stream.band_freq_index(band)
        if row in self._targets:
            return row
        freqs = self.inp.freqs
        return next((target for target in self._targets if freqs[target].same_band(freqs[row])), None)

    def _add_auto(self, place: int, row: int, label: int, bands: tuple[int, int], second_pol: str) -> None:
        """Add one autocorrelation; without a partner it has its place in the array and no spectrum."""
        stream = self.inp.datastreams[row]
        channels = self.inp.freqs[stream.band_freq_index(bands[0])].channels
        if bands[1] >= 0:
            product = ResultProduct(
                kind="auto",
                baseline=-1,
                datastream=place,
                freq_index=label,
                polarization=stream.band_pol(bands[0]) + second_pol,
                antenna1=stream.telescope_index,
                antenna2=stream.telescope_index,
                phase_center=0,
                pulsar_bin=0,
                offset=self.offset,
                channels=channels,
                band_a=bands[0],
                band_b=bands[1],
                datastream_a=row,
                datastream_b=row,
            )
            self.products.append(product)
        self.offset += channels


def _pairs(numbers: int) -> int:
    return numbers // 2 + numbers % 2


def _partner(stream: Datastream, band: int, pol: str) -> int:
    """Band of the same recorded (or zoom) frequency with another polarisation; -1 where there is none."""
    recorded = len(stream.bands)
    kind = range(recorded) if band < recorded else range(recorded, stream.num_bands)
    bands = [*stream.bands, *stream.zoom_bands]
    return next(
        (other for other in kind if bands[other].freq == bands[band].freq and bands[other].pol == pol), -1
    )
