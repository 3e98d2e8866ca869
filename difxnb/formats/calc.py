# SPDX-License-Identifier: GPL-3.0-or-later
"""Read and write ``.calc`` files: antennas, sources and scans of a job.

Text comes in and a :class:`Calc` goes out, and the other way round. Mirrors ``difx-files.md`` 5.
"""

from __future__ import annotations

from pathlib import Path

from difxnb.formats.calc_model import Calc, CalcScan, CalcTelescope, Eop, Source
from difxnb.formats.keyvalue import KeyValueReader, KeyValueWriter, patterns, read_text, write_text
from difxnb.formats.text_patch import kept_text

__all__ = [
    "Calc",
    "CalcScan",
    "CalcTelescope",
    "Eop",
    "Source",
    "format_calc",
    "parse_calc",
    "read_calc",
    "read_start_time",
    "write_calc",
    "write_start_time",
]

_KNOWN = patterns(
    """
    JOB ID|JOB START TIME|JOB STOP TIME|DELAY MODEL|DUTY CYCLE|OBSCODE|DIFX VERSION|DIFX LABEL|SUBJOB ID
    SUBARRAY ID|VEX FILE|START MJD|START YEAR|START MONTH|START DAY|START HOUR|START MINUTE|START SECOND
    SPECTRAL AVG|TAPER FUNCTION|NUM TELESCOPES|TELESCOPE 0 NAME|TELESCOPE 0 MOUNT|TELESCOPE 0 OFFSET (m)
    TELESCOPE 0 X (m)|TELESCOPE 0 Y (m)|TELESCOPE 0 Z (m)|TELESCOPE 0 SHELF|NUM SOURCES|SOURCE 0 NAME
    SOURCE 0 RA|SOURCE 0 DEC|SOURCE 0 CALCODE|SOURCE 0 QUAL|NUM SCANS|SCAN 0 IDENTIFIER|SCAN 0 START (S)
    SCAN 0 DUR (S)|SCAN 0 OBS MODE NAME|SCAN 0 UVSHIFT INTERVAL (NS)|SCAN 0 AC AVG INTERVAL (NS)
    SCAN 0 POINTING SRC|SCAN 0 NUM PHS CTRS|SCAN 0 PHS CTR 0|NUM EOPS|EOP 0 TIME (mjd)
    EOP 0 TAI_UTC (sec)|EOP 0 UT1_UTC (sec)|EOP 0 XPOLE (arcsec)|EOP 0 YPOLE (arcsec)|NUM SPACECRAFT
    IM FILENAME|FLAG FILENAME
    """
)


def read_start_time(reader: KeyValueReader) -> tuple[int, int, int, int, int, int]:
    """Take the six lines of the job start: year, month, day, hour, minute, second."""
    return (
        reader.integer("START YEAR", 0, 9999),
        reader.integer("START MONTH", 1, 12),
        reader.integer("START DAY", 1, 31),
        reader.integer("START HOUR", 0, 23),
        reader.integer("START MINUTE", 0, 59),
        reader.integer("START SECOND", 0, 60),
    )


def write_start_time(writer: KeyValueWriter, start_time: tuple[int, int, int, int, int, int]) -> None:
    """Add the six lines of the job start."""
    for unit, value in zip(("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND"), start_time, strict=True):
        writer.line(f"START {unit}", value)


def parse_calc(text: str, path: Path | None = None) -> Calc:
    """Read the text of a ``.calc`` file.

    Raises
    ------
    FileFormatError
        With the line, where something is missing, out of order or impossible.
    """
    reader = KeyValueReader(text, path, _KNOWN)
    calc = Calc(path=path, source_text=text)
    _read_head(reader, calc)
    calc.telescopes = [_read_telescope(reader, row) for row in range(reader.count("NUM TELESCOPES"))]
    calc.sources = [_read_source(reader, row) for row in range(reader.count("NUM SOURCES"))]
    sources = len(calc.sources)
    calc.scans = [_read_scan(reader, row, sources) for row in range(reader.count("NUM SCANS"))]
    calc.eops = [_read_eop(reader, row) for row in range(reader.count("NUM EOPS"))]
    calc.num_spacecraft = reader.count("NUM SPACECRAFT")
    while calc.num_spacecraft and reader.remaining and reader.next_key != "IM FILENAME":
        key = reader.next_key
        calc.spacecraft.append((key, reader.skip()))
    calc.im_filename = reader.text("IM FILENAME")
    calc.flag_filename = reader.text("FLAG FILENAME")
    return calc


