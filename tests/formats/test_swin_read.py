# SPDX-License-Identifier: GPL-3.0-or-later
"""Spectra by row and column against the plain reader, and what is read for them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from difxnb.errors import FileFormatError
from difxnb.formats.input import read_input
from difxnb.formats.swin import list_files, read_records
from difxnb.formats.swin_read import read_cells
from difxnb.formats.swin_scan import index_swin
from difxnb.formats.swin_table import SwinTable
from tests.formats.made_swin import jobs, record, whole_job

REFERENCE = Path(__file__).parents[1] / "reference"
JOBS = sorted(REFERENCE.glob("*/*/*.input"))
IO = Path("/proc/self/io")


def plain_cells(path: Path, channels: Any, table: SwinTable) -> NDArray[np.complex64]:
    """All spectra, from records one by one; NaN where there is none."""
    most = table.products["channels"].max(initial=0)
    cells = np.full((*table.offsets.shape, most), np.nan, dtype=np.complex64)
    places = {int(offset): place for place, offset in np.ndenumerate(table.offsets)}
    for one in read_records(path, channels):
        if one.offset in places:
            cells[places[one.offset]][: one.spectrum.size] = one.spectrum
    return cells


def all_cells(table: SwinTable) -> NDArray[np.complex64]:
    n_rows, n_columns = table.offsets.shape
    out = np.empty((n_rows, n_columns, table.products["channels"].max(initial=0)), dtype=np.complex64)
    read_cells(table, np.arange(n_rows), np.arange(n_columns), np.arange(n_columns), out)
    return out


@pytest.mark.agreement
@pytest.mark.parametrize("input_file", JOBS, ids=lambda path: path.stem)
def test_every_reference_job(input_file: Path) -> None:
    channels = read_input(input_file).channels
    for file in list_files(input_file.with_suffix(".difx")):
        table = index_swin(file.path, channels)
        np.testing.assert_array_equal(all_cells(table), plain_cells(file.path, channels, table))


@settings(deadline=None, max_examples=50)
@given(jobs(("noise",)), st.data())
def test_any_rows_and_columns_go_to_any_places(
    tmp_path_factory: pytest.TempPathFactory, job: Any, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "cells"
    path.write_bytes(b"".join(job[0]))
    table = index_swin(path, job[1])
    expected = plain_cells(path, job[1], table)
    n_rows, n_columns, most = expected.shape
    if not n_rows:
        return
    rows = np.array(data.draw(st.lists(st.integers(0, n_rows - 1), max_size=6)), dtype=np.int64)
    columns = np.array(data.draw(st.lists(st.integers(0, n_columns - 1), unique=True)), dtype=np.int64)
    n_places = columns.size + data.draw(st.integers(0, 2))
    places = np.array(data.draw(st.permutations(range(n_places))), dtype=np.int64)[: columns.size]
    out = np.zeros((rows.size, n_places, most + data.draw(st.integers(0, 2))), dtype=np.complex64)
    if data.draw(st.booleans()):
        out = np.asfortranarray(out)
    read_cells(table, rows, columns, places, out)
    wanted = np.full(out.shape, np.nan, dtype=np.complex64)
    wanted[:, places, :most] = expected[np.ix_(rows, columns)]
    np.testing.assert_array_equal(out, wanted)


@pytest.mark.parametrize("channels", [(40, 8), (30_000,)], ids=["short", "long"])
def test_files_that_do_not_fit_the_buffer(tmp_path: Path, channels: tuple[int, ...]) -> None:
    path = tmp_path / "swin"
    path.write_bytes(b"".join(whole_job(channels, 8000 // channels[0] + 3, antennas=4, missing=0.05)))
    assert path.stat().st_size > 1.5 * 2**20
    table = index_swin(path, channels.__getitem__)
    expected = plain_cells(path, channels.__getitem__, table)
    np.testing.assert_array_equal(all_cells(table), expected)
    rows = np.arange(table.times_ns.size)[::-1]
    with ThreadPoolExecutor(4) as pool:
        for column, found in enumerate(pool.map(lambda column: one_column(table, rows, column), range(8))):
            np.testing.assert_array_equal(found, expected[::-1, column])


def one_column(table: SwinTable, rows: NDArray[np.int64], column: int) -> NDArray[np.complex64]:
    out = np.empty((rows.size, 1, table.products["channels"].max()), dtype=np.complex64)
    read_cells(table, rows, np.array([column]), np.array([0]), out)
    return out[:, 0]


@pytest.mark.skipif(not IO.exists(), reason="only Linux counts the bytes that a process reads")
def test_only_what_is_wanted_is_read(tmp_path: Path) -> None:
    path = tmp_path / "swin"
    n_times, n_channels = 20, 2000
    path.write_bytes(b"".join(whole_job((n_channels,), n_times, antennas=4)))
    table = index_swin(path)
    record_bytes = 74 + 8 * n_channels
    begin = bytes_read()
    one_column(table, np.arange(n_times), 7)
    assert bytes_read() - begin < 1.1 * n_times * record_bytes
    begin = bytes_read()
    out = np.empty((3, 20, n_channels), dtype=np.complex64)
    read_cells(table, np.array([2, 3, 4]), np.arange(20), np.arange(20), out)
    assert bytes_read() - begin < 1.1 * 60 * record_bytes


def bytes_read() -> int:
    return int(IO.read_text().split()[1])


def test_nothing_at_all(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    assert all_cells(index_swin(tmp_path / "empty")).shape == (0, 0, 0)
    path = tmp_path / "swin"
    path.write_bytes(record(0, 4))
    none = np.zeros(0, dtype=np.int64)
    out = np.zeros((1, 2, 4), dtype=np.complex64)
    read_cells(index_swin(path), np.array([0]), none, none, out)
    assert np.isnan(out).all()


@pytest.mark.parametrize("shape", [(2, 1, 4), (1, 1, 3), (1, 4)])
def test_an_array_that_does_not_fit(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tmp_path / "swin"
    path.write_bytes(record(0, 4))
    zero = np.array([0])
    with pytest.raises(ValueError, match="not fit"):
        read_cells(index_swin(path), zero, zero, zero, np.zeros(shape, dtype=np.complex64))
    with pytest.raises(ValueError, match="complex128"):
        read_cells(index_swin(path), zero, zero, zero, np.zeros((1, 1, 4)) * 1j)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (record(0, 8)[:-8], "byte 130: the file became shorter"),
        (
            b"\1" + record(0, 8)[1:],
            "byte 0: the record of antennas 0 and 1, frequency 0, RR, bin 0 is not here any more",
        ),
        (record(0, 8, freq=1), "not here any more.*open it anew"),
        (record(0, 8, antenna2=2), "not here any more"),
        (record(0, 8, polarization="RL"), "not here any more"),
        (record(0, 8, pulsar_bin=2), "not here any more"),
    ],
)
def test_a_file_that_has_changed(tmp_path: Path, changed: bytes, expected: str) -> None:
    path = tmp_path / "swin"
    path.write_bytes(record(0, 8))
    table = index_swin(path)
    path.write_bytes(changed)
    with pytest.raises(FileFormatError, match=expected):
        all_cells(table)
