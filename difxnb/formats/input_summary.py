# SPDX-License-Identifier: GPL-3.0-or-later
"""What a job is, in a few lines: the facts that the repr of an ``.input`` shows, as text and as HTML.

Frequencies are shown in MHz and times in the units people speak of. Nothing here fails on an Input that is being made.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta

from difxnb.formats.input_model import Baseline, Configuration, Freq, Input, Rule
from difxnb.formats.mjd import DAY_S, MJD_ZERO

_MOST_NAMES = 24
_MOST_BANDS = 4


def title(inp: Input) -> str:
    """Name and size of a job in one line."""
    sizes = {
        "antennas": len(inp.telescopes),
        "bands": len(_written(inp)),
        "baselines": len(inp.baselines),
        "products": sum(len(freq.products) for baseline in inp.baselines for freq in baseline.freqs),
    }
    return f"<Input {inp.job_name}: {', '.join(f'{count} {what}' for what, count in sizes.items())}>"


def facts(inp: Input) -> dict[str, str]:
    """Names and values that say what is correlated, when and how."""
    return {
        "time": f"{moment(inp.start_mjd, inp.start_seconds)}, {inp.execute_time:g} s",
        "antennas": some(telescope.name for telescope in inp.telescopes),
        "bands": _bands(_written(inp)),
        "baselines": some(_baseline(inp, baseline) for baseline in inp.baselines),
        "polarizations": some(
            dict.fromkeys(pol for baseline in inp.baselines for pol in _polarizations(inp, baseline))
        ),
        "configurations": "; ".join(map(_configuration, inp.configurations)),
        "rules": some(map(_rule, inp.rules)).rstrip(";"),
        "recordings": counted(
            f"{stream.data_format} from {stream.data_source}" for stream in inp.datastreams
        ),
        "output": f"{inp.output_filename} ({inp.output_format})" if inp.output_filename else "",
    }


def moment(mjd: float, seconds: float = 0.0) -> str:
    """Time of an MJD, which is known to 0.01 s, and exact seconds."""
    try:
        day = math.floor(mjd)
        time = MJD_ZERO + timedelta(days=day, seconds=round((mjd - day) * DAY_S, 2) + seconds)
    except (OverflowError, ValueError):
        return f"MJD {mjd:g} + {seconds:g} s"
    return f"{time.isoformat(sep=' ', timespec='milliseconds').removesuffix('.000')} UTC"


def some(names: Iterable[str], most: int = _MOST_NAMES) -> str:
    """Names with blanks between them; of many the first ones, and how many more."""
    known = list(names)
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return " ".join(known[:most]) + more


def counted(texts: Iterable[str]) -> str:
    """Different texts, each with how often it comes."""
    return some(f"{count} x {text}," for text, count in Counter(texts).items()).rstrip(",")


def _written(inp: Input) -> list[Freq]:
    """Bands under which cross products are written, in the order of the FREQ table."""
    targets = {freq.target_freq for baseline in inp.baselines for freq in baseline.freqs}
    return [freq for row, freq in enumerate(inp.freqs) if row in targets]


def _bands(freqs: Sequence[Freq]) -> str:
    if len(freqs) <= _MOST_BANDS:
        return ", ".join(map(_band, freqs))
    low = min(freq.low_edge_hz for freq in freqs) / 1e6
    high = max(freq.low_edge_hz + freq.bandwidth_hz for freq in freqs) / 1e6
    kinds = counted(
        f"{freq.bandwidth_mhz:g} MHz {freq.sideband} with {freq.channels} channels" for freq in freqs
    )
    return f"{low:.10g} to {high:.10g} MHz: {kinds}"


def _band(freq: Freq) -> str:
    edges = sorted([freq.low_edge_hz / 1e6, (freq.low_edge_hz + freq.bandwidth_hz) / 1e6])
    return f"{edges[0]:.10g} to {edges[1]:.10g} MHz {freq.sideband} with {freq.channels} channels"


def _antenna(inp: Input, row: int) -> str:
    """Antenna of a row of the datastream table."""
    streams, telescopes = inp.datastreams, inp.telescopes
    known = 0 <= row < len(streams) and 0 <= streams[row].telescope_index < len(telescopes)
    return telescopes[streams[row].telescope_index].name if known else "?"


def _baseline(inp: Input, baseline: Baseline) -> str:
    return f"{_antenna(inp, baseline.datastream_a)}-{_antenna(inp, baseline.datastream_b)}"


def _polarizations(inp: Input, baseline: Baseline) -> Iterable[str]:
    for freq in baseline.freqs:
        for band_a, band_b in freq.products:
            yield _letter(inp, baseline.datastream_a, band_a) + _letter(inp, baseline.datastream_b, band_b)


def _letter(inp: Input, row: int, band: int) -> str:
    known = 0 <= row < len(inp.datastreams) and 0 <= band < inp.datastreams[row].num_bands
    return inp.datastreams[row].band_pol(band) if known else "?"


def _rule(rule: Rule) -> str:
    return f"{rule.config_name} for {' '.join([*rule.sources, *rule.scan_ids]) or 'all'};"


def _configuration(config: Configuration) -> str:
    more = {
        "autocorrelations": config.write_autocorrs,
        f"pulsar bins of {config.pulsar_config_file}": config.pulsar_binning,
        "phased array": config.phased_array,
    }
    said = [f"{config.name}: {config.int_time:g} s", *(what for what, is_so in more.items() if is_so)]
    return ", ".join(said)
