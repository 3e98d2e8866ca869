# SPDX-License-Identifier: GPL-3.0-or-later
"""Journals: what was written is read again, and of a damaged file everything but the damage."""

from __future__ import annotations

import contextlib
import dataclasses
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.formats import journal_content as content
from difxnb.formats.journal import (
    HEADER_BYTES,
    MAX_PAYLOAD,
    RECORD_BYTES,
    Kind,
    encode_header,
    encode_record,
    read_journal,
    unpacked,
)
from difxnb.wire.events import Gap, Notice, NoticeSeverity
from difxnb.wire.monitor import Product, Scan, ServerFringe, VisibilityBlock

SALT = 0x1234ABCD
ROWS = [(Kind.DATAGRAM, 1000.0 + k, bytes([k]) * (10 * k)) for k in range(6)]
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)


def whole() -> bytes:
    return encode_header(SALT) + b"".join(encode_record(*row, SALT) for row in ROWS)


def ends() -> list[int]:
    """Where each record ends."""
    found, at = [], HEADER_BYTES
    for _, _, payload in ROWS:
        at += RECORD_BYTES + len(payload)
        found.append(at)
    return found


def read(path: Path, data: bytes) -> tuple[list[tuple[int, float, bytes]], list[tuple[int, int]]]:
    path.write_bytes(data)
    journal = read_journal(path)
    rows = [(record.kind, record.time, record.payload) for record in journal.records()]
    assert len(journal) == len(rows)
    return rows, [(one.begin, one.end) for one in journal.damage]


def test_what_was_written_is_read(tmp_path: Path) -> None:
    assert read(tmp_path / "j", whole()) == (ROWS, [])
    journal = read_journal(tmp_path / "j")
    assert [r.payload for r in journal.records({Kind.NOTICE})] == []
    assert [r.time for r in journal.records({Kind.DATAGRAM}, begin=4)] == [1004.0, 1005.0]
    offsets = [record.offset for record in journal.records()]
    assert offsets == [HEADER_BYTES, *ends()[:-1]]


def test_a_packed_payload_comes_back(tmp_path: Path) -> None:
    row = (Kind.FILE, 5.0, b"the same again and " * 1000)
    record = encode_record(*row, SALT, pack=True)
    assert len(record) < 500
    assert read(tmp_path / "j", encode_header(SALT) + record) == ([row], [])
    short = encode_record(Kind.FILE, 5.0, b"\x00\x01", SALT, pack=True)
    assert read(tmp_path / "j", encode_header(SALT) + short)[0][0][2] == b"\x00\x01"


def test_cut_anywhere_everything_before_it_is_kept(tmp_path: Path) -> None:
    data, stops = whole(), ends()
    for size in range(HEADER_BYTES, len(data) + 1):
        rows, damage = read(tmp_path / "j", data[:size])
        kept = sum(stop <= size for stop in stops)
        assert rows == ROWS[:kept]
        begin = stops[kept - 1] if kept else HEADER_BYTES
        assert damage == ([] if begin == size else [(begin, size)])


@pytest.mark.parametrize("size", [1, 8, 9, HEADER_BYTES - 1])
def test_a_file_that_ends_in_its_header_says_so(tmp_path: Path, size: int) -> None:
    (tmp_path / "j").write_bytes(whole()[:size])
    with pytest.raises(FileFormatError, match=r"cut in its first bytes|no recording"):
        read_journal(tmp_path / "j")


@SHARED
@given(place=st.integers(HEADER_BYTES, len(whole()) - 1), bit=st.integers(0, 7))
def test_one_flipped_bit_costs_one_record(tmp_path: Path, place: int, bit: int) -> None:
    data = bytearray(whole())
    data[place] ^= 1 << bit
    hit = sum(stop <= place for stop in ends())
    rows, damage = read(tmp_path / "j", bytes(data))
    assert rows == ROWS[:hit] + ROWS[hit + 1 :]
    assert damage == [([HEADER_BYTES, *ends()][hit], ends()[hit])]


@SHARED
@given(
    begin=st.integers(HEADER_BYTES, len(whole())),
    length=st.integers(0, 80),
    middle=st.binary(max_size=80),
)
def test_nothing_that_was_not_written_is_read(tmp_path: Path, begin: int, length: int, middle: bytes) -> None:
    data = whole()
    rows, damage = read(tmp_path / "j", data[:begin] + middle + data[begin + length :])
    assert all(row in ROWS for row in rows)
    assert rows[: sum(stop <= begin for stop in ends())] == ROWS[: sum(stop <= begin for stop in ends())]
    assert len(rows) == len(ROWS) or damage


@pytest.mark.parametrize("length", [0, 5, 1000, 2**31, 2**32 - 1])
def test_a_length_that_lies_costs_its_record(tmp_path: Path, length: int) -> None:
    data = bytearray(whole())
    struct.pack_into(">I", data, ends()[1] + 4, length)
    rows, damage = read(tmp_path / "j", bytes(data))
    assert rows == ROWS[:2] + ROWS[3:]
    assert damage == [(ends()[1], ends()[2])]


def test_what_was_recorded_is_no_record(tmp_path: Path) -> None:
    """A journal inside a journal, in a record that is damaged: its records belong to another salt."""
    inner = encode_header(77) + encode_record(Kind.NOTICE, 1.0, b"inner", 77)
    data = bytearray(encode_header(SALT) + encode_record(Kind.FILE, 2.0, inner, SALT))
    data[-1] ^= 255
    rows, damage = read(tmp_path / "j", bytes(data))
    assert rows == []
    assert damage == [(HEADER_BYTES, len(data))]


