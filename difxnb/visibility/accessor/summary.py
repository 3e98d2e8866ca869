# SPDX-License-Identifier: GPL-3.0-or-later
"""A Dataset of visibilities at a glance: antennas × bands × polarizations × time, weights, gaps.

In: coordinates and weights; visibilities are not read. Out: tables, a text of a few lines and the same as HTML.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from difxnb import markup
from difxnb.visibility.accessor.grouping import integration_times, times_ns
from difxnb.visibility.accessor.presence import Gaps, Slots, gaps_of, presence, scan_slots
from difxnb.visibility.accessor.selecting import antenna_pairs, channel_ends, labels

_MOST = 12  # antennas, bands and scans that the text names one by one


class VisibilitySummary:
    """What a Dataset of visibilities has, and what it lacks; a snapshot of when it was made.

    An integration is missing where a scan has others before and behind it, whether it is on the time axis or not;
    what a scan lacks at its ends is not known. Mean weights are those of what is there.

    Parameters
    ----------
    dataset : Dataset
        Of the shape in the package docstring, with ``WEIGHT``.

    Attributes
    ----------
    job : str
        Name of the job; empty where the Dataset does not say.
    """

    def __init__(self, dataset: xr.Dataset) -> None:
        if "WEIGHT" not in dataset:
            raise ValueError("a summary is made of WEIGHT, which these visibilities do not have")
        self.job = str(dataset.attrs.get("job", ""))
        self._source = str(dataset.attrs.get("visibility_source", ""))
        self._pairs = antenna_pairs(dataset)
        self._hands = [str(hand) for hand in labels(dataset, "polarization", "polarization")]
        self._rows = labels(dataset, "band", "band")
        self._presence = presence(dataset)
        slots = scan_slots(dataset)
        self._gaps = [gaps_of(self._presence.there[:, place], slots) for place in range(len(self._pairs))]
        self._of_antenna = {name: self._gaps_of_antenna(name, slots) for name in self._antennas}
        self._bands = self._bands_frame(dataset)
        self._scans = _scans_frame(dataset, slots, self._presence.there)
        self._extra = {
            name: dataset.sizes[name] for name in ("phase_center", "pulsar_bin") if name in dataset.dims
        }
        self._length_s = float(np.median(integration_times(dataset))) if len(self._presence.there) else 0.0

    @property
    def _antennas(self) -> list[str]:
        return sorted({name for pair in self._pairs for name in pair})

    def _with_antenna(self, name: str) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which baselines have an antenna, and which is its autocorrelation."""
        ends = np.array(self._pairs).reshape(-1, 2) == name
        return ends.any(axis=1), ends.all(axis=1)

    def _gaps_of_antenna(self, name: str, slots: Sequence[Slots]) -> Gaps:
        there = self._presence.there[:, self._with_antenna(name)[0]]
        return gaps_of(np.asarray(there.any(axis=1)), slots)

    # --- tables ---------------------------------------------------------------------------------------

    def frame(self) -> pd.DataFrame:
        """Baselines, a row each.

        Returns
        -------
        DataFrame
            ``baseline``, ``antenna1_name``, ``antenna2_name``, ``is_autocorrelation``, ``n_integrations`` (with any
            data), ``n_missing``, ``longest_gap`` (s, within a scan), ``weight`` (mean; NaN where not known).
        """
        frame = pd.DataFrame(
            {
                "baseline": [f"{first}-{second}" for first, second in self._pairs],
                "antenna1_name": [first for first, _ in self._pairs],
                "antenna2_name": [second for _, second in self._pairs],
                "is_autocorrelation": [first == second for first, second in self._pairs],
            }
        )
        weights = [self._presence.mean_weight(baselines=[place]) for place in range(len(self._pairs))]
        return frame.assign(**_gap_columns(self._gaps), weight=weights)

    def antennas(self) -> pd.DataFrame:
        """Antennas, a row each.

        Returns
        -------
        DataFrame
            ``antenna``, ``n_baselines`` (to others), ``n_integrations`` (with any data), ``n_missing``,
            ``longest_gap`` (s), ``weight``: mean of its autocorrelation, of its baselines where there is none.
        """
        found = [self._with_antenna(name) for name in self._antennas]
        has_auto = [bool(self._presence.counts[auto].any()) for _, auto in found]
        used = [auto if own else any_end for (any_end, auto), own in zip(found, has_auto, strict=True)]
        return pd.DataFrame(
            {
                "antenna": self._antennas,
                "n_baselines": [int((any_end & ~auto).sum()) for any_end, auto in found],
                **_gap_columns(list(self._of_antenna.values())),
                "weight": [self._presence.mean_weight(baselines=mask) for mask in used],
            }
        )

    def bands(self) -> pd.DataFrame:
        """Bands, a row each.

        Returns
        -------
        DataFrame
            ``band``, ``first_channel``, ``last_channel`` (Hz, their centres), ``bandwidth`` (Hz), ``sideband``,
            ``n_channels``, ``weight`` (mean).
        """
        return self._bands.copy()

    def scans(self) -> pd.DataFrame:
        """Scans, a row each.

        Returns
        -------
        DataFrame
            ``scan``, ``source``, ``start``, ``stop`` (UTC; ends of the first and the last integration),
            ``n_integrations``, ``n_missing`` (those without data of any baseline).
        """
        return self._scans.copy()

    def missing(self) -> pd.DataFrame:
        """Products without any data at all: ``baseline``, ``band``, ``polarization``.

        They may never have been correlated: a Dataset is a full box, a job need not be.
        """
        baselines, bands, hands = np.nonzero(self._presence.counts == 0)
        return pd.DataFrame(
            {
                "baseline": [f"{first}-{second}" for first, second in (self._pairs[b] for b in baselines)],
                "band": self._rows[bands].astype(np.int64),
                "polarization": [self._hands[hand] for hand in hands],
            }
        )

    def _bands_frame(self, dataset: xr.Dataset) -> pd.DataFrame:
        first, last = channel_ends(dataset)
        count = len(self._rows)
        columns = {name: labels(dataset, name, "band") for name in ("bandwidth", "sideband", "n_channels")}
        weights = [self._presence.mean_weight(bands=[place]) for place in range(count)]
        return pd.DataFrame(
            {"band": self._rows, "first_channel": first, "last_channel": last, **columns, "weight": weights}
        )

    # --- text -----------------------------------------------------------------------------------------

    def _facts(self) -> dict[str, str]:
        """What the text and the HTML say, line by line."""
        return {
            "antennas": _few(self._antennas, "antennas"),
            "baselines": self._baselines_text(),
            "bands": _few(self._band_texts(), "bands"),
            "polarizations": " ".join(self._hands),
            "phase centres": str(self._extra.get("phase_center", "")),
            "pulsar bins": str(self._extra.get("pulsar_bin", "")),
            "time": self._time_text(),
            "scans": _few(self._scan_texts(), "scans"),
            "weights": _few(self._weight_texts(), "antennas"),
            "gaps": self._gaps_text(),
            "missing": self._missing_text(),
        }

    def _baselines_text(self) -> str:
        autos = sum(first == second for first, second in self._pairs)
        return f"{len(self._pairs) - autos} cross, {autos} autocorrelations"

    def _band_texts(self) -> Iterator[str]:
        for row in self._bands.to_dict("records"):
            width = f"{row['bandwidth'] / 1e6:g} MHz {row['sideband']}"
            start = f"{row['first_channel'] / 1e6:.10g} MHz"
            yield f"{row['band']}: {width} from {start}, {row['n_channels']} channels"

    def _time_text(self) -> str:
        count = int(self._scans["n_integrations"].sum())
        if not count:
            return "no integrations"
        length = f" of {self._length_s:g} s" if self._length_s else ""
        start, stop = self._scans["start"].min(), self._scans["stop"].max()
        return f"{count} integrations{length}, {_clock(start)} to {_clock(stop)}"

    def _scan_texts(self) -> Iterator[str]:
        for row in self._scans.itertuples():
            yield " ".join(str(part) for part in (row.scan, row.source) if part) or "(no name)"

    def _weight_texts(self) -> Iterator[str]:
        frame = self.antennas()
        for name, weight in zip(frame["antenna"], frame["weight"].astype(float), strict=True):
            yield f"{name} " + ("not known" if np.isnan(weight) else f"{weight:.3f}")

    def _gaps_text(self) -> str:
        frame = self.frame()
        lacking = frame[frame["n_missing"] > 0]
        if lacking.empty:
            return "none"
        worst = lacking.iloc[int(lacking["n_missing"].to_numpy().argmax())]
        longest = f", the longest {lacking['longest_gap'].max():g} s" if lacking["longest_gap"].max() else ""
        return (
            f"{len(lacking)} of {len(frame)} baselines lack integrations, most of all {worst['baseline']} "
            f"({worst['n_missing']} of {worst['n_missing'] + worst['n_integrations']}){longest}"
        )

    def _missing_text(self) -> str:
        lost = int((self._presence.counts == 0).sum())
        return f"{lost} of {self._presence.counts.size} products have no data" if lost else "no product"

    def __repr__(self) -> str:
        return markup.plain(self._title, self._facts())

    @property
    def _title(self) -> str:
        made_by = f", {self._source}" if self._source else ""
        return f"<Visibilities{f' of {self.job}' if self.job else ''}{made_by}>"

    def _repr_html_(self) -> str:
        tables = (("baselines", self.frame()), ("bands", self._bands), ("scans", self._scans))
        below = "".join(
            f"<details><summary>{name}</summary>{markup.titled('', frame)}</details>"
            for name, frame in tables
        )
        return markup.listed(self._title, self._facts()) + below


