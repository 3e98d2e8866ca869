# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the modes of a schedule: references to nothing, frequencies and formats that are none."""

from __future__ import annotations

from collections.abc import Iterator

from difxnb.formats.problems import Problem, Severity
from difxnb.formats.vex_modes import VexBand, VexSetup
from difxnb.formats.vex_tables import VexTables
from difxnb.formats.vex_text import VexDefinition

_NEEDED = ("FREQ", "IF", "BBC")
_READ = (*_NEEDED, "TRACKS", "DATASTREAMS", "BITSTREAMS", "PHASE_CAL_DETECT")
_CLOSE_HZ = 1e-6


def setup_problems(vex: VexTables) -> Iterator[Problem]:
    """Of all modes; what is said in one definition is told once, for the first of its users."""
    block = vex.statements.block("MODE")
    modes = {scan.mode for scan in vex.scan_list}
    for mode in block.definitions if block else ():
        yield from _of_references(vex, mode, mode.name in modes)
    used = {(scan.mode, one.station) for scan in vex.scan_list for one in scan.stations}
    told = set[tuple[str, str, int | None]]()
    for setup in vex.setup_list:
        if (setup.mode, setup.station) not in used:
            continue
        for row in _of_setup(vex, setup):
            key = (row.kind, row.text if row.line is None else "", row.line)
            if key not in told:
                told.add(key)
                yield row


def _of_references(vex: VexTables, mode: VexDefinition, is_used: bool) -> Iterator[Problem]:
    where = f"$MODE {mode.name}"
    stations = {one.key for one in vex.station_list}
    for one in mode.statements:
        if one.words[:1] != ("ref",) or len(one.words) != 2:
            continue
        block, name, line = one.words[1], " ".join(one.field(0)), vex.line_of(one.start)
        there = vex.statements.block(block.removeprefix("$"))
        if there is None or there.definition(name) is None:
            text = f"{block} has no definition {name}"
            yield Problem(_severity(block, is_used), "unknown definition", text, where, line, f"ref {block}")
        named = {" ".join(one.field(place)) for place in range(1, len(one.fields))}
        if unknown := sorted(name for name in named if name and name not in stations):
            text = (
                f"{', '.join(unknown[:10])} of {block} {'is' if len(unknown) == 1 else 'are'} not in $STATION"
            )
            yield Problem("note", "unknown station", text, where, line, f"ref {block}")


def _severity(block: str, is_used: bool) -> Severity:
    """Of a reference to nothing: whether vex2difx follows it, and a scan needs it."""
    name = block.removeprefix("$")
    if name in _NEEDED and is_used:
        return "error"
    return "warning" if name in _READ else "note"


def _of_setup(vex: VexTables, setup: VexSetup) -> Iterator[Problem]:
    where, recording = f"$MODE {setup.mode}", setup.recording
    if recording.data_format in ("?", "S2"):
        text = f"{setup.station} has no data format in {setup.mode}, or none that vex2difx knows"
        yield Problem(
            "warning", "no format", text, where, None, setup.station, "format of its ANTENNA in the .v2d"
        )
    if recording.sample_rate is None:
        text = f"{setup.station} has no sample rate in {setup.mode}"
        yield Problem("error", "bad value", text, where, None, "sample_rate")
    for band in setup.bands:
        yield from _of_band(vex, setup, band)


def _of_band(vex: VexTables, setup: VexSetup, band: VexBand) -> Iterator[Problem]:
    where, line = f"$MODE {setup.mode}", vex.line_of(band.statement.start)
    name = f"channel {band.link or '(without a link)'} of {setup.station}"
    if band.frequency is None or band.bandwidth is None or band.sideband not in ("U", "L"):
        text = f"{name} lacks a frequency, a sideband or a bandwidth that can be read"
        yield Problem("error", "bad value", text, where, line, "chan_def")
        return
    if not band.polarization:
        text = f"{name} has no polarization: its BBC {band.bbc} leads to no IF"
        yield Problem("error", "no polarization", text, where, line, "chan_def")
    rate = setup.recording.sample_rate
    if rate is not None and band.bandwidth - rate / 2 > _CLOSE_HZ:
        text = f"{name} is wider than half of its sample rate"
        yield Problem("error", "bad value", text, where, line, "chan_def")
    elif rate is not None and rate / 2 - band.bandwidth > _CLOSE_HZ:
        text = f"{name} is narrower than half of its sample rate; vex2difx takes it to be {rate / 2e6:g} MHz wide"
        yield Problem("warning", "bandwidth", text, where, line, "chan_def")
    if band.channel < 0 and setup.recording.data_format != "?":
        text = f"{name} is on no track, and so not recorded"
        yield Problem("warning", "not recorded", text, where, line, "chan_def")
