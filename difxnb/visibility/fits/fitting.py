# SPDX-License-Identifier: GPL-3.0-or-later
"""The fits of a Dataset, one after the other: a stack of intervals, a phase centre, a block of baselines at a time.

In go cross-correlations and what is asked, out come arrays on the axes of the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.visibility.fits.band_phases import BandPhases, offsets_of
from difxnb.visibility.fits.blocks import BandData, Block, blocks_of, most_integrations
from difxnb.visibility.fits.coefficients import MeanPowers
from difxnb.visibility.fits.columns import AXES, FringeArrays
from difxnb.visibility.fits.intervals import Interval, stacks_of
from difxnb.visibility.fits.joint import Together, fit_together, joint_columns
from difxnb.visibility.fits.search import FITTED, SERVER, Search, fit_band
from difxnb.visibility.fits.tones import ToneCorrections

_BEFORE = FITTED[:8]
_COLUMNS = ("correlation", *FITTED[8:], "n_integrations", "weight")
_LAST = ("delay_ambiguity", "rate_ambiguity", "reference_frequency")


@dataclass(frozen=True)
class Fits:
    """What is to be done to a Dataset.

    Attributes
    ----------
    cross : Dataset
        Cross-correlations.
    powers : MeanPowers
        Of the autocorrelations beside them.
    search : Search
    together : Together or None
        None where every band and polarization stands for itself.
    tones : ToneCorrections or None
    """

    cross: xr.Dataset
    powers: MeanPowers
    search: Search
    together: Together | None
    tones: ToneCorrections | None

    def arrays(self, intervals: Sequence[Interval]) -> FringeArrays:
        """Fit all of them."""
        arrays = FringeArrays(self._axes(), intervals, column_order(self.cross, self.together))
        for stack in stacks_of(intervals, most_integrations(self.cross)):
            scales = self._scales(intervals[stack])
            for labels, plane in _planes(self.cross):
                for block in blocks_of(plane, intervals, stack):
                    for row, found in self._fitted(plane, block):
                        found["correlation"] = found["amplitude"] / scales[:, row, block.baselines]
                        arrays.put((stack, *labels, row, block.baselines), found)
        return arrays

    def _axes(self) -> xr.Dataset:
        """Coordinates of the axes of the answer."""
        axes = self.cross.drop_vars(list(self.cross.data_vars)).drop_dims("channel")
        if self.together is not None and self.together.has_bands:
            axes = axes.drop_dims("band")
        if self.together is None or self.together.hands is None:
            return axes
        label = "+".join(self.together.hand_names[hand] for hand in self.together.hands)
        return axes.drop_dims("polarization").assign_coords(polarization=[label])

    def _scales(self, intervals: Sequence[Interval]) -> NDArray[np.float64]:
        """What amplitudes are of correlation coefficients (interval, band, baseline, polarization)."""
        scales = self.powers.scales(intervals, self.cross, self.search.edge_channels)
        if self.together is not None and self.together.has_bands:
            scales = _mean_of_known(scales, 1)
        if self.together is not None and self.together.hands is not None:
            scales = _mean_of_known(scales[..., list(self.together.hands)], 3)
        return scales

    def _fitted(self, plane: xr.Dataset, block: Block) -> Iterator[tuple[int, dict[str, Any]]]:
        """Place on the axis of bands, and columns, of every fit of a block."""
        calibrated: list[NDArray[np.bool_]] = []
        if self.tones is not None:
            block, calibrated = self.tones.applied(block)
        has_bands = self.together is not None and self.together.has_bands
        for row, bands in enumerate([block.bands] if has_bands else [[one] for one in block.bands]):
            if self.together is None:
                found = fit_band(block, bands[0], self.search) | _server_columns(plane, block, bands[0])
            else:
                found = fit_together(block, bands, self.search, self.together)
            if calibrated:
                found["lacks_tones"] = self._lacking([calibrated[band.place] for band in bands])
            yield row, found

    def _lacking(self, calibrated: list[NDArray[np.bool_]]) -> NDArray[np.bool_]:
        """Which fits were made of something that has no tones at one of its ends."""
        lacking = np.asarray(~np.all(calibrated, axis=0))
        if self.together is None or self.together.hands is None:
            return lacking
        return np.asarray(lacking[..., list(self.together.hands)].any(axis=-1, keepdims=True))


def column_order(cross: xr.Dataset, together: Together | None = None) -> list[str]:
    """Names of the columns behind the labels, in the order of a table."""
    joint = [] if together is None else joint_columns(together)
    server = [name for name in SERVER if name in cross and together is None]
    return [*_BEFORE, *_COLUMNS, *joint, *_LAST, *server]


def what_is_fitted_together(
    cross: xr.Dataset, multiband: bool, band_phases: BandPhases, combine_polarizations: bool
) -> Together | None:
    """What is fitted together; None where each band and polarization stands for itself."""
    if not (multiband or combine_polarizations):
        return None
    hands = [str(name) for name in cross["polarization"].values]
    parallel = tuple(place for place, hand in enumerate(hands) if len(set(hand)) == 1)
    if combine_polarizations and not parallel:
        raise ValueError(f"there are no parallel hands to combine; there are {', '.join(hands)}")
    return Together(
        parallel if combine_polarizations else None,
        tuple(hands),
        tuple(str(name) for name in cross["band"].values),
        multiband,
        isinstance(band_phases, str) and band_phases == "free",
        offsets_of(band_phases, cross),
    )


def _planes(dataset: xr.Dataset) -> Iterator[tuple[tuple[int, int], xr.Dataset]]:
    """One Dataset per phase centre and pulsar bin, with their places on those axes."""
    for place in np.ndindex(*(dataset.sizes.get(name, 1) for name in AXES[1:3])):
        chosen = {name: at for name, at in zip(AXES[1:3], place, strict=True) if name in dataset.dims}
        yield (place[0], place[1]), dataset.isel(chosen)


def _mean_of_known(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    """Mean along an axis, which stays, without NaN; NaN where there is nothing else."""
    known = np.isfinite(values)
    count = known.sum(axis=axis, keepdims=True)
    total = np.where(known, values, 0.0).sum(axis=axis, keepdims=True)
    return np.asarray(np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0))


def _server_columns(plane: xr.Dataset, block: Block, band: BandData) -> dict[str, NDArray[np.float64]]:
    """The server's values of the last integration that each product has."""
    found = {}
    for name in (name for name in SERVER if name in plane):
        present = band.present
        last = np.where(present.any(axis=-1), present.shape[-1] - 1 - present[..., ::-1].argmax(axis=-1), 0)
        one = plane[name].isel(time=block.times, baseline=block.baselines, band=band.place)
        values = one.transpose("baseline", "polarization", "time").values
        split = np.moveaxis(values.reshape(*values.shape[:2], len(present), -1), 2, 0)
        found[name] = np.take_along_axis(split, last[..., None], -1)[..., 0]
    return found
