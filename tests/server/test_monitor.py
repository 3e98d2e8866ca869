# SPDX-License-Identifier: GPL-3.0-or-later
"""Live monitors: product list, requests, data; right by default, and wrong as asked."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from difxnb.formats.input import read_input, result_layout, result_length
from difxnb.server.confinement import Confinement
from difxnb.server.monitor import MonitorSession
from difxnb.server.quirks import Quirks
from difxnb.wire.monitor import (
    MonitorReader,
    MonitorText,
    ProductListReader,
    VisibilityBlock,
    body_length,
    corrected_offsets,
    encode_close,
    encode_input_path,
    encode_request,
)
from difxnb.wire.packet import PacketReader, encode_packet
from tests.server.made_jobs import SECONDS, MadeJob

FFT = 64


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    made = MadeJob(
        antennas=3,
        bands=((8400.0, "U"), (8410.0, "L")),
        pols="RL",
        products=4,
        scans=((0, 1), (1, 2)),
        seconds=3,
        int_time=0.5,
    )
    return made.write(tmp_path_factory.mktemp("root"), made.codes())


def session(job, quirks="none"):
    return MonitorSession(Confinement(job.parent), Quirks.of(None if quirks == "none" else quirks))


def packets(pieces, *, trust_lengths=False):
    reader = PacketReader() if trust_lengths else PacketReader(body_length=body_length)
    reader.receive_data(b"".join(piece for group in pieces for piece in group))
    found = []
    while (packet := reader.next_packet()) is not None:
        found.append(packet)
    return found


def say(monitor, *pieces):
    return packets(monitor.receive_data(b"".join(pieces)))


def products(monitor, job):
    reader = ProductListReader()
    answer = say(monitor, *encode_input_path(str(job)))
    assert answer[0].id == 100
    for packet in answer:
        reader.add(packet)
    assert reader.complete
    return reader


def ask(monitor, wanted):
    return say(monitor, *encode_request([(p.number, p.offset, p.channels) for p in wanted], FFT))


def result(job, seed=1):
    rng = np.random.default_rng(seed)
    n = result_length(read_input(job))
    return (rng.normal(size=n) + 1j * rng.normal(size=n)).astype(np.complex64)


def blocks(found):
    reader = MonitorReader()
    items = [item for item in map(reader.add, found) if item is not None]
    return [i for i in items if isinstance(i, VisibilityBlock)], [
        i for i in items if isinstance(i, MonitorText)
    ]


def test_the_list_has_every_product_of_every_scan_with_its_offset(job):
    listed = products(session(job), job)
    assert (listed.job_name, listed.obs_code) == ("job", "MADE")
    assert [(s.identifier, s.source) for s in listed.scans] == [("No0000", "SRC0"), ("No0001", "SRC1")]
    assert listed.scans[1].start_mjd == pytest.approx(60310.5 + 1 / 86400, abs=1e-7)
    first = [p for p in listed.products if p.scan == 0]
    assert [p.number for p in first] == list(range(len(first)))
    assert [p.number for p in listed.products if p.scan == 1] == [p.number for p in first]
    layout = result_layout(read_input(job))
    assert sorted(p.offset for p in first) == sorted(p.offset for p in layout)
    names = ["AA", "BB", "CC"]
    expected = {
        (names[p.antenna1], names[p.antenna2], read_input(job).freqs[p.freq_index].freq_mhz * 1e6, p.offset)
        for p in layout
    }
    assert {(p.telescope1, p.telescope2, p.frequency_hz, p.offset) for p in first} == expected
    assert corrected_offsets(listed.products) == listed.products


def test_offsets_are_shared_on_request_and_can_be_corrected(job):
    right = products(session(job), job).products
    wrong = products(session(job, "shared-offsets"), job).products
    assert wrong != right
    assert corrected_offsets(wrong) == right


@pytest.mark.parametrize("quirks", ["none", "wrong-lengths"])
def test_what_is_asked_for_comes_bit_for_bit(job, quirks):
    monitor = session(job, quirks)
    listed = products(monitor, job)
    wanted = [listed.products[i] for i in (0, 5, 23, 30)]
    assert [p.id for p in ask(monitor, wanted)] == [100]
    values = result(job)
    found, texts = blocks(packets(monitor.dump(SECONDS + 1, values)))
    assert texts == []
    assert [b.product for b in found] == [p.number for p in wanted]
    for block, product in zip(found, wanted, strict=True):
        assert (block.scan, block.source, block.time) == ("No0001", "SRC1", SECONDS + 1)
        expected = values[product.offset : product.offset + product.channels]
        np.testing.assert_allclose(block.visibility, expected, rtol=3e-6, atol=1e-6)


def test_lengths_are_true_by_default_and_short_on_request(job):
    for quirks, short in (("none", 0), ("wrong-lengths", 4)):
        monitor = session(job, quirks)
        ask(monitor, products(monitor, job).products[:1])
        stream = b"".join(piece for group in monitor.dump(SECONDS, result(job)) for piece in group)
        position, seen = 0, {}
        while position < len(stream):
            packet_id, declared = struct.unpack_from(">ii", stream, position)
            actual = body_length(packet_id, declared, stream[position + 8 :])
            seen[packet_id] = actual - declared
            position += 8 + actual
        assert seen == {
            138: 0,
            135: 0,
            126: 0,
            127: 0,
            128: short,
            140: short,
            141: short,
            142: short,
            129: 0,
        }


def test_each_number_is_a_piece_of_its_own(job):
    monitor = session(job)
    ask(monitor, products(monitor, job).products[:1])
    groups = list(monitor.dump(SECONDS, result(job)))
    assert {len(piece) for piece in groups[1]} == {4, 14}


def fringe(job, product, lag_channels):
    """Results in which one product has a pure delay."""
    values = result(job) * 0
    n = product.channels
    values[product.offset : product.offset + n] = np.exp(-2j * np.pi * lag_channels * np.arange(n) / FFT)
    return values


@pytest.mark.parametrize(("quirks", "factor"), [("none", 1.0), ("half-delay", 0.5)])
def test_the_delay_is_that_of_the_lag_axis(job, quirks, factor):
    monitor = session(job, quirks)
    product = products(monitor, job).products[0]
    ask(monitor, [product])
    (block,), _ = blocks(packets(monitor.dump(SECONDS, fringe(job, product, 5))))
    assert block.server.lag_maximum == 5
    assert block.server.delay_us == pytest.approx(factor * 5 * product.channels / (FFT * 1.0), rel=1e-6)


def test_zero_lags_on_request(job):
    monitor = session(job, "zero-lags")
    product = products(monitor, job).products[0]
    ask(monitor, [product])
    stream = b"".join(piece for group in monitor.dump(SECONDS, fringe(job, product, 5)) for piece in group)
    assert b"          -nan" in stream
    (block,), _ = blocks(packets([[stream]]))
    assert block.server.delay_us == 0.0
    assert np.isnan(block.server.snr)


def means(found):
    return [np.frombuffer(p.payload[16:], "S14").astype(float) for p in found if p.id == 140]


def test_means_are_per_product_and_per_scan(job):
    monitor = session(job)
    a, b = products(monitor, job).products[:2]
    ask(monitor, [a, b])
    first, second = result(job, 1), result(job, 2)
    list(monitor.dump(SECONDS, first))
    found = means(packets(monitor.dump(SECONDS, second)))
    for mean, product in zip(found, (a, b), strict=True):
        cut = slice(product.offset, product.offset + product.channels)
        np.testing.assert_allclose(mean, np.abs((first[cut] + second[cut]) / 2), rtol=3e-6)
    fresh = means(packets(monitor.dump(SECONDS + 1, first)))[0]
    np.testing.assert_allclose(fresh, np.abs(first[a.offset : a.offset + a.channels]), rtol=3e-6)


def test_means_are_mixed_on_request(job):
    monitor = session(job, "mixed-means")
    a, b = products(monitor, job).products[:2]
    ask(monitor, [a, b])
    values = result(job)
    mixed = means(packets(monitor.dump(SECONDS, values)))[1]
    both = [values[p.offset : p.offset + p.channels] for p in (a, b)]
    np.testing.assert_allclose(mixed, np.abs(sum(both) / 2), rtol=3e-6)


def test_outside_all_scans_no_scan_is_named(job):
    monitor = session(job)
    ask(monitor, products(monitor, job).products[:1])
    assert [p.id for p in packets(monitor.dump(SECONDS - 5, result(job)))] == [
        126,
        127,
        128,
        140,
        141,
        142,
        129,
    ]


def test_the_selection_may_change(job):
    monitor = session(job)
    listed = products(monitor, job).products
    ask(monitor, listed[:1])
    ask(monitor, listed[3:5])
    found, _ = blocks(packets(monitor.dump(SECONDS, result(job))))
    assert [b.product for b in found] == [3, 4]


@pytest.mark.parametrize(
    "request_", [(999, 0, 16), (0, -1, 16), (0, 10**6, 16), (0, 0, 33), (0, 0, 0), (-1, 0, 16)]
)
def test_requests_that_cannot_be_are_left_out_and_said_so(job, request_):
    monitor = session(job)
    good = products(monitor, job).products[0]
    triples = [request_, (good.number, good.offset, good.channels)]
    pieces = encode_request([(0, 0, 16)], FFT)[:5]
    stream = (
        b"".join(pieces)
        + b"".join(encode_packet(122, struct.pack(">3i", *t)) for t in triples)
        + encode_packet(124)
    )
    assert [p.id for p in say(monitor, stream)] == [100, 101]
    found, _ = blocks(packets(monitor.dump(SECONDS, result(job))))
    assert [b.product for b in found] == [0]


@pytest.mark.parametrize("size", [0, -5, 7, 48, 2**30])
def test_an_fft_size_that_cannot_be_is_refused(job, size):
    monitor = session(job)
    products(monitor, job)
    (answer,) = say(monitor, encode_packet(139, struct.pack(">i", size)))
    assert answer.id == 101


def test_requests_out_of_order_are_answered_and_harm_nothing(job):
    monitor = session(job)
    (answer,) = say(
        monitor, encode_packet(123), encode_packet(122, struct.pack(">3i", 0, 0, 4)), encode_packet(124)
    )
    assert answer.id == 101
    assert list(monitor.dump(SECONDS, result(job))) == []
    assert say(monitor, encode_packet(124), encode_packet(139, b"xx"), encode_packet(200)) == []


@pytest.mark.parametrize("path", ["/etc/passwd", "{d}/none.input", "{d}/job.calc", "", "{d}/../x.input"])
def test_a_job_that_is_not_there_ends_it_with_a_word(job, path):
    monitor = session(job)
    (answer,) = say(monitor, *encode_input_path(path.format(d=job.parent)))
    assert answer.id == 102
    assert monitor.closed


def test_the_client_ends_it(job):
    monitor = session(job)
    say(monitor, *encode_close())
    assert monitor.closed


def test_impatience_on_request(job):
    monitor = session(job, "data-timeout")
    listed = products(monitor, job).products
    ask(monitor, listed[:1])
    assert monitor.patience(100.0) is None
    list(monitor.dump(SECONDS, result(job), 100.0))
    list(monitor.dump(SECONDS, result(job), 100.4))
    assert monitor.patience(101.0) == pytest.approx(0.4)
    (text,) = packets([monitor.give_up()])
    assert text.id == 101
    assert b"timed out after 0 seconds" in text.payload
    assert list(monitor.dump(SECONDS, result(job), 110.0)) == []
    ask(monitor, listed[:1])
    assert list(monitor.dump(SECONDS, result(job), 111.0))
    assert session(job).patience(0.0) is None


def test_longer_spacings_have_longer_patience(job):
    monitor = session(job, "data-timeout")
    ask(monitor, products(monitor, job).products[:1])
    for now in (100.0, 102.0, 103.0):
        list(monitor.dump(SECONDS, result(job), now))
    assert monitor.patience(103.0) == pytest.approx(6.0)


def test_names_by_datastream_are_the_same_for_one_datastream_each(job):
    right, wrong = (
        products(session(job), job).products,
        products(session(job, "datastream-names"), job).products,
    )
    assert right == wrong


@given(st.lists(st.tuples(st.integers(95, 145), st.binary(max_size=20)), max_size=10), st.integers(1, 30))
def test_no_packets_make_it_raise(job, sent, cut):
    monitor = session(job)
    data = b"".join(encode_packet(*packet) for packet in sent)
    for i in range(0, len(data), cut):
        packets(monitor.receive_data(data[i : i + cut]))
    list(monitor.dump(SECONDS, result(job)))


@given(st.binary(max_size=60))
def test_no_bytes_make_it_raise(job, data):
    list(session(job).receive_data(data))
