# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.binconfig`` files: into which bins of pulse phase a pulsar is sorted.

Text comes in and a :class:`BinConfig` goes out, and the other way round. Mirrors ``difx-files.md`` 8.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from difxnb.formats import frames
from difxnb.formats.companion import companion
from difxnb.formats.keyvalue import KeyValueReader, KeyValueWriter, patterns, read_text, write_text
from difxnb.formats.polyco import Polyco, read_polyco
from difxnb.formats.text_patch import kept_text
from difxnb.markup import titled

if TYPE_CHECKING:
    import pandas as pd

_KNOWN = patterns(
    "NUM POLYCO FILES|POLYCO FILE 0|NUM PULSAR BINS|SCRUNCH OUTPUT|BIN PHASE END 0|BIN WEIGHT 0"
)


@dataclass(slots=True)
class BinConfig:
    """A whole ``.binconfig`` file.

    Attributes
    ----------
    polyco_filenames : list of str
        Files with the rotation of the pulsar, as written.
    scrunch : bool
        One output, to which every bin adds with its weight, instead of one per bin.
    phase_ends : list of float
        Where each bin ends, 0…1, ascending. Bin b begins where bin b-1 ends; bin 0 begins where the last one ends and
        goes on through 1.
    weights : list of float
        Of each bin in a scrunched output; negative ones subtract.
    source_text : str
        Text that it was read from; what is unknown in it is kept when it is written again. Without it the file is
        written in the usual form.
    """

    path: Path | None = None
    polyco_filenames: list[str] = field(default_factory=list)
    scrunch: bool = False
    phase_ends: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    source_text: str = field(default="", repr=False, compare=False)

    @property
    def widths(self) -> list[float]:
        """Width of each bin in phase; visibilities of a bin are to be divided by it before bins are compared."""
        before = [self.phase_ends[-1] - 1, *self.phase_ends] if self.phase_ends else []
        return [float(end - begin) for begin, end in zip(before, self.phase_ends, strict=False)]

    def polycos(self) -> list[Polyco]:
        """Read the polyco files: as named if they are there, else beside this file.

        Raises
        ------
        FileNotFoundError
            Where one is in neither place.
        FileFormatError
            Where one is damaged.
        """
        return [read_polyco(companion(name, self.path)) for name in self.polyco_filenames]

    def frame(self) -> pd.DataFrame:
        """Bins as a DataFrame.

        Returns
        -------
        DataFrame
            ``bin``, ``phase_start``, ``phase_end``, ``width`` (rotations; where a bin goes on through 1 its start is
            above its end), ``weight``.
        """
        ends = [float(end) for end in self.phase_ends]
        return frames.table(
            {
                "bin": frames.integers(range(len(ends))),
                "phase_start": frames.numbers(ends[row - 1] % 1.0 for row in range(len(ends))),
                "phase_end": frames.numbers(ends),
                "width": frames.numbers(self.widths),
                "weight": frames.numbers(float(weight) for weight in self.weights),
            }
        )

    def __repr__(self) -> str:
        output = "summed" if self.scrunch else "one output each"
        name = self.path.name if self.path else ""
        return (
            f"<BinConfig {name}: {len(self.phase_ends)} bins, {output}, {', '.join(self.polyco_filenames)}>"
        )

    def _repr_html_(self) -> str:
        return titled(repr(self), self.frame())


def parse_binconfig(text: str, path: Path | None = None) -> BinConfig:
    """Read the text of a ``.binconfig`` file.

    Raises
    ------
    FileFormatError
        With the line, where something is missing, out of order or impossible.
    """
    reader = KeyValueReader(text, path, _KNOWN)
    config = BinConfig(path, source_text=text)
    files = reader.count("NUM POLYCO FILES")
    config.polyco_filenames = [reader.text(f"POLYCO FILE {row}") for row in range(files)]
    bins = reader.count("NUM PULSAR BINS")
    config.scrunch = reader.boolean("SCRUNCH OUTPUT")
    for row in range(bins):
        config.phase_ends.append(_read_phase_end(reader, row, config.phase_ends))
        config.weights.append(reader.number(f"BIN WEIGHT {row}"))
    return config


def _read_phase_end(reader: KeyValueReader, row: int, before: list[float]) -> float:
    end = reader.number(f"BIN PHASE END {row}")
    if not (before[-1] if before else 0.0) <= end <= 1.0:
        reader.fail(f"'BIN PHASE END {row}' is {end:g}; ends ascend between 0 and 1", back=1)
    return end


def format_binconfig(config: BinConfig) -> str:
    """Write the text of a ``.binconfig`` file.

    Raises
    ------
    ValueError
        Where a bin has no weight, or something cannot be written.
    """
    return kept_text(config, _usual_text, parse_binconfig)


def _usual_text(config: BinConfig) -> str:
    if len(config.phase_ends) != len(config.weights):
        raise ValueError(
            f"there are {len(config.phase_ends)} bins and {len(config.weights)} weights for them"
        )
    writer = KeyValueWriter()
    writer.line("NUM POLYCO FILES", len(config.polyco_filenames))
    for row, name in enumerate(config.polyco_filenames):
        writer.text(f"POLYCO FILE {row}", name)
    writer.line("NUM PULSAR BINS", len(config.phase_ends))
    writer.boolean("SCRUNCH OUTPUT", config.scrunch)
    for row, (end, weight) in enumerate(zip(config.phase_ends, config.weights, strict=True)):
        writer.number(f"BIN PHASE END {row}", end)
        writer.number(f"BIN WEIGHT {row}", weight)
    return writer.finish()


def read_binconfig(path: str | Path) -> BinConfig:
    """Read a ``.binconfig`` file; FileFormatError with file and line where it is damaged."""
    return parse_binconfig(read_text(path), Path(path))


def write_binconfig(config: BinConfig, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a ``.binconfig`` file; FileExistsError where there is one already, unless `overwrite`."""
    write_text(path, format_binconfig(config), overwrite=overwrite)
