# SPDX-License-Identifier: GPL-3.0-or-later
"""The ``.input`` of a planned job: what is correlated with what, and how (``difx-files.md`` 3).

Which bands are one row of the FREQ table, and which bands of two stations are multiplied, is as vex2difx 3.1 has it
(``src/vex2difx.cpp``): bands with other tones are other rows, an upper and a lower sideband of one range go together
under the upper one.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from difxnb.formats.clock_change import Clock
from difxnb.formats.input import (
    Band,
    Baseline,
    BaselineFreq,
    Configuration,
    Datastream,
    Freq,
    Input,
    Rule,
    Telescope,
)
from difxnb.formats.vex_clocks import clock_in_force, station_clocks
from difxnb.making.drafting import Draft, Plan
from difxnb.making.observed import mjd_of
from difxnb.making.recorded import recorded_freq, tone_interval_mhz, with_tones
from difxnb.making.settings import StationOrder
from difxnb.making.setups import worst_guard_ns
from difxnb.making.streams import Channel, Stream

_NO_CLOCK_MJD = -1.0


def job_input(plan: Plan, draft: Draft, directory: Path) -> Input:
    """Describe the correlation of a job whose files lie in a directory."""
    job = directory / draft.name
    settings, orders = plan.settings, [plan.settings.station(name) for name in draft.stations]
    table = _Table(draft)
    streams = plan.streams(draft)
    datastreams = [
        _datastream(plan, draft, row, order, stream, table)
        for row, (order, stream) in enumerate(zip(orders, streams, strict=True))
    ]
    baselines = list(_baselines(plan, draft, table.freqs, datastreams))
    day, seconds = divmod(draft.start_s, 86400)
    return Input(
        calc_filename=f"{job}.calc",
        threads_filename=_under(directory, settings.threads_file)
        if settings.threads_file
        else f"{job}.threads",
        execute_time=draft.duration_s,
        start_mjd=int(mjd_of(day * 86400)),
        start_seconds=seconds,
        active_datastreams=len(datastreams),
        active_baselines=len(baselines),
        vis_buffer_length=settings.vis_buffer_length,
        output_filename=f"{settings.out_path}/{draft.name}.difx" if settings.out_path else f"{job}.difx",
        configurations=[_configuration(draft, streams, len(baselines))],
        rules=_rules(plan, draft),
        freqs=table.freqs,
        telescopes=[
            _telescope(plan, draft, name, order) for name, order in zip(draft.stations, orders, strict=True)
        ],
        datastreams=datastreams,
        data_buffer_factor=settings.buffers.factor,
        num_data_segments=draft.timing.segments,
        baselines=baselines,
    )


def _under(directory: Path, name: str) -> str:
    return str(directory / name)


def _name(draft: Draft) -> str:
    return f"{draft.mode}_{draft.setup.name}"


def _rules(plan: Plan, draft: Draft) -> list[Rule]:
    """Rules of the ``.v2d`` that name the setup of the job, else one without a condition; modes are not among them."""
    named = [
        Rule(_name(draft), sources=list(one.sources), scan_ids=list(one.scans))
        for one in plan.settings.rules
        if one.setup == draft.setup.name
    ]
    return named or [Rule(_name(draft))]


def _configuration(draft: Draft, streams: Sequence[Stream], baselines: int) -> Configuration:
    setup, subint = draft.setup, draft.timing.subint_ns
    guard = setup.guard_ns
    if guard < 0:
        rate = min(stream.sample_rate_hz for stream in streams)
        bits = min(stream.format.bits for stream in streams)
        guard = worst_guard_ns(rate, subint, bits, min(len(stream.channels) for stream in streams))
    return Configuration(
        name=_name(draft),
        int_time=draft.timing.t_int,
        subint_ns=subint,
        guard_ns=guard,
        fringe_rotation_order=setup.fringe_rotation_order,
        array_stride=setup.stride,
        xmac_stride=setup.xmac,
        num_buffered_ffts=setup.buffered_ffts,
        write_autocorrs=True,  # vex2difx 3.1 reads doAuto and does not look at it
        datastream_indices=list(range(len(streams))),
        baseline_indices=list(range(baselines)),
    )


def _telescope(plan: Plan, draft: Draft, name: str, order: StationOrder) -> Telescope:
    clock = _clock(plan, draft, name, order)
    known = clock.epoch_mjd != _NO_CLOCK_MJD
    values = [*clock.coefficients, 0.0, 0.0][: max(1 + known, len(clock.coefficients))]
    deltas = order.deltas if known else ()  # there is nothing that they could be added to
    added = [*deltas, 0.0, 0.0, 0.0, 0.0]
    count = max(len(values), max((place + 1 for place, delta in enumerate(deltas) if delta), default=0))
    values += [0.0] * (count - len(values))
    microseconds = [_plain((value + delta) * 1e6) for value, delta in zip(values, added, strict=False)]
    while len(microseconds) > 1 + known and microseconds[-1] == 0:
        microseconds.pop()
    return Telescope(order.job_name, clock.epoch_mjd, microseconds)


def _plain(value: float) -> float:
    """Without the last bits that a change of units makes."""
    return float(f"{value:.15g}")


def _clock(plan: Plan, draft: Draft, name: str, order: StationOrder) -> Clock:
    """The clock of the ``.v2d``, else that of the schedule that holds when the job starts, else none."""
    if order.clock is not None:
        return order.clock
    early = clock_in_force(
        station_clocks(plan.vex.statements, plan.observed.stations[name].key), mjd_of(draft.start_s)
    )
    return Clock(_NO_CLOCK_MJD, (0.0,)) if early is None else early.clock


class _Table:
    """Rows of the FREQ table, each once."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self.freqs: list[Freq] = []

    def row(self, channel: Channel, numbers: tuple[int, ...]) -> int:
        """Row of a band with some tones."""
        freq = Freq(
            freq_mhz=channel.edge_hz / 1e6,
            bandwidth_mhz=channel.bandwidth_hz / 1e6,
            sideband=channel.sideband,
            num_channels=self._draft.resolution.channels(channel.bandwidth_hz),
            chans_to_avg=self._draft.resolution.average,
            phase_cals=list(numbers),
        )
        if freq not in self.freqs:
            self.freqs.append(freq)
        return self.freqs.index(freq)


