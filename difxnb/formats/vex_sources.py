# SPDX-License-Identifier: GPL-3.0-or-later
"""``$SOURCE`` of a ``.vex``: where the sources are, and how long each is seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from difxnb.formats import frames
from difxnb.formats.frames import Columns
from difxnb.formats.vex_quantities import declination, right_ascension
from difxnb.formats.vex_scans import VexScan, first_word
from difxnb.formats.vex_text import VexDefinition, VexText


@dataclass(frozen=True, slots=True)
class VexSource:
    """One source: name of its definition and of itself, position in rad (None where it cannot be read), its frame."""

    key: str
    name: str
    ra: float | None
    dec: float | None
    frame: str
    definition: VexDefinition


def sources_of(vex: VexText) -> tuple[VexSource, ...]:
    """Sources in the order of the file."""
    block = vex.block("SOURCE")
    return tuple(_source(one) for one in (block.definitions if block else ()))


def _source(definition: VexDefinition) -> VexSource:
    return VexSource(
        definition.name,
        first_word(definition, "source_name") or definition.name,
        right_ascension(first_word(definition, "ra")),
        declination(first_word(definition, "dec")),
        first_word(definition, "ref_coord_frame"),
        definition,
    )


def source_columns(sources: Sequence[VexSource], scans: Sequence[VexScan]) -> Columns:
    """One row per source."""
    seen: dict[str, list[float]] = {one.key: [] for one in sources}
    for scan in scans:
        for key in scan.sources:
            if key in seen:
                seen[key].append(scan.duration or 0.0)
    return {
        "source": frames.texts(one.key for one in sources),
        "name": frames.texts(one.name for one in sources),
        "ra": frames.numbers(one.ra for one in sources),
        "dec": frames.numbers(one.dec for one in sources),
        "frame": frames.texts(one.frame for one in sources),
        "n_scans": frames.integers(len(seen[one.key]) for one in sources),
        "observed": frames.numbers(sum(seen[one.key]) for one in sources),
    }
