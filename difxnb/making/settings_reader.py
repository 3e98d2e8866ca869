# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a ``.v2d`` as :class:`~difxnb.making.settings.Settings`, and a reason for each thing not done here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from difxnb.errors import FileFormatError
from difxnb.formats.calc_model import Eop
from difxnb.formats.clock_change import Clock
from difxnb.formats.v2d_clocks import deltas, own_clock
from difxnb.formats.v2d_parameters import nearest, parameter
from difxnb.formats.v2d_text import V2dBlock, V2dText, parse_v2d_text
from difxnb.formats.v2d_values import read_mjd, read_value
from difxnb.making.cutting import Cuts
from difxnb.making.refusals import Refusals
from difxnb.making.settings import RuleOrder, Settings, SourceOrder, StationOrder
from difxnb.making.setups import Buffers, SetupOrder
from difxnb.making.spans import Span

_MOST_GUESSES = 20
_NETWORK = ("networkPort", "windowSize", "UDP_MTU")
# What is not done here, and what can be done instead.
_NOT_HERE: dict[str, dict[str, str]] = {
    "": {
        "simFXCORR": "times of the old hardware correlator",
        "exhaustiveAutocorrs": "autocorrelations between datastreams",
    },
    "SETUP": {"binConfig": "pulsar bins and polycos", "phasedArray": "phased arrays"},
    "SOURCE": {
        "addPhaseCentre": "several phase centres",
        "ephemFile": "spacecraft",
        "ephemObject": "spacecraft",
        "X": "satellites",
        "Y": "satellites",
        "Z": "satellites",
    },
    "ANTENNA": {
        "zoom": "zoom bands",
        "addZoomFreq": "zoom bands",
        "sampling": "another sampling than the format says",
        "datastreams": "several datastreams of a station",
        "mark6file": "Mark6 modules (copy the data and name them with file)",
        "mark6filelist": "Mark6 modules (copy the data and name them with filelist)",
        "mjdStart": "stations that come late (leave its scans out of the schedule)",
        "mjdStop": "stations that leave early (leave its scans out of the schedule)",
        **dict.fromkeys(_NETWORK, "data from the network"),
    },
}


def read_settings(text: str, name: str, refusals: Refusals) -> Settings:
    """Understand the text of a ``.v2d``.

    Parameters
    ----------
    text : str
        All of it.
    name : str
        Name of the file without directory and extension: how the jobs begin where nothing else is said.
    refusals : Refusals
        Gets what cannot be read or done.

    Raises
    ------
    FileFormatError
        It is no ``.v2d``.
    """
    v2d = parse_v2d_text(text, f"{name}.v2d")
    _refuse_blocks(v2d, refusals)
    common = _Asker(v2d.common, refusals)
    setups = {block.name: _Asker(block, refusals) for block in v2d.of_kind("SETUP")}
    if not setups:
        setups["default"] = _Asker(V2dBlock("SETUP", "default", (), 0, 0, 0), refusals)
    all_offsets = bool(common.value("allowAllClockOffsets", False))
    rules = tuple(_rule(_Asker(block, refusals)) for block in v2d.of_kind("RULE"))
    return Settings(
        **_common(common, name),
        setups={key: _setup(asker) for key, asker in setups.items()},
        freq_ids={key: frozenset(asker.many("freqId")) for key, asker in setups.items()},
        rules=rules or (RuleOrder((), (), (), next(iter(setups))),),
        stations={
            block.name.upper(): _station(v2d, _Asker(block, refusals), all_offsets=all_offsets)
            for block in v2d.of_kind("ANTENNA")
        },
        sources={block.name.upper(): _source(_Asker(block, refusals)) for block in v2d.of_kind("SOURCE")},
        eops=tuple(_eops(v2d, refusals)),
    )


class _Asker:
    """Values of one block; what cannot be read is a reason and counts as not given."""

    def __init__(self, block: V2dBlock, refusals: Refusals) -> None:
        self.block, self._refusals = block, refusals
        self.where = f"{block.kind} {block.name}".strip()
        for name, what in _NOT_HERE.get(block.kind, {}).items():
            if self._is_asked_for(name):
                self.refuse(f"{name}: {what} cannot be made here")
        for name in dict.fromkeys(one.name.text for one in block.statements):
            if parameter(block.kind, name) is None:
                meant = nearest(block.kind, name) if len(refusals.reasons) < _MOST_GUESSES else ""
                self.refuse(f"{name[:40]} is no parameter" + (f"; {meant} is meant?" if meant else ""))

    def refuse(self, reason: str) -> None:
        """Note a reason, with the place."""
        self._refusals.add(f"{self.where}: {reason}" if self.where else reason)

    def value(self, name: str, default: Any = None) -> Any:
        """A value of the kind that the parameter has."""
        known = parameter(self.block.kind, name)
        assert known is not None, name
        words = [
            token.text
            for one in self.block.statements
            if one.name.text in known.names
            for token in one.values
        ]
        if not words:
            return default
        try:
            return read_value(known, words)
        except ValueError as error:
            self.refuse(f"{name} {error}")
            return default

    def many(self, name: str) -> tuple[Any, ...]:
        """Values of a list."""
        return tuple(self.value(name, ()))

    def mjd_s(self, name: str, default: float) -> float:
        """A time, in seconds since 1970."""
        time = self.value(name)
        return default if time is None else seconds_of(time)

    def _is_asked_for(self, name: str) -> bool:
        values = self.value(name)
        values = values if isinstance(values, list) else [values]
        return any(value not in (None, False, 0.0, -1.0, (0.0,), "") for value in values)


