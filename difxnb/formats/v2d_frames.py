# SPDX-License-Identifier: GPL-3.0-or-later
"""What a ``.v2d`` says, as tables: in s, Hz, m and rad, with times in UTC."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from difxnb.errors import FileFormatError
from difxnb.formats import frames
from difxnb.formats.v2d_block import V2dParameters
from difxnb.formats.v2d_clocks import deltas, own_clock
from difxnb.formats.v2d_parameter_list import PARAMETERS
from difxnb.formats.v2d_parameters import parameter
from difxnb.formats.v2d_values import read_mjd

if TYPE_CHECKING:
    import pandas as pd

    from difxnb.formats.frames import Columns
    from difxnb.formats.v2d import V2d

_MILLISECOND_NS = 10**6
_ARCSEC = math.pi / 180 / 3600
_RESOLUTIONS = ("FFTSpecRes", "specRes")
_KINDS = ("", "SETUP", "RULE", "SOURCE", "ANTENNA", "DATASTREAM", "ZOOM", "OUTPUTBAND", "EOP")


class _Row(NamedTuple):
    """A parameter of a block: as it is, or as it would be."""

    block: str
    name: str
    value: str
    line: int | None
    kind: str
    default: str
    unit: str
    text: str


def v2d_frame(v2d: V2d, table: str) -> pd.DataFrame:
    """One of the tables; ValueError says which there are."""
    return frames.named_table(v2d, table, _TABLES, "a .v2d")


def defaults_frame(v2d: V2d) -> pd.DataFrame:
    """All parameters of the blocks that are there, with what vex2difx takes."""
    blocks = [v2d.block(), *v2d.blocks()]
    there = {block.kind for block in blocks}
    rows = [row for block in blocks for row in _all_of(block)]
    rows += [
        _row(kind, one.name, "", None, kind) for kind in _KINDS if kind not in there for one in _known(kind)
    ]
    columns = _row_columns(rows)
    counted = {block.where for block in v2d.blocks("SETUP") if _counts_channels(block)}
    taken = [
        row.value or ("" if row.name in _RESOLUTIONS and row.block in counted else row.default)
        for row in rows
    ]
    return frames.table(
        {**columns, "taken": frames.texts(taken), "text": frames.texts(row.text for row in rows)}
    )


def _counts_channels(setup: V2dParameters) -> bool:
    """Whether a setup says how many channels there are, of which vex2difx finds out the resolutions."""
    is_counted = any(word != "0" for name in ("nChan", "nFFTChan") for word in setup.words(name))
    return is_counted and not setup.words("FFTSpecRes")


def _known(kind: str) -> list[Any]:
    return [one for one in PARAMETERS if one.block == kind]


def _all_of(block: V2dParameters) -> Iterator[_Row]:
    given, known = block.all_words(), _known(block.kind)
    for one in known:
        yield _row(
            block.where, one.name, ", ".join(given.get(one.name, ())), block.line_of(one.name), block.kind
        )
    names = {one.name for one in known}
    lines = {one.name.text: block.line_of_statement(one) for one in block.statements.statements}
    for name, words in given.items():
        if name not in names:
            yield _row(block.where, name, ", ".join(words), lines[name], block.kind)


def _row(block: str, name: str, value: str, line: int | None, kind: str) -> _Row:
    known = parameter(kind, name)
    if known is None:
        return _Row(block, name, value, line, "", "", "", "")
    return _Row(block, known.name, value, line, known.kind, known.default, known.unit, known.text)


def _row_columns(rows: Sequence[_Row]) -> Columns:
    texts = {
        name: frames.texts(getattr(row, name) for row in rows)
        for name in ("block", "kind", "name", "value", "default", "unit")
    }
    return {**texts, "line": frames.optional_integers(row.line for row in rows)}


def _parameters(v2d: V2d) -> Columns:
    """Every statement that has a value."""
    rows = [
        _row(
            block.where,
            one.name.text,
            ", ".join(token.text for token in one.values),
            v2d.line_at(one.name.start),
            block.kind,
        )
        for block in (v2d.block(), *v2d.blocks())
        for one in block.statements.statements
        if one.values
    ]
    return _row_columns(rows)


def _antennas(v2d: V2d) -> Columns:
    """One row for each station: those that are listed, then others that have a block."""
    listed = v2d.words("antennas")
    keys = {name.upper() for name in listed}
    is_every = not listed or "*" in listed
    names = list(dict.fromkeys([*listed, *(name for name in v2d.antennas if name.upper() not in keys)]))
    names = [name for name in names if name != "*"]
    blocks = [_block_of(v2d, name) for name in names]
    clocks = [
        None if block is None else own_clock(v2d.statements, block.statements, _name(v2d)) for block in blocks
    ]
    added = [(0.0, 0.0) if block is None else _deltas(v2d, block) for block in blocks]
    return {
        "station": frames.texts(names),
        "name": frames.texts(_last(block, "name") or name for name, block in zip(names, blocks, strict=True)),
        "correlated": frames.truths(is_every or name.upper() in keys for name in names),
        "files": frames.lists(_words(block, "file") + _words(block, "mark6file") for block in blocks),
        "filelist": frames.texts(
            ", ".join(_words(block, "filelist") + _words(block, "mark6filelist")) for block in blocks
        ),
        "module": frames.texts(_last(block, "module") for block in blocks),
        "source": frames.texts(_last(block, "source").lower() for block in blocks),
        "datastreams": frames.lists(_words(block, "datastreams") for block in blocks),
        "format": frames.texts(_last(block, "format") for block in blocks),
        "clock_offset": frames.numbers(None if one is None else one.coefficients[0] for one in clocks),
        "clock_rate": frames.numbers(None if one is None else one.coefficients[1] for one in clocks),
        "clock_epoch": frames.utc(
            (None if one is None else one.epoch_mjd for one in clocks), step_ns=_MILLISECOND_NS
        ),
        "delta_clock": frames.numbers(one[0] for one in added),
        "delta_clock_rate": frames.numbers(one[1] for one in added),
        "x": _numbers(blocks, "X"),
        "y": _numbers(blocks, "Y"),
        "z": _numbers(blocks, "Z"),
        "axis_offset": _numbers(blocks, "axisOffset"),
        "phase_cal": _numbers(blocks, "phaseCalInt", 1e6),
        "zoom": frames.texts(_last(block, "zoom") for block in blocks),
        "line": frames.optional_integers(None if block is None else block.line for block in blocks),
    }


def _name(v2d: V2d) -> str:
    return str(v2d.path or "v2d")


def _block_of(v2d: V2d, station: str) -> V2dParameters | None:
    own = v2d.antennas.get(station)
    return v2d.antennas.get("DEFAULT") if own is None else own


def _deltas(v2d: V2d, block: V2dParameters) -> tuple[float, float]:
    offset, rate, *_ = deltas(v2d.statements, block.statements, _name(v2d))
    return offset, rate


def _words(block: V2dParameters | None, name: str) -> list[str]:
    return [] if block is None else block.words(name)


def _last(block: V2dParameters | None, name: str) -> str:
    return next(reversed(_words(block, name)), "")


def _numbers(blocks: Sequence[V2dParameters | None], name: str, unit: float = 1.0) -> pd.Series[Any]:
    """Numbers that are given; NaN elsewhere."""
    values = (None if block is None else block.get(name) for block in blocks)
    return frames.numbers((one if isinstance(one, float) else None for one in values), unit)


def _taken(blocks: Sequence[V2dParameters], name: str, unit: float = 1.0) -> pd.Series[Any]:
    """Numbers that are given, else what vex2difx takes; NaN where it finds out itself."""
    values = [block.in_force(name) for block in blocks]
    return frames.numbers((one if isinstance(one, (int, float)) else None for one in values), unit)


def _setups(v2d: V2d) -> Columns:
    """What vex2difx takes; resolutions are NaN where channels are given in their place."""
    blocks = v2d.blocks("SETUP")
    given = {
        name: [block.get(name) for block in blocks] for name in ("FFTSpecRes", "specRes", "nChan", "nFFTChan")
    }
    return {
        "setup": frames.texts(block.name for block in blocks),
        "t_int": _taken(blocks, "tInt"),
        "n_chan": frames.optional_integers(given["nChan"]),
        "n_fft_chan": frames.optional_integers(given["nFFTChan"]),
        "spec_res": frames.numbers(given["specRes"], 1e6),
        "fft_spec_res": frames.numbers(given["FFTSpecRes"], 1e6),
        "spec_avg": frames.numbers(block.get("specAvg") for block in blocks),
        "do_polar": frames.truths(block.in_force("doPolar") for block in blocks),
        "do_auto": frames.truths(block.in_force("doAuto") for block in blocks),
        "subint": frames.numbers((block.get("subintNS") or None for block in blocks), 1e-9),
        "guard": frames.numbers((block.get("guardNS") or None for block in blocks), 1e-9),
        "bin_config": frames.texts(_last(block, "binConfig") for block in blocks),
        "line": frames.optional_integers(block.line for block in blocks),
    }


def _rules(v2d: V2d) -> Columns:
    blocks = v2d.rules
    return {
        "rule": frames.texts(block.name for block in blocks),
        "scan": frames.lists(block.words("scan") for block in blocks),
        "source": frames.lists(block.words("source") for block in blocks),
        "mode": frames.lists(block.words("mode") for block in blocks),
        "setup": frames.texts(_last(block, "setup") for block in blocks),
        "line": frames.optional_integers(block.line for block in blocks),
    }


def _eops(v2d: V2d) -> Columns:
    blocks = v2d.blocks("EOP")
    days = [_day(v2d, block) for block in blocks]
    return {
        "mjd": frames.integers(days),
        "time": frames.utc(days),
        "tai_utc": _taken(blocks, "tai_utc"),
        "ut1_utc": _taken(blocks, "ut1_utc"),
        "x_pole": _taken(blocks, "xPole", _ARCSEC),
        "y_pole": _taken(blocks, "yPole", _ARCSEC),
        "line": frames.optional_integers(block.line for block in blocks),
    }


def _day(v2d: V2d, block: V2dParameters) -> int:
    try:
        return math.floor(read_mjd(block.name))
    except ValueError as error:
        raise FileFormatError(_name(v2d), f"line {block.line}", f"EOP: {error}") from error


_TABLES: Mapping[str, Callable[[V2d], Columns]] = {
    "parameters": _parameters,
    "antennas": _antennas,
    "setups": _setups,
    "rules": _rules,
    "eops": _eops,
}
