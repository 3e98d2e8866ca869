# SPDX-License-Identifier: GPL-3.0-or-later
"""What the embedded correlator cannot do, found before it starts.

A job's files come in, reasons in words go out; none means that the job can be done. Nothing is left out in
silence: what is merely not made (some phase calibration tones) is told by :func:`omissions`.
"""

from __future__ import annotations

from collections.abc import Iterator

from difxnb.formats.calc import Calc
from difxnb.formats.im import Im
from difxnb.formats.input_model import Configuration, Datastream, Input
from difxnb.server.engine.combs import why_no_tones
from difxnb.server.engine.plan import transforms_per_subint, used_freqs
from difxnb.server.engine.schedule import ScanPlan

_FORMATS = ("VDIF", "VDIFL", "INTERLACEDVDIF")


def refusals(inp: Input, calc: Calc, im: Im, scans: list[ScanPlan]) -> tuple[str, ...]:
    """Name every reason why a job cannot be done here."""
    configs = sorted({scan.config for scan in scans})
    reasons = [*_of_output(inp), *_of_scans(calc, im, scans)]
    for row in configs:
        config = inp.configurations[row]
        streams = [(place, inp.datastreams[place]) for place in config.datastream_indices]
        of_streams = [reason for place, stream in streams for reason in _of_datastream(place, stream)]
        of_config = [*_of_configuration(config), *of_streams]
        reasons += of_config or [*_of_baselines(inp, config), *_of_clocks(inp, im, config)]
        if not reasons:
            reasons += _of_bands(inp, row)
    return tuple(dict.fromkeys(reasons))


def omissions(inp: Input, scans: list[ScanPlan]) -> tuple[str, ...]:
    """What the job asks for and will not get."""
    used = {row for scan in scans for row in inp.configurations[scan.config].datastream_indices}
    asked = [
        (row, inp.datastreams[row]) for row in sorted(used) if inp.datastreams[row].phase_cal_int_mhz > 0
    ]
    reasons = [(row, why_no_tones(inp, stream)) for row, stream in asked]
    return tuple(
        f"phase calibration tones of datastream {row} are not extracted: {reason}"
        for row, reason in reasons
        if reason
    )


def _of_output(inp: Input) -> Iterator[str]:
    if inp.output_format.upper() not in ("SWIN", "DIFX"):
        yield f"OUTPUT FORMAT {inp.output_format}: only SWIN is written"


def _of_scans(calc: Calc, im: Im, scans: list[ScanPlan]) -> Iterator[str]:
    for plan in scans:
        centers = len(calc.scans[plan.scan].phase_centers)
        if centers > 1:
            yield f"scan {calc.scans[plan.scan].identifier}: {centers} phase centres"
        if plan.scan >= len(im.scans):
            yield f"scan {calc.scans[plan.scan].identifier}: the .im has only {len(im.scans)} scans"


def _of_configuration(config: Configuration) -> Iterator[str]:
    if config.pulsar_binning:
        yield f"configuration {config.name}: pulsar binning"
    if config.phased_array:
        yield f"configuration {config.name}: phased array"
    if config.fringe_rotation_order not in (0, 1, 2):
        yield f"configuration {config.name}: FRINGE ROTN ORDER {config.fringe_rotation_order}"
    if config.subint_ns <= 0 or config.int_time <= 0:
        yield f"configuration {config.name}: integrations or sub-integrations of no length"


def _of_datastream(row: int, stream: Datastream) -> Iterator[str]:
    name = f"datastream {row}"
    if stream.data_format.partition("/")[0].upper() not in _FORMATS:
        yield f"{name}: DATA FORMAT {stream.data_format}; only VDIF is read"
    if stream.data_sampling.upper() != "REAL":
        yield f"{name}: DATA SAMPLING {stream.data_sampling}; only real samples"
    if stream.data_source.upper() != "FILE":
        yield f"{name}: DATA SOURCE {stream.data_source}; only files"
    elif not stream.files:
        yield f"{name}: no recordings are named"
    if stream.quantisation_bits not in (1, 2):
        yield f"{name}: {stream.quantisation_bits} bits a sample; only 1 and 2"
    if stream.zoom_bands or stream.zoom_freqs:
        yield f"{name}: zoom bands"
    if stream.tsys > 0:
        yield f"{name}: TSYS {stream.tsys:g}, which asks for another scale"
    if stream.filterbank_used or stream.processing_method.upper() not in ("", "NONE"):
        yield f"{name}: a filterbank"


def _of_baselines(inp: Input, config: Configuration) -> Iterator[str]:
    """Products must be written under the band that they are made of: nothing is stitched."""
    for row in config.baseline_indices:
        baseline = inp.baselines[row]
        streams = [inp.datastreams[place] for place in (baseline.datastream_a, baseline.datastream_b)]
        if not {baseline.datastream_a, baseline.datastream_b} <= set(config.datastream_indices):
            yield f"baseline {row}: a datastream that is not in configuration {config.name}"
        for freq in baseline.freqs:
            target = inp.freqs[freq.target_freq]
            for pair in freq.products:
                bands = [inp.freqs[s.band_freq_index(band)] for s, band in zip(streams, pair, strict=True)]
                if not all(band.same_band(target) for band in bands):
                    yield f"baseline {row}: TARGET FREQ {freq.target_freq} is not the recorded band (stitching)"
                elif len({(b.num_channels, b.chans_to_avg) for b in (*bands, target)}) > 1:
                    yield f"baseline {row}: TARGET FREQ {freq.target_freq} with other channels than its bands"


def _of_clocks(inp: Input, im: Im, config: Configuration) -> Iterator[str]:
    for row in sorted({inp.datastreams[stream].telescope_index for stream in config.datastream_indices}):
        order = len(inp.telescopes[row].clock_coeffs) - 1
        if order > im.order:
            yield f"antenna {inp.telescopes[row].name}: clock of order {order} with delays of order {im.order}"


def _of_bands(inp: Input, row: int) -> Iterator[str]:
    config = inp.configurations[row]
    freqs = used_freqs(inp, row)
    if not freqs:
        yield f"configuration {config.name}: no products"
        return
    if len({(freq.bandwidth_mhz, freq.num_channels) for freq in freqs}) > 1:
        yield f"configuration {config.name}: bands of different width or channels"
    for freq in freqs:
        if freq.oversample != 1 or freq.decimation != 1:
            yield f"{freq.freq_mhz:g} MHz: oversampling"
        if freq.num_channels % freq.chans_to_avg:
            yield f"{freq.freq_mhz:g} MHz: {freq.num_channels} channels averaged by {freq.chans_to_avg}"
        if abs(2e6 * freq.bandwidth_mhz - round(2e6 * freq.bandwidth_mhz)) > 1e-6:
            yield f"{freq.freq_mhz:g} MHz: samples per second are no whole number"
        samples = transforms_per_subint(inp, row, freq) * 2 * freq.num_channels
        if abs(samples - config.subint_ns * freq.bandwidth_mhz / 500) > 1e-6 or samples == 0:
            yield f"configuration {config.name}: a sub-integration is no whole number of transforms"
