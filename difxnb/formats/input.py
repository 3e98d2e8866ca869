# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.input`` files, the description of a correlation.

Text comes in and an :class:`Input` goes out, and the other way round: a new file byte for byte as vex2difx writes it,
one that was read as it stood there, but for the lines that changed. This is the door to the modules about the values
(``input_model``, ``input_datastream``), their text (``input_reader``, ``input_writer``) and the array of results that
follows from them (``result_layout``). Mirrors ``difx-files.md`` 2, 3, 4 and 15.
"""

from __future__ import annotations

from pathlib import Path

from difxnb.formats.input_datastream import Band, Datastream, RecordedBand, RecordedFreq, ZoomBand, ZoomFreq
from difxnb.formats.input_model import Baseline, BaselineFreq, Configuration, Freq, Input, Rule, Telescope
from difxnb.formats.input_reader import parse_input
from difxnb.formats.input_writer import format_input
from difxnb.formats.keyvalue import read_text, write_text
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


def read_input(path: str | Path) -> Input:
    """Read an ``.input`` file.

    Raises
    ------
    FileFormatError
        With file and line, where the file is damaged or written for DiFX 1.
    """
    return parse_input(read_text(path), Path(path))


def write_input(inp: Input, path: str | Path, *, overwrite: bool = False) -> None:
    """Write an ``.input`` file.

    Raises
    ------
    FileExistsError
        Where there is one already, unless `overwrite`.
    ValueError
        Where the values contradict each other or cannot be written.
    """
    write_text(path, format_input(inp), overwrite=overwrite)
