# SPDX-License-Identifier: GPL-3.0-or-later
"""How a station records in a mode: ``$TRACKS`` of VEX 1.5, ``$DATASTREAMS`` and ``$BITSTREAMS`` of 2.0.

In go the statements that a mode has for a station, out come format, bits, sample rate and the place of each channel
in the recording. As vex2difx 3.1 (``vexdatamodel/vexload.cpp``): channels of VDIF are taken in the order of their
names, those of the other formats in the order of their tracks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from difxnb.formats.vex_quantities import FREQUENCY_UNITS, SAMPLE_RATE_UNITS, quantity
from difxnb.formats.vex_text import VexDefinition, VexStatement, VexText

_RATES = {**SAMPLE_RATE_UNITS, **FREQUENCY_UNITS}
_BITS = re.compile(r"[A-Za-z]*DIF[A-Za-z]*(?:/[\d:,]{1,200})?/\d{1,6}/(\d{1,2})")
_RATED = re.compile(r"[A-Za-z0-9]{1,16}(?:_\d{1,6})?-\d{1,6}-(\d{1,4})-(\d{1,2})")
_WHOLE = re.compile(r"\d{1,6}", re.ASCII)
_MOST_TRACKS = 4096


References = Mapping[str, Sequence[tuple[VexDefinition, frozenset[str]]]]
"""Definitions that a mode refers to, by their blocks, each with its stations; none for all of them."""


def references_of(vex: VexText, mode: VexDefinition) -> References:
    """What a mode refers to, as far as it is there."""
    found = dict[str, list[tuple[VexDefinition, frozenset[str]]]]()
    for one in mode.statements:
        if len(one.words) != 2 or one.words[0] != "ref":
            continue
        name = one.words[1].removeprefix("$")
        block = vex.block(name)
        definition = block.definition(" ".join(one.field(0))) if block else None
        if definition is not None:
            stations = frozenset(" ".join(one.field(place)) for place in range(1, len(one.fields)))
            found.setdefault(name, []).append((definition, stations - {""}))
    return found


class ModeStatements:
    """What a mode says of a station, found through its references, which may be known already."""

    def __init__(
        self, vex: VexText, mode: VexDefinition, station: str, references: References | None = None
    ) -> None:
        self._references = references_of(vex, mode) if references is None else references
        self._station = station

    def definitions(self, block: str) -> list[VexDefinition]:
        """Definitions of a block that are for the station."""
        return [
            definition
            for definition, stations in self._references.get(block, ())
            if not stations or self._station in stations
        ]

    def all(self, block: str, word: str) -> list[VexStatement]:
        """Statements of these definitions that begin with a word."""
        return [one for definition in self.definitions(block) for one in definition.all(word)]


@dataclass(frozen=True, slots=True)
class Recording:
    """How it is recorded.

    Attributes
    ----------
    data_format : str
        As the file has it; of data streams as a ``.v2d`` would have it; ``"?"`` where nothing says.
    n_channels, bits : int
        0 where nothing says.
    sample_rate : float or None
        Samples a second of each channel.
    definition : str
        Name of the ``$TRACKS``, ``$DATASTREAMS`` or ``$BITSTREAMS``.
    """

    data_format: str = "?"
    n_channels: int = 0
    bits: int = 0
    sample_rate: float | None = None
    definition: str = ""
    _place: Mapping[str, int] = field(default_factory=dict)
    _is_by_name: bool = False

    def places(self, channels: Sequence[tuple[str, str]]) -> list[int]:
        """Place in the recording of channels, given as link and name; -1 of those that are not recorded."""
        if not self._is_by_name:
            return [self._place.get(link, -1) for link, _ in channels]
        order = sorted(range(len(channels)), key=lambda row: channels[row][1])
        places = [0] * len(channels)
        for place, row in enumerate(order):
            places[row] = place
        return places


def recording_of(said: ModeStatements) -> Recording:
    """Recording of a station in a mode."""
    if said.all("BITSTREAMS", "stream_def"):
        return _bitstreams(said)
    if said.all("DATASTREAMS", "datastream"):
        return _datastreams(said)
    return _tracks(said)


def _rate(statements: Iterable[VexStatement], place: int = 0) -> float | None:
    found = next((quantity(one.field(place), _RATES) for one in statements), None)
    return found and found.value


def _name(said: ModeStatements, block: str) -> str:
    return next((one.name for one in said.definitions(block)), "")


def _whole(statement: VexStatement, place: int) -> int | None:
    text = "".join(statement.field(place))
    return int(text) if _WHOLE.fullmatch(text) else None


def _link(statement: VexStatement, place: int) -> str:
    return " ".join(statement.field(place)).removeprefix("&")


class _Tracks:
    """Tracks of each channel: of its signs and of its magnitudes."""

    def __init__(self) -> None:
        self.signs: dict[str, list[int]] = {}
        self.magnitudes: dict[str, list[int]] = {}

    def add(self, link: str, kind: str, tracks: Sequence[int]) -> None:
        """What one statement says."""
        part = self.signs if kind.startswith("s") else self.magnitudes
        part.setdefault(link, []).extend(tracks)

    @property
    def channels(self) -> list[str]:
        """Links in the order of the file."""
        return list(dict.fromkeys([*self.signs, *self.magnitudes]))

    @property
    def bits(self) -> int:
        """Of a sample."""
        return (2 if self.magnitudes else 1) if self.channels else 0

    def numbered(self, number: Callable[[int, int], int], *, is_packed: bool = False) -> dict[str, int]:
        """Place of each channel, from its first sign track and how many tracks it has.

        Where they are packed, tracks that nobody uses leave no gap.
        """
        every = sorted(
            one for part in (self.signs, self.magnitudes) for tracks in part.values() for one in tracks
        )
        rank = {track: place for place, track in enumerate(dict.fromkeys(every))}
        found = {}
        for link, tracks in self.signs.items():
            if tracks:
                first = rank[tracks[0]] if is_packed else tracks[0]
                found[link] = number(first, len(tracks) + len(self.magnitudes.get(link, ())))
        return found


def _in_order(track: int, width: int) -> int:
    return track // width


def _on_tape(track: int, width: int) -> int:
    """Place of a channel on a head stack, where even and odd tracks are apart, and of the second stack."""
    skipped = (-2 if track % 2 == 0 else 29) if track < 34 else (30 if track % 2 == 0 else 61)
    return (track + skipped) // (2 * width)


def _tracks(said: ModeStatements) -> Recording:
    formats = said.all("TRACKS", "track_frame_format")
    written = " ".join(formats[0].field(0)) if formats else _of_s2(said)
    tracks = _Tracks()
    lines = said.all("TRACKS", "fanout_def")
    for one in lines:
        # Of a tape that is recorded several times, each pass has the same channels on other tracks.
        if one.field(0) != lines[0].field(0):
            continue
        stack = _whole(one, 3) or 1
        numbers = [_whole(one, place) for place in range(4, min(len(one.fields), 8))]
        known = [number + 32 * (stack - 1) for number in numbers if number is not None]
        tracks.add(_link(one, 1), " ".join(one.field(2)), [one for one in known if one < _MOST_TRACKS])
    kind = written.upper()
    named = _RATED.fullmatch(written)
    return Recording(
        written or "?",
        len(tracks.channels) or int(named[1] if named else 0),
        tracks.bits or _bits_of(written),
        _rate(said.all("FREQ", "sample_rate")),
        _name(said, "TRACKS"),
        _places(tracks, kind),
        "DIF" in kind,
    )


def _places(tracks: _Tracks, kind: str) -> dict[str, int]:
    """Places of channels in formats other than VDIF."""
    if kind.startswith(("MARK5B", "KVN5B")):
        return tracks.numbered(_in_order, is_packed=True)
    if kind.startswith(("MKIV", "MARK4", "VLBA", "VLBN")):
        return tracks.numbered(_on_tape)
    if kind.startswith("LBA"):
        return tracks.numbered(_in_order)
    return {link: place for place, link in enumerate(tracks.channels)}


def _of_s2(said: ModeStatements) -> str:
    """Format of the LBA, which is said in words of an older recorder."""
    modes = [" ".join(one.field(0)) for one in said.all("TRACKS", "S2_recording_mode")]
    sources = [" ".join(one.field(0)) for one in said.all("TRACKS", "S2_data_source")]
    if modes[:1] != ["none"] or not sources:
        return "S2" if modes else ""
    return {"VLBA": "LBAVSOP", "LBAVSOP": "LBAVSOP", "LBASTD": "LBASTD"}.get(sources[0], "")


def _bits_of(written: str) -> int:
    """Bits that the name of a format tells."""
    found = _BITS.fullmatch(written)
    rated = _RATED.fullmatch(written)
    return int(found[1] if found else rated[2] if rated else 0)


def _bitstreams(said: ModeStatements) -> Recording:
    tracks = _Tracks()
    for one in said.all("BITSTREAMS", "stream_def"):
        number = _whole(one, 3)
        if number is not None:
            tracks.add(_link(one, 0), " ".join(one.field(1)), [number])
    return Recording(
        "Mark5B",
        len(tracks.channels),
        tracks.bits,
        _rate(said.all("BITSTREAMS", "stream_sample_rate")),
        _name(said, "BITSTREAMS"),
        tracks.numbered(_in_order, is_packed=True),
    )


@dataclass(frozen=True, slots=True)
class _Thread:
    stream: str
    link: str
    number: int
    n_channels: int
    statement: VexStatement


def _datastreams(said: ModeStatements) -> Recording:
    """Threads of a stream one after another by their numbers, each with its channels."""
    threads = sorted(
        (
            _Thread(_link(one, 0), _link(one, 1), _whole(one, 2) or 0, _whole(one, 3) or 0, one)
            for one in said.all("DATASTREAMS", "thread")
        ),
        key=lambda thread: thread.number,
    )
    begins, filled = dict[tuple[str, str], int](), dict[str, int]()
    for thread in threads:
        begins[thread.stream, thread.link] = filled.get(thread.stream, 0)
        filled[thread.stream] = begins[thread.stream, thread.link] + thread.n_channels
    places = {}
    for one in said.all("DATASTREAMS", "channel"):
        begin, number = begins.get((_link(one, 0), _link(one, 1))), _whole(one, 3)
        if begin is not None and number is not None:
            places[_link(one, 2)] = begin + number
    kinds = [(_link(one, 0), " ".join(one.field(1))) for one in said.all("DATASTREAMS", "datastream")]
    written = [_stream_format(kind, [one for one in threads if one.stream == link]) for link, kind in kinds]
    return Recording(
        " ".join(written) or "?",
        sum(filled.values()),
        next((_whole(one.statement, 5) or 0 for one in threads), 0),
        _rate((one.statement for one in threads), 4),
        _name(said, "DATASTREAMS"),
        places,
    )


def _stream_format(kind: str, threads: Sequence[_Thread]) -> str:
    """Format of a data stream as a ``.v2d`` has it."""
    name = {"VDIF_LEGACY": "VDIFL"}.get(kind.upper(), kind.upper())
    if not threads:
        return name or "?"
    size, bits = (_whole(threads[0].statement, place) or 0 for place in (7, 5))
    header = 16 if name == "VDIFL" else 32
    if len(threads) == 1:
        return f"{name}/{size + header}/{bits}"
    return f"INTERLACED{name}/{':'.join(str(one.number) for one in threads)}/{size + header}/{bits}"
