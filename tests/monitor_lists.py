# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs of all kinds, and the product lists that a right server and a real one send of them."""

from __future__ import annotations

from dataclasses import replace

from difxnb.formats.input import Input, ResultProduct, result_layout
from difxnb.formats.input_model import Band, Baseline, BaselineFreq, Datastream, Freq, RecordedFreq, ZoomFreq
from difxnb.wire.monitor import (
    Product,
    ProductListReader,
    Scan,
    encode_product_list,
)
from difxnb.wire.packet import PacketReader
from tests.server.made_jobs import MJD, SECONDS, MadeJob

SCAN = Scan(0, "No0000", MJD + SECONDS / 86400, MJD + (SECONDS + 3) / 86400, "SRC0", 0.1, 0.2)


def plain(**changes) -> Input:
    """Three antennas, an upper and a lower sideband, four products."""
    job = {"antennas": 3, "bands": ((8400.0, "U"), (8410.0, "L")), "pols": "RL", "products": 4, **changes}
    return MadeJob(**job).input()


def two_datastreams() -> Input:
    """Each antenna recorded its two bands with two recorders."""
    inp = plain(antennas=2)
    inp.datastreams = [
        Datastream(
            telescope_index=antenna,
            recorded_freqs=[RecordedFreq(freq, num_pols=2)],
            bands=[Band("R"), Band("L")],
        )
        for antenna in range(2)
        for freq in range(2)
    ]
    hands = [(0, 0), (1, 1), (0, 1), (1, 0)]
    inp.baselines = [Baseline(freq, 2 + freq, [BaselineFreq(freq, hands)]) for freq in range(2)]
    _use_all(inp)
    return inp


def other_order() -> Input:
    """Datastreams are not in the order of the antennas, so the baseline table exchanges them."""
    inp = plain()
    inp.datastreams.reverse()
    return inp


def zoomed() -> Input:
    """Half of each recorded band was cut out and correlated; the recorded bands themselves were not."""
    inp = plain(antennas=2)
    for recorded in inp.freqs[:2]:
        edge = recorded.freq_mhz
        inp.freqs.append(Freq(edge, recorded.bandwidth_mhz / 2, recorded.sideband, 8, 1))
    for stream in inp.datastreams:
        stream.zoom_freqs = [ZoomFreq(2, 2), ZoomFreq(3, 2)]
        stream.zoom_bands = [Band("R", 0), Band("L", 0), Band("R", 1), Band("L", 1)]
    inp.baselines[0].freqs = [
        BaselineFreq(2 + k, [(4 + 2 * k, 4 + 2 * k), (5 + 2 * k, 5 + 2 * k), (4 + 2 * k, 5 + 2 * k)])
        for k in range(2)
    ]
    return inp


def zoomed_beside() -> Input:
    """A recorded band and half of another one: the zoom band lies among the autocorrelations."""
    inp = zoomed()
    inp.baselines[0].freqs[0] = BaselineFreq(0, [(0, 0), (1, 1), (0, 1), (1, 0)])
    return inp


def unused_band() -> Input:
    """The first recorded band is not correlated."""
    inp = plain()
    for baseline in inp.baselines:
        del baseline.freqs[0]
    return inp


def missing_products() -> Input:
    """One baseline has one hand of one band only."""
    inp = plain()
    inp.baselines[1].freqs = [BaselineFreq(1, [(3, 3)])]
    return inp


def shared_edge() -> Input:
    """A lower and an upper sideband meet at one edge, which names both."""
    return plain(bands=((8404.0, "L"), (8404.0, "U")))


def autos_as_baselines() -> Input:
    """No WRITE AUTOCORRS: rows of the baseline table in which both ends are one antenna."""
    inp = plain(antennas=2, autocorrs=False)
    for antenna in range(2):
        inp.baselines.append(Baseline(antenna, antenna, [BaselineFreq(0, [(0, 0), (1, 1)])]))
    _use_all(inp)
    return inp


def both_sidebands() -> Input:
    """The second antenna recorded the first band as a lower sideband."""
    inp = plain(antennas=2)
    inp.freqs.append(Freq(8401.0, 1.0, "L", 16, 1))
    inp.datastreams[1].recorded_freqs[0] = RecordedFreq(2, num_pols=2)
    return inp