def _gap_columns(gaps: Sequence[Gaps]) -> dict[str, Any]:
    return {
        "n_integrations": [one.there for one in gaps],
        "n_missing": [one.missing for one in gaps],
        "longest_gap": [one.longest_s for one in gaps],
    }


def _scans_frame(dataset: xr.Dataset, scans: Sequence[Slots], there: NDArray[np.bool_]) -> pd.DataFrame:
    times = times_ns(dataset)
    half = np.rint(integration_times(dataset) / 2 * 1e9).astype(np.int64)
    names = {
        column: [str(name) for name in labels(dataset, coordinate, "time")]
        if coordinate in dataset.coords
        else [""] * len(times)
        for column, coordinate in (("scan", "scan_name"), ("source", "field_name"))
    }
    gaps = [gaps_of(np.asarray(there.any(axis=1)), [scan]) for scan in scans]
    return pd.DataFrame(
        {
            **{column: [values[scan.places[0]] for scan in scans] for column, values in names.items()},
            "start": _stamps([(times - half)[scan.places].min() for scan in scans]),
            "stop": _stamps([(times + half)[scan.places].max() for scan in scans]),
            "n_integrations": [one.there for one in gaps],
            "n_missing": [one.missing for one in gaps],
        }
    )


def _stamps(values: Sequence[int]) -> pd.Series[Any]:
    return pd.Series(np.array(values, dtype=np.int64).view("datetime64[ns]"))


def _clock(stamp: pd.Timestamp) -> str:
    return stamp.isoformat(sep=" ", timespec="milliseconds")


def _few(texts: Sequence[str] | Iterator[str], what: str) -> str:
    """Texts in a line, or how many there are and the first of them."""
    found = list(dict.fromkeys(texts))
    if len(found) <= _MOST:
        return ("; " if any(" " in text for text in found) else " ").join(found)
    return f"{len(found)} {what}: {'; '.join(found[:_MOST])}; …"
