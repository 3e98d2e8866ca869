# SPDX-License-Identifier: GPL-3.0-or-later
"""Text of an ``.input`` file to values.

The tables are found by their headings; within a table the lines are taken in order, so a file of any length
is read in one pass. Mirrors ``difx-files.md`` 3.
"""

from __future__ import annotations

from pathlib import Path

from difxnb.formats.input_datastream import Band, Datastream, RecordedFreq, ZoomFreq
from difxnb.formats.input_model import Baseline, BaselineFreq, Configuration, Freq, Input, Rule, Telescope
from difxnb.formats.keyvalue import KeyValueReader, patterns

_KNOWN = patterns(
    """
    CALC FILENAME|CORE CONF FILENAME|EXECUTE TIME (SEC)|START MJD|START SECONDS|ACTIVE DATASTREAMS
    ACTIVE BASELINES|VIS BUFFER LENGTH|OUTPUT FORMAT|OUTPUT FILENAME|NUM CONFIGURATIONS|CONFIG NAME
    INT TIME (SEC)|SUBINT NANOSECONDS|GUARD NANOSECONDS|FRINGE ROTN ORDER|ARRAY STRIDE LENGTH
    XMAC STRIDE LENGTH|NUM BUFFERED FFTS|WRITE AUTOCORRS|PULSAR BINNING|PULSAR CONFIG FILE|PHASED ARRAY
    PHASED ARRAY CONFIG FILE|DATASTREAM 0 INDEX|BASELINE 0 INDEX|NUM RULES|RULE 0 CONFIG NAME
    RULE 0 SOURCE|RULE 0 SCAN ID|RULE 0 CALCODE|RULE 0 QUAL|RULE 0 MJD START|RULE 0 MJD STOP
    FREQ ENTRIES|FREQ (MHZ) 0|BW (MHZ) 0|SIDEBAND 0|RX NAME 0|NUM CHANNELS 0|CHANS TO AVG 0
    OVERSAMPLE FAC. 0|DECIMATION FAC. 0|PHASE CALS 0 OUT|PHASE CAL 0/0 INDEX|TELESCOPE ENTRIES
    TELESCOPE NAME 0|CLOCK REF MJD 0|CLOCK POLY ORDER 0|CLOCK COEFF 0/0|DATASTREAM ENTRIES
    DATA BUFFER FACTOR|NUM DATA SEGMENTS|TELESCOPE INDEX|TSYS|DATA FORMAT|QUANTISATION BITS
    DATA FRAME SIZE|DATA SAMPLING|DATA SOURCE|FILTERBANK USED|PROCESSING METHOD|TCAL FREQUENCY
    PHASE CAL INT (MHZ)|PHASE CAL DIVISOR|PHASE CAL BASE(MHZ)|NUM RECORDED FREQS|REC FREQ INDEX 0
    CLK OFFSET 0 (us)|FREQ OFFSET 0 (Hz)|NUM REC POLS 0|REC BAND 0 POL|REC BAND 0 INDEX|NUM ZOOM FREQS
    ZOOM FREQ INDEX 0|NUM ZOOM POLS 0|ZOOM BAND 0 POL|ZOOM BAND 0 INDEX|BASELINE ENTRIES
    D/STREAM A INDEX 0|D/STREAM B INDEX 0|NUM FREQS 0|TARGET FREQ 0/0|POL PRODUCTS 0/0|D/STREAM A BAND 0
    D/STREAM B BAND 0|D/STREAM 0 FILES|FILE 0/0|PORT NUM 0|TCP WINDOW (KB) 0
    """
)
_OLD_KEYS = ("DELAY FILENAME", "UVW FILENAME", "CONFIG SOURCE")
_TABLES = (
    "COMMON SETTINGS",
    "CONFIGURATIONS",
    "RULES",
    "FREQ TABLE",
    "TELESCOPE TABLE",
    "DATASTREAM TABLE",
    "BASELINE TABLE",
    "DATA TABLE",
)
_HEADINGS = tuple(f"# {table}" for table in (*_TABLES, "NETWORK TABLE"))
_MOST_CHANNELS = 2**24


