# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing products of a live monitor by name.

In: the table of all products and what a user wrote. Out: the rows that are meant, or an error that says what there
is. Names are those of the ``.input``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from difxnb.formats.input import Freq

Select: TypeAlias = Mapping[str, Any] | pd.DataFrame | Callable[[pd.DataFrame], Any]
"""What a user may write; see `choose_rows`."""

Mask: TypeAlias = NDArray[np.bool_]

_HZ_FROM = 1e6  # no radio band lies at 10**6 MHz or below 10**6 Hz, so a number tells its unit


def choose_rows(table: pd.DataFrame, select: Select | None, freqs: Sequence[Freq]) -> pd.DataFrame:
    """Rows of a table of products that a selection means.

    Parameters
    ----------
    table : DataFrame
        Products, as `products_frame`.
    select : mapping, DataFrame, callable or None
        None: all. A DataFrame: its rows, by ``product``. A callable: gets the table, gives rows or a mask. A
        mapping restricts by each of its keys; the values of a list are alternatives, and text may have the
        wildcards of a shell (``*``, ``?``, ``[…]``):

        * ``antenna``: products that it takes part in, at either end; ``antennas``: both ends among these
        * ``baseline``: ``"AA-BB"``, in either order; ``"AA-AA"`` for autocorrelations
        * ``band``: row of the FREQ table
        * ``frequency``: MHz, or Hz from a million up: a band edge as listed, or any frequency inside a band; a
          ``slice(low, high)`` or tuple of two: the bands that reach into that range
        * ``polarization``: ``"RR"``…, or ``"parallel"``, or ``"cross"`` for the cross hands
        * ``kind``: ``"cross"`` or ``"auto"``
        * any other column of the table: its values
    freqs : sequence of Freq
        The FREQ table.

    Returns
    -------
    DataFrame

    Raises
    ------
    ValueError
        A key or a value means nothing in this job, or nothing is left; what there is is named.
    TypeError
        A value of the wrong kind.
    """
    if select is None:
        return table
    if isinstance(select, pd.DataFrame):
        return _same_rows(table, select)
    if isinstance(select, Mapping):
        return _matching(table, select, freqs)
    if not callable(select):
        raise TypeError(f"products are selected by a mapping, a DataFrame or a function; got {select!r}")
    found = select(table.copy())
    return (
        _same_rows(table, found) if isinstance(found, pd.DataFrame) else table[np.asarray(found, dtype=bool)]
    )


def _same_rows(table: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    if "product" not in rows:
        raise ValueError(f"rows of products have a column 'product'; these have {', '.join(rows.columns)}")
    strangers = sorted(set(rows["product"]) - set(table["product"]))
    if strangers:
        raise ValueError(f"the job has no product {strangers[0]}; there are 0 to {table['product'].max()}")
    return table[table["product"].isin(rows["product"])]


def _matching(table: pd.DataFrame, wanted: Mapping[str, Any], freqs: Sequence[Freq]) -> pd.DataFrame:
    whole, said = table, ""
    for name, value in wanted.items():
        rule = _rule(name, whole, freqs)
        mask = _any_of(rule, value, whole)
        chosen = table[mask[whole.index.get_indexer(table.index)]]
        if chosen.empty:
            left = _rule(name, table, freqs).there_are(table)
            raise ValueError(f"none of the products with {said} has {name} {value!r}; {left}")
        table, said = chosen, f"{said} and {name} {value!r}" if said else f"{name} {value!r}"
    return table


@dataclass(frozen=True)
class _Rule:
    """What a key means: which rows have a value, and what there is to choose from."""

    name: str
    has: Callable[[pd.DataFrame, Any], Mask]
    there_are: Callable[[pd.DataFrame], str]
    is_single: Callable[[Any], bool] = lambda value: (
        not isinstance(value, list | tuple | set | frozenset | range)
    )


def _any_of(rule: _Rule, value: Any, table: pd.DataFrame) -> Mask:
    """Rows that have the value, or one of the values; each of these has to mean something."""
    values = [value] if rule.is_single(value) else list(value)
    mask = np.zeros(len(table), dtype=bool)
    for one in values:
        found = rule.has(table, one)
        if not found.any():
            raise ValueError(f"no product has {rule.name} {one!r}; {rule.there_are(table)}")
        mask |= found
    if not values:
        raise ValueError(f"no {rule.name} is named; {rule.there_are(table)}")
    return mask


def _rule(name: str, table: pd.DataFrame, freqs: Sequence[Freq]) -> _Rule:
    match name:
        case "antenna":
            return _Rule(name, _has_antenna, _antennas)
        case "antennas":
            return _Rule(name, _has_antennas, _antennas, lambda value: True)
        case "baseline":
            return _Rule(name, _has_baseline, lambda rows: _listed(rows["baseline"]))
        case "polarization":
            return _Rule(name, _has_polarization, lambda rows: _listed(rows["polarization"]))
        case "kind":
            return _Rule(name, _has_kind, lambda rows: _listed(_kinds(rows)))
        case "frequency":
            return _frequency_rule(freqs)
        case "band":
            return _Rule(name, _has_band, lambda rows: _bands(rows, freqs))
    if name not in table:
        keys = dict.fromkeys((*_KEYS, *table.columns))
        raise ValueError(f"products have no {name!r}; there are {', '.join(keys)}")
    return _Rule(name, lambda rows, value: _mask(rows[name] == value), lambda rows: _listed(rows[name]))


_KEYS = ("antenna", "antennas", "baseline", "band", "frequency", "polarization", "kind", "scan", "source")


def _mask(column: Any) -> Mask:
    return np.asarray(column, dtype=bool)


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{what} is text; got {value!r}")
    return value


def is_like(names: Iterable[str], pattern: str) -> Mask:
    """Which names a pattern means: exactly, or with wildcards, whatever the case of the letters."""
    upper = pattern.upper()
    return np.array([fnmatchcase(str(name).upper(), upper) for name in names], dtype=bool)


def _listed(values: Iterable[Any]) -> str:
    found = list(dict.fromkeys(values))
    return f"there are {', '.join(map(str, found))}" if found else "there are none"


# --- antennas, baselines, hands ---------------------------------------------------------------------------


def _antennas(table: pd.DataFrame) -> str:
    return _listed(pd.unique(table[["antenna1_name", "antenna2_name"]].to_numpy().ravel()))


def _has_antenna(table: pd.DataFrame, value: Any) -> Mask:
    name = _text(value, "an antenna")
    return is_like(table["antenna1_name"], name) | is_like(table["antenna2_name"], name)


def _has_antennas(table: pd.DataFrame, value: Any) -> Mask:
    names = [value] if isinstance(value, str) else list(value)
    for name in names:
        if not _has_antenna(table, name).any():
            raise ValueError(f"no product has antenna {name!r}; {_antennas(table)}")
    ends = [
        np.any([is_like(table[column], name) for name in names], axis=0)
        for column in ("antenna1_name", "antenna2_name")
    ]
    return _mask(ends[0] & ends[1])


def _has_baseline(table: pd.DataFrame, value: Any) -> Mask:
    pair = _text(value, "a baseline")
    if "-" not in pair:
        raise ValueError(f'a baseline is written "AA-BB"; got {pair!r}; {_listed(table["baseline"])}')
    turned = table["antenna2_name"] + "-" + table["antenna1_name"]
    return is_like(table["baseline"], pair) | is_like(turned, pair)


def _has_polarization(table: pd.DataFrame, value: Any) -> Mask:
    hands = _text(value, "a polarization")
    if hands in ("parallel", "cross"):
        parallel = table["polarization"].str[0] == table["polarization"].str[1]
        return _mask(parallel if hands == "parallel" else ~parallel)
    return is_like(table["polarization"], hands)


def _kinds(table: pd.DataFrame) -> NDArray[np.str_]:
    return np.where(table["is_autocorrelation"], "auto", "cross")


def _has_kind(table: pd.DataFrame, value: Any) -> Mask:
    if value not in ("cross", "auto"):
        raise ValueError(f'a kind is "cross" or "auto"; got {value!r}')
    return _mask(_kinds(table) == value)


# --- bands and frequencies --------------------------------------------------------------------------------


def _has_band(table: pd.DataFrame, value: Any) -> Mask:
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"a band is a row of the FREQ table, a whole number; got {value!r}")
    try:
        row = operator.index(value)
    except TypeError as error:
        raise TypeError(f"a band is a row of the FREQ table, a whole number; got {value!r}") from error
    return _mask(table["band"] == row)


