# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of an ``.input`` file to text, in the one order of lines that mpifxcorr accepts.

Mirrors ``difx-files.md`` 2 and 3.
"""

from __future__ import annotations

from collections.abc import Sequence

from difxnb.formats.input_datastream import Band, Datastream
from difxnb.formats.input_model import Baseline, Configuration, Freq, Input, Rule, Telescope
from difxnb.formats.input_reader import parse_input
from difxnb.formats.keyvalue import KeyValueWriter, WrittenFloat, written
from difxnb.formats.text_patch import kept_text

_CLOCK_COMMENT = "@ ***** Clock poly coeff N: has units microsec / sec^N ***** @"


def format_input(inp: Input) -> str:
    """Write the text of an ``.input`` file.

    Of a file that was read only the lines change whose values did; what is unknown stays where it stood. Numbers that
    were read are written as they stood there, new ones with the decimals that vex2difx gives them, or more where that
    would lose something.

    Raises
    ------
    ValueError
        Where the values contradict each other or cannot be written.
    """
    return kept_text(inp, _usual_text, parse_input)


def _usual_text(inp: Input) -> str:
    writer = KeyValueWriter()
    _write_common(writer, inp)
    _heading(writer, "CONFIGURATIONS ###")
    writer.line("NUM CONFIGURATIONS", len(inp.configurations))
    for config in inp.configurations:
        _write_configuration(writer, inp, config)
    _heading(writer, "RULES ############")
    writer.line("NUM RULES", len(inp.rules))
    for row, rule in enumerate(inp.rules):
        _write_rule(writer, row, rule)
    _heading(writer, "FREQ TABLE #######")
    writer.line("FREQ ENTRIES", len(inp.freqs))
    for row, freq in enumerate(inp.freqs):
        _write_freq(writer, row, freq)
    _heading(writer, "TELESCOPE TABLE ##")
    writer.line("TELESCOPE ENTRIES", len(inp.telescopes))
    for row, telescope in enumerate(inp.telescopes):
        _write_telescope(writer, row, telescope)
    _write_datastream_table(writer, inp)
    _heading(writer, "BASELINE TABLE ###")
    writer.line("BASELINE ENTRIES", len(inp.baselines))
    for row, baseline in enumerate(inp.baselines):
        _write_baseline(writer, row, baseline, inp.has_target_freqs)
    _write_data_tables(writer, inp)
    writer.verbatim("")
    return writer.finish()


def _heading(writer: KeyValueWriter, words: str) -> None:
    writer.verbatim("")
    writer.verbatim(f"# {words}!")


def _write_common(writer: KeyValueWriter, inp: Input) -> None:
    writer.verbatim("# COMMON SETTINGS ##!")
    writer.text("CALC FILENAME", inp.calc_filename)
    writer.text("CORE CONF FILENAME", inp.threads_filename)
    writer.whole_or_number("EXECUTE TIME (SEC)", inp.execute_time, ".3f")
    writer.line("START MJD", inp.start_mjd)
    writer.whole_or_number("START SECONDS", inp.start_seconds, ".6f")
    writer.line("ACTIVE DATASTREAMS", inp.active_datastreams)
    writer.line("ACTIVE BASELINES", inp.active_baselines)
    writer.line("VIS BUFFER LENGTH", inp.vis_buffer_length)
    writer.text("OUTPUT FORMAT", inp.output_format)
    writer.text("OUTPUT FILENAME", inp.output_filename)


def _write_configuration(writer: KeyValueWriter, inp: Input, config: Configuration) -> None:
    _check_active("datastreams", config.datastream_indices, inp.active_datastreams)
    _check_active("baselines", config.baseline_indices, inp.active_baselines)
    writer.text("CONFIG NAME", config.name)
    writer.number("INT TIME (SEC)", config.int_time)
    writer.line("SUBINT NANOSECONDS", config.subint_ns)
    writer.line("GUARD NANOSECONDS", config.guard_ns)
    writer.line("FRINGE ROTN ORDER", config.fringe_rotation_order)
    writer.line("ARRAY STRIDE LENGTH", config.array_stride)
    writer.line("XMAC STRIDE LENGTH", config.xmac_stride)
    writer.line("NUM BUFFERED FFTS", config.num_buffered_ffts)
    writer.boolean("WRITE AUTOCORRS", config.write_autocorrs)
    writer.boolean("PULSAR BINNING", config.pulsar_binning)
    if config.pulsar_binning:
        writer.text("PULSAR CONFIG FILE", config.pulsar_config_file)
    writer.boolean("PHASED ARRAY", config.phased_array)
    if config.phased_array:
        writer.text("PHASED ARRAY CONFIG FILE", config.phased_array_config_file)
    for row, index in enumerate(config.datastream_indices):
        writer.line(f"DATASTREAM {row} INDEX", index)
    for row, index in enumerate(config.baseline_indices):
        writer.line(f"BASELINE {row} INDEX", index)


def _check_active(what: str, indices: Sequence[int], active: int) -> None:
    if len(indices) != active:
        raise ValueError(f"a configuration uses {len(indices)} {what}, and {active} are said to be active")


def _write_rule(writer: KeyValueWriter, row: int, rule: Rule) -> None:
    lists = {"SOURCE": rule.sources, "SCAN ID": rule.scan_ids, "CALCODE": rule.calcodes, "QUAL": rule.quals}
    for key, values in lists.items():
        if values:
            writer.text(f"RULE {row} {key}", ",".join(values))
    if rule.mjd_start is not None:
        writer.number(f"RULE {row} MJD START", rule.mjd_start, ".7f", exact=False)
    if rule.mjd_stop is not None:
        writer.number(f"RULE {row} MJD STOP", rule.mjd_stop, ".7f", exact=False)
    writer.text(f"RULE {row} CONFIG NAME", rule.config_name)


def _write_freq(writer: KeyValueWriter, row: int, freq: Freq) -> None:
    writer.number(f"FREQ (MHZ) {row}", freq.freq_mhz)
    writer.number(f"BW (MHZ) {row}", freq.bandwidth_mhz)
    writer.text(f"SIDEBAND {row}", freq.sideband)
    if freq.rx_name:
        writer.text(f"RX NAME {row}", freq.rx_name)
    writer.line(f"NUM CHANNELS {row}", freq.num_channels)
    writer.line(f"CHANS TO AVG {row}", freq.chans_to_avg)
    writer.line(f"OVERSAMPLE FAC. {row}", freq.oversample)
    writer.line(f"DECIMATION FAC. {row}", freq.decimation)
    writer.line(f"PHASE CALS {row} OUT", len(freq.phase_cals))
    for number, tone in enumerate(freq.phase_cals):
        writer.line(f"PHASE CAL {row}/{number} INDEX", tone)


def _write_telescope(writer: KeyValueWriter, row: int, telescope: Telescope) -> None:
    if not telescope.clock_coeffs:
        raise ValueError(f"telescope {telescope.name} needs at least one clock coefficient")
    writer.text(f"TELESCOPE NAME {row}", telescope.name)
    writer.number(f"CLOCK REF MJD {row}", telescope.clock_ref_mjd, "15.10f", exact=False)
    writer.line(f"CLOCK POLY ORDER {row}", len(telescope.clock_coeffs) - 1)
    writer.verbatim(_CLOCK_COMMENT)
    for power, coefficient in enumerate(telescope.clock_coeffs):
        writer.number(f"CLOCK COEFF {row}/{power}", coefficient, ".15e")


def _write_datastream_table(writer: KeyValueWriter, inp: Input) -> None:
    _heading(writer, "DATASTREAM TABLE #")
    writer.line("DATASTREAM ENTRIES", len(inp.datastreams))
    writer.line("DATA BUFFER FACTOR", inp.data_buffer_factor)
    writer.line("NUM DATA SEGMENTS", inp.num_data_segments)
    for stream in inp.datastreams:
        _write_datastream(writer, stream)


def _write_datastream(writer: KeyValueWriter, stream: Datastream) -> None:
    writer.line("TELESCOPE INDEX", stream.telescope_index)
    writer.number("TSYS", stream.tsys)
    writer.text("DATA FORMAT", stream.data_format)
    writer.line("QUANTISATION BITS", stream.quantisation_bits)
    writer.line("DATA FRAME SIZE", stream.frame_size)
    writer.text("DATA SAMPLING", stream.data_sampling)
    writer.text("DATA SOURCE", stream.data_source)
    _write_processing(writer, stream)
    writer.line("NUM RECORDED FREQS", len(stream.recorded_freqs))
    for row, freq in enumerate(stream.recorded_freqs):
        writer.line(f"REC FREQ INDEX {row}", freq.freq_index)
        writer.line(
            f"CLK OFFSET {row} (us)",
            _clock_offset(freq.clock_offset_us, freq.clock_offset_delta_us, freq.phase_offset_deg),
        )
        writer.number(f"FREQ OFFSET {row} (Hz)", freq.freq_offset_hz)
        writer.line(f"NUM REC POLS {row}", freq.num_pols)
    _write_bands(writer, "REC", stream.bands, sum(freq.num_pols for freq in stream.recorded_freqs))
    writer.line("NUM ZOOM FREQS", len(stream.zoom_freqs))
    for row, zoom in enumerate(stream.zoom_freqs):
        writer.line(f"ZOOM FREQ INDEX {row}", zoom.freq_index)
        writer.line(f"NUM ZOOM POLS {row}", zoom.num_pols)
    _write_bands(writer, "ZOOM", stream.zoom_bands, sum(zoom.num_pols for zoom in stream.zoom_freqs))


def _write_processing(writer: KeyValueWriter, stream: Datastream) -> None:
    if stream.processing_method:
        writer.text("PROCESSING METHOD", stream.processing_method)
    else:
        writer.boolean("FILTERBANK USED", stream.filterbank_used)
    if stream.tcal_frequency is not None:
        writer.line("TCAL FREQUENCY", stream.tcal_frequency)
    writer.whole_or_number("PHASE CAL INT (MHZ)", stream.phase_cal_int_mhz, ".6f")
    if stream.phase_cal_divisor is not None:
        writer.line("PHASE CAL DIVISOR", stream.phase_cal_divisor)
    if stream.phase_cal_base_mhz is not None:
        writer.whole_or_number("PHASE CAL BASE(MHZ)", stream.phase_cal_base_mhz, ".6f")


def _clock_offset(offset_us: float, delta_us: float, phase_deg: float) -> str:
    """Offsets with colons between them; the later ones only where they say something or stood there."""
    parts = [written(offset_us, ".6f"), written(delta_us, ".6f"), written(phase_deg, ".6f")]
    if phase_deg or isinstance(phase_deg, WrittenFloat):
        return ":".join(parts)
    return ":".join(parts[:2]) if delta_us or isinstance(delta_us, WrittenFloat) else parts[0]


def _write_bands(writer: KeyValueWriter, kind: str, bands: Sequence[Band], expected: int) -> None:
    if len(bands) != expected:
        raise ValueError(
            f"a datastream has {len(bands)} {kind} bands, and its frequencies ask for {expected}"
        )
    for row, band in enumerate(bands):
        writer.text(f"{kind} BAND {row} POL", band.pol)
        writer.line(f"{kind} BAND {row} INDEX", band.freq)


def _write_baseline(writer: KeyValueWriter, row: int, baseline: Baseline, has_target_freqs: bool) -> None:
    writer.line(f"D/STREAM A INDEX {row}", baseline.datastream_a)
    writer.line(f"D/STREAM B INDEX {row}", baseline.datastream_b)
    writer.line(f"NUM FREQS {row}", len(baseline.freqs))
    for number, freq in enumerate(baseline.freqs):
        if has_target_freqs:
            writer.line(f"TARGET FREQ {row}/{number}", freq.target_freq)
        writer.line(f"POL PRODUCTS {row}/{number}", len(freq.products))
        for product, (band_a, band_b) in enumerate(freq.products):
            writer.line(f"D/STREAM A BAND {product}", band_a)
            writer.line(f"D/STREAM B BAND {product}", band_b)


def _write_data_tables(writer: KeyValueWriter, inp: Input) -> None:
    _heading(writer, "DATA TABLE #######")
    for row, stream in enumerate(inp.datastreams):
        writer.line(f"D/STREAM {row} FILES", len(stream.files))
        for number, file in enumerate(stream.files):
            writer.text(f"FILE {row}/{number}", file)
    if not inp.has_network_table and all(stream.data_source != "NETWORK" for stream in inp.datastreams):
        return
    _heading(writer, "NETWORK TABLE ####")
    for row, stream in enumerate(inp.datastreams):
        writer.text(f"PORT NUM {row}", stream.port)
        writer.line(f"TCP WINDOW (KB) {row}", stream.tcp_window)
