# SPDX-License-Identifier: GPL-3.0-or-later
"""Small damage to bytes, of the kinds that cut connections, foreign clocks and hostile peers do."""

from __future__ import annotations

import random
from collections.abc import Sequence

_NUMBERS = (-(2**31), -1, 0, 1, 4, 255, 2**16, 2**24, 2**31 - 1)
_TEXTS = (
    b"-1",
    b"0",
    b"99999999999999999999",
    b"nan",
    b"1e999",
    b"",
    b"\n",
    b"%s",
    b"\x00",
    b"\xff\xfe",
    b"/",
    b"..",
    b"<",
    b"&#0;",
    b"]]>",
)


def mutated(data: bytes, others: Sequence[bytes], rng: random.Random) -> bytes:
    """Damage `data` in one to four places; pieces may come from `others`."""
    content = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(content) + 1)
        match rng.randrange(8):
            case 0:
                del content[at:]
            case 1:
                del content[at : at + rng.randint(1, 40)]
            case 2:
                content[at:at] = rng.randbytes(rng.randint(1, 8))
            case 3:
                content[at : at + 4] = (rng.choice(_NUMBERS) & 0xFFFFFFFF).to_bytes(4, "big")
            case 4:
                content[at : at + rng.randint(0, 6)] = rng.choice(_TEXTS)
            case 5:
                piece = content[at : at + rng.randint(1, 200)]
                content[at:at] = piece
            case 6 if content:
                content[min(at, len(content) - 1)] ^= 1 << rng.randrange(8)
            case 7:
                other = rng.choice(others)
                begin = rng.randrange(len(other) + 1)
                content[at:at] = other[begin : begin + rng.randint(1, 200)]
    return bytes(content)
