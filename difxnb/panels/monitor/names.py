# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is to look at in a job, by name, and what of it was chosen.

In go tables of products, out come names; and, for a choice, the baselines that it shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import pandas as pd

MOST_CURVES = 12
"""Curves of a picture when nobody has said what is to be in it."""

Fits = Literal["intervals", "scans"]
"""Whether fringes are shown against time in pieces of scans, or one for each scan."""

_NAMED = 12


@dataclass(frozen=True)
class Offered:
    """What there is.

    Attributes
    ----------
    stations, baselines, polarizations : tuple of str
        Baselines are those between two stations.
    bands : tuple of (int, str)
        Row of the FREQ table, and what it is in words.
    autocorrelations : frozenset of str
        Such as ``"AA-AA"``.
    watched : frozenset of str
        Baselines of which visibilities come, or are there.
    products, watched_products : int
        How many can be had, and how many come.
    """

    stations: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()
    bands: tuple[tuple[int, str], ...] = ()
    polarizations: tuple[str, ...] = ()
    autocorrelations: frozenset[str] = frozenset()
    watched: frozenset[str] = frozenset()
    products: int = 0
    watched_products: int = 0

    def ends(self, baseline: str) -> tuple[str, str]:
        """The two stations of a baseline, whose names may have hyphens themselves."""
        for place, letter in enumerate(baseline):
            first, second = baseline[:place], baseline[place + 1 :]
            if letter == "-" and first in self.stations and second in self.stations:
                return first, second
        first, _, second = baseline.partition("-")
        return first, second


@dataclass(frozen=True)
class Chosen:
    """What is to be shown; nothing named is the usual.

    Attributes
    ----------
    kind : str
        Of picture; a key of :data:`difxnb.plots.live.VIEWS`.
    stations, baselines, bands, polarizations : tuple
        Named ones; of stations, baselines among them, or to it where it is one.
    reference : str, optional
        A station: its baselines alone, turned so that it comes first.
    fits : str
    theme : str
        ``"light"`` or ``"dark"``.
    """

    kind: str = "spectra"
    stations: tuple[str, ...] = ()
    baselines: tuple[str, ...] = ()
    bands: tuple[int, ...] = ()
    polarizations: tuple[str, ...] = ()
    reference: str | None = None
    fits: Fits = "intervals"
    theme: Literal["light", "dark"] = "light"


def offered_of(available: pd.DataFrame, products: pd.DataFrame) -> Offered:
    """What two tables of products offer, and what comes; nothing where they name no baselines.

    Parameters
    ----------
    available, products : DataFrame
        As those of a monitor.
    """
    if not {"baseline", "band", "polarization"} <= set(available.columns):
        return Offered(products=len(available), watched_products=len(products))
    is_auto = available["is_autocorrelation"].astype(bool)
    ends = pd.concat([available["antenna1_name"], available["antenna2_name"]])
    lows = available.drop_duplicates("band").sort_values("frequency")
    return Offered(
        stations=_distinct(ends),
        baselines=_distinct(available["baseline"][~is_auto]),
        bands=tuple(
            (int(row), f"{int(row)}: {low / 1e6:.2f} MHz")
            for row, low in zip(lows["band"], lows["frequency"], strict=True)
        ),
        polarizations=_distinct(available["polarization"]),
        autocorrelations=frozenset(available["baseline"][is_auto]),
        watched=frozenset(map(str, products["baseline"])),
        products=len(available),
        watched_products=len(products),
    )


def _distinct(values: Iterable[object]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(value) for value in values))


def shown_baselines(chosen: Chosen, offered: Offered) -> tuple[str, ...]:
    """Baselines that a choice shows, those named first; a picture's fill of them where none are named."""
    if chosen.baselines:
        return chosen.baselines
    found = [name for name in offered.baselines if name in offered.watched]
    if chosen.reference is not None:
        return tuple(name for name in found if chosen.reference in offered.ends(name))
    if chosen.stations:
        needed = min(2, len(chosen.stations))
        among = set(chosen.stations)
        return tuple(n for n in found if len(among.intersection(offered.ends(n))) >= needed)
    return tuple(found[: max(1, MOST_CURVES // max(1, len(shown_polarizations(chosen, offered))))])


def shown_polarizations(chosen: Chosen, offered: Offered) -> tuple[str, ...]:
    """Polarizations that a choice shows: the parallel hands, or all where there are none."""
    parallel = tuple(name for name in offered.polarizations if len(set(name)) == 1)
    return chosen.polarizations or parallel or offered.polarizations


def known_baselines(names: Iterable[str], offered: Offered) -> tuple[str, ...]:
    """Names as the job has them, whichever way round they were written; ValueError where it has none such."""
    found = []
    for name in names:
        first, second = offered.ends(name)
        turned = f"{second}-{first}"
        found.append(turned if turned in offered.baselines and name not in offered.baselines else name)
    return known(found, offered.baselines, "baseline")


def known(names: Iterable[str], there: Sequence[str], what: str) -> tuple[str, ...]:
    """Names without repetition; ValueError, which names what there is, for one that is not there."""
    found = tuple(dict.fromkeys(names))
    for name in found:
        if name not in there:
            raise ValueError(f"no {what} {name!r}; there are {_some(there)}")
    return found


def known_bands(rows: Iterable[int], offered: Offered) -> tuple[int, ...]:
    """Rows of the FREQ table without repetition; ValueError for one that is not there."""
    texts = known((str(row) for row in rows), [str(row) for row, _ in offered.bands], "band")
    return tuple(int(text) for text in texts)


def _some(names: Sequence[str]) -> str:
    left = len(names) - _NAMED
    return (", ".join(names[:_NAMED]) or "none") + (f" and {left} more" if left > 0 else "")
