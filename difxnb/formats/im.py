# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.im`` files: the delay model as polynomials of time.

Text comes in and an :class:`Im` goes out, and the other way round. Mirrors ``difx-files.md`` 6.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from difxnb.formats.calc import read_start_time, write_start_time
from difxnb.formats.im_model import REQUIRED, Im, ImPolynomial, ImScan
from difxnb.formats.keyvalue import KeyValueReader, KeyValueWriter, patterns, read_text, write_text
from difxnb.formats.mjd import DAY_S, LAST_MJD
from difxnb.formats.text_patch import kept_text

__all__ = ["Im", "ImPolynomial", "ImScan", "format_im", "parse_im", "read_im", "write_im"]

_ORDER_OF_LINES = [
    "DELAY (us)",
    "DRY (us)",
    "WET (us)",
    "ADJ (us)",
    "AZ",
    "EL CORR",
    "EL GEOM",
    "PAR ANGLE",
    "STA X (m)",
    "STA Y (m)",
    "STA Z (m)",
    "U (m)",
    "V (m)",
    "W (m)",
]
_KNOWN = patterns(
    """
    CALC SERVER|CALC PROGRAM|CALC VERSION|START YEAR|START MONTH|START DAY|START HOUR|START MINUTE
    START SECOND|POLYNOMIAL ORDER|INTERVAL (SECS)|ABERRATION CORR|NUM TELESCOPES|TELESCOPE 0 NAME
    NUM SCANS|SCAN 0 POINTING SRC|SCAN 0 NUM PHS CTRS|SCAN 0 PHS CTR 0 SRC|SCAN 0 NUM POLY
    SCAN 0 DELTA LM (rad)|SCAN 0 DELTA XYZ (m)|SCAN 0 POLY 0 MJD|SCAN 0 POLY 0 SEC
    """
)
_HIGHEST_ORDER = 20
_MOST_TERMS = 40


def parse_im(text: str, path: Path | None = None) -> Im:
    """Read the text of an ``.im`` file.

    Raises
    ------
    FileFormatError
        With the line, where something is missing, out of order or impossible.
    """
    reader = KeyValueReader(text, path, _KNOWN, ("SRC ",))
    im = Im(path=path, source_text=text)
    im.calc_server = reader.text("CALC SERVER")
    im.calc_program = reader.text("CALC PROGRAM")
    im.calc_version = reader.text("CALC VERSION")
    im.start_time = read_start_time(reader)
    im.order = reader.integer("POLYNOMIAL ORDER", 0, _HIGHEST_ORDER)
    im.interval_s = reader.integer("INTERVAL (SECS)", 1, DAY_S)
    im.aberration = reader.text("ABERRATION CORR")
    telescopes = reader.count("NUM TELESCOPES")
    im.telescopes = [reader.text(f"TELESCOPE {row} NAME") for row in range(telescopes)]
    im.scans = [_read_scan(reader, im, row) for row in range(reader.count("NUM SCANS"))]
    return im


def _read_scan(reader: KeyValueReader, im: Im, row: int) -> ImScan:
    scan = ImScan(pointing_source=reader.text(f"SCAN {row} POINTING SRC"))
    centers = reader.count(f"SCAN {row} NUM PHS CTRS")
    scan.phase_center_sources = [reader.text(f"SCAN {row} PHS CTR {center} SRC") for center in range(centers)]
    polynomials = reader.count(f"SCAN {row} NUM POLY")
    for name in ("DELTA LM (rad)", "DELTA XYZ (m)"):
        if reader.has(f"SCAN {row} {name}"):
            scan.delta_line = (name, reader.text(f"SCAN {row} {name}"))
    for number in range(polynomials):
        mjd = reader.integer(f"SCAN {row} POLY {number} MJD", 0, LAST_MJD)
        sec = reader.integer(f"SCAN {row} POLY {number} SEC", 0, 2 * DAY_S)
        scan.polynomials.append(_read_polynomial(reader, im, mjd, sec, centers + 1))
    return scan


def _read_polynomial(reader: KeyValueReader, im: Im, mjd: int, sec: int, sources: int) -> ImPolynomial:
    shape = (sources, len(im.telescopes), im.order + 1)
    if sources * len(im.telescopes) * len(REQUIRED) > reader.remaining:
        reader.fail(f"{sources} sources and {len(im.telescopes)} antennas need more lines than are left")
    terms: dict[str, NDArray[np.float64]] = {name: np.full(shape, np.nan) for name in REQUIRED}
    for source in range(sources):
        for antenna in range(len(im.telescopes)):
            _read_antenna(reader, terms, shape, source, antenna)
    delay_us, u, v, w = (terms.pop(name) for name in REQUIRED)
    return ImPolynomial(mjd, sec, delay_us, u, v, w, terms)


