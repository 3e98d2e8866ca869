# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables of SWIN files against the plain reader: mpifxcorr's own files, made ones of every shape, damaged ones."""

from __future__ import annotations

import os
import struct
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from difxnb.errors import FileFormatError
from difxnb.formats.input import read_input
from difxnb.formats.swin import list_files, read_records
from difxnb.formats.swin_scan import extend, index_swin
from difxnb.formats.swin_table import Skipped
from tests.formats.made_swin import START, assert_equal, jobs, plain_table, record, whole_job

REFERENCE = Path(__file__).parents[1] / "reference"
JOBS = sorted(REFERENCE.glob("*/*/*.input"))
ALPHA = REFERENCE / "mpifxcorr-output/alpha_1/alpha_1.difx/DIFX_60310_043200.s0000.b0000"
LENGTH = 330
CHANNELS = {0: 32, 1: 32}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "swin"


def made(factory: pytest.TempPathFactory, content: bytes) -> Path:
    """A file for one example of a property."""
    path = factory.getbasetemp() / "example"
    path.write_bytes(content)
    return path


@pytest.mark.agreement
@pytest.mark.parametrize("input_file", JOBS, ids=lambda path: path.stem)
@pytest.mark.parametrize("with_input", [True, False])
def test_every_reference_job(input_file: Path, with_input: bool) -> None:
    channels = read_input(input_file).channels if with_input else None
    files = list_files(input_file.with_suffix(".difx"))
    assert files
    for file in files:
        assert_equal(index_swin(file.path, channels), plain_table(file.path, channels))


@settings(deadline=None, max_examples=60)
@given(jobs())
def test_any_job_with_its_channels(tmp_path_factory: pytest.TempPathFactory, job: Any) -> None:
    path = made(tmp_path_factory, b"".join(job[0]))
    assert_equal(index_swin(path, job[1]), plain_table(path, job[1]))


@settings(deadline=None, max_examples=40)
@given(jobs())
def test_any_job_without_its_channels(tmp_path_factory: pytest.TempPathFactory, job: Any) -> None:
    """Not even spectra that are full of sync words lead astray."""
    path = made(tmp_path_factory, b"".join(job[0]))
    assert_equal(index_swin(path), plain_table(path, job[1]))


@settings(deadline=None, max_examples=60)
@given(jobs(), st.lists(st.integers(0, 10**6), max_size=4), st.booleans())
def test_a_file_that_grows(
    tmp_path_factory: pytest.TempPathFactory, job: Any, cuts: list[int], known: bool
) -> None:
    content, channels = b"".join(job[0]), job[1] if known else None
    sizes = sorted(cut % (len(content) + 1) for cut in cuts)
    path = made(tmp_path_factory, b"")
    table = index_swin(path, channels, growing=True)
    for size in sizes:
        path.write_bytes(content[:size])
        table = extend(table, channels, growing=True)
        assert_equal(table, index_swin(path, channels, growing=True))
        assert table.end + table.unfinished == size
    path.write_bytes(content)
    assert_equal(extend(table, channels, growing=False), plain_table(path, job[1]))


@pytest.mark.parametrize(
    ("channels", "times", "missing"),
    [
        ((64,), 200, 0.0),
        ((80, 16, 128, 16), 80, 0.0),
        ((80, 16, 128, 16), 90, 0.01),
        ((80, 16, 128, 16), 110, 0.3),
        ((9000,), 8, 0.1),
        ((9000, 20_000), 5, 0.0),
    ],
    ids=["equal", "repeating", "gaps", "irregular", "large", "large and unequal"],
)
def test_files_of_many_blocks(path: Path, channels: tuple[int, ...], times: int, missing: float) -> None:
    pols = ("RR", "LL", "RL", "LR")
    path.write_bytes(b"".join(whole_job(channels, times, antennas=4, pols=pols, missing=missing)))
    if len(channels) * times > 200:
        assert path.stat().st_size > 2**22
    expected = plain_table(path, channels.__getitem__)
    for growing in (False, True):  # mapped, and read
        assert_equal(index_swin(path, channels.__getitem__, growing=growing), expected)
    assert_equal(index_swin(path), expected)


