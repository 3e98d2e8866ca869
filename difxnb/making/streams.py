# SPDX-License-Identifier: GPL-3.0-or-later
"""How a station recorded in a mode: the format of its data, and its bands in the order in which they were recorded.

In: what the schedule says of a mode and a station, and the ``format`` of the ``.v2d``. Out: a :class:`Stream`, or a
reason. Formats are read and sizes of frames found as by vex2difx 3.1 (``vexdatamodel/vex_stream.cpp``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from difxnb.formats.vex_modes import VexBand, VexSetup
from difxnb.formats.vex_quantities import FREQUENCY_UNITS, number, quantity
from difxnb.formats.vex_recording import ModeStatements
from difxnb.formats.vex_text import VexStatement, VexText

_SWAPPED = str.maketrans("RLXYHV", "LRYXVH")
_MARK5B_BYTES = 10016
_TRACK_BYTES = {"VLBA": 2520, "MKIV": 2500}
_ALIASES = {"MARK4": "MKIV", "MK5B": "MARK5B"}
_SAMPLING = {"C": "COMPLEX", "D": "COMPLEX_DSB"}
_MOST_THREAD = 1024
# Stations whose VDIF has a thread for each band although a schedule of VEX 1.5 cannot say so.
_THREAD_EACH = frozenset(["BR", "FD", "HN", "KP", "LA", "MK", "NL", "OV", "PT", "SC", "GB", "Y"])
_D = r"[1-9]\d{0,8}"
# Name, threads, bytes of a frame, Mbit/s, channels, bits; each form names what it holds.
_FORMS = tuple(
    re.compile(form.replace("#", _D), re.ASCII)
    for form in (
        r"(?P<name>[A-Z]{1,20})/(?P<threads>[0-9:,]{1,6000})/(?P<frame>#)/(?P<bits>#)",
        r"(?P<name>[A-Z]{1,20})/(?P<frame>#)/(?P<bits>#)",
        r"(?P<name>[A-Z]{0,16}VDIF[LCD]?)(?P<frame>#)",
        r"(?P<name>[A-Z]{1,20}?)1_(?P<fanout>[124])(?:-#-#-(?P<bits>#))?",
        r"(?P<name>[A-Z]{1,20})_(?P<frame>#)-#-#-(?P<bits>#)",
        r"(?P<name>[A-Z]{1,20}|MARK5B)-#-#-(?P<bits>#)",
        r"(?P<name>[A-Z]{0,16}VDIF[LCD]?)[-/](?P<either>#)",
        r"(?P<name>[A-Z0-9]{1,20})",
    )
)


class Unreadable(ValueError):
    """A reason why a stream cannot be made of what is there."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format of data; 0 and empty where it does not say.

    Attributes
    ----------
    name : str
        ``VDIF``, ``VDIFL``, ``INTERLACEDVDIF``, ``MARK5B``, ``MKIV`` or ``VLBA``.
    threads : tuple of int
    frame_bytes, bits : int
    sampling : str
        ``REAL``, ``COMPLEX`` or ``COMPLEX_DSB``.
    """

    name: str
    threads: tuple[int, ...] = ()
    frame_bytes: int = 0
    bits: int = 0
    sampling: str = "REAL"

    @property
    def is_vdif(self) -> bool:
        """Whether it is one of the kinds of VDIF."""
        return "VDIF" in self.name


@dataclass(frozen=True, slots=True)
class Channel:
    """A recorded band: edge and width in Hz, and the distance of its tones (0: none), in Hz.

    `detected` are the numbers of tones that the schedule names, from 0.
    """

    link: str
    edge_hz: float
    bandwidth_hz: float
    sideband: str
    polarization: str
    tone_interval_hz: float = 0.0
    tone_base_hz: float = 0.0
    detected: tuple[int, ...] = ()

    @property
    def low_edge_hz(self) -> float:
        """Lower edge of the band."""
        return self.edge_hz - (self.bandwidth_hz if self.sideband == "L" else 0.0)


@dataclass(frozen=True, slots=True)
class Stream:
    """What a station recorded in a mode."""

    format: Format
    sample_rate_hz: float
    channels: tuple[Channel, ...]

    @property
    def bytes_per_s(self) -> float:
        """How fast its data come."""
        return self.sample_rate_hz * self.format.bits * len(self.channels) / 8

    def swapped(self) -> Stream:
        """The same with the hands exchanged."""
        turned = (replace(one, polarization=one.polarization.translate(_SWAPPED)) for one in self.channels)
        return replace(self, channels=tuple(turned))


def read_format(text: str) -> Format:
    """Understand a format such as ``VDIF/8032/2``, ``INTERLACEDVDIF/0:1/5032/2``, ``Mark5B`` or ``MKIV1_4``.

    Raises
    ------
    Unreadable
        It is none, or one that no job can be made for here.
    """
    upper = text.upper()
    match = next((found for form in _FORMS if (found := form.fullmatch(upper))), None)
    if match is None:
        raise Unreadable(f"format {text[:40]!r} cannot be read; write VDIF/8032/2 for example")
    parts: dict[str, str | None] = match.groupdict()
    name = _ALIASES.get(parts["name"] or "", parts["name"] or "")
    either = int(parts.get("either") or 0)
    sampling = "REAL"
    bare = name.removeprefix("INTERLACED")
    if bare in ("VDIFC", "VDIFD"):
        name, sampling = name[:-1], _SAMPLING[bare[-1]]
    if name not in ("VDIF", "VDIFL", "INTERLACEDVDIF", "MARK5B", *_TRACK_BYTES):
        raise Unreadable(
            f"format {text[:40]!r}: only VDIF, INTERLACEDVDIF, Mark5B, MKIV and VLBA can be made here"
        )
    return Format(
        name,
        _threads(parts.get("threads") or ""),
        int(parts.get("frame") or 0) or (either if either > 32 else 0),
        int(parts.get("bits") or 0) or (either if either <= 32 else 0),
        sampling,
    )


def _threads(text: str) -> tuple[int, ...]:
    words = text.replace(",", ":").split(":") if text else []
    if not all(word.isdigit() and len(word) < 5 and int(word) < _MOST_THREAD for word in words):
        raise Unreadable(f"threads {text[:40]!r} cannot be read; write 0:1:2 for example")
    return tuple(int(word) for word in words)


def stream_of(vex: VexText, setup: VexSetup, wanted: str = "") -> Stream | None:
    """What a station recorded in a mode; None where the mode does not say enough of the station.

    Parameters
    ----------
    vex : VexText
        The schedule.
    setup : VexSetup
        What it says of the mode and the station.
    wanted : str
        Format that the ``.v2d`` asks for in place of that of the schedule.

    Raises
    ------
    Unreadable
    """
    modes = vex.block("MODE")
    mode = modes.definition(setup.mode) if modes else None
    if mode is None:
        return None
    said, recording = ModeStatements(vex, mode, setup.station), setup.recording
    bands = [band for band in setup.bands if band.channel >= 0]
    if recording.n_channels:
        bands = bands[: recording.n_channels]
    if not bands or recording.data_format == "?" or all(not band.if_name for band in bands):
        return None
    if " " in recording.data_format:
        raise Unreadable("several data streams in $DATASTREAMS cannot be made here")
    told = read_format(recording.data_format)
    chosen = _together(told, read_format(wanted)) if wanted else told
    if not wanted and chosen.name == "VDIF" and len(bands) > 1 and _has_thread_each(vex, setup):
        chosen = replace(chosen, name="INTERLACEDVDIF", threads=tuple(range(len(bands))))
    if not recording.sample_rate:
        raise Unreadable("the schedule says no sample rate")
    bits = (chosen.bits if wanted else 0) or recording.bits or chosen.bits
    sized = replace(chosen, bits=bits, frame_bytes=_frame_bytes(said, chosen, bits, len(bands)))
    return _checked(Stream(sized, recording.sample_rate, tuple(_channel(said, one) for one in bands)))


def _together(told: Format, wanted: Format) -> Format:
    """The format of the ``.v2d``, and of the schedule what that leaves out."""
    if told.is_vdif and not wanted.is_vdif:
        raise Unreadable(f"format {wanted.name} cannot replace {told.name} of the schedule; change the .vex")
    return replace(wanted, frame_bytes=wanted.frame_bytes or told.frame_bytes, bits=wanted.bits or told.bits)


def _has_thread_each(vex: VexText, setup: VexSetup) -> bool:
    return vex.revision.startswith("1") and setup.station.upper() in _THREAD_EACH


def _frame_bytes(said: ModeStatements, chosen: Format, bits: int, channels: int) -> int:
    if chosen.name == "MARK5B":
        return _MARK5B_BYTES
    if chosen.name not in _TRACK_BYTES:
        return chosen.frame_bytes
    fanouts = said.all("TRACKS", "fanout_def")
    tracks = sum(len(one.fields[4:8]) for one in fanouts)
    linked = len({"".join(one.field(1)) for one in fanouts})
    if not linked or not bits:
        raise Unreadable(f"format {chosen.name} needs fanout_def in $TRACKS")
    return _TRACK_BYTES[chosen.name] * (tracks // linked // bits) * bits * _power_of_two(channels)


def _power_of_two(count: int) -> int:
    return 1 << max(0, count - 1).bit_length()


def _checked(stream: Stream) -> Stream:
    data, channels = stream.format, stream.channels
    if data.name == "INTERLACEDVDIF" and not data.threads:
        raise Unreadable(
            "INTERLACEDVDIF needs its threads: format = INTERLACEDVDIF/0:1:2:3/5032/2 for example"
        )
    if data.threads and len(channels) % len(data.threads):
        raise Unreadable(f"{len(data.threads)} threads do not divide {len(channels)} bands")
    if not data.frame_bytes or not data.bits:
        raise Unreadable(
            f"format {data.name} says no size of a frame or no bits; write {data.name}/8032/2 for example"
        )
    if _power_of_two(len(channels)) != len(channels):
        raise Unreadable(f"{len(channels)} recorded bands are no power of two, which cannot be made here")
    for one in channels:
        if abs(one.bandwidth_hz - stream.sample_rate_hz / 2) > 1e-6:
            raise Unreadable(
                f"band {one.link} of {one.bandwidth_hz:g} Hz is sampled {stream.sample_rate_hz:g} times a second; "
                "only twice the bandwidth can be made here"
            )
    return stream


def _channel(said: ModeStatements, band: VexBand) -> Channel:
    if not band.frequency or not band.bandwidth or band.bandwidth < 0 or band.sideband not in ("U", "L"):
        raise Unreadable(f"chan_def of {band.link[:40]} cannot be read")
    if not band.polarization:
        raise Unreadable(f"the converter of {band.link[:40]} has no IF, so its polarization is not known")
    return Channel(
        band.link,
        band.frequency,
        band.bandwidth,
        band.sideband,
        band.polarization,
        band.phase_cal,
        _tone_base_hz(said, band),
        _detected(said, "".join(band.statement.field(6))),
    )


def _tone_base_hz(said: ModeStatements, band: VexBand) -> float:
    """Where tones are counted from; a field of the IF that hardly anybody uses."""
    converters = [one for one in said.all("BBC", "BBC_assign") if _link(one, 0) == band.bbc]
    linked = {_link(one, 2) for one in converters}
    lines = [one for one in said.all("IF", "if_def") if _link(one, 0) in linked]
    base = next((quantity(one.field(6), FREQUENCY_UNITS) for one in lines), None)
    return base.value if base else 0.0


def _link(one: VexStatement, place: int) -> str:
    return "".join(one.field(place)).removeprefix("&")


def _detected(said: ModeStatements, link: str) -> tuple[int, ...]:
    """Numbers of the tones that a ``phase_cal_detect`` names, as vex2difx counts them."""
    lines = said.all("PHASE_CAL_DETECT", "phase_cal_detect")
    named = next((one for one in lines if link and "".join(one.field(0)) == link), None)
    if named is None:
        return ()
    numbers = [number("".join(named.field(place))) for place in range(1, len(named.fields))]
    # vex2difx 3.1 takes the first tone of the schedule for the second of the band.
    return tuple(max(int(tone) - 1, 1) for tone in numbers if tone and tone >= 1)