def parse_input(text: str, path: Path | None = None) -> Input:
    """Read the text of an ``.input`` file.

    Parameters
    ----------
    text : str
        The whole file.
    path : Path, optional
        Where it is, for messages and for finding the files it names.

    Raises
    ------
    FileFormatError
        With the line, where something is missing, out of order or impossible; also for files of DiFX 1.
    """
    reader = KeyValueReader(text, path, _KNOWN, _HEADINGS)
    _refuse_old(reader)
    inp = Input(path=path, source_text=text)
    seen: list[str] = []
    while reader.remaining:
        heading = reader.next_key
        reader.skip()
        table = _table_name(heading)
        if table:
            _check_order(reader, table, seen)
            _read_table(reader, inp, table)
            seen.append(table)
    missing = [table for table in _TABLES if table not in seen]
    if missing:
        reader.fail(f"the table '# {missing[0]}' is missing")
    _check_references(reader, inp)
    return inp


def _refuse_old(reader: KeyValueReader) -> None:
    for key in _OLD_KEYS:
        if key in reader.keys:
            reader.fail_at(
                key,
                f"written for DiFX 1 (it has {key!r}); only DiFX 2 can be read. Make the job anew with vex2difx",
            )


def _table_name(heading: str) -> str:
    """Known table that a heading opens; headings differ in the decoration behind their words."""
    if not heading.startswith("# "):
        return ""
    known = [table for table in (*_TABLES, "NETWORK TABLE") if heading[2:].startswith(table)]
    return known[0] if known else ""


def _check_order(reader: KeyValueReader, table: str, seen: list[str]) -> None:
    if table in seen:
        reader.fail(f"the table '# {table}' stands here a second time", back=1)
    needs = {
        "CONFIGURATIONS": "COMMON SETTINGS",
        "RULES": "CONFIGURATIONS",
        "DATASTREAM TABLE": "FREQ TABLE",
        "BASELINE TABLE": "DATASTREAM TABLE",
        "DATA TABLE": "DATASTREAM TABLE",
        "NETWORK TABLE": "DATASTREAM TABLE",
    }
    if table in needs and needs[table] not in seen:
        reader.fail(f"the table '# {table}' stands before '# {needs[table]}'", back=1)


def _read_table(reader: KeyValueReader, inp: Input, table: str) -> None:
    match table:
        case "COMMON SETTINGS":
            _read_common(reader, inp)
        case "CONFIGURATIONS":
            inp.configurations = [
                _read_configuration(reader, inp) for _ in range(reader.count("NUM CONFIGURATIONS"))
            ]
        case "RULES":
            inp.rules = [_read_rule(reader, row) for row in range(reader.count("NUM RULES"))]
        case "FREQ TABLE":
            inp.freqs = [_read_freq(reader, row) for row in range(reader.count("FREQ ENTRIES"))]
        case "TELESCOPE TABLE":
            inp.telescopes = [
                _read_telescope(reader, row) for row in range(reader.count("TELESCOPE ENTRIES"))
            ]
        case "DATASTREAM TABLE":
            entries = reader.count("DATASTREAM ENTRIES")
            inp.data_buffer_factor = reader.integer("DATA BUFFER FACTOR")
            inp.num_data_segments = reader.integer("NUM DATA SEGMENTS")
            inp.datastreams = [_read_datastream(reader, inp) for _ in range(entries)]
        case "BASELINE TABLE":
            inp.has_target_freqs = _has_target_freqs(reader)
            inp.baselines = [
                _read_baseline(reader, inp, row) for row in range(reader.count("BASELINE ENTRIES"))
            ]
        case "DATA TABLE":
            for row, datastream in enumerate(inp.datastreams):
                files = reader.count(f"D/STREAM {row} FILES")
                datastream.files = [reader.text(f"FILE {row}/{number}") for number in range(files)]
        case _:
            inp.has_network_table = True
            for row, datastream in enumerate(inp.datastreams):
                datastream.port = reader.text(f"PORT NUM {row}")
                datastream.tcp_window = reader.integer(f"TCP WINDOW (KB) {row}")


