# SPDX-License-Identifier: GPL-3.0-or-later
"""SWIN files: header by header against the worked example, record by record against mpifxcorr's output."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.formats import swin
from difxnb.formats.input import read_input

REFERENCE = Path(__file__).parents[1] / "reference"
JOBS = sorted(REFERENCE.glob("*/*/*.input"))
ALPHA = REFERENCE / "mpifxcorr-output/alpha_1/alpha_1.input"
ALPHA_SWIN = ALPHA.with_suffix(".difx") / "DIFX_60310_043200.s0000.b0000"
EXAMPLE = bytes.fromhex(
    "00 ff 00 ff 01 00 00 00 02 01 00 00 96 eb 00 00 00 00 00 00 10 18 e5 40"
    "00 00 00 00 00 00 00 00 01 00 00 00 52 4c 00 00 00 00 00 00 00 00 00 00"
    "e8 3f 00 00 00 00 00 40 8f c0 00 00 00 00 00 40 9f 40 00 00 00 00 00 70"
    "97 c0"
)
EXAMPLE_VALUES: dict[str, Any] = {
    "baseline": 258,
    "mjd": 60310,
    "seconds": 43200.5,
    "config": 0,
    "source": 0,
    "freq": 1,
    "polarization": "RL",
    "pulsar_bin": 0,
    "weight": 0.75,
    "uvw": (-1000.0, 2000.0, -1500.0),
}


def encode_again(record: swin.SwinRecord) -> bytes:
    values = {name: getattr(record, name) for name in EXAMPLE_VALUES}
    return swin.encode_record(spectrum=record.spectrum, **values)


def test_the_worked_example() -> None:
    assert swin.HEADER.itemsize == len(EXAMPLE) == 74
    assert swin.encode_record(spectrum=np.zeros(0), **EXAMPLE_VALUES) == EXAMPLE
    (header,) = np.frombuffer(EXAMPLE, dtype=swin.HEADER)
    assert (header["sync"], header["version"]) == (swin.SYNC, swin.VERSION)
    for name, value in EXAMPLE_VALUES.items():
        found = header[name].tolist()
        assert found == (
            value.encode() if name == "polarization" else list(value) if name == "uvw" else value
        )


def test_a_record_with_its_spectrum(tmp_path: Path) -> None:
    spectrum = np.arange(32) * (1 + 2j)
    content = swin.encode_record(spectrum=spectrum, **EXAMPLE_VALUES)
    assert len(content) == 330
    path = tmp_path / "swin"
    path.write_bytes(content)
    (record,) = swin.read_records(path, {1: 32})
    assert (record.antenna1, record.antenna2, record.offset) == (0, 1, 0)
    assert record.uvw == (-1000.0, 2000.0, -1500.0)
    np.testing.assert_array_equal(record.spectrum, spectrum.astype(np.complex64))


def test_a_polarisation_has_two_letters() -> None:
    with pytest.raises(ValueError, match="two letters"):
        swin.encode_record(spectrum=np.zeros(1), **(EXAMPLE_VALUES | {"polarization": "R"}))


@pytest.mark.agreement
@pytest.mark.parametrize("path", JOBS, ids=lambda path: path.stem)
@pytest.mark.parametrize("with_input", [True, False])
def test_every_record_gives_its_bytes_again(path: Path, with_input: bool) -> None:
    channels = read_input(path).channels if with_input else None
    files = swin.list_files(path.with_suffix(".difx"))
    assert files
    for file in files:
        content = b"".join(encode_again(record) for record in swin.read_records(file.path, channels))
        assert content == file.path.read_bytes()


def test_alpha_has_the_expected_records() -> None:
    records = list(swin.read_records(ALPHA_SWIN, {0: 32, 1: 32}))
    assert len(records) == 384
    assert [record.offset for record in records] == list(range(0, 126_720, 330))
    assert {record.baseline for record in records} == {257, 258, 259, 514, 515, 771}
    assert records[0].seconds == 43200.256


def test_all_at_once() -> None:
    table = swin.read_uniform(ALPHA_SWIN, 32)
    records = list(swin.read_records(ALPHA_SWIN))
    assert table.shape == (384,)
    assert table["weight"].tolist() == [record.weight for record in records]
    np.testing.assert_array_equal(table["spectrum"], [record.spectrum for record in records])


def test_names() -> None:
    assert swin.file_name(60310, 43200.75) == "DIFX_60310_043200.s0000.b0000"
    assert swin.file_name(60310, 5, 12, 3) == "DIFX_60310_000005.s0012.b0003"
    assert swin.baseline_number(0, 1) == 258


def test_a_folder_lists_its_files_in_order(tmp_path: Path) -> None:
    names = ["DIFX_60310_043200.s0000.b0001", "DIFX_60310_000007.s0001.b0000", "PCAL_60310_043200_BB"]
    for name in names:
        (tmp_path / name).touch()
    files = swin.list_files(tmp_path)
    assert [(file.start_seconds, file.phase_center, file.pulsar_bin) for file in files] == [
        (7, 1, 0),
        (43200, 0, 1),
    ]


def test_an_empty_file_has_no_records(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    assert list(swin.read_records(path, {})) == []
    assert swin.read_uniform(path, 32).shape == (0,)


@pytest.mark.parametrize("kept", [1, 7, 40, 74, 75, 329])
def test_an_unfinished_record(kept: int, tmp_path: Path) -> None:
    path = tmp_path / "swin"
    path.write_bytes(ALPHA_SWIN.read_bytes()[: 2 * 330 + kept])
    walk = swin.read_records(path, {0: 32, 1: 32})
    assert [next(walk).offset, next(walk).offset] == [0, 330]
    with pytest.raises(FileFormatError, match=f"swin, byte 660: the last record ends after {kept} bytes"):
        next(walk)
    with pytest.raises(FileFormatError, match="byte 660"):
        swin.read_uniform(path, 32)
    assert len(list(swin.read_records(path, {0: 32, 1: 32}, growing=True))) == 2
    assert swin.read_uniform(path, 32, growing=True).shape == (2,)


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"\x01\xff\x00\xff", "expected the sync word 00ff00ff, found 01ff00ff"),
        (struct.pack("<Ii", swin.SYNC, 2), "header version 2"),
        (struct.pack(">Ii", swin.SYNC, 1), "other byte order"),
        (b"BASELINE", "ASCII headers"),
    ],
)
def test_damage_is_named_with_its_byte(start: bytes, expected: str, tmp_path: Path) -> None:
    content = bytearray(ALPHA_SWIN.read_bytes())
    content[660 : 660 + len(start)] = start
    path = tmp_path / "swin"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=f"byte 660: .*{expected}"):
        list(swin.read_records(path, {0: 32, 1: 32}))
    with pytest.raises(FileFormatError, match=f"byte 660: .*{expected}"):
        swin.read_uniform(path, 32)


def test_a_wrong_number_of_channels_is_noticed() -> None:
    with pytest.raises(FileFormatError, match="byte 322: expected the sync word"):
        list(swin.read_records(ALPHA_SWIN, {0: 31, 1: 31}))


@pytest.mark.parametrize("channels", [{0: 32}, [32], {0: 32, 1: 0}])
def test_an_unknown_frequency_is_named(channels: Any) -> None:
    lookup = channels.__getitem__ if isinstance(channels, list) else channels
    with pytest.raises(FileFormatError, match="frequency 1"):
        list(swin.read_records(ALPHA_SWIN, lookup))


@settings(deadline=None)
@given(cut=st.integers(0, 3300), position=st.integers(0, 3299), byte=st.integers(0, 255), known=st.booleans())
def test_any_damage_gives_records_or_a_format_error(
    cut: int, position: int, byte: int, known: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(ALPHA_SWIN.read_bytes()[:3300])
    content[position] = byte
    path = tmp_path_factory.getbasetemp() / "damaged"
    path.write_bytes(content[:cut])
    try:
        records = list(swin.read_records(path, {0: 32, 1: 32} if known else None))
    except FileFormatError:
        assert cut < len(content) or byte != ALPHA_SWIN.read_bytes()[position]
    else:
        assert b"".join(encode_again(record) for record in records) == bytes(content[:cut])
