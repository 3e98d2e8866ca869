# SPDX-License-Identifier: GPL-3.0-or-later
"""Products of a job for live monitoring: what can be asked for, and what belongs to a time stamp.

In: the ``.input`` and ``.calc`` of a job. Out: scans and products of guiServer's list (guiserver.md 7.13), in
its order: cross products by baseline and band, then autocorrelations.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import floor

from difxnb.errors import FileFormatError
from difxnb.formats.calc import Calc, parse_calc
from difxnb.formats.input import ResultProduct, parse_input, result_layout, result_length
from difxnb.formats.input_model import Input
from difxnb.server.confinement import Confinement
from difxnb.server.quirks import Quirks
from difxnb.wire.monitor import Product, Scan, encode_product_list


@dataclass(frozen=True)
class MonitoredJob:
    """What a monitor has to know of a job.

    Attributes
    ----------
    input : Input
        Its configuration.
    obs_code : str
        Code of the observation.
    scans : list of Scan
        Those of the job.
    spans : list of (float, float)
        Their starts and ends, seconds since 0 h of the job's START MJD.
    integrations : list of float
        Integration time in each scan, s.
    products : list of Product
        Of all scans, numbered from 0 in each; offsets are right whatever the list announces.
    bandwidths : dict
        Bandwidth in Hz by product number.
    result_length : int
        Complex values in the array of results.
    """

    input: Input
    obs_code: str
    scans: list[Scan]
    spans: list[tuple[float, float]]
    integrations: list[float]
    products: list[Product]
    bandwidths: dict[int, float]
    result_length: int

    def scan_at(self, time: float) -> int | None:
        """Index of the scan that a time stamp lies in; None outside all scans.

        The stamp is the whole second in which an integration began: a scan may begin within it.
        """
        return next((i for i, (start, stop) in enumerate(self.spans) if floor(start) <= time < stop), None)

    def announced(self, quirks: Quirks) -> list[bytes]:
        """The product list as elementary writes."""
        products = self.products
        if quirks.shared_offsets:
            products = _with_shared_offsets(products)
        return encode_product_list(self.input.job_name, self.obs_code, self.scans, products)


def read_monitored_job(root: Confinement, path: str, quirks: Quirks) -> MonitoredJob:
    """Read the files that a monitor needs.

    Raises
    ------
    OSError
        They are not there, or not inside the root.
    FileFormatError
        They cannot be read, or do not fit each other.
    """
    input_file = root.real(path)
    inp = parse_input(root.read_text(input_file), input_file)
    calc_file = inp.companion("calc")
    calc = parse_calc(root.read_text(calc_file), calc_file)
    if not inp.configurations:
        raise FileFormatError(input_file, "", "the job has no configuration")
    chosen = [_configuration(inp, calc, index) for index in range(len(calc.scans))]
    products = [
        p
        for index, configuration in enumerate(chosen)
        for p in _products(inp, calc, index, configuration, quirks)
    ]
    return MonitoredJob(
        inp,
        calc.obscode,
        [_scan(inp, calc, index) for index in range(len(calc.scans))],
        [_span(inp, calc, index) for index in range(len(calc.scans))],
        [inp.configurations[configuration].int_time for configuration in chosen],
        products,
        _bandwidths(inp, calc, chosen, quirks),
        max((_length(inp, calc, index, c) for index, c in enumerate(chosen)), default=0),
    )


def _configuration(inp: Input, calc: Calc, index: int) -> int:
    """Configuration of a scan; of a scan that is not correlated, the first."""
    scan, source = calc.scans[index], calc.sources[calc.scans[index].pointing_source]
    start = calc.start_mjd + scan.start_s / 86400
    stop = start + scan.duration_s / 86400
    found = inp.configuration_for(
        scan.identifier, source.name, start, stop, calcode=source.calcode, qual=str(source.qual)
    )
    return found or 0


def _span(inp: Input, calc: Calc, index: int) -> tuple[float, float]:
    start = inp.start_seconds + calc.scans[index].start_s
    return start, start + calc.scans[index].duration_s


def _scan(inp: Input, calc: Calc, index: int) -> Scan:
    start, stop = _span(inp, calc, index)
    source = calc.sources[calc.scans[index].pointing_source]
    return Scan(
        index,
        calc.scans[index].identifier,
        inp.start_mjd + start / 86400,
        inp.start_mjd + stop / 86400,
        source.name,
        source.ra,
        source.dec,
    )


def _layout(inp: Input, calc: Calc, index: int, configuration: int, quirks: Quirks) -> list[ResultProduct]:
    """Products of a scan in the order of the list: by baseline, then band, then as they lie."""
    layout = result_layout(inp, configuration, phase_centers=len(calc.scans[index].phase_centers))
    crosses = [p for p in layout if p.kind == "cross"]
    crosses.sort(key=lambda p: (p.baseline, p.freq_index, p.phase_center, p.pulsar_bin, p.offset))
    autos = sorted((p for p in layout if p.kind == "auto"), key=lambda p: p.offset)
    if quirks.recorded_autos and autos:
        autos = list(_recorded_autos(inp, configuration, autos[0]))
    return crosses + autos


def _recorded_autos(inp: Input, configuration: int, first: ResultProduct) -> Iterator[ResultProduct]:
    """Autocorrelations as the real server counts them: every recorded band, and no other."""
    config, offset = inp.configurations[configuration], first.offset
    most = max(len(freq.products) for row in config.baseline_indices for freq in inp.baselines[row].freqs)
    for place, row in enumerate(config.datastream_indices):
        stream = inp.datastreams[row]
        bands = range(len(stream.bands))
        for band in (*bands, *(bands if most > 2 else ())):
            freq_index = stream.band_freq_index(band)
            yield first._replace(
                datastream=place,
                freq_index=freq_index,
                antenna1=stream.telescope_index,
                antenna2=stream.telescope_index,
                offset=offset,
                channels=inp.channels(freq_index),
            )
            offset += inp.channels(freq_index)


def _length(inp: Input, calc: Calc, index: int, configuration: int) -> int:
    return result_length(inp, configuration, phase_centers=len(calc.scans[index].phase_centers))


def _products(inp: Input, calc: Calc, index: int, configuration: int, quirks: Quirks) -> Iterator[Product]:
    bands: dict[int, list[int]] = {}
    counted: Counter[tuple[int, ...]] = Counter()
    for number, product in enumerate(_layout(inp, calc, index, configuration, quirks)):
        is_auto = product.kind == "auto"
        rows = bands.setdefault(-1 - product.datastream if is_auto else product.baseline, [])
        if product.freq_index not in rows:
            rows.append(product.freq_index)
        group = (product.baseline, product.freq_index, product.phase_center, product.pulsar_bin)
        names = _telescopes(inp, configuration, product, quirks)
        yield Product(
            index,
            number,
            product.offset,
            product.channels,
            None if is_auto else product.baseline,
            *names,
            inp.freqs[product.freq_index].freq_mhz * 1e6,
            rows.index(product.freq_index),
            product.phase_center,
            product.pulsar_bin,
            0 if is_auto else counted[group],
            is_auto,
        )
        counted[group] += 1


def _telescopes(inp: Input, configuration: int, product: ResultProduct, quirks: Quirks) -> tuple[str, str]:
    rows = (product.antenna1, product.antenna2)
    if quirks.datastream_names and product.kind == "cross":
        baseline = inp.baselines[inp.configurations[configuration].baseline_indices[product.baseline]]
        rows = (baseline.datastream_a % len(inp.telescopes), baseline.datastream_b % len(inp.telescopes))
    return inp.telescopes[rows[0]].name, inp.telescopes[rows[1]].name


def _bandwidths(inp: Input, calc: Calc, chosen: list[int], quirks: Quirks) -> dict[int, float]:
    widths: dict[int, float] = {}
    for index, configuration in enumerate(chosen):
        for number, product in enumerate(_layout(inp, calc, index, configuration, quirks)):
            widths.setdefault(number, inp.freqs[product.freq_index].bandwidth_mhz * 1e6)
    return widths


def _with_shared_offsets(products: list[Product]) -> list[Product]:
    """Announce every product of a baseline and band with the first one's offset."""
    first: dict[tuple[int, int | None, int], int] = {}
    announced = []
    for product in products:
        if not product.is_autocorrelation:
            key = (product.scan, product.baseline, product.frequency_index)
            product = replace(product, offset=first.setdefault(key, product.offset))
        announced.append(product)
    return announced
