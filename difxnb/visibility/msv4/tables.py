# SPDX-License-Identifier: GPL-3.0-or-later
"""Antennas and sources of Measurement Sets, with their positions from the ``.calc``.

In go the names that occur in a Dataset and the ``.calc`` files of its jobs, out come the secondary datasets of schema
4.0.1. Mirrors ``difx-files.md`` 5.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from difxnb.errors import PositionsUnknown
from difxnb.formats.calc import Calc, CalcTelescope, Source, read_calc
from difxnb.formats.input import read_input

CalcSource: TypeAlias = Calc | str | PathLike[str] | Iterable[Calc | str | PathLike[str]]
"""One ``.calc``, parsed or by its path, or several."""

_MOUNTS = {
    "AZEL": "ALT-AZ",
    "ALTAZ": "ALT-AZ",
    "EQUA": "EQUATORIAL",
    "HADEC": "EQUATORIAL",
    "XYEW": "X-Y",
    "XYNS": "X-Y",
    "NASR": "ALT-AZ+NASMYTH-R",
    "NASL": "ALT-AZ+NASMYTH-L",
}
_GEOCENTRIC = {
    "type": "location",
    "units": "m",
    "frame": "ITRS",
    "coordinate_system": "geocentric",
    "origin_object_name": "earth",
}
_HANDS = "RLXYHV"
_Found = TypeVar("_Found", CalcTelescope, Source)


@dataclass
class Positions:
    """What the ``.calc`` files say, by name."""

    antennas: dict[str, CalcTelescope] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    obscode: str = ""
    _unknown: dict[str, None] = field(default_factory=dict)

    def antenna(self, name: str) -> CalcTelescope | None:
        """Give an antenna; None where no ``.calc`` has it, which is noted."""
        return self._noted(name, self.antennas.get(name))

    def source(self, name: str) -> Source | None:
        """Give a source; None where no ``.calc`` has it, which is noted."""
        return self._noted(name, self.sources.get(name))

    def _noted(self, name: str, found: _Found | None) -> _Found | None:
        if found is None:
            self._unknown[name or "sources without name"] = None
        return found

    def warn_of_unknown(self) -> None:
        """Warn of names without position that were asked for."""
        if self._unknown:
            warnings.warn(
                f"no .calc tells the position of {', '.join(self._unknown)}; it is NaN in the Measurement Set. "
                "Give calc= the .calc of the job",
                PositionsUnknown,
                stacklevel=3,
            )


def read_positions(dataset: xr.Dataset, calc: CalcSource | None) -> Positions:
    """Take positions from the given ``.calc`` files, or from those that the Dataset's ``.input`` files name.

    Raises
    ------
    FileFormatError
        A file is damaged.
    FileNotFoundError
        A given file is not there; those that were not given need not be.
    """
    found = Positions()
    for one in _calcs(dataset, calc):
        spacecraft = {value for key, value in one.spacecraft if key.endswith("NAME")}
        for telescope in one.telescopes:
            found.antennas.setdefault(telescope.name, telescope)
        for source in one.sources:
            if source.name not in spacecraft:  # whose right ascension and declination are fillers
                found.sources.setdefault(source.name, source)
        found.obscode = found.obscode or one.obscode
    return found


def _calcs(dataset: xr.Dataset, calc: CalcSource | None) -> Iterator[Calc]:
    if calc is None:
        yield from _beside(dataset)
        return
    for one in [calc] if isinstance(calc, Calc | str | PathLike) else calc:
        yield one if isinstance(one, Calc) else read_calc(Path(one))


def _beside(dataset: xr.Dataset) -> Iterator[Calc]:
    for line in str(dataset.attrs.get("input_file", "")).splitlines():
        path = Path(line)
        if line and path.is_file():
            named = read_input(path).companion("calc")
            if named.is_file():
                yield read_calc(named)


def antenna_table(
    first: Sequence[str],
    second: Sequence[str],
    present: NDArray[np.bool_],
    labels: Sequence[str],
    known: Positions,
) -> xr.Dataset:
    """Antennas of a Measurement Set.

    Parameters
    ----------
    first, second : sequence of str
        Names of antenna 1 and antenna 2 of each baseline.
    present : ndarray of bool, shape (baseline, polarization)
        Products that there are.
    labels : sequence of str
        Polarization products.
    known : Positions
        Where they are.
    """
    names = list(dict.fromkeys([*first, *second]))
    hands = _hands(first, second, present, labels)
    receptors = max(len(found) for found in hands.values())
    types = [[*hands[name], *[""] * (receptors - len(hands[name]))] for name in names]
    antennas = [known.antenna(name) for name in names]
    position = [[np.nan] * 3 if one is None else [one.x, one.y, one.z] for one in antennas]
    mounts = ["" if one is None else _MOUNTS.get(one.mount.upper(), one.mount) for one in antennas]
    return xr.Dataset(
        {
            "ANTENNA_POSITION": (
                ("antenna_name", "cartesian_pos_label"),
                np.array(position, dtype=np.float64),
                dict(_GEOCENTRIC),
            )
        },
        {
            "antenna_name": np.array(names),
            "station_name": ("antenna_name", np.array(names)),
            "telescope_name": ("antenna_name", np.array(names)),
            "mount": ("antenna_name", np.array(mounts, dtype=np.str_)),
            "receptor_label": np.array([f"pol_{number}" for number in range(receptors)]),
            "polarization_type": (("antenna_name", "receptor_label"), np.array(types, dtype=np.str_)),
            "cartesian_pos_label": np.array(["x", "y", "z"]),
        },
        {"type": "antenna", "overall_telescope_name": "VLBI", "relocatable_antennas": False},
    )


def _hands(
    first: Sequence[str], second: Sequence[str], present: NDArray[np.bool_], labels: Sequence[str]
) -> Mapping[str, list[str]]:
    """Letters of the polarizations that each antenna has in the products."""
    found: dict[str, set[str]] = {name: set() for name in (*first, *second)}
    for (one, other), products in zip(zip(first, second, strict=True), present, strict=True):
        for label, there in zip(labels, products, strict=True):
            if there:
                found[one].add(label[0])
                found[other].add(label[1])
    return {name: sorted(letters, key=_HANDS.find) for name, letters in found.items()}


def field_table(fields: Iterable[str], known: Positions) -> xr.Dataset:
    """Sources of a Measurement Set, in order of appearance: where the phase is stopped, and where they are.

    The catalogues of VLBI, and the delay model, mean the ICRF where the ``.calc`` says J2000.
    """
    names = list(dict.fromkeys(fields))
    sources = [known.source(name) for name in names]
    direction = np.array([[np.nan] * 2 if one is None else [one.ra, one.dec] for one in sources], dtype=float)
    attrs: dict[str, Any] = {"type": "sky_coord", "units": "rad", "frame": "icrs"}
    dims = ("field_name", "sky_dir_label")
    return xr.Dataset(
        {
            "FIELD_PHASE_CENTER_DIRECTION": (dims, direction, attrs),
            "SOURCE_DIRECTION": (dims, direction.copy(), dict(attrs)),
        },
        {
            "field_name": np.array(names, dtype=np.str_),
            "source_name": ("field_name", np.array(names, dtype=np.str_)),
            "sky_dir_label": np.array(["ra", "dec"]),
        },
        {"type": "field_and_source"},
    )