def _datastream(
    plan: Plan, draft: Draft, row: int, order: StationOrder, stream: Stream, table: _Table
) -> Datastream:
    interval = tone_interval_mhz(order, stream)
    base = min((one.tone_base_hz for one in stream.channels if one.tone_base_hz > 0), default=0.0) / 1e6
    rows = [table.row(one, numbers) for one, numbers in with_tones(order, stream)]
    used = list(dict.fromkeys(rows))
    data = plan.observed.data[draft.stations[row]]
    return Datastream(
        telescope_index=row,
        data_format=_format(stream),
        quantisation_bits=stream.format.bits,
        frame_size=stream.format.frame_bytes,
        data_sampling=stream.format.sampling,
        data_source=data.source,
        phase_cal_int_mhz=int(interval) if interval == int(interval) else interval,
        phase_cal_base_mhz=base or None,
        recorded_freqs=[
            recorded_freq(order, place, freq, rows.count(freq)) for place, freq in enumerate(used)
        ],
        bands=[
            Band(channel.polarization, used.index(freq))
            for channel, freq in zip(stream.channels, rows, strict=True)
        ],
        files=list(data.within(draft.piece.span)),
    )


def _format(stream: Stream) -> str:
    threads = ":".join(map(str, stream.format.threads))
    return f"{stream.format.name}/{threads}" if threads else stream.format.name


def _baselines(
    plan: Plan, draft: Draft, freqs: Sequence[Freq], datastreams: Sequence[Datastream]
) -> Iterator[Baseline]:
    wanted = plan.settings.freq_ids.get(draft.setup.name) or frozenset(range(len(freqs)))
    for a, b in itertools.combinations(range(len(datastreams)), 2):
        found = [
            one
            for row in (freq.freq_index for freq in datastreams[a].recorded_freqs)
            if row in wanted
            and (one := _products(draft, freqs, datastreams[a], datastreams[b], row)).products
        ]
        if found:
            yield Baseline(a, b, found)


def _products(
    draft: Draft, freqs: Sequence[Freq], first: Datastream, second: Datastream, row: int
) -> BaselineFreq:
    """What two stations have in common in one band of the first."""
    rows = [one.freq_index for one in second.recorded_freqs]
    same = [other for other in rows if freqs[other].same_band(freqs[row])]
    partner = (
        row
        if row in rows
        else next(iter(sorted(same, key=lambda one: freqs[one].sideband != freqs[row].sideband)), -1)
    )
    pairs = itertools.product(_bands(first, row), _bands(second, partner))
    target = (
        partner if partner >= 0 and freqs[row].sideband == "L" and freqs[partner].sideband == "U" else row
    )
    only = draft.setup.only_pol
    return BaselineFreq(
        target,
        [
            (a, b)
            for a, b in pairs
            if draft.setup.do_polar
            or (first.band_pol(a) == second.band_pol(b) and only in ("", first.band_pol(a)))
        ],
    )


def _bands(stream: Datastream, row: int) -> list[int]:
    """Bands of a frequency, the right hand first."""
    found = [number for number in range(len(stream.bands)) if stream.band_freq_index(number) == row]
    return found[::-1] if [stream.band_pol(number) for number in found] == ["L", "R"] else found