def _read_common(reader: KeyValueReader, inp: Input) -> None:
    inp.calc_filename = reader.text("CALC FILENAME")
    inp.threads_filename = reader.text("CORE CONF FILENAME")
    inp.execute_time = reader.number("EXECUTE TIME (SEC)")
    inp.start_mjd = reader.integer("START MJD")
    inp.start_seconds = reader.number("START SECONDS")
    inp.active_datastreams = reader.count("ACTIVE DATASTREAMS")
    inp.active_baselines = reader.count("ACTIVE BASELINES")
    inp.vis_buffer_length = reader.integer("VIS BUFFER LENGTH")
    inp.output_format = reader.text("OUTPUT FORMAT")
    inp.output_filename = reader.text("OUTPUT FILENAME")


def _read_configuration(reader: KeyValueReader, inp: Input) -> Configuration:
    config = Configuration(
        name=reader.text("CONFIG NAME"),
        int_time=reader.number("INT TIME (SEC)"),
        subint_ns=reader.integer("SUBINT NANOSECONDS", 0),
        guard_ns=reader.integer("GUARD NANOSECONDS", 0),
        fringe_rotation_order=reader.integer("FRINGE ROTN ORDER"),
        array_stride=reader.integer("ARRAY STRIDE LENGTH"),
        xmac_stride=reader.integer("XMAC STRIDE LENGTH"),
        num_buffered_ffts=reader.integer("NUM BUFFERED FFTS"),
        write_autocorrs=reader.boolean("WRITE AUTOCORRS"),
        pulsar_binning=reader.boolean("PULSAR BINNING"),
    )
    if config.pulsar_binning:
        config.pulsar_config_file = reader.text("PULSAR CONFIG FILE")
    config.phased_array = reader.boolean("PHASED ARRAY")
    if config.phased_array:
        config.phased_array_config_file = reader.text("PHASED ARRAY CONFIG FILE")
    # How many rows the tables have is known only at the end; see _check_references.
    config.datastream_indices = [
        reader.integer(f"DATASTREAM {row} INDEX", 0) for row in range(inp.active_datastreams)
    ]
    config.baseline_indices = [
        reader.integer(f"BASELINE {row} INDEX", 0) for row in range(inp.active_baselines)
    ]
    return config


def _read_rule(reader: KeyValueReader, row: int) -> Rule:
    rule, seen = Rule(), set[str]()
    # CONFIG NAME ends the rule; every line before it is one condition, so the lines left bound the loop.
    for _ in range(reader.remaining):
        if reader.has(f"RULE {row} CONFIG NAME"):
            break
        key = reader.next_key
        if key in seen:
            reader.fail(f"{key!r} stands here a second time")
        seen.add(key)
        match key.removeprefix(f"RULE {row} "):
            case "SOURCE":
                rule.sources = reader.text(key).split(",")
            case "SCAN ID":
                rule.scan_ids = reader.text(key).split(",")
            case "CALCODE":
                rule.calcodes = reader.text(key).split(",")
            case "QUAL":
                rule.quals = reader.text(key).split(",")
            case "MJD START":
                rule.mjd_start = reader.number(key)
            case "MJD STOP":
                rule.mjd_stop = reader.number(key)
            case _:
                break
    rule.config_name = reader.text(f"RULE {row} CONFIG NAME")
    return rule


