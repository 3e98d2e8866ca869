# SPDX-License-Identifier: GPL-3.0-or-later
"""The monitor exchange before the data: product lists, repaired offsets, requests."""

from __future__ import annotations

import dataclasses
import struct
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import ProtocolError
from difxnb.wire import monitor as mon
from difxnb.wire.monitor import (
    Product,
    ProductListReader,
    Scan,
    body_length,
    corrected_offsets,
    decode_request,
    encode_product_list,
    encode_request,
)
from difxnb.wire.packet import Packet, PacketReader, UnknownPacket


def packets(chunks: Iterable[bytes]) -> list[Packet]:
    reader = PacketReader(body_length=body_length)
    found = []
    for chunk in chunks:
        reader.receive_data(chunk)
        while (packet := reader.next_packet()) is not None:
            found.append(packet)
    reader.receive_eof()
    return found


def product_list(scans: int, baselines: int, bands: int, centers: int, bins: int, pols: int) -> list[Product]:
    """A correct list, as our server sends it."""
    products = []
    for scan in range(scans):
        number = offset = 0
        for baseline in range(baselines):
            for band in range(bands):
                for place in range(centers * bins * pols):
                    center, rest = divmod(place, bins * pols)
                    pulsar_bin, pol = divmod(rest, pols)
                    names = f"T{baseline}", f"U{baseline}"
                    where = band, center, pulsar_bin, pol
                    products.append(
                        Product(scan, number, offset, 8, baseline, *names, 1e9 + band * 4e6, *where, False)
                    )
                    number, offset = number + 1, offset + 8
        for band in range(bands):
            products.append(
                Product(
                    scan,
                    number,
                    10_000 + 8 * band,
                    8,
                    None,
                    "T0",
                    "T0",
                    1e9 + band * 4e6,
                    band,
                    0,
                    0,
                    0,
                    True,
                )
            )
            number += 1
    return products


SCANS = [Scan(i, f"No{i}", 60001.25 + i, 60001.5 + i, "SRC", 0.25, -1.5) for i in range(3)]


@settings(max_examples=30)
@given(*[st.integers(1, 3)] * 6)
def test_product_list_round_trip(
    scans: int, baselines: int, bands: int, centers: int, bins: int, pols: int
) -> None:
    products = product_list(scans, baselines, bands, centers, bins, pols)
    reader = ProductListReader()
    for packet in packets(encode_product_list("exp_7", "EXP", SCANS[:scans], products)):
        assert not reader.complete
        assert reader.add(packet)
    assert reader.complete
    assert (reader.job_name, reader.obs_code) == ("exp_7", "EXP")
    assert reader.scans == SCANS[:scans]
    assert reader.products == products
    assert corrected_offsets(products) == products


@settings(max_examples=30)
@given(*[st.integers(1, 3)] * 6)
def test_shared_offsets_are_repaired(
    scans: int, baselines: int, bands: int, centers: int, bins: int, pols: int
) -> None:
    products = product_list(scans, baselines, bands, centers, bins, pols)
    group = centers * bins * pols
    shared = [
        p if p.is_autocorrelation else dataclasses.replace(p, offset=p.number // group * group * 8)
        for p in products
    ]
    assert corrected_offsets(shared) == products


def test_numbers_of_the_products() -> None:
    products = [dataclasses.replace(p, number=p.number + 100) for p in product_list(1, 1, 1, 1, 1, 2)]
    for per_scan, first in ((True, 0), (False, 100)):
        reader = ProductListReader()
        for packet in packets(encode_product_list("j", "o", SCANS[:1], products, number_per_scan=per_scan)):
            reader.add(packet)
        assert [p.number for p in reader.products] == [first, first + 1, first + 2]


def test_frequency_of_four_bytes() -> None:
    reader = ProductListReader()
    feed = [
        (110, b"\0\0\0\0"),
        (107, b"\0\0\0\0"),
        (108, struct.pack(">i", 8405)),
        (120, struct.pack(">3i", 0, 0, 4)),
    ]
    for identity, payload in feed:
        reader.add(Packet(identity, payload))
    assert [p.frequency_hz for p in reader.products] == [8405e6]


def test_a_second_list_replaces_the_first() -> None:
    data = encode_product_list("j", "o", SCANS[:1], product_list(1, 1, 1, 1, 1, 1))
    reader = ProductListReader()
    for packet in packets(data) + packets(data):
        reader.add(packet)
    assert len(reader.products) == 2
    assert len(reader.scans) == 1


def test_source_of_the_data_phase_does_not_touch_the_list() -> None:
    reader = ProductListReader()
    for packet in packets(encode_product_list("j", "o", SCANS[:1], product_list(1, 1, 1, 1, 1, 1))):
        reader.add(packet)
    assert not reader.add(Packet(135, b"OTHER"))
    assert reader.scans[0].source == "SRC"


@pytest.mark.parametrize(
    "packet",
    [
        Packet(109, struct.pack(">i", -1)),
        Packet(105, b"\0"),
        Packet(110, b""),
        Packet(108, b"123"),
        Packet(108, struct.pack(">d", float("nan"))),
        Packet(120, b"\0" * 11),
        Packet(120, struct.pack(">3i", 0, 0, 4)),
        Packet(120, struct.pack(">3i", -1, 0, 4)),
        Packet(120, struct.pack(">3i", 0, -1, 4)),
        Packet(120, struct.pack(">3i", 0, 0, 2**21)),
        Packet(133, b"60000.0"),
    ],
)
def test_malformed_lists(packet: Packet) -> None:
    with pytest.raises(ProtocolError):
        ProductListReader().add(packet)


def test_scan_time_that_is_no_number() -> None:
    reader = ProductListReader()
    reader.add(Packet(110, b"\0\0\0\0"))
    with pytest.raises(ProtocolError, match="start_mjd"):
        reader.add(Packet(133, b"soon"))


# -- requests ---------------------------------------------------------------------------------------------


def test_requests_both_ways() -> None:
    chunks = (
        mon.encode_input_path("/d/é.input")
        + encode_request([(0, 16, 8), (3, 40, 8)], 32)
        + mon.encode_close()
    )
    assert [decode_request(p) for p in packets(chunks)] == [
        mon.InputFilePath("/d/é.input"),
        mon.FftSize(32),
        mon.StartProductRequests(),
        mon.ProductRequest(0, 16, 8),
        mon.ProductRequest(3, 40, 8),
        mon.EndProductRequests(),
        mon.CloseConnection(),
    ]


def test_request_bytes() -> None:
    expected = (
        "0000008b00000004000000200000007b000000000000007a0000000c0000000100000004000000040000007c00000000"
    )
    assert b"".join(encode_request([(1, 4, 4)], 32)).hex() == expected


@pytest.mark.parametrize("fft_size", [0, -32, 16, 31, 33, 2**22])
def test_senseless_fft_sizes(fft_size: int) -> None:
    with pytest.raises(ValueError, match="FFT size"):
        encode_request([(0, 0, 8)], fft_size)


def test_fft_too_short_for_the_channels() -> None:
    with pytest.raises(ValueError, match="33 channels"):
        encode_request([(0, 0, 8), (1, 8, 33)], 64)


def test_empty_request() -> None:
    with pytest.raises(ValueError, match="no products"):
        encode_request([], 64)


def test_odd_requests() -> None:
    assert decode_request(Packet(139, b"\0\0\0\0\0")) == mon.FftSize(None)
    assert decode_request(Packet(555, b"x")) == UnknownPacket(555, b"x")
    with pytest.raises(ProtocolError):
        decode_request(Packet(122, b"\0" * 8))
