# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages and monitor data that a real guiServer sent, byte for byte (see captures/README.md).

The numbers are compared with what the original client printed while it received the same bytes.
"""

from __future__ import annotations

import ast
import gzip
import json
import random
import re
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from difxnb.errors import ProtocolError
from difxnb.wire import message as m
from difxnb.wire.message import Message, Unparsed, parse, to_xml
from difxnb.wire.monitor import (
    EndProductRequests,
    FftSize,
    InputFilePath,
    MonitorReader,
    MonitorText,
    ProductListReader,
    ProductRequest,
    StartProductRequests,
    VisibilityBlock,
    body_length,
    corrected_offsets,
    decode_lags,
    decode_request,
    decode_spectrum,
    encode_input_path,
    encode_numbers,
    encode_product_list,
    encode_request,
)
from difxnb.wire.packet import Packet, PacketReader, encode_packet

FOLDER = Path(__file__).parent / "captures"
JOB = "25_start_monitor_relay"
MONITOR_CHANNEL = 12346


def text_of(name: str) -> str:
    packed = FOLDER / f"{name}.gz"
    return (
        gzip.decompress(packed.read_bytes()).decode()
        if packed.exists()
        else (FOLDER / name).read_text("utf-8")
    )


@cache
def stream(name: str, direction: str) -> bytes:
    pieces = map(json.loads, text_of(f"{name}.jsonl").splitlines())
    return b"".join(bytes.fromhex(piece["hex"]) for piece in pieces if piece["dir"] == direction)


def packets(data: bytes, *, monitor: bool = False) -> list[Packet]:
    reader = PacketReader(body_length=body_length) if monitor else PacketReader()
    reader.receive_data(data)
    found = list(iter(reader.next_packet, None))
    reader.receive_eof()
    return [packet for packet in found if packet is not None]


@cache
def channel(name: str, direction: str, number: int) -> bytes:
    key = number.to_bytes(4, "big")
    chunks = (p.payload for p in packets(stream(name, direction)) if p.id == 22)
    return b"".join(chunk[4:] for chunk in chunks if chunk[:4] == key)


@cache
def relayed(name: str) -> list[Message | Unparsed]:
    return [parse(p.payload) for p in packets(stream(name, "s2c")) if p.id == 1]


# -- messages ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        (JOB, {m.Alert: 390, m.Diagnostic: 81, m.Status: 23, m.Parameter: 1}),
        ("27_stop_running_job", {m.Alert: 334, m.Diagnostic: 54, m.Status: 16}),
        ("31_start_missing_data", {m.Alert: 388, m.Diagnostic: 9, m.Status: 23, m.Parameter: 1}),
    ],
)
def test_every_relayed_document_of_a_job(name: str, counts: dict[type, int]) -> None:
    found = relayed(name)
    assert all(isinstance(item, Message) and item.flags == () for item in found)
    assert Counter(type(item.body) for item in found if isinstance(item, Message)) == counts
    for item in found:
        assert isinstance(item, Message)
        assert item.header.source == "vm"
        assert item.sequence is not None
        assert item.header.mpi_id is not None


@pytest.mark.parametrize("name", [JOB, "27_stop_running_job", "31_start_missing_data"])
def test_relayed_documents_written_again(name: str) -> None:
    """Most come out as the same bytes; all come out with the same meaning."""
    same = 0
    payloads = [p.payload for p in packets(stream(name, "s2c")) if p.id == 1]
    for payload, item in zip(payloads, relayed(name), strict=True):
        assert isinstance(item, Message)
        again = to_xml(item)
        same += again == payload
        back = parse(again)
        assert isinstance(back, Message)
        assert (back.header, back.body, back.sequence) == (item.header, item.body, item.sequence)
    assert same == len(payloads)


def test_counts_of_the_original_client() -> None:
    line = next(x for x in text_of(f"{JOB}.client.log").splitlines() if "relay counts" in x)
    printed: dict[str, int] = ast.literal_eval(line.partition("relay counts ")[2])
    assert Counter(i.header.type for i in relayed(JOB) if isinstance(i, Message)) == printed
    assert sum(printed.values()) == 495


def test_alerts_as_the_original_client_printed_them() -> None:
    pattern = re.compile(r" RELAY alert (\S+) (\S+) (\d+) (u['\"].*)$", re.MULTILINE)
    printed = [
        (h, j, int(s), ast.literal_eval(t)) for h, j, s, t in pattern.findall(text_of(f"{JOB}.client.log"))
    ]
    alerts = [i for i in relayed(JOB) if isinstance(i, Message) and isinstance(i.body, m.Alert)]
    ours = [(i.header.source, i.header.identifier, i.body.severity, i.body.text) for i in alerts]
    assert len(printed) > 300
    assert printed == ours


def test_life_of_the_job() -> None:
    states = [i.body for i in relayed(JOB) if isinstance(i, Message) and isinstance(i.body, m.Status)]
    # "Ending" comes when the last data are read, before the integrations that are still in the buffer.
    assert [s.state for s in states if s.state != "Running"] == ["Starting", "Ending", "Done"]
    assert (states[0].state, states[-1].state) == ("Starting", "Done")
    running = [s for s in states if s.state == "Running"]
    assert [len(s.weights) for s in running] == [3] * 20
    times = [s.visibility_mjd for s in running if s.visibility_mjd is not None]
    assert np.allclose(np.diff(times) * 86400, 1.0, atol=0.02)
    assert states[0].visibility_mjd is None
    assert states[0].message == "Version 2.9"


def test_selected_and_foreign_documents() -> None:
    found = relayed("46_relay_selection")
    unparsed = [item for item in found if isinstance(item, Unparsed)]
    assert {item.text for item in unparsed} == {"garbage not xml"}
    unknown = [i for i in found if isinstance(i, Message) and isinstance(i.body, m.Unknown)]
    assert {i.header.type for i in unknown} == {"NoSuchType"}
    alerts = {i.body for i in found if isinstance(i, Message) and isinstance(i.body, m.Alert)}
    assert alerts == {m.Alert(None, "hello & bye", 3)}


def test_commands_of_the_original_client() -> None:
    sent = [parse(p.payload) for p in packets(stream("27_stop_running_job", "c2s")) if p.id == 3]
    assert all(isinstance(item, Message) and item.flags == ("no wrapper",) for item in sent)
    start, stop = (item.body for item in sent if isinstance(item, Message))
    path = "/srv/difx-soft/jobs/demo1/demo1.input"
    assert isinstance(start, m.Start)
    assert (start.input, start.force, start.function, start.port) == (path, True, "USNO", 12346)
    assert stop == m.Stop(path)


# -- monitor ----------------------------------------------------------------------------------------------

Session = tuple[ProductListReader, list[VisibilityBlock], list[MonitorText]]


def session(chunks: list[bytes]) -> Session:
    """Decode the monitor's stream as it arrives in these chunks."""
    reader, listed, monitor = PacketReader(body_length=body_length), ProductListReader(), MonitorReader()
    blocks: list[VisibilityBlock] = []
    texts: list[MonitorText] = []
    for chunk in chunks:
        reader.receive_data(chunk)
        while (packet := reader.next_packet()) is not None:
            if listed.complete or not listed.add(packet):
                item = monitor.add(packet)
                if isinstance(item, VisibilityBlock):
                    blocks.append(item)
                elif item is not None:
                    texts.append(item)
    reader.receive_eof()
    assert monitor.incomplete == 0
    return listed, blocks, texts