def _bands(table: pd.DataFrame, freqs: Sequence[Freq]) -> str:
    rows = sorted(set(table["band"]))
    return "there are " + ", ".join(f"band {row}: {_extent(freqs[row])}" for row in rows)


def _extent(freq: Freq) -> str:
    low = freq.low_edge_hz / 1e6
    return f"{low:.10g} to {low + freq.bandwidth_mhz:.10g} MHz ({freq.sideband})"


def _frequency_rule(freqs: Sequence[Freq]) -> _Rule:
    def has(table: pd.DataFrame, value: Any) -> Mask:
        rows = set(_reached(set(table["band"]), value, freqs))
        return _mask(table["band"].isin(rows))

    return _Rule("frequency", has, lambda table: _bands(table, freqs), _is_one_frequency)


def _is_one_frequency(value: Any) -> bool:
    is_range = isinstance(value, slice) or (isinstance(value, tuple) and len(value) == 2)
    return is_range or not isinstance(value, list | tuple | set | frozenset)


def _reached(rows: set[int], value: Any, freqs: Sequence[Freq]) -> Iterator[int]:
    """Bands that a frequency lies in, or a range reaches into."""
    if isinstance(value, slice | tuple):
        low, high = range_hz(value)
        for row in rows:
            begin = freqs[row].low_edge_hz
            if begin < high and begin + freqs[row].bandwidth_hz > low:
                yield row
        return
    hz = _hz(value)
    listed = [row for row in rows if abs(freqs[row].freq_mhz * 1e6 - hz) < 1.0]
    inside = (row for row in rows if 0 <= hz - freqs[row].low_edge_hz <= freqs[row].bandwidth_hz)
    yield from listed or inside


def range_hz(value: slice | tuple[Any, ...]) -> tuple[float, float]:
    """Ends of a range of frequencies, Hz; given as MHz, or Hz from a million up; None is open."""
    ends = (value.start, value.stop) if isinstance(value, slice) else value
    low = -np.inf if ends[0] is None else _hz(ends[0])
    high = np.inf if ends[1] is None else _hz(ends[1])
    if not low < high:
        raise ValueError(f"a range of frequencies ascends; got {value!r}")
    return low, high


def _hz(value: Any) -> float:
    if isinstance(value, bool | str) or not np.isscalar(value):
        raise TypeError(f"a frequency is a number, of MHz, or of Hz from 1e6 up; got {value!r}")
    number = float(value)  # type: ignore[arg-type]
    return number if number >= _HZ_FROM else number * 1e6