def _read_freq(reader: KeyValueReader, row: int) -> Freq:
    freq = Freq(freq_mhz=reader.number(f"FREQ (MHZ) {row}"), bandwidth_mhz=reader.number(f"BW (MHZ) {row}"))
    if freq.bandwidth_mhz <= 0:
        reader.fail(f"the bandwidth of frequency {row} is not positive", back=1)
    freq.sideband = reader.text(f"SIDEBAND {row}")
    if freq.sideband not in ("U", "L"):
        reader.fail(f"'SIDEBAND {row}' needs U or L, not {freq.sideband[:40]!r}", back=1)
    if reader.has(f"RX NAME {row}"):
        freq.rx_name = reader.text(f"RX NAME {row}")
    freq.num_channels = reader.integer(f"NUM CHANNELS {row}", 1, _MOST_CHANNELS)
    freq.chans_to_avg = reader.integer(f"CHANS TO AVG {row}", 1, _MOST_CHANNELS)
    freq.oversample = reader.integer(f"OVERSAMPLE FAC. {row}")
    freq.decimation = reader.integer(f"DECIMATION FAC. {row}")
    tones = reader.count(f"PHASE CALS {row} OUT")
    freq.phase_cals = [reader.integer(f"PHASE CAL {row}/{tone} INDEX") for tone in range(tones)]
    return freq


def _read_telescope(reader: KeyValueReader, row: int) -> Telescope:
    name = reader.text(f"TELESCOPE NAME {row}")
    ref_mjd = reader.number(f"CLOCK REF MJD {row}")
    order = reader.count(f"CLOCK POLY ORDER {row}")
    return Telescope(
        name, ref_mjd, [reader.number(f"CLOCK COEFF {row}/{power}") for power in range(order + 1)]
    )


def _read_datastream(reader: KeyValueReader, inp: Input) -> Datastream:
    stream = Datastream(
        telescope_index=reader.integer("TELESCOPE INDEX", 0),
        tsys=reader.number("TSYS"),
        data_format=reader.text("DATA FORMAT"),
        quantisation_bits=reader.integer("QUANTISATION BITS"),
        frame_size=reader.integer("DATA FRAME SIZE"),
        data_sampling=reader.text("DATA SAMPLING"),
        data_source=reader.text("DATA SOURCE"),
    )
    _read_processing(reader, stream)
    stream.recorded_freqs = [
        _read_recorded_freq(reader, inp, row) for row in range(reader.count("NUM RECORDED FREQS"))
    ]
    recorded = sum(freq.num_pols for freq in stream.recorded_freqs)
    stream.bands = _read_bands(reader, "REC", recorded, len(stream.recorded_freqs))
    for row in range(reader.count("NUM ZOOM FREQS")):
        index = reader.index(f"ZOOM FREQ INDEX {row}", len(inp.freqs))
        stream.zoom_freqs.append(ZoomFreq(index, reader.count(f"NUM ZOOM POLS {row}")))
    zoomed = sum(freq.num_pols for freq in stream.zoom_freqs)
    stream.zoom_bands = _read_bands(reader, "ZOOM", zoomed, len(stream.zoom_freqs))
    return stream


def _read_processing(reader: KeyValueReader, stream: Datastream) -> None:
    if reader.has("PROCESSING METHOD"):
        stream.processing_method = reader.text("PROCESSING METHOD")
        stream.filterbank_used = stream.processing_method == "FILTERBANK"
    else:
        stream.filterbank_used = reader.boolean("FILTERBANK USED")
    if reader.has("TCAL FREQUENCY"):
        stream.tcal_frequency = reader.integer("TCAL FREQUENCY")
    stream.phase_cal_int_mhz = reader.number("PHASE CAL INT (MHZ)")
    if reader.has("PHASE CAL DIVISOR"):
        stream.phase_cal_divisor = reader.integer("PHASE CAL DIVISOR")
    if reader.has("PHASE CAL BASE(MHZ)"):
        stream.phase_cal_base_mhz = reader.number("PHASE CAL BASE(MHZ)")


def _read_recorded_freq(reader: KeyValueReader, inp: Input, row: int) -> RecordedFreq:
    index = reader.index(f"REC FREQ INDEX {row}", len(inp.freqs))
    key = f"CLK OFFSET {row} (us)"
    parts = reader.text(key).split(":")
    if len(parts) > 3:
        reader.fail(f"{key!r} needs at most three numbers, not {len(parts)}", back=1)
    offsets = [reader.to_number(key, part) for part in parts] + [0.0, 0.0]
    return RecordedFreq(
        freq_index=index,
        clock_offset_us=offsets[0],
        clock_offset_delta_us=offsets[1],
        phase_offset_deg=offsets[2],
        freq_offset_hz=reader.number(f"FREQ OFFSET {row} (Hz)"),
        num_pols=reader.count(f"NUM REC POLS {row}"),
    )