def _read_antenna(
    reader: KeyValueReader,
    terms: dict[str, NDArray[np.float64]],
    shape: tuple[int, int, int],
    source: int,
    antenna: int,
) -> None:
    prefix = f"SRC {source} ANT {antenna} "
    missing, seen = set(REQUIRED), set[str]()
    while reader.begins(prefix):
        key = reader.next_key
        name = key.removeprefix(prefix)
        coefficients = _coefficients(reader, key, shape[2])
        if name in seen:
            reader.fail(f"{key!r} stands here a second time", back=1)
        seen.add(name)
        missing.discard(name)
        if name not in terms:
            if len(terms) >= _MOST_TERMS:
                reader.fail(f"a polynomial has more than {_MOST_TERMS} kinds of lines", back=1)
            terms[name] = np.full(shape, np.nan)
        terms[name][source, antenna] = coefficients
    if missing:
        reader.fail(f"expected '{prefix}{sorted(missing)[0]}', found {reader.next_key[:60]!r}")


def _coefficients(reader: KeyValueReader, key: str, expected: int) -> list[float]:
    words = reader.text(key).split()
    if len(words) != expected:
        reader.fail(f"{key!r} needs {expected} coefficients, not {len(words)}", back=1)
    try:
        values = [float(word) for word in words]
    except ValueError:
        reader.fail(f"{key!r} has a coefficient that is no number", back=1)
    if not all(map(math.isfinite, values)):
        reader.fail(f"{key!r} has a coefficient that is not finite", back=1)
    return values


def format_im(im: Im) -> str:
    """Write the text of an ``.im`` file.

    Raises
    ------
    ValueError
        Where something cannot be written.
    """
    return kept_text(im, _usual_text, parse_im)


def _usual_text(im: Im) -> str:
    writer = KeyValueWriter()
    writer.text("CALC SERVER", im.calc_server)
    writer.text("CALC PROGRAM", im.calc_program)
    writer.text("CALC VERSION", im.calc_version)
    write_start_time(writer, im.start_time)
    writer.line("POLYNOMIAL ORDER", im.order)
    writer.line("INTERVAL (SECS)", im.interval_s)
    writer.text("ABERRATION CORR", im.aberration)
    writer.line("NUM TELESCOPES", len(im.telescopes))
    for row, name in enumerate(im.telescopes):
        writer.text(f"TELESCOPE {row} NAME", name)
    writer.line("NUM SCANS", len(im.scans))
    for row, scan in enumerate(im.scans):
        _write_scan(writer, im, row, scan)
    return writer.finish()


def _write_scan(writer: KeyValueWriter, im: Im, row: int, scan: ImScan) -> None:
    writer.text(f"SCAN {row} POINTING SRC", scan.pointing_source)
    writer.line(f"SCAN {row} NUM PHS CTRS", len(scan.phase_center_sources))
    for center, name in enumerate(scan.phase_center_sources):
        writer.text(f"SCAN {row} PHS CTR {center} SRC", name)
    writer.line(f"SCAN {row} NUM POLY", len(scan.polynomials))
    if scan.delta_line:
        name, value = scan.delta_line
        writer.line(f"SCAN {row} {name}", value)
    for number, polynomial in enumerate(scan.polynomials):
        writer.line(f"SCAN {row} POLY {number} MJD", polynomial.mjd)
        writer.line(f"SCAN {row} POLY {number} SEC", polynomial.sec)
        _write_polynomial(
            writer, polynomial, (len(scan.phase_center_sources) + 1, len(im.telescopes), im.order + 1)
        )


def _write_polynomial(writer: KeyValueWriter, polynomial: ImPolynomial, shape: tuple[int, int, int]) -> None:
    required = zip(REQUIRED, (polynomial.delay_us, polynomial.u, polynomial.v, polynomial.w), strict=True)
    terms = dict(required) | polynomial.optional
    for name, coefficients in terms.items():
        if coefficients.shape != shape:
            raise ValueError(
                f"{name} has the shape {coefficients.shape}; sources, antennas and order need {shape}"
            )
    # Names that are not in the list are those of the DELTA lines, which stand last.
    names = sorted(
        terms, key=lambda name: _ORDER_OF_LINES.index(name) if name in _ORDER_OF_LINES else len(terms) + 99
    )
    for source in range(shape[0]):
        for antenna in range(shape[1]):
            for name in names:
                _write_term(writer, f"SRC {source} ANT {antenna} {name}", terms[name][source, antenna], name)


def _write_term(writer: KeyValueWriter, key: str, coefficients: NDArray[np.float64], name: str) -> None:
    if np.isfinite(coefficients).all():
        writer.verbatim(f"{key}:".ljust(20) + "\t".join(f" {number: .16e}" for number in coefficients))
    elif name in REQUIRED:
        raise ValueError(f"{key} has coefficients that are no numbers")


def read_im(path: str | Path) -> Im:
    """Read an ``.im`` file; FileFormatError with file and line where it is damaged."""
    return parse_im(read_text(path), Path(path))


def write_im(im: Im, path: str | Path, *, overwrite: bool = False) -> None:
    """Write an ``.im`` file; FileExistsError where there is one already, unless `overwrite`."""
    write_text(path, format_im(im), overwrite=overwrite)