def seconds_of(time: np.datetime64) -> float:
    """Seconds since 1970 of a time."""
    return int(time.astype("datetime64[ns]").astype(np.int64)) / 1e9


def _refuse_blocks(v2d: V2dText, refusals: Refusals) -> None:
    not_here = {"ZOOM": "zoom bands", "OUTPUTBAND": "stitched bands", "DATASTREAM": "several datastreams"}
    seen = set[tuple[str, str]]()
    for block in v2d.blocks:
        name = f"{block.kind} {block.name}".strip()
        if block.kind in not_here:
            refusals.add(f"{name}: {not_here[block.kind]} cannot be made here")
        elif block.kind in ("ANTENNA", "SOURCE") and (block.kind, block.name.upper()) in seen:
            refusals.add(f"{name}: there are two blocks of that name; make one of them")
        seen.add((block.kind, block.name.upper()))


def _common(ask: _Asker, name: str) -> dict[str, Any]:
    if set(ask.many("baselines")) - {"*-*"}:
        ask.refuse("baselines: a choice of baselines cannot be made here; leave it out")
    if str(ask.value("mode", "NORMAL")).upper() != "NORMAL":
        ask.refuse("mode: profiles of pulsars cannot be made here")
    if str(ask.value("outputFormat", "DIFX")).upper() == "ASCII":
        ask.refuse("outputFormat: only DIFX is written here")
    series = str(ask.value("jobSeries", name))
    # A dash may stand in the name of the file alone.
    plain = series.replace("-", "") if series == name else series
    if not plain.isalnum() or not series.isascii():
        ask.refuse(f"jobSeries {series[:40]!r}: only letters and digits")
    buffers = Buffers(
        ask.value("dataBufferFactor", 32),
        ask.value("nDataSegments", 8),
        ask.value("minReadSize", 4_000_000),
        ask.value("maxReadSize", 25_000_000),
    )
    if buffers.factor < 1 or buffers.segments < 1:
        ask.refuse("dataBufferFactor and nDataSegments are at least 1")
        buffers = Buffers()
    return {
        "vex": str(ask.value("vex", "")),
        "antennas": tuple(dict.fromkeys(word.upper() for word in ask.many("antennas"))),
        "sort_antennas": ask.value("sortAntennas", True),
        "first_number": ask.value("startSeries", 1),
        "series": series,
        "cuts": _cuts(ask),
        "buffers": buffers,
        "tweak": ask.value("tweakIntTime", False),
        "vis_buffer_length": ask.value("visBufferLength", 80),
        "cores": ask.value("nCore", 0),
        "threads": ask.value("nThread", 0),
        "machines": tuple(word.lower() for word in ask.many("machines")),
        "threads_file": str(ask.value("threadsFile", "")),
        "out_path": str(ask.value("outPath", "")).rstrip("/"),
        "delay_model": str(ask.value("delayModel", "")),
        "mask": ask.value("invalidMask", 0xF) & 0xF,
    }


def _cuts(ask: _Asker) -> Cuts:
    return Cuts(
        largest_gap=ask.value("maxGap", 180.0),
        longest=ask.value("maxLength", 7200.0),
        shortest=ask.value("minLength", 2.0),
        fewest_stations=ask.value("minSubarray", 2),
        single_scan=ask.value("singleScan", False),
        single_mode=ask.value("singleSetup", True),
        window=Span(ask.mjd_s("mjdStart", float("-inf")), ask.mjd_s("mjdStop", float("inf"))),
        breaks=tuple(float(round(seconds_of(time))) for time in ask.many("break")),
    )


