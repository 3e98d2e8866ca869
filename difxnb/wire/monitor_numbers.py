# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers of monitor packets: fields of 14 characters, printed as ``%14.6e``, to arrays and back.

Reading is arithmetic on the characters of many fields at once. A field is right-aligned, so with a two-digit
exponent every character has its place::

    0  1  2  3  4 ... 9  10 11 12 13
       -  d  .  d ... d  e  +  d  d

The seven digits make an integer m below 10**7, and the value is m * 10**k with k = exponent - 6. As long as
k is within -22 ... 22, both m and the power of ten are exact in double precision, so one multiplication or
division rounds once, which makes the result equal to what ``float()`` gives. All other fields (larger
exponents, nan, inf, rubbish) go through ``float()`` one by one.
"""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import ArrayLike, NDArray

from difxnb.errors import ProtocolError
from difxnb.wire.monitor_packets import NUMBER_BYTES

_FIELD = re.compile(rb" *-?(?:\d\.\d{6}e[+-]\d{2,3}|nan|inf)")
_MOST_BYTES = 2**28
_BLOCK = 4096  # fields at a time, so that the intermediate arrays stay in the cache

# Lowest and highest character at each place; the two signs have gaps between, which are looked at apart.
_LOWEST = np.tile(np.frombuffer(b"  0.000000e+00", np.uint8), _BLOCK)
_SPAN = np.tile(np.frombuffer(b" -9.999999e-99", np.uint8), _BLOCK) - _LOWEST


def _u64(text: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(text, "little"))


_DIGIT_BITS = _u64(b"\x0f\x00" + b"\x0f" * 6)  # of characters 2-9, "d.dddddd"
_EVERY_FOURTH = _u64(b"\xff\0\0\0\xff\0\0\0")
# Pairs of digits (d., dd, dd, dd) count 10**5 (the first is ten times its digit), 10**4, 10**2 and 1.
_ODD_PAIRS = np.uint64(10**2 + (10**5 << 32))
_EVEN_PAIRS = np.uint64(1 + (10**4 << 32))

_EXACT = 22  # 10**22 is the largest power of ten that is exact in double precision
_MINUS_EXPONENT, _MINUS = 128, 256  # how the signs enter the place in the tables below


def _power_tables() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Make multiplier and divisor for each exponent and pair of signs; nan where they are not exact."""
    multiplier, divisor = np.full(512, np.nan), np.ones(512)
    for exponent in range(-99, 100):
        power = exponent - 6
        if abs(power) <= _EXACT:
            place = abs(exponent) + (_MINUS_EXPONENT if exponent < 0 else 0)
            multiplier[place] = 10.0 ** max(power, 0)
            divisor[place] = divisor[place + _MINUS] = 10.0 ** max(-power, 0)
            multiplier[place + _MINUS] = -multiplier[place]
    multiplier[_MINUS_EXPONENT], divisor[_MINUS_EXPONENT] = multiplier[0], divisor[0]  # e-00
    multiplier[_MINUS_EXPONENT + _MINUS], divisor[_MINUS_EXPONENT + _MINUS] = -multiplier[0], divisor[0]
    return multiplier, divisor


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
    values = np.empty(count)
    characters = np.frombuffer(data, np.uint8)
    for start in range(0, count, _BLOCK):
        stop = min(start + _BLOCK, count)
        _read_block(characters[start * NUMBER_BYTES : stop * NUMBER_BYTES], values[start:stop])
    return values


def _read_block(characters: NDArray[np.uint8], values: NDArray[np.float64]) -> None:
    """Read at most 4096 fields into `values`."""
    in_span = (characters - _LOWEST[: characters.size]) <= _SPAN[: characters.size]
    sign = _column(characters, "u1", 1)
    tail = _column(characters, "<u4", 10)
    values[:] = _mantissas(_column(characters, "<u8", 2))
    place = _places(tail, sign)
    values *= _MULTIPLIER.take(place)
    values /= _DIVISOR.take(place)
    signs = (sign == 0x20) | (sign == 0x2D)
    signs &= (tail & np.uint32(0xFF00)) != 0x2C00  # between plus and minus is the comma
    right = np.isfinite(values)
    right &= signs
    if not (in_span.all() and right.all()):
        right &= in_span.reshape(-1, NUMBER_BYTES).all(axis=1)
        _read_singly(characters, values, np.flatnonzero(~right))


def _column(characters: NDArray[np.uint8], kind: str, offset: int) -> NDArray[np.unsignedinteger]:
    """Take the same few characters of every field as one integer each."""
    shape = (characters.size // NUMBER_BYTES,)
    return np.ndarray(shape, kind, characters.data, offset, (NUMBER_BYTES,)).astype(kind.lstrip("<"))


def _mantissas(characters: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
    """Turn ``d.dddddd`` into the integer of its seven digits: neighbours are added up, then pairs of them."""
    characters &= _DIGIT_BITS
    pairs = characters * np.uint64(10)
    characters >>= np.uint64(8)
    pairs += characters
    total = pairs & _EVERY_FOURTH
    total *= _ODD_PAIRS
    pairs >>= np.uint64(16)
    pairs &= _EVERY_FOURTH
    pairs *= _EVEN_PAIRS
    total += pairs
    total >>= np.uint64(32)
    return total


def _places(
    tail: NDArray[np.unsignedinteger], sign: NDArray[np.unsignedinteger]
) -> NDArray[np.unsignedinteger]:
    """Turn ``e+dd`` and the sign of the number into places in the tables of powers."""
    place = tail & np.uint32(0x0F0F0000)
    place *= np.uint32(10 * 256 + 1)  # puts ten times the first digit onto the second
    place >>= np.uint32(24)
    # '-' has the bit 4 that '+' lacks, and the bit 1 that the blank lacks.
    place += (tail & np.uint32(0x0400)) >> np.uint32(3)
    place += (sign & np.uint8(1)).astype(np.uint32) << np.uint32(8)
    place &= np.uint32(511)
    return place


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
