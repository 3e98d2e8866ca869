# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of Mark5 modules: as mk5dir writes them, old and new, whole and damaged."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.formats.module_directory import (
    ModuleDirectory,
    ModuleScan,
    directory_of,
    parse_module_directory,
)

# Made for this test, in the columns that mk5dir writes.
TEXT = """\
NRAO+321 3 B 3631746956 1 2 RT Fast Synth
             0   115679249104 57024 2825 0 6400   448.997344   5032      0  8 3 EX01_AA_NO0001  Threads=0,2
  115679249104    23187365424 57024 3304 3200 6400    89.997344   5032      8  8 3 EX01_AA_NO0002
  138866614528            100 57024 3424 0 6400     0.000000   5032      0  8 -4 Unknown Error='scan is too short'
"""


def test_a_directory():
    directory = parse_module_directory(TEXT, "NRAO+321.dir")
    assert (directory.vsn, directory.bank, directory.signature) == ("NRAO+321", "B", 3631746956)
    assert (directory.version, directory.subversion, directory.mode) == (1, 2, "RT")
    assert (directory.fast, directory.synthetic) == (True, True)
    first, second, third = directory.scans
    assert first.note == "Threads=0,2"
    assert first.format_name == "VDIF"
    assert (second.start, second.length, second.frame_offset) == (115679249104, 23187365424, 8)
    assert second.start_unix == (57024 - 40587) * 86400 + 3304.5
    assert second.start_mjd == pytest.approx(57024 + 3304.5 / 86400, abs=1e-10)
    assert second.stop_mjd - second.start_mjd == pytest.approx(89.997344 / 86400, abs=1e-10)
    assert (third.format_name, third.note) == (None, "Error='scan is too short'")


def test_what_is_written_reads_the_same():
    directory = parse_module_directory(TEXT, "x")
    assert parse_module_directory(directory.text(), "x") == directory


@pytest.mark.parametrize("head", ["NRAO+321 0 A", "NRAO+321 0 A 17", "NRAO+321 0 A 17 1  NORMAL"])
def test_older_heads(head):
    directory = parse_module_directory(head + "\n", "x")
    assert (directory.vsn, directory.scans, directory.mode) == ("NRAO+321", (), "NORMAL")


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("", "", "empty"),
        ("NRAO+321\n", "line 1", "VSN, number of scans, bank"),
        ("NRAO+321 many A\n", "line 1", "VSN, number of scans, bank"),
        ("NRAO+321 2 A 1\n", "", "2 scans are announced, and 0 are there"),
        ("NRAO+321 999999999 A 1\n", "line 1", "at most"),
        ("NRAO+321 1 A 1\n0 1 2 3\n", "line 2", "is no scan"),
        ("NRAO+321 1 A 1\n0 1 2 3 4 5 x 7 8 9 10 name\n", "line 2", "is no scan"),
        ("NRAO+321 1 A 1\n0 1 2 3 4 5 6.0 7 8 9 10\n", "line 2", "is no scan"),
    ],
)
def test_a_damaged_directory_says_where(text, where, problem):
    with pytest.raises(FileFormatError, match=problem) as caught:
        parse_module_directory(text, "x.dir")
    assert caught.value.where == where


@given(st.text(max_size=200))
@settings(max_examples=150)
def test_any_text_is_a_directory_or_a_format_error(text):
    try:
        directory = parse_module_directory(text, "x")
    except FileFormatError:
        return
    assert isinstance(directory, ModuleDirectory)


NAMES = st.text("ABCdef_0123", min_size=1, max_size=20)
SCANS = st.builds(
    ModuleScan,
    name=NAMES,
    start=st.just(0),
    length=st.integers(0, 10**13),
    mjd=st.integers(40000, 99999),
    second=st.integers(0, 86399),
    duration_s=st.integers(0, 10**6).map(lambda number: number / 64),
    frame=st.integers(0, 10**5),
    frames_per_second=st.integers(1, 10**6),
    format=st.integers(-8, 10),
    note=st.sampled_from(["", "Threads=0,1"]),
)


@given(st.lists(SCANS, max_size=5))
@settings(max_examples=60)
def test_any_directory_survives_a_round(scans):
    directory = directory_of("NRAO+321", "A", scans)
    assert parse_module_directory(directory.text(), "x") == directory
    assert [scan.start for scan in directory.scans] == [
        sum(scan.length for scan in scans[:number]) for number in range(len(scans))
    ]