def test_a_file_of_marks_ends_soon(tmp_path: Path) -> None:
    """The search for the next record does not become a walk over the file from each of its bytes."""
    head = struct.pack(">HBBId", 0xD1FA, 3, 0, 200_000, 1.0) + b"\0\0\0\0"
    rows, damage = read(tmp_path / "j", encode_header(SALT) + head * 40_000)
    assert rows == []
    assert damage == [(HEADER_BYTES, HEADER_BYTES + len(head) * 40_000)]


@pytest.mark.parametrize("time", [float("nan"), float("inf"), 1e18])
def test_a_time_beyond_all_sense_is_damage(tmp_path: Path, time: float) -> None:
    data = encode_header(SALT) + encode_record(Kind.END, time, b"", SALT)
    assert read(tmp_path / "j", data) == ([], [(HEADER_BYTES, len(data))])


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b"something else entirely")
    with pytest.raises(FileFormatError, match="no recording"):
        read_journal(tmp_path / "j")
    later = bytearray(whole())
    struct.pack_into(">H", later, 10, 2)
    (tmp_path / "j").write_bytes(later)
    with pytest.raises(FileFormatError, match="version 2"):
        read_journal(tmp_path / "j")


def test_a_file_that_changes_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(whole())
    journal = read_journal(tmp_path / "j")
    (tmp_path / "j").write_bytes(whole()[: ends()[2]])
    with pytest.raises(FileFormatError, match="changed"):
        list(journal.records())


def test_a_payload_has_a_limit() -> None:
    with pytest.raises(ValueError, match="at most"):
        encode_record(Kind.FILE, 0.0, bytes(MAX_PAYLOAD + 1), SALT)
    bomb = zlib.compress(bytes(MAX_PAYLOAD + 1), 9)
    with pytest.raises(ValueError, match="longer"):
        unpacked(bomb)
    with pytest.raises(ValueError, match="unpacked"):
        unpacked(b"none of this")


# --- what records hold -----------------------------------------------------------------------------------

SCANS = (Scan(0, "No0001", 60000.5, 60000.6, "SRC", 0.1, -0.2), Scan(1))
PRODUCTS = (
    Product(0, 3, 128, 64, 2, "AA", "BB", 8.4e9, 1, 0, 0, 3, False),
    Product(0, 4, 192, 64, None, "AA", "AA", 8.4e9, 0, 0, 0, 0, True),
)


def test_notices_gaps_and_files_come_back() -> None:
    notice = Notice(NoticeSeverity.WARNING, "größer\nas 3")
    assert content.decode_notice(content.encode_notice(notice)) == notice
    for gap in (Gap(1.5, None, "cut"), Gap(1.0, 3.25, "")):
        assert content.decode_gap(content.encode_gap(gap)) == gap
    file = content.File("input", "/data/é 1.input", "a\n\nb\u00e9")
    assert content.decode_file(content.encode_file(file)) == file


def test_halves_of_characters_are_none() -> None:
    """JSON can hold them; no table can be saved with them."""
    assert content.decode_facts(b'{"a": ["\\ud800", "\\uDCFF"], "b\xff": "\\ud83d\\ude00"}') == {
        "a": ["?", "?"],
        "b\ufffd": "\U0001f600",
    }


def test_lists_and_choices_come_back() -> None:
    listed = content.Listed(7, SCANS, PRODUCTS)
    again = content.decode_listed(content.encode_listed(listed))
    assert repr(again) == repr(listed)  # NaN of a scan without times is no equal of itself
    for scans in (None, ("No0001",), ()):
        chosen = content.Chosen(7, (3, 4), 0, scans, ("No0002",))
        assert content.decode_chosen(content.encode_chosen(chosen)) == chosen


@pytest.mark.parametrize("server", [None, ServerFringe(-0.5, float("inf"), 12)])
@pytest.mark.parametrize("integration", [None, 0, 3])
def test_blocks_come_back(server: ServerFringe | None, integration: int | None) -> None:
    rng = np.random.default_rng(1)
    spectrum = (rng.normal(size=32) + 1j * rng.normal(size=32)).astype(np.complex64)
    block = VisibilityBlock(5, 32, 123456, integration, "No0001", "3C84", spectrum, server)
    number, again = content.decode_block(content.encode_block(9, block))
    assert number == content.monitor_of(content.encode_block(9, block)) == 9
    np.testing.assert_array_equal(again.visibility, spectrum)
    assert again.visibility.dtype == np.complex64
    for field in dataclasses.fields(block):
        if field.name != "visibility":
            assert getattr(again, field.name) == getattr(block, field.name)


DECODERS = [
    content.decode_facts,
    content.decode_notice,
    content.decode_gap,
    content.decode_file,
    content.decode_listed,
    content.decode_chosen,
    content.decode_block,
]
SEEDS = [
    content.encode_gap(Gap(1.0, 2.0, "x")),
    content.encode_listed(content.Listed(1, SCANS, PRODUCTS)),
    content.encode_chosen(content.Chosen(1, (1,), 0, ("a",), ())),
    content.encode_file(content.File("im", "p", "t")),
    b"[" * 100_000,
    b'{"begin": ' + b"9" * 5000 + b"}",
]


@given(
    decode=st.sampled_from(DECODERS),
    payload=st.binary(max_size=200)
    | st.tuples(st.sampled_from(SEEDS), st.integers(0, 400), st.integers(0, 20), st.binary(max_size=20)).map(
        lambda cut: cut[0][: cut[1]] + cut[3] + cut[0][cut[1] + cut[2] :]
    ),
)
def test_payloads_are_read_or_refused(decode: object, payload: bytes) -> None:
    with contextlib.suppress(ValueError):
        decode(payload)
