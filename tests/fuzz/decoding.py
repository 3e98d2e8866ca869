# SPDX-License-Identifier: GPL-3.0-or-later
"""One decoder as a function of bytes, and how its text is taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from difxnb.errors import DifxError

TESTS = Path(__file__).parents[1]
CAPTURES = (TESTS / "wire" / "captures", TESTS / "reference" / "guiserver-2.9")
LONGEST_SEED = 20_000


@dataclass(frozen=True)
class Target:
    """One decoder.

    Attributes
    ----------
    decode : callable
        Takes bytes; what it gives is compared between whole and cut-up streams where `is_stream`.
    seeds : callable
        Gives real input.
    errors : tuple
        What it may raise.
    """

    decode: Callable[[list[bytes]], object]
    seeds: Callable[[], list[bytes]]
    errors: tuple[type[Exception], ...] = (DifxError,)
    is_stream: bool = field(default=False)

    def run(self, data: bytes) -> None:
        """Decode `data`; raises only where the decoder is at fault."""
        whole = self._outcome([data])
        if self.is_stream:
            cut = self._outcome([data[at : at + 3] for at in range(0, len(data), 3)])
            assert whole == cut, f"whole: {whole!r:.300}; cut up: {cut!r:.300}"

    def _outcome(self, pieces: list[bytes]) -> object:
        try:
            return repr(self.decode(pieces))
        except self.errors as error:
            return type(error).__name__


def of_text(decode: Callable[[str], object]) -> Callable[[list[bytes]], object]:
    """A decoder of text; bytes that are none are replaced."""
    return lambda pieces: decode(b"".join(pieces).decode("utf-8", "replace"))


def unchanged(parse: Callable[[str], object], write: Callable[..., str]) -> Callable[[str], object]:
    """What can be read is written as it stood."""

    def decode(text: str) -> object:
        value = parse(text)
        assert write(value) == text
        assert repr(value)
        return value

    return decode