def _read_head(reader: KeyValueReader, calc: Calc) -> None:
    calc.job_id = reader.integer("JOB ID")
    calc.job_start_mjd = reader.number("JOB START TIME")
    calc.job_stop_mjd = reader.number("JOB STOP TIME")
    calc.delay_model = _optional(reader, "DELAY MODEL")
    calc.duty_cycle = reader.number("DUTY CYCLE")
    calc.obscode = reader.text("OBSCODE")
    calc.difx_version = reader.text("DIFX VERSION")
    calc.difx_label = _optional(reader, "DIFX LABEL")
    calc.subjob_id = reader.integer("SUBJOB ID")
    calc.subarray_id = reader.integer("SUBARRAY ID")
    calc.vex_file = _optional(reader, "VEX FILE")
    calc.start_mjd = reader.number("START MJD")
    calc.start_time = read_start_time(reader)
    calc.spectral_avg = reader.integer("SPECTRAL AVG")
    calc.taper_function = reader.text("TAPER FUNCTION")


def _optional(reader: KeyValueReader, key: str) -> str:
    return reader.text(key) if reader.has(key) else ""


def _read_telescope(reader: KeyValueReader, row: int) -> CalcTelescope:
    return CalcTelescope(
        name=reader.text(f"TELESCOPE {row} NAME"),
        mount=reader.text(f"TELESCOPE {row} MOUNT"),
        offset_m=reader.number(f"TELESCOPE {row} OFFSET (m)"),
        x=reader.number(f"TELESCOPE {row} X (m)"),
        y=reader.number(f"TELESCOPE {row} Y (m)"),
        z=reader.number(f"TELESCOPE {row} Z (m)"),
        shelf=reader.text(f"TELESCOPE {row} SHELF"),
    )


def _read_source(reader: KeyValueReader, row: int) -> Source:
    return Source(
        name=reader.text(f"SOURCE {row} NAME"),
        ra=reader.number(f"SOURCE {row} RA"),
        dec=reader.number(f"SOURCE {row} DEC"),
        calcode=reader.text(f"SOURCE {row} CALCODE"),
        qual=reader.integer(f"SOURCE {row} QUAL"),
    )


def _read_scan(reader: KeyValueReader, row: int, sources: int) -> CalcScan:
    scan = CalcScan(
        identifier=reader.text(f"SCAN {row} IDENTIFIER"),
        start_s=reader.integer(f"SCAN {row} START (S)"),
        duration_s=reader.integer(f"SCAN {row} DUR (S)", 0),
        mode=reader.text(f"SCAN {row} OBS MODE NAME"),
        uvshift_ns=reader.integer(f"SCAN {row} UVSHIFT INTERVAL (NS)"),
        ac_avg_ns=reader.integer(f"SCAN {row} AC AVG INTERVAL (NS)"),
        pointing_source=reader.index(f"SCAN {row} POINTING SRC", sources),
    )
    centers = reader.count(f"SCAN {row} NUM PHS CTRS")
    scan.phase_centers = [reader.index(f"SCAN {row} PHS CTR {center}", sources) for center in range(centers)]
    return scan


def _read_eop(reader: KeyValueReader, row: int) -> Eop:
    return Eop(
        mjd=reader.integer(f"EOP {row} TIME (mjd)"),
        tai_utc_s=reader.number(f"EOP {row} TAI_UTC (sec)"),
        ut1_utc_s=reader.number(f"EOP {row} UT1_UTC (sec)"),
        x_pole_arcsec=reader.number(f"EOP {row} XPOLE (arcsec)"),
        y_pole_arcsec=reader.number(f"EOP {row} YPOLE (arcsec)"),
    )


def format_calc(calc: Calc) -> str:
    """Write the text of a ``.calc`` file, in the one order of lines that mpifxcorr accepts.

    Raises
    ------
    ValueError
        Where something cannot be written.
    """
    return kept_text(calc, _usual_text, parse_calc)


def _usual_text(calc: Calc) -> str:
    writer = KeyValueWriter()
    _write_head(writer, calc)
    writer.line("NUM TELESCOPES", len(calc.telescopes))
    for row, telescope in enumerate(calc.telescopes):
        _write_telescope(writer, row, telescope)
    writer.line("NUM SOURCES", len(calc.sources))
    for row, source in enumerate(calc.sources):
        _write_source(writer, row, source)
    writer.line("NUM SCANS", len(calc.scans))
    for row, scan in enumerate(calc.scans):
        _write_scan(writer, row, scan)
    writer.line("NUM EOPS", len(calc.eops))
    for row, eop in enumerate(calc.eops):
        _write_eop(writer, row, eop)
    writer.line("NUM SPACECRAFT", calc.num_spacecraft)
    for key, value in calc.spacecraft:
        writer.line(key, value)
    writer.text("IM FILENAME", calc.im_filename)
    writer.text("FLAG FILENAME", calc.flag_filename)
    return writer.finish()