def _setup(ask: _Asker) -> SetupOrder:
    average = ask.value("specAvg")
    if average is not None and average != round(average):
        ask.refuse(f"specAvg {average:g}: channels are averaged in whole numbers")
        average = None
    fft, out = ask.value("FFTSpecRes"), ask.value("specRes")
    return SetupOrder(
        name=ask.block.name,
        t_int=ask.value("tInt", 2.0),
        fft_hz=fft * 1e6 if fft else None,
        out_hz=out * 1e6 if out else None,
        fft_channels=ask.value("nFFTChan") or None,
        out_channels=ask.value("nChan") or None,
        average=int(average) if average else None,
        do_polar=ask.value("doPolar", True),
        do_auto=ask.value("doAuto", True),
        only_pol=str(ask.value("onlyPol", "")).upper(),
        subint_ns=ask.value("subintNS", 0),
        guard_ns=ask.value("guardNS", 0),
        fringe_rotation_order=ask.value("fringeRotOrder", 1),
        stride=ask.value("strideLength", 0),
        xmac=ask.value("xmacLength", 0),
        buffered_ffts=ask.value("numBufferedFFTs", 10),
        uv_shift_ns=ask.value("maxNSBetweenUVShifts", 2_000_000_000),
        ac_average_ns=ask.value("maxNSBetweenACAvg", 0),
    )


def _rule(ask: _Asker) -> RuleOrder:
    return RuleOrder(ask.many("scan"), ask.many("source"), ask.many("mode"), str(ask.value("setup", "")))


def _source(ask: _Asker) -> SourceOrder:
    if not ask.value("doPointingCentre", True):
        ask.refuse("doPointingCentre: other phase centres alone cannot be made here")
    return SourceOrder(str(ask.value("calCode", ""))[:1], ask.value("ra"), ask.value("dec"))


def _station(v2d: V2dText, ask: _Asker, *, all_offsets: bool) -> StationOrder:
    name = ask.block.name.upper()
    place = [ask.value(axis) for axis in "XYZ"]
    if any(axis is None for axis in place) != all(axis is None for axis in place):
        ask.refuse("X, Y and Z are given together or not at all")
        place = [None] * 3
    files, lists = ask.many("file"), ask.many("filelist")
    module, source = str(ask.value("module", "")), str(ask.value("source", "")).upper()
    fake = source == "FAKE" or ask.value("fake") is not None
    if sum(map(bool, (files, lists, module, fake))) > 1:
        ask.refuse("file, filelist, module and source = fake exclude each other")
    if source not in ("", "FAKE", "FILE", "UNSPECIFIED", "NONE") and not module:
        ask.refuse(f"source = {source}: only files, modules and made-up data")
    if len(lists) > 1:
        ask.refuse("filelist: several lists are several datastreams, which cannot be made here; join them")
    if ask.value("phaseCalIntDivisor", 1) != 1:
        ask.refuse("phaseCalIntDivisor: only whole intervals of tones")
    if ask.value("tcalFreq", -1) > 0:
        ask.refuse("tcalFreq: switched noise cannot be asked for here")
    interval = ask.value("phaseCalInt", -1.0)
    return StationOrder(
        name,
        str(ask.value("name", name)),
        *_clock(v2d, ask),
        position=None if place[0] is None else (place[0], place[1], place[2]),
        axis_offset=ask.value("axisOffset"),
        pol_swap=ask.value("polSwap", False),
        format=str(ask.value("format", "")).upper(),
        files=files,
        filelists=lists,
        module=module,
        machine=str(ask.value("machine", "")),
        fake=fake,
        phase_cal_mhz=interval if interval >= 0 else None,
        tone_selection=str(ask.value("toneSelection", "smart")).lower(),
        tone_guard_mhz=ask.value("toneGuard", -1.0),
        band_clocks=_band_clocks(ask, all_offsets),
        oscillators_hz=ask.many("loOffsets"),
    )


def _band_clocks(ask: _Asker, all_offsets: bool) -> tuple[tuple[float, float, float], ...]:
    offsets = tuple((*one, 0.0, 0.0)[:3] for one in ask.many("freqClockOffs"))
    if offsets and offsets[0][0] and not all_offsets:
        ask.refuse(
            "freqClockOffs: the first is not 0, so that the delays would not be those of the model; move it into "
            "clockOffset, or set allowAllClockOffsets = True"
        )
    return offsets


def _clock(v2d: V2dText, ask: _Asker) -> tuple[Clock | None, tuple[float, ...]]:
    try:
        return own_clock(v2d, ask.block), deltas(v2d, ask.block)
    except FileFormatError as error:
        ask.refuse(str(error))
        return None, ()


def _eops(v2d: V2dText, refusals: Refusals) -> Iterator[Eop]:
    days = set[int]()
    for block in v2d.of_kind("EOP"):
        ask = _Asker(block, refusals)
        try:
            mjd = read_mjd(block.name)
        except ValueError as error:
            ask.refuse(str(error))
            continue
        if mjd % 1 or int(mjd) in days:
            ask.refuse("a .calc has Earth orientation of 0h of different days only")
        days.add(int(mjd))
        names: Sequence[str] = ("tai_utc", "ut1_utc", "xPole", "yPole")
        values = [float(ask.value(name, 0.0)) for name in names]
        yield Eop(int(mjd), *values)
