# SPDX-License-Identifier: GPL-3.0-or-later
"""Any DataFrame as Parquet: what the format cannot hold is written as what it can, and told.

In goes a frame of whatever functions gave, out comes a file with all of its rows and columns.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_REFUSED = (TypeError, ValueError, NotImplementedError, OverflowError, AttributeError)


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame, without its index, that Parquet may refuse in part.

    Complex columns become two, ``…_real`` and ``…_imag``; others that are refused become texts, of which one warning
    tells the names. Names of columns become texts, each of its own.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    named = frame.set_axis(_names(frame.columns), axis="columns")
    try:
        named.to_parquet(path, engine="pyarrow", index=False)
    except _REFUSED:
        parts: list[pd.DataFrame] = []
        as_text: list[str] = []
        for name in named.columns:
            part = _halves(named[name])
            if _is_refused(part):
                part = _texts(named[name]).to_frame()
                as_text.append(name)
            parts.append(part)
        whole = pd.concat(parts, axis="columns")
        whole.set_axis(_names(whole.columns), axis="columns").to_parquet(path, engine="pyarrow", index=False)
        if as_text:
            told = ", ".join(map(_escaped, as_text))
            warnings.warn(f"columns that Parquet cannot hold were written as text: {told}", stacklevel=4)


def _names(columns: pd.Index[Any]) -> list[str]:
    """Texts for any names, none twice."""
    taken: dict[str, None] = {}
    for column in columns:
        name = text = _escaped(str(column))
        number = 2
        while name in taken:
            name, number = f"{text}_{number}", number + 1
        taken[name] = None
    return list(taken)


def _halves(column: pd.Series[Any]) -> pd.DataFrame:
    """A complex column as its real and imaginary part, NaN where a value is missing; any other as it is."""
    known = column.dropna()
    if not (len(known) and known.map(lambda value: isinstance(value, complex | np.complexfloating)).any()):
        return column.to_frame()
    try:
        values = column.astype(object).where(column.notna(), np.nan).to_numpy().astype(np.complex128)
    except _REFUSED:
        return column.to_frame()
    values[column.isna().to_numpy()] = complex(np.nan, np.nan)
    halves = {f"{column.name}_real": values.real, f"{column.name}_imag": values.imag}
    return pd.DataFrame(halves, index=column.index)


def _is_refused(part: pd.DataFrame) -> bool:
    try:
        part.to_parquet(io.BytesIO(), engine="pyarrow", index=False)
    except _REFUSED:
        return True
    return False


def _texts(column: pd.Series[Any]) -> pd.Series[Any]:
    known = [None if pd.api.types.is_scalar(value) and pd.isna(value) else value for value in column]
    texts = [None if value is None else _escaped(str(value)) for value in known]
    return pd.Series(texts, index=column.index, name=column.name, dtype=object)


def _escaped(text: str) -> str:
    """Text without the halves of characters that stand for bytes of foreign file names."""
    return text.encode("utf-8", "backslashreplace").decode()
