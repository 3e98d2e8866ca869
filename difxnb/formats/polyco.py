# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and evaluate polyco files: the rotation of a pulsar as polynomials of time, in TEMPO's format.

Text comes in and a :class:`Polyco` goes out. Columns and formulas as TEMPO's reference manual has them
(``tz-polyco.txt``); how mpifxcorr takes them is in ``difx-files.md`` 8.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeAlias

import numpy as np
from numpy.polynomial.polynomial import polyder, polyval
from numpy.typing import ArrayLike, NDArray

from difxnb.errors import FileFormatError
from difxnb.formats import frames
from difxnb.formats.keyvalue import read_text
from difxnb.formats.mjd import DAY_S
from difxnb.markup import titled

if TYPE_CHECKING:
    import pandas as pd

_COEFFICIENTS_OF_A_LINE = 3
_MOST_COEFFICIENTS = 100
_MINUTE_S = 60.0
# Times are sums of days and seconds in floating point; this much may be lost at the edge of a span.
_EDGE_S = 1e-6
_OfBlock: TypeAlias = "Callable[[PolycoBlock, NDArray[np.float64]], NDArray[np.float64]]"


@dataclass(slots=True)
class PolycoBlock:
    """The rotation of a pulsar around one moment.

    Attributes
    ----------
    pulsar : str
        Its name.
    mjd, sec : int, float
        The moment (UTC): day, and seconds of that day.
    dispersion_measure : float
        pc/cm³.
    doppler : float
        Doppler shift by the motion of the Earth, 1e-4.
    log10_rms : float
        Logarithm of the residual of the fit, in rotations.
    reference_phase, reference_frequency : float
        Rotations, and rotations per second (Hz), at the moment.
    observatory : str
        As TEMPO numbers it.
    span_s : float
        Length of the time for which this holds, half of it before the moment, s.
    observing_frequency : float
        Sky frequency for which this holds, Hz; 0 for infinite.
    coefficients : tuple of float
        Corrections to the phase, rotations/min^k, lowest power first.
    """

    pulsar: str
    mjd: int
    sec: float
    dispersion_measure: float
    doppler: float
    log10_rms: float
    reference_phase: float
    reference_frequency: float
    observatory: str
    span_s: float
    observing_frequency: float
    coefficients: tuple[float, ...]


@dataclass(slots=True)
class Polyco:
    """A whole polyco file: blocks, each for a stretch of time."""

    path: Path | None = None
    blocks: list[PolycoBlock] = field(default_factory=list)

    def phase(self, mjd: ArrayLike, sec: ArrayLike = 0.0) -> NDArray[np.float64]:
        """Rotations of the pulsar since its phase was 0.

        With the moment T of a block, its reference phase P and frequency F, and t minutes after T this is
        P + 60 t F + c0 + c1 t + c2 t² + …; the fraction of it is the pulse phase.

        Parameters
        ----------
        mjd, sec : array_like
            Time: day (UTC) and seconds of it. A day with a fraction is good to about 1 µs; the two apart lose nothing.

        Returns
        -------
        ndarray
            Shape of `mjd` and `sec` together.

        Raises
        ------
        ValueError
            Where no block reaches the time.
        """
        return self._evaluate(mjd, sec, _phase)

    def frequency(self, mjd: ArrayLike, sec: ArrayLike = 0.0) -> NDArray[np.float64]:
        """Rotations per second, Hz: the derivative of :meth:`phase`, with the same parameters."""
        return self._evaluate(mjd, sec, _frequency)

    def _evaluate(self, mjd: ArrayLike, sec: ArrayLike, of_block: _OfBlock) -> NDArray[np.float64]:
        days, seconds = np.broadcast_arrays(np.asarray(mjd, np.float64), np.asarray(sec, np.float64))
        values = np.full(days.shape, np.nan)
        nearest = np.full(days.shape, np.inf)
        for block in self.blocks:
            elapsed_s = (days - block.mjd) * DAY_S + (seconds - block.sec)
            away = np.abs(elapsed_s)
            # Where stretches overlap, the block whose moment is nearest is the most exact one.
            chosen = (away <= block.span_s / 2 + _EDGE_S) & (away < nearest)
            values[chosen] = of_block(block, elapsed_s[chosen])
            nearest[chosen] = away[chosen]
        if not np.isfinite(nearest).all():
            missing = (days + seconds / DAY_S)[~np.isfinite(nearest)]
            raise ValueError(
                f"no polynomial of {self.path or 'this polyco'} reaches MJD {missing.flat[0]:.6f}; {self._reach()}"
            )
        return values

    def _reach(self) -> str:
        if not self.blocks:
            return "it has none"
        first = min(block.mjd + (block.sec - block.span_s / 2) / DAY_S for block in self.blocks)
        last = max(block.mjd + (block.sec + block.span_s / 2) / DAY_S for block in self.blocks)
        return f"they lie between {first:.6f} and {last:.6f}"

    def frame(self) -> pd.DataFrame:
        """Blocks as a DataFrame.

        Returns
        -------
        DataFrame
            ``pulsar``, ``time`` (UTC, the middle of the stretch), ``span`` (s), ``phase`` (rotations), ``frequency``
            (of the pulsar, Hz), ``dispersion_measure`` (pc/cm³), ``observing_frequency`` (Hz), ``observatory``,
            ``n_coefficients``.
        """
        blocks = self.blocks
        return frames.table(
            {
                "pulsar": frames.texts(block.pulsar for block in blocks),
                "time": frames.utc((b.mjd for b in blocks), (b.sec for b in blocks), step_ns=1000),
                "span": frames.numbers(block.span_s for block in blocks),
                "phase": frames.numbers(block.reference_phase for block in blocks),
                "frequency": frames.numbers(block.reference_frequency for block in blocks),
                "dispersion_measure": frames.numbers(block.dispersion_measure for block in blocks),
                "observing_frequency": frames.numbers(block.observing_frequency for block in blocks),
                "observatory": frames.texts(block.observatory for block in blocks),
                "n_coefficients": frames.integers(len(block.coefficients) for block in blocks),
            }
        )

    def __repr__(self) -> str:
        pulsars = ", ".join(sorted({block.pulsar for block in self.blocks})) or "no pulsar"
        return f"<Polyco {self.path.name if self.path else ''}: {pulsars}, {len(self.blocks)} polynomials>"

    def _repr_html_(self) -> str:
        return titled(repr(self), self.frame())