def _use_all(inp: Input) -> None:
    inp.active_datastreams, inp.active_baselines = len(inp.datastreams), len(inp.baselines)
    inp.configurations[0].datastream_indices = list(range(len(inp.datastreams)))
    inp.configurations[0].baseline_indices = list(range(len(inp.baselines)))


JOBS = {
    make.__name__: make
    for make in (
        plain, two_datastreams, other_order, zoomed, zoomed_beside, unused_band, missing_products, shared_edge,
        autos_as_baselines, both_sidebands,
    )
}  # fmt: skip


def layout_in_order(inp: Input, **counts: int) -> list[ResultProduct]:
    """The array of results in the order of the list: by baseline."""
    layout = result_layout(inp, **counts)
    cross = sorted(
        (p for p in layout if p.kind == "cross"), key=lambda p: (p.baseline, p.freq_index, p.offset)
    )
    return cross + [p for p in layout if p.kind == "auto"]


def right_list(inp: Input, scan: Scan = SCAN, **counts: int) -> list[Product]:
    """The list of a server without faults."""
    names = [telescope.name for telescope in inp.telescopes]
    turns: dict[tuple[int, ...], int] = {}
    bands: dict[int, list[int]] = {}
    made = []
    for number, place in enumerate(layout_in_order(inp, **counts)):
        is_auto = place.kind == "auto"
        rows = bands.setdefault(-1 - place.datastream if is_auto else place.baseline, [])
        rows += [place.freq_index] if place.freq_index not in rows else []
        group = (place.baseline, place.freq_index, place.phase_center, place.pulsar_bin)
        turn = 0 if is_auto else turns.get(group, 0)
        turns[group] = turn + 1
        made.append(
            Product(
                scan.index,
                number,
                place.offset,
                place.channels,
                None if is_auto else place.baseline,
                names[place.antenna1],
                names[place.antenna2],
                inp.freqs[place.freq_index].freq_mhz * 1e6,
                rows.index(place.freq_index),
                place.phase_center,
                place.pulsar_bin,
                turn,
                is_auto,
            )
        )
    return made


def wrong_list(inp: Input, scan: Scan = SCAN, **counts: int) -> list[Product]:
    """The list of a real 2.9 server: ``difx-files.md`` 15 (a), (c) and (e)."""
    crosses = [product for product in right_list(inp, scan, **counts) if not product.is_autocorrelation]
    first: dict[tuple[int | None, int], int] = {}
    found = []
    for product in crosses:
        offset = first.setdefault((product.baseline, product.frequency_index), product.offset)
        baseline = inp.baselines[product.baseline or 0]
        names = (_by_datastream(inp, row) for row in (baseline.datastream_a, baseline.datastream_b))
        found.append(
            replace(product, offset=offset, **dict(zip(("telescope1", "telescope2"), names, strict=True)))
        )
    autos = [place for place in result_layout(inp, **counts) if place.kind == "auto"]
    return found + (_recorded_autos(inp, scan, len(found), autos[0].offset) if autos else [])


def _by_datastream(inp: Input, row: int) -> str:
    return inp.telescopes[row].name if row < len(inp.telescopes) else "\x02\x17"


def _recorded_autos(inp: Input, scan: Scan, number: int, offset: int) -> list[Product]:
    most = max(len(freq.products) for baseline in inp.baselines for freq in baseline.freqs)
    made: list[Product] = []
    for row, stream in enumerate(inp.datastreams):
        for band in [*range(len(stream.bands))] * (2 if most > 2 else 1):
            freq = inp.freqs[stream.band_freq_index(band)]
            name = _by_datastream(inp, row)
            turn = (None, name, name, freq.freq_mhz * 1e6, 0, 0, 0, 0, True)
            made.append(Product(scan.index, number + len(made), offset, freq.channels, *turn))
            offset += freq.channels
    return made


def over_the_wire(products: list[Product], scans: list[Scan]) -> tuple[list[Product], list[Scan]]:
    """What a client reads of a list."""
    packets, reader = PacketReader(), ProductListReader()
    packets.receive_data(b"".join(encode_product_list("job", "MADE", scans, products)))
    while (packet := packets.next_packet()) is not None:
        reader.add(packet)
    assert reader.complete
    return reader.products, reader.scans