@cache
def whole() -> Session:
    return session([channel(JOB, "s2c", MONITOR_CHANNEL)])


def test_trusting_the_declared_lengths_loses_step() -> None:
    reader = PacketReader()
    reader.receive_data(channel(JOB, "s2c", MONITOR_CHANNEL))
    ids: list[int] = []
    read = (packet.id for packet in iter(reader.next_packet, None) if packet is not None)
    with pytest.raises(ProtocolError):
        ids.extend(read)
    assert 128 in ids
    # The first lag packet declares four bytes too few, and what follows is a piece of a printed number.
    assert ids[ids.index(128) + 1] not in range(100, 144)


def test_product_list() -> None:
    listed, _, texts = whole()
    assert (listed.job_name, listed.obs_code) == ("demo1", "DEMO")
    assert [(s.identifier, s.start_mjd, s.stop_mjd, s.source, s.ra, s.dec) for s in listed.scans] == [
        ("No0001", 58948.2916667, 58948.2917824, "SRCA", 0.261799387799149, -1.396263401595464),
        ("No0002", 58948.2917824, 58948.2918981, "SRCB", 0.305432619099008, -1.378810109075520),
    ]
    first = [p for p in listed.products if p.scan == 0]
    assert [p.number for p in first] == list(range(48))
    crosses = [p for p in first if not p.is_autocorrelation]
    names = [("A1", "A2"), ("A1", "A3"), ("A2", "A3")]
    assert [(p.telescope1, p.telescope2) for p in crosses] == [n for n in names for _ in range(8)]
    assert [p.frequency_hz for p in crosses[:8]] == [2200e6] * 4 + [2204e6] * 4
    # As the original client printed them: every group of four shares one offset.
    assert [p.offset for p in crosses[::8]] == [0, 512, 1024]
    assert [p.polarization_index for p in crosses[:8]] == [0, 1, 2, 3] * 2
    autos = [p for p in first if p.is_autocorrelation]
    assert [(p.number, p.telescope1, p.offset) for p in autos[:2]] == [(24, "A1", 3084), (25, "A1", 3212)]
    assert len(autos) == 24
    assert [t.id for t in texts] == [100, 100, 100, 100, 101]
    assert "timed out" in texts[-1].text


