# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of an ``.input`` file as DataFrames, with names beside row numbers.

Values come in SI units (s, s/s, Hz, rad, bytes), whatever the file has; times are UTC. Rows of the file's tables are
counted from 0 as there. Mirrors ``difx-files.md`` 3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from difxnb.formats import frames
from difxnb.formats.frames import Columns
from difxnb.formats.input_datastream import Datastream
from difxnb.formats.input_model import Baseline, Input
from difxnb.formats.recording_frames import (
    MICROSECOND,
    band_columns,
    bands,
    datastream_freqs,
    datastreams,
    files,
    network,
)

if TYPE_CHECKING:
    import pandas as pd

_CLOCK_NAMES = ["clock", "clock_rate", "clock_acceleration", "clock_jerk"]


def input_frame(inp: Input, table: str) -> pd.DataFrame:
    """One table of an ``.input`` file; see :meth:`difxnb.formats.input.Input.frame`."""
    return frames.named_table(inp, table, TABLES, "an .input")


def _job(inp: Input) -> Columns:
    return {
        "job": frames.texts([inp.job_name]),
        "start": frames.utc([inp.start_mjd], [inp.start_seconds], step_ns=1000),
        "duration": frames.numbers([inp.execute_time]),
        "active_datastreams": frames.integers([inp.active_datastreams]),
        "active_baselines": frames.integers([inp.active_baselines]),
        "vis_buffer_length": frames.integers([inp.vis_buffer_length]),
        "data_buffer_factor": frames.integers([inp.data_buffer_factor]),
        "num_data_segments": frames.integers([inp.num_data_segments]),
        "calc_filename": frames.texts([inp.calc_filename]),
        "threads_filename": frames.texts([inp.threads_filename]),
        "output_format": frames.texts([inp.output_format]),
        "output_filename": frames.texts([inp.output_filename]),
    }


def _configurations(inp: Input) -> Columns:
    rows = inp.configurations
    return {
        "configuration": frames.texts(row.name for row in rows),
        "integration_time": frames.numbers(row.int_time for row in rows),
        "subintegration": frames.numbers((row.subint_ns for row in rows), frames.NANOSECOND),
        "guard": frames.numbers((row.guard_ns for row in rows), frames.NANOSECOND),
        "fringe_rotation_order": frames.integers(row.fringe_rotation_order for row in rows),
        "array_stride": frames.integers(row.array_stride for row in rows),
        "xmac_stride": frames.integers(row.xmac_stride for row in rows),
        "num_buffered_ffts": frames.integers(row.num_buffered_ffts for row in rows),
        "write_autocorrs": frames.truths(row.write_autocorrs for row in rows),
        "pulsar_binning": frames.truths(row.pulsar_binning for row in rows),
        "pulsar_config_file": frames.texts(row.pulsar_config_file for row in rows),
        "phased_array": frames.truths(row.phased_array for row in rows),
        "phased_array_config_file": frames.texts(row.phased_array_config_file for row in rows),
        "datastreams": frames.lists(row.datastream_indices for row in rows),
        "baselines": frames.lists(row.baseline_indices for row in rows),
    }


def _rules(inp: Input) -> Columns:
    rows = inp.rules
    return {
        "configuration": frames.texts(row.config_name for row in rows),
        "sources": frames.lists(row.sources for row in rows),
        "scans": frames.lists(row.scan_ids for row in rows),
        "calcodes": frames.lists(row.calcodes for row in rows),
        "quals": frames.lists(row.quals for row in rows),
        "start": frames.utc((row.mjd_start for row in rows), step_ns=frames.WRITTEN_MJD_NS),
        "stop": frames.utc((row.mjd_stop for row in rows), step_ns=frames.WRITTEN_MJD_NS),
    }


def _freqs(inp: Input) -> Columns:
    rows, written = inp.freqs, written_bands(inp)
    return {
        "band": frames.integers(range(len(rows))),
        **band_columns(inp, range(len(rows))),
        "low_edge": frames.numbers(row.low_edge_hz for row in rows),
        "n_channels": frames.integers(row.channels for row in rows),
        "channel_width": frames.numbers(row.channel_width_hz for row in rows),
        "fine_channels": frames.integers(row.num_channels for row in rows),
        "chans_to_avg": frames.integers(row.chans_to_avg for row in rows),
        "rx_name": frames.texts(row.rx_name for row in rows),
        "oversample": frames.integers(row.oversample for row in rows),
        "decimation": frames.integers(row.decimation for row in rows),
        "phase_cals": frames.lists(row.phase_cals for row in rows),
        "is_written": frames.truths(row in written for row in range(len(rows))),
    }