def _write_head(writer: KeyValueWriter, calc: Calc) -> None:
    writer.line("JOB ID", calc.job_id)
    writer.number("JOB START TIME", calc.job_start_mjd, ".7f", exact=False)
    writer.number("JOB STOP TIME", calc.job_stop_mjd, ".7f", exact=False)
    if calc.delay_model:
        writer.text("DELAY MODEL", calc.delay_model)
    writer.number("DUTY CYCLE", calc.duty_cycle, ".3f", exact=False)
    writer.text("OBSCODE", calc.obscode)
    writer.text("DIFX VERSION", calc.difx_version)
    if calc.difx_label:
        writer.text("DIFX LABEL", calc.difx_label)
    writer.line("SUBJOB ID", calc.subjob_id)
    writer.line("SUBARRAY ID", calc.subarray_id)
    if calc.vex_file:
        writer.text("VEX FILE", calc.vex_file)
    writer.number("START MJD", calc.start_mjd, ".7f", exact=False)
    write_start_time(writer, calc.start_time)
    writer.line("SPECTRAL AVG", calc.spectral_avg)
    writer.text("TAPER FUNCTION", calc.taper_function)


def _write_telescope(writer: KeyValueWriter, row: int, telescope: CalcTelescope) -> None:
    writer.text(f"TELESCOPE {row} NAME", telescope.name)
    writer.text(f"TELESCOPE {row} MOUNT", telescope.mount)
    writer.number(f"TELESCOPE {row} OFFSET (m)", telescope.offset_m)
    writer.number(f"TELESCOPE {row} X (m)", telescope.x)
    writer.number(f"TELESCOPE {row} Y (m)", telescope.y)
    writer.number(f"TELESCOPE {row} Z (m)", telescope.z)
    writer.text(f"TELESCOPE {row} SHELF", telescope.shelf)


def _write_source(writer: KeyValueWriter, row: int, source: Source) -> None:
    writer.text(f"SOURCE {row} NAME", source.name)
    writer.signed(f"SOURCE {row} RA", source.ra, ".16f")
    writer.signed(f"SOURCE {row} DEC", source.dec, ".16f")
    # vex2difx writes one blank for a source without a code.
    writer.line(f"SOURCE {row} CALCODE", source.calcode or " ")
    writer.line(f"SOURCE {row} QUAL", source.qual)


def _write_scan(writer: KeyValueWriter, row: int, scan: CalcScan) -> None:
    writer.text(f"SCAN {row} IDENTIFIER", scan.identifier)
    writer.line(f"SCAN {row} START (S)", scan.start_s)
    writer.line(f"SCAN {row} DUR (S)", scan.duration_s)
    writer.text(f"SCAN {row} OBS MODE NAME", scan.mode)
    writer.line(f"SCAN {row} UVSHIFT INTERVAL (NS)", scan.uvshift_ns)
    writer.line(f"SCAN {row} AC AVG INTERVAL (NS)", scan.ac_avg_ns)
    writer.line(f"SCAN {row} POINTING SRC", scan.pointing_source)
    writer.line(f"SCAN {row} NUM PHS CTRS", len(scan.phase_centers))
    for center, source in enumerate(scan.phase_centers):
        writer.line(f"SCAN {row} PHS CTR {center}", source)


def _write_eop(writer: KeyValueWriter, row: int, eop: Eop) -> None:
    writer.line(f"EOP {row} TIME (mjd)", eop.mjd)
    writer.whole_or_number(f"EOP {row} TAI_UTC (sec)", eop.tai_utc_s)
    writer.signed(f"EOP {row} UT1_UTC (sec)", eop.ut1_utc_s, ".16f")
    writer.signed(f"EOP {row} XPOLE (arcsec)", eop.x_pole_arcsec, ".16f")
    writer.signed(f"EOP {row} YPOLE (arcsec)", eop.y_pole_arcsec, ".16f")


def read_calc(path: str | Path) -> Calc:
    """Read a ``.calc`` file; FileFormatError with file and line where it is damaged."""
    return parse_calc(read_text(path), Path(path))


def write_calc(calc: Calc, path: str | Path, *, overwrite: bool = False) -> None:
    """Write a ``.calc`` file; FileExistsError where there is one already, unless `overwrite`."""
    write_text(path, format_calc(calc), overwrite=overwrite)
