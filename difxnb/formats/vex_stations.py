# SPDX-License-Identifier: GPL-3.0-or-later
"""``$STATION`` of a ``.vex`` with ``$SITE``, ``$ANTENNA`` and ``$DAS``: where stations are, and what they record on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from difxnb.formats import frames
from difxnb.formats.frames import Columns
from difxnb.formats.vex_quantities import LENGTH_UNITS, VELOCITY_UNITS, Moment, quantity, vex_moment
from difxnb.formats.vex_scans import VexScan, first_word, moments
from difxnb.formats.vex_text import VexDefinition, VexText

if TYPE_CHECKING:
    import pandas as pd

Triple = tuple[float | None, float | None, float | None]
_NOWHERE: Triple = (None, None, None)


@dataclass(frozen=True, slots=True)
class VexStation:
    """One station.

    Attributes
    ----------
    key : str
        Name of its definition, which the scans use.
    name, site_id : str
        Of its site.
    position, velocity : tuple of float or None
        m and m/s, geocentric.
    epoch : Moment or None
        Of the position.
    axis_type : str
        Both axes joined: ``"azel"``, ``"hadec"``, ``"xyew"``.
    axis_offset : float or None
        m.
    das, recorder : str
        Name of its ``$DAS``, and what that records on.
    definition, site, antenna : VexDefinition
        Site and antenna are None where they are not there.
    """

    key: str
    name: str
    site_id: str
    position: Triple
    velocity: Triple
    epoch: Moment | None
    axis_type: str
    axis_offset: float | None
    das: str
    recorder: str
    definition: VexDefinition
    site: VexDefinition | None
    antenna: VexDefinition | None


def stations_of(vex: VexText) -> tuple[VexStation, ...]:
    """Stations in the order of the file."""
    block = vex.block("STATION")
    return tuple(_station(vex, one) for one in (block.definitions if block else ()))


def referred(vex: VexText, station: VexDefinition, block: str) -> VexDefinition | None:
    """The definition in another block that a station refers to."""
    there = vex.block(block)
    name = first_word(station, "ref", f"${block}")
    return there.definition(name) if there and name else None


def _station(vex: VexText, definition: VexDefinition) -> VexStation:
    site, antenna, das = (referred(vex, definition, block) for block in ("SITE", "ANTENNA", "DAS"))
    offset = None if antenna is None else _quantities(antenna, "axis_offset", LENGTH_UNITS)[0]
    return VexStation(
        definition.name,
        _word(site, "site_name") or definition.name,
        _word(site, "site_ID"),
        _NOWHERE if site is None else _quantities(site, "site_position", LENGTH_UNITS),
        _NOWHERE if site is None else _quantities(site, "site_velocity", VELOCITY_UNITS),
        vex_moment(_word(site, "site_position_epoch")),
        _axes(antenna),
        offset,
        first_word(definition, "ref", "$DAS"),
        _recorder(das),
        definition,
        site,
        antenna,
    )


def _word(definition: VexDefinition | None, word: str) -> str:
    return "" if definition is None else first_word(definition, word)


def _quantities(definition: VexDefinition, word: str, units: Mapping[str, float]) -> Triple:
    """First three fields of a statement."""
    found = definition.all(word)
    if not found:
        return _NOWHERE
    first, second, third = (quantity(found[0].field(place), units) for place in range(3))
    return first and first.value, second and second.value, third and third.value


def _axes(antenna: VexDefinition | None) -> str:
    found = [] if antenna is None else antenna.all("axis_type")
    return "".join("".join(found[0].field(place)) for place in (0, 1)).lower() if found else ""


def _recorder(das: VexDefinition | None) -> str:
    """What is recorded on: a statement of its own in VEX 1.5, an ``equip`` in 2.0."""
    if das is None:
        return ""
    equipment = [one.field(1) for one in das.all("equip") if one.field(0) == ("recorder",)]
    return first_word(das, "record_transport_type") or " ".join(*equipment[:1] or [()])


def station_columns(stations: Sequence[VexStation], scans: Sequence[VexScan]) -> Columns:
    """One row per station."""
    seen: dict[str, list[float]] = {one.key: [] for one in stations}
    for scan in scans:
        for line in scan.stations:
            if line.station in seen:
                seen[line.station].append(line.duration)
    columns: dict[str, pd.Series[Any]] = {
        "station": frames.texts(one.key for one in stations),
        "name": frames.texts(one.name for one in stations),
        "site_id": frames.texts(one.site_id for one in stations),
    }
    for place, axis in enumerate("xyz"):
        columns[axis] = frames.numbers(one.position[place] for one in stations)
    for place, axis in enumerate("xyz"):
        columns[f"v{axis}"] = frames.numbers(one.velocity[place] for one in stations)
    return {
        **columns,
        "position_epoch": moments(one.epoch for one in stations),
        "axis_type": frames.texts(one.axis_type for one in stations),
        "axis_offset": frames.numbers(one.axis_offset for one in stations),
        "das": frames.texts(one.das for one in stations),
        "recorder": frames.texts(one.recorder for one in stations),
        "n_scans": frames.integers(len(seen[one.key]) for one in stations),
        "observed": frames.numbers(sum(seen[one.key]) for one in stations),
    }