@pytest.mark.parametrize("missing", [0.0, 0.02])
@pytest.mark.parametrize("growing", [False, True])
def test_records_within_spectra_are_none(path: Path, missing: float, growing: bool) -> None:
    """Headers as they can be, each with the next where its record ends, and that in every spectrum."""
    counts = (4, 90, 60)
    jobs = whole_job(counts, 25, missing=missing, kind="records", pols=("RR", "LL", "RL"))
    path.write_bytes(b"".join(jobs))
    expected = plain_table(path, counts.__getitem__)
    assert path.read_bytes().count(START) > 3 * len(jobs)
    assert_equal(index_swin(path, counts.__getitem__, growing=growing), expected)
    with path.open("ab") as file:
        file.write(b"".join(jobs))
    both = index_swin(path, counts.__getitem__, growing=growing)
    assert both.duplicates == len(jobs)


@pytest.mark.parametrize(("left", "growing"), [(34_000_000, False), (2_500_000, True)])
def test_a_file_that_is_cut_while_it_is_indexed(path: Path, left: int, growing: bool) -> None:
    one = record(0, 3000)
    path.write_bytes(one * 1500)

    def channels(freq: int) -> int:
        os.truncate(path, left)
        return 3000

    with pytest.raises(FileFormatError, match="became shorter while it was read"):
        index_swin(path, channels, growing=growing)


def test_bands_change_in_the_middle_of_a_file(path: Path) -> None:
    """Fifty integrations of one kind, fifty of another, and one of the first again."""
    first, second = whole_job((16, 16), 50), whole_job((16, 16, 4), 100)[50 * 36 :]
    path.write_bytes(b"".join((*first, *second, *first[:24])))
    channels = {0: 16, 1: 16, 2: 4}
    table = index_swin(path, channels)
    assert_equal(table, plain_table(path, channels))
    assert table.duplicates == 24


def test_seconds_go_on_over_midnight(path: Path) -> None:
    path.write_bytes(record(0, 4, mjd=60475, seconds=86400.04))
    (time,) = index_swin(path).times_ns.astype("datetime64[ns]")
    assert str(time) == "2024-06-15T00:00:00.040000000"


def test_of_a_repeated_record_the_last_is_kept(path: Path) -> None:
    path.write_bytes(record(1, 4) + record(2, 4) + record(3, 4, time=1))
    table = index_swin(path)
    assert (table.duplicates, table.offsets.tolist()) == (1, [[106], [212]])
    assert table.weights.tolist() == [[2 / 16], [3 / 16]]


def test_an_empty_file(path: Path) -> None:
    path.touch()
    for growing in (False, True):
        table = index_swin(path, {}, growing=growing)
        assert_equal(table, plain_table(path))
        assert_equal(extend(table, {}, growing=growing), table)


# --- the end of a file --------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [1, 7, 40, 73, 74, 75, 329])
@pytest.mark.parametrize("known", [True, False])
def test_an_unfinished_record(path: Path, kept: int, known: bool) -> None:
    path.write_bytes(ALPHA.read_bytes()[: 2 * LENGTH + kept])
    channels = CHANNELS if known else None
    with pytest.raises(
        FileFormatError, match=rf"byte 660: .* ends after {kept} .*growing=True.*on_error"
    ) as caught:
        index_swin(path, channels)
    assert caught.value.where == "byte 660"
    growing = index_swin(path, channels, growing=True)
    assert (growing.end, growing.unfinished, growing.skipped) == (660, kept, ())
    assert growing.offsets.tolist() == [[0, 330]]
    (skipped,) = index_swin(path, channels, on_error="skip").skipped
    assert skipped[:2] == (660, kept)


def test_a_growing_file_was_cut(path: Path) -> None:
    content = ALPHA.read_bytes()
    path.write_bytes(content)
    table = index_swin(path, CHANNELS)
    path.write_bytes(content[:-1])
    with pytest.raises(FileFormatError, match=r"byte 126719: the file ends here.*126720"):
        extend(table, CHANNELS)


