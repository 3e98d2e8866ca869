# SPDX-License-Identifier: GPL-3.0-or-later
"""``$MODE`` of a ``.vex``: which bands a station records, and in what format.

A mode refers, for each station, to definitions of ``$FREQ`` (frequencies), ``$BBC`` and ``$IF`` (from which come
polarization and phase calibration) and of ``$TRACKS`` or, in VEX 2.0, ``$DATASTREAMS`` or ``$BITSTREAMS`` (how it is
recorded: :mod:`difxnb.formats.vex_recording`). Resolved as vex2difx 3.1 does it (``vexdatamodel/vexload.cpp``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from difxnb.formats import frames
from difxnb.formats.frames import Columns
from difxnb.formats.vex_quantities import FREQUENCY_UNITS, quantity
from difxnb.formats.vex_recording import ModeStatements, Recording, References, recording_of, references_of
from difxnb.formats.vex_scans import VexScan
from difxnb.formats.vex_text import VexDefinition, VexStatement, VexText


@dataclass(frozen=True, slots=True)
class VexBand:
    """One recorded channel of a station.

    Attributes
    ----------
    channel : int
        Its place in the recording, from 0; -1 where it is not recorded.
    link : str
        As the file has it: ``"&CH01"``.
    frequency, bandwidth : float or None
        Hz; the frequency is that of the edge where its baseband begins: the lower one of ``"U"``.
    sideband : str
        ``"U"`` or ``"L"``.
    polarization : str
        Empty where nothing says.
    bbc, if_name : str
        Names of the converter's link, and of the IF.
    phase_cal : float
        Distance of the tones in Hz; 0 where there are none.
    statement : VexStatement
    """

    channel: int
    link: str
    frequency: float | None
    sideband: str
    bandwidth: float | None
    polarization: str
    bbc: str
    if_name: str
    phase_cal: float
    statement: VexStatement


@dataclass(frozen=True, slots=True)
class VexSetup:
    """What a station does in a mode."""

    mode: str
    station: str
    recording: Recording
    bands: tuple[VexBand, ...]


@dataclass(frozen=True, slots=True)
class _If:
    name: str
    polarization: str
    phase_cal: float


def setups_of(vex: VexText) -> tuple[VexSetup, ...]:
    """Setups of all modes and stations, as far as they have frequencies."""
    modes, stations = vex.block("MODE"), vex.block("STATION")
    if modes is None or stations is None:
        return ()
    return tuple(
        setup
        for mode in modes.definitions
        for references in (references_of(vex, mode),)
        for station in stations.definitions
        if (setup := _setup(vex, mode, station.name, references)) is not None
    )


def _setup(vex: VexText, mode: VexDefinition, station: str, references: References) -> VexSetup | None:
    said = ModeStatements(vex, mode, station, references)
    channels = said.all("FREQ", "chan_def")
    if not channels:
        return None
    recording = recording_of(said)
    places = recording.places(_names(channels))
    ifs = _ifs(said.all("IF", "if_def"), is_first=vex.revision.startswith("1"))
    converters = {_link(one, 0): _link(one, 2) for one in said.all("BBC", "BBC_assign")}
    bands = [
        _band(one, place, ifs.get(converters.get(_link(one, 5), "")))
        for one, place in zip(channels, places, strict=True)
    ]
    # Those that are not recorded come last.
    bands.sort(key=lambda band: (band.channel < 0, band.channel))
    return VexSetup(mode.name, station, recording, tuple(bands))


def _names(channels: Sequence[VexStatement]) -> list[tuple[str, str]]:
    """Link of each channel, and the name by which channels of VDIF are ordered."""
    return [(_link(one, 4), " ".join(one.field(7)) or _link(one, 4)) for one in channels]


def _link(statement: VexStatement, place: int) -> str:
    return " ".join(statement.field(place)).removeprefix("&")


def _ifs(statements: Sequence[VexStatement], *, is_first: bool) -> Mapping[str, _If]:
    """IFs by their links; in VEX 2.0 the link holds the name."""
    found = {}
    for one in statements:
        link = _link(one, 0)
        tones = quantity(one.field(5), FREQUENCY_UNITS)
        said = " ".join(one.field(1)) if is_first else ""
        name = said or (link.removeprefix("IF_") or link)
        found[link] = _If(name, " ".join(one.field(2))[:1].upper(), tones.value if tones else 0.0)
    return found


def _band(statement: VexStatement, channel: int, source: _If | None) -> VexBand:
    frequency, bandwidth = (quantity(statement.field(place), FREQUENCY_UNITS) for place in (1, 3))
    return VexBand(
        channel,
        " ".join(statement.field(4)),
        frequency and frequency.value,
        " ".join(statement.field(2))[:1].upper(),
        bandwidth and bandwidth.value,
        source.polarization if source else "",
        _link(statement, 5),
        source.name if source else "",
        source.phase_cal if source else 0.0,
        statement,
    )


def mode_columns(setups: Sequence[VexSetup], scans: Sequence[VexScan]) -> Columns:
    """One row per mode and station."""
    counts: dict[tuple[str, str], int] = {}
    for scan in scans:
        for key in {(scan.mode, line.station) for line in scan.stations}:
            counts[key] = counts.get(key, 0) + 1
    return {
        "mode": frames.texts(one.mode for one in setups),
        "station": frames.texts(one.station for one in setups),
        "data_format": frames.texts(one.recording.data_format for one in setups),
        "n_channels": frames.integers(one.recording.n_channels or len(one.bands) for one in setups),
        "sample_rate": frames.numbers(one.recording.sample_rate for one in setups),
        "bits": frames.integers(one.recording.bits for one in setups),
        "tracks_def": frames.texts(one.recording.definition for one in setups),
        "n_scans": frames.integers(counts.get((one.mode, one.station), 0) for one in setups),
    }


def band_columns(setups: Sequence[VexSetup]) -> Columns:
    """One row per mode, station and channel, in the order of the recording."""
    rows = [(setup, band) for setup in setups for band in setup.bands]
    return {
        "mode": frames.texts(setup.mode for setup, _ in rows),
        "station": frames.texts(setup.station for setup, _ in rows),
        "channel": frames.integers(band.channel for _, band in rows),
        "link": frames.texts(band.link for _, band in rows),
        "frequency": frames.numbers(band.frequency for _, band in rows),
        "sideband": frames.texts(band.sideband for _, band in rows),
        "bandwidth": frames.numbers(band.bandwidth for _, band in rows),
        "sample_rate": frames.numbers(setup.recording.sample_rate for setup, _ in rows),
        "polarization": frames.texts(band.polarization for _, band in rows),
        "bbc": frames.texts(band.bbc for _, band in rows),
        "if_name": frames.texts(band.if_name for _, band in rows),
        "phase_cal": frames.numbers(band.phase_cal for _, band in rows),
    }