def _phase(block: PolycoBlock, elapsed_s: NDArray[np.float64]) -> NDArray[np.float64]:
    turns = block.reference_phase + elapsed_s * block.reference_frequency
    return np.asarray(turns + polyval(elapsed_s / _MINUTE_S, block.coefficients))


def _frequency(block: PolycoBlock, elapsed_s: NDArray[np.float64]) -> NDArray[np.float64]:
    change = polyval(elapsed_s / _MINUTE_S, polyder(block.coefficients)) / _MINUTE_S
    return np.asarray(block.reference_frequency + change)


def parse_polyco(text: str, path: Path | None = None) -> Polyco:
    """Read the text of a polyco file.

    Raises
    ------
    FileFormatError
        With the line, where something is missing or no number.
    """
    reader = _Columns(text, path)
    polyco = Polyco(path)
    while reader.more():
        polyco.blocks.append(_read_block(reader))
    if not polyco.blocks:
        reader.fail("expected a polynomial, found an empty file")
    return polyco


def _read_block(reader: _Columns) -> PolycoBlock:
    reader.next_line("the name, date and time of a pulsar")
    pulsar = reader.text(1, 10)
    day, sec = reader.moment(32, 51)
    dm, doppler, rms = (
        reader.number("DM", 52, 72),
        reader.number("Doppler", 74, 79),
        reader.number("rms", 80, 86),
    )
    reader.next_line("the reference phase and frequency")
    phase, frequency = reader.number("reference phase", 1, 20), reader.number("rotation frequency", 21, 38)
    observatory = reader.text(39, 43)
    span_s = reader.number("data span", 44, 49) * _MINUTE_S
    if span_s <= 0:
        reader.fail("the data span in columns 44-49 is not positive")
    count = reader.number("number of coefficients", 50, 54)
    if not (count.is_integer() and 1 <= count <= _MOST_COEFFICIENTS):
        reader.fail(f"expected 1 to {_MOST_COEFFICIENTS} coefficients in columns 50-54, found {count:g}")
    observing_frequency = reader.number("observing frequency", 55, 75) * 1e6
    coefficients = tuple(_read_coefficients(reader, int(count)))
    return PolycoBlock(
        pulsar, day, sec, dm, doppler, rms, phase, frequency, observatory, span_s, observing_frequency, coefficients
    )  # fmt: skip


def _read_coefficients(reader: _Columns, count: int) -> list[float]:
    found: list[float] = []
    while len(found) < count:
        reader.next_line(f"coefficient {len(found) + 1} of {count}")
        for place in range(min(_COEFFICIENTS_OF_A_LINE, count - len(found))):
            found.append(reader.number("coefficient", 25 * place + 1, 25 * place + 25, required=True))
    return found


class _Columns:
    """Cursor over the lines of a file in which the column says what a number is; columns count from 1."""

    def __init__(self, text: str, path: Path | None) -> None:
        self._path = path
        self._lines = text.split("\n")
        self._position = 0
        self._line = ""

    def fail(self, problem: str) -> NoReturn:
        raise FileFormatError(self._path or "text", f"line {max(self._position, 1)}", problem)

    def more(self) -> bool:
        """Whether there is a line with anything on it left; empty ones are passed over."""
        while self._position < len(self._lines) and not self._lines[self._position].strip():
            self._position += 1
        return self._position < len(self._lines)

    def next_line(self, expected: str) -> None:
        if not self.more():
            self._position = len(self._lines)
            self.fail(f"expected {expected}, the file ends")
        self._line = self._lines[self._position].rstrip("\r")
        self._position += 1

    def text(self, first: int, last: int) -> str:
        return self._line[first - 1 : last].strip()

    def number(self, what: str, first: int, last: int, *, required: bool = False) -> float:
        """Number in some columns, also with a D before its exponent; 0 where they are empty unless `required`."""
        text = self.text(first, last)
        try:
            value = float(text.replace("D", "e").replace("d", "e")) if text or required else 0.0
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or "_" in text:
            self.fail(f"expected a number in columns {first}-{last} ({what}), found {text[:40]!r}")
        return value

    def moment(self, first: int, last: int) -> tuple[int, float]:
        """Day and seconds of an MJD, which together keep all of its decimals."""
        text = self.text(first, last)
        day, _, fraction = text.partition(".")
        if not (day.isascii() and day.isdigit() and len(day) <= 7 and (fraction.isdigit() or not fraction)):
            self.fail(f"expected an MJD in columns {first}-{last}, found {text[:40]!r}")
        return int(day), float(f"0.{fraction or 0}") * DAY_S


def read_polyco(path: str | Path) -> Polyco:
    """Read a polyco file; FileFormatError with file and line where it is damaged."""
    return parse_polyco(read_text(path), Path(path))
