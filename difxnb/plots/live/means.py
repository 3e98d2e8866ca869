# SPDX-License-Identifier: GPL-3.0-or-later
"""The newest integrations of what is chosen, averaged with their delay rates stopped.

In go a choice and its table of fringes, out come mean spectra with the phase of the newest integration, and
whatever turns their amplitudes into correlation coefficients.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.plots.live.chosen import Baseline, Chosen
from difxnb.plots.live.once import Once
from difxnb.visibility.fits.columns import NOT_DETECTED
from difxnb.visibility.fits.weights import known_weights

NEWEST = 8
"""Integrations that are averaged."""

FringeKey = tuple[str, int, str]
"""Baseline, band and polarization, as shown."""

FoundFringes = Once[dict[FringeKey, dict[str, Any]]]


def fringes_of(chosen: Chosen, scan: str) -> dict[FringeKey, dict[str, Any]]:
    """Fringes that were found in a scan, by what is shown; signs are those of the way a baseline is shown."""
    table = chosen.look.fringes
    if table.empty or "band" not in table:
        return {}
    shown = {one.stored_name: one for one in chosen.baselines}
    rows = table[
        (table["scan"] == scan) & table["baseline"].isin(list(shown)) & table["band"].isin(chosen.bands)
    ]
    rows = rows[rows["false_alarm_probability"] <= NOT_DETECTED]
    columns = ["baseline", "band", "polarization", "delay", "delay_error", "delay_rate", "snr"]
    found = {}
    for values in zip(*(rows[name].tolist() for name in columns), strict=True):
        fringe = dict(zip(columns, values, strict=True))
        one = shown[fringe["baseline"]]
        found[one.name, int(fringe["band"]), _hand(one, str(fringe["polarization"]))] = _signed(one, fringe)
    return found


def _hand(baseline: Baseline, hand: str) -> str:
    return hand[::-1] if baseline.is_turned else hand


def _signed(baseline: Baseline, fringe: dict[str, Any]) -> dict[str, Any]:
    sign = -1 if baseline.is_turned else 1
    return fringe | {name: sign * fringe[name] for name in ("delay", "delay_rate")}


class Means:
    """Mean spectra of the newest integrations.

    Parameters
    ----------
    chosen : Chosen
    normalise : bool
        Whether to divide by the autocorrelations where they are there.
    found : Once, optional
        Keeps fringes from look to look.

    Attributes
    ----------
    rows : ndarray
        The integrations.
    spectra : ndarray (baseline, band, polarization, channel)
        NaN without data; correlation coefficients where `are_coefficients`.
    are_coefficients : bool
        Whether the autocorrelations of all antennas are there.
    fringes : dict
        What was found in the scan.
    """

    def __init__(self, chosen: Chosen, *, normalise: bool = True, found: FoundFringes | None = None) -> None:
        self.chosen = chosen
        self.rows = chosen.newest(NEWEST)
        self.scan = str(chosen.scan_names[self.rows[-1]]) if self.rows.size else ""
        asked = (self.scan, tuple(chosen.baselines), tuple(chosen.bands))
        kept: FoundFringes = Once() if found is None else found
        self.fringes = kept.get(chosen.look.fringes, asked, lambda: fringes_of(chosen, self.scan))
        self._hands = chosen.polarizations
        values = chosen.visibilities(self.rows).astype(np.complex64)  # a copy
        present = np.isfinite(values)
        values[~present] = 0
        weight = known_weights(chosen.weights(self.rows))[..., None] * present
        total = weight.sum(axis=0, dtype=np.float64)
        summed = (self._stopped(values) * weight).sum(axis=0, dtype=np.complex128)
        self.spectra: NDArray[np.complex128] = np.where(
            total > 0, summed / np.where(total > 0, total, 1), np.nan
        )
        self.are_coefficients = normalise and self._normalise()

    def spectrum(self, baseline: int, band: int, hand: int) -> NDArray[np.complex128] | None:
        """Spectrum of a product by its places, without the channels that its band does not have."""
        channels = self.chosen.frequency(self.chosen.bands[band]).size
        found = self.spectra[baseline, band, hand, :channels]
        return np.asarray(found) if np.isfinite(found).any() else None

    def time(self) -> str:
        """The newest integration, UTC."""
        if not self.rows.size:
            return "no data yet"
        stamp = pd.Timestamp(self.chosen.times[self.rows[-1]])
        count = (
            f"mean of {self.rows.size} integrations, the last at" if self.rows.size > 1 else "integration of"
        )
        return f"{count} {stamp:%Y-%m-%d %H:%M:%S}.{stamp.microsecond // 10000:02d} UTC"

    def place(self) -> str:
        """Job, scan and source."""
        dataset = self.chosen.dataset
        source = ""
        if self.rows.size and "field_name" in dataset:
            source = str(np.atleast_1d(dataset["field_name"].values)[self.rows[-1]])
        return " ".join(part for part in (str(dataset.attrs.get("job", "")), self.scan, source) if part)

    def _stopped(self, values: NDArray[np.complex64]) -> NDArray[np.complex64]:
        """Values with their delay rates stopped; phases are those at the newest integration."""
        if self.rows.size < 2 or not self.fringes:
            return values
        times = self.chosen.times[self.rows]
        seconds = ((times - times[-1]) / np.timedelta64(1, "s"))[:, None, None, None]
        for column, band in enumerate(self.chosen.bands):
            frequency = self.chosen.frequency(band)
            turns = np.remainder(seconds * self._rates(band)[..., None] * frequency, 1.0)
            values[:, :, column, :, : frequency.size] *= _turned_back(turns.astype(np.float32))
        return values

    def _rates(self, band: int) -> NDArray[np.float64]:
        """Delay rates of a band (baseline, polarization); 0 where no fringe was found."""
        nothing: dict[str, Any] = {}
        found = [
            [
                self.fringes.get((baseline.name, band, hand), nothing).get("delay_rate", 0.0)
                for hand in self._hands
            ]
            for baseline in self.chosen.baselines
        ]
        rates = np.array(found, dtype=float).reshape(len(found), len(self._hands))
        return np.asarray(np.nan_to_num(rates))

    def _normalise(self) -> bool:
        ends = [one.name.split("-", 1) for one in self.chosen.baselines]
        antennas = list(dict.fromkeys(name for pair in ends for name in pair))
        powers = self.chosen.powers(self.rows, antennas) if self.rows.size else {}
        needed = {
            (end, hand[side])
            for pair in ends
            for side, end in enumerate(pair)
            for hand in self.chosen.polarizations
        }
        if not needed or not needed <= set(powers):
            return False
        means = {key: _mean(power) for key, power in powers.items()}
        if not all(np.isfinite(means[key]).any() for key in needed):
            return False
        for row, (first, second) in enumerate(ends):
            for column, hand in enumerate(self.chosen.polarizations):
                with np.errstate(divide="ignore", invalid="ignore"):
                    self.spectra[row, :, column] /= np.sqrt(means[first, hand[0]] * means[second, hand[1]])
        return True


def _turned_back(turns: NDArray[np.float32]) -> NDArray[np.complex64]:
    """Factors that take so many turns away: a cosine and a sine take a fifth of the time of a complex exponential."""
    angles = turns * np.float32(2 * np.pi)
    factors = np.empty(turns.shape, np.complex64)
    factors.real, factors.imag = np.cos(angles), -np.sin(angles)
    return factors


def _mean(power: NDArray[Any]) -> NDArray[np.float64]:
    """Mean over time of what is there."""
    present = np.isfinite(power)
    return np.asarray(
        np.where(present, power, 0).sum(axis=0) / np.maximum(present.sum(axis=0), 1), dtype=float
    )