def test_offsets_are_repaired() -> None:
    repaired = corrected_offsets(whole()[0].products)
    crosses = [p.offset for p in repaired if p.scan == 0 and not p.is_autocorrelation]
    assert sorted(crosses) == [128 * i for i in range(24)]
    assert [p for p in repaired if p.is_autocorrelation] == [
        p for p in whole()[0].products if p.is_autocorrelation
    ]
    assert corrected_offsets(repaired) == repaired


def test_product_list_written_again() -> None:
    listed = whole()[0]
    data = channel(JOB, "s2c", MONITOR_CHANNEL)
    begin = data.index(encode_packet(113))
    written = b"".join(encode_product_list(listed.job_name, listed.obs_code, listed.scans, listed.products))
    assert data[begin : begin + len(written)] == written


def test_blocks_as_the_original_client_printed_them() -> None:
    log = text_of(f"{JOB}.client.log")
    _, blocks, _ = whole()
    lags = re.findall(r"LAG prod (\d+) half (\d+) t (\d+) int (\d+) max (\d+) delay 0 snr nan n 256", log)
    assert len(blocks) == 54
    assert [(b.product, b.channels, b.time, b.integration) for b in blocks] == [
        (int(p), int(h), int(t), int(i)) for p, h, t, i, _ in lags
    ]
    for product, first in re.findall(r"AMP prod (\d+) n 128 t 25200 first (\[.*\])", log):
        block = next(b for b in blocks if b.product == int(product) and b.time == 25200)
        assert np.allclose(np.abs(block.visibility[:3]), ast.literal_eval(first), rtol=1e-6)


def test_blocks_name_scan_and_source() -> None:
    _, blocks, _ = whole()
    # 20 s in two scans of 10 s; mpifxcorr skipped two integrations while it was still sending.
    assert Counter((b.scan, b.source) for b in blocks) == {("No0001", "SRCA"): 30, ("No0002", "SRCB"): 24}
    assert {b.scan for b in blocks if b.time < 25210} == {"No0001"}
    assert {b.time for b in blocks} == set(range(25200, 25219)) - {25213}


def test_faulty_lags_of_the_server_are_kept_apart() -> None:
    for block in whole()[1]:
        assert block.server is not None
        assert (block.server.delay_us, block.server.lag_maximum) == (0.0, 0)
        assert np.isnan(block.server.snr)


def test_spectra_and_lags_written_again() -> None:
    for packet in packets(channel(JOB, "s2c", MONITOR_CHANNEL), monitor=True):
        if packet.id in (126, 127, 140, 141):
            assert encode_numbers(decode_spectrum(packet.payload).values) == packet.payload[16:]
        elif packet.id in (128, 142):
            found = decode_lags(packet.payload)
            again = encode_numbers([found.delay_us, -float("nan"), *found.magnitude])
            assert again == packet.payload[20:]
            assert not found.magnitude.any()


def same(left: Session, right: Session) -> bool:
    assert left[0].products == right[0].products
    assert left[0].scans == right[0].scans
    assert left[2] == right[2]
    return [repr(b) for b in left[1]] == [repr(b) for b in right[1]]


def test_stream_in_chunks_as_sent() -> None:
    key = MONITOR_CHANNEL.to_bytes(4, "big")
    chunks = [p.payload[4:] for p in packets(stream(JOB, "s2c")) if p.id == 22 and p.payload[:4] == key]
    assert same(session(chunks), whole())


def test_stream_cut_at_random() -> None:
    data, dice, chunks = channel(JOB, "s2c", MONITOR_CHANNEL), random.Random(7), []
    while data:
        size = dice.choice((1, 2, 3, 13, 100, 5000, 60000))
        chunks.append(data[:size])
        data = data[size:]
    assert same(session(chunks), whole())


def test_stream_byte_by_byte() -> None:
    # The product list and the first integration; the rest has no other form.
    data = channel(JOB, "s2c", MONITOR_CHANNEL)
    end = data.index(encode_packet(129), data.index(encode_packet(129)) + 8) + 8
    listed, blocks, _ = session([data[i : i + 1] for i in range(end)])
    assert listed.products == whole()[0].products
    assert [repr(b) for b in blocks] == [repr(b) for b in whole()[1][:2]]


def test_requests_of_the_original_client() -> None:
    sent = channel(JOB, "c2s", MONITOR_CHANNEL)
    path = "/srv/difx-soft/jobs/demo1/demo1.input"
    wanted = [(0, 0, 128), (8, 512, 128), (16, 1024, 128)]
    requests = [decode_request(p) for p in packets(sent)]
    assert requests[:3] == [InputFilePath(path), FftSize(256), StartProductRequests()]
    assert requests[3:7] == [*(ProductRequest(*w) for w in wanted), EndProductRequests()]
    ours = b"".join(encode_input_path(path) + encode_request(wanted, 256))
    assert sent[: len(ours)] == ours
