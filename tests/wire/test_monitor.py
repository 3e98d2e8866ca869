# SPDX-License-Identifier: GPL-3.0-or-later
"""The monitor exchange: faulty and repaired lengths, product lists, blocks, requests."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import PacketTruncated, ProtocolError
from difxnb.wire import monitor as mon
from difxnb.wire.monitor import (
    MonitorId,
    MonitorReader,
    MonitorText,
    ProductListReader,
    VisibilityBlock,
    body_length,
    encode_block,
    encode_scan,
    measure_lags,
)
from difxnb.wire.packet import Packet, PacketReader, encode_packet

SPECTRUM = np.exp(2j * np.pi * np.arange(16) * 3 / 64) * np.linspace(1, 2, 16)
FRINGE = measure_lags(SPECTRUM, 64, 4e6)


def packets(chunks: Iterable[bytes]) -> list[Packet]:
    reader = PacketReader(body_length=body_length)
    found = []
    for chunk in chunks:
        reader.receive_data(chunk)
        while (packet := reader.next_packet()) is not None:
            found.append(packet)
    reader.receive_eof()
    return found


def blocks(found: Iterable[Packet]) -> list[VisibilityBlock]:
    reader = MonitorReader()
    items = [reader.add(packet) for packet in found]
    assert reader.incomplete == 0
    return [item for item in items if isinstance(item, VisibilityBlock)]


def test_ids() -> None:
    assert [int(i) for i in MonitorId] == list(range(100, 144))


# -- lengths ----------------------------------------------------------------------------------------------


def declared_as(identity: int, body: bytes, declared: int) -> bytes:
    return struct.pack(">ii", identity, declared) + body


def spectrum_body(channels: int) -> bytes:
    return struct.pack(">4i", 3, channels, 100, 2) + mon.encode_numbers(np.arange(channels))


def lag_body(half: int) -> bytes:
    return struct.pack(">5i", 3, half, 100, 2, 1) + mon.encode_numbers(np.arange(2 + 2 * half))


LENGTHS = [
    *[
        (i, spectrum_body(5), declared)
        for i in (126, 127, 140, 141)
        for declared in (16 + 70, 12 + 70, 16 + 40, 0)
    ],
    *[(i, lag_body(4), declared) for i in (128, 142) for declared in (48 + 112, 44 + 112, 36 + 80, 2**30)],
    (126, spectrum_body(0), 16),
    (128, lag_body(0), 44),
    (100, b"text", 4),
    (129, b"", 0),
]


@pytest.mark.parametrize(("identity", "body", "declared"), LENGTHS)
def test_true_length_whatever_is_declared(identity: int, body: bytes, declared: int) -> None:
    data = declared_as(identity, body, declared)
    end = encode_packet(129)
    expected = [Packet(identity, body), Packet(129, b"")]
    assert packets([data + end]) == expected
    assert packets([(data + end)[i : i + 1] for i in range(len(data + end))]) == expected


@pytest.mark.parametrize(("identity", "body", "declared"), LENGTHS)
def test_nothing_comes_before_the_last_byte(identity: int, body: bytes, declared: int) -> None:
    data = declared_as(identity, body, declared)
    reader = PacketReader(body_length=body_length)
    for i in range(len(data) - 1):
        reader.receive_data(data[i : i + 1])
        assert reader.next_packet() is None
    with pytest.raises(PacketTruncated):
        reader.receive_eof()


@pytest.mark.parametrize("identity", [126, 127, 128, 140, 141, 142])
@pytest.mark.parametrize("count", [-1, -(2**31), 2**20 + 1, 2**31 - 1])
def test_senseless_counts(identity: int, count: int) -> None:
    reader = PacketReader(body_length=body_length)
    reader.receive_data(declared_as(identity, struct.pack(">2i", 0, count), 100))
    with pytest.raises(ProtocolError, match=str(count)):
        reader.next_packet()


# -- blocks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("declared", ["actual", "2.9"])
def test_block_there_and_back(declared: Any) -> None:
    chunks = encode_scan("No0001", "3C84") + encode_block(7, 25200, 2, SPECTRUM, FRINGE, declared=declared)
    (block,) = blocks(packets(chunks))
    assert (block.product, block.channels, block.time, block.integration) == (7, 16, 25200, 2)
    assert (block.scan, block.source) == ("No0001", "3C84")
    assert block.visibility.dtype == np.complex64
    assert np.allclose(block.visibility, SPECTRUM, rtol=2e-6)
    assert block.server is not None
    assert block.server.lag_maximum == FRINGE.maximum
    assert block.server.delay_us == pytest.approx(FRINGE.delay_us, rel=1e-6)
    assert block.server.snr == pytest.approx(FRINGE.snr, rel=1e-6)


@pytest.mark.parametrize(("declared", "short"), [("actual", 0), ("2.9", 4)])
def test_declared_lengths(declared: Any, short: int) -> None:
    data = b"".join(encode_block(7, 25200, 2, SPECTRUM, FRINGE, declared=declared))
    lengths = {}
    for packet in packets([data]):
        place = data.index(struct.pack(">i", packet.id))
        lengths[packet.id] = len(packet.payload) - struct.unpack_from(">i", data, place + 4)[0]
    assert lengths == {126: 0, 127: 0, 128: short, 140: short, 141: short, 142: short, 129: 0}


def test_elementary_writes() -> None:
    chunks = encode_block(7, 25200, 2, SPECTRUM, FRINGE)
    assert {len(chunk) for chunk in chunks} == {4, 14}
    # id, length, heading and numbers of each; the end mark has no payload.
    assert len(chunks) == 4 * (2 + 4 + 16) + 2 * (2 + 5 + 2 + 64) + 2


def test_order_of_a_block() -> None:
    assert [p.id for p in packets(encode_block(7, 1, 1, SPECTRUM, FRINGE))] == [
        126,
        127,
        128,
        140,
        141,
        142,
        129,
    ]


def test_mean_is_sent_apart() -> None:
    mean = (2 * SPECTRUM, dataclasses.replace(FRINGE, delay_us=9.0))
    found = {p.id: p.payload for p in packets(encode_block(7, 1, 1, SPECTRUM, FRINGE, mean=mean))}
    ratio = mon.decode_spectrum(found[140]).values / mon.decode_spectrum(found[126]).values
    assert np.allclose(ratio, 2, rtol=1e-6)
    assert mon.decode_lags(found[142]).delay_us == 9.0
    assert mon.decode_lags(found[128]).delay_us != 9.0
    (block,) = blocks(packets(encode_block(7, 1, 1, SPECTRUM, FRINGE, mean=mean)))
    assert np.allclose(block.visibility, SPECTRUM, rtol=2e-6)


def test_lags_are_sent_with_their_halves_swapped() -> None:
    found = {p.id: p.payload for p in packets(encode_block(7, 1, 1, SPECTRUM, FRINGE))}
    sent = mon.decode_lags(found[128])
    assert np.allclose(np.fft.ifftshift(sent.magnitude), FRINGE.magnitude, rtol=1e-6)
    assert FRINGE.magnitude.argmax() == sent.maximum


def test_zero_lags() -> None:
    found = {p.id: p.payload for p in packets(encode_block(7, 1, 1, SPECTRUM, mon.zero_lags(64)))}
    assert found[128][20:48] == b"  0.000000e+00          -nan"
    (block,) = blocks(packets(encode_block(7, 1, 1, SPECTRUM, mon.zero_lags(64))))
    assert block.server is not None
    assert np.isnan(block.server.snr)


FINITE = st.floats(-1e9, 1e9, width=32)
VISIBILITIES = st.lists(st.builds(complex, FINITE, FINITE), min_size=1, max_size=20)


@settings(max_examples=50)
@given(
    VISIBILITIES,
    st.integers(-(2**31), 2**31 - 1),
    st.integers(0, 10**6),
    st.sampled_from(["actual", "2.9"]),
    st.lists(st.integers(1, 200), max_size=30),
)
def test_any_block_cut_anywhere(
    values: list[complex], product: int, time: int, declared: Any, cuts: list[int]
) -> None:
    data = b"".join(
        encode_block(product, time, 1, values, measure_lags(np.array(values), 64, 1e6), declared=declared)
    )
    chunks = []
    for cut in cuts:
        chunks.append(data[:cut])
        data = data[cut:]
    (block,) = blocks(packets([*chunks, data]))
    assert (block.product, block.time) == (product, time)
    scale = max(abs(np.array(values)).max(), 1e-30)
    assert np.allclose(block.visibility / scale, np.array(values) / scale, atol=3e-6)


def test_nan_and_infinity_are_values() -> None:
    (block,) = blocks(packets(encode_block(0, 1, 1, [complex("nan"), 1 + 0j], mon.zero_lags(32))))
    assert np.isnan(block.visibility[0])
    assert block.visibility[1] == 1


# -- the reader -------------------------------------------------------------------------------------------


def amplitude(product: int, time: int, identity: int = 126, channels: int = 2) -> Packet:
    body = struct.pack(">4i", product, channels, time, 2) + mon.encode_numbers(np.ones(channels))
    return Packet(identity, body)


def phase(product: int, time: int, channels: int = 2) -> Packet:
    return amplitude(product, time, 127, channels)


END = Packet(129, b"")


def test_scan_of_an_integration_is_not_inherited() -> None:
    feed = [Packet(138, b"No1"), Packet(135, b"SRC")]
    for time in (10, 11):
        for product in (0, 1):
            feed += [amplitude(product, time), phase(product, time), END]
    found = blocks(feed)
    assert [(b.scan, b.source, b.integration) for b in found] == [("No1", "SRC", 2)] * 2 + [
        ("", "", None)
    ] * 2


def test_two_integrations_of_one_second() -> None:
    one = [Packet(138, b"No1"), Packet(135, b"SRC"), amplitude(0, 10), phase(0, 10), END]
    assert [b.scan for b in blocks(one + one)] == ["No1", "No1"]


def test_block_without_lags() -> None:
    (block,) = blocks([amplitude(0, 10), phase(0, 10), END])
    assert block.server is None


@pytest.mark.parametrize(
    "feed",
    [
        [END],
        [amplitude(0, 10), END],
        [phase(0, 10), END],
        [amplitude(0, 10), phase(1, 10), END],
        [amplitude(0, 10), phase(0, 11), END],
        [amplitude(0, 10), phase(0, 10, 3), END],
        [amplitude(0, 9), amplitude(0, 10), phase(0, 10), END],
    ],
)
def test_incomplete_blocks_are_counted(feed: list[Packet]) -> None:
    reader = MonitorReader()
    for packet in feed:
        reader.add(packet)
    assert reader.incomplete == 1


@pytest.mark.parametrize("identity", [100, 101, 102])
def test_texts(identity: int) -> None:
    (packet,) = packets(mon.encode_text_packet(MonitorText(identity, "late é")))
    assert MonitorReader().add(packet) == MonitorText(identity, "late é")


@pytest.mark.parametrize("identity", [103, 120, 139, 143, 7, -1])
def test_other_packets_are_passed_over(identity: int) -> None:
    assert MonitorReader().add(Packet(identity, b"x")) is None


@pytest.mark.parametrize(
    "packet",
    [
        Packet(126, b""),
        Packet(126, b"\0" * 15),
        Packet(126, spectrum_body(3)[:-1]),
        Packet(127, spectrum_body(3) + b"0"),
        Packet(126, struct.pack(">4i", 0, -1, 0, 0)),
        Packet(128, lag_body(3)[:-1]),
        Packet(128, struct.pack(">5i", 0, 2**20 + 1, 0, 0, 0)),
    ],
)
def test_malformed_data(packet: Packet) -> None:
    with pytest.raises(ProtocolError):
        MonitorReader().add(packet)


@pytest.mark.parametrize("identity", [126, 127, 128])
@pytest.mark.parametrize("place", [0, 13])
def test_malformed_numbers_of_a_block(identity: int, place: int) -> None:
    feed = {126: spectrum_body(3), 127: spectrum_body(3), 128: lag_body(3)}
    first = 20 if identity == 128 else 16
    reader = MonitorReader()
    for number, body in feed.items():
        damaged = body[: first + place] + b"x" + body[first + place + 1 :] if number == identity else body
        assert reader.add(Packet(number, damaged)) is None
    with pytest.raises(ProtocolError, match="no number"):
        reader.add(END)


def test_all_at_once_as_one_by_one() -> None:
    """Texts keep their place, blocks of different lengths and without lags may come together."""
    feed = [Packet(138, b"No1"), Packet(135, b"SRC")]
    for product, channels in enumerate((16, 3, 5)):
        values = np.arange(channels) * (1 + 2j)
        feed += packets(encode_block(product, 10, 2, values, measure_lags(values, 32, 1e6)))
        feed.append(Packet(101, b"late"))
    feed += [amplitude(3, 10), phase(3, 10), END, phase(4, 10), END, amplitude(5, 10)]
    at_once, singly = MonitorReader(), MonitorReader()
    expected = [item for item in map(singly.add, feed) if item is not None]
    found = at_once.add_all(feed)
    assert at_once.incomplete == singly.incomplete == 1
    assert [type(item) for item in found] == [VisibilityBlock, MonitorText] * 3 + [VisibilityBlock]
    for one, other in zip(found, expected, strict=True):
        if isinstance(one, VisibilityBlock) and isinstance(other, VisibilityBlock):
            assert np.array_equal(one.visibility, other.visibility)
            one, other = (dataclasses.replace(b, visibility=np.empty(0, np.complex64)) for b in (one, other))
            assert repr(one) == repr(other)
        else:
            assert one == other


def test_numbers_that_nobody_reads_may_be_rubbish() -> None:
    rubbish = lag_body(3)[:48] + b"x" * 84
    (block,) = blocks([amplitude(0, 10), phase(0, 10), Packet(128, rubbish), Packet(140, b"x"), END])
    assert block.server is not None
    assert (block.server.delay_us, block.server.snr, block.server.lag_maximum) == (0.0, 1.0, 1)


def test_blocks_are_the_same_as_from_packets_read_one_by_one() -> None:
    """Amplitude times cosine and sine of the phase, each number as ``float()`` reads it."""
    dice = np.random.default_rng(3)
    spectrum = dice.normal(size=128) + 1j * dice.normal(size=128)
    found = packets(encode_block(4, 7, 1, spectrum, measure_lags(spectrum, 256, 8e6)))
    (block,) = blocks(found)
    texts = [[p.payload[i : i + 14] for i in range(16, len(p.payload), 14)] for p in found[:2]]
    size, degrees = (np.array([float(text) for text in column]) for column in texts)
    angle = degrees * (np.pi / 180)
    assert np.array_equal(block.visibility.real, (size * np.cos(angle)).astype(np.float32))
    assert np.array_equal(block.visibility.imag, (size * np.sin(angle)).astype(np.float32))


@given(st.lists(st.tuples(st.integers(98, 145), st.binary(max_size=80)), max_size=10))
def test_any_packets(found: list[tuple[int, bytes]]) -> None:
    readers: list[Any] = [MonitorReader(), ProductListReader()]
    for identity, payload in found:
        for reader in readers:
            with suppress(ProtocolError):
                reader.add(Packet(identity, payload))
        assert body_length(identity, 5, payload[:7]) == 5 or body_length(identity, 5, payload[:7]) is None


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    reader = PacketReader(body_length=body_length, max_payload=10**6)
    reader.receive_data(data)
    monitor = MonitorReader()
    with suppress(ProtocolError):
        while (packet := reader.next_packet()) is not None:
            monitor.add(packet)