def written_bands(inp: Input) -> set[int]:
    """Rows of the FREQ table under which cross products are written."""
    return {freq.target_freq for baseline in inp.baselines for freq in baseline.freqs}


def _telescopes(inp: Input) -> Columns:
    rows = inp.telescopes
    powers = max([2, *(len(row.clock_coeffs) for row in rows)])
    names = _CLOCK_NAMES + [f"clock_{power}" for power in range(len(_CLOCK_NAMES), powers)]
    return {
        "antenna": frames.texts(row.name for row in rows),
        "clock_reference": frames.utc((row.clock_ref_mjd for row in rows), step_ns=10_000),
    } | {
        names[power]: frames.numbers(
            (row.clock_coeffs[power] if power < len(row.clock_coeffs) else None for row in rows), MICROSECOND
        )
        for power in range(powers)
    }


def _ends(inp: Input, baseline: Baseline) -> tuple[int, int, bool]:
    """Datastreams of antenna 1 and antenna 2, and whether that is the other way round than in the table."""
    a, b = baseline.datastream_a, baseline.datastream_b
    turned = inp.datastreams[a].telescope_index > inp.datastreams[b].telescope_index
    return (b, a, True) if turned else (a, b, False)


def _baseline_columns(inp: Input, rows: list[int]) -> Columns:
    names = [telescope.name for telescope in inp.telescopes]

    def name(stream: int) -> str:
        return frames.name_of(names, inp.datastreams[stream].telescope_index)

    pairs = [(name(one), name(two)) for one, two, _ in (_ends(inp, baseline) for baseline in inp.baselines)]
    return {
        "row": frames.integers(rows),
        "baseline": frames.texts("-".join(pairs[row]) for row in rows),
        "antenna1_name": frames.texts(pairs[row][0] for row in rows),
        "antenna2_name": frames.texts(pairs[row][1] for row in rows),
        "is_autocorrelation": frames.truths(pairs[row][0] == pairs[row][1] for row in rows),
    }


def _baselines(inp: Input) -> Columns:
    rows = inp.baselines
    return {
        **_baseline_columns(inp, list(range(len(rows)))),
        "datastream_a": frames.integers(row.datastream_a for row in rows),
        "datastream_b": frames.integers(row.datastream_b for row in rows),
        "bands": frames.integers(len(row.freqs) for row in rows),
        "products": frames.integers(sum(len(freq.products) for freq in row.freqs) for row in rows),
    }


def _products(inp: Input) -> Columns:
    found = list(_each_product(inp))
    targets = [target for _, target, _, _ in found]
    streams = [
        (inp.datastreams[one], inp.datastreams[two]) for one, two, _ in (_ends(inp, b) for b in inp.baselines)
    ]

    def of(row: int, band1: int, band2: int, what: Callable[[Datastream, int], Any]) -> tuple[Any, Any]:
        return what(streams[row][0], band1), what(streams[row][1], band2)

    pols = [of(row, one, two, Datastream.band_pol) for row, _, one, two in found]
    parts = [of(row, one, two, Datastream.band_freq_index) for row, _, one, two in found]
    return {
        **_baseline_columns(inp, [row for row, _, _, _ in found]),
        "band": frames.integers(targets),
        **band_columns(inp, targets),
        "n_channels": frames.integers(inp.freqs[target].channels for target in targets),
        "polarization": frames.texts("".join(pair) for pair in pols),
        "band_number1": frames.integers(one for _, _, one, _ in found),
        "band_number2": frames.integers(two for _, _, _, two in found),
        "own_band1": frames.integers(one for one, _ in parts),
        "own_band2": frames.integers(two for _, two in parts),
    }


def _each_product(inp: Input) -> Iterator[tuple[int, int, int, int]]:
    """Row of the baseline table, target, and band numbers of antenna 1 and antenna 2 of each product."""
    for row, baseline in enumerate(inp.baselines):
        turned = _ends(inp, baseline)[2]
        for freq in baseline.freqs:
            for a, b in freq.products:
                yield (row, freq.target_freq, b, a) if turned else (row, freq.target_freq, a, b)


TABLES: dict[str, Callable[[Input], Columns]] = {
    "job": _job,
    "configurations": _configurations,
    "rules": _rules,
    "freqs": _freqs,
    "telescopes": _telescopes,
    "datastreams": datastreams,
    "datastream_freqs": datastream_freqs,
    "bands": bands,
    "baselines": _baselines,
    "products": _products,
    "files": files,
    "network": network,
}
"""Names of the tables, and what makes their columns."""
