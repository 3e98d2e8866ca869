# SPDX-License-Identifier: GPL-3.0-or-later
"""Several jobs under one set of antennas and bands.

In go the ``.input`` files of jobs, out come one with the antennas and bands of all, and where each job's own rows are
in it. Two jobs of one pass may number their antennas differently, so these are joined by name (``difx-files.md`` 17.4).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from difxnb.formats.input import Freq, Input


@dataclass(frozen=True, slots=True)
class Joined:
    """Jobs under one roof.

    Attributes
    ----------
    input : Input
        The first job's, with the antennas and bands that only others have behind its own.
    antennas, bands : list of tuple of int
        For each job and row of its TELESCOPE and FREQ table the row in `input`.
    """

    input: Input
    antennas: list[tuple[int, ...]]
    bands: list[tuple[int, ...]]


def join_inputs(inputs: Sequence[Input]) -> Joined:
    """Join the antennas of jobs by name, and their bands by edges, sideband and channels."""
    first = inputs[0]
    telescopes, freqs = list(first.telescopes), list(first.freqs)
    antennas, bands = [tuple(range(len(telescopes)))], [tuple(range(len(freqs)))]
    for job in inputs[1:]:
        known = {telescope.name: row for row, telescope in reversed(list(enumerate(telescopes)))}
        for telescope in job.telescopes:
            if telescope.name not in known:
                known[telescope.name] = len(telescopes)
                telescopes.append(telescope)
        antennas.append(tuple(known[telescope.name] for telescope in job.telescopes))
        bands.append(_join_bands(freqs, job.freqs))
    if len(telescopes) == len(first.telescopes) and len(freqs) == len(first.freqs):
        return Joined(first, antennas, bands)
    return Joined(replace(first, telescopes=telescopes, freqs=freqs), antennas, bands)


def _join_bands(freqs: list[Freq], own: Sequence[Freq]) -> tuple[int, ...]:
    """Find each band among the known ones, at its own row if possible, and each known one once; add the others."""
    places: dict[tuple[object, ...], list[int]] = {}
    for row, freq in enumerate(freqs):
        places.setdefault(_kind(freq), []).append(row)
    found = []
    for row, freq in enumerate(own):
        same = places.setdefault(_kind(freq), [])
        if not same:
            same.append(len(freqs))
            freqs.append(freq)
        place = row if row in same else same[0]
        same.remove(place)
        found.append(place)
    return tuple(found)


def _kind(freq: Freq) -> tuple[object, ...]:
    return freq.low_edge_hz, freq.bandwidth_hz, freq.sideband, freq.channels
