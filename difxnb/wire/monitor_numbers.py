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
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray

from difxnb.errors import ProtocolError
from difxnb.wire.monitor_packets import NUMBER_BYTES

_FIELD = re.compile(rb" *-?(?:\d\.\d{6}e[+-]\d{2,3}|nan|inf)")
_MOST_BYTES = 2**28
_BLOCK = 4096  # fields at a time, so that the intermediate arrays stay in the cache

# What is read of each field: the sign, "d.dddddd", and "e+dd".
_FIELDS = np.dtype(
    {
        "names": ["sign", "mantissa", "tail"],
        "formats": ["u1", "<u8", "<u4"],
        "offsets": [1, 2, 10],
        "itemsize": NUMBER_BYTES,
    }
)

# Lowest and highest character at each place; both signs have gaps between, which the tables of powers close.
_LOWEST = np.tile(np.frombuffer(b"  0.000000e+00", np.uint8), _BLOCK)
_SPAN = np.tile(np.frombuffer(b" -9.999999e-99", np.uint8), _BLOCK) - _LOWEST


# Constants are arrays without dimensions: numpy takes those twice as fast as its scalars, which tells in
# packets of few channels.
def _u64(number: int) -> NDArray[np.uint64]:
    return np.array(number, np.uint64)


def _u32(number: int) -> NDArray[np.uint32]:
    return np.array(number, np.uint32)


_DIGIT_BITS = _u64(int.from_bytes(b"\x0f\x00" + b"\x0f" * 6, "little"))  # of "d.dddddd"
_EVERY_FOURTH = _u64(0x000000FF000000FF)
_TEN, _BITS_8, _BITS_16, _BITS_32 = _u64(10), _u64(8), _u64(16), _u64(32)
# Pairs of digits (d., dd, dd, dd) count 10**5 (the first is ten times its digit), 10**4, 10**2 and 1.
_ODD_PAIRS = _u64(10**2 + (10**5 << 32))
_EVEN_PAIRS = _u64(1 + (10**4 << 32))

_TAIL_DIGITS, _TAIL_SIGN, _SEVEN_BITS = _u32(0x0F0F0000), _u32(0x0700), _u32(127)
_TENS_ONTO_ONES = _u32(10 * 256 + 1)  # adds ten times the first digit to the second
_BITS_24, _BIT_1, _BITS_10 = _u32(24), _u32(1), _u32(10)
_SIGN = np.array(15, np.uint8)

_EXACT = 22  # 10**22 is the largest power of ten that is exact in double precision


def _place(exponent: int, exponent_sign: str, sign: str) -> int:
    """Give the place in the tables: two digits in 7 bits, 3 bits of the one sign, 4 of the other."""
    return exponent | (ord(exponent_sign) & 7) << 7 | (ord(sign) & 15) << 10


def _power_tables() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Make multiplier and divisor for each exponent and pair of signs; nan for what is none, or not exact."""
    multiplier, divisor = np.full(2**14, np.nan), np.ones(2**14)
    for exponent in range(100):
        for exponent_sign, power in (("+", exponent - 6), ("-", -exponent - 6)):
            for sign, factor in ((" ", 1.0), ("-", -1.0)):
                if abs(power) <= _EXACT:
                    place = _place(exponent, exponent_sign, sign)
                    multiplier[place] = factor * 10.0 ** max(power, 0)
                    divisor[place] = 10.0 ** max(-power, 0)
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
    fields = characters.view(_FIELDS)
    in_span = (characters - _LOWEST[: characters.size]) <= _SPAN[: characters.size]
    place = _places(fields["tail"], fields["sign"])
    np.multiply(_mantissas(fields["mantissa"]), _MULTIPLIER.take(place), out=values)
    values /= _DIVISOR.take(place)
    # The sum of finite values this small is finite, so it tells with one number whether all are.
    if not (isfinite(np.add.reduce(values)) and in_span.all()):
        right = np.isfinite(values)
        right &= in_span.reshape(-1, NUMBER_BYTES).all(axis=1)
        _read_singly(characters, values, np.flatnonzero(~right))


def _mantissas(characters: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
    """Turn ``d.dddddd`` into the integer of its seven digits: neighbours are added up, then pairs of them."""
    digits = characters & _DIGIT_BITS
    pairs = digits * _TEN
    digits >>= _BITS_8
    pairs += digits
    total = pairs & _EVERY_FOURTH
    total *= _ODD_PAIRS
    pairs >>= _BITS_16
    pairs &= _EVERY_FOURTH
    pairs *= _EVEN_PAIRS
    total += pairs
    total >>= _BITS_32
    return total


def _places(
    tail: NDArray[np.unsignedinteger], sign: NDArray[np.unsignedinteger]
) -> NDArray[np.unsignedinteger]:
    """Turn ``e+dd`` and the sign of the number into places in the tables of powers, see `_place`."""
    place = tail & _TAIL_DIGITS
    place *= _TENS_ONTO_ONES
    place >>= _BITS_24
    place &= _SEVEN_BITS
    exponent_sign = tail & _TAIL_SIGN
    exponent_sign >>= _BIT_1
    place |= exponent_sign
    signs = (sign & _SIGN).astype(np.uint32)
    signs <<= _BITS_10
    place |= signs
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