# --- damage -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "content", "expected"),
    [
        (0, b"\x01", "expected the sync word 00ff00ff, found 01ff00ff"),
        (4, b"\x02", "header version 2"),
        (0, struct.pack(">Ii", 0xFF00FF00, 1), "other byte order"),
        (0, b"BASELINE", "ASCII headers"),
        (8, struct.pack("<i", -2), "baseline is -2"),
        (8, struct.pack("<i", 256), "baseline is 256"),
        (8, struct.pack("<i", 512), "second antenna of baseline is 0"),
        (8, struct.pack("<i", 2**16 + 258), "baseline is 65794"),
        (12, struct.pack("<i", -1), r"day \(MJD\) is -1"),
        (12, struct.pack("<i", 10**6), r"day \(MJD\) is 1000000"),
        (16, struct.pack("<d", np.nan), "seconds is nan"),
        (16, struct.pack("<d", np.inf), "seconds is inf"),
        (16, struct.pack("<d", -1), "seconds is -1"),
        (24, struct.pack("<i", -1), "configuration is -1"),
        (28, struct.pack("<i", -1), "source is -1"),
        (32, struct.pack("<i", -1), "frequency is -1"),
        (32, struct.pack("<i", 2**16), "frequency is 65536"),
        (
            32,
            struct.pack("<i", 7),
            "frequency 7, which the job does not have; the next record comes after 32",
        ),
        (36, b"\0R", "polarization is"),
        (38, struct.pack("<i", -1), "pulsar bin is -1"),
        (38, struct.pack("<i", 2**16), "pulsar bin is 65536"),
        (42, struct.pack("<d", np.nan), "weight is nan"),
        (42, struct.pack("<d", -0.5), "weight is -0.5"),
    ],
)
@pytest.mark.parametrize("damaged", [1, 5, 383])
def test_damage_is_named_and_passed_over(
    path: Path, place: int, content: bytes, expected: str, damaged: int
) -> None:
    whole = bytearray(ALPHA.read_bytes())
    begin = damaged * LENGTH
    whole[begin + place : begin + place + len(content)] = content
    path.write_bytes(whole)
    if damaged == 383:
        expected = expected.partition("; the next")[0]
    with pytest.raises(FileFormatError, match=rf'byte {begin}: .*{expected}.*on_error="skip"'):
        index_swin(path, CHANNELS)
    table = index_swin(path, CHANNELS, on_error="skip")
    assert [skipped[:2] for skipped in table.skipped] == [(begin, LENGTH)]
    kept = [one for one in read_records(ALPHA, CHANNELS) if one.offset != begin]
    assert sorted(table.offsets[table.offsets >= 0].tolist()) == [one.offset for one in kept]
    assert (table.skipped_places, table.skipped_bytes) == (1, LENGTH)
    at_end = {"skipped": table.skipped, "skipped_places": 1, "skipped_bytes": LENGTH, "path": path}
    if damaged == 383:
        at_end |= {"unfinished": LENGTH}
    assert_equal(table, plain_table(ALPHA, records=kept), but=at_end)


@pytest.mark.parametrize(
    "start", [struct.pack(">Ii", 0xFF00FF00, 1), b"BASELINE", struct.pack("<Ii", 0xFF00FF00, 2)]
)
@pytest.mark.parametrize("on_error", ["raise", "skip"])
def test_files_of_another_kind_are_refused(path: Path, start: bytes, on_error: Any) -> None:
    path.write_bytes(ALPHA.read_bytes().replace(START, start))
    with pytest.raises(
        FileFormatError, match=r"byte 0: (written in the other|ASCII headers|header version 2)"
    ):
        index_swin(path, CHANNELS, on_error=on_error)


@pytest.mark.parametrize("channels", [{0: 31, 1: 31}, {0: 33, 1: 32}, {0: 64, 1: 64}])
def test_a_wrong_input_is_suspected(channels: dict[int, int]) -> None:
    expected = rf"frequency 0 and should have {channels[0]} channels, but the next record comes after 32; is the .inp"
    with pytest.raises(FileFormatError, match=expected):
        index_swin(ALPHA, channels)


@pytest.mark.parametrize("channels", [{0: 32, 1: 0}, {0: 32, 1: -3}, {0: 32, 1: 2**40}])
def test_impossible_numbers_of_channels(channels: dict[int, int]) -> None:
    with pytest.raises(
        FileFormatError, match=rf"frequency 1 has {channels[1]} channels; the next .* after 32"
    ):
        index_swin(ALPHA, channels)


def test_with_a_wrong_input_next_to_nothing_is_left() -> None:
    table = index_swin(ALPHA, {0: 31, 1: 31}, on_error="skip")
    assert table.offsets.size == 1
    (skipped,) = table.skipped
    assert skipped[:2] == (322, ALPHA.stat().st_size - 322)
    assert "should have 31 channels, but the next record comes after 32" in skipped.reason


