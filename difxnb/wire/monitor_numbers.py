# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers of monitor packets: fields of 14 characters, printed as ``%14.6e``, to arrays and back.

Reading is arithmetic on the characters of many fields at once. A field is right-aligned, so with a two-digit
exponent every character has its place::

    0  1  2  3  4 ... 9  10 11 12 13
       -  d  .  d ... d  e  +  d  d

Less the lowest character allowed at its place, each character is a small number, and weighted sums of these give
the seven digits as one integer m below 10**7, and one integer more that stands for exponent and signs: one
product with a matrix of two columns. All of it is below 2**24, hence exact in single precision in whatever
order it is summed. The value is m * 10**k with k = exponent - 6. As long as k is within -22 ... 22, both m and
the power of ten are exact in double precision, so one multiplication or division rounds once, which makes the
result equal to what ``float()`` gives. All other fields (larger exponents, nan, inf, rubbish) go through
``float()`` one by one.

Packets are short, often 128 numbers, so what counts is how few calls of numpy there are.
"""

from __future__ import annotations

import re
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray

from difxnb.errors import ProtocolError
from difxnb.wire.monitor_packets import NUMBER_BYTES

_FIELD = re.compile(rb" *-?(?:\d\.\d{6}e[+-]\d{2,3}|nan|inf)")
_MOST_BYTES = 2**28
_BLOCK = 4096  # fields at a time, so that the intermediate arrays stay in the cache

# Lowest and highest character at each place; both signs have gaps between, which the tables of powers close.
_LOWEST_FIELD, _HIGHEST_FIELD = (
    np.frombuffer(field, np.uint8) for field in (b"  0.000000e+00", b" -9.999999e-99")
)
_LOWEST = np.tile(_LOWEST_FIELD, _BLOCK)
_SPAN = np.tile(_HIGHEST_FIELD - _LOWEST_FIELD, _BLOCK)

_EXPONENT_SIGNS = {"+": 0, "-": ord("-") - ord("+")}  # characters 11 and 1, less the lowest ones
_SIGNS = {" ": 0, "-": ord("-") - ord(" ")}
_EXPONENT_STEP, _SIGN_STEP = 100, 300  # what these count in the tables of powers; the exponent counts 1
_EXACT = 22  # 10**22 is the largest power of ten that is exact in double precision


def _weights() -> NDArray[np.float32]:
    """Make the matrix, shape (14, 2), that gives the integer of the digits and the place in the tables."""
    weights = np.zeros((NUMBER_BYTES, 2), np.float32)
    weights[[2, 4, 5, 6, 7, 8, 9], 0] = 10.0 ** np.arange(6, -1, -1)
    weights[[1, 11, 12, 13], 1] = _SIGN_STEP, _EXPONENT_STEP, 10, 1
    return weights


def _power_tables() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Make multiplier and divisor for each exponent and pair of signs; nan for what is none, or not exact."""
    size = _SIGN_STEP * (1 + max(_SIGNS.values()))
    multiplier, divisor = np.full(size, np.nan), np.ones(size)
    for sign, sign_place in _SIGNS.items():
        for exponent_sign, exponent_place in _EXPONENT_SIGNS.items():
            for exponent in range(100):
                power = int(f"{exponent_sign}{exponent}") - 6
                if abs(power) <= _EXACT:
                    place = exponent + _EXPONENT_STEP * exponent_place + _SIGN_STEP * sign_place
                    multiplier[place] = float(f"{sign}1") * 10.0 ** max(power, 0)
                    divisor[place] = 10.0 ** max(-power, 0)
    return multiplier, divisor


_WEIGHTS = _weights()
_MULTIPLIER, _DIVISOR = _power_tables()


def decode_numbers(data: bytes | memoryview) -> NDArray[np.float64]:
    """Read numbers that were printed as ``%14.6e`` without separators.

    Parameters
    ----------
    data : bytes
        A multiple of 14 bytes.

    Returns
    -------
    ndarray of float64
        One value per field, equal to ``float()`` of it; ``nan`` and ``inf`` are values too.

    Raises
    ------
    ProtocolError
        The length is no multiple of 14, or a field is no such number.
    """
    count, rest = divmod(len(data), NUMBER_BYTES)
    if rest or len(data) > _MOST_BYTES:
        raise ProtocolError(f"{len(data)} bytes of numbers are not whole fields of {NUMBER_BYTES} characters")
    characters = np.frombuffer(data, np.uint8)
    if count <= _BLOCK:
        return _read_block(characters)
    size = _BLOCK * NUMBER_BYTES
    return np.concatenate([_read_block(characters[at : at + size]) for at in range(0, len(data), size)])


def _read_block(characters: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Read at most 4096 fields."""
    above = characters - _LOWEST[: characters.size]
    in_span = above <= _SPAN[: characters.size]
    sums = np.dot(above.astype(np.float32).reshape(-1, NUMBER_BYTES), _WEIGHTS)
    place = sums[:, 1].astype(np.intp)
    values: NDArray[np.float64] = sums[:, 0] * _MULTIPLIER.take(place, mode="clip")
    values /= _DIVISOR.take(place, mode="clip")
    # Squares of finite values this small have a finite sum, so it tells with one number whether all are finite.
    if not (isfinite(np.dot(values, values)) and in_span.all()):
        right = np.isfinite(values)
        right &= in_span.reshape(-1, NUMBER_BYTES).all(axis=1)
        _read_singly(characters, values, np.flatnonzero(~right))
    return values


def _read_singly(
    characters: NDArray[np.uint8], values: NDArray[np.float64], places: NDArray[np.intp]
) -> None:
    whole = characters.tobytes()
    for place in places.tolist():
        field = whole[place * NUMBER_BYTES : (place + 1) * NUMBER_BYTES]
        if not _FIELD.fullmatch(field):
            raise ProtocolError(f"{field!r} in monitor data is no number of the form %14.6e")
        values[place] = float(field)


def encode_numbers(values: ArrayLike) -> bytes:
    """Print numbers as ``%14.6e`` each, without separators; nan with its sign, as C does."""
    numbers = np.asarray(values, dtype=np.float64).ravel()
    text = f"%{NUMBER_BYTES}.6e" * len(numbers) % tuple(numbers.tolist())
    odd = np.isnan(numbers) & np.signbit(numbers)
    if odd.any():
        fields = np.frombuffer(text.encode(), f"S{NUMBER_BYTES}").copy()
        fields[odd] = b"-nan".rjust(NUMBER_BYTES)
        return fields.tobytes()
    return text.encode()
