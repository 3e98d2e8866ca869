# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of an ``.input`` file about recordings: columns for datastreams, their bands, files and connections.

Values come in SI units (s, Hz, rad, bytes), whatever the file has. Mirrors ``difx-files.md`` 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from difxnb.formats import frames
from difxnb.formats.frames import Columns
from difxnb.formats.input_datastream import RecordedFreq, ZoomFreq
from difxnb.formats.input_model import Input

MHZ, MICROSECOND = 1e6, 1e-6


def band_columns(inp: Input, rows: Sequence[int]) -> Columns:
    """Band edge as the file has it (upper for L), width and sideband of rows of the FREQ table."""
    freqs = [inp.freqs[row] for row in rows]
    return {
        "frequency": frames.numbers((freq.freq_mhz for freq in freqs), MHZ),
        "bandwidth": frames.numbers(freq.bandwidth_hz for freq in freqs),
        "sideband": frames.texts(freq.sideband for freq in freqs),
    }


def stream_columns(inp: Input, rows: list[int]) -> Columns:
    """Datastream of each row, and its antenna."""
    names = [telescope.name for telescope in inp.telescopes]
    antennas = [frames.name_of(names, stream.telescope_index) for stream in inp.datastreams]
    return {"datastream": frames.integers(rows), "antenna": frames.texts(antennas[row] for row in rows)}


def datastreams(inp: Input) -> Columns:
    """How each datastream was recorded."""
    rows = inp.datastreams
    return {
        **stream_columns(inp, list(range(len(rows)))),
        "telescope": frames.integers(row.telescope_index for row in rows),
        "data_format": frames.texts(row.data_format for row in rows),
        "bits": frames.integers(row.quantisation_bits for row in rows),
        "frame_size": frames.integers(row.frame_size for row in rows),
        "sampling": frames.texts(row.data_sampling for row in rows),
        "source": frames.texts(row.data_source for row in rows),
        "filterbank_used": frames.truths(row.filterbank_used for row in rows),
        "processing_method": frames.texts(row.processing_method for row in rows),
        "tsys": frames.numbers(row.tsys for row in rows),
        "tcal_frequency": frames.numbers(row.tcal_frequency for row in rows),
        "phase_cal_interval": frames.numbers((row.phase_cal_int_mhz for row in rows), MHZ),
        "phase_cal_divisor": frames.optional_integers(row.phase_cal_divisor for row in rows),
        "phase_cal_base": frames.numbers((row.phase_cal_base_mhz for row in rows), MHZ),
        "recorded_bands": frames.integers(len(row.bands) for row in rows),
        "zoom_bands": frames.integers(len(row.zoom_bands) for row in rows),
        "files": frames.integers(len(row.files) for row in rows),
    }


def datastream_freqs(inp: Input) -> Columns:
    """Frequencies of each datastream with their offsets, first the recorded ones, then the zoom ones."""
    recorded = [
        (row, n, freq) for row, s in enumerate(inp.datastreams) for n, freq in enumerate(s.recorded_freqs)
    ]
    zooms = [(row, n, freq) for row, s in enumerate(inp.datastreams) for n, freq in enumerate(s.zoom_freqs)]
    both: list[tuple[int, int, RecordedFreq | ZoomFreq]] = [*recorded, *zooms]
    bands = [freq.freq_index for _, _, freq in both]
    unknown = [None] * len(zooms)
    return {
        **stream_columns(inp, [row for row, _, _ in both]),
        "kind": frames.texts(["recorded"] * len(recorded) + ["zoom"] * len(zooms)),
        "number": frames.integers(number for _, number, _ in both),
        "band": frames.integers(bands),
        **band_columns(inp, bands),
        "polarizations": frames.integers(freq.num_pols for _, _, freq in both),
        "clock_offset": frames.numbers([*(f.clock_offset_us for _, _, f in recorded), *unknown], MICROSECOND),
        "clock_offset_delta": frames.numbers(
            [*(f.clock_offset_delta_us for _, _, f in recorded), *unknown], MICROSECOND
        ),
        "phase_offset": frames.numbers(
            [*(f.phase_offset_deg for _, _, f in recorded), *unknown], math.pi / 180
        ),
        "freq_offset": frames.numbers([*(f.freq_offset_hz for _, _, f in recorded), *unknown]),
    }


def bands(inp: Input) -> Columns:
    """Bands of each datastream, numbered as the baseline table does."""
    rows = [
        (row, stream, number)
        for row, stream in enumerate(inp.datastreams)
        for number in range(stream.num_bands)
    ]
    bands = [stream.band_freq_index(number) for _, stream, number in rows]
    return {
        **stream_columns(inp, [row for row, _, _ in rows]),
        "number": frames.integers(number for _, _, number in rows),
        "kind": frames.texts("recorded" if n < len(stream.bands) else "zoom" for _, stream, n in rows),
        "polarization": frames.texts(stream.band_pol(number) for _, stream, number in rows),
        "band": frames.integers(bands),
        **band_columns(inp, bands),
    }


def files(inp: Input) -> Columns:
    """Recordings of each datastream; of modules their serial number."""
    rows = [
        (row, n, file) for row, stream in enumerate(inp.datastreams) for n, file in enumerate(stream.files)
    ]
    return {
        **stream_columns(inp, [row for row, _, _ in rows]),
        "source": frames.texts(inp.datastreams[row].data_source for row, _, _ in rows),
        "number": frames.integers(number for _, number, _ in rows),
        "file": frames.texts(file for _, _, file in rows),
    }


def network(inp: Input) -> Columns:
    """Connections of each datastream."""
    rows = inp.datastreams
    windows = [row.tcp_window for row in rows]
    return {
        **stream_columns(inp, list(range(len(rows)))),
        "source": frames.texts(row.data_source for row in rows),
        "port": frames.texts(row.port for row in rows),
        "tcp_window_kb": frames.optional_integers(w if w >= 0 else None for w in windows),
        "udp_packet": frames.optional_integers(-w if w < 0 else None for w in windows),
    }