def test_a_record_that_was_cut_within_the_file(path: Path) -> None:
    """A full disk: half a record, and later whole ones again. The half one is lost, no other."""
    content = ALPHA.read_bytes()
    path.write_bytes(content[: 9 * LENGTH + 200] + content[10 * LENGTH : 20 * LENGTH])
    table = index_swin(path, CHANNELS, on_error="skip")
    assert [skipped[:2] for skipped in table.skipped] == [(9 * LENGTH, 200)]
    kept = sorted(table.offsets[table.offsets >= 0].tolist())
    assert kept == [*range(0, 9 * LENGTH, LENGTH), *range(9 * LENGTH + 200, 19 * LENGTH + 200, LENGTH)]
    with pytest.raises(FileFormatError, match="byte 3300: expected the sync word"):
        index_swin(path, CHANNELS)


@settings(deadline=None, max_examples=60)
@given(jobs(), st.integers(0, 10**6), st.binary(max_size=100), st.integers(0, 100), st.booleans())
def test_around_any_damage_the_rest_is_kept(
    tmp_path_factory: pytest.TempPathFactory, job: Any, place: int, put: bytes, gone: int, known: bool
) -> None:
    """Bytes are replaced, put in or missing somewhere: records before and well behind are kept."""
    content = b"".join(job[0])
    place %= len(content) + 1
    path = made(tmp_path_factory, content[:place] + put + content[place + gone :])
    if not known:  # what could be learned of lengths may be wrong then; it must only come to an end
        with suppress(FileFormatError):
            index_swin(path, on_error="skip")
    table = index_swin(path, job[1], on_error="skip")
    kept = set(table.offsets[table.offsets >= 0].tolist())
    begins = np.cumsum([0, *map(len, job[0])]).tolist()
    before = [begin for begin, end in pairwise(begins) if end <= place]
    assert kept.issuperset(before[:-1])
    if len(put) != gone:
        behind = [begin + len(put) - gone for begin in begins[:-1] if begin >= place + gone]
        assert kept.issuperset(behind[3:])
    assert table.skipped_bytes <= path.stat().st_size


def test_very_many_damaged_places_are_counted(path: Path) -> None:
    good, bad = record(0, 2), bytearray(record(1, 2))
    bad[0] = 1
    path.write_bytes(b"".join(record(number, 2, time=number) + bad for number in range(1500)) + good)
    table = index_swin(path, {0: 2}, on_error="skip")
    assert (len(table.skipped), table.skipped_places) == (1000, 1500)
    assert table.skipped_bytes == 1500 * len(bad)
    assert isinstance(table.skipped[0], Skipped)


def test_growth_behind_damage(path: Path) -> None:
    """What was passed over at the end of a file is looked at again when there is more."""
    content = bytearray(ALPHA.read_bytes()[: 40 * LENGTH])
    content[9 * LENGTH] = content[29 * LENGTH] = 7
    expected = None
    table = index_swin(path_of(path, b""), CHANNELS, on_error="skip", growing=True)
    for size in range(0, len(content) + 1, 550):
        path_of(path, content[:size])
        table = extend(table, CHANNELS, on_error="skip", growing=True)
        expected = index_swin(path, CHANNELS, on_error="skip", growing=True)
        assert_equal(table, expected)
    assert expected is not None
    assert [skipped[:2] for skipped in expected.skipped] == [(9 * LENGTH, LENGTH), (29 * LENGTH, LENGTH)]


def path_of(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_table_that_would_be_far_larger_than_its_file(path: Path) -> None:
    path.write_bytes(b"".join(record(0, 1, time=n, freq=n) for n in range(3300)))
    with pytest.raises(FileFormatError, match="3300 records are of 3300 times and 3300 products"):
        index_swin(path, lambda freq: 1)


def test_what_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path):
        with pytest.raises(FileFormatError, match="no file that visibilities"):
            index_swin(path)
    with pytest.raises(FileNotFoundError):
        index_swin(tmp_path / "none")


def test_on_error_is_one_of_two(path: Path) -> None:
    path.touch()
    with pytest.raises(ValueError, match=r'"raise" or "skip", not \'ignore\''):
        index_swin(path, on_error="ignore")  # type: ignore[arg-type]


def test_a_sync_word_in_a_spectrum_does_not_hide_damage(path: Path) -> None:
    content = bytearray(b"".join(record(n, 9, "starts", time=n) for n in range(6)))
    content[146 * 2] = 9
    path.write_bytes(content)
    assert START * 9 in content
    table = index_swin(path, {0: 9}, on_error="skip")
    assert [skipped[:2] for skipped in table.skipped] == [(292, 146)]
    assert table.offsets[:, 0].tolist() == [0, 146, 438, 584, 730]
