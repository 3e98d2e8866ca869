# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.input`` files, the description of a correlation.

Text comes in and an :class:`Input` goes out, and the other way round, byte for byte as vex2difx writes it. This is
the door to three modules: the values (``input_model``), their text (``input_reader``, ``input_writer``) and the
array of results that follows from them (``result_layout``). Mirrors ``difx-files.md`` 2, 3, 4 and 15.
"""

from __future__ import annotations

from pathlib import Path

from difxnb.formats.input_model import (
    Band,
    Baseline,
    BaselineFreq,
    Configuration,
    Datastream,
    Freq,
    Input,
    RecordedBand,
    RecordedFreq,
    Rule,
    Telescope,
    ZoomBand,
    ZoomFreq,
)
from difxnb.formats.result_layout import ResultProduct, record_order, result_layout, result_length

__all__ = [
    "Band",
    "Baseline",
    "BaselineFreq",
    "Configuration",
    "Datastream",
    "Freq",
    "Input",
    "RecordedBand",
    "RecordedFreq",
    "ResultProduct",
    "Rule",
    "Telescope",
    "ZoomBand",
    "ZoomFreq",
    "format_input",
    "parse_input",
    "read_input",
    "record_order",
    "result_layout",
    "result_length",
    "write_input",
]


def parse_input(text: str, path: Path | None = None) -> Input:
    """Read the text of an ``.input``; FileFormatError on damage."""
    raise NotImplementedError


def format_input(inp: Input) -> str:
    """Write the text of an ``.input``."""
    raise NotImplementedError


def read_input(path: str | Path) -> Input:
    """Read an ``.input`` file."""
    raise NotImplementedError


def write_input(inp: Input, path: str | Path, *, overwrite: bool = False) -> None:
    """Write an ``.input`` file."""
    raise NotImplementedError