def _read_bands(reader: KeyValueReader, kind: str, bands: int, freqs: int) -> list[Band]:
    if bands > reader.remaining:
        reader.fail(f"{bands} {kind} bands are announced, and {reader.remaining} lines are left")
    return [
        Band(_read_pol(reader, f"{kind} BAND {row} POL"), reader.index(f"{kind} BAND {row} INDEX", freqs))
        for row in range(bands)
    ]


def _read_pol(reader: KeyValueReader, key: str) -> str:
    """One letter; a small one marks a thread that is to be ignored."""
    pol = reader.text(key)
    if len(pol) != 1 or not (pol.isascii() and pol.isalpha()):
        reader.fail(f"{key!r} needs one letter such as R, L, X or Y, not {pol[:40]!r}", back=1)
    return pol


def _has_target_freqs(reader: KeyValueReader) -> bool:
    """Whether baselines name the row that they are written under; if the first does not, none may."""
    keys = (key for key in reader.keys if key.startswith(("TARGET FREQ ", "POL PRODUCTS ")))
    return next(keys, "TARGET FREQ ").startswith("TARGET FREQ ")


def _read_baseline(reader: KeyValueReader, inp: Input, row: int) -> Baseline:
    a = reader.index(f"D/STREAM A INDEX {row}", len(inp.datastreams))
    b = reader.index(f"D/STREAM B INDEX {row}", len(inp.datastreams))
    freqs = reader.count(f"NUM FREQS {row}")
    return Baseline(
        a, b, [_read_baseline_freq(reader, inp, (a, b), f"{row}/{freq}") for freq in range(freqs)]
    )


def _read_baseline_freq(
    reader: KeyValueReader, inp: Input, streams: tuple[int, int], label: str
) -> BaselineFreq:
    stream_a, stream_b = (inp.datastreams[stream] for stream in streams)
    target = reader.index(f"TARGET FREQ {label}", len(inp.freqs)) if inp.has_target_freqs else -1
    bands_a, bands_b = stream_a.num_bands, stream_b.num_bands
    products = [
        (
            reader.index(f"D/STREAM A BAND {product}", bands_a),
            reader.index(f"D/STREAM B BAND {product}", bands_b),
        )
        for product in range(reader.count(f"POL PRODUCTS {label}"))
    ]
    if target < 0:
        if not products:
            reader.fail(f"frequency {label} has neither a target nor products")
        target = stream_a.band_freq_index(products[0][0])
    return BaselineFreq(target, products)


def _check_references(reader: KeyValueReader, inp: Input) -> None:
    """Refuse indices into tables that were not known yet when the indices were read."""
    for number, config in enumerate(inp.configurations):
        _check_rows(
            reader, f"configuration {number}", "datastream", config.datastream_indices, len(inp.datastreams)
        )
        _check_rows(
            reader, f"configuration {number}", "baseline", config.baseline_indices, len(inp.baselines)
        )
    for number, stream in enumerate(inp.datastreams):
        _check_rows(
            reader, f"datastream {number}", "telescope", [stream.telescope_index], len(inp.telescopes)
        )
    names = {config.name for config in inp.configurations} | {"SKIP"}
    for number, rule in enumerate(inp.rules):
        if rule.config_name not in names:
            reader.fail(
                f"rule {number} names the configuration {rule.config_name[:40]!r}, which is not there"
            )


def _check_rows(reader: KeyValueReader, owner: str, table: str, rows: list[int], size: int) -> None:
    for row in rows:
        if row >= size:
            reader.fail(f"{owner} refers to {table} {row}, and the {table} table has {size} rows")
