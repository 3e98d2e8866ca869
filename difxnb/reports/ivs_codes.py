# SPDX-License-Identifier: GPL-3.0-or-later
"""Quality codes of fringes: one for every scan, baseline and range of frequencies of a job.

They are made like those of fourfit, but of :func:`difxnb.fringe_fit`: 9 less a fault for every scatter that is over
its first limit, and one more where it is over the second (:mod:`difxnb.reports.ivs_scatter`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from difxnb.reports.ivs_scatter import MOST_FALSE_ALARM, looked_into

if TYPE_CHECKING:
    import xarray as xr

    from difxnb.formats.vex import Vex
    from difxnb.quality.material import Material

COLUMNS = (
    "scan", "source", "baseline", "antenna1", "antenna2", "letter", "code", "snr", "false_alarm_probability",
    "band_phase_rms", "band_amplitude_rms", "time_phase_rms", "time_amplitude_rms",
)  # fmt: skip
"""Columns of a table of codes; phases in rad, amplitudes as a share of their mean, NaN where nothing tells."""

PHASE_LIMITS = (0.2, 0.4)
"""Scatter of phases that is a fault, and that is two: 11.46° and 22.92°, rad."""
AMPLITUDE_LIMITS = (0.2, 0.4)
"""The same of amplitudes, as a share of their mean."""
_WEAK_BAND = 0.5  # of the mean amplitude
_WEAK_BAND_SNR = 20.0
_LETTERS = (
    (1e9, "P"), (2e9, "L"), (4e9, "S"), (8e9, "C"), (12e9, "X"), (18e9, "U"), (27e9, "K"), (40e9, "A"), (50e9, "Q"),
    (75e9, "V"),
)  # fmt: skip


def letter_of(frequency: float) -> str:
    """Letter of a range of frequencies (Hz): S from 2 to 4 GHz, C to 8, X to 12…; W above 75 GHz."""
    return next((letter for limit, letter in _LETTERS if frequency < limit), "W")


def quality_codes(material: Material) -> pd.DataFrame:
    """Codes of one job.

    Parameters
    ----------
    material : Material
        The job.

    Returns
    -------
    DataFrame
        One row per scan, cross baseline and letter, see `COLUMNS`. `code` is ``N`` where the files of the job promise
        data and there are none, ``D`` where a band has none, ``0`` where no fringe is found, ``E`` where it stands at
        the edge of the window, ``G`` where a band has less than half the mean amplitude (and the SNR is above 20),
        else ``1`` to ``9``. Of several phase centres or pulsar bins, the first is looked at.
    """
    rows = [row for letter, part in _ranges(material) for row in _codes_of(letter, part)]
    found = pd.DataFrame(rows, columns=list(COLUMNS))
    return _with_missing(found, material)


def with_scheduled(found: pd.DataFrame, vex: Vex) -> pd.DataFrame:
    """Add a row with the code ``-`` for each scan of a schedule and baseline that no job was made for.

    Names of stations are compared, and written, in upper case, as jobs have them.
    """
    stations = vex.scan_stations()
    stations = stations[stations["records"].astype(bool)]
    sources = dict(zip(vex.scans()["scan"], vex.scans()["source"], strict=True))
    there = {
        (str(row["scan"]), frozenset((str(row["antenna1"]).upper(), str(row["antenna2"]).upper())))
        for row in found.to_dict("records")
    }
    letters = list(dict.fromkeys(found["letter"]))
    rows: list[dict[str, object]] = []
    for scan, part in stations.groupby("scan", sort=False):
        names = [str(name).upper() for name in part["station"]]
        for first, second in combinations(sorted(dict.fromkeys(names)), 2):
            if (str(scan), frozenset((first, second))) in there:
                continue
            labels = {
                "scan": scan,
                "source": sources.get(scan, ""),
                "baseline": f"{first}-{second}",
                "code": "-",
            }
            rows += [labels | {"antenna1": first, "antenna2": second, "letter": letter} for letter in letters]
    if not rows:
        return found
    return pd.concat([found, pd.DataFrame(rows).reindex(columns=list(COLUMNS))], ignore_index=True)


def code_of(
    *,
    probability: float,
    snr: float,
    at_edge: bool,
    lacks_band: bool,
    weakest: float,
    scatters: tuple[float, ...],
) -> str:
    """The code of one fringe.

    Parameters
    ----------
    probability : float
        Of a false alarm.
    snr : float
        Of the fringe.
    at_edge, lacks_band : bool
        Whether it stands at the edge of the window, and whether a band has no data.
    weakest : float
        Amplitude of the weakest band, as a share of the mean.
    scatters : tuple of float
        Phases by band and by time (rad), amplitudes by band and by time (shares); NaN is no fault.
    """
    if lacks_band:
        return "D"
    if not probability <= MOST_FALSE_ALARM:
        return "0"
    if at_edge:
        return "E"
    if weakest < _WEAK_BAND and snr > _WEAK_BAND_SNR:
        return "G"
    limits = (PHASE_LIMITS, PHASE_LIMITS, AMPLITUDE_LIMITS, AMPLITUDE_LIMITS)
    faults = sum(value > limit for value, pair in zip(scatters, limits, strict=True) for limit in pair)
    return str(9 - faults)


def _ranges(material: Material) -> Iterator[tuple[str, xr.Dataset]]:
    """Cross-correlations of parallel hands, of one letter each; in order of frequency."""
    whole = material.cross
    if whole is None:
        return
    for axis in ("phase_center", "pulsar_bin"):
        if axis in whole.dims:
            whole = whole.isel({axis: 0})
    hands = [place for place, hand in enumerate(whole["polarization"].values) if len(set(str(hand))) == 1]
    if not hands:
        return
    whole = whole.isel(polarization=hands)
    middles = np.nanmean(whole["frequency"].values, axis=-1)
    letters = [letter_of(float(middle)) for middle in middles]
    for letter in dict.fromkeys(letters[place] for place in np.argsort(middles, kind="stable")):
        yield letter, whole.isel(band=[place for place, one in enumerate(letters) if one == letter])


def _codes_of(letter: str, part: xr.Dataset) -> Iterator[dict[str, object]]:
    for one in looked_into(part):
        yield {
            "scan": one.scan,
            "source": one.source,
            "baseline": one.baseline,
            "antenna1": one.antennas[0],
            "antenna2": one.antennas[1],
            "letter": letter,
            "code": code_of(
                probability=one.false_alarm_probability,
                snr=one.snr,
                at_edge=one.at_edge,
                lacks_band=one.lacks_band,
                weakest=one.weakest,
                scatters=(one.band_phase, one.time_phase, one.band_amplitude, one.time_amplitude),
            ),
            "snr": one.snr,
            "false_alarm_probability": one.false_alarm_probability,
            "band_phase_rms": one.band_phase,
            "band_amplitude_rms": one.band_amplitude,
            "time_phase_rms": one.time_phase,
            "time_amplitude_rms": one.time_amplitude,
        }


def _with_missing(found: pd.DataFrame, material: Material) -> pd.DataFrame:
    """Add a row with the code N for what the files of the job promise and the output does not have."""
    if material.schedule is None or material.input is None or material.is_part:
        return found
    there = set(zip(found["scan"], found["baseline"], strict=True))
    letters = list(dict.fromkeys(found["letter"])) or _letters_of(material)
    rows = []
    for scan in material.schedule.scans:
        for baseline in material.schedule.products(scan):
            first, _, second = baseline.partition("-")
            if first == second or (scan.name, baseline) in there:
                continue
            labels = {"scan": scan.name, "source": scan.source, "baseline": baseline, "code": "N"}
            rows += [labels | {"antenna1": first, "antenna2": second, "letter": letter} for letter in letters]
    if not rows:
        return found
    missing = pd.DataFrame(rows).reindex(columns=list(COLUMNS))
    return missing if found.empty else pd.concat([found, missing], ignore_index=True)


def _letters_of(material: Material) -> list[str]:
    """Letters of the recorded bands, from the ``.input``."""
    assert material.input is not None
    edges = material.input.frame("freqs")
    written = edges[edges["is_written"]] if "is_written" in edges else edges
    return list(dict.fromkeys(letter_of(float(one)) for one in sorted(written["low_edge"])))
